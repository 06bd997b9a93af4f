//! Which run goes next: queues of flows in, runs to reserve and runs to send out.
//!
//! Flows take turns; no flow goes above its limit, all of them not above theirs, and no more runs
//! leave than the budget has. A value that knows no clock, no store and no network.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;

use crate::engine::FlowIndex;
use crate::engine::flow_queue::FlowQueue;
use crate::plan::DayBudget;
use crate::run::{DesiredRun, RunId};
use crate::store::SuspendAwareInstant;

/// A run whose intent is durable, or being written.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) flow: FlowIndex,
    pub(super) run: DesiredRun,
    /// The run of the service that is to run again, where none is to be created.
    pub(super) retry_of: Option<RunId>,
    /// When the intent was made, or a moment before.
    pub(super) intent: SuspendAwareInstant,
}

/// How many runs may be reserved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    /// How many requests are on their way.
    pub(super) in_flight: usize,
    /// How many more leave while intents are written.
    pub(super) ahead: usize,
    /// How many have a turn that is near.
    pub(super) near: usize,
}

/// The flows of an apply, and what of them is reserved.
pub(super) struct Scheduler {
    pub(super) queues: Vec<FlowQueue>,
    /// Requests that create, in flight at once; the same, per flow.
    concurrency: usize,
    per_flow: usize,
    /// How many more requests to create may leave.
    budget: usize,
    /// How many may within a day.
    day: DayBudget,
    /// The flow that is asked first for its next run.
    turn: FlowIndex,
    /// Runs whose intent is durable, in the order in which they go.
    reserved: VecDeque<Reserved>,
}

impl Scheduler {
    pub(super) fn new(
        queues: Vec<FlowQueue>,
        concurrency: usize,
        per_flow: usize,
        budget: usize,
        day: DayBudget,
    ) -> Self {
        Self {
            queues,
            concurrency,
            per_flow,
            budget,
            day,
            turn: 0,
            reserved: VecDeque::new(),
        }
    }

    /// Whether requests of a flow leave one after the other.
    pub(super) fn is_in_order(&self) -> bool {
        self.per_flow == 1
    }

    /// Whether no more requests to create may leave.
    pub(super) fn is_spent(&self) -> bool {
        self.budget == 0
    }

    /// A request of the flow that was counted has created nothing.
    pub(super) fn give_back(&mut self, flow: FlowIndex) {
        self.budget += 1;
        self.day.give_back(&self.queues[flow].flow.sandbox);
    }

    /// The same of one that was refused: a limit on requests has counted it.
    pub(super) fn refused(&mut self, flow: FlowIndex) {
        self.day.give_back(&self.queues[flow].flow.sandbox);
    }

    /// What is left of the day's budget.
    pub(super) fn day(&self) -> &DayBudget {
        &self.day
    }

    /// How many runs have a durable intent and have not left.
    pub(super) fn reserved(&self) -> usize {
        self.reserved.len()
    }

    /// Takes runs from the queues in turn: as many as may be in flight and those that go while
    /// intents are written, but no more than have a turn that is near.
    pub(super) fn hand_out(
        &mut self,
        capacity: Capacity,
        intent: SuspendAwareInstant,
        now: Option<Timestamp>,
    ) -> Vec<Reserved> {
        let Capacity {
            in_flight,
            ahead,
            near,
        } = capacity;
        let mut handed = Vec::new();
        let under_way = in_flight + self.reserved.len();
        let most = (self.concurrency + ahead).saturating_sub(under_way);
        let most = most.min(near).min(self.budget);
        let again_too = self.again_too();
        // First what may leave at once: no flow starves for another's reserve.
        for ahead in [0, ahead] {
            let mut passed = 0;
            while handed.len() < most && passed < self.queues.len() {
                let flow = self.turn % self.queues.len();
                self.turn = flow + 1;
                let queue = &mut self.queues[flow];
                if self.day.left(&queue.flow.sandbox, now) == Some(0) {
                    passed += 1;
                    continue;
                }
                match queue.next(queue.capacity(self.per_flow, ahead), again_too) {
                    Some(run) => {
                        self.day.take(&queue.flow.sandbox, now);
                        handed.push(Reserved {
                            flow,
                            retry_of: queue.retry_of(&run.identity).cloned(),
                            run,
                            intent,
                        });
                        passed = 0;
                    }
                    None => passed += 1,
                }
            }
        }
        self.budget -= handed.len();
        handed
    }

    /// Whether a run would be handed out if its turn were near.
    pub(super) fn could_send(&self, in_flight: usize, now: Option<Timestamp>) -> bool {
        let again_too = self.again_too();
        self.budget > 0
            && in_flight + self.reserved.len() < self.concurrency
            && self.queues.iter().any(|queue| {
                queue.is_ready(queue.capacity(self.per_flow, 0), again_too)
                    && self.day.left(&queue.flow.sandbox, now) != Some(0)
            })
    }

    /// Whether runs that were refused before may go: when no others are left.
    fn again_too(&self) -> bool {
        !self.queues.iter().any(FlowQueue::has_fresh)
    }

    /// The intents of these are durable.
    pub(super) fn reserve(&mut self, reserved: Vec<Reserved>) {
        self.reserved.extend(reserved);
    }

    /// The next reserved run that may leave now, beside so many that are on their way.
    pub(super) fn next_to_send(&mut self, in_flight: usize) -> Option<Reserved> {
        if in_flight >= self.concurrency {
            return None;
        }
        let may_send = |reserved: &Reserved| self.queues[reserved.flow].may_send(self.per_flow);
        let at = self.reserved.iter().position(may_send)?;
        self.reserved.remove(at)
    }

    /// Takes what is reserved of the flows that `which` names, to be put back.
    pub(super) fn withdraw(&mut self, which: impl Fn(FlowIndex) -> bool) -> Vec<Reserved> {
        let (back, kept) = std::mem::take(&mut self.reserved)
            .into_iter()
            .partition(|reserved| which(reserved.flow));
        self.reserved = kept;
        let back: VecDeque<Reserved> = back;
        back.into()
    }

    /// Puts a run back that did not leave.
    pub(super) fn put_back(&mut self, flow: FlowIndex, run: DesiredRun) {
        self.queues[flow].put_back(run);
        self.give_back(flow);
    }

    /// The flows that have reserved runs.
    pub(super) fn reserved_flows(&self) -> BTreeSet<FlowIndex> {
        self.reserved.iter().map(|reserved| reserved.flow).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::flow_queue::tests::queue_of;

    fn scheduler(
        flows: &[&[i64]],
        concurrency: usize,
        per_flow: usize,
        budget: usize,
    ) -> Scheduler {
        let queues = flows.iter().map(|days| {
            let mut queue = queue_of(days.iter().copied());
            queue.open(None);
            queue
        });
        let day = DayBudget::default();
        Scheduler::new(queues.collect(), concurrency, per_flow, budget, day)
    }

    /// Flow and day of each.
    fn days(reserved: &[Reserved]) -> Vec<(FlowIndex, i64)> {
        let day = |one: &Reserved| one.run.identity.window.start().get() / 10;
        reserved.iter().map(|one| (one.flow, day(one))).collect()
    }

    fn hand_out(
        scheduler: &mut Scheduler,
        in_flight: usize,
        ahead: usize,
        near: usize,
    ) -> Vec<Reserved> {
        let capacity = Capacity {
            in_flight,
            ahead,
            near,
        };
        scheduler.hand_out(capacity, SuspendAwareInstant::now(), None)
    }

    #[test]
    fn flows_take_turns_and_each_gives_what_may_leave_at_once_before_any_gives_a_reserve() {
        let mut scheduler = scheduler(&[&[1, 2, 3], &[5, 6, 7]], 8, 1, 100);
        let handed = hand_out(&mut scheduler, 0, 2, 100);
        assert_eq!(
            days(&handed),
            [(0, 1), (1, 5), (0, 2), (1, 6), (0, 3), (1, 7)]
        );
    }

    #[test]
    fn no_more_are_handed_out_than_the_budget_the_concurrency_and_the_near_turns_allow() {
        let all: &[i64] = &[1, 2, 3, 4, 5, 6, 7, 8];
        for (in_flight, near, budget, handed) in [
            (0, 100, 3, 3),
            (0, 2, 100, 2),
            (3, 100, 100, 1),
            (4, 100, 100, 0),
            (9, 1, 1, 0),
        ] {
            let mut scheduler = scheduler(&[all], 4, 8, budget);
            assert_eq!(hand_out(&mut scheduler, in_flight, 0, near).len(), handed);
            assert_eq!(scheduler.is_spent(), budget == handed);
        }
    }

    #[test]
    fn reserved_runs_leave_in_order_one_of_a_flow_at_a_time() {
        let mut scheduler = scheduler(&[&[1, 2], &[5]], 8, 1, 100);
        let handed = hand_out(&mut scheduler, 0, 4, 100);
        scheduler.reserve(handed);
        assert_eq!(scheduler.reserved_flows(), BTreeSet::from([0, 1]));
        let mut sent = Vec::new();
        while let Some(one) = scheduler.next_to_send(sent.len()) {
            scheduler.queues[one.flow].sent(&one.run);
            sent.push(one);
        }
        assert_eq!(
            days(&sent),
            [(0, 1), (1, 5)],
            "the second waits for the first"
        );
        assert!(
            !scheduler.could_send(sent.len(), None),
            "nothing else waits"
        );
        scheduler.queues[0].on_send_done();
        let next = scheduler.next_to_send(1).expect("the second");
        assert_eq!(days(&[next]), [(0, 2)]);
        assert!(
            scheduler.next_to_send(8).is_none(),
            "eight are on their way"
        );
    }

    #[test]
    fn what_is_withdrawn_goes_back_to_its_place_and_to_the_budget() {
        let mut scheduler = scheduler(&[&[1, 2, 3], &[5, 6]], 8, 1, 5);
        let handed = hand_out(&mut scheduler, 0, 8, 100);
        scheduler.reserve(handed);
        assert!(scheduler.is_spent() && !scheduler.could_send(0, None));
        let back = scheduler.withdraw(|flow| flow == 0);
        assert_eq!(days(&back), [(0, 1), (0, 2), (0, 3)]);
        assert_eq!(scheduler.reserved(), 2);
        for one in back {
            scheduler.put_back(one.flow, one.run);
        }
        assert!(scheduler.could_send(0, None));
        assert_eq!(days(&hand_out(&mut scheduler, 0, 0, 100)), [(0, 1)]);
    }
}
