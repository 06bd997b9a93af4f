//! Everything at once: lost answers, 504s, 429s, late lists, and `kill -9`.

#[cfg(target_os = "linux")] // clocks are turned by LD_PRELOAD
mod bad_hour;

use std::time::Duration;

use crate::support::dice::{Dice, is_whole};
use crate::support::emulated::{Emulated, stored_windows};
use crate::support::workspace::Workspace;

fn storm(seed: u64, lists: &str) {
    let (flows, days, most_kills) = if is_whole() { (10, 20, 10) } else { (4, 8, 3) };
    let mut workspace = Workspace::new();
    for n in 0..flows {
        workspace.manifest(n, days, n % 2 == 0);
    }
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 4 seconds\nlimits: { rate: 40/s }\n",
    );
    let scenario = format!(
        "seed: {seed}\n\
         listedAfter: 2\n\
         {lists}\
         outcomes: {{ failed: 1, success: 2 }}\n\
         badAttempts: 1\n\
         faults:\n\
         - {{ on: action, chance: 0.1, do: {{ reset: after }} }}\n\
         - {{ on: action, chance: 0.1, do: {{ status: {{ code: 504, when: after }} }} }}\n\
         - {{ on: action, chance: 0.05, do: {{ throttled: {{ retryAfter: 1 }} }} }}\n\
         - {{ on: createRun, chance: 0.05, do: {{ reset: after }} }}\n\
         - {{ on: createRun, chance: 0.05, do: {{ status: {{ code: 504, when: after }} }} }}\n\
         - {{ on: createRun, chance: 0.05, do: {{ throttled: {{ retryAfter: 1 }} }} }}\n"
    );
    let emulated = Emulated::start(&workspace, &scenario);
    workspace.sign_in(&emulated.url);

    let mut dice = Dice(seed);
    let mut kills = 0;
    while kills < most_kills {
        let mut apply = workspace
            .command("apply --yes --progress none".split(' '))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary runs");
        std::thread::sleep(Duration::from_millis(200 + dice.roll(1500)));
        if apply.try_wait().expect("it was started").is_none() {
            apply.kill().expect("it runs");
            kills += 1;
        }
        apply.wait().expect("it ends");
        if workspace.run("plan --detailed-exitcode").code == Some(0) {
            break; // nothing is left to kill
        }
    }
    assert!(
        kills >= most_kills / 2,
        "the storm was over after {kills} kills"
    );
    let mut applies = 0;
    loop {
        let ran = workspace.run("apply --yes --progress plain");
        applies += 1;
        match ran.code {
            Some(0) => break,
            Some(6) if applies < 10 => {}
            _ => panic!(
                "apply {applies}: {:?}\n{}\n{}",
                ran.code, ran.stdout, ran.stderr
            ),
        }
    }
    let windows = stored_windows(&emulated.ledger());
    let doubled: Vec<_> = windows.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    assert_eq!(windows.len(), flows * days, "lost");
    retries(&workspace, &emulated, &mut dice, most_kills);
}

/// The runs that failed are run again, each once, through the same.
fn retries(workspace: &Workspace, emulated: &Emulated, dice: &mut Dice, most_kills: u64) {
    workspace.run("apply --yes --wait --progress none").exits(5);
    let failed = emulated.ledger().ends["failed"];
    let mut kills = 0;
    loop {
        let mut retry = workspace
            .command("retry --yes --progress none".split(' '))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary runs");
        if kills < most_kills {
            std::thread::sleep(Duration::from_millis(200 + dice.roll(1200)));
            if retry.try_wait().expect("it was started").is_none() {
                retry.kill().expect("it runs");
                kills += 1;
            }
        }
        let ended = retry.wait().expect("it ends");
        let left = workspace.run("retry --dry-run --detailed-exitcode");
        if ended.success() && left.code == Some(0) {
            break;
        }
    }
    let ledger = emulated.ledger();
    let again: Vec<_> = ledger
        .stored
        .iter()
        .filter_map(|run| run.retrigger_of.clone())
        .collect();
    let each: std::collections::BTreeSet<_> = again.iter().collect();
    assert_eq!(each.len(), again.len(), "one was run again twice");
    assert_eq!(again.len() as u64, failed, "one was lost");
    workspace.run("apply --yes --wait --progress none").exits(0);
}

#[test]
fn through_faults_and_kills_each_window_is_created_exactly_once() {
    storm(7, "");
}

#[test]
fn through_faults_and_kills_where_lists_show_windows_late() {
    storm(
        11,
        "paramsInLists: false\nparamsInRuns: false\nscheduledFor: 0.5\n",
    );
}

#[test]
fn through_faults_and_kills_where_nothing_ever_shows_a_window() {
    storm(
        13,
        "paramsInLists: false\nparamsInRuns: false\ncopyWindows: false\n",
    );
}
