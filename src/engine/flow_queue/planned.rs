//! The queues of an apply: one for each flow of the plan, and for each flow with a run in doubt.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{FlowQueue, RunOutcome};
use crate::engine::send::IntentDeadlines;
use crate::engine::{LeftReason, Outcomes, Settings};
use crate::plan::{Action, Plan, PlannedRun};
use crate::reconcile::{FlowRecords, OpenDoubt};
use crate::run::{DesiredRun, FlowRef, RunId};
use crate::state::{Fate, LastSeen, Record, State};
use crate::store::{Acquired, LockedStore};

/// The queues of a plan and of every doubt in the state, and what is known of the plan's runs.
pub(in crate::engine) fn queues(
    plan: &Plan,
    store: &LockedStore,
    settings: &Settings,
) -> (Vec<FlowQueue>, Outcomes) {
    let state = store.state();
    let mut queues: BTreeMap<FlowRef, FlowQueue> = BTreeMap::new();
    let queue_of = |flow: &FlowRef| FlowQueue::new(flow.clone());
    for runs in plan.flows() {
        let mut queue = queue_of(&runs[0].run.identity.flow);
        queue.add_planned(runs, plan, state, settings);
        queues.insert(queue.flow.clone(), queue);
    }
    // Who held the state before us is gone, and nothing of it left after now. Where it can be taken
    // over, one before that may wake up yet, and send on an intent that it has made.
    let lease = match store.acquired() {
        Acquired::Free => store.lease(),
        Acquired::TakenOver { lease, .. } => store.lease().max(Some(*lease)),
    };
    let now = Instant::now();
    let left_here = lease.map_or(now, |lease| now + IntentDeadlines::of(Some(lease)).leaves);
    for record in state.records() {
        if let Some(doubt) = OpenDoubt::of_record(record, left_here, settings.settle_delay) {
            let flow = &record.identity.flow;
            let queue = queues.entry(FlowRef::clone(flow));
            let queue = queue.or_insert_with(|| queue_of(flow));
            queue.doubts.push(doubt);
        }
    }
    let outcomes = queues.values_mut().flat_map(|queue| queue.outcomes.drain());
    let outcomes = outcomes.collect();
    queues.retain(|_, queue| queue.has_work());
    // Once all queues are known: what records stand for must not be taken for something else.
    for queue in queues.values_mut() {
        queue.add_known(state, settings);
    }
    (queues.into_values().collect(), outcomes)
}

impl FlowQueue {
    /// Adds the planned runs of the flow.
    fn add_planned(
        &mut self,
        runs: &[PlannedRun],
        plan: &Plan,
        state: &State,
        settings: &Settings,
    ) {
        let request = &runs[runs.len() - 1].run.request;
        self.name = request.name.clone();
        self.source = Some(Arc::clone(&request.source));
        self.order = request.order;
        let asked = runs.iter().filter_map(|it| it.run.request.max_active_runs);
        let most = asked.min().or(settings.max_active_runs);
        self.max_active = most.map(NonZeroUsize::get);
        for PlannedRun { run, action, .. } in runs {
            match action {
                // It stays what it is: of a million, nothing is looked up.
                Action::Unchanged | Action::Adopt if !settings.follow => continue,
                Action::Unchanged | Action::Adopt => {
                    if let Some((run_id, at)) = unfinished(state.get(&run.identity)) {
                        let listed_by = listed_by(at, settings);
                        self.running.await_news(run_id, listed_by);
                    }
                    continue;
                }
                Action::Retry => {
                    let record = state.get(&run.identity);
                    if let Some(run_id) = record.and_then(|record| record.fate.run_id()) {
                        self.enqueue_retry(run.clone(), run_id.clone());
                    }
                }
                Action::Create => self.enqueue(run.clone()),
                Action::Again => self.enqueue_again(run.clone()),
                Action::Settle => {
                    // An apply creates, a retry runs again: neither does the other's work.
                    let fate = state.get(&run.identity).map(|record| &record.fate);
                    let is_retry = fate.is_some_and(|fate| fate.retried().is_some());
                    if let Some(reason) = not_sent(run, plan) {
                        // What is in doubt is settled either way.
                        if !is_retry {
                            self.left.insert(run.key(), reason);
                        }
                    } else if is_retry == settings.is_retry {
                        self.wanted.insert(run.key(), run.clone());
                    }
                }
                Action::Paused
                | Action::Unreviewed
                | Action::Blocked
                | Action::Wait
                | Action::Conflict => {
                    let left = LeftReason::of(*action).map(RunOutcome::Remaining);
                    self.outcomes.extend(left.map(|left| (run.key(), left)));
                }
            }
            if state.get(&run.identity).is_some_and(Record::was_absent) {
                self.absent_before.insert(run.key());
            }
        }
    }

    /// Adds what the state knows of the flow.
    fn add_known(&mut self, state: &State, settings: &Settings) {
        self.records = FlowRecords::of(state, &self.flow);
        if self.max_active.is_some() {
            let records = state.of_flow(&self.flow);
            for (run_id, at) in records.filter_map(|record| unfinished(Some(record))) {
                self.running.is_at_work(&run_id, listed_by(at, settings));
            }
        }
    }
}

/// Why a run that is in doubt is not sent again, even if it turns out not to exist.
fn not_sent(run: &DesiredRun, plan: &Plan) -> Option<LeftReason> {
    if run.request.paused.is_some() {
        Some(LeftReason::Paused)
    } else if plan.is_reviewed(run) {
        None
    } else {
        Some(LeftReason::Unreviewed)
    }
}

/// From when on a list must show a run that is known since `at`, as far as our clock tells.
fn listed_by(at: Timestamp, settings: &Settings) -> Instant {
    let age = Timestamp::now().duration_since(at);
    let age = Duration::try_from(age).unwrap_or_default();
    Instant::now() + settings.settle_delay.saturating_sub(age)
}

/// The run of a record that is not known to have finished, and since when it is known.
fn unfinished(record: Option<&Record>) -> Option<(RunId, Timestamp)> {
    let record = record?;
    let is_finished = |seen: &LastSeen| seen.status.is_finished();
    let Fate::Created { run_id, at, .. } = &record.fate else {
        return None;
    };
    (!record.last_seen().is_some_and(is_finished)).then(|| (run_id.clone(), *at))
}
