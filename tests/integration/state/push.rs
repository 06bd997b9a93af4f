//! `state push`.

use std::fs;

use aep_backfill::state::{Entry, Evidence};
use aep_backfill::store::LockedStore;
use jiff::Timestamp;

use super::repository::Repository;
use super::{append, holder, intent, local, organization, wait_for};
use crate::support::by_hand::{adopted, day, identity, record};
use crate::support::workspace::Workspace;

/// A workspace with a state of four runs, of which one was not created, and `edit.jsonl` pulled
/// from it.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    let mut entries: Vec<Entry> = (0..3)
        .map(|n| adopted(&identity(1, day(n), 1), &format!("run-{n}")))
        .collect();
    let last = identity(1, day(3), 1);
    entries.push(intent(&last));
    entries.push(Entry::NotCreated {
        key: last.key(),
        evidence: Evidence::Lists {
            readings: 2,
            runs: 3,
        },
        at: Timestamp::UNIX_EPOCH,
    });
    record(&workspace, entries);
    workspace.run("state pull edit.jsonl").exits(0);
    workspace
}

/// Changes the pulled file as a person with an editor does.
fn edit(workspace: &Workspace, change: impl Fn(&str) -> String) {
    let text = workspace.read("edit.jsonl");
    workspace.write("edit.jsonl", &change(&text));
}

/// Takes the `n`-th record out.
fn without(text: &str, n: usize) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(n);
    lines.join("\n")
}

fn serial(workspace: &Workspace) -> u64 {
    let verified = workspace.run("state verify --format json").exits(0).json();
    verified["state"]["serial"].as_u64().expect("a number")
}

#[test]
fn what_was_edited_takes_the_place_of_what_was_there_once_it_is_shown() {
    let workspace = workspace();
    workspace.manifest(1, 3, false);
    workspace.run("plan --detailed-exitcode").exits(0);
    let other = Workspace::new();
    record(&other, vec![adopted(&identity(2, day(0), 2), "new")]);
    let added = other.run("state pull").exits(0).stdout;
    let added = added.lines().nth(1).expect("a record");
    edit(&workspace, |text| {
        let text = without(text, 2).replace("run-0", "another-run");
        format!("{text}\n{added}\n")
    });

    let before = serial(&workspace);
    let refused = workspace.run("state push edit.jsonl").exits(3);
    insta::assert_snapshot!(refused.stderr, @"
    error: nobody can be asked here whether to push the file
    hint: add --yes
    ");
    assert_eq!(serial(&workspace), before);
    let ran = workspace.run("state push edit.jsonl --yes").exits(0);
    insta::assert_snapshot!(ran.stdout, @"
    1 run added, 1 changed, 1 removed.

      -  cd29ae00fb88  prod  00000000-0000-4000-8000-000000000001  [2022-01-02, 2022-01-03)          adopted as run-1
      ~  4d4f984b3f12  prod  00000000-0000-4000-8000-000000000001  [2022-01-01, 2022-01-02)          adopted as run-0, now adopted as another-run
      +  060efaff86d4  prod  00000000-0000-4000-8000-000000000002  [2022-01-01, 2022-01-02) rerun 2  adopted as new

    1 run is removed or no longer created: it is sent again, if a manifest wants it.
    Pushed: the state in .backfill has 4 runs, at serial 2.
    ");
    assert!(ran.stdout.starts_with(&refused.stdout));
    assert_eq!(serial(&workspace), before + 1);
    // It is said, and so it is.
    let ran = workspace.run("plan --detailed-exitcode").exits(2);
    assert!(ran.stdout.contains("Plan: 1 to create"), "{}", ran.stdout);

    // The file is of a state that is not there any more.
    let ran = workspace.run("state push edit.jsonl --yes").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: could not push edit.jsonl: the state in .backfill has changed since it was pulled: it is at serial 2, the file at 1
    hint: pull again, and edit that
    ");
}

#[test]
fn where_nothing_was_edited_nothing_is_written() {
    let workspace = workspace();
    let before = fs::read(workspace.path().join(".backfill/state.jsonl")).expect("there");
    edit(&workspace, |text| text.replace('\n', "\r\n"));
    let ran = workspace.run("state push edit.jsonl").exits(0);
    assert_eq!(
        ran.stdout,
        "Nothing to push: the state in .backfill is what edit.jsonl says.\n"
    );
    let after = fs::read(workspace.path().join(".backfill/state.jsonl")).expect("there");
    assert_eq!(after, before);
}

#[test]
fn what_was_recorded_since_is_not_lost() {
    let workspace = workspace();
    edit(&workspace, |text| without(text, 1));
    // In the journal alone, as an apply that was killed leaves it.
    let place = local(&workspace);
    let remembered = wait_for(async {
        let store = LockedStore::open(&place, &organization(), holder()).await;
        let mut store = store.expect("free").store;
        let run = identity(9, day(0), 1);
        store.append(vec![intent(&run)]).await.expect("written");
        store.state().serial
    });
    assert_eq!(serial(&workspace), remembered, "it was not folded");
    let ran = workspace.run("state push edit.jsonl --yes").exits(8);
    assert!(
        ran.stderr.starts_with(
            "error: could not push edit.jsonl: the state in .backfill has changed since it was \
             pulled: it is at entry "
        ),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.ends_with("hint: pull again, and edit that\n"),
        "{}",
        ran.stderr
    );
    append(&workspace, Vec::new());
    let ran = workspace.run("state push edit.jsonl --yes").exits(8);
    assert!(ran.stderr.contains("it is at serial "), "{}", ran.stderr);
    let listed = workspace.run("state list --format json").exits(0).json();
    assert_eq!(listed["runs"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_place_without_a_state_takes_the_one_that_was_pulled() {
    let workspace = workspace();
    let before = workspace.run("state verify --format json").exits(0).json();
    fs::remove_dir_all(workspace.path().join(".backfill")).expect("ours");
    let ran = workspace.run("state push edit.jsonl --yes").exits(0);
    insta::assert_snapshot!(ran.stdout, @"
    There is no state in .backfill: that of edit.jsonl becomes it.
    4 runs added, 0 changed, 0 removed.

      +  4d4f984b3f12  prod  00000000-0000-4000-8000-000000000001  [2022-01-01, 2022-01-02)  adopted as run-0
      +  cd29ae00fb88  prod  00000000-0000-4000-8000-000000000001  [2022-01-02, 2022-01-03)  adopted as run-1
      +  ff68f2d88ff5  prod  00000000-0000-4000-8000-000000000001  [2022-01-03, 2022-01-04)  adopted as run-2
      +  ebf151fae2fb  prod  00000000-0000-4000-8000-000000000001  [2022-01-04, 2022-01-05)  not created
    Pushed: the state in .backfill has 4 runs, at serial 2.
    ");
    let after = workspace.run("state verify --format json").exits(0).json();
    assert_eq!(after["state"]["lineage"], before["state"]["lineage"]);
    let serial = |verified: &serde_json::Value| verified["state"]["serial"].as_u64();
    assert_eq!(serial(&after), serial(&before).map(|serial| serial + 1));

    // Another state is not written over.
    fs::remove_dir_all(workspace.path().join(".backfill")).expect("ours");
    record(&workspace, Vec::new());
    let ran = workspace.run("state push edit.jsonl --yes").exits(8);
    let said = "could not push edit.jsonl: the state in .backfill is another one, of the lineage ";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_wrong_is_named_with_its_line() {
    let workspace = workspace();
    let whole = workspace.read("edit.jsonl");
    for (from, to, said) in [
        (
            "run-1",
            "run-0",
            "edit.jsonl, line 3: the run run-0 stands twice\n",
        ),
        ("\"rerun\":1", "\"rerun\":2", "edit.jsonl, line 2: the key "),
        (
            "\"fate\":\"created\"",
            "",
            "edit.jsonl, line 2: the line is not understood: key must be a string at column ",
        ),
        (
            "\"organization\":\"5C13",
            "\"organization\":\"OTHER",
            "edit.jsonl, line 1: the line does not match its checksum\n\
             hint: leave the first line as it was pulled\n",
        ),
        (
            "-state/v3",
            "-state/v9",
            "edit.jsonl, line 1: it has the format `aep-backfill-state/v9`; this version reads",
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        workspace.write("edit.jsonl", &whole.replacen(from, to, 1));
        let ran = workspace.run("state push edit.jsonl --yes").exits(3);
        assert!(
            ran.stderr.contains(said),
            "{said:?} is not in {}",
            ran.stderr
        );
    }
    let ran = workspace.run("state push nowhere.jsonl --yes").exits(3);
    assert!(
        ran.stderr
            .starts_with("error: could not read nowhere.jsonl: "),
        "{}",
        ran.stderr
    );
    let listed = workspace.run("state pull").exits(0).stdout;
    assert_eq!(listed, whole);
}

#[test]
fn another_organizations_file_is_not_pushed() {
    let mut workspace = workspace();
    fs::remove_dir_all(workspace.path().join(".backfill")).expect("ours");
    workspace.set("AEP_ORG_ID", "OTHER@AdobeOrg");
    let ran = workspace.run("state push edit.jsonl --yes").exits(3);
    insta::assert_snapshot!(ran.stderr, @"error: edit.jsonl, line 1: it belongs to the organization 5C13@AdobeOrg, not to OTHER@AdobeOrg");
}

#[test]
fn a_state_that_is_held_or_was_moved_takes_no_push() {
    let workspace = workspace();
    edit(&workspace, |text| without(text, 1));
    let place = local(&workspace);
    let held = wait_for(LockedStore::open(&place, &organization(), holder())).expect("free");
    let ran = workspace.run("state push edit.jsonl --yes").exits(8);
    assert!(
        ran.stderr.contains("it is held by process 7"),
        "{}",
        ran.stderr
    );
    drop(held);

    // As `state move` of an earlier build has left it.
    let mark = r#"{"format":"aep-backfill-moved/v1","lineage":"00000000-0000-4000-8000-000000000001","serial":5,"to":"git:elsewhere","sum":"9d9e046715c6ca95"}
"#;
    workspace.write(".backfill/state.jsonl", mark);
    let ran = workspace.run("state push edit.jsonl --yes").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: could not use the state in .backfill: it was moved to git:elsewhere
    hint: name that with --state, or as `state` in backfill.yaml
    ");
    // Nor is the mark itself a state.
    workspace.write("edit.jsonl", mark);
    let ran = workspace
        .run("state push edit.jsonl --state third --yes")
        .exits(3);
    insta::assert_snapshot!(ran.stderr, @"error: edit.jsonl, line 1: it is no state, but the mark of one that was moved to git:elsewhere");
}

#[test]
fn the_torn_end_of_a_journal_is_told() {
    let workspace = workspace();
    edit(&workspace, |text| without(text, 1));
    let journal = workspace.read(".backfill/journal.jsonl");
    workspace.write(".backfill/journal.jsonl", &format!("{journal}{{\"seq\""));
    let ran = workspace.run("state push edit.jsonl --yes").exits(0);
    insta::assert_snapshot!(ran.stderr, @"note: the journal ends in 6 bytes of an entry that was never finished; nothing depends on them");
    workspace.run("state verify").exits(0);
}

#[test]
fn on_a_branch_the_history_says_that_a_person_pushed() {
    let repository = Repository::new();
    let mut workspace = repository.workspace();
    let (first, second) = (identity(1, day(0), 1), identity(1, day(1), 1));
    record(&workspace, vec![adopted(&first, "a"), intent(&second)]);
    workspace.run("state pull edit.jsonl").exits(0);
    workspace.set("BACKFILL_STATE", "git:backfill-state");
    let ran = workspace.run("state push edit.jsonl --yes").exits(0);
    insta::assert_snapshot!(ran.stderr, @"note: runs are in doubt; waiting 5 s, for as long as a process that held this state before may still send");
    workspace.run("state pull edit.jsonl --force").exits(0);
    edit(&workspace, |text| {
        without(text, 2).replace("\"a\"", "\"b\"")
    });
    let ran = workspace.run("state push edit.jsonl --yes").exits(0);
    insta::assert_snapshot!(ran.stderr, @"note: runs are in doubt; waiting 5 s, for as long as a process that held this state before may still send");
    let listed = workspace.run("state list --format json").exits(0).json();
    assert_eq!(listed["runs"][0]["runId"], "b");
    let history = repository.history();
    let pushes: Vec<&str> = history
        .lines()
        .filter(|line| line.starts_with("Pushed"))
        .collect();
    assert_eq!(
        pushes,
        [
            "Pushed by hand: 2 runs added, 0 changed, 0 removed",
            "Pushed by hand: 0 runs added, 1 changed, 1 removed",
        ]
    );
    workspace.run("state unlock").exits(0);
}
