//! What the service does where Adobe's documents are silent, and what follows: how a lost answer
//! would be settled, and which settings put a guess right.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Area, Finding, ListShape, Settling, Trouble};
use crate::amounts::{duration, number};
use crate::api::{TimestampForm, TimestampUnit, Timestamps};
use crate::untrusted::plain;

const AREA: Area = Area::Behaviour;
/// Adobe's pages say that a run shows up two to three minutes after it was asked for.
const SHORT_DELAY: Duration = Duration::from_secs(180);
/// How many words or names are told.
const NAMED: usize = 5;

/// What lists showed, and the settings that go with it.
#[derive(Debug)]
pub(crate) struct BehaviourFacts<'a> {
    pub shape: &'a ListShape,
    /// Headers about a limit of requests.
    pub limits: &'a BTreeMap<String, String>,
    pub per_flow: usize,
    pub settle_delay: Duration,
    pub timestamps: Timestamps,
    /// Whether it is the emulator, which lists at once.
    pub is_emulator: bool,
}

/// What was learnt, and how a lost answer would be settled.
pub(crate) fn check_behaviour(facts: &BehaviourFacts<'_>) -> (Vec<Finding>, Settling) {
    let shape = facts.shape;
    let settling = settling(facts);
    let mut findings = Vec::new();
    if shape.runs == 0 {
        let message = match shape.lists {
            0 => "not looked at: no list could be read".to_owned(),
            lists => format!(
                "{}, and no run in any: nothing to learn from",
                number(lists, "list")
            ),
        };
        let finding = Finding::notice(AREA, "lists", "lists", message);
        findings.push(if shape.lists == 0 {
            finding
        } else {
            finding.advise("after `backfill apply --limit 1`, ask again before the rest is sent")
        });
    } else {
        findings.push(check_filter(shape));
        findings.extend(check_pages(shape));
        findings.push(check_windows(facts));
        findings.extend(check_form(facts));
        findings.push(check_clients(facts));
        findings.extend(check_words(shape));
    }
    findings.extend(check_settling(facts, settling));
    findings.extend(check_delay(facts));
    findings.extend(check_limits(facts.limits));
    (findings, settling)
}

/// How it would be found out whether a run exists whose answer was lost.
fn settling(facts: &BehaviourFacts<'_>) -> Settling {
    let shape = facts.shape;
    let own = shape.runs - shape.foreign;
    if own == 0 {
        Settling::Unknown
    } else if shape.silent == 0 && shape.invalid == 0 {
        Settling::ByWindow
    } else if shape.shown_alone > 0 {
        Settling::ByWindowOfEach
    } else if shape.params + shape.copy_windows > 0 {
        // Those that are silent may be too young to have begun.
        Settling::ByWindow
    } else if shape.without_creation == 0 && shape.ours > 0 && facts.per_flow == 1 {
        Settling::ByOrder
    } else {
        Settling::ByPerson
    }
}

fn check_filter(shape: &ListShape) -> Finding {
    let runs = number(shape.runs, "run");
    let lists = number(shape.lists, "list");
    if shape.foreign > 0 {
        let message = format!(
            "lists are not filtered by flow: {} of {runs} in {lists} are of other flows",
            shape.foreign
        );
        return Finding::notice(AREA, "filter", "lists", message).advise(
            "what is of another flow is left out here, so nothing goes wrong; every list is as \
             long as the sandbox has runs, and takes as many requests",
        );
    }
    if shape.unreadable > 0 {
        let message = format!(
            "{} in {lists} cannot be read as runs",
            number(shape.unreadable, "entry")
        );
        return Finding::fault(Trouble::WouldNotWork, AREA, "filter", "lists", message)
            .advise("a list is whole or it is no evidence: please report what they look like");
    }
    let unsure = match shape.without_flow {
        0 => "",
        _ => "; some runs do not say their flow",
    };
    let message = format!("filtered by flow: {runs} in {lists}{unsure}");
    Finding::fine(AREA, "filter", "lists", message)
}

fn check_pages(shape: &ListShape) -> Option<Finding> {
    (shape.paged > 0).then(|| {
        let lists = number(shape.paged, "list");
        if shape.pages_read == shape.paged {
            let message = format!("{lists} with a second page, which brought other runs");
            return Finding::fine(AREA, "pages", "pages", message);
        }
        let message = format!("the second page of {lists} brought no other run");
        Finding::notice(AREA, "pages", "pages", message)
            .advise("a list that repeats itself is no evidence: runs of it would stay in doubt")
    })
}

fn check_windows(facts: &BehaviourFacts<'_>) -> Finding {
    let shape = facts.shape;
    let own = shape.runs - shape.foreign;
    let parts: Vec<String> = [
        (shape.params, "in params"),
        (shape.copy_windows, "on the copy activity"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, place)| format!("{count} of {own} {place}"))
    .collect();
    if shape.invalid > 0 {
        let message = format!("{} show an invalid window", number(shape.invalid, "run"));
        return Finding::notice(AREA, "windows", "windows", message)
            .advise("what such a run stands for is left to a person");
    }
    if shape.silent == 0 {
        let message = format!("shown: {}", parts.join(", "));
        return Finding::fine(AREA, "windows", "windows", message);
    }
    if shape.shown_alone > 0 {
        let message = format!(
            "{} of {own} runs show none in lists, but by themselves",
            shape.silent
        );
        return Finding::notice(AREA, "windows", "windows", message)
            .advise("each is read by its id where it may matter, up to 50 for a flow");
    }
    if parts.is_empty() {
        let message = format!(
            "not shown: none of {} shows params or a copy window",
            number(own, "run")
        );
        return Finding::notice(AREA, "windows", "windows", message).advise(
            if facts.per_flow > 1 {
                "set limits.perFlow to 1: then the order of our own runs tells which is which"
            } else {
                "keep limits.perFlow at 1: then the order of our own runs tells which is which"
            },
        );
    }
    let message = format!("shown: {}; {} show none", parts.join(", "), shape.silent);
    Finding::notice(AREA, "windows", "windows", message)
        .advise("a run may show its window only once it has begun: settling waits for that")
}

fn check_form(facts: &BehaviourFacts<'_>) -> Option<Finding> {
    let shape = facts.shape;
    if shape.params == 0 {
        return None;
    }
    let kind = match shape.texts {
        0 => "integers",
        texts if texts == shape.params => "strings",
        _ => "strings and integers",
    };
    let sends_milliseconds = facts.timestamps.unit == TimestampUnit::Milliseconds;
    if shape.milliseconds > 0 && !sends_milliseconds {
        let message =
            format!("times in params are in milliseconds, as {kind}; requests say seconds");
        return Some(Finding::notice(AREA, "times", "times", message).advise(
            "they are read as what they are. If a first run finds no record, set `wire: { unit: \
             milliseconds }` in backfill.yaml",
        ));
    }
    let unit = match shape.milliseconds {
        0 => "seconds",
        _ => "milliseconds",
    };
    let message = format!("times in params are in {unit}, as {kind}");
    let form = facts.timestamps.form;
    let differs = match form {
        TimestampForm::Text => shape.texts == 0,
        TimestampForm::Integer => shape.texts == shape.params,
    };
    let finding = Finding::fine(AREA, "times", "times", message);
    Some(if differs {
        let other = match form {
            TimestampForm::Text => "integer",
            TimestampForm::Integer => "string",
        };
        finding.advise(format!(
            "they are read either way. If a first run is refused with 400, say `wire: {{ \
             timestamps: {other} }}`"
        ))
    } else {
        finding
    })
}

fn check_clients(facts: &BehaviourFacts<'_>) -> Finding {
    let shape = facts.shape;
    let own = shape.runs - shape.foreign;
    if !shape.recorded_clients.is_empty() {
        let named: Vec<String> = shape.recorded_clients.iter().take(NAMED).cloned().collect();
        let message = format!(
            "runs that this state has sent name `{}` as createdClient, not the API key",
            plain(&named.join("`, `"), 200)
        );
        return Finding::notice(AREA, "clients", "whose runs", message).advise(
            "runs are then told by their windows alone; one that shows none is left to a person",
        );
    }
    if shape.without_client == own {
        let message = "runs name no createdClient: ours cannot be told from those of others";
        return Finding::notice(AREA, "clients", "whose runs", message)
            .advise("a run that shows no window is then left to a person");
    }
    if shape.ours == 0 {
        let message = format!("none of {} is by this API key", number(own, "run"));
        return Finding::fine(AREA, "clients", "whose runs", message);
    }
    let message = format!(
        "createdClient is this API key for {} of {own}{}",
        number(shape.ours, "run"),
        match shape.recorded {
            0 => "",
            _ => ", those of this state among them",
        }
    );
    Finding::fine(AREA, "clients", "whose runs", message)
}

fn check_words(shape: &ListShape) -> Option<Finding> {
    let words: Vec<&str> = shape
        .unknown_statuses
        .iter()
        .take(NAMED)
        .map(String::as_str)
        .collect();
    (!words.is_empty()).then(|| {
        let message = format!(
            "not known, so taken as not finished: {}",
            plain(&words.join(", "), 200)
        );
        Finding::notice(AREA, "statuses", "statuses", message).advise(
            "look up in AEP how these runs ended, and set `wire: { statuses: { WORD: failed } }`",
        )
    })
}

/// Before there is a run, that there is none is told already.
fn check_settling(facts: &BehaviourFacts<'_>, settling: Settling) -> Option<Finding> {
    let message = format!(
        "settled {}, {} after the request",
        settling.describe(),
        duration(facts.settle_delay)
    );
    match settling {
        Settling::Unknown => None,
        Settling::ByWindow | Settling::ByWindowOfEach | Settling::ByOrder => {
            Some(Finding::fine(AREA, "settling", "lost answers", message))
        }
        Settling::ByPerson => {
            let finding = Finding::notice(AREA, "settling", "lost answers", message);
            Some(finding.advise(if facts.per_flow > 1 {
                "set limits.perFlow to 1: then the order of our own runs may tell"
            } else {
                "send few at a time (`--limit 10`), and look before the next"
            }))
        }
    }
}

fn check_delay(facts: &BehaviourFacts<'_>) -> Option<Finding> {
    let is_short = facts.settle_delay < SHORT_DELAY && !facts.is_emulator;
    is_short.then(|| {
        let message = format!("settleDelay is {}", duration(facts.settle_delay));
        Finding::notice(AREA, "settleDelay", "settle delay", message).advise(
            "Adobe says that a run shows up after 2 to 3 minutes: with less than 5 minutes, one \
             that is listed late is created twice",
        )
    })
}

fn check_limits(limits: &BTreeMap<String, String>) -> Option<Finding> {
    (!limits.is_empty()).then(|| {
        let seen: Vec<String> = limits
            .iter()
            .take(NAMED)
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let message = format!("the service tells: {}", plain(&seen.join(", "), 200));
        Finding::fine(AREA, "limits", "rate", message).advise("limits.rate should stay below it")
    })
}

#[cfg(test)]
mod tests;
