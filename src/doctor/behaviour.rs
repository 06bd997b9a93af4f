//! What the service does where Adobe's documents are silent, and what follows: how a lost answer
//! would be settled, and which settings put a guess right.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Check, FaultKind, Finding, ListShape, Settling};
use crate::amounts::{duration, number};
use crate::api::{TimestampForm, TimestampUnit, Timestamps};
use crate::untrusted::plain;

/// Adobe's pages say that a run shows up two to three minutes after it was asked for.
const SHORT_DELAY: Duration = Duration::from_secs(180);
/// How many words or names are listed.
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
    if shape.lists == 0 {
        findings.push(Check::LISTS.notice("not looked at: no list could be read"));
    } else if shape.runs == 0 {
        let lists = number(shape.lists, "list");
        let message = format!("{lists}, and no run in any: nothing to learn from");
        let advice = "after `backfill apply --limit 1`, ask again before the rest is sent";
        findings.push(Check::LISTS.notice(message).advise(advice));
    } else {
        findings.push(check_filter(shape));
        findings.extend(check_pages(shape));
        findings.push(check_windows(facts));
        findings.extend(check_times(shape, facts.timestamps));
        findings.push(check_clients(shape));
        findings.extend(check_statuses(shape));
    }
    findings.extend(check_settling(facts, settling));
    findings.extend(check_delay(facts));
    findings.extend(check_limits(facts.limits));
    (findings, settling)
}

/// How it would be found out whether a run exists whose answer was lost.
fn settling(facts: &BehaviourFacts<'_>) -> Settling {
    let shape = facts.shape;
    if shape.own() == 0 {
        Settling::Unknown
    } else if shape.silent == 0 && shape.invalid == 0 {
        Settling::ByWindow
    } else if shape.shown_alone > 0 {
        Settling::ByWindowOfEach
    } else if shape.params + shape.copy_windows > 0 {
        // Runs without a window may be too young to have begun.
        Settling::ByWindow
    } else if shape.without_creation == 0 && shape.ours > 0 && facts.per_flow == 1 {
        // Two requests of a flow under way at once have no order.
        Settling::ByOrder
    } else {
        Settling::ByPerson
    }
}

fn check_filter(shape: &ListShape) -> Finding {
    let runs = number(shape.runs, "run");
    let lists = number(shape.lists, "list");
    if shape.foreign > 0 {
        let foreign = shape.foreign;
        let message = format!(
            "lists are not filtered by flow: {foreign} of {runs} in {lists} are of other flows"
        );
        return Check::FILTER.notice(message).advise(
            "what is of another flow is left out here, so nothing goes wrong; every list is as \
             long as the sandbox has runs, and takes as many requests",
        );
    }
    if shape.unreadable > 0 {
        let items = number(shape.unreadable, "item");
        let message = format!("{items} in {lists} cannot be read as runs");
        return Check::FILTER
            .fault(FaultKind::WouldNotWork, message)
            .advise("a list is whole or it is no evidence: please report what they look like");
    }
    let unsure = match shape.without_flow {
        0 => "",
        _ => "; some runs do not say their flow",
    };
    Check::FILTER.fine(format!("filtered by flow: {runs} in {lists}{unsure}"))
}

fn check_pages(shape: &ListShape) -> Option<Finding> {
    let lists = number(shape.paged, "list");
    if shape.paged == 0 {
        None
    } else if shape.pages_read == shape.paged {
        let message = format!("{lists} with a second page, which brought other runs");
        Some(Check::PAGES.fine(message))
    } else {
        let message = format!("the second page of {lists} brought no other run");
        let advice = "a list that repeats itself is no evidence: runs of it would stay in doubt";
        Some(Check::PAGES.notice(message).advise(advice))
    }
}

fn check_windows(facts: &BehaviourFacts<'_>) -> Finding {
    let shape = facts.shape;
    let own = shape.own();
    let silent = shape.silent;
    let shown = [
        (shape.params, "in params"),
        (shape.copy_windows, "on the copy activity"),
    ];
    let shown = shown.into_iter().filter(|(count, _)| *count > 0);
    let shown: Vec<_> = shown
        .map(|(count, place)| format!("{count} of {own} {place}"))
        .collect();
    let (message, advice) = if shape.invalid > 0 {
        (
            format!("{} show an invalid window", number(shape.invalid, "run")),
            "what such a run stands for is left to a person".to_owned(),
        )
    } else if silent == 0 {
        return Check::WINDOWS.fine(format!("shown: {}", shown.join(", ")));
    } else if shape.shown_alone > 0 {
        (
            format!("{silent} of {own} runs show none in lists, but by themselves"),
            "each is read by its id where it may matter, up to 50 for a flow".to_owned(),
        )
    } else if shown.is_empty() {
        let setting = match facts.per_flow {
            1 => "keep limits.perFlow at 1",
            _ => "set limits.perFlow to 1",
        };
        let runs = number(own, "run");
        (
            format!("not shown: none of {runs} shows params or a copy window"),
            format!("{setting}: then the order of our own runs tells which is which"),
        )
    } else {
        (
            format!("shown: {}; {silent} show none", shown.join(", ")),
            "a run may show its window only once it has begun: settling waits for that".to_owned(),
        )
    };
    Check::WINDOWS.notice(message).advise(advice)
}

fn check_times(shape: &ListShape, timestamps: Timestamps) -> Option<Finding> {
    if shape.params == 0 {
        return None;
    }
    let are_texts = shape.texts == shape.params;
    let form = match shape.texts {
        0 => "integers",
        _ if are_texts => "strings",
        _ => "strings and integers",
    };
    if shape.milliseconds > 0 && timestamps.unit != TimestampUnit::Milliseconds {
        let message =
            format!("times in params are in milliseconds, as {form}; requests say seconds");
        return Some(Check::TIMES.notice(message).advise(
            "they are read as what they are. If a first run finds no record, set `wire: { unit: \
             milliseconds }` in backfill.yaml",
        ));
    }
    let unit = match shape.milliseconds {
        0 => "seconds",
        _ => "milliseconds",
    };
    let finding = Check::TIMES.fine(format!("times in params are in {unit}, as {form}"));
    let other = match timestamps.form {
        TimestampForm::Text if shape.texts == 0 => "integer",
        TimestampForm::Integer if are_texts => "string",
        TimestampForm::Text | TimestampForm::Integer => return Some(finding),
    };
    Some(finding.advise(format!(
        "they are read either way. If a first run is refused with 400, say `wire: {{ timestamps: \
         {other} }}`"
    )))
}

fn check_clients(shape: &ListShape) -> Finding {
    let runs = number(shape.own(), "run");
    if !shape.recorded_clients.is_empty() {
        let named = first_of(&shape.recorded_clients, "`, `");
        let message = format!(
            "runs that this state has sent name `{named}` as createdClient, not the API key"
        );
        return Check::CLIENTS.notice(message).advise(
            "runs are then told by their windows alone; one that shows none is left to a person",
        );
    }
    if shape.without_client == shape.own() {
        return Check::CLIENTS
            .notice("runs name no createdClient: ours cannot be told from those of others")
            .advise("a run that shows no window is then left to a person");
    }
    if shape.ours == 0 {
        return Check::CLIENTS.fine(format!("none of {runs} is by this API key"));
    }
    let ours = shape.ours;
    let recorded = match shape.recorded {
        0 => "",
        _ => ", those of this state among them",
    };
    Check::CLIENTS.fine(format!(
        "createdClient is this API key for {ours} of {runs}{recorded}"
    ))
}

fn check_statuses(shape: &ListShape) -> Option<Finding> {
    (!shape.unknown_statuses.is_empty()).then(|| {
        let words = first_of(&shape.unknown_statuses, ", ");
        let message = format!("not known, so taken as not finished: {words}");
        Check::STATUSES.notice(message).advise(
            "look up in AEP how these runs ended, and set `wire: { statuses: { WORD: failed } }`",
        )
    })
}

/// Nothing before there is a run: the finding about lists says that there is none.
fn check_settling(facts: &BehaviourFacts<'_>, settling: Settling) -> Option<Finding> {
    let after = duration(facts.settle_delay);
    let message = format!("settled {}, {after} after the request", settling.describe());
    let advice = match settling {
        Settling::Unknown => return None,
        Settling::ByWindow | Settling::ByWindowOfEach | Settling::ByOrder => {
            return Some(Check::SETTLING.fine(message));
        }
        Settling::ByPerson if facts.per_flow > 1 => {
            "set limits.perFlow to 1: then the order of our own runs may tell"
        }
        Settling::ByPerson => "send few at a time (`--limit 10`), and look before the next",
    };
    Some(Check::SETTLING.notice(message).advise(advice))
}

fn check_delay(facts: &BehaviourFacts<'_>) -> Option<Finding> {
    let is_short = facts.settle_delay < SHORT_DELAY && !facts.is_emulator;
    is_short.then(|| {
        let message = format!("settleDelay is {}", duration(facts.settle_delay));
        Check::SETTLE_DELAY.notice(message).advise(
            "Adobe says that a run shows up after 2 to 3 minutes: with less than 5 minutes, one \
             that is listed late is created twice",
        )
    })
}

fn check_limits(limits: &BTreeMap<String, String>) -> Option<Finding> {
    (!limits.is_empty()).then(|| {
        let seen = limits
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        let message = format!("the service tells: {}", first_of(seen, ", "));
        let finding = Check::LIMITS.fine(message);
        finding.advise("limits.rate should stay below it")
    })
}

/// Some of `names`, which are somebody else's.
fn first_of(names: impl IntoIterator<Item = impl ToString>, between: &str) -> String {
    let names = names.into_iter().take(NAMED).map(|name| name.to_string());
    plain(&names.collect::<Vec<_>>().join(between), 200)
}

#[cfg(test)]
mod tests;
