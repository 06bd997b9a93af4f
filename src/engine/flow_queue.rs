//! A flow: one flow's part of an apply. Its runs wait in the order of their windows; nothing of
//! it leaves while one of its runs is in doubt.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::settle::OpenIntent;
use super::settle_schedule::{ReadingStreak, SettleSchedule};
use super::{Blocked, FlowStarted};
use crate::api::FlowRun;
use crate::run::{DeltaColumn, DesiredRun, FlowRef, Key, RunId, RunIdentity, Source, UnixSeconds};
use crate::untrusted::Untrusted;

/// The runs of one flow that an apply has to create, and what is known of the flow.
pub(super) struct FlowQueue {
    pub(super) flow: FlowRef,
    pub(super) name: Untrusted,
    /// `None` where only a doubt is left of the flow and no manifest names it.
    pub(super) source: Option<Arc<Source>>,
    fresh: BTreeMap<RunIdentity, DesiredRun>,
    /// Runs that were refused before: they go when no flow has others left, so that what is
    /// refused for good keeps nobody waiting.
    again: BTreeMap<RunIdentity, DesiredRun>,
    refused_before: HashSet<Key>,
    absent_before: HashSet<Key>,
    pub(super) doubts: Vec<OpenDoubt>,
    pub(super) phase: Phase,
    /// Runs that records stand for.
    pub(super) claimed: HashSet<RunId>,
    /// Those of them whose creation the service answered us with.
    pub(super) created: HashSet<RunId>,
    /// How many of them are old enough to be listed.
    pub(super) listable: usize,
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
            fresh: BTreeMap::new(),
            again: BTreeMap::new(),
            refused_before: HashSet::new(),
            absent_before: HashSet::new(),
            doubts: Vec::new(),
            phase: Phase::Preparing,
            claimed: HashSet::new(),
            created: HashSet::new(),
            listable: 0,
            state_knows: false,
            is_looking: false,
            last_reported: None,
            reserved: 0,
            reserved_fresh: 0,
            is_alone: false,
            in_flight: 0,
            delta_column: None,
        }
    }

    /// Whether an apply has anything to do for it.
    pub(super) fn has_work(&self) -> bool {
        self.waiting().next().is_some() || !self.doubts.is_empty()
    }

    /// What the events say of it.
    pub(super) fn describe(&self) -> FlowStarted {
        FlowStarted {
            name: self.name.clone(),
            flow: self.flow.clone(),
            to_create: self.fresh.len() + self.again.len(),
            in_doubt: self.doubts.len(),
        }
    }

    /// Adds a run to be created, or puts one back.
    pub(super) fn enqueue(&mut self, run: DesiredRun) {
        let queue = if self.refused_before.contains(&run.key) {
            &mut self.again
        } else {
            &mut self.fresh
        };
        queue.insert(run.identity.clone(), run);
    }

    /// Adds a run that was refused before.
    pub(super) fn enqueue_again(&mut self, run: DesiredRun) {
        self.refused_before.insert(run.key);
        self.enqueue(run);
    }

    /// Takes a run out that need not be created any more.
    pub(super) fn dequeue(&mut self, identity: &RunIdentity) {
        self.fresh.remove(identity);
        self.again.remove(identity);
    }

    /// The runs that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &DesiredRun> {
        self.fresh.values().chain(self.again.values())
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
            && self.reserved + self.in_flight < capacity.at_once + ahead
    }

    fn peek(&self, again_too: bool) -> Option<&DesiredRun> {
        let again = self.again.values().next().filter(|_| again_too);
        self.fresh.values().next().or(again)
    }

    /// Whether a run is reserved with none before it and none behind. What is on record of an
    /// earlier refusal is lost if it is withdrawn; and of one that may turn up late, its place among
    /// those that left in order proves nothing.
    fn goes_alone(&self, run: &DesiredRun) -> bool {
        run.start_time.is_some()
            || self.refused_before.contains(&run.key)
            || self.absent_before.contains(&run.key)
    }

    /// Reserves the next run, if one may be reserved now; `again_too`: one that was refused before
    /// will do.
    pub(super) fn next(&mut self, capacity: SendCapacity, again_too: bool) -> Option<DesiredRun> {
        if !self.is_ready(capacity, again_too) {
            return None;
        }
        let (_, run) = self.fresh.pop_first().or_else(|| self.again.pop_first())?;
        self.is_alone = self.goes_alone(&run);
        self.reserved += 1;
        self.reserved_fresh += usize::from(!self.refused_before.contains(&run.key));
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
        self.reserved_fresh -= usize::from(!self.refused_before.contains(&run.key));
    }

    /// Whether a reserved run may leave now.
    pub(super) fn may_send(&self, per_flow: usize) -> bool {
        self.phase == Phase::Open
            && self.doubts.is_empty()
            && self.in_flight < self.at_once(per_flow)
    }

    /// A reserved run leaves; with this, if it is the flow's first.
    pub(super) fn sent(&mut self, run: &DesiredRun) -> Option<DeltaColumn> {
        self.no_longer_reserved(run);
        self.in_flight += 1;
        self.delta_column.clone()
    }

    /// Whether `runs` cannot be the whole list of the flow; then, how many of its runs should be in
    /// it. An index that is down, or a flow that is hidden, looks like a flow without runs.
    pub(super) fn distrusts(&self, runs: &[FlowRun]) -> Option<usize> {
        (runs.is_empty() && self.listable > 0).then_some(self.listable)
    }

    /// A request of the flow has come to its end, whichever.
    pub(super) fn on_send_done(&mut self) {
        self.in_flight -= 1;
    }

    /// A run of the flow exists.
    pub(super) fn accepted(&mut self, run_id: RunId) {
        self.claimed.insert(run_id);
        self.delta_column = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::FlowId;
    use crate::run::{Origin, Rerun, Window};

    fn run(day: i64) -> DesiredRun {
        let at = |s| UnixSeconds::new(s).expect("in range");
        let identity = RunIdentity {
            flow: FlowRef {
                sandbox: "prod".parse().expect("a sandbox"),
                id: flow(),
            },
            window: Window::new(at(day * 10), at(day * 10 + 10)).expect("a window"),
            rerun: Rerun::FIRST,
        };
        DesiredRun {
            key: identity.key(),
            identity,
            start_time: None,
            source: Arc::new(Source::File),
            name: "f".into(),
            overlap_allowed: false,
            origin: Origin {
                manifest: "m".into(),
                line: 1,
            },
        }
    }

    fn flow() -> FlowId {
        "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
            .parse()
            .expect("a flow")
    }

    fn queue_of(days: impl IntoIterator<Item = i64>) -> FlowQueue {
        let mut queue = FlowQueue::new(FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: flow(),
        });
        for day in days {
            queue.enqueue(run(day));
        }
        queue
    }

    /// Reserves and sends the next run.
    fn next(queue: &mut FlowQueue, per_flow: usize) -> Option<i64> {
        let (run, _) = send(queue, per_flow, false)?;
        Some(run.identity.window.start().get() / 10)
    }

    fn send(
        queue: &mut FlowQueue,
        per_flow: usize,
        again_too: bool,
    ) -> Option<(DesiredRun, Option<DeltaColumn>)> {
        let run = queue.next(queue.capacity(per_flow, 0), again_too)?;
        assert!(queue.may_send(per_flow));
        let column = queue.sent(&run);
        Some((run, column))
    }

    #[test]
    fn runs_are_reserved_ahead_where_they_leave_one_by_one_and_go_back_in_their_order() {
        let mut queue = queue_of([1, 2, 3, 4]);
        queue.open(None);
        assert_eq!(
            queue.capacity(2, 5).ahead,
            0,
            "two at once leave in no order"
        );
        let capacity = queue.capacity(1, 2);
        let reserved: Vec<DesiredRun> =
            std::iter::from_fn(|| queue.next(capacity, false)).collect();
        assert_eq!(reserved, [run(1), run(2), run(3)]);
        queue.sent(&run(1));
        assert!(!queue.may_send(1), "one at a time");
        queue.on_send_done();
        assert!(queue.may_send(1));
        assert_eq!(queue.next(capacity, false), Some(run(4)));
        for n in [4, 2, 3] {
            queue.put_back(run(n));
        }
        assert_eq!(next(&mut queue, 1), Some(2));
    }

    #[test]
    fn runs_leave_in_the_order_of_their_windows_and_not_more_than_allowed_at_once() {
        let mut queue = queue_of([3, 1, 2]);
        assert_eq!(next(&mut queue, 2), None, "not checked yet");
        queue.open(None);
        assert_eq!(next(&mut queue, 2), Some(1));
        assert_eq!(next(&mut queue, 2), Some(2));
        assert_eq!(next(&mut queue, 2), None);
        queue.on_send_done();
        assert_eq!(next(&mut queue, 2), Some(3));
    }

    #[test]
    fn what_was_refused_before_is_not_reserved_behind_another_and_waits_for_what_is_fresh() {
        let mut queue = queue_of([1]);
        queue.enqueue_again(run(2));
        queue.enqueue_again(run(3));
        queue.open(None);
        let capacity = queue.capacity(1, 8);
        assert_eq!(queue.next(capacity, true), Some(run(1)));
        assert_eq!(queue.next(capacity, true), None);
        assert!(queue.has_fresh(), "it has not left");
        queue.sent(&run(1));
        assert!(!queue.has_fresh());
        assert_eq!(
            queue.next(capacity, true),
            None,
            "the one before it may be refused"
        );
        queue.on_send_done();
        assert_eq!(queue.next(capacity, true), Some(run(2)));
        assert_eq!(queue.next(capacity, true), None);
    }

    #[test]
    fn a_run_that_may_turn_up_late_goes_alone() {
        let mut later = run(2);
        later.start_time = Some(UnixSeconds::MAX);
        for absent in [true, false] {
            let mut queue = queue_of([1, 3, 4]);
            if absent {
                queue.enqueue(run(2));
                queue.was_absent(run(2).key);
            } else {
                queue.enqueue(later.clone());
            }
            queue.open(None);
            let capacity = queue.capacity(1, 8);
            for n in [1, 2] {
                let next = queue.next(capacity, false).expect("none is under way");
                assert_eq!(next.identity, run(n).identity);
                assert_eq!(queue.next(capacity, false), None, "not beside {n}");
                queue.sent(&next);
                queue.on_send_done();
            }
            assert_eq!(queue.next(capacity, false), Some(run(3)));
            assert_eq!(queue.next(capacity, false), Some(run(4)));
        }
    }

    #[test]
    fn what_was_refused_before_goes_last_and_only_when_it_may() {
        let mut queue = queue_of([2, 3]);
        queue.enqueue_again(run(1));
        queue.open(None);
        assert_eq!(next(&mut queue, 8), Some(2));
        assert_eq!(next(&mut queue, 8), Some(3));
        assert_eq!(next(&mut queue, 8), None);
        queue.on_send_done();
        queue.on_send_done();
        let (run, _) = send(&mut queue, 8, true).expect("the refused one");
        assert_eq!(run.identity.window.start().get(), 10);
    }

    #[test]
    fn the_run_that_fixes_the_delta_column_goes_alone_until_one_is_accepted() {
        let column = DeltaColumn {
            name: "DOB".to_owned(),
            date_format: None,
            timezone: None,
        };
        let mut queue = queue_of([1, 2, 3, 4]);
        queue.open(Some(column.clone()));
        let (_, carried) = send(&mut queue, 8, false).expect("the first");
        assert_eq!(carried, Some(column.clone()));
        assert!(
            send(&mut queue, 8, false).is_none(),
            "the first is not accepted yet"
        );
        queue.on_send_done(); // rejected
        let (_, carried) = send(&mut queue, 8, false).expect("the second");
        assert_eq!(carried, Some(column));
        queue.on_send_done();
        queue.accepted("r".parse().expect("a run id"));
        let (_, carried) = send(&mut queue, 8, false).expect("the third");
        assert_eq!(carried, None);
        assert!(
            send(&mut queue, 8, false).is_some(),
            "no longer one at a time"
        );
    }
}
