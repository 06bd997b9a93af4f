//! States that cannot be read or written.

use super::{at, examined, has_line};
use crate::support::by_hand::{adopted, day, identity, record};
use crate::support::git::git;
use crate::support::workspace::Workspace;

/// Makes the workspace a clone of a remote with one commit.
fn clone(workspace: &mut Workspace) {
    let path = std::env::var("PATH").expect("a path");
    workspace.set("PATH", &path);
    let root = workspace.path().to_owned();
    let remote = root.join("remote.git");
    git(&root, "init --quiet --initial-branch=main");
    git(&root, &format!("init --quiet --bare {}", remote.display()));
    git(&root, "commit --quiet --allow-empty -m one");
    let url = url::Url::from_file_path(&remote).expect("a whole path");
    git(&root, &format!("remote add origin {url}"));
    git(&root, "push --quiet origin main");
}

#[test]
fn a_branch_that_may_not_be_pushed_to_is_named() {
    let (mut workspace, emulated) = at("");
    workspace.write("backfill.yaml", "version: 1\nstate: git:backfill-state\n");
    clone(&mut workspace);
    let root = workspace.path().to_owned();
    let remote = root.join("remote.git");
    let before = git(&remote, "for-each-ref");
    let ran = examined(&workspace, &emulated, 0);
    has_line(&ran, '✓', &["place", "git:backfill-state: none yet"]);
    has_line(&ran, '✓', &["writing", "a push to the branch is accepted"]);

    // As a server does whose token may only read.
    let denies = workspace.write(
        "denies",
        "#!/bin/sh\necho 'ERROR: Permission to a/b.git denied to a-job.' >&2\nexit 1\n",
    );
    git(
        &root,
        &format!(
            "config remote.origin.receivepack sh\u{a0}{}",
            denies.display()
        )
        .replace('\u{a0}', "\t"),
    );
    let ran = examined(&workspace, &emulated, 8);
    has_line(
        &ran,
        '✗',
        &["writing", "cannot push to the branch", "denied to a-job"],
    );
    has_line(&ran, '✓', &["place", "none yet"]);
    assert_eq!(git(&remote, "for-each-ref"), before, "nothing was pushed");
}

#[test]
fn a_branch_that_is_there_is_read_and_tried_and_left_as_it_is() {
    let (mut workspace, emulated) = at("scheduledFor: 0\nrunsFor: 0\n");
    workspace.write("backfill.yaml", "version: 1\nstate: git:backfill-state\n");
    clone(&mut workspace);
    workspace.run("apply --yes").exits(0);
    let remote = workspace.path().join("remote.git");
    let before = git(&remote, "for-each-ref");
    let ran = examined(&workspace, &emulated, 0);
    has_line(
        &ran,
        '✓',
        &["place", "git:backfill-state, 2 runs on record"],
    );
    has_line(&ran, '✓', &["writing"]);
    has_line(&ran, '✓', &["whose runs", "this API key for 2 of 2 runs"]);
    assert_eq!(git(&remote, "for-each-ref"), before);
}

#[test]
fn a_folder_in_a_job_is_refused() {
    let (mut workspace, emulated) = at("");
    workspace.set("GITHUB_ACTIONS", "true");
    let ran = examined(&workspace, &emulated, 3);
    has_line(&ran, '✗', &["place", "a folder may be gone with this job"]);
    workspace.write("backfill.yaml", "version: 1\nstate: .backfill\n");
    let ran = examined(&workspace, &emulated, 8);
    has_line(&ran, '✗', &["place", "is gone with this job"]);
    has_line(&ran, '!', &["token", "GITHUB_TOKEN is not set"]);
}

#[test]
fn a_state_that_is_damaged_or_anothers_is_named() {
    let (mut workspace, emulated) = at("");
    record(&workspace, vec![adopted(&identity(1, day(0), 1), "r1")]);
    workspace.set("AEP_ORG_ID", "AAAA@AdobeOrg");
    let ran = examined(&workspace, &emulated, 8);
    has_line(
        &ran,
        '✗',
        &["place", "it belongs to the organization 5C13@AdobeOrg"],
    );
    workspace.set("AEP_ORG_ID", "5C13@AdobeOrg");
    let ran = examined(&workspace, &emulated, 0);
    has_line(&ran, '✓', &["place", "1 run on record"]);
    workspace.write(".backfill/state.jsonl", "no state\n");
    let ran = examined(&workspace, &emulated, 8);
    has_line(&ran, '✗', &["place", "state.jsonl"]);
}

#[test]
fn runs_in_doubt_are_counted() {
    let (workspace, emulated) = at("faults:\n\
         - { on: createRun, calls: [1], do: { reset: after } }\n\
         - { on: listRuns, do: { status: { code: 400 } } }\n");
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    let apply = "apply --yes --no-preflight --limit 1";
    workspace.run(apply).exits(6);
    let ran = workspace.run("doctor").exits(5);
    has_line(&ran, '!', &["doubts", "1 run in doubt"]);
    has_line(&ran, '✗', &["lists", "cannot be listed"]);
    assert_eq!(emulated.ledger().creates, 1);
}
