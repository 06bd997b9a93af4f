//! The system's git, for the set-up of tests.

use std::path::Path;
use std::process::Command;

/// Runs `line`, split at blanks, in `folder`, and gives what it prints.
#[track_caller]
pub(crate) fn git(folder: &Path, line: &str) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@localhost"])
        .args(line.split(' '))
        .current_dir(folder)
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {line}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}
