//! What exists: flows, the runs created for them, and what the first run did to its flow.
//!
//! Runs are kept in the order of storing, which is the order of their `createdAt`, indexed by flow
//! and id, so that a list of a flow is a slice. Storing a run is one step under one lock:
//! checked against its flow, journaled, then visible. Status is not kept: it is a function of
//! the run and the time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use hyper::StatusCode;
use uuid::Uuid;

use crate::run::{DeltaColumn, FlowId, Sandbox, Source};

use super::clock::Millis;
use super::copy_column::{self, CopyColumn};
use super::journal::{RunJournal, RunRecord};
use super::params::RunParams;
use super::reply::Reply;
use super::scenario::{FlowOverride, Retries, Scenario};
use super::{FlowSeed, lock};

/// When every seeded flow was created: 2022-01-01T00:00:00Z.
pub(super) const FLOWS_SINCE: Millis = 1_640_995_200_000;

/// A flow's place: ids are unique in a sandbox only.
pub(super) type FlowKey = (Sandbox, FlowId);

/// A flow, as far as it never changes.
#[derive(Debug, Clone)]
pub(super) struct EmulatedFlow {
    pub(super) id: FlowId,
    pub(super) sandbox: Sandbox,
    pub(super) name: String,
    pub(super) is_table: bool,
    pub(super) frequency: String,
    pub(super) state: String,
    pub(super) hidden: bool,
    /// The delta column it had before any run.
    pub(super) own_delta_column: Option<DeltaColumn>,
}

impl EmulatedFlow {
    fn plain(seed: FlowSeed) -> Self {
        let FlowSeed {
            id,
            sandbox,
            name,
            source,
        } = seed;
        Self {
            id,
            sandbox,
            name,
            is_table: matches!(source, Source::Table(_)),
            frequency: "once".to_owned(),
            state: "enabled".to_owned(),
            hidden: false,
            own_delta_column: None,
        }
    }

    pub(super) fn key(&self) -> FlowKey {
        (self.sandbox.clone(), self.id)
    }

    fn change(&mut self, change: &FlowOverride) {
        if let Some(frequency) = &change.frequency {
            self.frequency.clone_from(frequency);
        }
        if let Some(state) = &change.state {
            self.state.clone_from(state);
        }
        self.hidden |= change.hidden;
        if change.delta_column.is_some() {
            self.own_delta_column.clone_from(&change.delta_column);
        }
    }
}

/// A stored run with its place among the others.
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

/// A run that somebody wants stored.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) flow: FlowKey,
    pub(super) client: String,
    pub(super) organization: String,
    pub(super) retrigger_of: Option<String>,
    pub(super) params: RunParams,
}

#[derive(Debug, Default)]
struct FlowRuns {
    serials: Vec<usize>,
    attempts: HashMap<(i64, i64), u32>,
    copy: Option<CopyColumn>,
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
pub(super) struct World {
    flows: BTreeMap<FlowKey, EmulatedFlow>,
    sandboxes: Vec<Sandbox>,
    pub(super) scenario: Scenario,
    runs: Mutex<Runs>,
}

impl World {
    /// The world of these flows, with the runs that a journal remembers.
    ///
    /// # Errors
    /// With the override that names a flow which was not seeded.
    pub(super) fn new(
        seeds: Vec<FlowSeed>,
        scenario: Scenario,
        remembered: Option<(RunJournal, Vec<RunRecord>)>,
    ) -> Result<Self, FlowId> {
        let mut flows = BTreeMap::new();
        for seed in seeds {
            let flow = EmulatedFlow::plain(seed);
            flows.entry(flow.key()).or_insert(flow);
        }
        for change in &scenario.flows {
            let is_meant = |flow: &EmulatedFlow| {
                flow.id == change.id && change.sandbox.as_ref().is_none_or(|s| *s == flow.sandbox)
            };
            if !flows.values().any(is_meant) {
                return Err(change.id);
            }
            flows.retain(|_, flow| !(change.absent && is_meant(flow)));
            for flow in flows.values_mut().filter(|flow| is_meant(flow)) {
                flow.change(change);
            }
        }
        let mut sandboxes = scenario.sandboxes.clone();
        if sandboxes.is_empty() {
            sandboxes.extend("prod".parse().ok());
            sandboxes.extend(flows.keys().map(|(sandbox, _)| sandbox.clone()));
        }
        sandboxes.sort_unstable();
        sandboxes.dedup();
        let mut runs = Runs::default();
        if let Some((journal, records)) = remembered {
            for record in records {
                runs.keep(record, &flows);
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

    /// The flow of that place, hidden or not.
    pub(super) fn flow(&self, key: &FlowKey) -> Option<&EmulatedFlow> {
        self.flows.get(key)
    }

    /// The flow of that id, if it can be seen in the sandbox.
    pub(super) fn visible_flow(&self, sandbox: &Sandbox, id: &str) -> Option<&EmulatedFlow> {
        let key = (sandbox.clone(), id.parse().ok()?);
        self.flow(&key).filter(|flow| !flow.hidden)
    }

    /// The flows of a sandbox that can be seen, by id.
    pub(super) fn visible_flows(&self, sandbox: &Sandbox) -> impl Iterator<Item = &EmulatedFlow> {
        self.flows
            .values()
            .filter(move |flow| flow.sandbox == *sandbox && !flow.hidden)
    }

    /// The delta column in the flow's Copy transformation.
    pub(super) fn copy_column(&self, flow: &EmulatedFlow) -> Option<CopyColumn> {
        lock(&self.runs).copy_column(flow)
    }

    /// How many runs there are.
    pub(super) fn run_count(&self) -> usize {
        lock(&self.runs).all.len()
    }

    /// Until when runs have been created that can be seen at `now`.
    pub(super) fn shown_until(&self, now: Millis) -> Millis {
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
        let flow = self.flow(&(run.record.sandbox.clone(), run.record.flow_id))?;
        let is_visible = flow.sandbox == *sandbox
            && !flow.hidden
            && run.record.created_at <= until
            && self.is_its_own(run);
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
            .filter(|run| self.is_its_own(run))
            .map(|run| self.current(&runs, run, until))
            .collect()
    }

    /// The run as the service itself knows it, which sees at once what was made to run it again.
    pub(super) fn at_once(&self, run: &Arc<EmulatedRun>) -> Arc<EmulatedRun> {
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
        match (self.scenario.retries, again) {
            (Retries::SameRun, Some(again)) => {
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
    fn is_its_own(&self, run: &EmulatedRun) -> bool {
        self.scenario.retries == Retries::NewRun || run.record.retrigger_of.is_none()
    }

    /// Stores a run, if its flow's delta column lets it in.
    pub(super) fn store(&self, draft: Draft, now: Millis) -> Result<Arc<EmulatedRun>, Reply> {
        let Draft {
            flow: key,
            client,
            organization,
            retrigger_of,
            params,
        } = draft;
        let mut runs = lock(&self.runs);
        if let Some(flow) = self.flow(&key).filter(|flow| flow.is_table) {
            copy_column::check(runs.copy_column(flow), params.delta_column.as_ref())?;
        }
        // `createdAt` never goes back, so that the order of storing is the order of time.
        let newest = runs.all.last().map_or(now, |run| run.record.created_at);
        let (sandbox, flow_id) = key;
        let record = RunRecord {
            id: Uuid::new_v4().to_string(),
            sandbox,
            flow_id,
            created_at: now.max(newest),
            created_client: client,
            ims_org_id: organization,
            retrigger_of,
            params,
        };
        if let Some(journal) = &mut runs.journal {
            journal.append(&record).map_err(|error| {
                let message = format!("The emulator could not write its journal: {error}.");
                Reply::invented(StatusCode::INTERNAL_SERVER_ERROR, 9011, &message)
            })?;
        }
        Ok(runs.keep(record, &self.flows))
    }

    /// Every run, in the order of storing, and whether another was made since to run it again.
    pub(super) fn all(&self) -> Vec<(Arc<EmulatedRun>, bool)> {
        let runs = lock(&self.runs);
        let all = runs.all.iter();
        all.map(|run| (Arc::clone(run), runs.is_outdone(run)))
            .collect()
    }
}

impl Runs {
    /// Whether another run was made since to run the same one again.
    fn is_outdone(&self, run: &EmulatedRun) -> bool {
        let RunRecord {
            id, retrigger_of, ..
        } = &run.record;
        let of = retrigger_of.as_ref().unwrap_or(id);
        let later = |id| self.again.get(id).is_some_and(|last| *last > run.serial);
        later(of) || later(id)
    }

    fn copy_column(&self, flow: &EmulatedFlow) -> Option<CopyColumn> {
        let own = flow.own_delta_column.clone().map(|column| CopyColumn {
            column,
            since: FLOWS_SINCE,
        });
        own.or_else(|| self.by_flow.get(&flow.key())?.copy.clone())
    }

    /// Adds a run to the indexes; the first `deltaColumn` of a table flow becomes the flow's.
    fn keep(
        &mut self,
        record: RunRecord,
        flows: &BTreeMap<FlowKey, EmulatedFlow>,
    ) -> Arc<EmulatedRun> {
        let key = (record.sandbox.clone(), record.flow_id);
        let is_table = flows.get(&key).is_some_and(|flow| flow.is_table);
        let serial = self.all.len();
        let of_flow = self.by_flow.entry(key).or_default();
        if is_table && of_flow.copy.is_none() {
            of_flow.copy = record.params.delta_column.clone().map(|column| CopyColumn {
                column,
                since: record.created_at,
            });
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
