//! Settling: whatever lists look like, a lost answer leads to the run that exists, or to one more
//! request where none does.

use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use aep_backfill::emulator::RequestKind;

use crate::support::by_hand::{ByHand, day, identity};
use crate::support::emulated::{Emulated, signal, stored_windows};
use crate::support::workspace::{Workspace, flow};

/// Answers that are lost: three runs exist then, and one does not.
const LOST: &str = "faults:
- { on: createRun, calls: [2], do: { reset: after } }
- { on: createRun, calls: [4], do: { reset: before } }
- { on: createRun, calls: [5], do: { status: { code: 504, when: after } } }
- { on: createRun, calls: [6], do: garbage }
";
const DAYS: usize = 7;

/// A workspace with one flow of seven windows, the last one wanted twice, and a service that
/// behaves as `scenario` says beside losing answers.
fn world(scenario: &str, faults: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, DAYS, true);
    let (start, end) = day(6);
    workspace.write(
        "manifests/again.yaml",
        &format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: table\n\
             deltaColumn: {{ name: updatedAt }}\nreason: the first time was wrong\n\
             runs: [{{ windowStartTime: {start}, windowEndTime: {end}, rerun: 2 }}]\n",
            flow(1)
        ),
    );
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 2 seconds\nlimits: { rate: 200/s }\n",
    );
    let emulated = Emulated::start(&workspace, &format!("{scenario}{LOST}{faults}"));
    workspace.sign_in(&emulated.url);
    (workspace, emulated)
}

/// Each window has as many runs as are wanted of it, and `more` of others.
fn is_exact(emulated: &Emulated, more: usize) {
    let windows = stored_windows(&emulated.ledger());
    for n in 0..DAYS {
        let (start, end) = day(i64::try_from(n).expect("a day"));
        let wanted = if n == 6 { 2 } else { 1 };
        assert_eq!(
            windows.get(&(flow(1), start, end)),
            Some(&wanted),
            "day {n}: {windows:?}"
        );
    }
    assert_eq!(windows.len(), DAYS + more, "{windows:?}");
}

fn settles(scenario: &str, faults: &str) {
    let (workspace, emulated) = world(scenario, faults);
    let ran = workspace.run("apply --yes").exits(0);
    assert!(ran.stdout.contains("adopted"), "{}", ran.stdout);
    is_exact(&emulated, 0);
    workspace.run("plan --detailed-exitcode").exits(0);
}

/// The same, by an apply that knows of the doubts from the journal alone.
fn settles_after_a_kill(scenario: &str) {
    let (workspace, emulated) = world(scenario, "");
    let mut creates = 0;
    for _ in 0..6 {
        let mut apply = workspace
            .command("apply --yes --progress none".split(' '))
            .spawn()
            .expect("the binary runs");
        // Killed at the next request: stored or not, nothing of its answer is recorded.
        while emulated.ledger().creates == creates
            && apply.try_wait().expect("it was started").is_none()
        {
            std::thread::yield_now();
        }
        if apply.try_wait().expect("it was started").is_none() {
            apply.kill().expect("it runs");
        }
        apply.wait().expect("it ends");
        creates = emulated.ledger().creates;
    }
    workspace.run("apply --yes").exits(0);
    is_exact(&emulated, 0);
}

#[test]
fn by_params_as_they_came() {
    settles("", "");
}

#[test]
fn by_params_as_integers_in_answers_of_the_specification() {
    settles("timestamps: integer\ndialect: openapi\n", "");
}

#[test]
fn by_params_in_milliseconds() {
    settles("timestamps: milliseconds\n", "");
}

#[test]
fn by_the_run_itself_where_lists_have_no_params() {
    settles("paramsInLists: false\n", "");
}

#[test]
fn by_the_copy_activity_where_nothing_has_params() {
    settles(
        "paramsInLists: false\nparamsInRuns: false\nscheduledFor: 0.5\n",
        "",
    );
}

#[test]
fn over_many_pages() {
    settles("pageSizeMax: 2\n", "");
    settles("pageSizeMax: 2\npageTokens: encoded\n", "");
}

#[test]
fn where_runs_are_listed_late_and_unknown_by_their_ids_until_then() {
    settles("listedAfter: 1.5\n", "");
}

#[test]
fn where_lists_fail_half_way() {
    settles(
        "pageSizeMax: 2\n",
        "- { on: listRuns, every: 5, do: { status: { code: 503, body: empty } } }\n\
         - { on: listRuns, every: 7, do: halfAnswer }\n\
         - { on: listRuns, every: 11, do: { reset: before } }\n",
    );
}

#[test]
fn where_the_services_clock_is_an_hour_ahead_or_behind() {
    for skew in ["3600", "-3600"] {
        settles(&format!("clockSkew: {skew}\n"), "");
        settles_after_a_kill(&format!("clockSkew: {skew}\n"));
    }
}

#[test]
fn by_elimination_where_no_window_is_ever_shown_and_the_clock_is_an_hour_off() {
    for skew in ["3600", "-3600"] {
        settles(
            &format!(
                "clockSkew: {skew}\nparamsInLists: false\nparamsInRuns: false\ncopyWindows: false\n"
            ),
            "",
        );
    }
}

#[test]
fn after_a_kill_from_the_journal_alone() {
    settles_after_a_kill("");
    settles_after_a_kill("paramsInLists: false\nparamsInRuns: false\nscheduledFor: 0.5\n");
}

#[test]
fn a_run_of_somebody_else_over_a_window_in_doubt_is_the_run_and_nothing_is_sent_again() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 5 seconds\n");
    let emulated = Emulated::start(
        &workspace,
        "faults: [{ on: createRun, calls: [1], do: { reset: before } }]",
    );
    workspace.sign_in(&emulated.url);
    let theirs = std::thread::scope(|scope| {
        let apply = scope.spawn(|| workspace.run("apply --yes --format json"));
        while emulated.ledger().creates == 0 {
            std::thread::yield_now();
        }
        let theirs = ByHand::at(&emulated).create(1, day(0));
        let applied = apply.join().expect("it ran").exits(0).json();
        assert_eq!(applied["runs"][0]["runId"], theirs);
        theirs
    });
    assert_eq!(emulated.requests(RequestKind::CreateRun), 2);
    let listed = workspace.run("state list --format json").exits(0).json();
    assert_eq!(listed["runs"][0]["runId"], theirs);
    assert_eq!(listed["runs"][0]["evidence"], "params");
}

#[test]
fn a_doubt_that_lists_closed_stays_on_record_with_how_many_were_read() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    let emulated = Emulated::start(
        &workspace,
        "faults: [{ on: createRun, calls: [1], do: { reset: before } }]",
    );
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    let listed = workspace.run("state list --format json").exits(0).json();
    let run = &listed["runs"][0];
    assert_eq!(run["fate"], "created");
    assert_eq!(run["earlier"][0]["fate"], "notCreated");
    assert_eq!(run["earlier"][0]["evidence"], "lists");
    is_shown(&workspace, "found not to exist");
    is_shown(&workspace, "2 readings of the flow, 0 runs in the last one");
}

fn is_shown(workspace: &Workspace, what: &str) {
    let listed = workspace.run("state list --format json").exits(0).json();
    let key = listed["runs"][0]["key"].as_str().expect("a key").to_owned();
    let shown = workspace.run(&format!("state show {key}")).exits(0);
    assert!(shown.stdout.contains(what), "{}", shown.stdout);
}

#[test]
#[cfg_attr(windows, ignore = "no process sends Ctrl-C to another here")]
fn a_doubt_of_one_flow_holds_up_no_other() {
    let mut workspace = Workspace::new();
    for n in 1..=3 {
        workspace.manifest(n, 3, false);
    }
    workspace.write("backfill.yaml", "version: 1\nlimits: { concurrency: 1 }\n");
    // The settle delay is five minutes: what waits for it does not go.
    let emulated = Emulated::start(
        &workspace,
        "faults: [{ on: createRun, calls: [1], do: { reset: before } }]",
    );
    workspace.sign_in(&emulated.url);
    let mut apply = workspace
        .command("apply --yes --progress none".split(' '))
        .spawn()
        .expect("the binary runs");
    while emulated.ledger().creates < 7 {
        assert!(apply.try_wait().expect("it was started").is_none());
        std::thread::yield_now();
    }
    signal(&apply, "INT");
    assert_eq!(apply.wait().expect("it ends").code(), Some(130));
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), 6);
    let flows: BTreeSet<&String> = windows.keys().map(|(id, ..)| id).collect();
    assert_eq!(
        flows.len(),
        2,
        "one waits, whichever came first: {windows:?}"
    );
}

#[test]
fn a_run_that_is_to_begin_later_is_missed_only_once_it_has_begun() {
    let mut workspace = Workspace::new();
    let (from, to) = day(0);
    let now = || UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let begins = now() + 12;
    workspace.write(
        "manifests/later.yaml",
        &format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nruns: [{{ windowStartTime: {from}, \
             windowEndTime: {to}, startTime: {begins} }}]\n",
            flow(1)
        ),
    );
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 2 seconds\n");
    // It never came to be; but no list can tell before it would have begun.
    let emulated = Emulated::start(
        &workspace,
        "faults: [{ on: createRun, calls: [1], do: { reset: before } }]",
    );
    workspace.sign_in(&emulated.url);
    let ran = workspace.run("apply --yes").exits(6);
    let said = "it is to begin at 20";
    assert!(ran.stdout.contains(said), "{}\n{}", ran.stdout, ran.stderr);
    let key = identity(1, (from, to), 1).key().short();
    let ran = workspace
        .run_with([
            "resolve",
            &key,
            "--not-created",
            "--reason",
            "nobody saw it",
        ])
        .exits(3);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);

    while workspace.run("apply --yes").code == Some(6) {
        assert!(now() < begins + 30, "it is in doubt for ever");
    }
    assert!(now() >= begins + 2, "sent again before it could be missed");
    let stored = emulated.ledger();
    assert_eq!((stored.creates, stored.stored.len()), (2, 1));
}
