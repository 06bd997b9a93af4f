//! `apply --plan`: what was reviewed is what is sent, and never more, whatever came since.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::by_hand::{ByHand, day, identity, intended, record};
use crate::support::emulated::{Emulated, stored_windows};
use crate::support::workspace::{Ran, Workspace, flow};

/// Two flows of four windows, and the plan of them in `plan.json`.
fn world(scenario: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 4, true);
    workspace.manifest(2, 4, false);
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nlimits: { rate: 200/s }\n",
    );
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    workspace
        .run("plan --format json --report plan.json")
        .exits(0);
    (workspace, emulated)
}

fn document(workspace: &Workspace) -> Value {
    serde_json::from_str(&workspace.read("plan.json")).expect("it is JSON")
}

/// The windows that were stored, each once.
fn stored(emulated: &Emulated) -> BTreeSet<(String, i64)> {
    let windows = stored_windows(&emulated.ledger());
    assert!(windows.values().all(|times| *times == 1), "{windows:?}");
    windows
        .into_keys()
        .map(|(flow, start, _)| (flow, start))
        .collect()
}

fn windows(of: impl IntoIterator<Item = (usize, i64)>) -> BTreeSet<(String, i64)> {
    of.into_iter().map(|(n, at)| (flow(n), day(at).0)).collect()
}

fn reviewed(ran: &Ran) -> Value {
    ran.json()["reviewed"].clone()
}

#[test]
fn only_what_was_reviewed_and_is_still_wanted_is_sent() {
    let (workspace, emulated) = world("");
    let digest = document(&workspace)["digest"].clone();
    // One manifest added, one removed, one longer and with another column for its last window.
    workspace.manifest(3, 2, false);
    std::fs::remove_file(workspace.path().join("manifests/flow-2.yaml")).expect("it is there");
    workspace.manifest(1, 6, true);

    let shown = workspace
        .run("apply --dry-run --plan plan.json")
        .exits(0)
        .stdout;
    assert!(
        shown.starts_with("Plan: 4 to create, 0 unchanged, 4 not in the reviewed plan.\n"),
        "{shown}"
    );
    assert_eq!(emulated.ledger().creates, 0);

    let ran = workspace
        .run("apply --yes --plan plan.json --format json --detailed-exitcode")
        .exits(2);
    assert_eq!(stored(&emulated), windows((0..4).map(|n| (1, n))));
    assert_eq!(
        reviewed(&ran),
        json!({
            "digest": digest, "creates": 8, "toCreate": 4, "heldBack": 0, "exist": 0, "waiting": 0,
            "notWanted": 4, "changed": 0, "adopts": 0, "notInPlan": 4
        })
    );
    assert_eq!(ran.json()["summary"]["created"], 4);
    assert_eq!(ran.json()["summary"]["remaining"], 4);

    // A second time there is nothing left of it.
    let again = workspace
        .run("apply --yes --plan plan.json")
        .exits(0)
        .stdout;
    assert!(again.contains("4 exist by now"), "{again}");
    assert_eq!(stored(&emulated).len(), 4);
}

#[test]
fn what_is_sent_for_a_run_is_what_was_reviewed() {
    let (workspace, emulated) = world("");
    let manifest = workspace.read("manifests/flow-1.yaml");
    workspace.write(
        "manifests/flow-1.yaml",
        &manifest.replace("updatedAt", "createdAt"),
    );
    let ran = workspace
        .run("apply --yes --plan plan.json --format json")
        .exits(0);
    assert_eq!(stored(&emulated), windows((0..4).map(|n| (2, n))));
    assert_eq!(reviewed(&ran)["changed"], 4);
    let text = workspace
        .run("apply --yes --plan plan.json")
        .exits(0)
        .stdout;
    assert!(
        text.replace("\n  ", " ")
            .contains("4 have another startTime or deltaColumn now and are not sent"),
        "{text}"
    );
}

#[test]
fn a_state_that_moved_on_since_doubles_nothing() {
    let (workspace, emulated) = world("");
    workspace
        .run(&format!("apply --yes --flow {} --limit 3", flow(1)))
        .exits(0);
    let ran = workspace
        .run("apply --yes --plan plan.json --format json")
        .exits(0);
    assert_eq!(reviewed(&ran)["toCreate"], 5);
    let all = [1, 2]
        .into_iter()
        .flat_map(|n| (0..4).map(move |at| (n, at)));
    assert_eq!(stored(&emulated), windows(all));
}

#[test]
fn a_part_of_a_plan_is_all_that_is_sent() {
    let (workspace, emulated) = world("");
    workspace.run("plan --limit 3 --report part.json").exits(0);
    workspace.run("apply --yes --plan part.json").exits(0);
    assert_eq!(stored(&emulated).len(), 3);
}

#[test]
fn a_file_that_is_not_the_reviewed_plan_is_refused_before_anything_is_sent() {
    let (mut workspace, emulated) = world("");
    let untouched = document(&workspace);
    let mut edited = untouched.clone();
    let mut one_more = edited["runs"][0].clone();
    one_more["rerun"] = json!(2);
    edited["runs"].as_array_mut().expect("runs").push(one_more);
    workspace.write("edited.json", &edited.to_string());
    let ran = workspace
        .run("apply --yes --plan edited.json --report report.json")
        .exits(3);
    assert!(
        ran.stderr
            .contains("error: edited.json cannot be applied: its run 9 has the key"),
        "{}",
        ran.stderr
    );
    let report: Value = serde_json::from_str(&workspace.read("report.json")).expect("JSON");
    assert_eq!(report["exitCode"], 3);

    workspace.write("cut.json", &untouched.to_string()[..400]);
    for (line, says) in [
        ("--plan cut.json", "not a plan in JSON: EOF while parsing"),
        ("--plan none.json", "could not read the plan none.json"),
        ("--plan report.json", "its format is `apply/v1`"),
        ("--dry-run --plan edited.json", "its run 9 has the key"),
    ] {
        let ran = workspace.run(&format!("apply --yes {line}")).exits(3);
        assert!(ran.stderr.contains(says), "{line}: {}", ran.stderr);
    }

    workspace.set("AEP_ORG_ID", "7D24@AdobeOrg");
    let ran = workspace.run("apply --yes --plan plan.json").exits(3);
    assert!(
        ran.stderr
            .contains("it was made for the organization 5C13@AdobeOrg, and this is 7D24@AdobeOrg"),
        "{}",
        ran.stderr
    );
    assert_eq!(emulated.ledger().creates, 0);
}

#[test]
fn a_run_in_doubt_that_is_not_to_be_sent_is_looked_for_and_not_sent_again() {
    let (workspace, emulated) = world("");
    // Neither of them arrived.
    let doubts = [(1, 0), (2, 0)].map(|(n, at)| intended(&identity(n, day(at), 1)));
    record(&workspace, doubts.to_vec());
    // Flow 1 is not in the plan; flow 2 is paused.
    let planned = workspace
        .run(&format!(
            "plan --flow {} --format json --report two.json",
            flow(2)
        ))
        .exits(0);
    assert_eq!(planned.json()["summary"]["inDoubt"], 1);
    let manifest = workspace.read("manifests/flow-2.yaml");
    workspace.write(
        "manifests/flow-2.yaml",
        &manifest.replacen("reason:", "paused: true\nreason:", 1),
    );
    let ran = workspace
        .run("apply --yes --plan two.json --format json")
        .exits(0);
    assert_eq!(emulated.ledger().creates, 0);
    assert_eq!(ran.json()["summary"]["inDoubt"], 0);
    assert_eq!(ran.json()["summary"]["remaining"], 8);
    let applied = ran.json();
    let reasons: BTreeSet<(&str, &str)> = applied["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| (&run["name"], &run["error"]["message"]))
        .filter_map(|(name, why)| Some((name.as_str()?, why.as_str()?)))
        .collect();
    assert_eq!(
        reasons,
        BTreeSet::from([
            (
                "flow-1",
                "the reviewed plan does not create it as it is asked for now"
            ),
            ("flow-2", "its manifest says `paused: true`"),
        ])
    );

    // Once it is reviewed and not paused, each is sent once.
    workspace.write("manifests/flow-2.yaml", &manifest);
    workspace.run("plan --report plan.json").exits(0);
    workspace.run("apply --yes --plan plan.json").exits(0);
    assert_eq!(stored(&emulated).len(), 8);
}

#[test]
fn what_a_plan_adopts_is_told_apart_from_what_is_not_in_it() {
    let (workspace, emulated) = world("");
    ByHand::at(&emulated).create(2, day(0));
    let online = workspace
        .run("plan --online --format json --report online.json")
        .exits(0);
    assert_eq!(online.json()["summary"]["adopt"], 1);
    let ran = workspace
        .run("apply --yes --plan online.json --format json")
        .exits(0);
    assert_eq!(reviewed(&ran)["adopts"], 1);
    assert_eq!(reviewed(&ran)["notInPlan"], 0);
    assert_eq!(ran.json()["summary"]["created"], 7);
    // Without the file the run is put on record, and nothing is sent.
    let all = workspace.run("apply --yes --format json").exits(0);
    assert_eq!(all.json()["summary"]["adopted"], 1);
    assert_eq!(stored(&emulated).len(), 8);
}
