//! One flow's part of an apply. Its runs wait in the order of their windows; nothing of it leaves while
//! one of its runs is in doubt.
//!
//! The queue owns what it knows of the flow: what happens to it is a method of it, and what follows
//! for others is an [`Effect`], which the dispatcher carries out.

mod answers;
mod following;
mod planned;
mod reads;
mod settling;
mod transition;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::running::RunningRuns;
use super::{ActiveRuns, FlowStarted, LeftReason, Outcomes, RunOutcome};
use crate::reconcile::{Blocked, FlowRecords, OpenDoubt};
use crate::run::{DeltaColumn, DesiredRun, FlowRef, Key, Order, Rerun, RunId, RunIdentity, Source};
use crate::untrusted::Untrusted;

pub(super) use planned::queues;
pub(super) use transition::{Effect, Purpose, Transition};

/// The runs of one flow that an apply has to create, and what is known of the flow.
pub(super) struct FlowQueue {
    pub(super) flow: FlowRef,
    name: Untrusted,
    /// `None` where only a doubt is left of the flow and no manifest names it.
    source: Option<Arc<Source>>,
    /// In which order its runs are sent.
    order: Order,
    /// No more unfinished runs of the flow than this at once.
    max_active: Option<usize>,
    /// Its runs that have not finished.
    running: RunningRuns,
    /// How many runs were to be followed and could not be.
    pub(super) unfollowed: usize,
    /// Whether the flow's list is about to be read to follow them.
    is_following: bool,
    /// What was told last of the runs that others wait for.
    told_to_wait: Option<ActiveRuns>,
    fresh: BTreeMap<RunIdentity, DesiredRun>,
    /// The runs of the service that are to run again, by what they stand for; the others of the
    /// queue are to be created.
    retries: HashMap<RunIdentity, RunId>,
    /// Runs that were refused before: they go when no flow has others left, so that what is
    /// refused for good keeps nobody waiting.
    again: BTreeMap<RunIdentity, DesiredRun>,
    refused_before: HashSet<Key>,
    absent_before: HashSet<Key>,
    /// Its runs in doubt.
    doubts: Vec<OpenDoubt>,
    /// Those of them that are sent again if they turn out not to exist.
    wanted: HashMap<Key, DesiredRun>,
    /// Why others are not.
    left: HashMap<Key, LeftReason>,
    /// Those whose requests are of this apply, and count for its limits.
    counted: HashSet<Key>,
    /// How many requests of this apply for a run came to nothing that a list shows.
    absences: HashMap<Key, usize>,
    /// What became of its runs.
    pub(super) outcomes: Outcomes,
    phase: Phase,
    records: FlowRecords,
    /// Whether the flow's list is about to be read for its doubts.
    is_looking: bool,
    /// What was told of its settling last: how many runs, and when they are believed absent.
    last_reported: Option<(usize, Instant)>,
    /// Runs whose intent is written, or being written, and that have not left.
    reserved: usize,
    /// How many of them were not refused before.
    reserved_fresh: usize,
    /// Whether the run that was reserved last is alone.
    is_alone: bool,
    in_flight: usize,
    /// Goes with each run until one is accepted.
    delta_column: Option<DeltaColumn>,
    /// Goes with each run after that.
    repeated_column: Option<DeltaColumn>,
}

/// How many runs of a flow may be under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendCapacity {
    at_once: usize,
    ahead: usize,
}

/// How far a flow is.
#[derive(Debug, PartialEq)]
enum Phase {
    /// Being checked.
    Preparing,
    /// May be sent to.
    Open,
    /// May not.
    Blocked(Blocked),
}

impl FlowQueue {
    pub(super) fn new(flow: FlowRef) -> Self {
        Self {
            name: flow.id.to_string().into(),
            flow,
            source: None,
            order: Order::default(),
            max_active: None,
            running: RunningRuns::new(),
            unfollowed: 0,
            is_following: false,
            told_to_wait: None,
            retries: HashMap::new(),
            fresh: BTreeMap::new(),
            again: BTreeMap::new(),
            refused_before: HashSet::new(),
            absent_before: HashSet::new(),
            doubts: Vec::new(),
            wanted: HashMap::new(),
            left: HashMap::new(),
            counted: HashSet::new(),
            absences: HashMap::new(),
            outcomes: Outcomes::new(),
            phase: Phase::Preparing,
            records: FlowRecords::default(),
            is_looking: false,
            last_reported: None,
            reserved: 0,
            reserved_fresh: 0,
            is_alone: false,
            in_flight: 0,
            delta_column: None,
            repeated_column: None,
        }
    }

    /// Whether an apply has anything to do for it.
    fn has_work(&self) -> bool {
        self.waiting().next().is_some() || !self.doubts.is_empty() || self.running.awaited() > 0
    }

    /// What the events say of it.
    pub(super) fn describe(&self, follow: bool) -> FlowStarted {
        FlowStarted {
            name: self.name.clone(),
            flow: self.flow.clone(),
            to_create: self.fresh.len() + self.again.len(),
            in_doubt: self.doubts.iter().map(|it| it.identity.key()).collect(),
            to_follow: follow.then(|| self.running.awaited_ids()),
        }
    }

    /// Adds a run to be created, or puts one back.
    pub(super) fn enqueue(&mut self, run: DesiredRun) {
        let queue = if self.refused_before.contains(&run.key()) {
            &mut self.again
        } else {
            &mut self.fresh
        };
        queue.insert(run.identity.clone(), run);
    }

    /// Adds a run whose run of the service is to run again.
    fn enqueue_retry(&mut self, run: DesiredRun, run_id: RunId) {
        self.retries.insert(run.identity.clone(), run_id);
        self.enqueue(run);
    }

    /// The run of the service that is to run again for this one.
    pub(super) fn retry_of(&self, identity: &RunIdentity) -> Option<&RunId> {
        self.retries.get(identity)
    }

    /// Whether runs wait for others of the flow to finish.
    fn waits_for_room(&self) -> bool {
        self.max_active
            .is_some_and(|most| self.running.active() >= most)
            && self.phase == Phase::Open
            && self.waiting().next().is_some()
    }

    /// The runs of the flow that have not finished.
    fn active_runs(&self) -> ActiveRuns {
        let mut active = self.running.active_ids();
        active.sort();
        let (ours, others) = active
            .into_iter()
            .partition(|run| self.records.claimed.contains(run));
        ActiveRuns { ours, others }
    }

    /// Whether one more run of the flow may be at work, those that are about to leave counted.
    fn has_room(&self) -> bool {
        let at_work = self.running.active() + self.reserved + self.in_flight;
        self.max_active.is_none_or(|most| at_work < most)
    }

    /// Adds a run that was refused before.
    pub(super) fn enqueue_again(&mut self, run: DesiredRun) {
        self.refused_before.insert(run.key());
        self.enqueue(run);
    }

    /// Takes a run out that need not be created any more.
    fn dequeue(&mut self, identity: &RunIdentity) {
        self.fresh.remove(identity);
        self.again.remove(identity);
        self.retries.remove(identity);
    }

    /// The runs that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &DesiredRun> {
        self.fresh.values().chain(self.again.values())
    }

    /// Those of them that are to be created.
    fn to_create(&self) -> impl Iterator<Item = &DesiredRun> {
        self.waiting()
            .filter(|run| !self.retries.contains_key(&run.identity))
    }

    /// Whether runs wait that were not refused before, and may still be sent by this apply.
    pub(super) fn has_fresh(&self) -> bool {
        (!self.fresh.is_empty() || self.reserved_fresh > 0)
            && !matches!(self.phase, Phase::Blocked(_))
    }

    /// From now on the flow may be sent to; `delta_column` is what its first run must carry.
    pub(super) fn open(&mut self, delta_column: Option<DeltaColumn>) {
        self.delta_column = delta_column;
        self.phase = Phase::Open;
    }

    /// Why nothing is sent to it, if nothing is.
    pub(super) fn blocked(&self) -> Option<&Blocked> {
        match &self.phase {
            Phase::Blocked(reason) => Some(reason),
            Phase::Preparing | Phase::Open => None,
        }
    }

    /// How many of the flow's runs may be on their way, and how many more may be reserved: those of
    /// the next `ahead` requests, where they leave one after the other.
    pub(super) fn capacity(&self, per_flow: usize, ahead: usize) -> SendCapacity {
        SendCapacity {
            at_once: self.at_once(per_flow),
            ahead: if per_flow == 1 { ahead } else { 0 },
        }
    }

    /// How many requests of the flow may be on their way.
    fn at_once(&self, per_flow: usize) -> usize {
        // A first run that fixes the delta column is accepted before the second is sent.
        if self.delta_column.is_some() {
            1
        } else {
            per_flow
        }
    }

    /// Whether a run may be reserved now.
    pub(super) fn is_ready(&self, capacity: SendCapacity, again_too: bool) -> bool {
        let Some(run) = self.peek(again_too) else {
            return false;
        };
        let ahead = if self.is_alone || self.goes_alone(run) {
            0
        } else {
            capacity.ahead
        };
        self.phase == Phase::Open
            && self.doubts.is_empty()
            && self.has_room()
            && self.reserved + self.in_flight < capacity.at_once + ahead
    }

    fn peek(&self, again_too: bool) -> Option<&DesiredRun> {
        let again = first(&self.again, self.order).filter(|_| again_too);
        first(&self.fresh, self.order).or(again)
    }

    /// Whether a run is reserved with none before it and none behind. What is on record of an
    /// earlier refusal is lost if it is withdrawn; and of one that may turn up late, its place among
    /// those that left in order proves nothing.
    fn goes_alone(&self, run: &DesiredRun) -> bool {
        run.start_time.is_some()
            || self.refused_before.contains(&run.key())
            || self.absent_before.contains(&run.key())
    }

    /// Reserves the next run, if one may be reserved now; `again_too`: one that was refused before
    /// will do.
    pub(super) fn next(&mut self, capacity: SendCapacity, again_too: bool) -> Option<DesiredRun> {
        if !self.is_ready(capacity, again_too) {
            return None;
        }
        let identity = self.peek(again_too)?.identity.clone();
        let run = self.fresh.remove(&identity);
        let run = run.or_else(|| self.again.remove(&identity))?;
        self.is_alone = self.goes_alone(&run);
        self.reserved += 1;
        self.reserved_fresh += usize::from(!self.refused_before.contains(&run.key()));
        Some(run)
    }

    /// Takes a reserved run back.
    pub(super) fn put_back(&mut self, run: DesiredRun) {
        self.no_longer_reserved(&run);
        self.enqueue(run);
    }

    fn no_longer_reserved(&mut self, run: &DesiredRun) {
        self.reserved -= 1;
        self.reserved_fresh -= usize::from(!self.refused_before.contains(&run.key()));
    }

    /// Whether a reserved run may leave now.
    pub(super) fn may_send(&self, per_flow: usize) -> bool {
        self.phase == Phase::Open
            && self.doubts.is_empty()
            && self.in_flight < self.at_once(per_flow)
    }

    /// A reserved run leaves; with this, if it is the flow's first, or each brings it.
    pub(super) fn sent(&mut self, run: &DesiredRun) -> Option<DeltaColumn> {
        self.no_longer_reserved(run);
        self.in_flight += 1;
        let first = self.delta_column.as_ref();
        first.or(self.repeated_column.as_ref()).cloned()
    }

    /// A request of the flow has come to its end, whichever.
    pub(super) fn on_send_done(&mut self) {
        self.in_flight -= 1;
    }
}

/// The run that goes first by [`Order::compare`], without looking at the others.
fn first(runs: &BTreeMap<RunIdentity, DesiredRun>, order: Order) -> Option<&DesiredRun> {
    match order {
        Order::OldestFirst => runs.values().next(),
        Order::NewestFirst => {
            let (last, _) = runs.last_key_value()?;
            let of_window = RunIdentity {
                rerun: Rerun::FIRST,
                ..last.clone()
            };
            runs.range(of_window..).next().map(|(_, run)| run)
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
