//! `import`: runs made by hand become a manifest and a state, and from then on nothing is sent.

use std::fs;

use aep_backfill::emulator::RequestKind;
use insta::assert_snapshot;
use serde_json::Value;

use crate::support::by_hand::{ByHand, adopted, day, identity, intended, record};
use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

/// A service with these flows, and nobody's manifests.
fn by_hand(flows: &[(usize, bool)], scenario: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    for (n, table) in flows {
        workspace.manifest(*n, 1, *table);
    }
    let emulated = Emulated::start(&workspace, scenario);
    fs::remove_dir_all(workspace.path().join("manifests")).expect("it is there");
    workspace.write(
        "backfill.yaml",
        "version: 1\nsandbox: prod\nlimits: { rate: 200/s }\n",
    );
    workspace.sign_in(&emulated.url);
    (workspace, emulated)
}

fn import(workspace: &Workspace, n: usize, code: i32) -> Value {
    let line = format!("import {} --format json", flow(n));
    workspace.run(&line).exits(code).json()
}

/// The next plan has nothing to do, an apply sends nothing, and nothing differs.
#[track_caller]
fn is_clean(workspace: &Workspace, emulated: &Emulated, runs: usize) {
    let before = emulated.requests(RequestKind::CreateRun);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["unchanged"], runs, "{plan}");
    assert_eq!(plan["runs"].as_array().map(Vec::len), Some(runs));
    assert_eq!(plan["orphaned"].as_array().map(Vec::len), Some(0));
    workspace.run("plan --detailed-exitcode").exits(0);
    let apply = workspace.run("apply --yes").exits(0);
    assert_eq!(
        apply.stdout,
        format!("Nothing to do: 0 created, {runs} unchanged.\n")
    );
    assert_eq!(emulated.requests(RequestKind::CreateRun), before);
    let audit = workspace.run("audit --format json").json();
    assert_eq!(audit["summary"]["unknown"], 0, "{audit}");
    assert_eq!(audit["summary"]["doubled"], 0, "{audit}");
}

#[test]
fn runs_made_by_hand_become_a_manifest_that_wants_no_more() {
    let (workspace, emulated) = by_hand(&[(1, true)], "outcomes: { success: 1 }\n");
    let theirs = ByHand::at(&emulated);
    theirs.create_first(1, day(1), "updatedAt");
    theirs.create(1, day(0));
    theirs.create(1, day(1));
    workspace.run("schema").exits(0);
    fs::create_dir(workspace.path().join("manifests")).expect("a folder");
    workspace.write("manifests/schema.json", "{}");

    let ran = workspace.run(&format!("import {}", flow(1))).exits(0);
    assert_eq!(
        ran.stdout,
        format!(
            "3 runs of flow-1 (prod, {}): 3 adopted, 0 on\n  record before; \
             written to manifests/flow-1.yaml.\n\n\
             1 window with more than one run, ingested once for each; the manifest wants them\n  \
             so, as `rerun` 2 and on:\n  \
             [2022-01-02, 2022-01-03)  2 runs\n",
            flow(1)
        )
    );
    assert_snapshot!(workspace.read("manifests/flow-1.yaml"), @"
    # yaml-language-server: $schema=./schema.json
    version: 1
    flowId: 00000000-0000-4000-8000-000000000001
    sandbox: prod
    source: table
    deltaColumn:
      name: updatedAt
    reason: Created by hand, and imported to be on record
    runs:
    - windowStartTime: 2022-01-01T00:00:00Z
      windowEndTime: 2022-01-02T00:00:00Z
    - windowStartTime: 2022-01-02T00:00:00Z
      windowEndTime: 2022-01-03T00:00:00Z
    - windowStartTime: 2022-01-02T00:00:00Z
      windowEndTime: 2022-01-03T00:00:00Z
      rerun: 2
    ");
    workspace.run("validate").exits(0);
    is_clean(&workspace, &emulated, 3);
}

#[test]
fn importing_twice_changes_nothing() {
    let (workspace, emulated) = by_hand(&[(1, false)], "");
    ByHand::at(&emulated).create(1, day(0));
    let first = import(&workspace, 1, 0);
    assert_eq!(first["format"], "import/v1");
    assert_eq!(first["summary"]["adopted"], 1);
    assert_eq!(first["flows"][0]["runs"][0]["evidence"], "params");
    let text = workspace.read("manifests/flow-1.yaml");
    let state = workspace.read(".backfill/state.jsonl");
    let again = import(&workspace, 1, 0);
    assert_eq!(again["summary"]["adopted"], 0);
    assert_eq!(again["summary"]["unchanged"], 1);
    assert_eq!(again["flows"][0]["manifest"]["wasThere"], true);
    assert_eq!(workspace.read("manifests/flow-1.yaml"), text);
    assert_eq!(workspace.read(".backfill/state.jsonl"), state);
    is_clean(&workspace, &emulated, 1);
}

#[test]
fn an_import_that_ended_before_its_manifest_is_finished_by_the_next() {
    let (workspace, emulated) = by_hand(&[(1, false)], "");
    ByHand::at(&emulated).create(1, day(0));
    ByHand::at(&emulated).create(1, day(0));
    import(&workspace, 1, 0);
    let text = workspace.read("manifests/flow-1.yaml");
    fs::remove_file(workspace.path().join("manifests/flow-1.yaml")).expect("it is there");
    let again = import(&workspace, 1, 0);
    assert_eq!(again["summary"]["adopted"], 0);
    assert_eq!(workspace.read("manifests/flow-1.yaml"), text);
    is_clean(&workspace, &emulated, 2);
}

#[cfg(unix)] // elsewhere links are an administrator's
#[test]
fn a_manifest_that_cannot_be_written_leaves_the_runs_on_record() {
    let (workspace, emulated) = by_hand(&[(1, false)], "");
    ByHand::at(&emulated).create(1, day(0));
    workspace.write("in-the-way", "");
    let line = format!("import {} --output in-the-way/manifests", flow(1));
    // A file stands where the folder should: found before anything is written.
    let ran = workspace.run(&line).exits(3);
    assert!(!workspace.path().join(".backfill").exists());
    assert!(ran.stderr.contains("in-the-way"), "{}", ran.stderr);
    // A link to nowhere is found only by writing.
    std::os::unix::fs::symlink("nowhere/at/all", workspace.path().join("link")).expect("a link");
    let ran = workspace
        .run(&format!("import {} --output link", flow(1)))
        .exits(1);
    assert!(
        ran.stderr.contains("the runs are on record"),
        "{}",
        ran.stderr
    );
    let again = import(&workspace, 1, 0);
    assert_eq!(again["summary"]["unchanged"], 1);
    is_clean(&workspace, &emulated, 1);
}

#[test]
fn regular_windows_become_ranges() {
    let (workspace, emulated) = by_hand(&[(1, false)], "");
    let theirs = ByHand::at(&emulated);
    for n in (0..28).filter(|n| *n != 7) {
        theirs.create(1, day(n));
    }
    let (start, end) = day(40);
    theirs.create(1, (start, end - 7));
    for n in 10..13 {
        theirs.create(1, day(n));
    }
    import(&workspace, 1, 0);
    assert_snapshot!(workspace.read("manifests/flow-1.yaml"), @r"
    version: 1
    flowId: 00000000-0000-4000-8000-000000000001
    sandbox: prod
    source: file
    reason: Created by hand, and imported to be on record
    runs:
    - windowStartTime: 2022-02-10T00:00:00Z
      windowEndTime: 2022-02-10T23:59:53Z
    ranges:
    - from: 2022-01-01
      to: 2022-01-29
      every: 1 day
      except:
      - 2022-01-08
    - from: 2022-01-11
      to: 2022-01-14
      every: 1 day
      rerun: 2
    ");
    is_clean(&workspace, &emulated, 31);
}

#[test]
fn flows_with_the_same_windows_become_one_manifest() {
    let flows = [(1, false), (2, true), (3, false)];
    let (workspace, emulated) = by_hand(&flows, "outcomes: { success: 1 }\n");
    let theirs = ByHand::at(&emulated);
    for n in 0..4 {
        theirs.create(1, day(n));
        if n == 0 {
            theirs.create_first(2, day(n), "updatedAt");
        } else {
            theirs.create(2, day(n));
        }
    }
    theirs.create(3, day(0));
    let all = format!("import {} {} {}", flow(3), flow(2), flow(1));
    let printed = workspace.run(&format!("{all} --dry-run")).exits(0);
    let ran = workspace.run(&all).exits(0);
    assert_snapshot!(ran.stdout, @"
    1 run of flow-3 (prod, 00000000-0000-4000-8000-000000000003): 1 adopted, 0 on
      record before; written to manifests/flow-3.yaml.
    4 runs of flow-2 (prod, 00000000-0000-4000-8000-000000000002): 4 adopted, 0 on
      record before; written to manifests/flow-1-and-1-more.yaml.
    4 runs of flow-1 (prod, 00000000-0000-4000-8000-000000000001): 4 adopted, 0 on
      record before; written to manifests/flow-1-and-1-more.yaml.
    ");
    let text = workspace.read("manifests/flow-1-and-1-more.yaml");
    assert_snapshot!(text, @r"
    version: 1
    flows:
    - flowId: 00000000-0000-4000-8000-000000000001
      name: flow-1
      source: file
    - flowId: 00000000-0000-4000-8000-000000000002
      name: flow-2
      source: table
    sandbox: prod
    deltaColumn:
      name: updatedAt
    reason: Created by hand, and imported to be on record
    ranges:
    - from: 2022-01-01
      to: 2022-01-05
      every: 1 day
    ");
    assert!(printed.stdout.contains(&text), "{}", printed.stdout);
    assert_eq!(printed.stdout.matches("flows:").count(), 1);
    is_clean(&workspace, &emulated, 9);
    // Each of them is there, by itself and with the others.
    for line in [all, format!("import {}", flow(2))] {
        let again = workspace.run(&format!("{line} --format json")).exits(0);
        let again = again.json();
        assert_eq!(again["summary"]["adopted"], 0);
        let flows = again["flows"].as_array().expect("flows");
        assert!(
            flows
                .iter()
                .all(|flow| flow["manifest"]["wasThere"] == true)
        );
    }
}

#[test]
fn a_manifest_that_says_the_same_in_other_words_stays() {
    let (workspace, emulated) = by_hand(&[(1, false), (2, false)], "");
    let theirs = ByHand::at(&emulated);
    for n in 0..2 {
        theirs.create(1, day(n));
        theirs.create(2, day(n));
    }
    let text = format!(
        "version: 1\nflowId: {}\nsource: file # by hand\nranges:\n\
         - {{ from: 2022-01-01, to: 2022-01-03, every: 24 hours }}\n",
        flow(1)
    );
    fs::create_dir(workspace.path().join("manifests")).expect("a folder");
    workspace.write("manifests/mine.yaml", &text);
    let line = format!("import {} {}", flow(1), flow(2));
    let ran = workspace.run(&line).exits(0);
    assert!(
        ran.stdout
            .contains("manifests/mine.yaml holds them already")
            && ran.stdout.contains("written to manifests/flow-2.yaml"),
        "{}",
        ran.stdout
    );
    assert_eq!(workspace.read("manifests/mine.yaml"), text);
    is_clean(&workspace, &emulated, 4);
}

#[test]
fn a_dry_run_prints_the_manifests_and_touches_nothing() {
    let (workspace, emulated) = by_hand(&[(1, false), (2, false)], "");
    ByHand::at(&emulated).create(1, day(0));
    ByHand::at(&emulated).create(2, day(1));
    let line = format!("import {} {} --dry-run", flow(1), flow(2));
    let ran = workspace.run(&line).exits(0);
    assert_eq!(ran.stdout.matches("\nflowId: ").count(), 2);
    assert_eq!(ran.stdout.matches("---\n").count(), 1);
    assert!(
        ran.stderr.contains("1 to be adopted") && ran.stderr.contains("would be written to"),
        "{}",
        ran.stderr
    );
    assert!(!workspace.path().join(".backfill").exists());
    assert!(!workspace.path().join("manifests").exists());
    // What was printed is a file of manifests.
    fs::create_dir(workspace.path().join("printed")).expect("a folder");
    workspace.write("printed/both.yaml", &ran.stdout);
    let validated = workspace.run("validate printed").exits(0);
    assert!(validated.stdout.contains("2 runs"), "{}", validated.stdout);
}

#[test]
fn several_flows_of_one_name_get_files_of_their_own() {
    let mut workspace = Workspace::new();
    for n in 1..=2 {
        workspace.manifest(n, 1, false);
        let name = format!("manifests/flow-{n}.yaml");
        let text = workspace.read(&name);
        workspace.write(
            &name,
            &text.replace("reason:", "name: 'CRM / Accounts'\nreason:"),
        );
    }
    let emulated = Emulated::start(&workspace, "");
    fs::remove_dir_all(workspace.path().join("manifests")).expect("it is there");
    workspace.sign_in(&emulated.url);
    ByHand::at(&emulated).create(1, day(0));
    ByHand::at(&emulated).create(2, day(1));
    let line = format!("import {} {} --sandbox prod", flow(1), flow(2));
    workspace.run(&line).exits(0);
    for n in 1..=2 {
        let file = workspace.read(&format!("manifests/crm-accounts-{}.yaml", flow(n)));
        assert!(file.contains("name: CRM / Accounts\n"), "{file}");
    }
    is_clean(&workspace, &emulated, 2);
}

#[test]
fn overlaps_and_windows_of_the_future_that_exist_are_allowed_in_the_manifest() {
    let (workspace, emulated) = by_hand(&[(1, false)], "");
    let (start, end) = day(0);
    let theirs = ByHand::at(&emulated);
    theirs.create(1, (start, end));
    theirs.create(1, (start + 3600, end + 3600));
    theirs.create(1, (4_102_444_800, 4_102_448_400));
    import(&workspace, 1, 0);
    let text = workspace.read("manifests/flow-1.yaml");
    assert!(
        text.contains("\nallowFuture: true\noverlap: allow\n"),
        "{text}"
    );
    is_clean(&workspace, &emulated, 3);
}

#[test]
fn failed_runs_are_imported_counted_and_named() {
    let scenario = "{ scheduledFor: 0, runsFor: 0, outcomes: { failed: 1 } }";
    let (workspace, emulated) = by_hand(&[(1, false)], scenario);
    let id = ByHand::at(&emulated).create(1, day(0));
    let ran = workspace.run(&format!("import {}", flow(1))).exits(0);
    assert!(
        ran.stdout
            .contains("1 run failed, wholly or in part; their windows count as ingested")
            && ran
                .stdout
                .contains(&format!("  [2022-01-01, 2022-01-02)  run {id}, ")),
        "{}",
        ran.stdout
    );
    let again = import(&workspace, 1, 0);
    assert_eq!(again["summary"]["failed"], 1);
    is_clean(&workspace, &emulated, 1);
}

#[test]
fn runs_without_a_window_are_left_out_and_named() {
    let silent = "{ paramsInLists: false, paramsInRuns: false, copyWindows: false }";
    let (workspace, emulated) = by_hand(&[(1, false)], silent);
    let id = ByHand::at(&emulated).create(1, day(0));
    let ran = workspace.run(&format!("import {}", flow(1))).exits(6);
    assert!(
        ran.stdout.contains("nothing to\n  import, no manifest")
            && ran
                .stdout
                .contains("1 run without a window that can be read, not imported")
            && ran.stdout.contains(&format!("  -  run {id}, created ")),
        "{}",
        ran.stdout
    );
    assert!(!workspace.path().join("manifests").exists());
    assert!(!workspace.path().join(".backfill").exists());
}

#[test]
fn a_window_that_only_the_run_itself_or_its_copy_activity_shows_is_found() {
    for (scenario, evidence) in [
        ("{ paramsInLists: false, copyWindows: false }", "params"),
        (
            "{ paramsInLists: false, paramsInRuns: false, scheduledFor: 0 }",
            "copyActivity",
        ),
    ] {
        let (workspace, emulated) = by_hand(&[(1, false)], scenario);
        // More than an apply would ask for one by one.
        let theirs = ByHand::at(&emulated);
        for n in 0..60 {
            theirs.create(1, day(n));
        }
        let imported = import(&workspace, 1, 0);
        assert_eq!(imported["summary"]["adopted"], 60);
        assert_eq!(imported["flows"][0]["runs"][0]["evidence"], evidence);
        is_clean_offline(&workspace, 60);
    }
}

/// The next plan has nothing to do.
fn is_clean_offline(workspace: &Workspace, runs: usize) {
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["unchanged"], runs);
    workspace.run("plan --detailed-exitcode").exits(0);
}

#[test]
fn a_window_in_doubt_is_left_to_settling() {
    let (workspace, emulated) = by_hand(&[(1, false)], "");
    record(&workspace, vec![intended(&identity(1, day(0), 1))]);
    let theirs = ByHand::at(&emulated);
    let left = theirs.create(1, day(0));
    theirs.create(1, day(1));
    let imported = import(&workspace, 1, 6);
    assert_eq!(imported["summary"]["adopted"], 1);
    assert_eq!(imported["flows"][0]["inDoubt"][0]["runId"], left.as_str());
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["unchanged"], 1);
    assert_eq!(plan["orphaned"][0]["known"]["fate"], "inDoubt");
    workspace.run("apply --yes").exits(0);
    assert_eq!(emulated.requests(RequestKind::CreateRun), 2, "only theirs");
}

#[test]
fn runs_on_record_stay_what_they_are() {
    let (workspace, emulated) = by_hand(&[(1, false), (2, false)], "");
    let theirs = ByHand::at(&emulated);
    theirs.create(1, day(0));
    let second = theirs.create(1, day(0));
    let strayed = theirs.create(1, day(3));
    record(
        &workspace,
        vec![
            adopted(&identity(1, day(0), 1), &second),
            adopted(&identity(2, day(3), 1), &strayed),
        ],
    );
    let imported = import(&workspace, 1, 6);
    let runs = &imported["flows"][0]["runs"];
    assert_eq!(runs[0]["runId"], second.as_str());
    assert_eq!(
        (&runs[0]["outcome"], &runs[0]["rerun"]),
        (&"unchanged".into(), &1.into())
    );
    assert_eq!(
        (&runs[1]["outcome"], &runs[1]["rerun"]),
        (&"adopted".into(), &2.into())
    );
    assert_eq!(
        imported["flows"][0]["elsewhere"][0]["runId"],
        strayed.as_str()
    );
}

#[test]
fn what_is_in_the_way_is_said_before_anything_is_written() {
    let scenario = format!(
        "flows: [{{ id: {}, frequency: hour }}, {{ id: {}, absent: true }}]",
        flow(3),
        flow(4)
    );
    let flows = [(1, false), (2, true), (3, false), (4, false)];
    let (workspace, emulated) = by_hand(&flows, &scenario);
    ByHand::at(&emulated).create(1, day(0));
    let refused = |line: &str, code: i32, said: &str| {
        let ran = workspace
            .run(&format!("import {} {line}", flow(1)))
            .exits(code);
        assert!(ran.stderr.contains(said), "{said} is not in {}", ran.stderr);
        assert!(!workspace.path().join(".backfill").exists(), "{line}");
    };
    refused(&flow(2), 3, "names no delta column");
    refused(&flow(2), 3, "the next apply finds the runs that exist");
    refused(&flow(3), 3, "it is scheduled `hour`");
    refused(&flow(4), 3, "FLOW-1439-404");
    refused("--emulator", 3, "has no flows to import");
    refused("--reason todo", 3, "it says nothing");

    fs::create_dir(workspace.path().join("manifests")).expect("a folder");
    workspace.write("manifests/flow-1.yaml", "mine\n");
    refused(
        "",
        3,
        "manifests/flow-1.yaml exists and holds something else",
    );
    assert_eq!(workspace.read("manifests/flow-1.yaml"), "mine\n");
    fs::remove_file(workspace.path().join("manifests/flow-1.yaml")).expect("it is there");
    workspace.manifest(1, 2, false);
    fs::rename(
        workspace.path().join("manifests/flow-1.yaml"),
        workspace.path().join("manifests/other.yaml"),
    )
    .expect("renamed");
    refused("", 3, "manifests/other.yaml is a manifest of the flow");

    refused(
        "--output new",
        3,
        "manifests/other.yaml is a manifest of the flow",
    );
    fs::remove_file(workspace.path().join("manifests/other.yaml")).expect("it is there");

    workspace.write(
        "backfill.yaml",
        "version: 1\nsandbox: prod\nlimits: { window: { max: 1 hour } }\n",
    );
    refused("--output new", 3, "exceeds the greatest length");
    workspace.write("backfill.yaml", "version: 1\n");
    refused("--output new", 3, "no sandbox is named");
    assert!(!workspace.path().join("new").exists());
}

#[test]
fn a_state_that_somebody_holds_is_left_alone() {
    let (workspace, emulated) = by_hand(&[(1, false)], "");
    ByHand::at(&emulated).create(1, day(0));
    record(&workspace, Vec::new());
    let lock = fs::File::open(workspace.path().join(".backfill/lock")).expect("it is there");
    lock.lock().expect("it is free");
    let ran = workspace.run(&format!("import {}", flow(1))).exits(8);
    assert!(ran.stderr.contains("it is held by"), "{}", ran.stderr);
    assert!(!workspace.path().join("manifests").exists());
    drop(lock);
    import(&workspace, 1, 0);
    is_clean(&workspace, &emulated, 1);
}
