//! `status`: how recorded runs are doing.

use crate::emulated::Emulated;
use crate::workspace::Workspace;

#[test]
fn each_recorded_run_has_its_status_counts_and_errors() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    let scenario = "{ scheduledFor: 0, runsFor: 0, outcomes: { failed: 1 } }";
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    let status = workspace.run("status --format json").exits(5).json();
    assert_eq!(status["format"], "status/v1");
    assert_eq!(status["summary"]["failed"], 3);
    let run = &status["runs"][0];
    assert_eq!(run["status"], "failed");
    assert!(run["errors"][0]["code"].is_string(), "{run}");
    let text = workspace.run("status").exits(5).stdout;
    assert!(text.starts_with("3 runs: 3 failed.\n"), "{text}");
}

#[test]
fn runs_that_succeeded_are_a_success() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    let scenario = "{ scheduledFor: 0, runsFor: 0, outcomes: { success: 1 } }";
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    let status = workspace.run("status --format json").exits(0).json();
    assert_eq!(status["summary"]["success"], 2);
    assert_eq!(status["runs"][0]["records"]["failed"], 0);
}

#[test]
fn without_a_state_there_is_nothing_to_show() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let ran = workspace.run("status --emulator").exits(0);
    assert_eq!(ran.stdout, "No runs are recorded for these manifests.\n");
}
