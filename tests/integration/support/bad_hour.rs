//! What tests of a bad hour share: where the state is kept, when a doubt is on record, and how it all
//! ends once calm returns.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::emulated::{Emulated, signal};
use super::git::git;
use super::workspace::{Ran, Workspace};

/// Far more than anything takes here.
const LONG: Duration = Duration::from_secs(300);

/// Where a state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Folder,
    Branch,
}

impl Place {
    /// A workspace whose state is kept there, with `config` below its place.
    pub(crate) fn workspace(self, config: &str) -> Workspace {
        let mut workspace = Workspace::new();
        if self == Self::Branch {
            let root = workspace.root().to_owned();
            git(
                &root,
                "init --quiet --bare --initial-branch=main remote.git",
            );
            git(&root, "init --quiet --initial-branch=main");
            let remote = root.join("remote.git");
            git(&root, &format!("remote add origin {}", remote.display()));
            git(&root, "commit --quiet --allow-empty -m one");
            git(&root, "push --quiet origin HEAD:main");
            workspace.set("PATH", &std::env::var("PATH").expect("a path"));
        }
        self.configure(&workspace, config);
        workspace
    }

    /// Writes the config anew.
    pub(crate) fn configure(self, workspace: &Workspace, config: &str) {
        let state = match self {
            Self::Folder => "",
            Self::Branch => "state: git:backfill-state\nlease: 10 seconds\n",
        };
        workspace.write("backfill.yaml", &format!("version: 1\n{state}{config}"));
    }
}

/// Serves the workspace's flows; the runs outlive the emulator.
pub(crate) fn serve(workspace: &mut Workspace, scenario: &str) -> Emulated {
    let emulated = Emulated::start_with(
        workspace,
        scenario,
        "--data service.jsonl",
        Stdio::inherit(),
    );
    workspace.sign_in(&emulated.url);
    emulated
}

/// The line as a command that waits for its turn at the state, and does not say much.
pub(crate) fn command(workspace: &Workspace, line: &str) -> Command {
    let line = format!("{line} --yes --progress none --lock-timeout 2m");
    workspace.command(line.split(' '))
}

pub(crate) fn start(workspace: &Workspace, line: &str) -> Child {
    command(workspace, line).spawn().expect("the binary runs")
}

pub(crate) fn run(workspace: &Workspace, line: &str) -> Ran {
    Ran::of(command(workspace, line).output().expect("the binary runs"))
}

/// Ends a process that is at work, as the name of the signal says.
pub(crate) fn end(process: Child, name: &str) -> Ran {
    signal(&process, name);
    Ran::of(process.wait_with_output().expect("it ends"))
}

/// What the state has of each run.
pub(crate) fn records(workspace: &Workspace) -> Vec<Value> {
    let listed = workspace.run("state list --format json").exits(0).json();
    listed["runs"].as_array().expect("runs").clone()
}

/// Fails unless a command ended as one may in a bad hour: done, with work left, with doubts, or with
/// a service that cannot be used, by a signal or by a limit; but with a state that it could use.
/// Gives what it said.
#[track_caller]
pub(crate) fn assert_is_an_end(ran: &Ran) -> String {
    let said = format!("{:?}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
    let ends = [0, 1, 2, 5, 6, 7, 9, 130].map(Some);
    assert!(ran.code.is_none() || ends.contains(&ran.code), "{said}");
    said
}

/// Waits until what came back of a request, which leaves it in doubt, is on record.
pub(crate) fn wait_for_a_doubt(workspace: &Workspace) {
    let is_on_record = |run: &Value| run["fate"] == "inDoubt" && !run["error"].is_null();
    let start = Instant::now();
    while !records(workspace).iter().any(is_on_record) {
        assert!(start.elapsed() < LONG, "nothing is in doubt");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The service is calm and clocks are right: everything that is left is done, and what no list can
/// settle is decided by somebody who knows, as the emulator does. Then each window was created
/// once: `windows` are all that are wanted. No state on the way is one that cannot be read.
#[track_caller]
pub(crate) fn calm_returns(workspace: &Workspace, emulated: &Emulated, windows: usize) {
    let start = Instant::now();
    loop {
        let ran = run(workspace, "apply");
        let said = assert_is_an_end(&ran);
        assert_nothing_is_doubled(emulated);
        let plan = workspace.run("plan --detailed-exitcode");
        if ran.code == Some(0) && plan.code == Some(0) {
            break;
        }
        assert!(start.elapsed() < LONG, "it does not end: {said}");
        if ran.code == Some(6) {
            decide(workspace, emulated);
        }
    }
    workspace.run("state verify").exits(0);
    let created = emulated.ledger().stored;
    let created = created.iter().filter(|run| run.retrigger_of.is_none());
    assert_eq!(created.count(), windows, "lost");
}

/// Fails if any window was created, or any run was run again, more than once.
#[track_caller]
pub(crate) fn assert_nothing_is_doubled(emulated: &Emulated) {
    let mut seen = BTreeSet::new();
    for run in emulated.ledger().stored {
        let again = run.retrigger_of.clone();
        let window = (run.flow_id, run.window_start_time, again);
        assert!(!seen.contains(&window), "doubled: {window:?}");
        seen.insert(window);
    }
}

/// Fails if the service was asked to begin a run later than at once: no test here wants that, and a
/// wrong clock must not.
#[track_caller]
pub(crate) fn assert_each_begins_at_once(emulated: &Emulated) {
    for run in emulated.ledger().stored {
        let later = run.start_time - run.created_at / 1_000;
        assert!(later < 300, "it begins {later} s later: {run:?}");
    }
}

/// Decides what is in doubt: the run of a window that no record stands for is the one, and there is
/// none where there is no such run. What may not be decided yet stays as it is.
fn decide(workspace: &Workspace, emulated: &Emulated) {
    let pulled = workspace.run("state pull").exits(0).stdout;
    let records: Vec<Value> = pulled
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    // The run that is to run again is known, too.
    let ids = |run: &Value| {
        let attempts = run["attempts"].as_array().cloned().unwrap_or_default();
        let ids = attempts.iter().chain([run, &run["retry"]]);
        ids.filter_map(|it| Some(it["runId"].as_str()?.to_owned()))
            .collect::<Vec<_>>()
    };
    let known: BTreeSet<String> = records.iter().flat_map(ids).collect();
    for run in records.iter().filter(|run| run["fate"] == "inDoubt") {
        let stored = emulated.ledger().stored;
        let is_it = |it: &&aep_backfill::emulator::StoredRun| {
            run["flowId"] == it.flow_id
                && run["windowStartTime"] == it.window_start_time
                && !known.contains(&it.run_id)
        };
        let key = run["key"].as_str().expect("a key");
        let decision = match stored.iter().find(is_it) {
            Some(it) => format!("resolve {key} --adopt {} --reason seen", it.run_id),
            None => format!("resolve {key} --not-created --reason unseen"),
        };
        let ran = workspace.run(&decision);
        let said = format!("{decision}: {:?}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
        assert!(matches!(ran.code, Some(0 | 3 | 5 | 6)), "{said}");
    }
}
