//! `plan --online`: what an apply would find, found out by reads alone.

use aep_backfill::emulator::RequestKind;

use crate::support::by_hand::{ByHand, day, identity, intended, record};
use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

/// Two flows of four windows, and a service that behaves as `scenario` says.
fn world(scenario: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 4, false);
    workspace.manifest(2, 4, false);
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 200/s }\n");
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    (workspace, emulated)
}

#[test]
fn runs_that_exist_are_to_be_adopted_and_nothing_is_written() {
    let (workspace, emulated) = world("");
    let ran = workspace.run("plan --online --detailed-exitcode").exits(2);
    assert!(ran.stdout.starts_with("Plan: 8 to create, 0 unchanged.\n"));

    let by_hand = ByHand::at(&emulated);
    for n in 1..4 {
        by_hand.create(1, day(n));
    }
    let shown = workspace.run("plan --online").exits(0).stdout;
    assert!(
        shown.starts_with("Plan: 5 to create, 3 to adopt, 0 unchanged.\n"),
        "{shown}"
    );
    assert!(
        shown.contains(
            "  = 3 × 1 day     [2022-01-02, 2022-01-05)  manifests/flow-1.yaml:8-10  to adopt\n"
        ),
        "{shown}"
    );
    // What a limit would hold back is looked at, too.
    let plan = workspace
        .run("plan --online --limit 1 --format json")
        .exits(0)
        .json();
    assert_eq!(plan["summary"]["adopt"], 3);
    assert_eq!(plan["summary"]["create"], 1);
    assert_eq!(plan["blocked"], serde_json::json!([]));
    assert!(!workspace.path().join(".backfill").exists());
    assert_eq!(emulated.requests(RequestKind::CreateRun), 3);

    // It is what an apply does.
    let applied = workspace.run("apply --yes --format json").exits(0).json();
    assert_eq!(applied["summary"]["adopted"], 3);
    assert_eq!(applied["summary"]["created"], 5);
}

#[test]
fn a_flow_that_cannot_be_sent_to_is_named_with_its_reason_in_every_form() {
    let (workspace, emulated) = world("");
    let manifest = workspace.read("manifests/flow-2.yaml");
    workspace.write(
        "manifests/flow-2.yaml",
        &manifest.replace(
            "source: file",
            "source: table\ndeltaColumn: { name: updatedAt }",
        ),
    );
    let reason = "the manifest says `source: table`, but the flow reads files";
    let ran = workspace.run("plan --online").exits(5);
    let told = format!(
        "Plan: 4 blocked, 4 to create, 0 unchanged.\n\n1 flow cannot be sent to:\n  flow-2  prod  {}: \
         4 runs not sent\n      {reason}\n\nForecast: 4 requests",
        flow(2)
    );
    assert!(ran.stdout.starts_with(&told), "{}", ran.stdout);
    let markdown = workspace
        .run("plan --online --format markdown")
        .exits(5)
        .stdout;
    assert!(
        markdown.contains("**1 flow cannot be sent to**"),
        "{markdown}"
    );
    let plan = workspace.run("plan --online --format json").exits(5).json();
    assert_eq!(plan["blocked"][0]["flowId"], flow(2));
    assert_eq!(plan["blocked"][0]["runs"], 4);
    assert_eq!(plan["summary"]["create"], 4);
    assert_eq!(plan["summary"]["blocked"], 4);
    assert_eq!(plan["blocked"][0]["reason"], reason);
    assert_eq!(emulated.requests(RequestKind::CreateRun), 0);
}

#[test]
fn a_doubt_is_closed_by_a_run_that_is_there_and_by_nothing_else() {
    let (workspace, emulated) = world("");
    let doubts = [0, 1].map(|n| intended(&identity(1, day(n), 1)));
    record(&workspace, doubts.to_vec());
    let by_hand = ByHand::at(&emulated);
    by_hand.create(1, day(0));
    by_hand.create(1, day(2));
    let state = workspace.read(".backfill/state.jsonl");
    let plan = workspace.run("plan --online --format json").exits(0).json();
    // The rest of a flow with a doubt is compared, too.
    assert_eq!(plan["summary"]["adopt"], 2);
    assert_eq!(plan["summary"]["inDoubt"], 1);
    assert_eq!(workspace.read(".backfill/state.jsonl"), state);
    assert_eq!(emulated.requests(RequestKind::CreateRun), 2);

    let manifest = workspace.read("manifests/flow-1.yaml");
    let table = "source: table\ndeltaColumn: { name: updatedAt }";
    workspace.write(
        "manifests/flow-1.yaml",
        &manifest.replace("source: file", table),
    );
    let plan = workspace.run("plan --online --format json").exits(5).json();
    assert_eq!(plan["blocked"][0]["flowId"], flow(1));
}

#[test]
fn how_runs_on_record_ended_is_what_the_service_says_now() {
    let (workspace, _emulated) = world("{ scheduledFor: 0, runsFor: 0, outcomes: { failed: 1 } }");
    workspace.run("apply --yes").exits(0);
    let state = workspace.read(".backfill/state.jsonl");
    assert!(!workspace.run("plan").exits(0).stdout.contains("failed"));
    let plan = workspace.run("plan --online").exits(0).stdout;
    assert!(
        plan.starts_with("Plan: 0 to create, 8 unchanged, 8 of them failed.\n"),
        "{plan}"
    );
    assert_eq!(
        workspace.read(".backfill/state.jsonl"),
        state,
        "it only looked"
    );
}

#[test]
fn looking_needs_a_sign_in_and_a_plan_alone_needs_none() {
    let (mut workspace, emulated) = world("");
    workspace.set("AEP_ACCESS_TOKEN", "");
    workspace.run("plan --online").exits(4);
    workspace.run("plan").exits(0);
    assert_eq!(emulated.requests(RequestKind::GetFlow), 0);
}
