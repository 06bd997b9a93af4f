use super::*;
use crate::api::RunTimes;
use crate::fixture::{INTENT, OURS, at, run, window};
use crate::run::{RunStatus, UnixSeconds};

fn open(n: i64, rerun: u32) -> OpenIntent {
    OpenIntent {
        window: window(n),
        rerun: Rerun::new(rerun).expect("not 0"),
        intent: ClockedTime {
            local: Some(at(INTENT)),
            service: Some(at(INTENT)),
        },
        until: Some(at(INTENT + 600)),
        order: None,
        retry: None,
    }
}

#[test]
fn a_window_whose_run_is_on_record_for_another_window_is_not_without_a_run() {
    let shown = run("a", WindowEvidence::Params(window(1)), INTENT, OURS);
    let runs = [shown.clone()];
    let found = |recorded| recorded_for_another(window(1), &runs, |_| recorded);
    assert_eq!(found(Some(window(2))), Some(shown.id));
    assert_eq!(found(Some(window(1))), None, "it is another rerun");
    assert_eq!(found(None), None);
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

fn read(open: &[OpenIntent], runs: &[FlowRun], claimed: &[&str], in_flight: bool) -> Vec<Reading> {
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
        open.intent.service = None;
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
    let turned = [open[2].clone(), open[0].clone(), open[1].clone()];
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
    local[1].intent.service = None;
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

/// A run that failed before it was to run again: its id, and when it had begun.
fn failed(id: &str, started: i64) -> FlowRun {
    FlowRun {
        status: RunStatus::Failed,
        times: RunTimes {
            started_at: Some(at(started)),
            ..RunTimes::default()
        },
        ..run(id, WindowEvidence::Params(window(1)), INTENT - 900, OURS)
    }
}

/// An open request to run `of` again.
fn retry_of(of: &FlowRun) -> OpenIntent {
    OpenIntent {
        retry: Some(Box::new(Attempt {
            run_id: of.id.clone(),
            adopted: None,
            at: at(INTENT - 900),
            sent_at: None,
            etag: None,
            last_seen: Some(of.seen(at(INTENT - 1))),
            retried_at: ClockedTime {
                local: Some(at(INTENT)),
                service: Some(at(INTENT)),
            },
            by: "process 7 on ci".to_owned(),
        })),
        ..open(1, 1)
    }
}

#[test]
fn a_retry_is_a_new_run_of_the_window_that_is_younger_than_its_intent() {
    let before = failed("before", INTENT - 800);
    let open = [retry_of(&before)];
    let claimed = ["before"];
    let new = run("new", WindowEvidence::Params(window(1)), INTENT + 2, OURS);
    let found = Reading::Found(new.id.clone(), Evidence::Params);
    assert_eq!(
        read(&open, &[new, before.clone()], &claimed, false),
        [found]
    );
    // One that was there before the request is not what came of it.
    let old = run("old", WindowEvidence::Params(window(1)), INTENT - 700, OURS);
    assert_eq!(
        read(&open, &[old, before.clone()], &claimed, false),
        [Reading::Absent]
    );
    assert_eq!(read(&open, &[before], &claimed, false), [Reading::Absent]);
}

#[test]
fn a_retry_may_be_the_same_run_that_is_no_longer_failed_or_began_anew() {
    let before = failed("r", INTENT - 800);
    let open = [retry_of(&before)];
    let claimed = ["r"];
    let again = [Reading::Found(before.id.clone(), Evidence::RanAgain)];
    for status in [
        RunStatus::Scheduled,
        RunStatus::InProgress,
        RunStatus::Success,
        RunStatus::Unknown("resumed".into()),
    ] {
        let now = FlowRun {
            status,
            ..before.clone()
        };
        assert_eq!(read(&open, &[now], &claimed, false), again);
    }
    let failed_again = failed("r", INTENT + 3);
    assert_eq!(read(&open, &[failed_again], &claimed, false), again);
    // Something of it has changed, and nothing tells what that means.
    let mut changed = before.clone();
    changed.records.input = Some(7);
    assert_eq!(
        read(&open, &[changed], &claimed, false),
        [Reading::Unclear(Unclear::Changed(before.id))]
    );
}

#[test]
fn a_retry_whose_run_shows_no_window_is_the_only_one_that_it_can_be() {
    let before = failed("before", INTENT - 800);
    let open = [retry_of(&before)];
    let silent = run("new", WindowEvidence::Missing, INTENT + 2, OURS);
    let claimed = ["before"];
    assert_eq!(
        read(&open, &[silent, before], &claimed, false),
        [only("new", Evidence::SoleIntent)]
    );
}
