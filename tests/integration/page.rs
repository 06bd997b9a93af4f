//! `--html`: the page of `plan`, `apply` and `status`, and of one that could not do its work.

use std::fs;

use serde_json::Value;

use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

/// The words of the statuses of a page's windows, each as often as it stands there.
fn statuses(page: &str) -> Vec<String> {
    let data = data(page);
    let words = data["statuses"].as_array().expect("statuses");
    let mut found = Vec::new();
    let mut add = |status: &Value, times: u64| {
        let number = usize::try_from(status.as_u64().expect("a number")).expect("small");
        let word = words[number]["word"].as_str().expect("a word");
        found.extend((0..times).map(|_| word.to_owned()));
    };
    match (
        &data["columns"]["status"],
        &data["columns"]["status"]["repeat"],
    ) {
        (_, Value::Array(repeated)) => {
            for pair in repeated {
                add(&pair[0], pair[1].as_u64().expect("a number"));
            }
        }
        (Value::Array(each), _) => each.iter().for_each(|status| add(status, 1)),
        (other, _) => panic!("{other}"),
    }
    found
}

fn data(page: &str) -> Value {
    let (_, after) = page
        .split_once("<script id=\"data\" type=\"application/json\">")
        .expect("data");
    let (json, _) = after.split_once("</script>").expect("its end");
    serde_json::from_str(json).expect("JSON")
}

fn headline(page: &str) -> &str {
    let (_, after) = page.split_once("<h1>").expect("a headline");
    after.split_once("</h1>").expect("its end").0
}

#[test]
fn a_plan_writes_its_page_and_so_does_a_dry_run() {
    let workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    for verb in ["plan", "apply --dry-run"] {
        workspace
            .run(&format!("{verb} --emulator --html page.html"))
            .exits(0);
        let page = workspace.read("page.html");
        assert_eq!(headline(&page), "Not finished: 0 of 3 windows are done");
        assert_eq!(statuses(&page), ["new", "new", "new"]);
        fs::remove_file(workspace.path().join("page.html")).expect("it is there");
    }
}

#[test]
fn an_apply_that_waits_shows_how_its_runs_ended_and_a_status_the_same() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    let scenario = "{ scheduledFor: 0, runsFor: 0, outcomes: { failed: 1 } }";
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    workspace
        .run("apply --yes --wait --limit 2 --html apply.html")
        .exits(5);
    workspace.run("status --html status.html").exits(5);
    for name in ["apply.html", "status.html"] {
        let page = workspace.read(name);
        assert_eq!(statuses(&page), ["failed", "failed", "new"], "{name}");
        assert!(page.contains("<h2>What went wrong, and what to do</h2>"));
        assert!(page.contains("2 windows failed <code>CONNECTOR-"), "{name}");
        assert!(page.contains("<code>backfill retry</code>"), "{name}");
    }
    assert!(
        workspace
            .read("status.html")
            .contains("backfill status · sandbox prod · 1 flow")
    );
}

#[test]
fn an_apply_with_nothing_to_do_writes_its_page_too() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    let emulated = Emulated::start(&workspace, "{ scheduledFor: 0, runsFor: 0 }");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes --wait").exits(0);
    let text = workspace.run("apply --yes --html page.html").exits(0);
    assert!(text.stdout.starts_with("Nothing to do"), "{}", text.stdout);
    let page = workspace.read("page.html");
    assert_eq!(
        headline(&page),
        "Finished: the data of all 2 windows is there"
    );
}

#[test]
fn what_was_rejected_and_what_is_left_say_why() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    workspace.manifest(2, 1, false);
    let scenario = format!(
        "{{ flows: [{{ id: {}, state: disabled }}], \
         faults: [{{ on: createRun, calls: [1], do: {{ status: {{ code: 400 }} }} }}] }}",
        flow(2)
    );
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes --html page.html").exits(5);
    let page = workspace.read("page.html");
    assert_eq!(statuses(&page), ["rejected", "created", "blocked"]);
    assert!(page.contains("HTTP 400"), "the service's words");
    let texts = data(&page)["texts"].to_string();
    assert!(texts.contains("enable it first"), "{texts}");
}

#[test]
fn windows_in_conflict_are_on_the_page_of_the_apply_that_they_stop() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let emulated = Emulated::start(&workspace, "{}");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    workspace.write(
        "manifests/flow-1.yaml",
        &format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nruns: \
             [{{ windowStartTime: 1640995200, windowEndTime: 1641038400 }}]\n",
            flow(1)
        ),
    );
    workspace.run("apply --yes --html page.html").exits(3);
    let page = workspace.read("page.html");
    assert_eq!(statuses(&page), ["conflict", "orphaned"]);
}

#[test]
fn a_verb_that_cannot_do_its_work_says_so_on_its_page() {
    let workspace = Workspace::new();
    workspace.write("manifests/wrong.yaml", "version: 1\nflowId: <b>\n");
    for verb in ["plan", "apply --yes", "status"] {
        workspace
            .run(&format!("{verb} --emulator --html page.html"))
            .exits(3);
        let page = workspace.read("page.html");
        let verb = verb.split(' ').next().expect("a word");
        assert_eq!(
            headline(&page),
            format!("backfill {verb} could not do its work")
        );
        assert!(page.contains("manifests/wrong.yaml:2"), "{page}");
        assert!(!page.contains("<b>\n"), "{page}");
        fs::remove_file(workspace.path().join("page.html")).expect("it is there");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_said_and_does_not_hide_the_result() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let ran = workspace
        .run("plan --emulator --html missing/page.html")
        .exits(1);
    assert!(ran.stdout.contains("Plan: 1 to create"), "{}", ran.stdout);
    assert!(
        ran.stderr
            .contains("could not write the page missing/page.html"),
        "{}",
        ran.stderr
    );
    let ran = workspace.run("apply --yes --emulator --html missing/page.html");
    let ran = ran.exits(1);
    assert!(ran.stdout.contains("Done: 1 created."), "{}", ran.stdout);
}
