//! What exists: flows, the runs created for them, and what the first run did to its flow.
//!
//! Runs are kept in the order of storing, which is the order of their `createdAt`, indexed by flow
//! and id, so that a list of a flow is a slice. Storing a run is one step under one lock:
//! checked against its flow, journaled, then visible. Status is not kept: it is a function of
//! the run and the time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use hyper::StatusCode;
use uuid::Uuid;

use crate::run::{DeltaColumn, FlowId, Sandbox, Source};

use super::clock::Millis;
use super::journal::{RunJournal, RunRecord};
use super::params::RunParams;
use super::reply::Reply;
use super::scenario::{Dialect, Scenario};
use super::{FlowSeed, lock};

/// When every seeded flow was created: 2022-01-01T00:00:00Z.
pub(super) const FLOWS_SINCE: Millis = 1_640_995_200_000;

/// Ids of flows are unique in a sandbox only.
type FlowKey = (Sandbox, FlowId);

/// Who sent a request that was let in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Caller {
    pub(super) sandbox: Sandbox,
    /// `x-api-key`
    pub(super) client: String,
    /// `x-gw-ims-org-id`
    pub(super) organization: String,
}

/// A flow, as far as it never changes.
#[derive(Debug, Clone)]
pub(super) struct EmulatedFlow {
    pub(super) id: FlowId,
    pub(super) sandbox: Sandbox,
    pub(super) name: String,
    pub(super) is_table: bool,
    pub(super) frequency: String,
    pub(super) state: String,
    /// The delta column it had before any run.
    own_delta_column: Option<DeltaColumn>,
}

impl EmulatedFlow {
    fn key(&self) -> FlowKey {
        (self.sandbox.clone(), self.id)
    }
}

/// A stored run with its ordinals among the others.
#[derive(Debug)]
pub(super) struct EmulatedRun {
    pub(super) record: RunRecord,
    /// The ordinal of this run in the emulator, from 0.
    pub(super) serial: usize,
    /// The ordinal of this run for its flow and window, from 0.
    pub(super) attempt: u32,
    /// Its ordinal among the runs that no other was made to run again for, from 0.
    pub(super) ordinal: u32,
    /// When it was made, as it is shown; what runs again begins later.
    pub(super) made_at: Millis,
}

#[derive(Debug, Default)]
struct FlowRuns {
    serials: Vec<usize>,
    attempts: HashMap<(i64, i64), u32>,
    /// The delta column of the first run.
    delta_column: Option<DeltaColumn>,
}

#[derive(Debug, Default)]
struct Runs {
    all: Vec<Arc<EmulatedRun>>,
    by_id: HashMap<String, usize>,
    by_flow: HashMap<FlowKey, FlowRuns>,
    /// Runs that were made to run others again: the last one of each.
    again: HashMap<String, usize>,
    /// How many runs are not such.
    first: u32,
    journal: Option<RunJournal>,
}

/// Everything that exists, and how it behaves.
#[derive(Debug)]
pub(super) struct ServiceState {
    flows: BTreeMap<FlowKey, EmulatedFlow>,
    /// `prod`, and those of the flows.
    sandboxes: BTreeSet<Sandbox>,
    pub(super) scenario: Scenario,
    runs: Mutex<Runs>,
}

impl ServiceState {
    /// That of these flows, with the runs that a journal remembers.
    ///
    /// # Errors
    /// With the id in the scenario that no flow has.
    pub(super) fn new(
        seeds: Vec<FlowSeed>,
        scenario: Scenario,
        remembered: Option<(RunJournal, Vec<RunRecord>)>,
    ) -> Result<Self, FlowId> {
        let known: BTreeSet<FlowId> = seeds.iter().map(|seed| seed.id).collect();
        let unknown = scenario.flows.iter().find(|flow| !known.contains(&flow.id));
        if let Some(unknown) = unknown {
            return Err(unknown.id);
        }
        let mut flows = BTreeMap::new();
        let mut sandboxes: BTreeSet<Sandbox> = "prod".parse().ok().into_iter().collect();
        for seed in seeds {
            sandboxes.insert(seed.sandbox.clone());
            let change = scenario.flows.iter().find(|flow| flow.id == seed.id);
            if change.is_some_and(|change| change.absent) {
                continue;
            }
            let flow = EmulatedFlow {
                id: seed.id,
                sandbox: seed.sandbox,
                name: seed.name,
                is_table: matches!(seed.source, Source::Table(_)),
                frequency: change
                    .and_then(|it| it.frequency.clone())
                    .unwrap_or("once".to_owned()),
                state: change
                    .and_then(|it| it.state.clone())
                    .unwrap_or("enabled".to_owned()),
                own_delta_column: change.and_then(|it| it.delta_column.clone()),
            };
            flows.entry(flow.key()).or_insert(flow);
        }
        let mut runs = Runs::default();
        if let Some((journal, records)) = remembered {
            for record in records {
                runs.add(record);
            }
            runs.journal = Some(journal);
        }
        Ok(Self {
            flows,
            sandboxes,
            scenario,
            runs: Mutex::new(runs),
        })
    }

    pub(super) fn has_sandbox(&self, sandbox: &Sandbox) -> bool {
        self.sandboxes.contains(sandbox)
    }

    pub(super) fn flow(&self, sandbox: &Sandbox, id: FlowId) -> Option<&EmulatedFlow> {
        self.flows.get(&(sandbox.clone(), id))
    }

    pub(super) fn flows_in(&self, sandbox: &Sandbox) -> impl Iterator<Item = &EmulatedFlow> {
        self.flows
            .values()
            .filter(move |flow| flow.sandbox == *sandbox)
    }

    /// The delta column in the flow's Copy transformation.
    pub(super) fn delta_column(&self, flow: &EmulatedFlow) -> Option<DeltaColumn> {
        lock(&self.runs).delta_column(flow)
    }

    /// How many runs there are.
    pub(super) fn run_count(&self) -> usize {
        lock(&self.runs).all.len()
    }

    /// Until when runs have been created that can be seen at `now`.
    fn shown_until(&self, now: Millis) -> Millis {
        now.saturating_sub(self.scenario.listed_after.millis())
    }

    /// The run of that id as it is at `now`, if it is in the sandbox and can be seen, with its flow.
    pub(super) fn run(
        &self,
        sandbox: &Sandbox,
        id: &str,
        now: Millis,
    ) -> Option<(Arc<EmulatedRun>, &EmulatedFlow)> {
        let until = self.shown_until(now);
        let runs = lock(&self.runs);
        let run = &runs.all[*runs.by_id.get(id)?];
        let flow = self.flow(sandbox, run.record.flow_id)?;
        let is_visible =
            run.record.sandbox == *sandbox && run.record.created_at <= until && self.is_listed(run);
        is_visible.then(|| (self.current(&runs, run, until), flow))
    }

    /// The runs of a flow that can be seen at `now`, newest first, and below the serial `ceiling`.
    pub(super) fn runs_of(
        &self,
        flow: &EmulatedFlow,
        now: Millis,
        ceiling: usize,
    ) -> Vec<Arc<EmulatedRun>> {
        let until = self.shown_until(now);
        let runs = lock(&self.runs);
        let Some(FlowRuns { serials, .. }) = runs.by_flow.get(&flow.key()) else {
            return Vec::new();
        };
        let end = serials.partition_point(|serial| {
            *serial < ceiling && runs.all[*serial].record.created_at <= until
        });
        let newest_first = serials[..end].iter().rev().map(|serial| &runs.all[*serial]);
        newest_first
            .filter(|run| self.is_listed(run))
            .map(|run| self.current(&runs, run, until))
            .collect()
    }

    /// The run as the service itself knows it, which sees at once what was made to run it again.
    pub(super) fn newest_attempt(&self, run: &Arc<EmulatedRun>) -> Arc<EmulatedRun> {
        self.current(&lock(&self.runs), run, Millis::MAX)
    }

    /// The run as it goes on: itself, or what was stored by `until` to run it again, where that is
    /// no run of its own.
    fn current(&self, runs: &Runs, run: &Arc<EmulatedRun>, until: Millis) -> Arc<EmulatedRun> {
        let again = runs
            .again
            .get(&run.record.id)
            .map(|serial| &runs.all[*serial])
            .filter(|again| again.record.created_at <= until);
        match (self.scenario.dialect, again) {
            (Dialect::Openapi, Some(again)) => {
                let mut record = again.record.clone();
                record.id.clone_from(&run.record.id);
                record.retrigger_of = None;
                Arc::new(EmulatedRun {
                    record,
                    serial: run.serial,
                    attempt: again.attempt,
                    ordinal: run.ordinal,
                    made_at: run.made_at,
                })
            }
            _ => Arc::clone(run),
        }
    }

    /// Whether the run is one of its own.
    fn is_listed(&self, run: &EmulatedRun) -> bool {
        self.scenario.dialect == Dialect::Tutorial || run.record.retrigger_of.is_none()
    }

    /// Stores a run of `flow` for `caller`, if the flow's delta column lets it in.
    pub(super) fn store(
        &self,
        flow: &EmulatedFlow,
        caller: &Caller,
        params: RunParams,
        retrigger_of: Option<String>,
        now: Millis,
    ) -> Result<Arc<EmulatedRun>, Reply> {
        let mut runs = lock(&self.runs);
        if flow.is_table {
            let current = runs.delta_column(flow);
            check_delta_column(current.as_ref(), params.delta_column.as_ref())?;
        }
        // `createdAt` never goes back, so that the order of storing is the order of time.
        let newest = runs.all.last().map_or(now, |run| run.record.created_at);
        let record = RunRecord {
            id: Uuid::new_v4().to_string(),
            sandbox: flow.sandbox.clone(),
            flow_id: flow.id,
            created_at: now.max(newest),
            created_client: caller.client.clone(),
            ims_org_id: caller.organization.clone(),
            retrigger_of,
            params,
        };
        if let Some(journal) = &mut runs.journal {
            journal.append(&record).map_err(|error| {
                let message = format!("The emulator could not write its journal: {error}.");
                Reply::invented(StatusCode::INTERNAL_SERVER_ERROR, 9011, &message)
            })?;
        }
        Ok(runs.add(record))
    }

    /// Every run, in the order of storing, and whether another was made since to run it again.
    pub(super) fn all(&self) -> Vec<(Arc<EmulatedRun>, bool)> {
        let runs = lock(&self.runs);
        let all = runs.all.iter();
        all.map(|run| (Arc::clone(run), runs.is_replaced(run)))
            .collect()
    }
}

impl Runs {
    /// Whether another run was made since to run the same one again.
    fn is_replaced(&self, run: &EmulatedRun) -> bool {
        let RunRecord {
            id, retrigger_of, ..
        } = &run.record;
        let of = retrigger_of.as_ref().unwrap_or(id);
        let later = |id| self.again.get(id).is_some_and(|last| *last > run.serial);
        later(of) || later(id)
    }

    fn delta_column(&self, flow: &EmulatedFlow) -> Option<DeltaColumn> {
        let first = || self.by_flow.get(&flow.key())?.delta_column.clone();
        flow.own_delta_column.clone().or_else(first)
    }

    /// Adds a run to the indexes; the first `deltaColumn` of a flow becomes the flow's.
    fn add(&mut self, record: RunRecord) -> Arc<EmulatedRun> {
        let serial = self.all.len();
        let key = (record.sandbox.clone(), record.flow_id);
        let of_flow = self.by_flow.entry(key).or_default();
        if of_flow.delta_column.is_none() {
            of_flow.delta_column.clone_from(&record.params.delta_column);
        }
        of_flow.serials.push(serial);
        let attempts = of_flow.attempts.entry(record.params.window).or_default();
        let attempt = *attempts;
        *attempts += 1;
        self.by_id.insert(record.id.clone(), serial);
        let ordinal = self.first;
        match &record.retrigger_of {
            Some(of) => {
                self.again.insert(of.clone(), serial);
            }
            None => self.first += 1,
        }
        let run = Arc::new(EmulatedRun {
            made_at: record.created_at,
            record,
            serial,
            attempt,
            ordinal,
        });
        self.all.push(Arc::clone(&run));
        run
    }
}

/// The first run of a table-based flow names the column; from then on a run leaves it out or says the
/// same. Adobe's tutorial says so, without the codes of the errors, and without saying how much of
/// the object must be the same: here all of it.
fn check_delta_column(
    current: Option<&DeltaColumn>,
    sent: Option<&DeltaColumn>,
) -> Result<(), Reply> {
    let refused = |code, message| Err(Reply::invented(StatusCode::BAD_REQUEST, code, message));
    match (current, sent) {
        (None, None) => refused(
            9004,
            "params.deltaColumn is required for the first run of a table-based flow.",
        ),
        (Some(current), Some(sent)) if current != sent => {
            let name = &current.name;
            refused(
                9003,
                &format!("params.deltaColumn differs from the flow's delta column `{name}`."),
            )
        }
        _ => Ok(()),
    }
}
