//! A result that cannot be written: it is said, and the exit code says so, whatever the verb.

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use crate::support::emulated::Emulated;
use crate::support::workspace::{Ran, Workspace, flow};

fn full() -> File {
    OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("it is there")
}

#[track_caller]
fn cannot_be_written(workspace: &Workspace, line: &str) {
    let mut command = workspace.command(line.split(' '));
    let output = command.stdout(full()).stderr(Stdio::piped()).output();
    let ran = Ran::of(output.expect("the binary runs"));
    assert_eq!(ran.code, Some(1), "{line}: {}", ran.stderr);
    let said = "could not write the result";
    assert!(ran.stderr.contains(said), "{line}: {}", ran.stderr);
}

#[test]
fn no_verb_loses_its_result_in_silence() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    workspace.write("backfill.yaml", "version: 1\nsandbox: prod\n");
    let emulated = Emulated::start(&workspace, "{ scheduledFor: 0, runsFor: 0 }");
    workspace.sign_in(&emulated.url);
    workspace.set(
        "TMPDIR",
        workspace
            .path()
            .to_str()
            .expect("UTF-8")
            .to_owned()
            .as_str(),
    );
    for line in [
        "--help",
        "schema",
        "completions bash",
        "init",
        "validate",
        "validate --format json",
        "plan",
        "plan --format json",
        "plan --format markdown",
        "plan --explain 4d4f",
        "apply --yes",
        "apply --yes --format json",
        "apply --dry-run",
        "status",
        "status --format json",
        "audit",
        "audit --format json",
        "state list",
        "state list --format json",
        "state verify",
        "state pull",
        "state unlock",
    ] {
        cannot_be_written(&workspace, line);
    }
    std::fs::remove_file(workspace.path().join("manifests/flow-1.yaml")).expect("it is ours");
    let import = format!("import {} --state new --dry-run", flow(1));
    cannot_be_written(&workspace, &import);
    workspace.manifest(1, 2, false);
    // What was done was done.
    assert_eq!(emulated.ledger().creates, 2);
    workspace.run("state verify").exits(0);
    for line in ["plan --report /dev/full", "apply --yes --report /dev/full"] {
        let ran = workspace.run(line).exits(1);
        assert!(
            ran.stderr.contains("could not write the report /dev/full"),
            "{line}: {}",
            ran.stderr
        );
    }
}
