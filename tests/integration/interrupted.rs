//! Ctrl-C and SIGTERM: nothing new is sent, answers are waited for, the journal is complete.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::emulated::{Emulated, signal, stored_windows, wait_for_creates};
use crate::support::workspace::Workspace;

/// The command, started by another one that ends its own words with it.
fn started_by(wrapper: &[&str], command: &Command) -> Command {
    let mut started = Command::new(wrapper[0]);
    let environment = command.get_envs();
    started
        .args(&wrapper[1..])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().expect("a folder"))
        .env_clear()
        .envs(environment.filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", std::env::var_os("PATH").expect("a path"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    started
}

fn interrupted_by(name: &str) {
    let mut workspace = Workspace::new();
    for n in 0..4 {
        workspace.manifest(n, 50, false);
    }
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 50/s }\n");
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    // Under `nohup`, or in the background of a script, the tests themselves ignore signals, which a process inherits.
    let heeding = [
        "perl",
        "-e",
        "$SIG{$_} = 'DEFAULT' for qw(HUP INT TERM); exec @ARGV",
    ];
    let apply = workspace.command("apply --yes --report out.json --html out.html".split(' '));
    let apply = started_by(&heeding, &apply).spawn();
    let apply = apply.expect("perl is installed");
    wait_for_creates(&emulated, 10);
    signal(&apply, name);
    let output = apply.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let sent = emulated.ledger().creates;
    assert!(sent < 200, "nothing was left to interrupt");

    let report: serde_json::Value =
        serde_json::from_str(&workspace.read("out.json")).expect("JSON");
    assert_eq!(report["exitCode"], 130);
    assert_eq!(report["summary"]["created"], sent);
    assert_eq!(report["summary"]["inDoubt"], 0);
    let page = workspace.read("out.html");
    assert!(page.contains("interrupted; the journal is complete"));
    for told in [
        format!("<b>{sent}</b> created, end not known"),
        format!("<b>{}</b> to create", 200 - sent),
    ] {
        assert!(page.contains(&told), "{told}");
    }
    assert_eq!(
        workspace.read(".backfill/journal.jsonl").lines().count(),
        1,
        "it was folded"
    );

    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 2000/s }\n");
    workspace.run("apply --yes").exits(0);
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), 200);
    assert!(windows.values().all(|times| *times == 1));
}

#[test]
fn an_interrupt_stops_sending_and_leaves_a_complete_journal() {
    interrupted_by("INT");
}

#[test]
fn a_termination_does_the_same() {
    interrupted_by("TERM");
}

#[test]
fn a_terminal_that_is_closed_does_the_same() {
    interrupted_by("HUP");
}

#[cfg(target_os = "linux")] // elsewhere no file says which signals a process ignores
#[test]
fn started_to_outlive_its_terminal_it_goes_on_without_it() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 60, false);
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 50/s }\n");
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    let apply = workspace.command("apply --yes".split(' '));
    let apply = started_by(&["nohup"], &apply).spawn();
    let apply = apply.expect("nohup is installed");
    wait_for_creates(&emulated, 10);
    signal(&apply, "HUP");
    let output = apply.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(emulated.ledger().creates, 60);
}

#[test]
fn what_does_not_answer_in_time_is_in_doubt_and_settled_by_the_next_apply() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    let scenario =
        "faults: [{ on: createRun, calls: [2], do: { hang: { for: 60, when: after } } }]";
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    let apply = workspace
        .command("apply --yes".split(' '))
        .spawn()
        .expect("the binary runs");
    wait_for_creates(&emulated, 2);
    let asked = Instant::now();
    signal(&apply, "INT");
    let output = apply.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(
        asked.elapsed() < Duration::from_secs(9),
        "{:?}",
        asked.elapsed()
    );
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["inDoubt"], 1);

    let ran = workspace.run("apply --yes").exits(0);
    assert!(
        ran.stdout
            .contains("Done: 1 created, 1 adopted, 1 unchanged."),
        "{}",
        ran.stdout
    );
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), 3);
    assert!(windows.values().all(|times| *times == 1));
}

#[test]
fn a_second_interrupt_leaves_at_once() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    let scenario =
        "faults: [{ on: createRun, calls: [1], do: { hang: { for: 60, when: before } } }]";
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    let apply = workspace
        .command("apply --yes".split(' '))
        .spawn()
        .expect("the binary runs");
    wait_for_creates(&emulated, 1);
    signal(&apply, "INT");
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    signal(&apply, "INT");
    let output = apply.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["inDoubt"], 1);
}

/// A workspace in which one window of each of `flows` flows is in doubt, and was not stored.
fn in_doubt(flows: usize) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    for n in 0..flows {
        workspace.manifest(n, 1, false);
    }
    workspace.write("backfill.yaml", "version: 1\n");
    let calls: Vec<String> = (1..=flows).map(|n| n.to_string()).collect();
    let scenario = format!(
        "faults: [{{ on: createRun, calls: [{}], do: {{ reset: before }} }}]",
        calls.join(", ")
    );
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);
    let apply = workspace
        .command("apply --yes".split(' '))
        .spawn()
        .expect("the binary runs");
    wait_for_creates(&emulated, flows as u64);
    signal(&apply, "INT");
    let output = apply.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    (workspace, emulated)
}

#[test]
fn the_limit_on_new_runs_holds_for_doubts_that_are_settled_too() {
    let (workspace, emulated) = in_doubt(3);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["inDoubt"], 3);
    let ran = workspace
        .run("apply --yes --limit 1 --detailed-exitcode")
        .exits(2);
    assert!(
        ran.stdout.contains("Done: 1 created, 2 remaining."),
        "{}",
        ran.stdout
    );
    assert_eq!(emulated.ledger().stored.len(), 1);
    workspace.run("apply --yes").exits(0);
    assert_eq!(emulated.ledger().stored.len(), 3);
}

#[test]
fn a_doubt_whose_window_was_cut_anew_is_settled_before_that_is_judged() {
    let (workspace, emulated) = in_doubt(1);
    let halves = workspace
        .read("manifests/flow-0.yaml")
        .replace("windowEndTime: 1641081600", "windowEndTime: 1641038400");
    workspace.write("manifests/flow-0.yaml", &halves);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["waiting"], 1);
    let ran = workspace.run("apply --yes").exits(0);
    assert!(ran.stdout.contains("1 remaining"), "{}", ran.stdout);
    workspace.run("apply --yes").exits(0);
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), 1);
}
