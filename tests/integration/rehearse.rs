//! `rehearse`: the binary kills itself again and again, and the emulator's ledger, kept and counted
//! here anew, has each window once.

use std::time::{Duration, Instant};

use aep_backfill::emulator::Ledger;
use serde_json::Value;

use crate::support::emulated::{signal, stored_windows};
use crate::support::workspace::{Workspace, flow};

/// A workspace whose temporary folders are inside of it.
fn workspace() -> Workspace {
    let mut workspace = Workspace::new();
    std::fs::create_dir(workspace.path().join("temporary")).expect("a folder");
    let temporary = workspace.path().join("temporary");
    for name in ["TMPDIR", "TEMP", "TMP"] {
        workspace.set(name, temporary.to_str().expect("text"));
    }
    workspace
}

/// How many folders of rehearsals are left.
fn left_behind(workspace: &Workspace) -> usize {
    std::fs::read_dir(workspace.path().join("temporary"))
        .expect("the folder")
        .count()
}

/// The ledger in the folder that a rehearsal has kept.
fn kept_ledger(document: &Value) -> Ledger {
    let folder = document["kept"].as_str().expect("a folder was kept");
    let text = std::fs::read(format!("{folder}/ledger.json")).expect("the ledger is in it");
    serde_json::from_slice(&text).expect("a ledger")
}

fn each_window_once_under(scenario: &str, kills: u64) -> Value {
    const FLOWS: usize = 4;
    const DAYS: usize = 12;
    let workspace = workspace();
    for n in 0..FLOWS {
        workspace.manifest(n, DAYS, n % 2 == 0);
    }
    let line = format!("rehearse --scenario {scenario} --kills {kills} --keep --format json");
    let document = workspace.run(&line).exits(0).json();
    assert_eq!(document["format"], "rehearse/v1");
    assert_eq!(document["summary"]["wanted"], FLOWS * DAYS);
    assert_eq!(document["summary"]["created"], FLOWS * DAYS);
    for nothing in ["doubled", "lost", "unwanted", "inDoubt", "left"] {
        assert_eq!(document["summary"][nothing], 0, "{document}");
    }
    assert_eq!(document["kills"], kills, "{document}");
    assert!(document["applies"].as_u64() > Some(kills), "{document}");

    let ledger = kept_ledger(&document);
    let windows = stored_windows(&ledger);
    assert_eq!(windows.len(), FLOWS * DAYS);
    // What failed was run again, once for each failure.
    let again: Vec<_> = ledger
        .stored
        .iter()
        .filter_map(|run| run.retrigger_of.as_ref())
        .collect();
    assert_eq!(document["summary"]["retried"], again.len());
    let each: std::collections::BTreeSet<_> = again.iter().collect();
    assert_eq!(each.len(), again.len());
    let created = windows.values().sum::<usize>() - again.len();
    assert_eq!(created, FLOWS * DAYS, "{windows:?}");
    assert!(!ledger.ends.contains_key("failed"), "{:?}", ledger.ends);
    for n in 0..FLOWS {
        let of_flow = windows.keys().filter(|(id, _, _)| *id == flow(n));
        assert_eq!(of_flow.count(), DAYS);
    }
    assert_eq!(document["requests"]["createRun"], ledger.creates);
    document
}

#[test]
fn each_window_is_created_once_in_a_calm() {
    let document = each_window_once_under("calm", 6);
    assert_eq!(document["faults"], serde_json::json!({}));
    assert_eq!(document["seed"], 0);
}

#[test]
fn each_window_is_created_once_where_the_service_is_busy() {
    let document = each_window_once_under("busy", 3);
    assert!(document["faults"]["slow"].as_u64() > Some(0), "{document}");
}

#[test]
fn each_window_is_created_once_in_a_storm() {
    let document = each_window_once_under("storm --seed 5", 5);
    assert_eq!(document["seed"], 5);
    let faults = document["faults"].as_object().expect("faults by kind");
    assert!(faults.len() > 3, "{document}");
}

#[test]
fn what_went_well_is_a_table_and_a_sentence_and_leaves_nothing_behind() {
    let workspace = workspace();
    workspace.manifest(1, 2, false);
    let ran = workspace.run("rehearse --scenario calm --kills 1").exits(0);
    assert!(
        ran.stdout
            .contains("\ncreated   2\nretried   0\ndoubled   0\nlost      0\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .starts_with("Each of 2 wanted runs was created exactly once.\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("killed"), "{}", ran.stderr);
    assert_eq!(left_behind(&workspace), 0);
}

#[test]
fn the_users_guards_pace_and_state_have_no_part_in_it() {
    let mut workspace = workspace();
    workspace.write(
        "backfill.yaml",
        "version: 1\n\
         organization: 5C13@AdobeOrg\n\
         sandbox: dev\n\
         require: [reason]\n\
         settleDelay: 1 hour\n\
         limits: { rate: 1/min, newRunsPerApply: 1, perFlow: 2, window: { min: 1 hour } }\n\
         wire: { timestamps: integer }\n",
    );
    workspace.manifest(1, 5, true);
    let manifest = workspace.read("manifests/flow-1.yaml");
    workspace.write(
        "manifests/flow-1.yaml",
        &manifest.replace("sandbox: prod\n", ""),
    );
    // Were the credentials used, they would be refused.
    workspace.sign_in("https://adobe.invalid");
    let document = workspace
        .run("rehearse manifests/flow-1.yaml --scenario calm --kills 2 --keep --format json")
        .exits(0)
        .json();
    let ledger = kept_ledger(&document);
    assert_eq!(stored_windows(&ledger).len(), 5);
    assert!(ledger.stored.iter().all(|run| run.sandbox == "dev"));
    assert!(!workspace.path().join(".backfill").exists());
}

#[test]
fn a_doubling_is_listed_and_its_evidence_is_kept() {
    let workspace = workspace();
    workspace.manifest(1, 3, false);
    // A gateway that lies: it says that it has turned away what it has let through.
    workspace.write(
        "liar.yaml",
        "faults: [{ on: createRun, calls: [2], do: { status: { code: 429, when: after } } }]\n",
    );
    let document = workspace
        .run("rehearse --scenario liar.yaml --kills 0 --format json")
        .exits(1)
        .json();
    assert_eq!(document["summary"]["doubled"], 1, "{document}");
    assert_eq!(document["summary"]["created"], 3, "{document}");
    let doubled = &document["windows"][0];
    assert_eq!(doubled["outcome"], "doubled");
    assert_eq!(doubled["flowId"], flow(1));
    assert_eq!(doubled["windowStartTime"], 1_640_995_200 + 86_400);
    assert_eq!(doubled["runs"].as_array().map(Vec::len), Some(2));
    let ledger = kept_ledger(&document);
    assert_eq!(ledger.stored.len(), 4);
    let folder = document["kept"].as_str().expect("a folder");
    for evidence in ["state/state.jsonl", "report.json", "output.txt"] {
        let path = format!("{folder}/{evidence}");
        assert!(std::path::Path::new(&path).exists(), "{evidence}");
    }
    let text = workspace
        .run("rehearse --scenario liar.yaml --kills 0 --progress none")
        .exits(1)
        .stdout;
    assert!(
        text.contains("1 run doubled: a defect of backfill, unless the scenario"),
        "{text}"
    );
    assert!(text.contains("[2022-01-02, 2022-01-03)"), "{text}");
}

#[test]
fn where_nothing_shows_a_window_runs_stay_in_doubt_and_none_is_lost_or_doubled() {
    let workspace = workspace();
    workspace.manifest(1, 6, false);
    workspace.write("backfill.yaml", "version: 1\nlimits: { perFlow: 3 }\n");
    workspace.write(
        "blind.yaml",
        "paramsInLists: false\nparamsInRuns: false\ncopyWindows: false\n\
         faults: [{ on: createRun, calls: [1, 2, 3], do: { reset: after } }]\n",
    );
    let ran = workspace
        .run("rehearse --scenario blind.yaml --kills 0 --format json")
        .exits(6);
    let document = ran.json();
    assert_eq!(document["summary"]["inDoubt"], 3, "{document}");
    assert_eq!(document["summary"]["left"], 3, "{document}");
    for nothing in ["doubled", "lost", "unwanted"] {
        assert_eq!(document["summary"][nothing], 0, "{document}");
    }
    assert_eq!(document["exitCode"], 6);
    let why = document["message"].as_str().expect("a reason");
    assert!(why.contains("show no window"), "{why}");
}

#[test]
fn a_number_of_kills_that_cannot_be_reached_is_said() {
    let workspace = workspace();
    workspace.manifest(1, 1, false);
    let document = workspace
        .run("rehearse --scenario calm --kills 1000 --format json")
        .exits(0)
        .json();
    let kills = document["kills"].as_u64().expect("a number");
    assert!(kills < 1000, "{document}");
    assert_eq!(document["killsAsked"], 1000);
    assert_eq!(document["applies"], kills + 1);
    assert_eq!(document["summary"]["created"], 1);
}

#[test]
fn a_scenario_that_does_not_exist_or_is_wrong_is_refused() {
    let workspace = workspace();
    workspace.manifest(1, 1, false);
    let ran = workspace.run("rehearse --scenario hurricane").exits(3);
    assert!(
        ran.stderr.contains("hurricane") && ran.stderr.contains("calm, busy, storm"),
        "{}",
        ran.stderr
    );
    // A name is exactly one of the three: this is a file.
    workspace.write("Storm", "listedAftr: 2\n");
    let ran = workspace.run("rehearse --scenario Storm").exits(3);
    assert!(ran.stderr.contains("listedAftr"), "{}", ran.stderr);
}

#[test]
fn manifests_with_errors_are_not_rehearsed() {
    let workspace = workspace();
    workspace.write("manifests/bad.yaml", "version: 1\n");
    let ran = workspace.run("rehearse").exits(3);
    assert!(ran.stderr.contains("in the manifests"), "{}", ran.stderr);
    assert_eq!(left_behind(&workspace), 0);
}

#[test]
#[cfg_attr(windows, ignore = "no process sends Ctrl-C to another here")]
fn an_interrupt_ends_the_apply_and_takes_the_folder_away() {
    let workspace = workspace();
    workspace.manifest(1, 3, false);
    workspace.write(
        "silent.yaml",
        "faults: [{ on: createRun, do: { hang: { for: 60 } } }]\n",
    );
    let rehearsal = workspace
        .command("rehearse --scenario silent.yaml --kills 0".split(' '))
        .spawn()
        .expect("the binary runs");
    let begun = Instant::now();
    while left_behind(&workspace) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing begins");
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = Instant::now();
    signal(&rehearsal, "INT");
    let output = rehearsal.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("interrupted; applies: 1, killed: 0"),
        "{said}"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(left_behind(&workspace), 0);
}
