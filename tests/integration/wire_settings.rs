//! `wire` in the config: what is sent, asked for and understood where Adobe's documents are silent.

use serde_json::Value;

use crate::support::emulated::{Emulated, assert_each_once};
use crate::support::workspace::{Workspace, flow};
use crate::wire::server::{Server, is_create};

/// A flow of files, as the service shows it.
const FLOW: &str = r#"{"items":[{"id":"f","state":"enabled","scheduleParams":{"frequency":"once"},
    "flowSpec":{"id":"9753525b-82c7-4dce-8a9b-5ccfce2b9876"}}]}"#;

#[test]
fn times_and_pages_are_as_the_config_says() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request() {
            let line = request.lines().next().unwrap_or_default();
            if is_create(line) {
                let id = format!(r#"{{"id":"run-{}"}}"#, talk.number);
                talk.answer(201, id);
            } else if line.contains("/flows/") {
                talk.answer(200, FLOW);
            } else {
                talk.answer(200, r#"{"items":[]}"#);
            }
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in(&server.url());
    workspace.write(
        "backfill.yaml",
        "version: 1\nwire: { timestamps: integer, unit: milliseconds, pageSize: 50 }\n",
    );
    workspace.run("apply --yes").exits(0);
    let bytes = server.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let window = r#""windowStartTime":1640995200000,"windowEndTime":1641081600000"#;
    assert!(text.contains(window), "{text}");
    let lists = server.request_lines();
    let lists: Vec<_> = lists
        .iter()
        .filter(|line| line.contains("/runs?"))
        .collect();
    assert!(!lists.is_empty());
    for list in lists {
        assert!(list.contains("limit=50"), "{list}");
    }
}

#[test]
fn milliseconds_are_recognised_as_the_windows_they_are() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nwire: { unit: milliseconds }\n",
    );
    // The answer of the second is lost; the lists show its window in milliseconds, as it was sent.
    let lost = "faults: [{ on: createRun, calls: [2], do: { reset: after } }]\n";
    let emulated = Emulated::start(&workspace, lost);
    workspace.sign_in(&emulated.url);
    let ran = workspace.run("apply --yes").exits(0);
    assert!(ran.stdout.contains("1 adopted"), "{}", ran.stdout);
    assert_each_once(&emulated, 3);
    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("there is a state");
    workspace.run("apply --yes").exits(0);
    assert_each_once(&emulated, 3);
}

#[test]
fn each_run_brings_the_delta_column_where_the_service_wants_that() {
    for (rule, brought) in [("first", 1), ("always", 3)] {
        let mut workspace = Workspace::new();
        workspace.manifest(1, 3, true);
        workspace.write(
            "backfill.yaml",
            &format!("version: 1\nwire: {{ deltaColumn: {rule} }}\n"),
        );
        let emulated = Emulated::start(&workspace, "");
        workspace.sign_in(&emulated.url);
        workspace.run("apply --yes").exits(0);
        let stored = emulated.ledger().stored;
        let with_column = stored.iter().filter(|run| run.delta_column != Value::Null);
        assert_eq!(with_column.count(), brought, "{rule}");
        assert_eq!(stored.len(), 3);
    }
}

#[test]
fn the_column_that_the_flow_has_is_sent_to_the_letter() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, true);
    workspace.write(
        "backfill.yaml",
        "version: 1\nwire: { deltaColumn: always }\n",
    );
    let column = "{ name: updatedAt, dateFormat: 'yyyy-MM-dd HH:mm:ss' }";
    let scenario = format!("flows: [{{ id: {}, deltaColumn: {column} }}]\n", flow(1));
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    for run in emulated.ledger().stored {
        assert_eq!(run.delta_column["dateFormat"], "yyyy-MM-dd HH:mm:ss");
    }
}

#[test]
fn the_word_for_a_retry_is_the_one_that_is_set() {
    for (setting, understood, code) in [
        ("re-trigger", "tutorial", 0),
        ("re-trigger", "openapi", 0), // the other word is tried
        ("RE_TRIGGER", "openapi", 0),
        ("RE_TRIGGER", "tutorial", 5),
    ] {
        let mut workspace = Workspace::new();
        workspace.manifest(1, 1, false);
        workspace.write(
            "backfill.yaml",
            &format!("version: 1\nwire: {{ retryWord: {setting} }}\n"),
        );
        let scenario = format!(
            "scheduledFor: 0\nrunsFor: 0\noutcomes: {{ failed: 1 }}\nbadAttempts: 1\n\
             dialect: {understood}\n"
        );
        let emulated = Emulated::start(&workspace, &scenario);
        workspace.sign_in(&emulated.url);
        workspace.run("apply --yes").exits(0);
        let ran = workspace.run("retry --yes");
        assert_eq!(
            ran.code,
            Some(code),
            "{setting} {understood}: {}",
            ran.stdout
        );
    }
}

#[test]
fn a_status_that_is_explained_is_no_riddle_any_more() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request() {
            let line = request.lines().next().unwrap_or_default();
            if is_create(line) {
                talk.answer(201, r#"{"id":"run-1"}"#);
            } else if line.contains("/flows/") {
                talk.answer(200, FLOW);
            } else {
                let run = format!(
                    r#"{{"items":[{{"id":"run-1","flowId":"{}","metrics":{{"statusSummary":{{"status":"ABORTED"}}}}}}]}}"#,
                    flow(1)
                );
                talk.answer(200, run);
            }
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in(&server.url());
    workspace.write("backfill.yaml", "version: 1\n");
    workspace.run("apply --yes --no-preflight").exits(0);
    let status = |workspace: &Workspace| {
        let json = workspace.run("status --format json").json();
        json["runs"][0]["status"].clone()
    };
    assert_eq!(status(&workspace), "ABORTED");
    let ran = workspace.run("doctor");
    assert!(
        ran.stdout.contains("taken as not finished: ABORTED"),
        "{}",
        ran.stdout
    );
    workspace.write(
        "backfill.yaml",
        "version: 1\nwire: { statuses: { aborted: failed } }\n",
    );
    assert_eq!(status(&workspace), "failed");
    let ran = workspace.run("doctor");
    assert!(!ran.stdout.contains("ABORTED"), "{}", ran.stdout);
}

#[test]
fn windows_that_lists_cannot_show_in_milliseconds_are_refused() {
    let workspace = Workspace::new();
    let windows = |start: &str, end: &str| {
        workspace.write(
            "manifests/early.yaml",
            &format!(
                "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nreason: a test\n\
                 ranges: [{{ from: {start}, to: {end}, every: 1 day }}]\n",
                flow(1)
            ),
        );
    };
    workspace.write(
        "backfill.yaml",
        "version: 1\nwire: { unit: milliseconds }\n",
    );
    windows("1970-04-25", "1970-04-27");
    let ran = workspace.run("plan").exits(3);
    assert!(
        ran.stderr
            .contains("manifests/early.yaml:6: with `wire.unit: milliseconds` a list"),
        "{}",
        ran.stderr
    );
    windows("1970-04-27", "1970-04-29");
    workspace.run("plan").exits(0);
    windows("1970-04-25", "1970-04-27");
    workspace.write("backfill.yaml", "version: 1\n");
    workspace.run("plan").exits(0);
}
