//! One writer: who comes second is told who was first, waits if it may, and doubles nothing.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, Output};

use crate::support::emulated::{
    Emulated, assert_each_once, signal, stored_windows, wait_for_creates,
};
use crate::support::workspace::{HOLDER, Workspace};

const APPLIES: usize = 10;

/// Ten applies started at the same moment, and how each ended.
fn ten(workspace: &Workspace, line: &str) -> Vec<(u32, Output)> {
    let started: Vec<Child> = (0..APPLIES)
        .map(|_| {
            let mut command = workspace.command(line.split(' '));
            command.spawn().expect("the binary runs")
        })
        .collect();
    started
        .into_iter()
        .map(|apply| (apply.id(), apply.wait_with_output().expect("it ends")))
        .collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn of_ten_applies_at_once_one_works_and_nine_say_who_holds_the_state() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 20, false);
    workspace.manifest(2, 20, false);
    // Slow enough that nine processes start while one works.
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 4/s }\n");
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);

    let (worked, refused): (Vec<_>, Vec<_>) = ten(&workspace, "apply --yes --progress none")
        .into_iter()
        .partition(|(_, output)| output.status.code() == Some(0));
    let [(winner, _)] = &worked[..] else {
        panic!("{} of ten worked", worked.len());
    };
    assert_eq!(refused.len(), APPLIES - 1);
    let host = gethostname::gethostname();
    let held_by = format!(
        "it is held by process {winner} on {}, since 20",
        host.display()
    );
    for (_, output) in &refused {
        assert_eq!(output.status.code(), Some(8), "{}", said(output));
        assert!(said(output).contains(&held_by), "{}", said(output));
    }
    assert_each_once(&emulated, 40);
}

#[test]
fn ten_applies_that_may_wait_share_the_work_and_create_nothing_twice() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 20, false);
    workspace.manifest(2, 20, true);
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 200/s }\n");
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);

    let line = "apply --yes --progress none --limit 4 --lock-timeout 5m";
    for (_, output) in ten(&workspace, line) {
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let result = String::from_utf8_lossy(&output.stdout);
        assert!(result.contains("Done: 4 created"), "{result}");
    }
    assert_each_once(&emulated, 40);
}

/// A state with work to do, held by somebody on another machine.
fn held() -> (Workspace, Emulated, File) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    fs::create_dir(workspace.path().join(".backfill")).expect("a folder");
    let lock = File::create(workspace.path().join(".backfill/lock")).expect("writable");
    workspace.write(
        HOLDER,
        r#"{"host":"runner-7","pid":4711,"ciRun":"https://github.com/o/r/actions/runs/9","since":"2026-11-24T08:00:00Z"}"#,
    );
    lock.lock().expect("free");
    (workspace, emulated, lock)
}

#[test]
fn a_wait_that_was_in_vain_says_for_whom_and_sends_nothing() {
    let (workspace, emulated, lock) = held();
    let ran = workspace.run("apply --yes --lock-timeout 1s").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    waiting for the state in .backfill: it is held by process 4711 on runner-7, since 2026-11-24T08:00:00Z (https://github.com/o/r/actions/runs/9)
    error: could not use the state in .backfill: it is held by process 4711 on runner-7, since 2026-11-24T08:00:00Z (https://github.com/o/r/actions/runs/9)
    hint: wait for it to end; nothing was sent by this command
    ");
    let ran = workspace.run("apply --yes").exits(8);
    insta::assert_snapshot!(ran.stderr, @"
    error: could not use the state in .backfill: it is held by process 4711 on runner-7, since 2026-11-24T08:00:00Z (https://github.com/o/r/actions/runs/9)
    hint: wait for it to end; nothing was sent by this command
    hint: --lock-timeout 10m would wait here for as long as that
    ");
    assert_eq!(emulated.ledger().creates, 0);

    // Readers are not kept out.
    workspace.run("plan").exits(0);
    workspace.run("status").exits(0);
    drop(lock);
    workspace.run("apply --yes --lock-timeout 1s").exits(0);
}

#[test]
#[cfg_attr(windows, ignore = "no process sends Ctrl-C to another here")]
fn who_waits_and_is_interrupted_ends() {
    let (workspace, emulated, _lock) = held();
    let mut waiting = workspace.command("apply --yes --lock-timeout 1h".split(' '));
    let mut waiting = waiting.spawn().expect("the binary runs");
    let stderr = waiting.stderr.as_mut().expect("it is piped");
    let mut said = String::new();
    BufReader::new(stderr).read_line(&mut said).expect("a line");
    assert!(said.starts_with("waiting for the state"), "{said}");
    signal(&waiting, "INT");
    let ended = waiting.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(130));
    assert_eq!(emulated.ledger().creates, 0);
}

#[test]
fn a_holder_that_was_killed_holds_nothing() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 20, false);
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nlimits: { rate: 10/s }\n",
    );
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    let mut apply = workspace
        .command("apply --yes".split(' '))
        .spawn()
        .expect("the binary runs");
    wait_for_creates(&emulated, 3);
    let ran = workspace.run("state unlock").exits(8);
    let pid = format!("process {} on", apply.id());
    assert!(ran.stderr.contains(&pid), "{}", ran.stderr);
    apply.kill().expect("it runs");
    apply.wait_with_output().expect("it ends");
    workspace.run("state unlock").exits(0);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    workspace.run("apply --yes --progress none").exits(0);
    assert_each_once(&emulated, 20);
}

/// An apply at work while `meddle` is at its files; then another that finds what it left.
fn meddled(named: &str, meddle: impl Fn(&Workspace)) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 20, false);
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nlimits: { rate: 10/s }\n",
    );
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes --limit 2").exits(0);
    let apply = workspace
        .command("apply --yes --progress none".split(' '))
        .spawn()
        .expect("the binary runs");
    wait_for_creates(&emulated, 6);
    meddle(&workspace);
    let output = apply.wait_with_output().expect("it ends");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(8), "{text}");
    let expected =
        format!(".backfill/{named} was changed, replaced or removed while this command held it\n");
    assert!(text.contains(&expected), "{text}");
    assert!(
        emulated.ledger().creates < 20,
        "it went on as if nothing had happened"
    );

    let ran = workspace.run("apply --yes --progress none");
    if ran.code == Some(8) {
        // Nothing guesses what a damaged state would have said; without it the lists tell.
        assert_eq!(
            emulated.ledger().creates,
            stored_windows(&emulated.ledger()).len() as u64
        );
        fs::remove_dir_all(workspace.path().join(".backfill")).expect("there");
        workspace.run("apply --yes --progress none").exits(0);
    }
    assert_each_once(&emulated, 20);
}

#[test]
#[cfg_attr(
    windows,
    ignore = "a file that somebody has open may keep its name here"
)]
fn a_lock_that_is_removed_lets_nobody_send_beside_its_holder() {
    meddled("lock", |workspace| {
        fs::remove_file(workspace.path().join(".backfill/lock")).expect("there");
    });
}

#[test]
#[cfg_attr(
    windows,
    ignore = "a file that somebody has open may keep its name here"
)]
fn a_state_folder_that_is_removed_stops_the_apply() {
    meddled("lock", |workspace| {
        fs::remove_dir_all(workspace.path().join(".backfill")).expect("there");
    });
}

#[test]
#[cfg_attr(
    windows,
    ignore = "a file that somebody has open may keep its name here"
)]
fn a_state_file_that_is_replaced_by_an_older_one_stops_the_apply() {
    meddled("state.jsonl", |workspace| {
        let path = workspace.path().join(".backfill/state.jsonl");
        let text = fs::read_to_string(&path).expect("there");
        fs::remove_file(&path).expect("there");
        fs::write(&path, text).expect("writable");
    });
}

#[test]
#[cfg_attr(
    windows,
    ignore = "a file that somebody has open may keep its name here"
)]
fn a_journal_that_is_replaced_stops_the_apply() {
    meddled("journal.jsonl", |workspace| {
        let path = workspace.path().join(".backfill/journal.jsonl");
        let text = fs::read_to_string(&path).expect("there");
        let header = text.lines().next().expect("a header");
        fs::remove_file(&path).expect("there");
        fs::write(&path, format!("{header}\n")).expect("writable");
    });
}
