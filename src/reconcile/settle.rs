//! Settling: what the flow's own list of runs tells about runs in doubt.
//!
//! [`recognise`] is a function of plain data and reads one list. One list proves that a run is
//! there if it shows our window and no record stands for it; it proves little else: what several
//! lists together prove is [`super::settle_schedule`]'s.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::Unclear;
use super::matching::{IntentMatch, RunsByWindow, SoughtRun};
use crate::api::{FlowRun, WindowEvidence};
use crate::run::{Rerun, RunId, Window};
use crate::state::{Attempt, ClockedTime, Evidence};

/// A run in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenIntent {
    pub(crate) window: Window,
    /// The ordinal of this run for its window: 1 unless it is a rerun.
    pub(crate) rerun: Rerun,
    /// When the intent of its first request was made: its run is not older.
    pub(crate) intent: ClockedTime,
    /// When a run that shows no window is too young to be it, by the service's clock; none where that
    /// is not known.
    pub(crate) until: Option<Timestamp>,
    /// Its apply and its place there, if it left only once those before it were created.
    pub(crate) order: Option<(Uuid, u64)>,
    /// The run that it asks to run again, as it was seen before; none where one is to be created.
    pub(crate) retry: Option<Box<Attempt>>,
}

impl OpenIntent {
    /// Whether the run came in the time in which its own must have.
    fn is_certain(&self, run: &FlowRun) -> bool {
        let is_in_time = |(created, until)| created <= until;
        run.is_since(self.intent) && run.created_at.zip(self.until).is_some_and(is_in_time)
    }
}

/// What one list tells about a run in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It exists, as this run: its window says so.
    Found(RunId, Evidence),
    /// This run shows no window, and is the only one that it can be.
    Only(RunId, Evidence),
    /// The list does not hold it.
    Absent,
    /// The list holds a run that may be it, or not.
    Unclear(Unclear),
}

/// What is known of a flow besides its list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowContext<'a> {
    /// Runs that records stand for.
    pub(crate) claimed: &'a HashSet<RunId>,
    /// The `createdClient` of the runs that we create, as far as that is documented.
    pub(crate) api_key: &'a str,
    /// Whether a request of the flow is on its way: its run may be in the list already.
    pub(crate) in_flight: bool,
}

/// Reads `runs`, the whole list of one flow, for the runs in doubt of that flow.
///
/// Gives one reading per `open`, in order; no run is given twice, nor one that is claimed.
pub(crate) fn recognise(
    open: &[OpenIntent],
    runs: &[FlowRun],
    around: FlowContext<'_>,
) -> Vec<Reading> {
    let again: Vec<Option<Reading>> = open.iter().map(|open| ran_again(open, runs)).collect();
    let intents: Vec<SoughtRun> = open
        .iter()
        .map(|open| SoughtRun {
            window: open.window,
            rerun: open.rerun,
            intent: open.intent,
            is_retry: open.retry.is_some(),
        })
        .collect();
    let by_window = RunsByWindow::new(runs, around.claimed).of_intents(&intents, around.api_key);
    let shown: Vec<Option<Reading>> = again
        .into_iter()
        .zip(by_window)
        .map(|(again, found)| match (again, reading_of(found)) {
            (Some(again @ Reading::Found(..)), _) | (Some(again), None) => Some(again),
            (_, found) => found,
        })
        .collect();
    let unmatched: Vec<&OpenIntent> = shown
        .iter()
        .zip(open)
        .filter_map(|(found, open)| found.is_none().then_some(open))
        .collect();
    let mut in_order = in_order(&unmatched, open, runs, around).map(Vec::into_iter);

    shown
        .into_iter()
        .zip(open)
        .map(|(found, one)| {
            found.unwrap_or_else(|| match in_order.as_mut().and_then(Iterator::next) {
                Some(reading) => reading,
                None => by_elimination(one, unmatched.len(), open, runs, around),
            })
        })
        .collect()
}

/// What the windows that the runs show tell.
fn reading_of(found: IntentMatch<'_>) -> Option<Reading> {
    match found {
        IntentMatch::Run(run, evidence) => Some(Reading::Found(run.id.clone(), evidence)),
        IntentMatch::CannotTell(run) => Some(Reading::Unclear(Unclear::SameWindow(run.id.clone()))),
        IntentMatch::None => None,
    }
}

/// Whether the run that is to run again does so under the id that it has: the service's
/// specification says that, its tutorial that a new run is made. Compared with how it was seen
/// before, so that no clock decides.
fn ran_again(open: &OpenIntent, runs: &[FlowRun]) -> Option<Reading> {
    let attempt = open.retry.as_deref()?;
    let run = runs.iter().find(|run| run.id == attempt.run_id)?;
    let found = || Reading::Found(run.id.clone(), Evidence::RanAgain);
    if !run.status.is_retriable() {
        return Some(found());
    }
    // It may have failed again meanwhile.
    let seen = attempt.last_seen.as_ref()?;
    let now = run.seen(seen.at);
    if now.says_what(seen) {
        return None;
    }
    match (now.started_at, seen.started_at) {
        (Some(now), Some(before)) if now > before => Some(found()),
        _ => Some(Reading::Unclear(Unclear::Changed(run.id.clone()))),
    }
}

/// No run shows the windows of `unmatched`, but their requests left one after the other, each only
/// once those before it were created. If as many silent runs can be theirs as there are, or fewer,
/// those are the first of them, and the others do not exist. One reading each, in their order.
fn in_order(
    unmatched: &[&OpenIntent],
    all: &[OpenIntent],
    runs: &[FlowRun],
    around: FlowContext<'_>,
) -> Option<Vec<Reading>> {
    let (apply, _) = unmatched.first()?.order?;
    let mut queue: Vec<(u64, usize, &OpenIntent)> = Vec::new();
    for (at, &open) in unmatched.iter().enumerate() {
        match open.order {
            Some((same, order)) if same == apply => queue.push((order, at, open)),
            _ => return None,
        }
    }
    queue.sort_by_key(|(order, _, _)| *order);
    let mut candidates: Vec<(Timestamp, &FlowRun)> = Vec::new();
    for run in runs {
        let is_free = !around.claimed.contains(&run.id);
        if !is_free || !unmatched.iter().any(|open| may_be(run, open, all)) {
            continue;
        }
        let is_ours = run.is_by(around.api_key);
        if run.window_evidence != WindowEvidence::Missing || !is_ours {
            return None;
        }
        candidates.push((run.created_at?, run));
    }
    candidates.sort_by_key(|(created, _)| *created);
    let tell_apart = candidates.windows(2).all(|two| two[0].0 < two[1].0);
    let fit = candidates
        .iter()
        .zip(&queue)
        .all(|((_, run), (_, _, open))| open.is_certain(run));
    if around.in_flight || candidates.len() > queue.len() || !tell_apart || !fit {
        return None;
    }
    let evidence = match queue.len() {
        1 => Evidence::SoleIntent,
        _ => Evidence::Order,
    };
    let mut readings = vec![Reading::Absent; unmatched.len()];
    for ((_, run), (_, at, _)) in candidates.iter().zip(&queue) {
        readings[*at] = Reading::Only(run.id.clone(), evidence.clone());
    }
    Some(readings)
}

/// Whether a run that does not show `open`'s window may have it all the same. One that shows none
/// at all may, and so may one that shows nearly that window: neither is documented. Its creator
/// decides nothing here.
fn may_be(run: &FlowRun, open: &OpenIntent, all: &[OpenIntent]) -> bool {
    let shows = match run.window_evidence {
        WindowEvidence::Missing | WindowEvidence::Invalid => true,
        WindowEvidence::Params(window) | WindowEvidence::CopyActivity(window) => {
            window.overlaps(open.window) && all.iter().all(|open| open.window != window)
        }
    };
    shows && run.may_be_since(open.intent)
}

/// No run shows the window, and nothing is known of the order in which requests left.
fn by_elimination(
    open: &OpenIntent,
    unmatched: usize,
    all: &[OpenIntent],
    runs: &[FlowRun],
    around: FlowContext<'_>,
) -> Reading {
    let candidates: Vec<&FlowRun> = runs
        .iter()
        .filter(|run| !around.claimed.contains(&run.id) && may_be(run, open, all))
        .collect();
    match candidates.as_slice() {
        [] => Reading::Absent,
        [run] if run.window_evidence != WindowEvidence::Missing => {
            Reading::Unclear(Unclear::NearlySameWindow(run.id.clone()))
        }
        [run]
            if unmatched == 1
                && !around.in_flight
                && run.is_by(around.api_key)
                && open.is_certain(run) =>
        {
            Reading::Only(run.id.clone(), Evidence::SoleIntent)
        }
        [run] => Reading::Unclear(Unclear::NoWindow(run.id.clone())),
        many if many
            .iter()
            .all(|run| run.window_evidence == WindowEvidence::Missing) =>
        {
            Reading::Unclear(Unclear::NoWindows(many.len()))
        }
        many => Reading::Unclear(Unclear::NoOrNearlySameWindows(many.len())),
    }
}

/// A run that shows `window` and is on record for another: an answer named it that was wrong. Then no
/// list says of the window that it has no run. `recorded` gives the window of a run's record.
pub(crate) fn recorded_for_another(
    window: Window,
    runs: &[FlowRun],
    recorded: impl Fn(&RunId) -> Option<Window>,
) -> Option<RunId> {
    let is_misplaced = |run: &&FlowRun| {
        run.window_evidence.window() == Some(window)
            && recorded(&run.id).is_some_and(|other| other != window)
    };
    runs.iter().find(is_misplaced).map(|run| run.id.clone())
}

#[cfg(test)]
mod tests;
