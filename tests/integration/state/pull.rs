//! `state pull`.

use std::fs;

use super::append;
use crate::support::by_hand::{adopted, day, identity, record};
use crate::support::workspace::Workspace;

/// A workspace with a state of two runs, the second of them in the journal alone.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    record(&workspace, vec![adopted(&identity(1, day(0), 1), "a")]);
    append(&workspace, vec![adopted(&identity(1, day(1), 1), "b")]);
    workspace
}

#[test]
fn all_that_is_on_record_is_one_file_of_the_form_that_a_state_has() {
    let workspace = workspace();
    let before = workspace.read(".backfill/state.jsonl");
    let pulled = workspace.run("state pull").exits(0).stdout;
    assert_eq!(pulled.lines().count(), 3, "{pulled}");
    assert_eq!(workspace.read(".backfill/state.jsonl"), before);

    // The first holder folds what is only in the journal: then it is the file itself.
    record(&workspace, Vec::new());
    let pulled = workspace.run("state pull").exits(0).stdout;
    assert_eq!(pulled, workspace.read(".backfill/state.jsonl"));
    let ran = workspace.run("state pull copy.jsonl").exits(0);
    assert!(
        ran.stdout.starts_with("Pulled 2 runs, at serial ")
            && ran.stdout.ends_with(", into copy.jsonl.\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(workspace.read("copy.jsonl"), pulled);
}

#[test]
fn a_file_that_exists_is_written_over_only_by_force() {
    let workspace = workspace();
    workspace.write("copy.jsonl", "something else");
    let ran = workspace.run("state pull copy.jsonl").exits(3);
    insta::assert_snapshot!(ran.stderr, @"
    error: copy.jsonl exists already; nothing was written
    hint: name another file, or add --force to write over it
    ");
    assert_eq!(workspace.read("copy.jsonl"), "something else");
    workspace.run("state pull copy.jsonl --force").exits(0);
    let pulled = workspace.run("state pull").exits(0).stdout;
    assert_eq!(workspace.read("copy.jsonl"), pulled);
    let mut names: Vec<_> = fs::read_dir(workspace.path())
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    names.sort();
    assert_eq!(names, [".backfill", "copy.jsonl", "manifests"]);

    let ran = workspace.run("state pull nowhere/copy.jsonl").exits(1);
    assert!(
        ran.stderr
            .starts_with("error: could not write nowhere/copy.jsonl: "),
        "{}",
        ran.stderr
    );
    workspace.run("state pull --force").exits(3);
}

#[test]
fn what_is_missing_or_damaged_is_not_pulled() {
    let workspace = Workspace::new();
    let ran = workspace.run("state pull copy.jsonl").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: there is no state in .backfill
    hint: name the place of another with --state
    ");
    record(&workspace, vec![adopted(&identity(1, day(0), 1), "a")]);
    let state = workspace.read(".backfill/state.jsonl");
    workspace.write(".backfill/state.jsonl", &state.replace("\"a\"", "\"b\""));
    let ran = workspace.run("state pull copy.jsonl").exits(8);
    assert!(
        ran.stderr
            .contains("state.jsonl, line 2: the line does not match"),
        "{}",
        ran.stderr
    );
    workspace.write(
        ".backfill/state.jsonl",
        &state.replace("-state/v3", "-state/v4"),
    );
    let ran = workspace.run("state pull copy.jsonl").exits(8);
    assert!(ran.stderr.contains("has the format"), "{}", ran.stderr);
    assert!(!workspace.path().join("copy.jsonl").exists());
}
