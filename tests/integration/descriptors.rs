//! A process that may open only a few files and sockets: it says so and sends nothing, or does all of it.

use std::process::{Command, Stdio};

use crate::support::emulated::{Emulated, assert_each_once};
use crate::support::workspace::{Ran, Workspace};

/// Runs `line` in a process that may have so many descriptors.
fn run_with(workspace: &Workspace, descriptors: u32, line: &str) -> Ran {
    let program = workspace.command(line.split(' '));
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"ulimit -n "$0" && exec "$@""#])
        .arg(descriptors.to_string())
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(workspace.path())
        .env_clear()
        .stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        command.envs(value.map(|value| (name, value)));
    }
    Ran::of(command.output().expect("a shell"))
}

#[test]
fn a_table_of_descriptors_that_is_full_is_an_error_and_nothing_is_sent() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 4, false);
    for descriptors in [5, 6, 7, 9, 12, 18, 24, 36] {
        let ran = run_with(&workspace, descriptors, "apply --emulator --yes").exits(1);
        let said = "error: could not start: Too many open files";
        assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
        assert!(ran.stderr.contains("ulimit -n"), "{}", ran.stderr);
        assert!(!workspace.path().join(".backfill").exists());
    }
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    run_with(&workspace, 6, "apply --yes").exits(1);
    assert_eq!(emulated.ledger().creates, 0);
    run_with(&workspace, 64, "apply --yes").exits(0);
    assert_each_once(&emulated, 4);
}
