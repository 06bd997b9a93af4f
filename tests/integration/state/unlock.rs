//! `state unlock`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use aep_backfill::store::{Acquired, LockedStore, Opened};

use super::repository::{Repository, branch};
use super::{holder, organization, wait_for};
use crate::support::emulated::Emulated;
use crate::support::workspace::Workspace;

#[test]
fn in_a_folder_it_says_who_holds_the_state_and_takes_it_from_nobody() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let emulated = Emulated::start(
        &workspace,
        "faults: [{ on: createRun, do: { hang: { for: 60, when: before } } }]",
    );
    workspace.sign_in(&emulated.url);
    let mut apply = workspace
        .command("apply --yes -v".split(' '))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // Once it tells of sending, it holds the state.
    let said = BufReader::new(apply.stderr.take().expect("it is piped"));
    assert!(
        said.lines()
            .map_while(Result::ok)
            .any(|line| line.contains("sending"))
    );
    for line in ["state unlock", "state unlock --yes"] {
        let ran = workspace.run(line).exits(8);
        let pid = format!("it is held by process {}", apply.id());
        assert!(ran.stderr.contains(&pid), "{}", ran.stderr);
        let hint = "hint: if it hangs, end it there: its lock ends with it";
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    }
    apply.kill().expect("it runs");
    apply.wait().expect("it ends");
    let ran = workspace.run("state unlock").exits(0);
    assert_eq!(ran.stdout, "Nobody holds the state in .backfill.\n");
}

#[test]
fn on_a_branch_the_hold_of_one_that_is_gone_is_ended() {
    let repository = Repository::new();
    let workspace = repository.workspace();
    let line = "state unlock --state git:backfill-state";
    let ran = workspace.run(line).exits(0);
    assert_eq!(ran.stdout, "There is no state in git:backfill-state.\n");

    let place = branch(&workspace);
    // It dies: nobody lets go.
    drop(wait_for(LockedStore::open(&place, &organization(), holder())).expect("free"));
    let ran = workspace.run(line).exits(3);
    let held = "The state in git:backfill-state is held by process 7 on runner-7, since \
                1970-01-01T00:00:00Z (https://github.com/o/r/actions/runs/9).\n";
    assert_eq!(ran.stdout, held);
    insta::assert_snapshot!(ran.stderr, @"
    error: nobody can be asked here whether to unlock the state
    hint: add --yes
    ");
    let ran = workspace.run(&format!("{line} --yes")).exits(0);
    assert_eq!(
        ran.stdout.strip_prefix(held),
        Some(
            "Unlocked. The next apply may take it at once; it first waits for what the old holder \
             may still send.\n"
        )
    );
    assert!(repository.history().ends_with("is said to be gone\n"));

    let ran = workspace.run(line).exits(0);
    assert_eq!(
        ran.stdout,
        "Nobody holds the state in git:backfill-state.\n"
    );
    let Opened { store, .. } =
        wait_for(LockedStore::open(&place, &organization(), holder())).expect("unlocked");
    assert!(matches!(store.acquired(), Acquired::TakenOver { .. }));
}

#[test]
fn a_place_that_cannot_be_reached_is_an_error() {
    let repository = Repository::new();
    let workspace = repository.workspace();
    repository.remove();
    let ran = workspace
        .run("state unlock --yes --state git:backfill-state")
        .exits(8);
    assert!(
        ran.stderr
            .starts_with("error: could not use the state in git:backfill-state: cannot read "),
        "{}",
        ran.stderr
    );
}
