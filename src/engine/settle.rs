//! Settling: what the flow's own list of runs tells about runs in doubt.
//!
//! [`recognise`] is a function of plain data and reads one list. One list proves that a run is
//! there if it shows our window and no record stands for it; it proves little else: what several
//! lists together prove is [`super::settle_schedule`]'s.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::Unclear;
use crate::api::{FlowRun, WindowEvidence};
use crate::reconcile::{IntentMatch, RunsByWindow};
use crate::run::{Rerun, RunId, Window};
use crate::state::{ClockKind, ClockedTime, Evidence};

/// A run in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenIntent {
    /// Its window.
    pub(super) window: Window,
    /// The ordinal of this run for its window: 1 unless it is a rerun.
    pub(super) rerun: Rerun,
    /// When the intent of its first request was made: its run is not older.
    pub(super) intent: ClockedTime,
    /// When a run that shows no window is too young to be it, by the service's clock.
    pub(super) until: Timestamp,
    /// Its apply and its place there, if it left only once those before it were created.
    pub(super) order: Option<(Uuid, u64)>,
}

/// What one list tells about a run in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
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
pub(super) struct FlowContext<'a> {
    /// Runs that records stand for.
    pub(super) claimed: &'a HashSet<RunId>,
    /// The `createdClient` of the runs that we create, as far as that is documented.
    pub(super) api_key: &'a str,
    /// Whether a request of the flow is on its way: its run may be in the list already.
    pub(super) in_flight: bool,
}

/// Reads `runs`, the whole list of one flow, for the runs in doubt of that flow.
///
/// Gives one reading per `open`, in order; no run is given twice, nor one that is claimed.
pub(super) fn recognise(
    open: &[OpenIntent],
    runs: &[FlowRun],
    around: FlowContext<'_>,
) -> Vec<Reading> {
    let intents: Vec<(Window, Rerun, ClockedTime)> = open
        .iter()
        .map(|open| (open.window, open.rerun, open.intent))
        .collect();
    let shown: Vec<Option<Reading>> = RunsByWindow::new(runs, around.claimed)
        .of_intents(&intents, around.api_key)
        .into_iter()
        .map(|found| match found {
            IntentMatch::Run(run, evidence) => Some(Reading::Found(run.id.clone(), evidence)),
            IntentMatch::CannotTell(run) => {
                Some(Reading::Unclear(Unclear::SameWindow(run.id.clone())))
            }
            IntentMatch::None => None,
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
            Some((same, order)) if same == apply && open.intent.clock == ClockKind::Server => {
                queue.push((order, at, open));
            }
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
        .all(|((created, run), (_, _, open))| run.is_since(open.intent) && *created <= open.until);
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
/// at all may, whoever is said to have created it, and so may one that shows nearly that window:
/// neither is documented.
fn may_be(run: &FlowRun, open: &OpenIntent, all: &[OpenIntent]) -> bool {
    let shows = match run.window_evidence {
        WindowEvidence::Missing | WindowEvidence::Invalid => true,
        WindowEvidence::Params(window) | WindowEvidence::CopyActivity(window) => {
            window.overlaps(open.window) && all.iter().all(|open| open.window != window)
        }
    };
    shows && run.is_since(open.intent)
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
                && run.created_at.is_some_and(|created| created <= open.until)
                && open.intent.clock == ClockKind::Server =>
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{INTENT, OURS, at, run, window};
    use crate::run::UnixSeconds;

    fn open(n: i64, rerun: u32) -> OpenIntent {
        OpenIntent {
            window: window(n),
            rerun: Rerun::new(rerun).expect("not 0"),
            intent: ClockedTime {
                time: at(INTENT),
                clock: ClockKind::Server,
            },
            until: at(INTENT + 600),
            order: None,
        }
    }

    fn only(id: &str, evidence: Evidence) -> Reading {
        Reading::Only(id.parse().expect("a run id"), evidence)
    }

    /// Windows whose requests left in this order.
    fn ordered(windows: &[i64]) -> Vec<OpenIntent> {
        windows
            .iter()
            .zip(1..)
            .map(|(n, order)| OpenIntent {
                order: Some((Uuid::nil(), order)),
                ..open(*n, 1)
            })
            .collect()
    }

    fn read(
        open: &[OpenIntent],
        runs: &[FlowRun],
        claimed: &[&str],
        in_flight: bool,
    ) -> Vec<Reading> {
        let claimed = claimed
            .iter()
            .map(|id| id.parse().expect("a run id"))
            .collect();
        recognise(
            open,
            runs,
            FlowContext {
                claimed: &claimed,
                api_key: OURS,
                in_flight,
            },
        )
    }

    fn found(id: &str, evidence: Evidence) -> Reading {
        Reading::Found(id.parse().expect("a run id"), evidence)
    }

    #[test]
    fn a_run_that_shows_the_window_is_found_by_whatever_shows_it() {
        let runs = [
            run("a", WindowEvidence::Params(window(1)), INTENT + 1, OURS),
            run(
                "b",
                WindowEvidence::CopyActivity(window(2)),
                INTENT + 1,
                OURS,
            ),
        ];
        assert_eq!(
            read(&[open(1, 1), open(2, 1), open(3, 1)], &runs, &[], false),
            [
                found("a", Evidence::Params),
                found("b", Evidence::CopyActivity),
                Reading::Absent
            ]
        );
    }

    #[test]
    fn a_run_that_a_record_stands_for_is_not_found_again() {
        let runs = [run(
            "a",
            WindowEvidence::Params(window(1)),
            INTENT + 1,
            OURS,
        )];
        assert_eq!(read(&[open(1, 2)], &runs, &["a"], false), [Reading::Absent]);
    }

    #[test]
    fn a_window_wanted_once_has_any_run_of_it_and_a_rerun_only_one_that_is_younger() {
        let runs = [run(
            "a",
            WindowEvidence::Params(window(1)),
            INTENT - 3600,
            "exc_app",
        )];
        assert_eq!(
            read(&[open(1, 1)], &runs, &[], false),
            [found("a", Evidence::Params)]
        );
        assert_eq!(read(&[open(1, 2)], &runs, &[], false), [Reading::Absent]);
    }

    #[test]
    fn where_ages_cannot_be_compared_a_rerun_is_left_to_a_person() {
        let runs = [run(
            "a",
            WindowEvidence::Params(window(1)),
            INTENT - 3600,
            OURS,
        )];
        let local = |rerun| {
            let mut open = open(1, rerun);
            open.intent.clock = ClockKind::Local;
            open
        };
        assert_eq!(
            read(&[local(1)], &runs, &[], false),
            [found("a", Evidence::Params)]
        );
        assert!(matches!(
            read(&[local(2)], &runs, &[], false)[..],
            [Reading::Unclear(_)]
        ));
    }

    #[test]
    fn of_two_runs_of_the_window_ours_is_taken() {
        let runs = [
            run(
                "theirs",
                WindowEvidence::Params(window(1)),
                INTENT + 1,
                "exc_app",
            ),
            run("ours", WindowEvidence::Params(window(1)), INTENT + 2, OURS),
        ];
        assert_eq!(
            read(&[open(1, 1)], &runs, &[], false),
            [found("ours", Evidence::Params)]
        );
    }

    #[test]
    fn a_silent_run_is_ours_only_if_nothing_else_can_be_it() {
        let sole = only("a", Evidence::SoleIntent);
        let a = run("a", WindowEvidence::Missing, INTENT + 1, OURS);
        let b = run("b", WindowEvidence::Missing, INTENT + 2, OURS);
        let theirs = run("a", WindowEvidence::Missing, INTENT + 1, "exc_app");
        let old = run("old", WindowEvidence::Missing, INTENT - 3600, OURS);
        let one = [open(1, 1)];
        let with_old = [a.clone(), old];
        assert_eq!(
            read(&one, &with_old, &[], false),
            std::slice::from_ref(&sole)
        );
        assert_eq!(read(&one, &[a.clone(), b.clone()], &["b"], false), [sole]);
        for unclear in [
            read(&one, &[a.clone(), b], &[], false),
            read(&one, std::slice::from_ref(&a), &[], true),
            read(&one, &[theirs], &[], false),
            read(&[open(1, 1), open(2, 1)], &[a], &[], false),
        ] {
            assert!(
                unclear.iter().all(|r| matches!(r, Reading::Unclear(_))),
                "{unclear:?}"
            );
        }
    }

    #[test]
    fn of_requests_that_left_in_order_the_first_have_the_silent_runs_and_the_others_none() {
        let a = run("a", WindowEvidence::Missing, INTENT + 1, OURS);
        let b = run("b", WindowEvidence::Missing, INTENT + 2, OURS);
        let open = ordered(&[7, 3, 5]);
        let both = [only("a", Evidence::Order), only("b", Evidence::Order)];
        // The order in which they are listed or open does not matter.
        assert_eq!(
            read(&open, &[b.clone(), a.clone()], &[], false),
            [both[0].clone(), both[1].clone(), Reading::Absent]
        );
        let turned = [open[2], open[0], open[1]];
        assert_eq!(
            read(&turned, &[a.clone(), b.clone()], &[], false),
            [Reading::Absent, both[0].clone(), both[1].clone()]
        );
        // What shows its window, or is another's, is out of it.
        let shown = run("x", WindowEvidence::Params(window(7)), INTENT + 1, OURS);
        assert_eq!(
            read(&open, &[shown, b.clone(), a.clone()], &["a"], false),
            [
                found("x", Evidence::Params),
                only("b", Evidence::Order),
                Reading::Absent
            ]
        );
        assert_eq!(read(&open, &[], &[], false), vec![Reading::Absent; 3]);
    }

    #[test]
    fn silent_runs_that_do_not_fit_the_order_are_left_to_a_person() {
        let silent = |id, at, client| run(id, WindowEvidence::Missing, INTENT + at, client);
        let (a, b) = (silent("a", 1, OURS), silent("b", 2, OURS));
        let open = ordered(&[1, 2]);
        let mut two_applies = open.clone();
        two_applies[1].order = Some((Uuid::from_u128(1), 2));
        let mut no_order = open.clone();
        no_order[0].order = None;
        let mut local = open.clone();
        local[1].intent.clock = ClockKind::Local;
        let three = [a.clone(), b.clone(), silent("c", 3, OURS)];
        let at_once = [a.clone(), silent("b", 1, OURS)];
        let theirs = [a.clone(), silent("b", 2, "exc_app")];
        let late = [a.clone(), silent("b", 3600, OURS)];
        let nearly = [
            a.clone(),
            run("b", WindowEvidence::Invalid, INTENT + 2, OURS),
        ];
        for (open, runs, in_flight) in [
            (&two_applies, &[a.clone(), b.clone()][..], false),
            (&no_order, &[a.clone(), b.clone()], false),
            (&local, &[a.clone(), b.clone()], false),
            (&open, &[a, b], true),
            (&open, &three, false),
            (&open, &at_once, false),
            (&open, &theirs, false),
            (&open, &late, false),
            (&open, &nearly, false),
        ] {
            let readings = read(open, runs, &[], in_flight);
            assert!(
                readings.iter().all(|r| matches!(r, Reading::Unclear(_))),
                "{readings:?}"
            );
        }
    }

    #[test]
    fn a_silent_run_that_is_too_young_for_the_request_is_left_to_a_person() {
        let late = run("a", WindowEvidence::Missing, INTENT + 3600, OURS);
        assert!(matches!(
            read(&[open(1, 1)], &[late], &[], false)[..],
            [Reading::Unclear(_)]
        ));
    }

    #[test]
    fn a_run_that_shows_nearly_our_window_is_no_proof_of_absence() {
        let at = |s| UnixSeconds::new(s).expect("in range");
        let nearly = WindowEvidence::CopyActivity(Window::new(at(100), at(199)).expect("a window"));
        for window_evidence in [nearly, WindowEvidence::Invalid] {
            let theirs = [run("a", window_evidence, INTENT + 1, OURS)];
            assert!(matches!(
                read(&[open(1, 1)], &theirs, &[], false)[..],
                [Reading::Unclear(_)]
            ));
            assert_eq!(
                read(&[open(1, 1)], &theirs, &["a"], false),
                [Reading::Absent],
                "it is another's"
            );
        }
        let other = [run(
            "a",
            WindowEvidence::Params(window(2)),
            INTENT + 1,
            OURS,
        )];
        assert_eq!(read(&[open(1, 1)], &other, &[], false), [Reading::Absent]);
    }
}
