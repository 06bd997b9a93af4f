//! From "created" to "the data is there": `apply --wait`, `status`, `retry`, and the plan after it.

use std::collections::BTreeMap;

use aep_backfill::emulator::{Ledger, RequestKind};
use serde_json::Value;

use crate::support::by_hand::{ByHand, day};
use crate::support::dice::is_whole;
use crate::support::emulated::Emulated;
use crate::support::emulated::signal;
use crate::support::workspace::{Ran, Workspace};

/// How many runs end in which way.
struct Ends {
    /// Of each of three flows.
    days: usize,
    success: u64,
    failed: u64,
    partial: u64,
    empty: u64,
}

impl Ends {
    /// Of 300 runs 20 fail, 5 are partial and 10 empty; in small, of 60 as many by their share.
    fn of_this_run() -> Self {
        if is_whole() {
            Self {
                days: 100,
                success: 265,
                failed: 20,
                partial: 5,
                empty: 10,
            }
        } else {
            Self {
                days: 20,
                success: 53,
                failed: 4,
                partial: 1,
                empty: 2,
            }
        }
    }

    /// What is run again succeeds.
    fn scenario(&self) -> String {
        let Self {
            success,
            failed,
            partial,
            empty,
            ..
        } = self;
        format!(
            "outcomesExact: true\nbadAttempts: 1\noutcomes: {{ success: {success}, \
             failed: {failed}, partialSuccess: {partial}, noRecords: {empty} }}\n"
        )
    }
}
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
    let ends = Ends::of_this_run();
    for n in 1..=3 {
        workspace.manifest(n, ends.days, false);
    }
    let all = 3 * ends.days as u64;
    let scenario = format!("{QUICK}{}{dialect}", ends.scenario());
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    workspace.write("backfill.yaml", &config(", maxActiveRuns: 3"));

    let applied = workspace
        .run("apply --yes --wait --timeout 1m --format json")
        .exits(5)
        .json();
    assert_eq!(count(&applied, "created"), all);
    let followed = &applied["followed"];
    for (name, number) in [
        ("success", ends.success),
        ("failed", ends.failed),
        ("partial", ends.partial),
        ("empty", ends.empty),
    ] {
        assert_eq!(followed[name], number, "{followed}");
    }
    assert!(emulated.ledger().most_unfinished <= 3);
    assert_status_is_the_emulators(&workspace, &emulated, 5);

    // A plan tells it, offline, and has nothing to do.
    let plan = workspace.run("plan --detailed-exitcode").exits(0).stdout;
    let totals = format!(
        "0 to create, {all} unchanged, {} of them failed, {} of them partial, {} of them empty",
        ends.failed, ends.partial, ends.empty
    );
    assert!(plan.replace("\n      ", " ").contains(&totals), "{plan}");

    let dry = workspace
        .run("retry --dry-run --format json")
        .exits(0)
        .json();
    assert_eq!(count(&dry, "remaining"), ends.failed);
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
    assert_eq!(retries.len() as u64, ends.failed);
    assert!(retries.values().all(|times| *times == 1), "{retries:?}");

    workspace.run("apply --yes --wait --timeout 1m").exits(0);
    assert_status_is_the_emulators(&workspace, &emulated, 0);
    let plan = workspace.run("plan").exits(0).stdout;
    let totals = format!(
        "0 to create, {all} unchanged, {} of them partial, {} of them empty",
        ends.partial, ends.empty
    );
    assert!(plan.replace("\n      ", " ").contains(&totals), "{plan}");
    workspace.run("audit").exits(5); // partial runs are told
    assert_eq!(ledger.creates, all);
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
    whole_way(&format!("dialect: openapi\n{RESETS}"));
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
        "dialect: openapi\nparamsInLists: false\nparamsInRuns: false\ncopyWindows: false\n{RESETS}"
    ));
}

/// A file of ten windows of a flow whose runs take as long as `scenario` says.
fn ten(scenario: &str, limits: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 10, false);
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    workspace.write("backfill.yaml", &config(limits));
    (workspace, emulated)
}

#[test]
fn what_has_not_finished_in_time_is_told_and_goes_on() {
    let (workspace, _emulated) = ten("scheduledFor: 60\n", "");
    let ran = workspace.run("apply --yes --wait --timeout 2s").exits(9);
    assert!(
        ran.stdout.contains("The runs: 10 not finished."),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("--timeout"), "{}", ran.stderr);
    let ran = workspace.run("status --watch --timeout 1s").exits(9);
    assert!(
        ran.stdout.starts_with("10 runs: 10 scheduled.\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("0 of 10 finished"), "{}", ran.stderr);
    workspace.run("plan --detailed-exitcode").exits(0);
}

#[test]
fn after_a_deadline_nothing_is_sent_and_the_next_apply_goes_on() {
    let (workspace, emulated) = ten("scheduledFor: 0\nrunsFor: 0\n", "");
    workspace.write(
        "backfill.yaml",
        "version: 1\nlimits: { rate: 2/s }\nsettleDelay: 1 second\n",
    );
    let ran = workspace
        .run("apply --yes --deadline 3s --detailed-exitcode")
        .exits(2);
    assert!(ran.stdout.contains("--deadline"), "{}", ran.stdout);
    let created = emulated.ledger().creates;
    assert!((1..10).contains(&created), "{created}");
    workspace.run("apply --yes --wait").exits(0);
    assert_eq!(emulated.ledger().creates, 10);
}

#[test]
#[cfg_attr(windows, ignore = "no process sends Ctrl-C to another here")]
fn ctrl_c_ends_the_watching_and_not_the_runs() {
    let (workspace, emulated) = ten("scheduledFor: 600\n", "");
    workspace.run("apply --yes").exits(0);
    for line in [
        "apply --yes --wait --progress plain",
        "status --watch --progress plain",
    ] {
        let mut watching = workspace
            .command(line.split(' '))
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let before = emulated.requests(RequestKind::ListRuns);
        while emulated.requests(RequestKind::ListRuns) < before + 2 {
            assert!(watching.try_wait().expect("started").is_none(), "{line}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        signal(&watching, "INT");
        let ran = Ran::of(watching.wait_with_output().expect("it ends")).exits(130);
        let told = ran.stdout.contains("10 not finished") || ran.stdout.contains("10 scheduled");
        assert!(told, "{}", ran.stdout);
    }
    workspace.run("state verify").exits(0);
    assert_eq!(emulated.ledger().ends["scheduled"], 10);
}

#[test]
fn watching_also_follows_runs_that_are_created_after_it_began() {
    let (workspace, _emulated) = ten("scheduledFor: 0\nrunsFor: 4\n", "");
    workspace.run("apply --yes --limit 2").exits(0);
    let watching = workspace
        .command("status --watch --progress plain".split(' '))
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    workspace.run("apply --yes").exits(0);
    let ran = Ran::of(watching.wait_with_output().expect("it ends")).exits(0);
    assert!(
        ran.stdout.starts_with("10 runs: 10 success.\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_may_not_be_sent_any_more_waits_for_no_room() {
    // None of the runs finishes while the test runs.
    for (limits, flags, said) in [
        (", maxActiveRuns: 4", " --deadline 2s", "--deadline"),
        (", maxActiveRuns: 4, newRunsPerDay: 4", "", "newRunsPerDay"),
        (", maxActiveRuns: 4", " --limit 4", "--limit"),
    ] {
        let (workspace, emulated) = ten("scheduledFor: 600\n", limits);
        let began = std::time::Instant::now();
        let ran = workspace.run(&format!("apply --yes{flags}")).exits(0);
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
        assert_eq!(emulated.ledger().creates, 4, "{flags}");
        assert!(began.elapsed().as_secs() < 60, "{flags}");
    }
}

#[test]
fn a_paused_manifest_sends_nothing_new_and_its_runs_are_held_back() {
    let (workspace, emulated) = ten("scheduledFor: 0\nrunsFor: 0\n", "");
    let manifest = workspace.read("manifests/flow-1.yaml");
    let paused = manifest.replacen("reason:", "paused: true\nreason:", 1);
    workspace.write("manifests/flow-1.yaml", &paused);
    let plan = workspace
        .run("plan --detailed-exitcode --format json")
        .exits(0)
        .json();
    assert_eq!(plan["summary"]["paused"], 10);
    assert_eq!(plan["summary"]["create"], 0);
    let text = workspace.run("plan").exits(0).stdout;
    assert!(
        text.contains("  paused: manifests/flow-1.yaml:5 says `paused: true`"),
        "{text}"
    );
    workspace.run("apply --yes").exits(0);
    assert_eq!(emulated.ledger().creates, 0);
    let keys = workspace.run("plan --verbose").exits(0).stdout;
    workspace.write("manifests/flow-1.yaml", &manifest);
    workspace.run("apply --yes").exits(0);
    assert_eq!(emulated.ledger().creates, 10);
    // Nothing of it changes a key.
    let listed = workspace.run("state list --format json").exits(0).json();
    for run in listed["runs"].as_array().expect("a list") {
        let key = &run["key"].as_str().expect("a key")[..12];
        assert!(keys.contains(key), "{key}: {keys}");
    }
}

#[test]
fn the_newest_windows_go_first_where_the_manifest_says_so() {
    let (workspace, emulated) = ten("scheduledFor: 0\nrunsFor: 0\n", "");
    let manifest = workspace.read("manifests/flow-1.yaml");
    workspace.write(
        "manifests/flow-1.yaml",
        &manifest.replacen("reason:", "order: newest-first\nreason:", 1),
    );
    let plan = workspace.run("plan").exits(0).stdout;
    assert!(plan.contains("(files, newest first)"), "{plan}");
    for limit in ["--limit 2", "--max-new 3"] {
        workspace.run(&format!("apply --yes {limit}"));
    }
    workspace.run("apply --yes").exits(0);
    let starts: Vec<i64> = emulated
        .ledger()
        .stored
        .iter()
        .map(|run| run.window_start_time)
        .collect();
    assert!(starts.is_sorted_by(|a, b| a > b), "{starts:?}");
}

#[test]
fn a_budget_of_a_day_is_kept_over_days_and_what_is_left_is_told_with_when_it_fits() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 365, false);
    workspace.write("backfill.yaml", &config(", newRunsPerDay: 90"));
    let mut before = 0;
    for (day, created) in [90, 90, 90, 90, 5].into_iter().enumerate() {
        let scenario = format!("clockSkew: {}\n", day * 86_400);
        let emulated = Emulated::start_with(
            &workspace,
            &scenario,
            "--data service.jsonl",
            std::process::Stdio::inherit(),
        );
        workspace.sign_in(&emulated.url);
        let ran = workspace.run("apply --yes --progress none").exits(0);
        before += created;
        assert_eq!(emulated.ledger().stored.len(), before, "day {day}");
        let left = 365 - before;
        if left > 0 {
            let told = format!("{left} of flow-1: held back by limits.newRunsPerDay (90); it fits");
            assert!(ran.stdout.contains(&told), "{}", ran.stdout);
        }
        // A second apply of the same day sends nothing.
        workspace.run("apply --yes --progress none").exits(0);
        assert_eq!(emulated.ledger().stored.len(), before, "day {day}, again");
    }
    let windows: std::collections::BTreeSet<i64> = Emulated::start_with(
        &workspace,
        "",
        "--data service.jsonl",
        std::process::Stdio::inherit(),
    )
    .ledger()
    .stored
    .iter()
    .map(|run| run.window_start_time)
    .collect();
    assert_eq!(windows.len(), 365, "no window twice");
}

#[test]
fn a_status_of_ten_thousand_runs_takes_no_more_requests_than_their_pages() {
    let (flows, days) = if is_whole() { (20, 500) } else { (4, 250) };
    let mut workspace = Workspace::new();
    for n in 0..flows {
        workspace.manifest(n, days, false);
    }
    let emulated = Emulated::start(&workspace, "scheduledFor: 0\nrunsFor: 0\n");
    workspace.sign_in(&emulated.url);
    workspace.write(
        "backfill.yaml",
        "version: 1\nlimits: { rate: unlimited, newRunsPerApply: 10000 }\n",
    );
    workspace.run("apply --yes --progress none").exits(0);
    let before = emulated.requests(RequestKind::ListRuns);
    let status = workspace.run("status --format json").exits(0).json();
    assert_eq!(count(&status, "success"), (flows * days) as u64);
    let requests = emulated.requests(RequestKind::ListRuns) - before;
    let pages = days.div_ceil(100) + 1;
    assert!(requests <= flows * pages, "{requests}");
    assert_eq!(emulated.requests(RequestKind::GetRun), 0);
}

#[test]
fn what_was_tried_as_often_as_is_allowed_is_left_to_a_person() {
    let (workspace, emulated) = ten(
        "scheduledFor: 0\nrunsFor: 0\noutcomes: { failed: 1 }\n",
        ", attempts: 2",
    );
    workspace.run("apply --yes").exits(0);
    workspace.run("retry --yes").exits(0);
    let retried = workspace.run("retry --yes --format json").exits(5).json();
    assert_eq!(count(&retried, "exhausted"), 10);
    assert_eq!(count(&retried, "retried"), 0);
    assert_eq!(emulated.requests(RequestKind::Action), 10);
    let text = workspace.run("retry --yes").exits(5).stdout;
    assert!(text.contains("left to a person"), "{text}");
    let key = retried["runs"][0]["key"].as_str().expect("a key");
    let line = format!("retry --yes --only {} --max-attempts 3", &key[..12]);
    workspace.run(&line).exits(0);
    assert_eq!(emulated.requests(RequestKind::Action), 11);
    let shown = workspace.run(&format!("state show {key}")).exits(0).stdout;
    assert!(
        shown.contains("attempts  1. run ") && shown.contains("2. run "),
        "{shown}"
    );
}

#[test]
fn a_run_that_was_replaced_is_no_duplicate_and_no_second_run_to_anybody() {
    for dialect in ["", "dialect: openapi\n"] {
        let (workspace, _emulated) = ten(
            &format!(
                "scheduledFor: 0\nrunsFor: 0\noutcomes: {{ failed: 1 }}\nbadAttempts: 1\n{dialect}"
            ),
            "",
        );
        workspace.run("apply --yes --wait").exits(5);
        workspace.run("audit").exits(5);
        workspace.run("retry --yes --wait").exits(0);
        workspace.run("audit").exits(0);
        workspace.run("status").exits(0);
        workspace.run("plan --detailed-exitcode").exits(0);
        workspace.run("apply --yes").exits(0);
        std::fs::remove_file(workspace.path().join("manifests/flow-1.yaml")).expect("removed");
        let line = format!(
            "import {} --sandbox prod --dry-run --format json",
            crate::support::workspace::flow(1)
        );
        let imported = workspace.run(&line).exits(0).json();
        let runs = imported["flows"][0]["runs"].as_array().map(Vec::len);
        assert_eq!(runs, Some(10), "{imported}");
        let listed = workspace.run("state list --format json").exits(0).json();
        let run = &listed["runs"][0];
        assert_eq!(run["attempts"].as_array().map(Vec::len), Some(1), "{run}");
        assert_eq!(run["attempts"][0]["lastSeen"]["status"], "failed");
        assert_eq!(run["lastSeen"]["status"], "success");
        assert!(run["etag"].is_string(), "{run}");
    }
}

#[test]
fn runs_without_a_record_are_run_again_only_where_that_is_asked_for() {
    let (workspace, emulated) = ten(
        "scheduledFor: 0\nrunsFor: 0\noutcomes: { noRecords: 1 }\nbadAttempts: 1\n",
        "",
    );
    workspace.run("apply --yes --wait").exits(0);
    let none = workspace.run("retry --yes --format json").exits(0).json();
    assert_eq!(count(&none, "unchanged"), 10);
    let some = workspace
        .run("retry --yes --empty --limit 4 --wait --format json")
        .exits(0)
        .json();
    assert_eq!((count(&some, "retried"), count(&some, "remaining")), (4, 6));
    assert_eq!(some["followed"]["success"], 4, "{some}");
    assert_eq!(emulated.requests(RequestKind::Action), 4);
}

#[test]
fn runs_of_others_that_block_a_flow_are_named() {
    let (workspace, emulated) = ten("scheduledFor: 0\nrunsFor: 600\n", ", maxActiveRuns: 1");
    let theirs = ByHand::at(&emulated).create(1, day(40));
    let ran = workspace.run("apply --yes --timeout 3s --progress plain");
    let told = format!(
        "waiting    flow-1: 1 run has not finished, as many as maxActiveRuns allows: of others: run \
         {theirs}\n"
    );
    let stderr = ran.exits(9).stderr;
    assert!(stderr.contains(&told), "{stderr}");
}
