//! The verdict: the service's own count against what the manifests want.
//!
//! Pure. What exists is taken from the emulator's ledger and from nothing else. The last apply's
//! report answers one question only: whether a run that does not exist is known not to exist, or
//! was forgotten.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use super::result::{FlowWindow, Miscount, MiscountKind, RehearsalCounts};
use crate::emulator::StoredRun;
use crate::run::{DesiredRun, Key};

/// The part of an `apply/v1` that counts.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct LastApply {
    #[serde(default)]
    runs: Vec<ReportedRun>,
    message: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct ReportedRun {
    #[serde(flatten)]
    window: FlowWindow,
    outcome: String,
    error: Option<ReportedError>,
}

#[derive(Debug, Clone, Deserialize)]
struct ReportedError {
    message: String,
}

impl LastApply {
    /// How many runs it has not brought to their end: the fewer, the further it is.
    pub(crate) fn open(&self) -> usize {
        self.open_runs().count()
    }

    /// Why something is open, in its own words.
    pub(crate) fn why(&self) -> Option<&str> {
        let error = || self.open_runs().find_map(|run| run.error.as_ref());
        let error = || error().map(|error| &error.message);
        self.message.as_ref().or_else(error).map(String::as_str)
    }

    /// The runs that it reports as perhaps missing.
    fn open_runs(&self) -> impl Iterator<Item = &ReportedRun> {
        let is_open = |run: &&ReportedRun| {
            !matches!(run.outcome.as_str(), "created" | "adopted" | "unchanged")
        };
        self.runs.iter().filter(is_open)
    }
}

/// One window: what is wanted of it, what exists, and what was reported as open.
#[derive(Debug, Default)]
struct Count {
    keys: Vec<Key>,
    run_ids: Vec<String>,
    in_doubt: usize,
    left: usize,
}

/// Compares `stored`, the runs that exist, with `wanted`; a window that is wanted n times (reruns
/// count) is to exist n times.
pub(crate) fn judge(
    wanted: &[DesiredRun],
    stored: &[StoredRun],
    last: &LastApply,
) -> (RehearsalCounts, Vec<Miscount>) {
    let mut windows: BTreeMap<FlowWindow, Count> = BTreeMap::new();
    for run in wanted {
        let identity = &run.identity;
        let window = FlowWindow {
            sandbox: identity.flow.sandbox.to_string(),
            flow_id: identity.flow.id.to_string(),
            window_start_time: identity.window.start().get(),
            window_end_time: identity.window.end().get(),
        };
        windows.entry(window).or_default().keys.push(run.key());
    }
    let mut counts = RehearsalCounts {
        wanted: wanted.len(),
        ..RehearsalCounts::default()
    };
    // A run that was made to run another again takes its place; a second one for the same is one
    // too many.
    let mut again: HashSet<&str> = HashSet::new();
    for run in stored {
        if let Some(of) = &run.retrigger_of
            && again.insert(of)
        {
            counts.retried += 1;
            continue;
        }
        let window = FlowWindow {
            sandbox: run.sandbox.clone(),
            flow_id: run.flow_id.clone(),
            window_start_time: run.window_start_time,
            window_end_time: run.window_end_time,
        };
        let count = windows.entry(window).or_default();
        count.run_ids.push(run.run_id.clone());
    }
    for run in last.open_runs() {
        let is_in_doubt = run.outcome == "inDoubt";
        counts.in_doubt += usize::from(is_in_doubt);
        if let Some(count) = windows.get_mut(&run.window) {
            count.in_doubt += usize::from(is_in_doubt);
            count.left += usize::from(!is_in_doubt);
        }
    }
    let miscounts = windows.into_iter().filter_map(|(window, count)| {
        Some(Miscount {
            outcome: add(&mut counts, &count)?,
            keys: count.keys,
            window,
            runs: count.run_ids,
        })
    });
    let miscounts = miscounts.collect();
    (counts, miscounts)
}

/// Adds the count of a window to those of all; gives what is wrong with it.
fn add(counts: &mut RehearsalCounts, count: &Count) -> Option<MiscountKind> {
    let (wanted, stored) = (count.keys.len(), count.run_ids.len());
    counts.created += wanted.min(stored);
    let missing = wanted.saturating_sub(stored);
    let beyond = stored.saturating_sub(wanted);
    // A missing run that was reported as in doubt or as left is not lost: a person knows of it.
    let not_in_doubt = missing.saturating_sub(count.in_doubt);
    let lost = not_in_doubt.saturating_sub(count.left);
    counts.left += not_in_doubt - lost;
    counts.lost += lost;
    if wanted == 0 {
        counts.unwanted += beyond;
        Some(MiscountKind::Unwanted)
    } else if beyond > 0 {
        counts.doubled += beyond;
        Some(MiscountKind::Doubled)
    } else {
        (lost > 0).then_some(MiscountKind::Lost)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::{Rerun, RunIdentity, UnixSeconds, Window};

    const FLOW: &str = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de";

    fn wanted(n: i64, rerun: u32) -> DesiredRun {
        let at = |s| UnixSeconds::new(s).expect("in range");
        let identity = RunIdentity {
            flow: crate::fixture::flow().into(),
            window: Window::new(at(n * 10), at(n * 10 + 10)).expect("a window"),
            rerun: Rerun::new(rerun).expect("not 0"),
        };
        crate::fixture::desired(identity)
    }

    fn stored(n: i64, id: &str) -> StoredRun {
        serde_json::from_value(json!({
            "runId": id, "sandbox": "prod", "flowId": FLOW, "windowStartTime": n * 10,
            "windowEndTime": n * 10 + 10, "startTime": 0, "deltaColumn": null, "createdAt": 0,
            "retriggerOf": null,
        }))
        .expect("a stored run")
    }

    fn reported(outcomes: &[(i64, &str)]) -> LastApply {
        let in_doubt = outcomes.iter().filter(|(_, o)| *o == "inDoubt").count();
        let runs: Vec<_> = outcomes
            .iter()
            .map(|(n, outcome)| {
                json!({
                    "sandbox": "prod", "flowId": FLOW, "windowStartTime": n * 10,
                    "windowEndTime": n * 10 + 10, "outcome": outcome, "key": "…",
                })
            })
            .collect();
        serde_json::from_value(json!({ "summary": { "inDoubt": in_doubt }, "runs": runs }))
            .expect("an apply/v1")
    }

    #[test]
    fn a_ledger_with_each_wanted_run_once_is_fine() {
        let judged = judge(
            &[wanted(1, 1), wanted(2, 1), wanted(2, 2)],
            &[stored(2, "a"), stored(1, "b"), stored(2, "c")],
            &LastApply::default(),
        );
        let fine = RehearsalCounts {
            wanted: 3,
            created: 3,
            ..RehearsalCounts::default()
        };
        assert_eq!(judged, (fine, Vec::new()));
    }

    #[test]
    fn one_run_twice_one_missing_and_one_that_nobody_wants_are_each_found() {
        let (verdict, wrong) = judge(
            &[wanted(1, 1), wanted(2, 1), wanted(3, 1)],
            &[
                stored(1, "a"),
                stored(1, "b"),
                stored(3, "c"),
                stored(4, "d"),
            ],
            // It believes that all is well: that is what makes a loss of a missing run.
            &reported(&[(1, "created"), (2, "created"), (3, "unchanged")]),
        );
        assert_eq!((verdict.wanted, verdict.created), (3, 2));
        assert_eq!((verdict.doubled, verdict.lost, verdict.unwanted), (1, 1, 1));
        let wrong: Vec<_> = wrong
            .iter()
            .map(|m| {
                let day = m.window.window_start_time / 10;
                (m.outcome, day, m.keys.len(), m.runs.len())
            })
            .collect();
        assert_eq!(
            wrong,
            [
                (MiscountKind::Doubled, 1, 1, 2),
                (MiscountKind::Lost, 2, 1, 0),
                (MiscountKind::Unwanted, 4, 0, 1)
            ]
        );
    }

    #[test]
    fn a_missing_run_that_is_said_to_be_open_is_in_doubt_or_left_and_not_lost() {
        let (verdict, wrong) = judge(
            &[wanted(1, 1), wanted(2, 1), wanted(3, 1), wanted(4, 1)],
            &[stored(1, "a")],
            &reported(&[
                (1, "inDoubt"),
                (2, "inDoubt"),
                (3, "remaining"),
                (4, "rejected"),
            ]),
        );
        assert_eq!((verdict.created, verdict.in_doubt), (1, 2));
        assert_eq!((verdict.left, verdict.lost), (2, 0));
        assert!(wrong.is_empty());
    }

    #[test]
    fn an_apply_that_says_nothing_excuses_nothing() {
        let (verdict, _) = judge(&[wanted(1, 1), wanted(1, 2)], &[], &LastApply::default());
        assert_eq!(verdict.lost, 2);
    }

    #[test]
    fn a_run_in_another_sandbox_is_another_run() {
        let mut elsewhere = stored(1, "a");
        elsewhere.sandbox = "dev".to_owned();
        let (verdict, _) = judge(&[wanted(1, 1)], &[elsewhere], &LastApply::default());
        assert_eq!((verdict.lost, verdict.unwanted), (1, 1));
    }

    #[test]
    fn how_far_an_apply_came_is_how_little_it_left_open() {
        let apply = reported(&[(1, "created"), (2, "inDoubt"), (3, "remaining")]);
        assert_eq!(apply.open(), 2);
        assert_eq!(LastApply::default().open(), 0);
    }
}
