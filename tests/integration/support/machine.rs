//! What this machine can do: some tests need more than every machine has, and say that they were
//! skipped where it is missing.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Whether the shell can do that here; if not, says that `what` is skipped.
pub(crate) fn can(what: &str, script: &str) -> bool {
    let done = Command::new("sh")
        .args(["-c", script])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !done {
        // Not by `eprintln!`, which the test harness would swallow.
        let _ = writeln!(
            io::stderr(),
            "skipped: {what}: this machine cannot `{script}`"
        );
    }
    done
}

/// Builds `NAME.so` in the workspace: calls of the C library that a program which is started with
/// `LD_PRELOAD` gets in the place of the real ones.
#[cfg(target_os = "linux")]
pub(crate) fn preloaded(
    workspace: &super::workspace::Workspace,
    what: &str,
    name: &str,
    source: &str,
) -> bool {
    workspace.write(&format!("{name}.c"), source);
    let here = workspace.path().display();
    can(
        what,
        &format!("cc -shared -fPIC -o '{here}/{name}.so' '{here}/{name}.c'"),
    )
}
