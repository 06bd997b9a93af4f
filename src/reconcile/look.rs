//! What an apply would find of flows before it sends anything to them, by one reading of each.

use std::collections::HashSet;
use std::time::Duration;

use super::matching::Existing;
use super::settle_schedule::Settlement;
use super::{
    Blocked, FlowRecords, Moment, Observation, OpenDoubt, Query, SettleContext, preflight, settle,
};
use crate::run::{DesiredRun, FlowRef, RunId, RunIdentity, Source, Window};
use crate::state::State;

/// What is known beside what is read.
pub(crate) struct Look<'a> {
    state: &'a State,
    api_key: &'a str,
    settle_delay: Duration,
    /// The runs that were found to be wanted ones, of all flows so far.
    accepted: HashSet<RunId>,
}

/// What there is of a flow.
#[derive(Debug, Default)]
pub(crate) struct Findings<'r> {
    /// The runs that exist, or have one in their way: those in doubt, and those to be created.
    pub(crate) found: Vec<(RunIdentity, Existing<'r>)>,
    /// Why nothing can be sent to the flow, if nothing can.
    pub(crate) blocked: Option<Blocked>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(state: &'a State, api_key: &'a str, settle_delay: Duration) -> Self {
        Self {
            state,
            api_key,
            settle_delay,
            accepted: HashSet::new(),
        }
    }

    /// What is read of a flow.
    pub(crate) fn query(&self, flow: &FlowRef) -> Query {
        Query::windows(true, self.state.claimed_of(flow))
    }

    /// What was found of a flow, by what was `seen` of it: of its doubts, and of `wanted`, the runs
    /// that are to be created.
    pub(crate) fn findings<'r>(
        &mut self,
        flow: &FlowRef,
        source: &Source,
        wanted: &[&DesiredRun],
        seen: &'r Observation,
        now: Moment,
    ) -> Findings<'r> {
        let mut findings = Findings::default();
        let blocked = self.look(flow, source, wanted, seen, now, &mut findings.found);
        findings.blocked = blocked.err();
        findings
    }

    fn look<'r>(
        &mut self,
        flow: &FlowRef,
        source: &Source,
        wanted: &[&DesiredRun],
        seen: &'r Observation,
        now: Moment,
        found: &mut Vec<(RunIdentity, Existing<'r>)>,
    ) -> Result<(), Blocked> {
        let runs = seen.runs.as_ref().map_err(preflight::blocked_by)?;
        let mut records = FlowRecords::of(self.state, flow);
        let doubts = self.state.of_flow(flow);
        let doubts = doubts.filter_map(|it| OpenDoubt::of_record(it, now.here, self.settle_delay));
        let mut doubts: Vec<OpenDoubt> = doubts.collect();
        let context = SettleContext {
            records: &records,
            state: self.state,
            accepted: &self.accepted,
            api_key: self.api_key,
            in_flight: false,
        };
        let settlements = settle(&mut doubts, seen, context);
        let mut in_doubt: HashSet<Window> = HashSet::new();
        let (mut open, mut given_up) = (0, 0);
        for (doubt, settlement) in doubts.into_iter().zip(settlements) {
            if let Settlement::Exists(run_id, evidence) = &settlement
                && let Some(run) = runs.iter().find(|run| run.id == *run_id)
            {
                records.add(run_id.clone(), now);
                self.accepted.insert(run_id.clone());
                found.push((doubt.identity, Existing::Run(run, evidence.clone())));
            } else {
                open += 1;
                given_up += usize::from(matches!(settlement, Settlement::CannotTell(_)));
                in_doubt.insert(doubt.open.window);
            }
        }
        if open > 0 && given_up == open {
            return Err(Blocked::InDoubt(open));
        }
        if let Some(flow) = &seen.flow {
            preflight::check(flow, source, seen, &records, self.settle_delay)?;
        }
        let to_create = wanted.iter().copied();
        let existing = preflight::existing(to_create, runs, &records, &in_doubt, self.api_key);
        let left = wanted.len() - existing.len();
        for (run, existing) in existing {
            if let Existing::Run(run, _) = &existing
                && (self.state.claim(&run.id).is_some() || !self.accepted.insert(run.id.clone()))
            {
                // A list that names another flow's run cannot be trusted about this one.
                return Err(Blocked::Unknown(1));
            }
            found.push((run.identity, existing));
        }
        match preflight::unaccounted(runs, &records, self.api_key) {
            Some(why) if left > 0 => Err(why),
            _ => Ok(()),
        }
    }
}
