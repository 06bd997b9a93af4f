//! `status`: how recorded runs are doing.

use serde_json::Value;

use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

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

#[test]
fn a_flow_whose_runs_cannot_be_listed_is_told_and_the_others_are_shown() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    workspace.manifest(2, 1, false);
    let calm = Emulated::start(&workspace, "{ scheduledFor: 0, runsFor: 0 }");
    workspace.sign_in(&calm.url);
    workspace.run("apply --yes").exits(0);

    let scenario = format!("flows: [{{ id: {}, absent: true }}]", flow(1));
    let without = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&without.url);
    let status = workspace.run("status --format json").exits(1).json();
    assert_eq!(status["summary"]["notRead"], 2);
    assert_eq!(status["summary"]["notListed"], 1);
    assert_eq!(status["summary"]["success"], 0);
    assert_eq!(status["unread"].as_array().map(Vec::len), Some(1));
    assert_eq!(status["unread"][0]["flowId"], flow(1));
    let message = status["unread"][0]["message"].as_str().expect("a message");
    assert!(message.starts_with("HTTP 404 FLOW-1439-404"), "{message}");

    let text = workspace.run("status").exits(1).stdout;
    assert!(
        text.starts_with("3 runs: 1 not listed, 2 not read.\n"),
        "{text}"
    );
    assert!(!text.contains("in doubt"), "{text}");
    let told = format!(
        "These flows could not be listed:\n  flow-1  prod  {}\n      HTTP 404",
        flow(1)
    );
    assert!(text.contains(&told), "{text}");
}

#[test]
fn windows_that_were_rejected_are_counted_while_they_are_wanted() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    let scenario = "{ scheduledFor: 0, runsFor: 0, faults: [{ on: createRun, calls: [3], \
                    do: { status: { code: 400, flowCode: 1444, when: before } } }] }";
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(5);
    let status = workspace.run("status --format json").exits(5).json();
    assert_eq!(status["summary"]["rejected"], 1);
    assert_eq!(status["summary"]["inDoubt"], 0);
    assert_eq!(status["runs"][2]["status"], "rejected");
    let text = workspace.run("status").exits(5).stdout;
    assert!(
        text.starts_with("3 runs: 2 success, 1 rejected.\n") && text.contains("FLOW-1444-400"),
        "{text}"
    );
    // What nobody asks for any more is no matter of anybody.
    workspace.manifest(1, 2, false);
    let text = workspace.run("status").exits(0).stdout;
    assert!(text.starts_with("2 runs: 2 success.\n"), "{text}");
}

/// Starts an apply of many windows to a service whose newest runs are not listed yet, in small pages.
fn slow_apply(scenario: &str) -> (Workspace, Emulated, std::process::Child) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 300, false);
    let scenario = format!("{{ scheduledFor: 0, runsFor: 0, pageSizeMax: 10, {scenario} }}");
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 60/s }\n");
    let apply = workspace
        .command("apply --yes --progress none".split(' '))
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    workspace.write("reader.yaml", "version: 1\nlimits: { rate: 500/s }\n");
    while emulated.ledger().stored.len() < 100 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    (workspace, emulated, apply)
}

#[test]
fn while_an_apply_works_every_list_is_read_and_nothing_is_in_doubt() {
    let (workspace, _emulated, mut apply) = slow_apply("listedAfter: 1");
    let mut read = 0;
    while apply.try_wait().expect("it was started").is_none() {
        let status = workspace
            .run("status --format json --config reader.yaml")
            .exits(0)
            .json();
        assert_eq!(status["unread"], serde_json::json!([]), "{status}");
        assert_eq!(status["summary"]["inDoubt"], 0, "{}", status["summary"]);
        read += usize::from(status["heldBy"].is_string());
        workspace
            .run("retry --dry-run --config reader.yaml")
            .exits(0);
    }
    assert!(read > 0, "no status was read while the apply was at work");
    let status = workspace.run("status --format json").json();
    assert!(status["heldBy"].is_null(), "{status}");
}

#[test]
fn a_retry_while_an_apply_works_says_who_holds_the_state() {
    let (workspace, _emulated, mut apply) = slow_apply("outcomes: { failed: 1 }");
    let ran = workspace.run("retry --yes --config reader.yaml").exits(8);
    assert!(
        ran.stderr
            .contains(&format!("held by process {}", apply.id())),
        "{}",
        ran.stderr
    );
    let status = apply.wait().expect("it was started");
    assert!(status.success());
}

/// Every object of a document that has `run` or `runId`.
fn ids(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| ids(item, found)),
        Value::Object(fields) => {
            if fields.contains_key("run") || fields.contains_key("runId") {
                found.push(value.clone());
            }
            fields.values().for_each(|item| ids(item, found));
        }
        _ => {}
    }
}

#[test]
fn the_id_of_a_run_is_its_run_id_in_every_document_and_its_key_and_name_come_first() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    let emulated = Emulated::start(
        &workspace,
        "{ scheduledFor: 0, runsFor: 0, outcomes: { failed: 1 } }",
    );
    workspace.sign_in(&emulated.url);
    let applied = workspace.run("apply --yes --format json").exits(0);
    workspace.manifest(1, 1, false);
    for (ran, has_ids) in [
        (applied, 2),
        (workspace.run("apply --yes --format json").exits(0), 0),
        (workspace.run("plan --format json").exits(0), 2),
        (workspace.run("status --format json"), 2),
        (workspace.run("state list --format json").exits(0), 2),
        (workspace.run("audit --format json"), 1),
    ] {
        let mut found = Vec::new();
        ids(&ran.json(), &mut found);
        assert!(
            found.iter().all(|run| run.get("run").is_none()),
            "{}",
            ran.stdout
        );
        assert!(found.len() >= has_ids, "{}", ran.stdout);
        let order = [
            "\"key\"",
            "\"name\"",
            "\"windowStartTime\"",
            "\"status\"",
            "\"runId\"",
        ];
        let run = ran.stdout.split("\"runs\":").nth(1).unwrap_or_default();
        let places: Vec<usize> = order.iter().filter_map(|name| run.find(name)).collect();
        if ran.stdout.contains("status/v1") {
            assert_eq!(places.len(), order.len(), "{run}");
            assert!(places.is_sorted(), "{run}");
        }
    }
}
