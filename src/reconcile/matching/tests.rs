//! Each line of the rule.

use super::*;
use crate::fixture::{INTENT, OURS, at, run, window};
use crate::run::{RunIdentity, RunStatus};

const BY_KEY: CreatorAttribution<'_> = CreatorAttribution {
    api_key: OURS,
    tells: true,
};

fn id_of(found: &Existing<'_>) -> String {
    match found {
        Existing::Run(run, _) => run.id.to_string(),
        Existing::InTheWay(other) => format!("{:?} {}", other.obstacle, other.run_id),
    }
}

/// Which runs of window 1 are found as these reruns; `claimed` stand on record.
fn found_as(reruns: &[u32], runs: &[FlowRun], claimed: &[&str]) -> Vec<Option<String>> {
    let claimed = claimed
        .iter()
        .map(|id| id.parse().expect("a run id"))
        .collect();
    let mut by_window = RunsByWindow::new(runs, &claimed);
    let mut nth = |n: &u32| {
        let rerun = Rerun::new(*n).expect("not 0");
        let found = by_window.nth(window(1), rerun, BY_KEY);
        found.map(|found| id_of(&found))
    };
    reruns.iter().map(&mut nth).collect()
}

fn some(ids: &[&str]) -> Vec<Option<String>> {
    ids.iter().map(|id| Some((*id).to_owned())).collect()
}

#[test]
fn whose_a_run_is_is_not_told_by_a_client_that_ours_do_not_carry() {
    let ours = run("ours", WindowEvidence::Missing, INTENT, "a-project");
    let other = run("other", WindowEvidence::Missing, INTENT, "another");
    let created = HashSet::from([ours.id.clone()]);
    let runs = [ours, other.clone()];
    assert!(!CreatorAttribution::learn(OURS, &runs, &created).is_others(&other));
    assert!(CreatorAttribution::learn(OURS, &runs, &HashSet::new()).is_others(&other));
}

#[test]
fn the_nth_run_of_a_window_is_its_rerun_n() {
    let runs = [
        run(
            "second",
            WindowEvidence::Params(window(1)),
            INTENT + 2,
            "exc_app",
        ),
        run(
            "first",
            WindowEvidence::Params(window(1)),
            INTENT + 1,
            "exc_app",
        ),
    ];
    let none = HashSet::new();
    let mut by_window = RunsByWindow::new(&runs, &none);
    let mut nth = |n| {
        let rerun = Rerun::new(n).expect("not 0");
        let found = by_window.nth(window(1), rerun, BY_KEY);
        found.map(|found| id_of(&found))
    };
    assert_eq!(nth(1).as_deref(), Some("first"));
    assert_eq!(nth(2).as_deref(), Some("second"));
    assert_eq!(nth(2), None, "once each");
    let mut by_window = RunsByWindow::new(&runs, &none);
    let third = Rerun::new(3).expect("not 0");
    assert_eq!(by_window.nth(window(1), third, BY_KEY), None);
}

#[test]
fn a_run_by_hand_of_a_window_that_we_know_is_not_a_rerun_that_was_wanted_later() {
    let runs = [
        run("ours", WindowEvidence::Params(window(1)), INTENT, OURS),
        run(
            "by-hand",
            WindowEvidence::Params(window(1)),
            INTENT + 1,
            "exc_app",
        ),
    ];
    let claimed = HashSet::from(["ours".parse().expect("a run id")]);
    let second = Rerun::new(2).expect("not 0");
    let mut by_window = RunsByWindow::new(&runs, &claimed);
    assert_eq!(by_window.nth(window(1), second, BY_KEY), None);
}

#[test]
fn beside_a_recorded_run_one_that_does_not_say_who_created_it_may_be_ours() {
    let mut unnamed = run("b", WindowEvidence::Params(window(1)), INTENT + 1, OURS);
    unnamed.created_client = None;
    let runs = [
        run("a", WindowEvidence::Params(window(1)), INTENT, OURS),
        unnamed,
    ];
    assert_eq!(found_as(&[2], &runs, &["a"]), some(&["b"]));
}

#[test]
fn beside_a_later_rerun_on_record_each_earlier_one_finds_a_run_while_there_are_any() {
    let by_hand = |id, after| run(id, WindowEvidence::Params(window(1)), INTENT + after, OURS);
    let runs = [by_hand("a", 1), by_hand("b", 2), by_hand("third", 3)];
    assert_eq!(found_as(&[1, 2], &runs, &["third"]), some(&["a", "b"]));
    assert_eq!(found_as(&[2], &runs[1..], &["third"]), some(&["b"]));
    assert_eq!(
        found_as(&[1, 2], &runs[1..], &["third"]),
        [Some("b".to_owned()), None]
    );
}

#[test]
fn the_intent_that_fewer_runs_can_be_of_chooses_first() {
    let runs = [
        run(
            "old",
            WindowEvidence::Params(window(1)),
            INTENT - 3600,
            "exc_app",
        ),
        run("young", WindowEvidence::Params(window(1)), INTENT + 1, OURS),
    ];
    let none = HashSet::new();
    let moment = ClockedTime {
        local: Some(at(INTENT)),
        service: Some(at(INTENT)),
    };
    let second = Rerun::new(2).expect("not 0");
    let intents = [Rerun::FIRST, second].map(|rerun| SoughtRun {
        window: window(1),
        rerun,
        intent: moment,
        is_retry: false,
    });
    let found = RunsByWindow::new(&runs, &none).of_intents(&intents, OURS);
    let run = |run| IntentMatch::Run(run, Evidence::Params);
    assert_eq!(found, [run(&runs[0]), run(&runs[1])]);
}

#[test]
fn what_is_put_on_record_gets_the_numbers_that_are_free_in_the_order_of_creation() {
    let runs = [
        run(
            "b",
            WindowEvidence::Params(window(1)),
            INTENT + 2,
            "exc_app",
        ),
        run(
            "a",
            WindowEvidence::CopyActivity(window(1)),
            INTENT + 1,
            OURS,
        ),
        run("silent", WindowEvidence::Missing, INTENT, OURS),
    ];
    let none = HashSet::new();
    let second = Rerun::new(2).expect("not 0");
    let mut numbered: Vec<(u32, String)> = RunsByWindow::new(&runs, &none)
        .numbered(&HashSet::from([(window(1), second)]))
        .into_iter()
        .map(|(_, rerun, run, _)| (rerun.get(), run.id.to_string()))
        .collect();
    numbered.sort_unstable();
    assert_eq!(numbered, [(1, "a".to_owned()), (3, "b".to_owned())]);
}

/// What is found of a wanted run with the window of a day of 2022 and this rerun.
fn found_of(runs: &[FlowRun], rerun: u32, overlap_allowed: bool) -> Vec<String> {
    let mut wanted = crate::fixture::desired(RunIdentity {
        flow: crate::fixture::flow().into(),
        window: day(0, 86_400),
        rerun: Rerun::new(rerun).expect("not 0"),
    });
    std::sync::Arc::make_mut(&mut wanted.request).overlap_allowed = overlap_allowed;
    let none = HashSet::new();
    let found = RunsByWindow::new(runs, &none).wanted([&wanted], BY_KEY);
    found.iter().map(|(_, found)| id_of(found)).collect()
}

/// A window by seconds of that day.
fn day(start: i64, end: i64) -> Window {
    let at = |s| UnixSeconds::new(1_642_204_800 + s).expect("in range");
    Window::new(at(start), at(end)).expect("a window")
}

fn shows(id: &str, window: Window) -> FlowRun {
    run(id, WindowEvidence::Params(window), INTENT, "somebody")
}

#[test]
fn a_run_of_somebody_else_that_overlaps_is_in_the_way_unless_that_is_allowed() {
    let half = shows("half", day(43_200, 86_400));
    let only_half = std::slice::from_ref(&half);
    assert_eq!(found_of(only_half, 1, false), ["Overlaps half"]);
    assert_eq!(found_of(only_half, 1, true), [""; 0]);
    let beside = [
        shows("before", day(-9_000, 0)),
        shows("after", day(86_400, 90_000)),
    ];
    assert_eq!(found_of(&beside, 1, false), [""; 0]);
    let long = [shows("long", day(-900_000, 1)), beside[0].clone()];
    assert_eq!(found_of(&long, 1, false), ["Overlaps long"]);
    for status in [RunStatus::Failed, RunStatus::Empty] {
        let run = FlowRun {
            status,
            ..half.clone()
        };
        assert_eq!(found_of(&[run], 1, false), [""; 0], "it brought nothing");
    }
    let copied = WindowEvidence::CopyActivity(day(43_200, 86_400));
    assert_eq!(
        found_of(&[run("copied", copied, INTENT, OURS)], 1, false),
        [""; 0]
    );
    let start = UnixSeconds::new(0).expect("in range");
    let history = Window::new(start, day(0, 86_400).end()).expect("a window");
    let first = shows("first", history);
    assert_eq!(found_of(std::slice::from_ref(&first), 1, false), [""; 0]);
    let later = FlowRun {
        created_at: Some(at(INTENT + 1)),
        ..shows("later", history)
    };
    assert_eq!(found_of(&[first, later], 1, false), ["Overlaps later"]);
}

#[test]
fn a_run_whose_window_is_nearly_the_one_may_be_it_whatever_is_allowed() {
    for window in [day(0, 86_399), day(1, 86_400), day(-1, 86_401)] {
        let copied = run("near", WindowEvidence::CopyActivity(window), INTENT, OURS);
        for near in [shows("near", window), copied] {
            assert_eq!(found_of(&[near], 1, true), ["NearlySame near"]);
        }
    }
}

#[test]
fn what_may_be_a_retry_of_a_failed_run_is_not_taken_for_a_rerun() {
    let whole = day(0, 86_400);
    let first = FlowRun {
        status: RunStatus::Failed,
        ..run("first", WindowEvidence::Params(whole), INTENT, OURS)
    };
    let second = run("second", WindowEvidence::Params(whole), INTENT + 1, OURS);
    let runs = [first.clone(), second.clone()];
    assert_eq!(found_of(&runs, 1, false), ["first"]);
    assert_eq!(found_of(&runs, 2, false), ["RetryOrRerun second"]);
    let first = FlowRun {
        status: RunStatus::Success,
        ..first
    };
    assert_eq!(found_of(&[first, second], 2, false), ["second"]);
}
