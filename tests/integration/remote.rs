//! A state that outlives the machine: applies that are killed, suspended or late, each on a machine
//! of its own, on every kind of remote.
//!
//! A kind whose server is not here is skipped, and says so; `tests/servers/with` starts them all.
//! `BACKFILL_TEST_ROUNDS` makes them as long as one likes.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use aep_backfill::crash::Point;
use aep_backfill::emulator::RequestKind;
use url::Url;
use uuid::Uuid;

use crate::support::dice::{Dice, is_whole};
use crate::support::emulated::signal;
use crate::support::emulated::{Emulated, assert_each_once, stored_windows, wait_for_creates};
use crate::support::git::{git, hook};
use crate::support::workspace::{Ran, Workspace};

/// A remote that keeps a state, and machines to work from.
struct Remote {
    /// What `--state` says of it.
    place: String,
    /// The bare repository and its URL, if it is one.
    repository: Option<(PathBuf, String)>,
    /// What a machine must have in its environment.
    environment: Vec<(&'static str, String)>,
    /// Where on a machine it is used.
    stand: Stand,
    /// So many machines there were.
    machines: Cell<usize>,
    _folder: tempfile::TempDir,
}

/// Where on a machine the config is, and where its commands run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Where the repository begins.
    Root,
    /// In a folder of it, by its name.
    Folder(&'static str),
    /// In a folder of a second worktree.
    Worktree,
    /// In a folder of a submodule.
    Submodule,
}

impl Stand {
    /// The folder of the config, from that of the machine.
    fn project(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Folder(name) => name,
            Self::Worktree => "second/deploy",
            Self::Submodule => "sub/deploy",
        }
    }

    /// Where commands run on the `nth` machine, from the config's folder: the state is one from all of them.
    fn here(self, nth: usize) -> &'static str {
        match self {
            Self::Root => "",
            _ => ["", "manifests", "manifests/more"][nth % 3],
        }
    }

    /// Makes a checkout of `url`, one commit deep and on no branch, for who stands there.
    fn check_out(self, machine: &Path, url: &str) {
        let lines = |folder: &Path, lines: &[&str]| {
            for line in lines {
                git(folder, line);
            }
        };
        let clone = [
            "init --quiet",
            &format!("remote add origin {url}"),
            "fetch --quiet --depth=1 origin main",
            "checkout --quiet --detach FETCH_HEAD",
        ];
        match self {
            Self::Root | Self::Folder(_) => lines(machine, &clone),
            Self::Worktree => {
                let first = machine.join("first");
                std::fs::create_dir(&first).expect("a folder");
                lines(&first, &clone);
                git(&first, "worktree add --quiet --detach --force ../new");
                // The folder is there already, with what the test has written to it.
                std::fs::rename(machine.join("new/.git"), machine.join("second/.git"))
                    .expect("the same disk");
                std::fs::remove_dir_all(machine.join("new")).expect("it is ours");
                git(&first, "worktree repair ../second");
            }
            Self::Submodule => {
                git(machine, "init --quiet");
                let sub = machine.join("sub");
                lines(&sub, &clone);
                git(
                    machine,
                    &format!("config -f .gitmodules submodule.sub.url {url}"),
                );
                git(machine, "config -f .gitmodules submodule.sub.path sub");
                git(machine, "add sub .gitmodules");
                git(machine, "submodule --quiet absorbgitdirs sub");
                assert!(sub.join(".git").is_file(), "its git directory is elsewhere");
            }
        }
    }
}

const ODD_NAME: &str = "caf\u{e9} & \u{1f4c8}/\"prod\" 1";

/// Makes a remote of some kind, new and empty; `None` where its server is not here.
type New = fn() -> Option<Remote>;

/// What the environment says; says that `what` is skipped where it says nothing.
fn server(variable: &str, what: &str) -> Option<String> {
    let server = std::env::var(variable).ok();
    if server.is_none() {
        // Not by `eprintln!`, which the test harness would swallow.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {what}: no {variable} (see tests/servers/with)"
        );
    }
    server
}

/// How often a test that tries its luck tries it.
fn rounds(usually: usize) -> usize {
    std::env::var("BACKFILL_TEST_ROUNDS")
        .map_or(usually, |rounds| rounds.parse().expect("a number"))
}

impl Remote {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "as the others, which may be skipped"
    )]
    fn git() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let bare = folder.path().join("remote.git");
        let url = Url::from_file_path(&bare)
            .expect("a whole path")
            .to_string();
        Some(Self::repository(folder, bare, url))
    }

    fn git_over_http() -> Option<Self> {
        let what = "a state on a branch over HTTP";
        let url = server("BACKFILL_TEST_GIT", what)?;
        let root = server("BACKFILL_TEST_GIT_ROOT", what)?;
        let name = format!("{}.git", Uuid::new_v4());
        let folder = tempfile::tempdir().expect("a folder");
        let bare = Path::new(&root).join(&name);
        Some(Self::repository(folder, bare, format!("{url}/{name}")))
    }

    fn repository(folder: tempfile::TempDir, bare: PathBuf, url: String) -> Self {
        let init = format!(
            "init --quiet --bare --initial-branch=main {}",
            bare.display()
        );
        git(folder.path(), &init);
        git(&bare, "config http.receivepack true");
        git(folder.path(), &format!("clone --quiet {url} first"));
        let first = folder.path().join("first");
        git(&first, "commit --quiet --allow-empty -m one");
        git(&first, "commit --quiet --allow-empty -m two");
        git(&first, "push --quiet origin HEAD:main");
        Self {
            place: "git:backfill-state".to_owned(),
            repository: Some((bare, url)),
            environment: vec![("PATH", std::env::var("PATH").expect("a path"))],
            stand: Stand::Root,
            machines: Cell::new(0),
            _folder: folder,
        }
    }

    fn s3() -> Option<Self> {
        if cfg!(not(feature = "object-store")) {
            return None;
        }
        server("BACKFILL_TEST_S3", "a state in S3")?;
        Some(Self::bucket("s3", "AWS_"))
    }

    fn azure() -> Option<Self> {
        if cfg!(not(feature = "object-store")) {
            return None;
        }
        server("BACKFILL_TEST_AZURE", "a state in Azure Blob Storage")?;
        Some(Self::bucket("az", "AZURE_"))
    }

    fn bucket(scheme: &str, prefix: &str) -> Self {
        let names = [
            "AWS_ENDPOINT_URL",
            "AWS_ALLOW_HTTP",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AZURE_STORAGE_ENDPOINT",
            "AZURE_ALLOW_HTTP",
            "AZURE_STORAGE_ACCOUNT_NAME",
            "AZURE_STORAGE_ACCOUNT_KEY",
        ];
        let environment = names
            .into_iter()
            .filter(|name| name.starts_with(prefix))
            .map(|name| (name, std::env::var(name).expect(name)));
        Self {
            place: format!("{scheme}://backfill-test/{}", Uuid::new_v4()),
            repository: None,
            environment: environment.collect(),
            stand: Stand::Root,
            machines: Cell::new(0),
            _folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A new machine, as a CI job has it: where the remote is a repository, a checkout of it, one
    /// commit deep and on no branch.
    fn machine(&self, plan: &Plan, emulated: &Emulated) -> Workspace {
        let mut machine = plan.workspace_below(self.stand.project());
        let nth = self.machines.replace(self.machines.get() + 1);
        machine.stand_in(self.stand.here(nth));
        machine.write(
            "backfill.yaml",
            &format!("version: 1\nstate: {}\n{}", self.place, plan.config),
        );
        for (name, value) in &self.environment {
            machine.set(name, value);
        }
        machine.sign_in(&emulated.url);
        if let Some((_, url)) = &self.repository {
            self.stand.check_out(machine.root(), url);
        }
        machine
    }
}

/// What is wanted, and how.
struct Plan {
    flows: usize,
    days: usize,
    config: &'static str,
}

impl Plan {
    fn workspace(&self) -> Workspace {
        self.workspace_below("")
    }

    fn workspace_below(&self, project: &str) -> Workspace {
        let workspace = Workspace::below(project);
        for n in 0..self.flows {
            workspace.manifest(n, self.days, n % 2 == 0);
        }
        workspace
    }

    /// An emulator that has its flows.
    fn serve(&self, scenario: &str) -> Emulated {
        Emulated::start(&self.workspace(), scenario)
    }

    fn windows(&self) -> usize {
        self.flows * self.days
    }
}

/// Runs each of the named functions on a new remote of each kind; `elsewhere`: used from other folders
/// than a repository's root.
macro_rules! on_each_remote {
    ($($name:ident),+ $(,)?) => {
        on_each_remote!(@ git; $($name),+);
        on_each_remote!(@ git_over_http; $($name),+);
        on_each_remote!(@ s3; $($name),+);
        on_each_remote!(@ azure; $($name),+);
    };
    (elsewhere; $($name:ident),+ $(,)?) => {
        on_each_remote!(@ git git_in_a_folder super::Stand::Folder("deploy"); $($name),+);
        on_each_remote!(@ git git_in_a_folder_of_odd_name super::Stand::Folder(super::ODD_NAME); $($name),+);
        on_each_remote!(@ git git_in_a_second_worktree super::Stand::Worktree; $($name),+);
        on_each_remote!(@ git git_in_a_submodule super::Stand::Submodule; $($name),+);
        on_each_remote!(@ s3 s3_in_a_folder super::Stand::Folder("deploy"); $($name),+);
        on_each_remote!(@ azure azure_in_a_folder super::Stand::Folder("deploy"); $($name),+);
    };
    (@ $kind:ident; $($name:ident),+) => {
        on_each_remote!(@ $kind $kind super::Stand::Root; $($name),+);
    };
    (@ $kind:ident $module:ident $stand:expr; $($name:ident),+) => {
        mod $module {
            $(#[test] fn $name() {
                super::$name(|| Some(super::Remote { stand: $stand, ..super::Remote::$kind()? }));
            })+
        }
    };
}

on_each_remote![
    what_one_machine_has_created_the_next_knows,
    applies_at_once_share_the_work_and_create_nothing_twice,
    through_faults_and_kills_each_window_is_created_once_from_machines_of_their_own,
    who_sleeps_past_its_lease_is_fenced_and_doubles_nothing,
    failed_runs_are_run_again_once_through_faults_and_kills_from_machines_of_their_own,
    machines_that_share_a_state_share_the_budget_of_a_day,
    no_death_at_any_step_loses_or_doubles_a_retry,
];

on_each_remote![
    elsewhere;
    what_one_machine_has_created_the_next_knows,
    through_faults_and_kills_each_window_is_created_once_from_wherever_one_stands,
];

fn start(machine: &Workspace, line: &str) -> Child {
    let mut command = machine.command(line.split(' '));
    command.stdout(Stdio::null());
    command.spawn().expect("the binary runs")
}

fn said(child: Child) -> Ran {
    Ran::of(child.wait_with_output().expect("it ends"))
}

fn what_one_machine_has_created_the_next_knows(new: New) {
    let Some(remote) = new() else { return };
    let plan = Plan {
        flows: 2,
        days: 5,
        config: "limits: { rate: 100/s }\n",
    };
    let emulated = plan.serve("");
    let first = remote.machine(&plan, &emulated);
    first.run("plan --detailed-exitcode").exits(2);
    let ran = first.run("apply --yes --progress none").exits(0);
    assert!(ran.stdout.contains("Done: 10 created"), "{}", ran.stdout);

    let second = remote.machine(&plan, &emulated);
    second.run("plan --detailed-exitcode").exits(0);
    let ran = second.run("apply --yes --progress none").exits(0);
    assert!(
        ran.stdout.contains("Nothing to do: 0 created"),
        "{}",
        ran.stdout
    );
    let verified = second.run("state verify").exits(0);
    assert!(verified.stdout.contains("10 runs"), "{}", verified.stdout);
    assert_each_once(&emulated, plan.windows());
    // Nothing of it is on the machine.
    assert!(!second.path().join(".backfill").exists());
}

fn failed_runs_are_run_again_once_through_faults_and_kills_from_machines_of_their_own(new: New) {
    let Some(remote) = new() else { return };
    let plan = Plan {
        flows: 3,
        days: 3,
        config: "limits: { rate: 20/s }\nlease: 10 seconds\nsettleDelay: 3 seconds\n",
    };
    let scenario = "scheduledFor: 0.1\nrunsFor: 0.1\noutcomes: { failed: 1 }\nbadAttempts: 1\n\
         faults:\n\
         - { on: action, calls: [2, 6], do: { reset: after } }\n\
         - { on: action, calls: [4], do: { status: { code: 504, when: after } } }\n";
    let emulated = plan.serve(scenario);
    let machine = remote.machine(&plan, &emulated);
    machine.run("apply --yes --wait --progress none").exits(5);
    let kills = rounds(1);
    let mut killed = 0;
    for retries in 0.. {
        assert!(retries < 20, "it does not end");
        // Nothing is left of the last machine but what is on the remote.
        let machine = remote.machine(&plan, &emulated);
        let mut retry = start(&machine, "retry --yes --progress none --lock-timeout 5m");
        let ended = if killed < kills {
            let asked = || emulated.requests(RequestKind::Action);
            let before = asked();
            let (is_killed, ended) = kill_when(retry, || asked() >= before + 2, Duration::ZERO);
            killed += usize::from(is_killed);
            ended
        } else {
            retry.wait().expect("it ends")
        };
        let left = machine.run("retry --dry-run --detailed-exitcode");
        if ended.success() && left.code == Some(0) {
            break;
        }
    }
    assert_all_retried_once(&plan, &emulated, &machine);
}

/// Each window was run again once, and is done.
fn assert_all_retried_once(plan: &Plan, emulated: &Emulated, machine: &Workspace) {
    let stored = emulated.ledger().stored;
    let again = stored.iter().filter_map(|run| run.retrigger_of.as_ref());
    let again: Vec<&String> = again.collect();
    let each: BTreeSet<&&String> = again.iter().collect();
    assert_eq!((each.len(), again.len()), (plan.windows(), plan.windows()));
    machine.run("apply --yes --wait --progress none").exits(0);
}

/// Kills the process once `is_time`, if it has not ended by itself; whether it was killed.
fn kill_when(
    mut process: Child,
    is_time: impl Fn() -> bool,
    and_then: Duration,
) -> (bool, ExitStatus) {
    let mut has_ended = || process.try_wait().expect("it was started").is_some();
    let patience = Instant::now();
    while !is_time() && !has_ended() && patience.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(and_then);
    let is_killed = !has_ended();
    if is_killed {
        process.kill().expect("it runs");
    }
    (is_killed, process.wait().expect("it ends"))
}

/// The places of `src/crash.rs` that are passed wherever the state is kept.
const EVERYWHERE: [Point; 8] = [
    Point::RETRY_SENDING,
    Point::RETRY_ANSWERED,
    Point::APPENDED,
    Point::APPENDING,
    Point::READING,
    Point::READ,
    Point::READ_ASKING,
    Point::READ_ANSWERED,
];

fn no_death_at_any_step_loses_or_doubles_a_retry(new: New) {
    let Some(remote) = new() else { return };
    if !cfg!(feature = "crash-points") {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: deaths of retries with a remote state: no feature crash-points"
        );
        return;
    }
    let points = &EVERYWHERE[..if is_whole() { EVERYWHERE.len() } else { 2 }];
    let plan = Plan {
        flows: 2,
        days: 1 + points.len().div_ceil(2),
        config: "limits: { rate: 50/s }\nlease: 10 seconds\nsettleDelay: 2 seconds\n",
    };
    let scenario = "scheduledFor: 0\nrunsFor: 0\noutcomes: { failed: 1 }\nbadAttempts: 1\n";
    let emulated = plan.serve(scenario);
    let machine = remote.machine(&plan, &emulated);
    machine.run("apply --yes --wait --progress none").exits(5);
    for point in points {
        // Nothing is left of the last machine but what is on the remote.
        let machine = remote.machine(&plan, &emulated);
        let line = "retry --yes --limit 1 --progress none --lock-timeout 5m";
        let died = machine
            .command(line.split(' '))
            .env("BACKFILL_CRASH_AT", format!("{}:1", point.name()))
            .output()
            .expect("the binary runs");
        assert_eq!(died.status.code(), None, "{} is not passed", point.name());
    }
    for retries in 0.. {
        assert!(retries < 10, "it does not end");
        let machine = remote.machine(&plan, &emulated);
        let ran = machine.run("retry --yes --progress none --lock-timeout 5m");
        let left = machine.run("retry --dry-run --detailed-exitcode");
        if ran.code == Some(0) && left.code == Some(0) {
            break;
        }
    }
    assert_all_retried_once(&plan, &emulated, &machine);
}

fn machines_that_share_a_state_share_the_budget_of_a_day(new: New) {
    let Some(remote) = new() else { return };
    let plan = Plan {
        flows: 2,
        days: 4,
        config: "limits: { rate: 100/s, newRunsPerDay: 5 }\n",
    };
    let emulated = plan.serve("");
    let machines: Vec<Workspace> = (0..2).map(|_| remote.machine(&plan, &emulated)).collect();
    let applies: Vec<Child> = machines
        .iter()
        .map(|machine| start(machine, "apply --yes --progress none --lock-timeout 10m"))
        .collect();
    for apply in applies {
        said(apply).exits(0);
    }
    assert_each_once(&emulated, 5);
}

fn applies_at_once_share_the_work_and_create_nothing_twice(new: New) {
    let Some(remote) = new() else { return };
    // So many start at once, and each creates two.
    let applies = if is_whole() { 16 } else { 6 };
    let plan = Plan {
        flows: 2,
        days: applies,
        config: "limits: { rate: 200/s }\nlease: 1 minute\n",
    };
    let emulated = plan.serve("");
    let machines: Vec<Workspace> = (0..applies)
        .map(|_| remote.machine(&plan, &emulated))
        .collect();
    let applies: Vec<Child> = machines
        .iter()
        .map(|machine| {
            start(
                machine,
                "apply --yes --progress none --limit 2 --lock-timeout 10m",
            )
        })
        .collect();
    for apply in applies {
        said(apply).exits(0);
    }
    assert_each_once(&emulated, plan.windows());
}

fn through_faults_and_kills_each_window_is_created_once_from_machines_of_their_own(new: New) {
    let Some(remote) = new() else { return };
    let kills = rounds(if is_whole() { 2 } else { 1 });
    let plan = Plan {
        flows: 6,
        days: 6 + kills,
        config: "limits: { rate: 20/s }\nlease: 10 seconds\nsettleDelay: 3 seconds\n",
    };
    let seed = 17;
    let scenario = format!(
        "seed: {seed}\n\
         listedAfter: 1\n\
         faults:\n\
         - {{ on: createRun, chance: 0.04, do: {{ reset: after }} }}\n\
         - {{ on: createRun, chance: 0.04, do: {{ status: {{ code: 504, when: after }} }} }}\n\
         - {{ on: createRun, chance: 0.04, do: {{ throttled: {{ retryAfter: 1 }} }} }}\n"
    );
    let emulated = plan.serve(&scenario);
    let mut dice = Dice(seed);
    let mut killed = 0;
    while killed < kills {
        // Nothing is left of the last machine but what is on the remote.
        let machine = remote.machine(&plan, &emulated);
        let line = format!(
            "apply --yes --progress none --limit {} --lock-timeout 5m",
            2 + dice.roll(8)
        );
        let apply = start(&machine, &line);
        // It dies on its way to the next request, or soon after it.
        let before = emulated.ledger().creates;
        let soon = Duration::from_millis(dice.roll(700));
        let (is_killed, _) = kill_when(apply, || emulated.ledger().creates > before, soon);
        killed += usize::from(is_killed);
        if machine.run("plan --detailed-exitcode").code == Some(0) {
            break; // nothing is left to kill
        }
    }
    for applies in 1.. {
        let machine = remote.machine(&plan, &emulated);
        let ran = machine.run("apply --yes --progress none --lock-timeout 5m");
        match ran.code {
            Some(0) => break,
            Some(6) if applies < 10 => {}
            _ => panic!("after {killed} kills: {}\n{}", ran.stdout, ran.stderr),
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{}: {killed} kills, {} windows",
        remote.place,
        stored_windows(&emulated.ledger()).len()
    );
    assert_each_once(&emulated, plan.windows());
}

/// The same, where a whole run is asked for: the conformance of each place is tested in any case.
fn through_faults_and_kills_each_window_is_created_once_from_wherever_one_stands(new: New) {
    if is_whole() {
        through_faults_and_kills_each_window_is_created_once_from_machines_of_their_own(new);
    }
}

fn who_sleeps_past_its_lease_is_fenced_and_doubles_nothing(new: New) {
    if cfg!(windows) {
        let why = "skipped: an apply that sleeps: no process stops another here";
        let _ = writeln!(std::io::stderr(), "{why}");
        return;
    }
    let mut dice = Dice(23);
    for _ in 0..rounds(1) {
        let Some(remote) = new() else { return };
        let plan = Plan {
            flows: 4,
            days: 20,
            config: "limits: { rate: 10/s }\nlease: 10 seconds\nsettleDelay: 2 seconds\n",
        };
        let emulated = plan.serve("");
        let first = remote.machine(&plan, &emulated);
        let sleeper = start(&first, "apply --yes --progress none");
        wait_for_creates(&emulated, 5 + dice.roll(10));
        std::thread::sleep(Duration::from_millis(dice.roll(300)));
        signal(&sleeper, "STOP");

        // Whoever waits watches the lease, and takes over once it has run out.
        let second = remote.machine(&plan, &emulated);
        let by_the_sleeper = emulated.ledger().creates;
        let taker = start(&second, "apply --yes --progress none --lock-timeout 5m");
        wait_for_creates(&emulated, by_the_sleeper + 1 + dice.roll(25));
        signal(&sleeper, "CONT");

        let fenced = said(sleeper).exits(8);
        assert!(
            fenced.stderr.contains("it was taken over by "),
            "{}",
            fenced.stderr
        );
        let took = said(taker).exits(0);
        assert!(
            took.stderr
                .contains("note: the state is taken over from process"),
            "{}",
            took.stderr
        );
        assert_each_once(&emulated, plan.windows());
        let third = remote.machine(&plan, &emulated);
        third.run("plan --detailed-exitcode").exits(0);
    }
}

impl Remote {
    /// From now on a push takes so many seconds.
    fn slow_down(&self, seconds: &str) {
        self.on_push(&format!("sleep {seconds}"));
    }

    /// Has the repository run this before it takes a push.
    fn on_push(&self, script: &str) {
        let (bare, _) = self.repository.as_ref().expect("a repository");
        hook(bare, "pre-receive", script);
    }
}

/// Pushes are slow, so that many runs of a flow have an intent when the apply dies, and no list ever
/// shows a window: that they left in order is all that tells which of them exist.
#[test]
fn of_runs_that_were_reserved_ahead_those_that_exist_are_told_by_their_order() {
    let plan = Plan {
        flows: 2,
        days: if is_whole() { 40 } else { 32 },
        config: "limits: { rate: 20/s }\nlease: 10 seconds\nsettleDelay: 2 seconds\n",
    };
    let mut dice = Dice(29);
    let mut told = 0;
    for _ in 0..rounds(1) {
        let remote = Remote::git().expect("git is here");
        remote.slow_down(if is_whole() { "1" } else { "0.3" });
        let scenario = format!(
            "seed: {}\n\
             paramsInLists: false\n\
             paramsInRuns: false\n\
             copyWindows: false\n\
             faults:\n\
             - {{ on: createRun, chance: 0.02, do: {{ reset: after }} }}\n\
             - {{ on: createRun, chance: 0.02, do: {{ reset: before }} }}\n",
            dice.roll(1_000)
        );
        let emulated = plan.serve(&scenario);
        let mut creates = 0;
        for _ in 0..2 {
            let machine = remote.machine(&plan, &emulated);
            let mut apply = start(&machine, "apply --yes --progress none --lock-timeout 5m");
            creates += 5 + dice.roll(20);
            wait_for_creates(&emulated, creates);
            std::thread::sleep(Duration::from_millis(dice.roll(1_000)));
            apply.kill().expect("it runs");
            said(apply);
            creates = emulated.ledger().creates;
        }
        let machine = remote.machine(&plan, &emulated);
        machine
            .run("apply --yes --progress none --lock-timeout 5m")
            .exits(0);
        assert_each_once(&emulated, plan.windows());
        let listed = machine.run("state list --format json").exits(0).json();
        let runs = listed["runs"].as_array().expect("runs").clone();
        told += runs.iter().filter(|run| run["evidence"] == "order").count();
    }
    assert!(told > 0, "no run was told by its order");
}

/// A state on a branch is what `git log` shows of it.
#[test]
fn the_history_of_a_branch_says_who_created_what() {
    let remote = Remote::git().expect("git is here");
    let plan = Plan {
        flows: 1,
        days: 2,
        config: "",
    };
    let emulated = plan.serve("");
    let mut machine = remote.machine(&plan, &emulated);
    machine.set("GITLAB_CI", "true");
    machine.set("CI_JOB_URL", "https://gitlab.com/team/backfills/-/jobs/42");
    machine.run("apply --yes --progress none").exits(0);
    let (bare, _) = remote.repository.as_ref().expect("a repository");
    let log = git(bare, "log --reverse --format=%an:%x20%B backfill-state");
    for part in [
        "backfill: Take hold of the state\n\nby process ",
        "backfill: Begin an empty state\n\nby process ",
        "backfill: Runs: ",
        "to be sent",
        "created: prod 00000000-0000-4000-8000-000000000000 2022-01-01T00:00:00Z to \
         2022-01-02T00:00:00Z, run ",
        "(https://gitlab.com/team/backfills/-/jobs/42)",
        "backfill: Fold the journal into the state, and let go",
    ] {
        assert!(log.contains(part), "{part:?} is not in {log}");
    }
}

#[test]
fn a_push_that_a_rule_forbids_is_not_waited_for() {
    let remote = Remote::git().expect("git is here");
    let plan = Plan {
        flows: 1,
        days: 2,
        config: "",
    };
    let emulated = plan.serve("");
    let machine = remote.machine(&plan, &emulated);
    remote.on_push("echo protected >&2; exit 1");
    // Were it waited for, this would never end.
    let ran = machine.run("apply --yes --lock-timeout 1000h").exits(8);
    assert!(ran.stderr.contains("declined"), "{}", ran.stderr);
    assert!(ran.stderr.contains("contents: write"), "{}", ran.stderr);
    assert_eq!(emulated.ledger().creates, 0);
}

#[cfg(unix)] // no process sends Ctrl-C to another elsewhere
#[test]
fn ctrl_c_ends_an_apply_with_a_complete_state_that_nobody_holds() {
    use std::os::unix::process::CommandExt;
    let remote = Remote::git().expect("git is here");
    let plan = Plan {
        flows: 2,
        days: 20,
        config: "limits: { rate: 10/s }\n",
    };
    let emulated = plan.serve("");
    let machine = remote.machine(&plan, &emulated);
    let apply = machine
        .command("apply --yes --progress none".split(' '))
        .process_group(0)
        .spawn()
        .expect("the binary runs");
    wait_for_creates(&emulated, 12);
    // As a terminal does it: to the program, and to the git that it runs.
    let group = format!("-{}", apply.id());
    let sent = std::process::Command::new("kill")
        .args(["-INT", "--", &group])
        .status();
    assert!(sent.expect("kill runs").success());
    said(apply).exits(130);

    let created = emulated.ledger().creates;
    let ran = machine.run("plan --format json").exits(0).json();
    assert_eq!(ran["summary"]["unchanged"], created);
    assert_eq!(ran["summary"]["inDoubt"], 0);
    machine.run("apply --yes --progress none").exits(0);
    assert_each_once(&emulated, plan.windows());
}
