//! `state move`.

use std::fs;
use std::io::{BufRead, BufReader, Read};

use aep_backfill::state::Entry;
use aep_backfill::store::{FoundState, LockedBackend, LockedStore, StateBackend, load};

use super::repository::{Repository, branch};
use super::{append, holder, intent, local, organization, wait_for};
use crate::support::by_hand::{adopted, day, identity, record};
use crate::support::emulated::signal;
use crate::support::workspace::Workspace;

/// A run of each kind: one that exists, one in doubt.
fn entries() -> Vec<Entry> {
    vec![
        adopted(&identity(1, day(0), 1), "a"),
        intent(&identity(1, day(1), 1)),
    ]
}

/// All that is on record at `place`, line by line.
fn records(workspace: &Workspace, place: &str) -> Vec<String> {
    let ran = workspace.run(&format!("state pull --state {place}"));
    let pulled = ran.exits(0).stdout;
    pulled.lines().skip(1).map(ToOwned::to_owned).collect()
}

/// Writes the copy of a move, as one does that is killed before it leaves its mark.
fn copy(from: &dyn StateBackend, to: &dyn StateBackend, releases: bool) {
    wait_for(async {
        let state = load(from, None).await.expect("readable").expect("a state");
        let mut there = LockedBackend::open(to, None, holder()).await.expect("free");
        there
            .replace(state, "a copy".to_owned())
            .await
            .expect("written");
        if releases {
            there.release().await;
        }
    });
}

#[test]
fn a_state_goes_from_folder_to_branch_to_folder_to_folder_and_back() {
    let repository = Repository::new();
    let workspace = repository.workspace();
    record(&workspace, entries());
    // Some of it in the journal alone.
    append(&workspace, vec![adopted(&identity(2, day(0), 1), "c")]);
    let whole = records(&workspace, ".backfill");
    assert_eq!(whole.len(), 3);

    let ran = workspace
        .run("state move --to git:backfill-state --yes")
        .exits(0);
    insta::assert_snapshot!(ran.stdout, @"
    Moved 3 runs from .backfill to git:backfill-state; it was read back and compared.
    Name that place from now on, in backfill.yaml and wherever else one is named:

    state: git:backfill-state
    ");
    assert_eq!(ran.stderr, "");
    assert_eq!(records(&workspace, "git:backfill-state"), whole);
    workspace.manifest(1, 1, false);
    for line in ["plan", "state pull", "state verify", "state unlock"] {
        workspace.run(line).exits(8);
    }
    workspace
        .run("plan --state git:backfill-state --detailed-exitcode")
        .exits(0);
    let ran = workspace.run("state list").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: could not use the state in .backfill: it was moved to git:backfill-state
    hint: name that with --state, or as `state` in backfill.yaml
    ");

    // A folder that was used for the branch goes on without it.
    let mut places = ["git:backfill-state", "folder", "other/folder", ".backfill"].windows(2);
    while let Some([from, to]) = places.next() {
        let line = format!("state move --state {from} --to {to} --yes");
        let ran = workspace.run(&line);
        if (*from, *to) == ("other/folder", ".backfill") {
            // It was moved from there to the branch: to go back, it must come from there.
            let ran = ran.exits(8);
            insta::assert_snapshot!(ran.stderr, @"
            error: could not move the state from other/folder to .backfill: a state was there that was moved to git:backfill-state
            hint: nothing was changed; name a place without a state with --to
            ");
            continue;
        }
        let ran = ran.exits(0);
        // An apply that was taken for gone may still send, but not for long.
        let waits = ran
            .stderr
            .starts_with("note: runs are in doubt; waiting 5 s, for as long as ");
        assert_eq!(waits, *from == "git:backfill-state", "{}", ran.stderr);
        assert_eq!(records(&workspace, to), whole);
        workspace
            .run(&format!("state list --state {from}"))
            .exits(8);
    }
    let line = "state move --state other/folder --to folder --yes";
    workspace.run(line).exits(0);
    assert_eq!(records(&workspace, "folder"), whole);
    let line = "state move --state folder --to git:backfill-state --yes";
    workspace.run(line).exits(0);
    let line = "state move --state git:backfill-state --to .backfill --yes";
    workspace.run(line).exits(0);
    assert_eq!(records(&workspace, ".backfill"), whole);
    // And is a state like any other.
    append(&workspace, vec![adopted(&identity(2, day(1), 1), "d")]);
    assert_eq!(records(&workspace, ".backfill").len(), 4);
}

#[test]
fn a_move_that_was_cut_short_before_its_mark_is_run_again() {
    let repository = Repository::new();
    let workspace = repository.workspace();
    record(&workspace, entries());
    let (here, there) = (local(&workspace), branch(&workspace));
    copy(&here, &there, true);
    // Here it can still be used, and is.
    append(&workspace, vec![adopted(&identity(2, day(0), 1), "c")]);
    let whole = records(&workspace, ".backfill");
    copy(&here, &there, false);

    let line = "state move --to git:backfill-state --yes";
    let ran = workspace.run(line).exits(8);
    assert!(
        ran.stderr.ends_with(
            "hint: if it is gone, `backfill state unlock --state git:backfill-state` ends its hold\n"
        ),
        "{}",
        ran.stderr
    );
    workspace
        .run("state unlock --yes --state git:backfill-state")
        .exits(0);
    let ran = workspace.run(line).exits(0);
    assert_eq!(ran.stderr, "", "nobody can have sent anything for it");
    assert_eq!(records(&workspace, "git:backfill-state"), whole);
    workspace.run("state list").exits(8);
}

#[test]
fn a_move_that_was_cut_short_after_its_mark_has_nothing_left_to_do() {
    let repository = Repository::new();
    let workspace = repository.workspace();
    record(&workspace, entries());
    workspace
        .run("state move --to git:backfill-state --yes")
        .exits(0);
    // Whoever began to work there changes nothing about that.
    let place = branch(&workspace);
    wait_for(async {
        let store = LockedStore::open(&place, &organization(), holder()).await;
        store.expect("free").store.close().await.expect("written");
    });
    let ran = workspace
        .run("state move --to git:backfill-state --yes")
        .exits(0);
    insta::assert_snapshot!(ran.stdout, @"
    The state in .backfill was moved to git:backfill-state before.
    Name that place from now on, in backfill.yaml and wherever else one is named:

    state: git:backfill-state
    ");
    let ran = workspace.run("state move --to folder --yes").exits(8);
    assert!(
        ran.stderr.contains("it was moved to git:backfill-state"),
        "{}",
        ran.stderr
    );
    assert!(!workspace.path().join("folder").exists());
}

#[test]
fn a_state_that_was_moved_and_is_not_there_any_more_is_missed() {
    let workspace = Workspace::new();
    record(&workspace, entries());
    workspace.run("state move --to folder --yes").exits(0);
    fs::remove_dir_all(workspace.path().join("folder")).expect("ours");
    let ran = workspace.run("state move --to folder --yes").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: the state in .backfill was moved to folder, and is not there any more
    hint: if there is a copy that was pulled, `backfill state push` puts it back there
    ");
}

#[test]
fn nothing_that_is_in_the_other_place_is_lost() {
    let workspace = Workspace::new();
    record(&workspace, entries());
    let line = "state move --to folder --yes";
    let there = aep_backfill::store::Local::new(workspace.path().join("folder"));

    // Another state.
    wait_for(async {
        let store = LockedStore::open(&there, &organization(), holder()).await;
        store.expect("free").store.close().await.expect("written");
    });
    let ran = workspace.run(line).exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: could not move the state from .backfill to folder: another state is there
    hint: nothing was changed; name a place without a state with --to
    ");
    fs::remove_dir_all(workspace.path().join("folder")).expect("ours");

    // A copy that an apply has held.
    copy(&local(&workspace), &there, true);
    wait_for(async {
        let store = LockedStore::open(&there, &organization(), holder()).await;
        store.expect("free").store.close().await.expect("written");
    });
    let ran = workspace.run(line).exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: could not move the state from .backfill to folder: a copy of it is there that was used since, or has more on record
    hint: nothing was changed; name a place without a state with --to
    ");
    fs::remove_dir_all(workspace.path().join("folder")).expect("ours");

    // One that has more on record, though no apply has held it.
    append(&workspace, vec![adopted(&identity(2, day(0), 1), "c")]);
    workspace.run("state pull more.jsonl").exits(0);
    workspace
        .run("state push more.jsonl --state folder --yes")
        .exits(0);
    let less = workspace.read("more.jsonl");
    let less: Vec<&str> = less
        .lines()
        .filter(|line| !line.contains("\"c\""))
        .collect();
    workspace.write("less.jsonl", &less.join("\n"));
    workspace.run("state push less.jsonl --yes").exits(0);
    let before = workspace.run("state pull").exits(0).stdout;
    let ran = workspace.run(line).exits(8);
    assert!(
        ran.stderr.contains("or has more on record"),
        "{}",
        ran.stderr
    );

    let held = wait_for(LockedBackend::open(&there, None, holder())).expect("free");
    assert!(matches!(held.found(), FoundState::State(_)));
    let ran = workspace.run(line).exits(8);
    assert!(
        ran.stderr.contains("it is held by process 7"),
        "{}",
        ran.stderr
    );
    drop(held);
    assert_eq!(workspace.run("state pull").exits(0).stdout, before);
}

#[test]
fn a_state_is_moved_to_another_place_and_by_one_who_said_yes() {
    let workspace = Workspace::new();
    let ran = workspace.run("state move --to folder --yes").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: there is no state in .backfill
    hint: name the place of another with --state
    ");
    record(&workspace, entries());
    for to in [".backfill", "./.backfill/", "manifests/../.backfill"] {
        let ran = workspace
            .run(&format!("state move --to {to} --yes"))
            .exits(3);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.stderr, @"
            error: the state is kept in .backfill already
            hint: name another place with --to
            ");
        }
    }
    let ran = workspace.run("state move --to git:a..b --yes").exits(3);
    assert!(
        ran.stderr.contains("is not the name of a branch"),
        "{}",
        ran.stderr
    );
    let ran = workspace.run("state move --to folder").exits(3);
    insta::assert_snapshot!(ran.stderr, @"
    error: nobody can be asked here whether to move the state
    hint: add --yes
    ");
    let ran = workspace
        .run("state move --to folder --yes --emulator")
        .exits(3);
    assert!(ran.stderr.contains("it cannot be moved"), "{}", ran.stderr);
    workspace.run("state move").exits(3);
    workspace.run("state list").exits(0);

    let held = wait_for(LockedStore::open(
        &local(&workspace),
        &organization(),
        holder(),
    ));
    let ran = workspace.run("state move --to folder --yes").exits(8);
    assert!(
        ran.stderr.contains("it is held by process 7"),
        "{}",
        ran.stderr
    );
    drop(held);
    // A remote that cannot be reached leaves it here.
    let ran = workspace
        .run("state move --to git:backfill-state --yes")
        .exits(8);
    assert!(
        ran.stderr
            .contains("could not use the state in git:backfill-state"),
        "{}",
        ran.stderr
    );
    workspace.run("state list").exits(0);
}

#[test]
#[cfg_attr(windows, ignore = "no process sends Ctrl-C to another here")]
fn a_move_that_is_interrupted_while_it_waits_leaves_the_state_where_it_was() {
    let repository = Repository::new();
    let workspace = repository.workspace();
    record(&workspace, entries());
    workspace
        .run("state move --to git:backfill-state --yes")
        .exits(0);
    let line = "state move --state git:backfill-state --to folder --yes";
    let mut moving = workspace
        .command(line.split(' '))
        .spawn()
        .expect("the binary runs");
    let mut said = BufReader::new(moving.stderr.take().expect("it is piped"));
    let mut note = String::new();
    said.read_line(&mut note).expect("text");
    assert!(note.starts_with("note: runs are in doubt"), "{note}");
    signal(&moving, "INT");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    assert_eq!(
        rest,
        "error: interrupted; the state in git:backfill-state is as it was\n"
    );
    assert_eq!(moving.wait().expect("it ends").code(), Some(130));
    workspace
        .run("state list --state git:backfill-state")
        .exits(0);
    // Nobody is kept from it, and the copy that it has left is no state of its own.
    workspace.run(line).exits(0);
}

/// Death at every step of a move, from folder to folder: either place tells what is on record, and
/// the same move again ends with it in the other one alone.
#[cfg(all(unix, feature = "crash-points"))] // that a process died there is told by its signal
#[test]
fn no_death_loses_a_state_that_is_moved() {
    use aep_backfill::crash::Point;
    use std::os::unix::process::ExitStatusExt;

    let mut deaths = 0;
    for point in Point::ALL {
        for time in 1.. {
            let workspace = Workspace::new();
            record(&workspace, entries());
            append(&workspace, vec![adopted(&identity(2, day(0), 1), "c")]);
            let whole = records(&workspace, ".backfill");
            let place = format!("{}:{time}", point.name());
            let line = "state move --to folder --yes";
            let output = workspace
                .command(line.split(' '))
                .env("BACKFILL_CRASH_AT", &place)
                .output()
                .expect("the binary runs");
            let died = output.status.signal().is_some();
            assert!(died || output.status.success(), "{place}: {output:?}");
            let is_here = workspace.run("state list").code == Some(0);
            let at = if is_here { ".backfill" } else { "folder" };
            assert_eq!(records(&workspace, at), whole, "{place}");
            workspace.run(line).exits(0);
            assert_eq!(records(&workspace, "folder"), whole, "{place}");
            workspace.run("state list").exits(8);
            if !died {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 15, "{deaths}");
}
