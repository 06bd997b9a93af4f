//! `resolve`: a person's way out of doubts that no list can end.

use aep_backfill::run::RunIdentity;
use serde_json::Value;

use crate::support::by_hand::{ByHand, day, identity};
use crate::support::emulated::{Emulated, stored_windows};
use crate::support::workspace::{Ran, Workspace};

/// Lists never show a window, so that a lost answer and somebody else's run leave a doubt.
const SILENT: &str = "paramsInLists: false\nparamsInRuns: false\ncopyWindows: false\n";

/// They show it once a run is at work, which is after the apply has given up.
const SHOWN_LATE: &str = "paramsInLists: false\nparamsInRuns: false\nscheduledFor: 8\n";

/// A workspace whose one wanted run is in doubt, and was stored if `stored`. Somebody else has
/// created a run of the flow since.
fn in_doubt(stored: bool, lists: &str) -> (Workspace, Emulated, String) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    let when = if stored { "after" } else { "before" };
    let scenario =
        format!("{lists}faults: [{{ on: createRun, calls: [1], do: {{ reset: {when} }} }}]");
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    let theirs = std::thread::scope(|scope| {
        let apply = scope.spawn(|| workspace.run("apply --yes"));
        while emulated.ledger().creates == 0 {
            std::thread::yield_now();
        }
        let theirs = ByHand::at(&emulated).create(1, day(7));
        apply.join().expect("it ran").exits(6);
        theirs
    });
    (workspace, emulated, theirs)
}

fn wanted() -> RunIdentity {
    identity(1, day(0), 1)
}

/// Our run, as the emulator stored it.
fn ours(emulated: &Emulated) -> String {
    let ledger = emulated.ledger();
    let mut stored = ledger.stored.iter();
    let ours = stored.find(|run| run.window_start_time == day(0).0);
    ours.expect("it is stored").run_id.clone()
}

/// The lines of the state file under its header, which counts every hold on it.
fn records(workspace: &Workspace) -> Vec<String> {
    let state = workspace.read(".backfill/state.jsonl");
    state.lines().skip(1).map(ToOwned::to_owned).collect()
}

fn resolve(workspace: &Workspace, decision: &str, reason: &str) -> Ran {
    let key = wanted().key().short();
    let line = format!("resolve {key} {decision} --reason");
    let arguments = line.split_whitespace().chain([reason]);
    workspace.run_with(arguments)
}

#[test]
fn without_a_decision_what_is_known_is_shown_and_nothing_changes() {
    let (workspace, emulated, theirs) = in_doubt(true, SILENT);
    let before = records(&workspace);
    let ran = workspace.run("resolve").exits(6);
    let key = wanted().key().short();
    for said in [
        &*format!("run     {key}\nflow    prod  {}\n", wanted().flow.id),
        "window  [2022-01-01, 2022-01-02)\n",
        "known   in doubt since 2",
        "listed  2 runs of the flow since then, on no record:\n",
        &theirs,
        "exc_app",
        &ours(&emulated),
        "not shown",
        "Decide with --adopt RUN_ID or --not-created, and --reason.",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    assert_eq!(records(&workspace), before);

    let shown = workspace.run("resolve --format json").exits(6).json();
    assert_eq!(shown["format"], "resolve/v1");
    assert_eq!(shown["runs"][0]["key"], wanted().key().to_string());
    assert_eq!(
        shown["runs"][0]["candidates"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(shown["runs"][0]["decision"], Value::Null);
}

#[test]
fn a_run_that_a_person_recognises_is_adopted_and_never_sent_again() {
    let (workspace, emulated, _) = in_doubt(true, SILENT);
    let ours = ours(&emulated);
    let ran = resolve(
        &workspace,
        &format!("--adopt {ours}"),
        "the batch in the catalog has this window",
    )
    .exits(0);
    let key = wanted().key().short();
    assert!(
        ran.stdout
            .ends_with(&format!("Recorded: {key} is the run {ours}.\n")),
        "{}",
        ran.stdout
    );
    workspace.run("plan --detailed-exitcode").exits(0);
    workspace.run("apply --yes").exits(0);
    assert_eq!(
        stored_windows(&emulated.ledger()).values().sum::<usize>(),
        2
    );

    let shown = workspace.run(&format!("state show {key}")).exits(0).stdout;
    assert!(
        shown.contains("decided: the batch in the catalog has this window"),
        "{shown}"
    );
    let listed = workspace.run("state list --format json").exits(0).json();
    assert_eq!(listed["runs"][0]["fate"], "adopted");
    assert_eq!(listed["runs"][0]["evidence"], "person");
    assert_eq!(listed["runs"][0]["runId"], ours);
}

#[test]
fn a_run_that_a_person_knows_was_not_created_is_sent_once_more() {
    let (workspace, emulated, _) = in_doubt(false, SILENT);
    resolve(&workspace, "--not-created", "the proxy logged no request").exits(0);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["create"], 1);
    assert_eq!(plan["runs"][0]["known"]["fate"], "notCreated");
    // Their run shows no window, which blocks the flow only where the state knows none of it.
    workspace.run("apply --yes --no-preflight").exits(0);
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), 2);
    assert!(windows.values().all(|times| *times == 1));

    // How the doubt was closed outlives what came of the run later.
    let key = wanted().key().short();
    let shown = workspace.run(&format!("state show {key} --format json"));
    let shown = shown.exits(0).json();
    assert_eq!(shown["runs"][0]["fate"], "created");
    assert_eq!(shown["runs"][0]["earlier"][0]["evidence"], "person");
    assert_eq!(
        shown["runs"][0]["earlier"][0]["reason"],
        "the proxy logged no request"
    );
}

#[test]
fn a_person_who_was_wrong_can_say_so_until_the_run_is_sent_again() {
    let (workspace, emulated, _) = in_doubt(true, SILENT);
    resolve(&workspace, "--not-created", "nobody saw it").exits(0);
    let key = wanted().key().short();
    let ran = workspace.run(&format!("resolve {key}")).exits(0);
    let ours = ours(&emulated);
    assert!(ran.stdout.contains(&ours), "{}", ran.stdout);
    resolve(
        &workspace,
        &format!("--adopt {ours}"),
        "the batch is in the catalog",
    )
    .exits(0);
    workspace.run("plan --detailed-exitcode").exits(0);
    workspace.run("apply --yes").exits(0);
    let windows = stored_windows(&emulated.ledger());
    assert!(windows.values().all(|times| *times == 1), "{windows:?}");
    let shown = workspace.run(&format!("state show {key} --format json"));
    let shown = shown.exits(0).json();
    assert_eq!(shown["runs"][0]["runId"], ours);
    assert_eq!(shown["runs"][0]["earlier"][0]["reason"], "nobody saw it");
}

#[test]
fn a_decision_that_the_service_contradicts_is_refused_and_nothing_is_recorded() {
    let (workspace, emulated, theirs) = in_doubt(true, SHOWN_LATE);
    let before = records(&workspace);
    // Lists show the windows only now that the apply has given up.
    while workspace.run("resolve --format json").exits(6).json()["runs"][0]["candidates"]
        .as_array()
        .is_some_and(|runs| runs.iter().any(|run| run["windowStartTime"].is_null()))
    {
        std::thread::yield_now();
    }
    let adopt_theirs = format!("--adopt {theirs}");
    for (decision, said) in [
        (
            "--not-created",
            "has this window, was created since the request, and is nobody else's",
        ),
        (
            &adopt_theirs,
            "ingests [2022-01-08T00:00:00Z, 2022-01-09T00:00:00Z)",
        ),
        ("--adopt gone", "the service knows no run gone"),
        ("--adopt a --adopt b", "1 KEY and 2 --adopts do not pair up"),
    ] {
        let ran = resolve(&workspace, decision, "a good reason").exits(3);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    for reason in ["", "TODO", "..."] {
        let ran = resolve(&workspace, "--not-created", reason).exits(3);
        assert!(ran.stderr.contains("it says nothing"), "{}", ran.stderr);
    }
    assert_eq!(records(&workspace), before);

    resolve(
        &workspace,
        &format!("--adopt {}", ours(&emulated)),
        "it has the window",
    )
    .exits(0);
    workspace.run("plan --detailed-exitcode").exits(0);
}

#[test]
fn absence_is_not_for_a_person_to_say_before_the_settle_delay() {
    let (workspace, _emulated, _) = in_doubt(false, SILENT);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 10 minutes\n");
    let ran = resolve(&workspace, "--not-created", "I was faster").exits(3);
    assert!(
        ran.stderr.contains("a run may take 600 s to be listed"),
        "{}",
        ran.stderr
    );
}

#[test]
fn only_runs_in_doubt_can_be_resolved() {
    let (workspace, _emulated, theirs) = in_doubt(true, SILENT);
    let key = wanted().key().short();
    for (line, said) in [
        (
            "resolve 00000000",
            "no run has a key that begins with `00000000`",
        ),
        (&format!("resolve {key} {key}"), "is named twice"),
        ("resolve --not-created --reason because", "<KEY>"),
        (&format!("resolve {key} --not-created"), "--reason"),
        (
            &format!("resolve {key} --not-created --adopt {theirs} --reason because"),
            "cannot be used with",
        ),
    ] {
        let ran = workspace.run(line).exits(3);
        assert!(ran.stderr.contains(said), "{line}: {}", ran.stderr);
    }
    resolve(&workspace, "--not-created", "the proxy logged no request").exits(0);
    let ran = resolve(&workspace, "--not-created", "again").exits(3);
    assert!(
        ran.stderr.contains(&format!("{key} is not in doubt"))
            && ran.stderr.contains("found not to exist"),
        "{}",
        ran.stderr
    );
}
