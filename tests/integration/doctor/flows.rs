//! Flows that cannot be sent to, and services that do not do what is guessed.

use super::{at, examined, has_line};
use crate::support::by_hand::{ByHand, day};
use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

#[test]
fn each_flow_that_cannot_be_sent_to_is_named_with_its_reason() {
    let mut workspace = Workspace::new();
    for n in 1..=4 {
        workspace.manifest(n, 1, false);
    }
    workspace.manifest(5, 1, true);
    workspace.write("backfill.yaml", "version: 1\n");
    let scenario = format!(
        "flows:\n\
         - {{ id: {}, frequency: hour }}\n\
         - {{ id: {}, state: disabled }}\n\
         - {{ id: {}, absent: true }}\n\
         - {{ id: {}, deltaColumn: {{ name: DOB }} }}\n",
        flow(1),
        flow(2),
        flow(3),
        flow(5)
    );
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in_with_secret(&emulated.url);
    let ran = examined(&workspace, &emulated, 5);
    has_line(&ran, '✗', &["flow-1", "scheduled `hour`"]);
    has_line(&ran, '✗', &["flow-2", "the flow is disabled"]);
    has_line(&ran, '✗', &["flow-3", "there is no flow", "FLOW-1439-404"]);
    has_line(&ran, '✓', &["flow-4", "scheduled once"]);
    has_line(
        &ran,
        '✗',
        &[
            "flow-5",
            "deltaColumn is `updatedAt`, but the flow's is `DOB`",
        ],
    );
}

#[test]
fn a_source_that_is_not_the_flows_is_named() {
    let (workspace, emulated) = at("");
    let manifest = workspace.read("manifests/flow-1.yaml");
    let table = "source: table\ndeltaColumn: { name: updatedAt }";
    workspace.write(
        "manifests/flow-1.yaml",
        &manifest.replace("source: file", table),
    );
    let ran = examined(&workspace, &emulated, 5);
    has_line(&ran, '✗', &["flow-1", "but the flow reads files"]);
}

#[test]
fn lists_without_windows_are_told_with_how_a_lost_answer_is_then_settled() {
    let silent = "paramsInLists: false\ncopyWindows: false\n";
    let (workspace, emulated) = at(silent);
    ByHand::at(&emulated).create(1, day(0));
    let ran = examined(&workspace, &emulated, 0);
    has_line(
        &ran,
        '!',
        &["windows", "show none in lists, but by themselves"],
    );
    has_line(&ran, '✓', &["lost answers", "when it is read by its id"]);

    let (workspace, emulated) = at(&format!("{silent}paramsInRuns: false\n"));
    ByHand::at(&emulated).create(1, day(0));
    let ran = examined(&workspace, &emulated, 0);
    has_line(&ran, '!', &["windows", "not shown"]);
    has_line(&ran, '!', &["lost answers", "by a person"]);
    workspace.run("apply --yes --no-preflight").exits(0);
    let json = workspace.run("doctor --format json").exits(0).json();
    assert_eq!(json["settling"], "byOrder");
}

#[test]
fn times_in_milliseconds_are_told_with_the_setting_that_goes_with_them() {
    let (workspace, emulated) = at("timestamps: milliseconds\n");
    ByHand::at(&emulated).create(1, day(0));
    let ran = examined(&workspace, &emulated, 0);
    has_line(&ran, '!', &["times", "in milliseconds, as integers"]);
    assert!(ran.stdout.contains("unit: milliseconds"), "{}", ran.stdout);
}

#[test]
fn pages_are_tried_where_there_are_two() {
    let (workspace, emulated) = at("pageSizeMax: 2\n");
    let by_hand = ByHand::at(&emulated);
    for n in 0..3 {
        by_hand.create(1, day(n));
    }
    let ran = examined(&workspace, &emulated, 0);
    has_line(&ran, '✓', &["pages", "brought other runs"]);
    has_line(&ran, '✓', &["lists", "filtered by flow: 3 runs"]);
}
