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

use crate::support::dice::is_whole;
use crate::support::emulated::{Emulated, stored_windows};
use crate::support::workspace::Workspace;

const FLOWS: usize = 2;
const DAYS: usize = 3;
const SIGABRT: i32 = 6;
/// Cases at once: most of one is waiting for the settle delay.
const AT_ONCE: usize = 4;

/// What is done when the process dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Runs are created.
    Apply,
    /// Runs that have all failed are run again.
    Retry,
}

impl Work {
    fn command(self) -> &'static str {
        match self {
            Self::Apply => "apply --yes",
            Self::Retry => "retry --yes",
        }
    }

    /// The places that it comes by.
    fn points(self) -> impl Iterator<Item = Point> {
        let others = match self {
            Self::Apply => [Point::RETRY_SENDING, Point::RETRY_ANSWERED],
            Self::Retry => [Point::CREATE_SENDING, Point::CREATE_ANSWERED],
        };
        let all = Point::ALL.iter().copied();
        all.filter(move |point| !others.contains(point))
    }
}

/// A world with answers that are lost, so that an apply also settles, and who can sign in to it.
fn world(lists: &str, work: Work) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    for n in 0..FLOWS {
        workspace.manifest(n, DAYS, n == 0);
    }
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nlimits: { rate: 500/s, concurrency: 2 }\n",
    );
    let (ends, request) = match work {
        Work::Apply => ("", "createRun"),
        Work::Retry => (
            "outcomes: { failed: 1 }\nbadAttempts: 1\nrunsFor: 0.1\n",
            "action",
        ),
    };
    let scenario = format!(
        "{lists}\n{ends}\
         faults:\n\
         - {{ on: {request}, calls: [2], do: {{ reset: after }} }}\n\
         - {{ on: {request}, calls: [4], do: {{ reset: before }} }}\n"
    );
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in_with_secret(&emulated.url);
    if work == Work::Retry {
        workspace.run("apply --yes --wait --progress none").exits(5);
    }
    (workspace, emulated)
}

/// Works, to die the `time`-th time that `point` is passed; whether it died.
fn dies(workspace: &Workspace, work: Work, point: Point, time: u32) -> bool {
    let line = format!("{} --progress none", work.command());
    let output = workspace
        .command(line.split(' '))
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
fn is_survived(point: Point, time: u32, lists: &str, work: Work) -> bool {
    let (workspace, emulated) = world(lists, work);
    if point == Point::CUTTING || point == Point::CUT {
        // Only a torn journal is cut.
        assert!(dies(&workspace, work, Point::APPEND_HALF, 2));
    }
    let died = dies(&workspace, work, point, time);
    if died {
        dies(&workspace, work, point, 1);
    }
    let line = format!("{} --progress plain", work.command());
    workspace.run(&line).exits(0);
    if work == Work::Retry {
        // What was in doubt and came to nothing is run again by the next one.
        workspace
            .run("retry --yes --wait --progress plain")
            .exits(0);
        workspace.run("status").exits(0);
    }
    workspace.run("plan --detailed-exitcode").exits(0);
    let windows = stored_windows(&emulated.ledger());
    let place = format!("{}:{time}", point.name());
    let times = match work {
        Work::Apply => 1,
        Work::Retry => 2,
    };
    assert_eq!(windows.len(), FLOWS * DAYS, "lost at {place}");
    assert!(
        windows.values().all(|stored| *stored == times),
        "lost or doubled at {place}: {windows:?}"
    );
    died
}

/// Walks all points, each as often as an apply passes it.
fn walk(lists: &str, work: Work) {
    let points: Vec<Point> = work.points().collect();
    let (next, deaths) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(&point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let mut time = 1;
                    while is_survived(point, time, lists, work) {
                        time += 1;
                        // A retry comes by the places of an apply: in small, each once.
                        if work == Work::Retry && !is_whole() && time > 3 {
                            break;
                        }
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
        points.len(),
        deaths.into_inner()
    );
}

#[test]
fn no_death_loses_or_doubles_a_run_where_lists_show_windows() {
    walk("", Work::Apply);
}

#[test]
fn no_death_loses_or_doubles_a_run_where_windows_are_shown_late() {
    let lists = "paramsInLists: false\nparamsInRuns: false\nscheduledFor: 0.3";
    walk(lists, Work::Apply);
}

#[test]
fn no_death_loses_or_doubles_a_retry_that_makes_a_new_run() {
    walk("scheduledFor: 0.1", Work::Retry);
}

#[test]
fn no_death_loses_or_doubles_a_retry_that_runs_the_same_run_again() {
    let dialect = "scheduledFor: 0.1\ndialect: openapi\n\
         paramsInLists: false\nparamsInRuns: false\ncopyWindows: false";
    walk(dialect, Work::Retry);
}

#[test]
fn a_task_that_panics_ends_the_work_loudly_and_its_run_is_settled_by_the_next() {
    for (work, point, time) in [
        (Work::Apply, Point::CREATE_ANSWERED, 3),
        (Work::Apply, Point::READ_ANSWERED, 3),
        (Work::Retry, Point::RETRY_ANSWERED, 3),
    ] {
        let (workspace, emulated) = world("", work);
        let output = workspace
            .command(work.command().split(' '))
            .env(
                "BACKFILL_CRASH_AT",
                format!("{}:{time}:panic", point.name()),
            )
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{}: {said}", point.name());
        assert!(said.contains("has panicked"), "{}: {said}", point.name());
        let ran = workspace.run(work.command());
        assert!(matches!(ran.code, Some(0 | 5)), "{}", ran.stderr);
        let stored = emulated.ledger().stored;
        let retries = stored.iter().filter(|run| run.retrigger_of.is_some());
        assert_eq!(stored.len() - retries.clone().count(), FLOWS * DAYS);
        if work == Work::Retry {
            assert_eq!(retries.count(), FLOWS * DAYS);
        }
    }
}
