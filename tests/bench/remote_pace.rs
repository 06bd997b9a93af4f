//! Measures the pace of an apply whose state is on a branch of a remote that takes two seconds for
//! a push, as the service saw it.
//!
//! `cargo bench --bench remote_pace` runs the real binary, the real git and the real emulator for
//! about two minutes: 1,000 runs of 50 flows at 20/s, then 200 runs of one flow at 5/s. It prints
//! the pace from the first request to the last as a share of the limit, and fails below 95 %.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use aep_backfill::emulator::{Emulator, FlowSeed, Options, RequestKind};
use aep_backfill::run::Source;

#[tokio::main]
async fn main() {
    measure(50, 20, 20).await;
    measure(1, 200, 5).await;
}

async fn measure(flows: usize, windows: usize, rate: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let work = folder.path().join("work");
    repository(folder.path(), "sleep 2");
    fs::create_dir(work.join("manifests")).expect("a folder");
    let mut seeds = Vec::new();
    for n in 0..flows {
        let id = format!("00000000-0000-4000-8000-{n:012x}");
        seeds.push(FlowSeed {
            id: id.parse().expect("a flow id"),
            sandbox: "prod".parse().expect("a sandbox"),
            name: id.clone(),
            source: Source::File,
        });
        let hours: Vec<String> = (0..windows)
            .map(|hour| {
                let start = 1_640_995_200 + hour * 3_600;
                format!(
                    "- {{ windowStartTime: {start}, windowEndTime: {} }}\n",
                    start + 3_600
                )
            })
            .collect();
        let text = format!(
            "version: 1\nflowId: {id}\nsandbox: prod\nsource: file\nreason: a bench\nruns:\n{}",
            hours.concat()
        );
        fs::write(work.join(format!("manifests/{n}.yaml")), text).expect("written");
    }
    let config = format!(
        "version: 1\nstate: git:backfill-state\nlimits: {{ rate: {rate}/s, newRunsPerApply: 5000 }}\n"
    );
    fs::write(work.join("backfill.yaml"), config).expect("written");
    let options = Options {
        flows: seeds,
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.expect("it starts");

    let mut apply = Command::new(env!("CARGO_BIN_EXE_backfill"));
    apply
        .args(["apply", "--yes", "--quiet"])
        .current_dir(&work)
        .env_clear()
        .env("PATH", std::env::var("PATH").expect("a path"))
        .env("AEP_ENDPOINT", emulator.url())
        .env("AEP_ACCESS_TOKEN", "t")
        .env("AEP_API_KEY", "k")
        .env("AEP_ORG_ID", "A@AdobeOrg");
    let begun = Instant::now();
    let status = tokio::task::spawn_blocking(move || apply.status());
    let status = status.await.expect("no panic").expect("it runs");
    let took = begun.elapsed();
    assert!(status.success());

    let ledger = emulator.ledger();
    let mut at: Vec<i64> = ledger.arrivals_of(RequestKind::CreateRun).collect();
    at.sort_unstable();
    assert_eq!(at.len(), flows * windows);
    let (first, last) = (at[0], at[at.len() - 1]);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let pace = (at.len() - 1) as f64 / ((last - first) as f64 / 1e6);
    let share = pace / f64::from(rate);
    let commits = git(
        &folder.path().join("remote.git"),
        "rev-list --count backfill-state",
    );
    println!(
        "{} runs of {flows} flows at {rate}/s: {pace:.2}/s, {:.1} % of the limit; {:.0} s in all, \
         {} pushes",
        at.len(),
        share * 100.0,
        took.as_secs_f64(),
        commits.trim(),
    );
    assert!(share >= 0.95, "pushing sets the pace");
    emulator.stop().await;
}

/// A bare repository whose pushes take as long as `hook`, and a clone of it.
fn repository(folder: &Path, hook: &str) {
    git(folder, "init --quiet --bare remote.git");
    git(folder, "init --quiet work");
    git(&folder.join("work"), "remote add origin ../remote.git");
    let path = folder.join("remote.git/hooks/pre-receive");
    fs::write(&path, format!("#!/bin/sh\n{hook}\n")).expect("written");
    #[cfg(unix)] // elsewhere git asks for no permission
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    }
}

fn git(folder: &Path, line: &str) -> String {
    let output = Command::new("git")
        .args(line.split(' '))
        .current_dir(folder)
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {line}");
    String::from_utf8(output.stdout).expect("text")
}
