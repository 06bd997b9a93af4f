//! From "created" to "the data is there": `apply --wait`, `status`, `retry`, and the plan after it.

use std::collections::BTreeMap;

use aep_backfill::emulator::{Ledger, RequestKind};
use serde_json::Value;

use crate::support::emulated::Emulated;
use crate::support::workspace::Workspace;

/// Of 300 runs 20 fail, 5 are partial and 10 empty, and what is run again succeeds.
const ENDS: &str = "outcomesExact: true\nbadAttempts: 1\n\
     outcomes: { success: 265, failed: 20, partialSuccess: 5, noRecords: 10 }\n";
/// Runs that take a moment.
const QUICK: &str = "scheduledFor: 0.1\nrunsFor: 0.2\n";

/// A config that wastes no time.
fn config(more: &str) -> String {
    format!("version: 1\nlimits: {{ rate: 500/s{more} }}\nsettleDelay: 1 second\n")
}

/// How often each run was run again, by the id of the first attempt.
fn retries(ledger: &Ledger) -> BTreeMap<String, usize> {
    let mut retries = BTreeMap::new();
    for of in ledger
        .stored
        .iter()
        .filter_map(|run| run.retrigger_of.clone())
    {
        *retries.entry(of).or_default() += 1;
    }
    retries
}

fn count(document: &Value, name: &str) -> u64 {
    document["summary"][name].as_u64().unwrap_or(0)
}

#[track_caller]
fn assert_status_is_the_emulators(workspace: &Workspace, emulated: &Emulated, code: i32) {
    let status = workspace.run("status --format json").exits(code).json();
    let ends = emulated.ledger().ends;
    for name in [
        "success",
        "partial",
        "empty",
        "failed",
        "scheduled",
        "inProgress",
    ] {
        let counted = ends.get(name).copied().unwrap_or(0);
        assert_eq!(count(&status, name), counted, "{name}: {status}");
    }
}

/// The whole way, in the given dialect of the service, with faults on the way of the retries.
fn whole_way(dialect: &str) {
    let mut workspace = Workspace::new();
    for n in 1..=3 {
        workspace.manifest(n, 100, false);
    }
    let scenario = format!("{QUICK}{ENDS}{dialect}");
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    workspace.write("backfill.yaml", &config(", maxActiveRuns: 3"));

    let applied = workspace
        .run("apply --yes --wait --timeout 1m --format json")
        .exits(5)
        .json();
    assert_eq!(count(&applied, "created"), 300);
    let followed = &applied["followed"];
    for (name, number) in [
        ("success", 265),
        ("failed", 20),
        ("partial", 5),
        ("empty", 10),
    ] {
        assert_eq!(followed[name], number, "{followed}");
    }
    assert!(emulated.ledger().most_unfinished <= 3);
    assert_status_is_the_emulators(&workspace, &emulated, 5);

    // A plan tells it, offline, and has nothing to do.
    let plan = workspace.run("plan --detailed-exitcode").exits(0).stdout;
    let totals =
        "0 to create, 300 unchanged, 20 of them failed, 5 of them partial, 10 of them empty";
    assert!(plan.replace("\n      ", " ").contains(totals), "{plan}");

    let dry = workspace
        .run("retry --dry-run --format json")
        .exits(0)
        .json();
    assert_eq!(count(&dry, "remaining"), 20);
    assert_eq!(emulated.requests(RequestKind::Action), 0);

    // Answers are lost after the work was done; the process dies in the middle.
    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs < 60, "it does not end");
        let crash = match runs {
            1 => "retry-sending:3",
            2 => "retry-answered:2",
            3 => "append-half:4",
            _ => "",
        };
        let mut command = workspace.command("retry --yes --format json".split(' '));
        if !crash.is_empty() && cfg!(feature = "crash-points") {
            command.env("BACKFILL_CRASH_AT", crash);
        }
        let output = command.output().expect("the binary runs");
        let left = workspace.run("retry --dry-run --format json").json();
        if output.status.success() && count(&left, "remaining") == 0 && count(&left, "inDoubt") == 0
        {
            break;
        }
    }
    let ledger = emulated.ledger();
    let retries = retries(&ledger);
    assert_eq!(retries.len(), 20);
    assert!(retries.values().all(|times| *times == 1), "{retries:?}");

    workspace.run("apply --yes --wait --timeout 1m").exits(0);
    assert_status_is_the_emulators(&workspace, &emulated, 0);
    let plan = workspace.run("plan").exits(0).stdout;
    let totals = "0 to create, 300 unchanged, 5 of them partial, 10 of them empty";
    assert!(plan.replace("\n      ", " ").contains(totals), "{plan}");
    workspace.run("audit").exits(5); // partial runs are told
    assert_eq!(ledger.creates, 300);
}

const RESETS: &str = "faults:\n\
     - { on: action, every: 5, do: { reset: after } }\n\
     - { on: action, every: 7, do: { status: { code: 502, when: after } } }\n";

#[test]
fn a_retry_that_makes_new_runs_heals_each_failed_run_once() {
    whole_way(RESETS);
}

#[test]
fn a_retry_that_runs_the_same_run_again_heals_each_failed_run_once() {
    whole_way(&format!(
        "retries: sameRun\nretryWord: openapi\nspelling: openapi\n{RESETS}"
    ));
}

#[test]
fn a_retry_heals_each_failed_run_once_where_lists_show_no_windows() {
    whole_way(&format!(
        "paramsInLists: false\nparamsInRuns: false\ncopyWindows: false\n{RESETS}"
    ));
}

#[test]
fn a_retry_under_the_same_id_heals_each_once_where_lists_show_no_windows() {
    whole_way(&format!(
        "retries: sameRun\nparamsInLists: false\nparamsInRuns: false\ncopyWindows: false\n{RESETS}"
    ));
}
