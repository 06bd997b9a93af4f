//! A flow: one flow's part of an apply. Its runs wait in the order of their windows; nothing of
//! it leaves while one of its runs is in doubt.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::running::RunningRuns;
use super::{ActiveRuns, FlowStarted, LeftReason};
use crate::reconcile::settle::OpenIntent;
use crate::reconcile::settle_schedule::{ReadingStreak, SettleSchedule};
use crate::reconcile::{Blocked, RecordedRuns};
use crate::run::{
    DeltaColumn, DesiredRun, FlowRef, Key, Order, Rerun, RunId, RunIdentity, Source, UnixSeconds,
};
use crate::untrusted::Untrusted;

/// The runs of one flow that an apply has to create, and what is known of the flow.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the flow"
)]
pub(super) struct FlowQueue {
    pub(super) flow: FlowRef,
    pub(super) name: Untrusted,
    /// `None` where only a doubt is left of the flow and no manifest names it.
    pub(super) source: Option<Arc<Source>>,
    /// In which order its runs are sent.
    pub(super) order: Order,
    /// No more unfinished runs of the flow than this at once.
    pub(super) max_active: Option<usize>,
    /// Its runs that have not finished.
    pub(super) running: RunningRuns,
    /// Whether the flow's list is about to be read to follow them.
    pub(super) is_following: bool,
    /// What was told last of the runs that others wait for.
    pub(super) told_to_wait: Option<ActiveRuns>,
    fresh: BTreeMap<RunIdentity, DesiredRun>,
    /// The runs of the service that are to run again, by what they stand for; the others of the
    /// queue are to be created.
    retries: HashMap<RunIdentity, RunId>,
    /// Runs that were refused before: they go when no flow has others left, so that what is
    /// refused for good keeps nobody waiting.
    again: BTreeMap<RunIdentity, DesiredRun>,
    refused_before: HashSet<Key>,
    absent_before: HashSet<Key>,
    pub(super) doubts: Vec<OpenDoubt>,
    pub(super) phase: Phase,
    /// Runs that records stand for.
    pub(super) claimed: Arc<HashSet<RunId>>,
    /// Those of them whose creation the service answered us with.
    pub(super) created: HashSet<RunId>,
    /// Those of them that a list must show.
    pub(super) recorded: RecordedRuns,
    /// Whether the state had a run of the flow when the apply began.
    pub(super) state_knows: bool,
    /// Whether the flow's list is about to be read for its doubts.
    pub(super) is_looking: bool,
    /// What was told of its settling last: how many runs, and when they are believed absent.
    pub(super) last_reported: Option<(usize, Instant)>,
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
pub(super) enum Phase {
    /// Being checked.
    Preparing,
    /// May be sent to.
    Open,
    /// May not.
    Blocked(Blocked),
}

/// A run of the flow in doubt.
pub(super) struct OpenDoubt {
    pub(super) identity: RunIdentity,
    pub(super) key: Key,
    /// Whether it was sent by this apply.
    pub(super) of_this_apply: bool,
    /// The run, where a manifest still wants it.
    pub(super) wanted: Option<DesiredRun>,
    /// Why it is not sent again, if it turns out not to exist.
    pub(super) left: Option<LeftReason>,
    pub(super) open: OpenIntent,
    /// When it is to begin, if later than it was sent.
    pub(super) start_time: Option<UnixSeconds>,
    pub(super) schedule: SettleSchedule,
    /// What the lists said of it.
    pub(super) readings: ReadingStreak,
    /// Whether it is left to a person, as far as this apply is concerned.
    pub(super) is_given_up: bool,
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
            is_following: false,
            told_to_wait: None,
            retries: HashMap::new(),
            fresh: BTreeMap::new(),
            again: BTreeMap::new(),
            refused_before: HashSet::new(),
            absent_before: HashSet::new(),
            doubts: Vec::new(),
            phase: Phase::Preparing,
            claimed: Arc::default(),
            created: HashSet::new(),
            recorded: RecordedRuns::default(),
            state_knows: false,
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
    pub(super) fn has_work(&self) -> bool {
        self.waiting().next().is_some() || !self.doubts.is_empty() || self.running.awaited() > 0
    }

    /// What the events say of it.
    pub(super) fn describe(&self, follow: bool) -> FlowStarted {
        FlowStarted {
            name: self.name.clone(),
            flow: self.flow.clone(),
            to_create: self.fresh.len() + self.again.len(),
            in_doubt: self.doubts.iter().map(|doubt| doubt.key).collect(),
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
    pub(super) fn enqueue_retry(&mut self, run: DesiredRun, run_id: RunId) {
        self.retries.insert(run.identity.clone(), run_id);
        self.enqueue(run);
    }

    /// The run of the service that is to run again for this one.
    pub(super) fn retry_of(&self, identity: &RunIdentity) -> Option<&RunId> {
        self.retries.get(identity)
    }

    /// Whether runs wait for others of the flow to finish.
    pub(super) fn waits_for_room(&self) -> bool {
        self.max_active
            .is_some_and(|most| self.running.active() >= most)
            && self.phase == Phase::Open
            && self.waiting().next().is_some()
    }

    /// The runs of the flow that have not finished.
    pub(super) fn active_runs(&self) -> ActiveRuns {
        let mut active = self.running.active_ids();
        active.sort();
        let (ours, others) = active
            .into_iter()
            .partition(|run| self.claimed.contains(run));
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
    pub(super) fn dequeue(&mut self, identity: &RunIdentity) {
        self.fresh.remove(identity);
        self.again.remove(identity);
        self.retries.remove(identity);
    }

    /// The runs that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &DesiredRun> {
        self.fresh.values().chain(self.again.values())
    }

    /// Those of them that are to be created.
    pub(super) fn to_create(&self) -> impl Iterator<Item = &DesiredRun> {
        self.waiting()
            .filter(|run| !self.retries.contains_key(&run.identity))
    }

    /// Whether runs wait that were not refused before, and may still be sent by this apply.
    pub(super) fn has_fresh(&self) -> bool {
        (!self.fresh.is_empty() || self.reserved_fresh > 0)
            && !matches!(self.phase, Phase::Blocked(_))
    }

    /// Whether a request of the flow is on its way.
    pub(super) fn is_sending(&self) -> bool {
        self.in_flight > 0
    }

    /// From now on the flow may be sent to; `delta_column` is what its first run must carry.
    pub(super) fn open(&mut self, delta_column: Option<DeltaColumn>) {
        self.delta_column = delta_column;
        self.phase = Phase::Open;
    }

    /// Each run carries this, and not the first alone.
    pub(super) fn repeat_column(&mut self, column: Option<DeltaColumn>) {
        self.repeated_column = column;
    }

    /// Nothing more is sent to the queue.
    pub(super) fn block(&mut self, reason: Blocked) {
        self.phase = Phase::Blocked(reason);
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

    /// Earlier requests for the run were believed to have come to nothing.
    pub(super) fn was_absent(&mut self, key: Key) {
        self.absent_before.insert(key);
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

    /// A run of the flow exists.
    pub(super) fn accepted(&mut self, run_id: RunId) {
        Arc::make_mut(&mut self.claimed).insert(run_id);
        self.delta_column = None;
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
