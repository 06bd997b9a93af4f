//! The verdict: the service's own count against what the manifests want.
//!
//! Pure. What exists is taken from the emulator's ledger and from nothing else. What the last
//! apply said is heard on one question only: whether a run that does not exist is known not to,
//! or was forgotten.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::result::{Miscount, RehearsalCounts, Wrong};
use crate::emulator::StoredRun;
use crate::run::{DesiredRun, Key};

/// The window of a flow, in the words of the wire, which the service's count is kept in.
type WindowPlace = (String, String, i64, i64);

/// The part of an `apply/v1` that is heard.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastApply {
    #[serde(default)]
    summary: AppliedSummary,
    #[serde(default)]
    runs: Vec<SaidRun>,
    message: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppliedSummary {
    in_doubt: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SaidRun {
    sandbox: String,
    flow_id: String,
    window_start_time: i64,
    window_end_time: i64,
    outcome: String,
    error: Option<SaidError>,
}

#[derive(Debug, Clone, Deserialize)]
struct SaidError {
    message: String,
}

impl LastApply {
    /// How many runs it has not brought to their end: the fewer, the further it is.
    pub(crate) fn open(&self) -> usize {
        let in_doubt = self.runs.iter().filter(|run| run.is_in_doubt()).count();
        let of_no_manifest = self.summary.in_doubt.saturating_sub(in_doubt);
        of_no_manifest + self.runs.iter().filter(|run| run.is_open()).count()
    }

    /// Why something is open, in its own words.
    pub(crate) fn why(&self) -> Option<String> {
        let mut open = self.runs.iter().filter(|run| run.is_open());
        let first = open.find_map(|run| run.error.as_ref());
        let first = first.map(|error| error.message.clone());
        self.message.clone().or(first)
    }
}

impl SaidRun {
    fn is_in_doubt(&self) -> bool {
        self.outcome == "inDoubt"
    }

    /// Whether it said itself that the run may not exist.
    fn is_open(&self) -> bool {
        !matches!(self.outcome.as_str(), "created" | "adopted" | "unchanged")
    }

    fn place(&self) -> WindowPlace {
        (
            self.sandbox.clone(),
            self.flow_id.clone(),
            self.window_start_time,
            self.window_end_time,
        )
    }
}

/// One window: what is wanted of it, what exists, and what was said to be open.
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
    said: &LastApply,
) -> (RehearsalCounts, Vec<Miscount>) {
    let mut counts: BTreeMap<WindowPlace, Count> = BTreeMap::new();
    for run in wanted {
        let identity = &run.identity;
        let place = (
            identity.flow.sandbox.to_string(),
            identity.flow.id.to_string(),
            identity.window.start().get(),
            identity.window.end().get(),
        );
        counts.entry(place).or_default().keys.push(run.key());
    }
    // A run that was made to run another again takes its place; a second one for the same is one
    // too many.
    let mut again: HashSet<&str> = HashSet::new();
    let mut retried = 0;
    for run in stored {
        if let Some(of) = &run.retrigger_of
            && again.insert(of)
        {
            retried += 1;
            continue;
        }
        let place = (
            run.sandbox.clone(),
            run.flow_id.clone(),
            run.window_start_time,
            run.window_end_time,
        );
        let count = counts.entry(place).or_default();
        count.run_ids.push(run.run_id.clone());
    }
    let mut open: HashMap<WindowPlace, (usize, usize)> = HashMap::new();
    for run in said.runs.iter().filter(|run| run.is_open()) {
        let (in_doubt, left) = open.entry(run.place()).or_default();
        *if run.is_in_doubt() { in_doubt } else { left } += 1;
    }
    let mut verdict = RehearsalCounts {
        wanted: wanted.len(),
        retried,
        in_doubt: said.summary.in_doubt,
        ..RehearsalCounts::default()
    };
    let mut miscounts = Vec::new();
    for (place, mut count) in counts {
        if let Some((in_doubt, left)) = open.remove(&place) {
            (count.in_doubt, count.left) = (in_doubt, left);
        }
        if let Some(wrong) = add(&mut verdict, &count) {
            let (sandbox, flow_id, window_start_time, window_end_time) = place;
            miscounts.push(Miscount {
                outcome: wrong,
                keys: count.keys,
                sandbox,
                flow_id,
                window_start_time,
                window_end_time,
                runs: count.run_ids,
            });
        }
    }
    (verdict, miscounts)
}

/// Adds the count of a window to those of all; gives what is wrong with it.
fn add(verdict: &mut RehearsalCounts, count: &Count) -> Option<Wrong> {
    let (wanted, stored) = (count.keys.len(), count.run_ids.len());
    verdict.created += wanted.min(stored);
    let missing = wanted.saturating_sub(stored);
    let beyond = stored.saturating_sub(wanted);
    // A doubt about a run that does not exist is no loss; nor is one that was left, and said so.
    let not_in_doubt = missing.saturating_sub(count.in_doubt);
    let lost = not_in_doubt.saturating_sub(count.left);
    verdict.left += not_in_doubt - lost;
    verdict.lost += lost;
    if wanted == 0 {
        verdict.unwanted += beyond;
        Some(Wrong::Unwanted)
    } else if beyond > 0 {
        verdict.doubled += beyond;
        Some(Wrong::Doubled)
    } else {
        (lost > 0).then_some(Wrong::Lost)
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

    fn said(outcomes: &[(i64, &str)]) -> LastApply {
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
            &said(&[(1, "created"), (2, "created"), (3, "unchanged")]),
        );
        assert_eq!((verdict.wanted, verdict.created), (3, 2));
        assert_eq!((verdict.doubled, verdict.lost, verdict.unwanted), (1, 1, 1));
        let wrong: Vec<_> = wrong
            .iter()
            .map(|m| {
                let day = m.window_start_time / 10;
                (m.outcome, day, m.keys.len(), m.runs.len())
            })
            .collect();
        assert_eq!(
            wrong,
            [
                (Wrong::Doubled, 1, 1, 2),
                (Wrong::Lost, 2, 1, 0),
                (Wrong::Unwanted, 4, 0, 1)
            ]
        );
    }

    #[test]
    fn a_missing_run_that_is_said_to_be_open_is_in_doubt_or_left_and_not_lost() {
        let (verdict, wrong) = judge(
            &[wanted(1, 1), wanted(2, 1), wanted(3, 1), wanted(4, 1)],
            &[stored(1, "a")],
            &said(&[
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
        let apply = said(&[(1, "created"), (2, "inDoubt"), (3, "remaining")]);
        assert_eq!(apply.open(), 2);
        assert_eq!(LastApply::default().open(), 0);
    }
}
