//! Death at every step that touches the journal, the state file or the wire: whatever the place
//! and however often it was passed before, applying again ends with each run created once.
//!
//! The binary under test has the feature `crash-points`, and dies as `kill -9` would have it:
//! nothing is flushed, nothing is unwound.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use aep_backfill::crash::Point;

use crate::support::emulated::{Emulated, stored_windows};
use crate::support::workspace::Workspace;

const FLOWS: usize = 2;
const DAYS: usize = 3;
const SIGABRT: i32 = 6;
/// Cases at once: most of one is waiting for the settle delay.
const AT_ONCE: usize = 4;

/// A world with answers that are lost, so that an apply also settles, and who can sign in to it.
fn world(lists: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    for n in 0..FLOWS {
        workspace.manifest(n, DAYS, n == 0);
    }
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nlimits: { rate: 500/s, concurrency: 2 }\n",
    );
    let scenario = format!(
        "{lists}\n\
         faults:\n\
         - {{ on: createRun, calls: [2], do: {{ reset: after }} }}\n\
         - {{ on: createRun, calls: [4], do: {{ reset: before }} }}\n"
    );
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in_with_secret(&emulated.url);
    (workspace, emulated)
}

/// Applies, to die the `time`-th time that `point` is passed; whether it died.
fn dies(workspace: &Workspace, point: Point, time: u32) -> bool {
    let output = workspace
        .command("apply --yes --progress none".split(' '))
        .env("BACKFILL_CRASH_AT", format!("{}:{time}", point.name()))
        .stdout(Stdio::null())
        .output()
        .expect("the binary runs");
    let died = output.status.signal() == Some(SIGABRT);
    assert!(
        died || output.status.code() == Some(0),
        "{}:{time}: {}\n{}",
        point.name(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    died
}

/// One death, a second one while recovering from it, and then a life without any; gives whether
/// the first was died at all.
fn is_survived(point: Point, time: u32, lists: &str) -> bool {
    let (workspace, emulated) = world(lists);
    if point == Point::CUTTING || point == Point::CUT {
        // Only a torn journal is cut.
        assert!(dies(&workspace, Point::APPEND_HALF, 2));
    }
    let died = dies(&workspace, point, time);
    if died {
        dies(&workspace, point, 1);
    }
    workspace.run("apply --yes --progress plain").exits(0);
    workspace.run("plan --detailed-exitcode").exits(0);
    let windows = stored_windows(&emulated.ledger());
    let place = format!("{}:{time}", point.name());
    assert_eq!(windows.len(), FLOWS * DAYS, "lost at {place}");
    assert!(
        windows.values().all(|times| *times == 1),
        "doubled at {place}: {windows:?}"
    );
    died
}

/// Walks all points, each as often as an apply passes it.
fn walk(lists: &str) {
    let (next, deaths) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(&point) = Point::ALL.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let mut time = 1;
                    while is_survived(point, time, lists) {
                        time += 1;
                    }
                    assert!(time > 1, "{} is never passed", point.name());
                    deaths.fetch_add(time as usize - 1, Ordering::SeqCst);
                }
            });
        }
    });
    // Past the harness, which swallows what tests print.
    let _ = writeln!(
        std::io::stderr(),
        "{} crash points walked, {} deaths and as many while recovering: 0 lost, 0 doubled",
        Point::ALL.len(),
        deaths.into_inner()
    );
}

#[test]
fn no_death_loses_or_doubles_a_run_where_lists_show_windows() {
    walk("");
}

#[test]
fn no_death_loses_or_doubles_a_run_where_windows_are_shown_late() {
    walk("paramsInLists: false\nparamsInRuns: false\nscheduledFor: 0.3");
}
