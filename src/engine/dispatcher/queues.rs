//! The queues of an apply: one for each flow of the plan, and for each flow with a run in doubt.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use crate::engine::flow_queue::{FlowQueue, OpenDoubt};
use crate::engine::send::IntentDeadlines;
use crate::engine::{LeftReason, Outcomes, RunOutcome, Settings};
use crate::plan::{Action, Plan, PlannedRun};
use crate::reconcile::settle::OpenIntent;
use crate::reconcile::settle_schedule::{ReadingStreak, SettleSchedule, first_intent, left_by};
use crate::run::{DesiredRun, FlowRef, Key, RunId, RunIdentity, UnixSeconds};
use crate::state::{Absence, Attempt, ClockedTime, Fate, InDoubt, LastSeen, Record, State};
use crate::store::{Acquired, LockedStore};

/// A run in doubt whose first request was not made before `intent`, and whose last one has not
/// left after `left_by`.
pub(super) fn open(
    identity: &RunIdentity,
    intent: ClockedTime,
    left_by: ClockedTime,
    order: Option<(Uuid, u64)>,
    settle_delay: Duration,
    retry: Option<Box<Attempt>>,
) -> OpenIntent {
    let listed_within = SignedDuration::try_from(settle_delay).unwrap_or(SignedDuration::MAX);
    OpenIntent {
        window: identity.window,
        rerun: identity.rerun,
        intent,
        until: left_by.plus(listed_within).service,
        order,
        retry,
    }
}

/// The place of a run among those that left in order; none where lists may not show it yet, for it
/// begins later, or may show the run of an earlier request, which came to nothing.
pub(super) fn in_order(
    session: Uuid,
    order: Option<u64>,
    start_time: Option<UnixSeconds>,
    earlier: &[Absence],
) -> Option<(Uuid, u64)> {
    let order = order.filter(|_| start_time.is_none() && earlier.is_empty())?;
    Some((session, order))
}

/// The queues of a plan and of every doubt in the state, and what is known of the plan's runs.
pub(super) fn queues(
    plan: &Plan,
    store: &LockedStore,
    settings: &Settings,
) -> (Vec<FlowQueue>, Outcomes) {
    let mut making = QueuesInMaking {
        plan,
        state: store.state(),
        settings,
        now: Instant::now(),
        queues: BTreeMap::new(),
        outcomes: Outcomes::new(),
        wanted: HashMap::new(),
        left: HashMap::new(),
    };
    for runs in plan.flows() {
        making.add_planned(runs);
    }
    // Who held the state before us is gone, and nothing of it left after now. Where it can be taken
    // over, one before that may wake up yet, and send on an intent that it has made.
    let lease = match store.acquired() {
        Acquired::Free => store.lease(),
        Acquired::TakenOver { lease, .. } => store.lease().max(Some(*lease)),
    };
    let left_by_then = lease.map_or(making.now, |lease| {
        making.now + IntentDeadlines::of(Some(lease)).leaves
    });
    for record in making.state.records() {
        if let Fate::InDoubt(in_doubt) = &record.fate {
            making.add_doubt(record, in_doubt, left_by_then);
        }
    }
    making.queues.retain(|_, queue| queue.has_work());
    // Once all queues are known: what records stand for must not be taken for something else.
    making.add_known();
    (making.queues.into_values().collect(), making.outcomes)
}

struct QueuesInMaking<'a> {
    plan: &'a Plan,
    state: &'a State,
    settings: &'a Settings,
    now: Instant,
    queues: BTreeMap<FlowRef, FlowQueue>,
    outcomes: Outcomes,
    /// The planned runs that are in doubt, and are sent again if they turn out not to exist.
    wanted: HashMap<Key, &'a DesiredRun>,
    /// Those that are not, and why.
    left: HashMap<Key, LeftReason>,
}

impl<'a> QueuesInMaking<'a> {
    /// Adds the planned runs of one flow.
    fn add_planned(&mut self, runs: &'a [PlannedRun]) {
        let Self {
            state, settings, ..
        } = *self;
        let flow = &runs[0].run.identity.flow;
        let queue = self
            .queues
            .entry(FlowRef::clone(flow))
            .or_insert_with(|| FlowQueue::new(FlowRef::clone(flow)));
        let request = &runs[runs.len() - 1].run.request;
        queue.name = request.name.clone();
        queue.source = Some(Arc::clone(&request.source));
        queue.order = request.order;
        let asked = runs.iter().filter_map(|it| it.run.request.max_active_runs);
        let most = asked.min().or(settings.max_active_runs);
        queue.max_active = most.map(NonZeroUsize::get);
        for PlannedRun { run, action, .. } in runs {
            match action {
                // It stays what it is: of a million, nothing is looked up.
                Action::Unchanged | Action::Adopt if !settings.follow => continue,
                Action::Unchanged | Action::Adopt => {
                    if let Some((run_id, at)) = unfinished(state.get(&run.identity)) {
                        let listed_by = listed_by(at, settings);
                        queue.running.await_news(run_id, listed_by);
                    }
                    continue;
                }
                Action::Retry => {
                    let record = state.get(&run.identity);
                    if let Some(run_id) = record.and_then(|record| record.fate.run_id()) {
                        queue.enqueue_retry(run.clone(), run_id.clone());
                    }
                }
                Action::Create => queue.enqueue(run.clone()),
                Action::Again => queue.enqueue_again(run.clone()),
                Action::Settle => {
                    // An apply creates, a retry runs again: neither does the other's work.
                    let fate = state.get(&run.identity).map(|record| &record.fate);
                    let is_retry = fate.is_some_and(|fate| fate.retried().is_some());
                    if let Some(reason) = not_sent(run, self.plan) {
                        // What is in doubt is settled either way.
                        if !is_retry {
                            self.left.insert(run.key(), reason);
                        }
                    } else if is_retry == settings.is_retry {
                        self.wanted.insert(run.key(), run);
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
                queue.was_absent(run.key());
            }
        }
    }

    /// Adds a run in doubt, of a request that has not left after `left_by_then`.
    fn add_doubt(&mut self, record: &Record, in_doubt: &InDoubt, left_by_then: Instant) {
        let InDoubt {
            intent,
            session,
            start_time,
            order,
            doubt,
            retry,
        } = in_doubt;
        let settle_delay = self.settings.settle_delay;
        let (identity, earlier) = (&record.identity, record.earlier());
        let retry_of = retry.as_ref().map(|it| &it.run_id);
        let key = identity.key();
        let queue = self
            .queues
            .entry(FlowRef::clone(&identity.flow))
            .or_insert_with(|| FlowQueue::new(FlowRef::clone(&identity.flow)));
        queue.doubts.push(OpenDoubt {
            identity: identity.clone(),
            key,
            wanted: self.wanted.get(&key).map(|run| (*run).clone()),
            left: self.left.remove(&key),
            open: open(
                identity,
                first_intent(*intent, earlier, retry_of),
                left_by(*intent, doubt.as_ref()),
                in_order(*session, *order, *start_time, earlier),
                settle_delay,
                retry.clone(),
            ),
            start_time: *start_time,
            schedule: SettleSchedule::new(
                settle_delay,
                left_by_then,
                doubt.is_some().then(|| left_by(*intent, doubt.as_ref())),
            ),
            readings: ReadingStreak::default(),
            is_given_up: false,
            of_this_apply: false,
        });
    }

    /// Adds what the state knows of the queues' flows.
    fn add_known(&mut self) {
        for (flow, queue) in &mut self.queues {
            for record in self.state.of_flow(flow) {
                Arc::make_mut(&mut queue.claimed).extend(record.run_ids().cloned());
                queue.recorded.add(record);
                if queue.max_active.is_some()
                    && let Some((run_id, at)) = unfinished(Some(record))
                {
                    let listed_by = listed_by(at, self.settings);
                    queue.running.is_at_work(&run_id, listed_by);
                }
                let Fate::Created {
                    run_id, adopted, ..
                } = &record.fate
                else {
                    continue;
                };
                if adopted.is_none() {
                    queue.created.insert(run_id.clone());
                }
                queue.state_knows = true;
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
