//! What an apply waits for, in lines: for readers of a log in which nothing happens.

use tokio::time::Instant;

use super::apply_progress::{FlowProgress, FlowState};
use super::ids_and_times::{named, named_runs, runs_of_flow, since, wall_clock};
use crate::report::{ApplyProgress, number};
use crate::run::Key;

/// So many flows have a line; the rest is counted.
const FLOWS: usize = 3;

/// A line for each flow that waits, with what for, since when, and for which runs.
#[must_use]
pub(crate) fn waiting_lines(progress: &ApplyProgress, now: Instant) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(until) = progress.held_until(now) {
        lines.push(format!(
            "throttled  nothing is sent until {}",
            wall_clock(until)
        ));
    }
    let waiting = || progress.flows().iter().filter(|flow| flow.is_waiting());
    lines.extend(waiting().take(FLOWS).map(|flow| flow_line(flow, now)));
    let more = waiting().count().saturating_sub(FLOWS);
    if more > 0 {
        lines.push(format!("waiting    and for {}", number(more, "more flow")));
    }
    if lines.is_empty() {
        lines.push(match progress.last_event() {
            Some(at) => format!("waiting    for the service, {}", since(at, now)),
            None => "waiting    for the service".to_owned(),
        });
    }
    lines
}

fn flow_line(flow: &FlowProgress, now: Instant) -> String {
    let name = &flow.name;
    let since = flow.since.map_or_else(String::new, |at| since(at, now));
    if flow.state == FlowState::Checking {
        return format!("waiting    {name}: being checked, {since}");
    }
    if let FlowState::Settling(believed) = flow.state {
        let keys = flow.in_doubt.iter().map(Key::short);
        return format!(
            "settling   {name}: {} in doubt, {since}: {}; what no list holds by {} was not created",
            flow.in_doubt.len(),
            named("key", keys),
            wall_clock(believed)
        );
    }
    if let Some(active) = &flow.waits_for {
        return format!(
            "waiting    {name}: for room under maxActiveRuns, {since}: {}",
            runs_of_flow(active)
        );
    }
    if !flow.running.is_empty() {
        return format!(
            "{}, {since}: {}",
            unfinished(name, flow.running.len()),
            named_runs(&flow.running)
        );
    }
    let left = flow.wanted.saturating_sub(flow.done());
    format!("waiting    {name}: {left} to be sent, {since}")
}

/// `waiting    crm: 2 runs have not finished`.
fn unfinished(name: &str, runs: usize) -> String {
    let have = if runs == 1 { "has" } else { "have" };
    format!(
        "waiting    {name}: {} {have} not finished",
        number(runs, "run")
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::{ActiveRuns, DoubtReason, Event, FlowEvent, FlowStarted, RunOutcome};
    use crate::fixture::{flow, identity};
    use crate::run::RunId;

    fn id(text: &str) -> RunId {
        text.parse().expect("a run id")
    }

    fn started(to_follow: &[&str]) -> (ApplyProgress, Instant) {
        let now = Instant::now();
        let mut progress = ApplyProgress::default();
        let flow = FlowStarted {
            name: "crm".into(),
            flow: flow(),
            to_create: 2,
            in_doubt: Vec::new(),
            to_follow: Some(to_follow.iter().map(|run| id(run)).collect()),
        };
        let started = Event::Started {
            flows: vec![flow],
            is_retry: false,
        };
        progress.fold(&started, now);
        (progress, now)
    }

    /// The lines two minutes after `now`, without the time of the day.
    fn lines(progress: &ApplyProgress, now: Instant) -> Vec<String> {
        let lines = waiting_lines(progress, now + Duration::from_secs(120));
        let is_time = |word: &str| word.len() == 9 && word.ends_with('Z');
        let without_time = |line: String| {
            let words = line
                .split(' ')
                .map(|word| if is_time(word) { "T" } else { word });
            words.collect::<Vec<_>>().join(" ")
        };
        lines.into_iter().map(without_time).collect()
    }

    #[tokio::test]
    async fn it_says_for_which_runs_it_waits_and_since_when() {
        let (mut progress, now) = started(&["old"]);
        assert_eq!(
            lines(&progress, now),
            ["waiting    crm: being checked, since T (2 min)"]
        );
        progress.fold(&Event::Flow(0, FlowEvent::Prepared), now);
        for (n, run_id) in ["a", "b", "c"].into_iter().enumerate() {
            let n = i64::try_from(n).expect("small");
            let created = RunOutcome::Created(id(run_id));
            let created = FlowEvent::Outcome(identity(n, n + 1), created);
            progress.fold(&Event::Flow(0, created), now);
        }
        assert_eq!(
            lines(&progress, now),
            [
                "waiting    crm: 4 runs have not finished, since T (2 min): run a, run b, run c and 1 more"
            ]
        );
    }

    #[tokio::test]
    async fn runs_of_others_that_block_a_flow_are_named() {
        let (mut progress, now) = started(&[]);
        progress.fold(&Event::Flow(0, FlowEvent::Prepared), now);
        let waiting = FlowEvent::Waiting(ActiveRuns {
            ours: vec![id("a")],
            others: vec![id("x"), id("y")],
        });
        progress.fold(&Event::Flow(0, waiting), now);
        assert_eq!(
            lines(&progress, now),
            [
                "waiting    crm: for room under maxActiveRuns, since T (2 min): run a, and of others: run x, run y"
            ]
        );
    }

    #[tokio::test]
    async fn it_says_what_is_in_doubt_and_until_when() {
        let (mut progress, now) = started(&[]);
        progress.fold(&Event::Flow(0, FlowEvent::Prepared), now);
        let run = identity(0, 1);
        let short = run.key().short();
        let doubt = RunOutcome::InDoubt(DoubtReason::NoAnswer);
        progress.fold(&Event::Flow(0, FlowEvent::Outcome(run, doubt)), now);
        let settling = FlowEvent::Settling {
            runs: 1,
            believed: now + Duration::from_secs(300),
        };
        progress.fold(&Event::Flow(0, settling), now);
        assert_eq!(
            lines(&progress, now),
            [format!(
                "settling   crm: 1 in doubt, since T (2 min): key {short}; what no list holds by T was \
                 not created"
            )]
        );
    }
}
