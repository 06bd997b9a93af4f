//! Measures the pace of an apply at 50/s, as the service saw it.
//!
//! `cargo bench --bench pace` runs the real binary against the real emulator for about twelve
//! seconds, and prints how many requests any one second and the first ten seconds held. It fails
//! where the contract's bounds are broken: a bench and not a test, for a busy machine proves
//! nothing.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::Command;

use aep_backfill::emulator::{Emulator, FlowSeed, Options, RequestKind};
use aep_backfill::run::Source;

const FLOWS: usize = 20;
const DAYS: usize = 30;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("manifests")).expect("a folder");
    let mut flows = Vec::new();
    for n in 0..FLOWS {
        let id = format!("00000000-0000-4000-8000-{n:012x}");
        flows.push(FlowSeed {
            id: id.parse().expect("a flow id"),
            sandbox: "prod".parse().expect("a sandbox"),
            name: id.clone(),
            source: Source::File,
        });
        let text = format!(
            "version: 1\nflowId: {id}\nsandbox: prod\nsource: file\nreason: a bench\n\
             ranges: [{{ from: 2022-01-01, to: 2022-01-{:02}, every: 1 day }}]\n",
            DAYS + 1
        );
        std::fs::write(folder.path().join(format!("manifests/{n}.yaml")), text).expect("written");
    }
    std::fs::write(
        folder.path().join("backfill.yaml"),
        "version: 1\nlimits: { rate: 50/s, newRunsPerApply: 5000 }\n",
    )
    .expect("written");
    let options = Options {
        flows,
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.expect("it starts");

    let mut apply = Command::new(env!("CARGO_BIN_EXE_backfill"));
    apply
        .args(["apply", "--yes", "--quiet"])
        .current_dir(folder.path())
        .env_clear()
        .env("AEP_ENDPOINT", emulator.url())
        .env("AEP_ACCESS_TOKEN", "t")
        .env("AEP_API_KEY", "k")
        .env("AEP_ORG_ID", "A@AdobeOrg");
    let status = tokio::task::spawn_blocking(move || apply.status())
        .await
        .expect("no panic")
        .expect("it runs");
    assert!(status.success());

    let ledger = emulator.ledger();
    let (busiest, ten) = seen(ledger.arrivals.iter().map(|a| a.at_micros).collect());
    println!("all requests: most in one second {busiest}, in the first ten seconds {ten}");
    assert!(busiest <= 51, "a burst");
    assert!((495..=505).contains(&ten), "a drift");
    // The first of them share their seconds with the reads that check the flows.
    let (busiest, _) = seen(ledger.arrivals_of(RequestKind::CreateRun).collect());
    println!(
        "creates: {} in all, most in one second {busiest}",
        ledger.creates
    );
    assert!(busiest <= 51, "a burst");
    emulator.stop().await;
}

/// The most in any one second, and how many in the ten seconds from the first.
fn seen(mut at: Vec<i64>) -> (usize, usize) {
    at.sort_unstable();
    let within = |from: i64, length: i64| {
        at.iter()
            .filter(|time| (from..from + length).contains(*time))
            .count()
    };
    let busiest = at.iter().map(|from| within(*from, 1_000_000)).max();
    (
        busiest.unwrap_or(0),
        at.first().map_or(0, |first| within(*first, 10_000_000)),
    )
}
