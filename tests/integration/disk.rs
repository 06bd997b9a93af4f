//! Disks that fill up, fail, lose a permission, or know no locks: a clear error, exit 8, and
//! nothing sent that is not recorded.
//!
//! Where a machine cannot make such a disk, the test says on standard error that it was skipped.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::emulated::{Emulated, assert_each_once, stored_windows, wait_for_creates};
use crate::support::machine::can;
#[cfg(target_os = "linux")]
use crate::support::machine::preloaded;
use crate::support::workspace::{Ran, Workspace};

const RUNS: usize = 12;

/// A workspace with work to do, and the service that it is done at.
fn at_work() -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, RUNS / 2, false);
    workspace.manifest(2, RUNS / 2, true);
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nlimits: { rate: 500/s }\n",
    );
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    (workspace, emulated)
}

/// The command with the shell's words before it: `prelude` ends with what runs `"$@"`.
fn under(workspace: &Workspace, prelude: &str, line: &str) -> Command {
    let backfill = workspace.command(line.split_whitespace());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", prelude, "sh"])
        .arg(backfill.get_program())
        .args(backfill.get_args())
        .current_dir(workspace.path())
        .env_clear()
        .envs(
            backfill
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    shell
}

fn run_under(workspace: &Workspace, prelude: &str, line: &str) -> Ran {
    let output = under(workspace, prelude, line).output();
    Ran::of(output.expect("sh runs"))
}

/// Every window that was stored has a record in the state: what was sent is known.
fn assert_all_is_recorded(workspace: &Workspace, emulated: &Emulated, state: &str) {
    let listed = workspace.run(&format!("state list --format json --state {state}"));
    let recorded: BTreeSet<(String, i64)> = listed.exits(0).json()["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| {
            let flow = run["flowId"].as_str().expect("an id").to_owned();
            (flow, run["windowStartTime"].as_i64().expect("seconds"))
        })
        .collect();
    for ((flow, start, _), times) in stored_windows(&emulated.ledger()) {
        assert_eq!(times, 1);
        assert!(recorded.contains(&(flow.clone(), start)), "{flow} {start}");
    }
}

#[track_caller]
fn assert_says(ran: &Ran, parts: &[&str]) {
    for part in parts {
        assert!(
            ran.stderr.contains(part),
            "{part:?} is not in {}",
            ran.stderr
        );
    }
}

#[test]
fn a_file_that_may_not_grow_stops_the_apply_at_any_size() {
    let mut stopped = 0;
    for kib in 1..=16 {
        let (workspace, emulated) = at_work();
        let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2); // of 512 bytes
        let ran = run_under(&workspace, &limit, "apply --yes --progress none");
        if ran.code == Some(8) {
            stopped += 1;
            assert_says(
                &ran,
                &[
                    "error: could not use the state in .backfill: cannot ",
                    "File too large",
                ],
            );
            assert_says(&ran, &["hint: nothing was sent that is not recorded"]);
        } else {
            assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
        }
        if workspace.path().join(".backfill/state.jsonl").exists() {
            assert_all_is_recorded(&workspace, &emulated, ".backfill");
        } else {
            assert_eq!(emulated.ledger().creates, 0);
        }
        workspace.run("apply --yes --progress none").exits(0);
        assert_each_once(&emulated, RUNS);
    }
    assert!((2..16).contains(&stopped), "stopped {stopped} times of 16");
}

#[test]
fn a_full_disk_stops_the_apply_and_the_next_one_goes_on() {
    if !can("a full disk", "unshare --mount mount -t tmpfs none /mnt") {
        return;
    }
    let mut stopped = 0;
    for kib in [4, 8, 12, 16, 24, 32] {
        let (workspace, emulated) = at_work();
        fs::create_dir(workspace.path().join("small")).expect("a folder");
        let script = format!(
            "mount -t tmpfs -o size={kib}k none small && \
             {{ \"$@\"; code=$?; cp -R small kept; exit $code; }}"
        );
        let prelude = format!("exec unshare --mount sh -c '{script}' sh \"$@\"");
        let ran = run_under(
            &workspace,
            &prelude,
            "apply --yes --progress none --state small",
        );
        if ran.code == Some(8) {
            stopped += 1;
            assert_says(
                &ran,
                &[
                    "could not use the state in small: ",
                    "No space left on device",
                ],
            );
            assert_says(&ran, &["hint: nothing was sent that is not recorded"]);
        } else {
            assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
        }
        if workspace.path().join("kept/state.jsonl").exists() {
            assert_all_is_recorded(&workspace, &emulated, "kept");
        } else {
            assert_eq!(emulated.ledger().creates, 0);
        }
        workspace
            .run("apply --yes --progress none --state kept")
            .exits(0);
        assert_each_once(&emulated, RUNS);
    }
    assert!((1..6).contains(&stopped), "stopped {stopped} times of 6");
}

#[test]
fn a_read_only_disk_can_be_read_and_nothing_is_sent() {
    if !can(
        "a read-only disk",
        "unshare --mount mount --bind -o ro /mnt /mnt",
    ) {
        return;
    }
    let (workspace, emulated) = at_work();
    workspace
        .run("apply --yes --limit 2 --progress none")
        .exits(0);
    let prelude = "exec unshare --mount sh -c \
                   'mount --bind .backfill .backfill && mount -o remount,bind,ro .backfill && \
                   exec \"$@\"' sh \"$@\"";
    let ran = run_under(&workspace, prelude, "apply --yes --progress none").exits(8);
    assert_says(&ran, &["cannot lock .backfill/lock: Read-only file system"]);
    assert_eq!(emulated.ledger().creates, 2);
    for line in ["plan", "status", "state list", "state verify", "audit"] {
        run_under(&workspace, prelude, line).exits(0);
    }
    workspace.run("apply --yes --progress none").exits(0);
    assert_each_once(&emulated, RUNS);
}

/// What makes permission bits count for the superuser too; `None` where nothing does.
fn bound_by_permissions(what: &str) -> Option<&'static str> {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .expect("id runs")
        .stdout
        == b"0\n";
    if !is_root {
        return Some("exec \"$@\"");
    }
    can(
        what,
        "setpriv --bounding-set=-dac_override,-dac_read_search true",
    )
    .then_some("exec setpriv --bounding-set=-dac_override,-dac_read_search \"$@\"")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn a_folder_that_may_not_be_written_is_refused_before_anything_is_sent() {
    let Some(prelude) = bound_by_permissions("a folder without permission") else {
        return;
    };
    let (workspace, emulated) = at_work();
    set_mode(workspace.path(), 0o555);
    let ran = run_under(&workspace, prelude, "apply --yes --progress none");
    set_mode(workspace.path(), 0o755);
    let ran = ran.exits(8);
    assert_says(
        &ran,
        &["cannot create the folder .backfill: Permission denied"],
    );
    assert_eq!(emulated.ledger().creates, 0);

    workspace
        .run("apply --yes --limit 2 --progress none")
        .exits(0);
    let folder = workspace.path().join(".backfill");
    for (path, mode, message) in [
        (folder.clone(), 0o555, "cannot create a file in .backfill: "),
        (
            folder.join("lock"),
            0o444,
            "cannot lock .backfill/lock: Permission denied",
        ),
        (
            folder.join("journal.jsonl"),
            0o000,
            "cannot read .backfill/journal.jsonl",
        ),
        (
            folder.join("state.jsonl"),
            0o000,
            "cannot read .backfill/state.jsonl",
        ),
    ] {
        let before = fs::metadata(&path).expect("there").permissions().mode();
        set_mode(&path, mode);
        let ran = run_under(&workspace, prelude, "apply --yes --progress none");
        set_mode(&path, before & 0o777);
        assert_says(&ran.exits(8), &[message]);
        assert_eq!(emulated.ledger().creates, 2);
    }
    workspace.run("apply --yes --progress none").exits(0);
    assert_each_once(&emulated, RUNS);
}

#[test]
fn a_permission_that_is_lost_half_way_loses_nothing_that_was_created() {
    let Some(prelude) = bound_by_permissions("a permission that is lost") else {
        return;
    };
    let (workspace, emulated) = at_work();
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 10/s }\n");
    let mut apply = under(&workspace, prelude, "apply --yes --progress none");
    let apply = apply.spawn().expect("the binary runs");
    wait_for_creates(&emulated, 3);
    // The journal is open and can be appended to; the state cannot be written beside it.
    set_mode(&workspace.path().join(".backfill"), 0o555);
    let ran = Ran::of(apply.wait_with_output().expect("it ends"));
    set_mode(&workspace.path().join(".backfill"), 0o755);
    let ran = ran.exits(8);
    assert_says(
        &ran,
        &["cannot write .backfill/state.jsonl: Permission denied"],
    );
    assert_each_once(&emulated, RUNS);
    workspace.run("plan --detailed-exitcode").exits(0);
    let ran = workspace.run("apply --yes --progress none").exits(0);
    assert!(ran.stdout.contains("Nothing to do"), "{}", ran.stdout);
}

/// Calls of the C library that fail when the environment says so, for a program that starts.
#[cfg(target_os = "linux")]
const FAILING: &str = r#"
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
int flock(int fd, int operation) {
    (void)fd; (void)operation;
    errno = ENOLCK;
    return getenv("FAIL_FLOCK") ? -1 : 0;
}
int fdatasync(int fd) {
    static int calls;
    (void)fd;
    const char *from = getenv("FAIL_FDATASYNC");
    errno = EIO;
    return from && ++calls >= atoi(from) ? -1 : 0;
}
"#;

/// Builds the failing library into the workspace.
#[cfg(target_os = "linux")]
fn failing_library(workspace: &Workspace) -> bool {
    preloaded(
        workspace,
        "calls of the system that fail",
        "failing",
        FAILING,
    )
}

#[cfg(target_os = "linux")] // LD_PRELOAD
#[test]
fn a_file_system_without_locks_is_refused_before_anything_is_sent() {
    let (workspace, emulated) = at_work();
    if !failing_library(&workspace) {
        return;
    }
    let prelude = "FAIL_FLOCK=1 LD_PRELOAD=$PWD/failing.so exec \"$@\"";
    let ran = run_under(&workspace, prelude, "apply --yes --progress none").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: could not use the state in .backfill: cannot lock .backfill/lock: No locks available (os error 37)
    hint: without a lock two applies at once could not be kept apart; keep the state on another file system, with --state FOLDER
    ");
    assert_eq!(emulated.ledger().creates, 0);
}

#[cfg(target_os = "linux")] // LD_PRELOAD
#[test]
fn a_sync_that_fails_stops_the_apply_before_the_request_leaves() {
    let mut stopped = 0;
    for call in 1..=8 {
        let (workspace, emulated) = at_work();
        if !failing_library(&workspace) {
            return;
        }
        let prelude = format!("FAIL_FDATASYNC={call} LD_PRELOAD=$PWD/failing.so exec \"$@\"");
        let ran = run_under(&workspace, &prelude, "apply --yes --progress none").exits(8);
        assert_says(
            &ran,
            &["cannot append to .backfill/journal.jsonl: Input/output error"],
        );
        stopped += 1;
        assert_all_is_recorded(&workspace, &emulated, ".backfill");
        workspace.run("apply --yes --progress none").exits(0);
        assert_each_once(&emulated, RUNS);
    }
    assert_eq!(stopped, 8);
}
