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

/// Has the repository whose git directory this is run a script of the shell at `event`.
pub(crate) fn hook(git_dir: &Path, event: &str, script: &str) {
    let path = git_dir.join("hooks").join(event);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writable");
    #[cfg(unix)] // elsewhere git asks for no permission
    {
        use std::os::unix::fs::PermissionsExt;
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("ours");
    }
}
