//! Measures the pace of applies, as the service saw them.
//!
//! `cargo bench --bench pace` runs the real binary against the real emulator for about two minutes. It
//! prints how many requests any one second held of an apply at 50/s, and what becomes of the pace
//! where requests are refused: at any rate, beyond a hard limit, beyond one that two applies share.
//! It fails where the contract's bounds are broken: a bench and not a test, for a busy machine
//! proves nothing.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::Command;

use aep_backfill::emulator::{Emulator, FlowSeed, Ledger, Options, RequestKind, Scenario};
use aep_backfill::run::Source;

const FLOWS: usize = 20;

/// An apply of windows of 20 flows.
#[derive(Clone, Copy)]
struct Apply {
    /// The first of its flows.
    first: usize,
    /// How many windows each has.
    days: usize,
    /// Requests per second.
    rate: usize,
}

#[tokio::main]
async fn main() {
    exact().await;
    stray().await;
    hidden().await;
    shared().await;
}

async fn exact() {
    let apply = Apply {
        first: 0,
        days: 30,
        rate: 50,
    };
    let ledger = run("seed: 0\n", &[apply]).await;
    let (busiest, ten) = seen(ledger.arrivals.iter().map(|a| a.at_micros).collect());
    println!("50/s: most in one second {busiest}, in the first ten seconds {ten}");
    assert!(busiest <= 51, "a burst");
    assert!((495..=505).contains(&ten), "a drift");
    // The first of them share their seconds with the reads that check the flows.
    let (busiest, _) = seen(ledger.arrivals_of(RequestKind::CreateRun).collect());
    println!(
        "its creates: {}, most in one second {busiest}",
        ledger.creates
    );
    assert!(busiest <= 51, "a burst");
}

/// 600 windows at 200/s, of which 5 % of the requests are refused, whatever the rate.
async fn stray() {
    let apply = Apply {
        first: 0,
        days: 30,
        rate: 200,
    };
    let calm = seconds(&run("seed: 0\n", &[apply]).await);
    let refused = "faults: [{ chance: 0.05, do: { throttled: {} } }]\n";
    let ratio = seconds(&run(refused, &[apply]).await) / calm;
    println!("5 % refused at any rate: {ratio:.2} times as long as without");
    assert!(ratio <= 3.0, "too slow");
}

/// Set to 200/s, where the service takes 50/s.
async fn hidden() {
    let apply = Apply {
        first: 0,
        days: 120,
        rate: 200,
    };
    let ledger = run("rateLimit: 50\n", &[apply]).await;
    let (arrived, refused) = (ledger.arrivals.len(), refused(&ledger));
    let used = count(arrived - refused) / seconds(&ledger) / 50.0;
    let share = count(refused) / count(arrived);
    println!(
        "a limit of 50/s: {:.1} % of it used, {:.2} % refused",
        used * 100.0,
        share * 100.0
    );
    assert!(used >= 0.9 && share <= 0.03, "too slow, or too fast");
}

/// Two applies at 200/s, of other flows, where the service takes 100/s.
async fn shared() {
    let apply = Apply {
        first: 0,
        days: 100,
        rate: 200,
    };
    let other = Apply {
        first: FLOWS,
        ..apply
    };
    let ledger = run("rateLimit: 100\n", &[apply, other]).await;
    // While both were at it: until all of one, and the larger part of the other, had been sent.
    let is_of_first = |id: &str| (0..FLOWS).any(|n| flow_id(n) == id);
    let of_first: Vec<bool> = ledger
        .stored
        .iter()
        .map(|run| is_of_first(&run.flow_id))
        .collect();
    let all = FLOWS * apply.days;
    let both = (1..=of_first.len())
        .find(|n| {
            let first = of_first[..*n].iter().filter(|is_first| **is_first).count();
            first == all || n - first == all
        })
        .unwrap_or(of_first.len());
    let first = of_first[..both]
        .iter()
        .filter(|is_first| **is_first)
        .count();
    let share = count(first.min(both - first)) / count(both);
    println!(
        "two that share 100/s: the slower one got {:.1} %",
        share * 100.0
    );
    assert!(share >= 0.25, "one starves");
}

/// What the service saw of these applies, which run at once, where it behaves so.
async fn run(scenario: &str, applies: &[Apply]) -> Ledger {
    let flows = applies
        .iter()
        .flat_map(|apply| apply.first..apply.first + FLOWS);
    let flows = flows.map(|n| FlowSeed {
        id: flow_id(n).parse().expect("a flow id"),
        sandbox: "prod".parse().expect("a sandbox"),
        name: flow_id(n),
        source: Source::File,
    });
    let options = Options {
        flows: flows.collect(),
        scenario: Scenario::read("scenario.yaml", scenario).expect("a scenario"),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.expect("it starts");
    let running: Vec<_> = applies
        .iter()
        .map(|apply| {
            let folder = folder(apply);
            let mut command = Command::new(env!("CARGO_BIN_EXE_backfill"));
            command
                .args(["apply", "--yes", "--quiet"])
                .current_dir(folder.path())
                .env_clear()
                .env("AEP_ENDPOINT", emulator.url())
                .env("AEP_ACCESS_TOKEN", "t")
                .env("AEP_API_KEY", "k")
                .env("AEP_ORG_ID", "A@AdobeOrg");
            tokio::task::spawn_blocking(move || {
                let status = command.status();
                drop(folder);
                status
            })
        })
        .collect();
    for running in running {
        assert!(running.await.expect("no panic").expect("it runs").success());
    }
    let ledger = emulator.ledger();
    emulator.stop().await;
    ledger
}

fn flow_id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

/// A folder with the manifests of an apply.
fn folder(apply: &Apply) -> tempfile::TempDir {
    let Apply { first, days, rate } = *apply;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("manifests")).expect("a folder");
    for n in first..first + FLOWS {
        let text = format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nreason: a bench\n\
             ranges: [{{ from: 2022-01-01T00:00:00Z, to: 2022-01-{:02}T{:02}:00:00Z, every: 6 hours }}]\n",
            flow_id(n),
            1 + days / 4,
            days % 4 * 6
        );
        std::fs::write(folder.path().join(format!("manifests/{n}.yaml")), text).expect("written");
    }
    let config = format!("version: 1\nlimits: {{ rate: {rate}/s, newRunsPerApply: 5000 }}\n");
    std::fs::write(folder.path().join("backfill.yaml"), config).expect("written");
    folder
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

/// From the first arrival to the last.
fn seconds(ledger: &Ledger) -> f64 {
    let at = || ledger.arrivals.iter().map(|arrival| arrival.at_micros);
    let length = at().max().unwrap_or(0) - at().min().unwrap_or(0);
    count(usize::try_from(length).unwrap_or(0)) / 1e6
}

fn refused(ledger: &Ledger) -> usize {
    let refused = ledger.faults.get("rateLimit").copied().unwrap_or(0);
    usize::try_from(refused).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "some millions at most")]
fn count(number: usize) -> f64 {
    number as f64
}
