//! The emulator's own count of what it got and what it stored.
//!
//! Served at `GET /_emulator/ledger`, outside of Adobe's prefix: what a test or a rehearsal
//! believes instead of the client's state. Requests and faults are those of this emulator since
//! its start; the stored runs are all that it has, earlier starts over the same journal too.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::clock::{Clock, Millis};
use super::journal::RunRecord;
use super::kind::RequestKind;
use super::lock;
use super::run_lifecycle::RunLifecycle;
use super::service_state::ServiceState;

/// What the emulator got, did and holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// How many `POST /runs` arrived, whatever became of them.
    pub creates: u64,
    /// Every request, in the order of arrival.
    pub arrivals: Vec<Arrival>,
    /// How many requests of each kind arrived.
    pub requests: BTreeMap<String, u64>,
    /// The runs that exist, in the order of storing.
    pub stored: Vec<StoredRun>,
    /// How the runs are doing now, those left out that were run again since: how many are
    /// `scheduled`, `inProgress`, `success`, `partial`, `empty` or `failed`.
    #[serde(default)]
    pub ends: BTreeMap<String, u64>,
    /// The most runs of one flow that had not finished at any one time.
    #[serde(default)]
    pub most_unfinished: u64,
    /// How many tokens were issued.
    pub tokens_issued: u64,
    /// How often each fault was done, by its name in a scenario; `rateLimit` is that knob's 429.
    pub faults: BTreeMap<String, u64>,
}

impl Ledger {
    /// When requests of `kind` arrived, in microseconds since 1970.
    pub fn arrivals_of(&self, kind: RequestKind) -> impl Iterator<Item = i64> {
        self.arrivals
            .iter()
            .filter(move |arrival| arrival.kind == kind)
            .map(|arrival| arrival.at_micros)
    }
}

/// How much arrived so far, for those who act on what comes next: cheap to watch, where a
/// [`Ledger`] is a copy of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrived {
    /// Requests of any kind.
    pub requests: u64,
    /// Those among them that make a run, `POST /runs` and `POST /runs/{id}/action`; counted when its
    /// head is read, before it is answered.
    pub creates: u64,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// When its head had arrived, in microseconds since 1970; without `clockSkew`.
    pub at_micros: i64,
    /// What it asked for.
    pub kind: RequestKind,
}

/// One run that exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRun {
    /// Its id.
    pub run_id: String,
    /// The sandbox it is in.
    pub sandbox: String,
    /// The flow it is of.
    pub flow_id: String,
    /// Its window's start, in unix seconds.
    pub window_start_time: i64,
    /// Its window's end, in unix seconds.
    pub window_end_time: i64,
    /// When it was to begin, in unix seconds.
    pub start_time: i64,
    /// The `deltaColumn` that came with it, as it came; `null` if none did.
    pub delta_column: Value,
    /// When it was stored, in milliseconds since 1970, by the service's clock.
    pub created_at: Millis,
    /// The run that it is a retry of; `null` if it was created by `POST /runs`.
    pub retrigger_of: Option<String>,
}

impl From<&RunRecord> for StoredRun {
    fn from(record: &RunRecord) -> Self {
        Self {
            run_id: record.id.clone(),
            sandbox: record.sandbox.to_string(),
            flow_id: record.flow_id.to_string(),
            window_start_time: record.params.window.0,
            window_end_time: record.params.window.1,
            start_time: record.params.start_time,
            delta_column: record.params.raw_delta_column(),
            created_at: record.created_at,
            retrigger_of: record.retrigger_of.clone(),
        }
    }
}

/// The part of the ledger that is counted as requests come in.
#[derive(Debug, Default)]
pub(super) struct RequestCounts {
    counted: Mutex<Ledger>,
    arrived: watch::Sender<Arrived>,
}

impl RequestCounts {
    pub(super) fn count_arrival(&self, kind: RequestKind, clock: &Clock) {
        let mut counted = lock(&self.counted);
        // Read under the lock, so that the list is in the order of its times.
        let at_micros = clock.micros();
        counted.arrivals.push(Arrival { at_micros, kind });
        counted.creates += u64::from(kind == RequestKind::CreateRun);
        *counted.requests.entry(kind.to_string()).or_default() += 1;
        self.arrived.send_modify(|arrived| {
            arrived.requests += 1;
            arrived.creates += u64::from(kind.makes_a_run());
        });
    }

    pub(super) fn watch(&self) -> watch::Receiver<Arrived> {
        self.arrived.subscribe()
    }

    pub(super) fn count_fault(&self, fault: &str) {
        let mut counted = lock(&self.counted);
        *counted.faults.entry(fault.to_owned()).or_default() += 1;
    }

    pub(super) fn token_issued(&self) {
        lock(&self.counted).tokens_issued += 1;
    }

    /// What was counted, and what `state` holds at `now`.
    pub(super) fn ledger(&self, state: &ServiceState, now: Millis) -> Ledger {
        let mut ledger = lock(&self.counted).clone();
        let mut changes: HashMap<_, Vec<(Millis, i64)>> = HashMap::new();
        for (run, is_replaced) in state.all() {
            if !is_replaced {
                let end = RunLifecycle::of(&run, &state.scenario, now).end();
                *ledger.ends.entry(end.to_owned()).or_default() += 1;
            }
            let finished = RunLifecycle::of(&run, &state.scenario, Millis::MAX).updated_at(&run);
            let flow = (run.record.sandbox.clone(), run.record.flow_id);
            let of_flow = changes.entry(flow).or_default();
            of_flow.extend([(run.record.created_at, 1), (finished, -1)]);
            ledger.stored.push(StoredRun::from(&run.record));
        }
        ledger.most_unfinished = changes.into_values().map(most_at_once).max().unwrap_or(0);
        ledger
    }
}

/// The most that were there at any one time, by when how many came and went.
fn most_at_once(mut changes: Vec<(Millis, i64)>) -> u64 {
    // At one time, what ends does so before what begins.
    changes.sort_unstable();
    let (mut there, mut most) = (0, 0);
    for (_, change) in changes {
        there += change;
        most = most.max(there);
    }
    u64::try_from(most).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::Scenario;

    fn nothing() -> ServiceState {
        ServiceState::new(Vec::new(), Scenario::default(), None).expect("a state")
    }

    #[test]
    fn the_ledger_counts_creates_and_keeps_the_time_of_each_request() {
        let counts = RequestCounts::default();
        let at = |micros| Clock::from_micros(move || micros);
        counts.count_arrival(RequestKind::CreateRun, &at(10));
        counts.count_arrival(RequestKind::ListRuns, &at(20));
        counts.count_arrival(RequestKind::CreateRun, &at(30));
        counts.count_fault("reset");
        let ledger = counts.ledger(&nothing(), 0);
        assert_eq!(ledger.creates, 2);
        assert_eq!(ledger.requests["listRuns"], 1);
        assert_eq!(ledger.faults["reset"], 1);
        let creates: Vec<_> = ledger.arrivals_of(RequestKind::CreateRun).collect();
        assert_eq!(creates, [10, 30]);
    }
}
