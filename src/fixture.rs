//! What the unit tests of several modules build their worlds from.

use std::sync::Arc;

use jiff::Timestamp;

use crate::api::{FlowRun, RunTimes, WindowEvidence};
use crate::run::{ByteCounts, RecordCounts, Rerun, RunStatus};
use crate::run::{DesiredRun, FlowRef, Order, Request, RunIdentity, Source, UnixSeconds, Window};

/// The API key of our client.
pub(crate) const OURS: &str = "our-key";
/// When the intents of a world are made, in unix seconds.
pub(crate) const INTENT: i64 = 1_700_000_000;

/// The `n`-th window of 100 seconds.
pub(crate) fn window(n: i64) -> Window {
    let at = |s| UnixSeconds::new(s).expect("in range");
    Window::new(at(n * 100), at(n * 100 + 100)).expect("a window")
}

/// A moment, in unix seconds.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// A scheduled run of no known flow, created by `client`.
pub(crate) fn run(
    id: &str,
    window_evidence: WindowEvidence,
    created: i64,
    client: &str,
) -> FlowRun {
    FlowRun {
        id: id.parse().expect("a run id"),
        flow_id: None,
        created_at: Some(at(created)),
        created_client: Some(client.into()),
        created_by: None,
        window_evidence,
        status: RunStatus::Scheduled,
        records: RecordCounts::default(),
        bytes: ByteCounts::default(),
        times: RunTimes::default(),
        etag: None,
        errors: Vec::new(),
        diagnostics: Vec::new(),
    }
}

/// A flow in `prod`.
pub(crate) fn flow() -> FlowRef {
    FlowRef {
        sandbox: "prod".parse().expect("a sandbox"),
        id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
            .parse()
            .expect("a flow"),
    }
}

/// The run of the flow for the windows from one number to another.
pub(crate) fn identity(from: i64, to: i64) -> RunIdentity {
    RunIdentity {
        flow: flow().into(),
        window: Window::new(window(from).start(), window(to).start()).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

/// Whether tests run in full, as in CI.
pub(crate) fn is_whole() -> bool {
    std::env::var_os("BACKFILL_TEST_WHOLE").is_some()
}

/// A run that a manifest wants of a flow of files.
pub(crate) fn desired(identity: RunIdentity) -> DesiredRun {
    DesiredRun {
        identity,
        start_time: None,
        request: Arc::new(Request {
            manifest: "manifests/a.yaml".into(),
            name: "a flow".into(),
            source: Arc::new(Source::File),
            overlap_allowed: false,
            order: Order::default(),
            paused: None,
            max_active_runs: None,
        }),
        line: 1,
    }
}
