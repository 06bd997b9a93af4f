//! `backfill emulator` as a process of its own, and its count of what it got and stored.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aep_backfill::emulator::{Ledger, RequestKind, StoredRun};

use crate::support::workspace::Workspace;

/// A running emulator; dropping it ends it.
pub(crate) struct Emulated {
    process: Child,
    pub(crate) url: String,
}

impl Emulated {
    /// Serves the workspace's flows under `scenario`.
    pub(crate) fn start(workspace: &Workspace, scenario: &str) -> Self {
        Self::start_with(workspace, scenario, "", Stdio::inherit())
    }

    /// The same with more flags, and a place for what it says on standard error.
    pub(crate) fn start_with(
        workspace: &Workspace,
        scenario: &str,
        flags: &str,
        stderr: Stdio,
    ) -> Self {
        workspace.write("scenario.yaml", scenario);
        let mut process = workspace
            .command(
                "emulator --listen 127.0.0.1:0 --flows manifests --scenario scenario.yaml"
                    .split(' ')
                    .chain(flags.split_whitespace()),
            )
            .stderr(stderr)
            .spawn()
            .expect("the binary runs");
        let mut first = String::new();
        BufReader::new(process.stdout.as_mut().expect("it is piped"))
            .read_line(&mut first)
            .expect("a first line");
        let url = first.trim().rsplit(' ').next().expect("a URL").to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{first}");
        Self { process, url }
    }

    /// The emulator's own count.
    pub(crate) fn ledger(&self) -> Ledger {
        let ledger = self.ask("GET /_emulator/ledger", &[], "");
        serde_json::from_str(&ledger).expect("the ledger")
    }

    /// Sends a request by hand, `line` being its method and path; gives the body of the answer.
    pub(crate) fn ask(&self, line: &str, headers: &[&str], body: &str) -> String {
        let host = self.url.strip_prefix("http://").expect("plain HTTP");
        let headers: String = headers.iter().flat_map(|it| [*it, "\r\n"]).collect();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(host).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        body.to_owned()
    }

    /// How many requests of a kind it got.
    pub(crate) fn requests(&self, kind: RequestKind) -> usize {
        self.ledger().arrivals_of(kind).count()
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How often each window of each flow was stored.
pub(crate) fn stored_windows(ledger: &Ledger) -> BTreeMap<(String, i64, i64), usize> {
    let mut windows = BTreeMap::new();
    for run in &ledger.stored {
        let StoredRun {
            flow_id,
            window_start_time,
            window_end_time,
            ..
        } = run;
        *windows
            .entry((flow_id.clone(), *window_start_time, *window_end_time))
            .or_default() += 1;
    }
    windows
}

/// Fails unless `number` windows were stored, each of them once.
#[track_caller]
pub(crate) fn assert_each_once(emulated: &Emulated, number: usize) {
    let windows = stored_windows(&emulated.ledger());
    assert_eq!(windows.len(), number);
    assert!(windows.values().all(|times| *times == 1), "{windows:?}");
}

/// Far more than anything takes here: a test must end.
const LONG: Duration = Duration::from_secs(180);

/// Waits until the emulator got so many requests to create a run.
pub(crate) fn wait_for_creates(emulated: &Emulated, number: u64) {
    let start = Instant::now();
    while emulated.ledger().creates < number {
        assert!(start.elapsed() < LONG, "nothing is sent");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal by the system's `kill`, which Windows has not.
pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &process.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
}
