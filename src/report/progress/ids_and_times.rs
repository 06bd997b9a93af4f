//! Runs by their ids, and moments of the monotonic clock, as lines of progress tell them.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::engine::ActiveRuns;
use crate::report::{clock_time, duration};
use crate::run::RunId;

/// So many are named; the rest is counted.
const NAMED: usize = 3;

/// `run a, run b and 3 more`.
pub(super) fn named_runs<'a>(runs: impl IntoIterator<Item = &'a RunId>) -> String {
    named("run", runs.into_iter().map(ToString::to_string))
}

pub(super) fn named(what: &str, ids: impl Iterator<Item = String>) -> String {
    let ids: Vec<String> = ids.map(|id| format!("{what} {id}")).collect();
    let shown = ids[..ids.len().min(NAMED)].join(", ");
    match ids.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `since 10:32:05Z (2 min)`.
pub(super) fn since(at: Instant, now: Instant) -> String {
    let length = duration(now.saturating_duration_since(at));
    format!("since {} ({length})", wall_clock(at))
}

/// `run a, run b, and of others: run c`.
pub(super) fn runs_of_flow(ActiveRuns { ours, others }: &ActiveRuns) -> String {
    let ours = (!ours.is_empty()).then(|| named_runs(ours));
    let theirs = format!("of others: {}", named_runs(others));
    match (ours, others.is_empty()) {
        (None, _) => theirs,
        (Some(ours), true) => ours,
        (Some(ours), false) => format!("{ours}, and {theirs}"),
    }
}

/// The wall-clock time of a moment of the monotonic clock.
pub(super) fn wall_clock(at: Instant) -> String {
    let now = Instant::now();
    let (ahead, ago) = (
        at.saturating_duration_since(now),
        now.saturating_duration_since(at),
    );
    let time = Timestamp::now().saturating_add(ahead);
    let time = time.and_then(|time| time.saturating_sub(ago));
    clock_time(time.unwrap_or(Timestamp::MAX))
}
