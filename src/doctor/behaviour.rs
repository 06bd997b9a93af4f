//! What the service does where Adobe's documents are silent, and what follows: how a lost answer
//! would be settled, and which settings put a guess right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Area, Check, FaultKind, Finding, ListShape, Settling};
use crate::amounts::{duration, number};
use crate::api::{TimestampForm, TimestampUnit, Timestamps};
use crate::untrusted::plain;

const AREA: Area = Area::Behaviour;
const LISTS: Check = Check(AREA, "lists", "lists");
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
    let lists = number(shape.lists, "list");
    if shape.lists == 0 {
        findings.push(LISTS.notice("not looked at: no list could be read"));
    } else if shape.runs == 0 {
        let message = format!("{lists}, and no run in any: nothing to learn from");
        let advice = "after `backfill apply --limit 1`, ask again before the rest is sent";
        findings.push(LISTS.notice(message).advise(advice));
    } else {
        findings.push(check_filter(shape));
        findings.extend(check_pages(shape));
        findings.push(check_windows(facts));
        findings.extend(check_form(facts));
        findings.push(check_clients(shape));
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
    if shape.own() == 0 {
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
    let check = Check(AREA, "filter", "lists");
    let runs = number(shape.runs, "run");
    let lists = number(shape.lists, "list");
    if shape.foreign > 0 {
        let foreign = shape.foreign;
        return check
            .notice(format!(
                "lists are not filtered by flow: {foreign} of {runs} in {lists} are of other flows"
            ))
            .advise(
                "what is of another flow is left out here, so nothing goes wrong; every list is as \
                 long as the sandbox has runs, and takes as many requests",
            );
    }
    if shape.unreadable > 0 {
        let entries = number(shape.unreadable, "entry");
        let message = format!("{entries} in {lists} cannot be read as runs");
        let advice = "a list is whole or it is no evidence: please report what they look like";
        return check.fault(FaultKind::WouldNotWork, message).advise(advice);
    }
    let unsure = match shape.without_flow {
        0 => "",
        _ => "; some runs do not say their flow",
    };
    check.fine(format!("filtered by flow: {runs} in {lists}{unsure}"))
}

fn check_pages(shape: &ListShape) -> Option<Finding> {
    let check = Check(AREA, "pages", "pages");
    let lists = number(shape.paged, "list");
    Some(match shape.paged {
        0 => return None,
        paged if paged == shape.pages_read => check.fine(format!(
            "{lists} with a second page, which brought other runs"
        )),
        _ => check
            .notice(format!("the second page of {lists} brought no other run"))
            .advise("a list that repeats itself is no evidence: runs of it would stay in doubt"),
    })
}

fn check_windows(facts: &BehaviourFacts<'_>) -> Finding {
    let check = Check(AREA, "windows", "windows");
    let (shape, own) = (facts.shape, facts.shape.own());
    let places = [
        (shape.params, "in params"),
        (shape.copy_windows, "on the copy activity"),
    ];
    let shown = places.iter().filter(|(count, _)| *count > 0);
    let shown: Vec<String> = shown
        .map(|(count, place)| format!("{count} of {own} {place}"))
        .collect();
    let (shown, silent) = (shown.join(", "), shape.silent);
    if shape.invalid > 0 {
        let invalid = number(shape.invalid, "run");
        check
            .notice(format!("{invalid} show an invalid window"))
            .advise("what such a run stands for is left to a person")
    } else if silent == 0 {
        check.fine(format!("shown: {shown}"))
    } else if shape.shown_alone > 0 {
        check
            .notice(format!(
                "{silent} of {own} runs show none in lists, but by themselves"
            ))
            .advise("each is read by its id where it may matter, up to 50 for a flow")
    } else if shown.is_empty() {
        let runs = number(own, "run");
        let message = format!("not shown: none of {runs} shows params or a copy window");
        check.notice(message).advise(format!(
            "{} limits.perFlow {} 1: then the order of our own runs tells which is which",
            if facts.per_flow > 1 { "set" } else { "keep" },
            if facts.per_flow > 1 { "to" } else { "at" },
        ))
    } else {
        check
            .notice(format!("shown: {shown}; {silent} show none"))
            .advise("a run may show its window only once it has begun: settling waits for that")
    }
}

fn check_form(facts: &BehaviourFacts<'_>) -> Option<Finding> {
    let check = Check(AREA, "times", "times");
    let shape = facts.shape;
    let kind = match shape.texts {
        _ if shape.params == 0 => return None,
        0 => "integers",
        texts if texts == shape.params => "strings",
        _ => "strings and integers",
    };
    let Timestamps { form, unit } = facts.timestamps;
    if shape.milliseconds > 0 && unit != TimestampUnit::Milliseconds {
        let message =
            format!("times in params are in milliseconds, as {kind}; requests say seconds");
        return Some(check.notice(message).advise(
            "they are read as what they are. If a first run finds no record, set `wire: { unit: \
             milliseconds }` in backfill.yaml",
        ));
    }
    let unit = match shape.milliseconds {
        0 => "seconds",
        _ => "milliseconds",
    };
    let finding = check.fine(format!("times in params are in {unit}, as {kind}"));
    let other = match form {
        TimestampForm::Text if shape.texts == 0 => "integer",
        TimestampForm::Integer if shape.texts == shape.params => "string",
        _ => return Some(finding),
    };
    Some(finding.advise(format!(
        "they are read either way. If a first run is refused with 400, say `wire: {{ timestamps: \
         {other} }}`"
    )))
}

fn check_clients(shape: &ListShape) -> Finding {
    let check = Check(AREA, "clients", "whose runs");
    let own = number(shape.own(), "run");
    if !shape.recorded_clients.is_empty() {
        let named: Vec<&str> = first(&shape.recorded_clients);
        let named = plain(&named.join("`, `"), 200);
        check
            .notice(format!(
                "runs that this state has sent name `{named}` as createdClient, not the API key"
            ))
            .advise(
                "runs are then told by their windows alone; one that shows none is left to a person",
            )
    } else if shape.without_client == shape.own() {
        check
            .notice("runs name no createdClient: ours cannot be told from those of others")
            .advise("a run that shows no window is then left to a person")
    } else if shape.ours == 0 {
        check.fine(format!("none of {own} is by this API key"))
    } else {
        let ours = shape.ours;
        let recorded = match shape.recorded {
            0 => "",
            _ => ", those of this state among them",
        };
        check.fine(format!(
            "createdClient is this API key for {ours} of {own}{recorded}"
        ))
    }
}

fn check_words(shape: &ListShape) -> Option<Finding> {
    let words = first(&shape.unknown_statuses).join(", ");
    let message = format!(
        "not known, so taken as not finished: {}",
        plain(&words, 200)
    );
    let advice =
        "look up in AEP how these runs ended, and set `wire: { statuses: { WORD: failed } }`";
    let finding = Check(AREA, "statuses", "statuses").notice(message);
    (!words.is_empty()).then(|| finding.advise(advice))
}

/// Before there is a run, that there is none is told already.
fn check_settling(facts: &BehaviourFacts<'_>, settling: Settling) -> Option<Finding> {
    let check = Check(AREA, "settling", "lost answers");
    let (how, delay) = (settling.describe(), duration(facts.settle_delay));
    let message = format!("settled {how}, {delay} after the request");
    match settling {
        Settling::Unknown => None,
        Settling::ByWindow | Settling::ByWindowOfEach | Settling::ByOrder => {
            Some(check.fine(message))
        }
        Settling::ByPerson => Some(check.notice(message).advise(if facts.per_flow > 1 {
            "set limits.perFlow to 1: then the order of our own runs may tell"
        } else {
            "send few at a time (`--limit 10`), and look before the next"
        })),
    }
}

fn check_delay(facts: &BehaviourFacts<'_>) -> Option<Finding> {
    let is_short = facts.settle_delay < SHORT_DELAY && !facts.is_emulator;
    let message = format!("settleDelay is {}", duration(facts.settle_delay));
    let finding = Check(AREA, "settleDelay", "settle delay").notice(message);
    is_short.then(|| {
        finding.advise(
            "Adobe says that a run shows up after 2 to 3 minutes: with less than 5 minutes, one \
             that is listed late is created twice",
        )
    })
}

fn check_limits(limits: &BTreeMap<String, String>) -> Option<Finding> {
    let seen = limits.iter().take(NAMED);
    let seen: Vec<String> = seen
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let message = format!("the service tells: {}", plain(&seen.join(", "), 200));
    let finding = Check(AREA, "limits", "rate").fine(message);
    (!seen.is_empty()).then(|| finding.advise("limits.rate should stay below it"))
}

/// The first of them, as many as are told.
fn first(names: &BTreeSet<String>) -> Vec<&str> {
    names.iter().take(NAMED).map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
