//! `apply`: each new run created once, a second apply does nothing.

use aep_backfill::emulator::RequestKind;
use insta::assert_snapshot;

use crate::support::by_hand::{ByHand, adopted, day, identity, record};
use crate::support::emulated::{Emulated, stored_windows};
use crate::support::workspace::{Ran, Workspace, flow};

/// No gentle pace, and doubts settled soon.
const FAST: &str = "version: 1\nsettleDelay: 3 seconds\n\
    limits: { rate: 2000/s, newRunsPerApply: 5000 }\n";

#[test]
fn the_first_command_creates_the_examples_and_the_second_time_nothing() {
    let workspace = Workspace::new();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    for example in std::fs::read_dir(examples).expect("a folder") {
        let example = example.expect("a file").path();
        if example.extension().is_some_and(|it| it == "yaml") {
            let name = example.file_name().expect("a name");
            std::fs::copy(&example, workspace.path().join("manifests").join(name)).expect("copied");
        }
    }
    workspace
        .run("plan --emulator --detailed-exitcode")
        .exits(2);
    let first = workspace.run("apply --emulator --yes").exits(0);
    assert!(
        first.stdout.ends_with("\nDone: 403 created.\n"),
        "{}",
        first.stdout
    );
    let second = workspace.run("apply --emulator --yes").exits(0);
    assert_snapshot!(second.stdout, @"Nothing to do: 0 created, 403 unchanged.");
    workspace
        .run("plan --emulator --detailed-exitcode")
        .exits(0);
    // What the emulator did never passes for what the service did.
    workspace.run("plan --detailed-exitcode").exits(2);
}

#[test]
fn a_thousand_windows_over_twenty_flows_are_created_once_each_and_in_order() {
    let mut workspace = Workspace::new();
    for n in 0..20 {
        workspace.manifest(n, 50, n % 2 == 0);
    }
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);

    workspace.run("apply --yes -q").exits(0);
    let ledger = emulated.ledger();
    assert_eq!(ledger.creates, 1000);
    let windows = stored_windows(&ledger);
    assert_eq!(windows.len(), 1000);
    assert!(windows.values().all(|times| *times == 1));
    for n in 0..20 {
        let of_flow: Vec<_> = ledger
            .stored
            .iter()
            .filter(|run| run.flow_id == flow(n))
            .collect();
        assert!(
            of_flow.is_sorted_by_key(|run| run.window_start_time),
            "flow {n} is out of order"
        );
        let carried: Vec<bool> = of_flow
            .iter()
            .map(|run| !run.delta_column.is_null())
            .collect();
        let expected: Vec<bool> = (0..50).map(|nth| n % 2 == 0 && nth == 0).collect();
        assert_eq!(
            carried, expected,
            "deltaColumn goes with a table flow's first run only"
        );
    }

    let again = workspace.run("apply --yes").exits(0);
    assert_eq!(again.stdout, "Nothing to do: 0 created, 1000 unchanged.\n");
    assert_eq!(emulated.requests(RequestKind::CreateRun), 1000);
}

#[test]
fn only_what_is_new_in_a_manifest_is_created() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    workspace.manifest(1, 5, false);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["create"], 3);
    assert_eq!(plan["summary"]["unchanged"], 2);
    workspace.run("apply --yes").exits(0);
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), 5);
    assert!(windows.values().all(|times| *times == 1));
}

#[test]
fn a_lost_state_creates_nothing_twice() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 20, true);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("it is there");
    workspace.manifest(1, 22, true);
    let ran = workspace.run("apply --yes").exits(0);
    assert!(
        ran.stdout.ends_with("\nDone: 2 created, 20 adopted.\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(emulated.ledger().stored.len(), 22);
}

#[test]
fn a_lost_state_creates_nothing_twice_where_lists_show_no_windows() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, true);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(
        &workspace,
        "{ paramsInLists: false, paramsInRuns: false, copyWindows: false }",
    );
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("it is there");
    let ran = workspace.run("apply --yes").exits(5);
    assert!(ran.stdout.contains("show no window"), "{}", ran.stdout);
    assert_eq!(emulated.ledger().creates, 3);
}

#[test]
fn the_guard_on_new_runs_leaves_the_rest_for_the_next_apply_and_says_so() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 8, false);
    workspace.manifest(2, 2, false);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    let ran = workspace
        .run("apply --yes --max-new 4 --detailed-exitcode")
        .exits(2);
    assert!(
        ran.stdout.contains("Done: 4 created, 6 remaining."),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("6 held back"), "{}", ran.stdout);
    workspace.run("apply --yes --limit 5").exits(0);
    workspace.run("apply --yes --detailed-exitcode").exits(0);
    assert_eq!(emulated.ledger().creates, 10);
}

#[test]
fn a_flow_that_may_not_be_sent_to_is_blocked_and_the_others_go_on() {
    let mut workspace = Workspace::new();
    for n in 0..5 {
        workspace.manifest(n, 2, true);
    }
    workspace.write("backfill.yaml", FAST);
    let scenario = format!(
        "flows:\n\
         - {{ id: {}, absent: true }}\n\
         - {{ id: {}, frequency: day }}\n\
         - {{ id: {}, state: disabled }}\n\
         - {{ id: {}, deltaColumn: {{ name: other }} }}\n",
        flow(0),
        flow(1),
        flow(2),
        flow(3)
    );
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    let ran = workspace.run("apply --yes --report out.json").exits(5);
    for said in [
        "FLOW-1439-404",
        "scheduled `day`",
        "the flow is disabled",
        "the manifest's deltaColumn is `updatedAt`, but the flow's is `other`",
        "2 created, 8 remaining",
    ] {
        assert!(
            ran.stdout.contains(said),
            "{said} is not in\n{}",
            ran.stdout
        );
    }
    let report: serde_json::Value =
        serde_json::from_str(&workspace.read("out.json")).expect("JSON");
    assert_eq!(report["format"], "apply/v1");
    assert_eq!(report["exitCode"], 5);
    assert_eq!(report["summary"]["created"], 2);
    assert_eq!(emulated.ledger().creates, 2);
}

#[test]
fn rejections_in_a_row_trip_the_breaker_and_are_tried_again_by_the_next_apply() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 20, false);
    workspace.write("backfill.yaml", FAST);
    let faults = "faults: [{ on: createRun, calls: [2, 3, 4, 5, 6], do: { status: { code: 400, flowCode: 1444 } } }]";
    let emulated = Emulated::start(&workspace, faults);
    workspace.sign_in(&emulated.url);
    let ran = workspace.run("apply --yes --report out.json").exits(7);
    assert!(
        ran.stderr.contains("5 rejections in a row"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("FLOW-1444-400"), "{}", ran.stdout);
    assert_eq!(emulated.ledger().creates, 6);
    let report: serde_json::Value =
        serde_json::from_str(&workspace.read("out.json")).expect("JSON");
    let rejected = report["runs"]
        .as_array()
        .and_then(|runs| runs.iter().find(|run| run["outcome"] == "rejected"))
        .expect("one was rejected");
    assert_eq!(rejected["error"]["code"], "FLOW-1444-400");
    assert!(rejected["error"]["requestId"].is_string());

    workspace.run("apply --yes").exits(0);
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), 20);
    assert!(windows.values().all(|times| *times == 1));
}

#[test]
fn an_expired_token_is_renewed_once_for_all() {
    let mut workspace = Workspace::new();
    for n in 0..8 {
        workspace.manifest(n, 5, false);
    }
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(
        &workspace,
        "faults: [{ on: createRun, calls: [11], do: expiredToken }]",
    );
    workspace.sign_in_with_secret(&emulated.url);
    workspace.set("AEP_SCOPES", "openid, session");
    let ran = workspace.run("apply --yes -v").exits(0);
    let ledger = emulated.ledger();
    assert_eq!(ledger.stored.len(), 40);
    assert_eq!(ledger.tokens_issued, 2);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains("our-secret"), "{text}");
    }
}

#[test]
fn a_lost_state_where_some_runs_show_no_window_yet_creates_nothing_twice() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(
        &workspace,
        "{ paramsInLists: false, paramsInRuns: false, scheduledFor: 8, runsFor: 0 }",
    );
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    // Until the first three are over, and show what they copied.
    while workspace.run("status --format json").json()["summary"]["success"] != 3 {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    workspace.manifest(1, 6, false);
    workspace.run("apply --yes").exits(0);
    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("it is there");
    let ran = workspace.run("apply --yes").exits(5);
    assert!(
        ran.stdout.contains("0 created, 3 adopted, 3 remaining"),
        "{}",
        ran.stdout
    );
    assert_eq!(emulated.ledger().creates, 6);
}

#[test]
fn a_flow_that_lists_the_run_of_another_flows_record_is_not_sent_to() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    let by_hand = ByHand::at(&emulated);
    let theirs = by_hand.create(1, day(0));
    by_hand.create(1, day(1));
    record(&workspace, vec![adopted(&identity(2, day(5), 1), &theirs)]);
    let ran = workspace.run("apply --yes").exits(5);
    assert!(ran.stdout.contains("on no record"), "{}", ran.stdout);
    assert_eq!(emulated.ledger().creates, 2, "only those by hand");
}

#[test]
fn a_flow_whose_recorded_runs_are_not_listed_is_not_sent_to() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    let gone = adopted(&identity(1, day(9), 1), "a-run-of-last-year");
    record(&workspace, vec![gone]);
    let ran = workspace.run("apply --yes").exits(1);
    let said = "the service's list of the flow lacks a run that is on record";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert_eq!(emulated.ledger().creates, 0);
}

#[test]
fn requests_that_no_list_ever_shows_come_to_an_end() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    let scenario = "faults: [{ on: createRun, do: { reset: before } }]";
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    let ran = workspace.run("apply --yes").exits(5);
    let said = "3 requests for the run";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert_eq!(emulated.ledger().creates, 3);
}

#[test]
fn what_is_refused_for_good_does_not_keep_the_rest_waiting() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 20, false);
    workspace.write("backfill.yaml", FAST);
    let refused: Vec<String> = (1..=5).chain(21..=25).map(|n| n.to_string()).collect();
    let faults = format!(
        "faults: [{{ on: createRun, calls: [{}], do: {{ status: {{ code: 400, flowCode: 1444 }} }} }}]",
        refused.join(", ")
    );
    let emulated = Emulated::start(&workspace, &faults);
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(7);
    let ran = workspace.run("apply --yes").exits(7);
    assert!(
        ran.stdout.contains("Stopped: 15 created, 5 rejected"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_result_that_nobody_reads_does_not_keep_runs_from_being_created() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    let mut apply = workspace
        .command(["apply", "--yes"])
        .spawn()
        .expect("the binary runs");
    drop(apply.stdout.take());
    let output = apply.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(emulated.ledger().stored.len(), 3);
}

#[test]
fn a_service_that_cannot_be_reached_is_an_error_of_its_own() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    // A port that nobody is given: a free one could be another test's a moment later.
    workspace.sign_in("http://127.0.0.1:1");
    // It is tried for a while, so both at once.
    let apply = workspace
        .command(["apply", "--yes", "--state", "other"])
        .spawn();
    let ran = workspace.run("apply --yes --no-preflight").exits(1);
    assert!(ran.stderr.contains("no connection"), "{}", ran.stderr);
    let ran = apply.expect("the binary runs").wait_with_output();
    let ran = Ran::of(ran.expect("it ends")).exits(1);
    assert!(ran.stdout.contains("no connection"), "{}", ran.stdout);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(
        plan["summary"]["create"], 3,
        "nothing left, so nothing is in doubt"
    );
}

#[test]
fn a_rerun_that_is_wanted_is_sent_though_somebody_ran_the_window_by_hand() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", FAST);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    // By hand: the same window, by another client.
    workspace.set("AEP_API_KEY", "exc_app");
    workspace
        .run("apply --yes --no-preflight --state by-hand")
        .exits(0);
    workspace.set("AEP_API_KEY", "our-key");
    assert_eq!(emulated.ledger().stored.len(), 2);
    let again = workspace
        .read("manifests/flow-1.yaml")
        .replace(" }\n", ", rerun: 2 }\n");
    workspace.write("manifests/flow-1.yaml", &again);
    let ran = workspace.run("apply --yes").exits(0);
    assert!(
        ran.stdout.ends_with("\nDone: 1 created.\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(emulated.ledger().stored.len(), 3);
}
