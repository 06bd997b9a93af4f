//! The dispatcher: waits for what happens, and decides what follows from it.
//!
//! Its loop: send what has a durable intent and may go; write what came back, and the intents of
//! what goes next, in one append; wait for the next thing to happen. So no request leaves without
//! a durable intent, one sync serves many runs, and one that takes long holds nobody up.

mod journal_writer;
mod outcome;
mod reserve;
mod scheduler;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::breaker::Breaker;
use super::flow_queue::{Effect, FlowQueue, Purpose, Transition, queues};
use super::send::SendResult;
use super::{
    Applied, Ending, Event, Events, FlowIndex, NotSentReason, Outcomes, Settings, Stop, Stopper,
};
use crate::api::{ApiError, Client};
use crate::plan::{Action, DayBudget, Plan};
use crate::reconcile::{Moment, Observation, Query};
use crate::run::{DesiredRun, RunId};
use crate::store::{LockedStore, StoreError};
use journal_writer::JournalWriter;
use scheduler::Scheduler;

/// How long answers are waited for after the user asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// No intent is made for a turn that is further away than this.
const NEAR: Duration = Duration::from_secs(10);
/// If the service has answered nothing but "ask later" for this time, it is not asked again.
const LATER: Duration = Duration::from_secs(30 * 60);

/// Runs an apply. Facts go through its [`JournalWriter`], runs through its [`Scheduler`].
pub(super) struct Dispatcher {
    planned: Vec<(DesiredRun, Action)>,
    journal: JournalWriter,
    schedule: Scheduler,
    client: Arc<Client>,
    settings: Settings,
    stop: Stop,
    /// Stops what waits inside the tasks; ours, because more than the user can end an apply.
    halt: (Stopper, Stop),
    sends: JoinSet<(FlowIndex, DesiredRun, SendResult)>,
    reads: JoinSet<(FlowIndex, Purpose, Observation)>,
    readers: Arc<Semaphore>,
    breaker: Breaker,
    /// When a request was last answered, other than by asking to wait.
    answered: Instant,
    /// What the plan itself says of its runs, and what became of those of flows without work.
    outcomes: Outcomes,
    /// The runs that were created or adopted by this apply, whether or not their entries are in the
    /// journal yet.
    accepted: HashSet<RunId>,
    /// Whether the time for sending is over.
    is_past_deadline: bool,
    ending: Option<Ending>,
}

impl Dispatcher {
    pub(super) fn new(
        plan: &Plan,
        store: LockedStore,
        client: Arc<Client>,
        settings: Settings,
        events: Events,
        stop: Stop,
    ) -> Self {
        let (queues, outcomes) = queues(plan, &store, &settings);
        let now = client.clock().now().service;
        let day = DayBudget::of(settings.new_runs_per_day, Some(store.state()), now);
        Self {
            planned: plan
                .runs()
                .iter()
                .map(|planned| (planned.run.clone(), planned.action))
                .collect(),
            journal: JournalWriter::new(store, events),
            schedule: Scheduler::new(
                queues,
                settings.concurrency,
                settings.per_flow,
                settings.most_new,
                day,
            ),
            readers: Arc::new(Semaphore::new(settings.concurrency)),
            breaker: Breaker::new(settings.rejections_in_a_row),
            answered: Instant::now(),
            client,
            is_past_deadline: false,
            settings,
            stop,
            halt: Stopper::new(),
            sends: JoinSet::new(),
            reads: JoinSet::new(),
            outcomes,
            accepted: HashSet::new(),
            ending: None,
        }
    }

    pub(super) async fn run(mut self) -> Applied {
        self.journal.emit(Event::Started {
            flows: self
                .schedule
                .queues
                .iter()
                .map(|queue| queue.describe(self.settings.follow))
                .collect(),
            is_retry: self.settings.is_retry,
        });
        for id in 0..self.schedule.queues.len() {
            self.change(id, FlowQueue::prepare);
        }
        let ending = match self.work().await {
            Ok(()) => match self.journal.close().await {
                Ok(()) => self.ending.take().unwrap_or(Ending::Done),
                Err(error) => Ending::Store(error),
            },
            Err(error) => Ending::Store(error),
        };
        self.report(ending)
    }

    async fn work(&mut self) -> Result<(), StoreError> {
        let mut pauses = self.client.pacer().pauses();
        let mut interrupted = false;
        let mut leave_at: Option<Instant> = None;
        let mut timeout = self.settings.timeout;
        loop {
            self.send_reserved();
            // Looked at once a round, so that all of the round agrees on it.
            let turn = self.client.pacer().next_turn();
            let near = NEAR.min(self.journal.life().begins / 3);
            let turns = self.client.pacer().turns_within(near);
            self.write(turns.saturating_sub(self.schedule.reserved()))?;
            let gate = (turns == 0 && self.could_send()).then(|| turn - near);
            let is_idle = self.sends.is_empty() && self.reads.is_empty();
            if is_idle && !self.journal.is_writing() && gate.is_none() {
                if self.schedule.reserved() == 0 {
                    return Ok(());
                }
                // A request of their flows has left, and no answer will come.
                self.block_reserved();
                continue;
            }
            let stop = self.stop.clone();
            let renewal = self.journal.renewal();
            let is_writing = self.journal.is_writing();
            let deadline = self.settings.deadline.filter(|_| !self.is_past_deadline);
            tokio::select! {
                biased;
                () = stop.requested(), if !interrupted => {
                    interrupted = true;
                    self.end(Ending::Interrupted);
                    leave_at = Some(Instant::now() + GRACE);
                }
                appended = self.journal.written(), if is_writing => {
                    self.written(appended)?;
                }
                Some(sent) = self.sends.join_next() => self.on_send_done(sent),
                Some(seen) = self.reads.join_next() => self.on_read_done(seen),
                Ok(()) = pauses.changed() => self.throttled(*pauses.borrow_and_update()),
                () = sleep_until(deadline), if deadline.is_some() => self.past_deadline(),
                () = sleep_until(timeout), if timeout.is_some() => {
                    timeout = None;
                    self.end(Ending::TimedOut);
                    leave_at = leave_at.or_else(|| Some(Instant::now() + GRACE));
                }
                () = sleep_until(gate), if gate.is_some() => {}
                () = sleep_until(renewal), if renewal.is_some() => {}
                () = sleep_until(leave_at), if leave_at.is_some() => {
                    // What has not answered by now is in doubt, as its intent says.
                    self.sends.abort_all();
                    while let Some(sent) = self.sends.join_next().await {
                        self.on_send_done(sent);
                    }
                    self.reads.abort_all();
                    leave_at = None;
                }
            }
            // All that has come in by now shares the next append.
            while let Some(sent) = self.sends.try_join_next() {
                self.on_send_done(sent);
            }
            while let Some(seen) = self.reads.try_join_next() {
                self.on_read_done(seen);
            }
        }
    }

    fn throttled(&mut self, until: Option<Instant>) {
        if let Some(until) = until {
            self.journal.record(
                None,
                Some(Event::Throttled {
                    until,
                    rate: self.client.pacer().rate().get(),
                }),
            );
        }
    }

    /// A request has come to its end.
    fn on_send_done(&mut self, sent: Result<(FlowIndex, DesiredRun, SendResult), JoinError>) {
        // A task that was aborted or panicked left its intent open: in doubt, as it should be. Its
        // flow stays as if it was on its way, so that nothing more leaves.
        let Some((id, run, sent)) = self.finished(sent) else {
            return;
        };
        if !matches!(sent, SendResult::NotSent(_)) {
            self.answered = Instant::now();
        }
        let ending = match &sent {
            SendResult::Created { .. } => {
                self.breaker.accepted();
                None
            }
            SendResult::Rejected(_) if self.breaker.rejected() => {
                Some(Ending::Breaker(self.breaker.in_a_row()))
            }
            SendResult::Rejected(_) | SendResult::InDoubt(_) => None,
            SendResult::NotSent(why) => match why {
                NotSentReason::Stale if self.answered.elapsed() > LATER => {
                    Some(Ending::AlwaysLater)
                }
                NotSentReason::Unreachable(why) => Some(Ending::Unreachable(why.clone())),
                NotSentReason::SignIn(why) => Some(Ending::SignIn(why.clone())),
                NotSentReason::Stale
                | NotSentReason::Stopped
                | NotSentReason::Behind
                | NotSentReason::FlowBlocked
                | NotSentReason::Deadline => None,
            },
        };
        self.change(id, |queue, step| queue.on_sent(run, sent, step));
        if let Some(ending) = ending {
            self.end(ending);
        }
    }

    /// What was to be read of a flow has come.
    fn on_read_done(&mut self, seen: Result<(FlowIndex, Purpose, Observation), JoinError>) {
        let Some((id, purpose, seen)) = self.finished(seen) else {
            return;
        };
        match seen.runs.as_ref().err().and_then(ending_of) {
            Some(ending) => self.end(ending),
            None => self.change(id, |queue, step| queue.on_read(purpose, &seen, step)),
        }
    }

    /// What a task has come back with. One that panicked ends the apply: what it was about to tell is
    /// lost, and must never look as if it had not happened.
    fn finished<T>(&mut self, task: Result<T, JoinError>) -> Option<T> {
        if task.as_ref().is_err_and(JoinError::is_panic) {
            self.end(Ending::Panicked);
        }
        task.ok()
    }

    /// Lets something happen to a flow, and carries out what follows from it.
    fn change(&mut self, id: FlowIndex, change: impl FnOnce(&mut FlowQueue, &mut Transition<'_>)) {
        let may_send = self.may_send_of(id);
        let mut step = Transition {
            settings: &self.settings,
            state: self.journal.state(),
            accepted: &self.accepted,
            api_key: self.client.api_key(),
            session: self.journal.session(),
            now: Moment::now(&self.client),
            // After a tripped breaker nothing new leaves, but what is in doubt is still settled.
            reads: matches!(self.ending, None | Some(Ending::Breaker(_))),
            may_send,
            effects: Vec::new(),
        };
        change(&mut self.schedule.queues[id], &mut step);
        let mut has_more = false;
        for effect in step.effects {
            match effect {
                Effect::Record(entry, event) => {
                    let event = event.map(|event| Event::Flow(id, event));
                    self.journal.record(entry, event);
                }
                Effect::Accept(run_id) => {
                    self.accepted.insert(run_id);
                }
                Effect::Withdraw(why) => self.withdraw(&why, |flow| flow == id),
                Effect::GiveBack => {
                    self.schedule.give_back(id);
                    has_more = true;
                }
                Effect::Refused => self.schedule.refused(id),
                Effect::Read(wait, query, purpose) => self.read(id, wait, query, purpose),
            }
        }
        if has_more {
            // Runs that wait for others of the flow may be sent again.
            self.change(id, FlowQueue::follow);
        }
    }

    fn read(&mut self, id: FlowIndex, wait: Duration, query: Query, purpose: Purpose) {
        let flow = self.schedule.queues[id].flow.clone();
        let (client, readers) = (Arc::clone(&self.client), Arc::clone(&self.readers));
        let needs_clock = self.schedule.day().most().is_some();
        self.reads.spawn(async move {
            tokio::time::sleep(wait).await;
            let _permit = readers.acquire().await;
            let seen = Observation::read(&client, &flow, &query).await;
            // A budget of a day counts by the service's clock, which one answer alone does not tell.
            if needs_clock && client.clock().now().service.is_none() {
                let _ = client.open_sandbox(&flow.sandbox).await;
            }
            (id, purpose, seen)
        });
    }

    /// Nothing is sent any more; what was sent is settled and followed.
    fn past_deadline(&mut self) {
        self.is_past_deadline = true;
        self.halt.0.stop();
        self.withdraw(&NotSentReason::Deadline, |_| true);
        self.journal.record(None, Some(Event::Deadline));
    }

    /// Nothing new leaves from here on.
    fn end(&mut self, ending: Ending) {
        match self.ending {
            None => {}
            // A fault of this program is told whatever came before it.
            Some(ref earlier) if is_new_fault(earlier, &ending) => {}
            // What comes after a tripped breaker follows from it, unless it is the user's wish.
            Some(Ending::Breaker(_)) if matches!(ending, Ending::Interrupted) => {}
            Some(_) => return,
        }
        if !matches!(ending, Ending::Breaker(_)) {
            self.reads.abort_all();
        }
        self.halt.0.stop();
        self.withdraw(&NotSentReason::Stopped, |_| true);
        self.ending = Some(ending);
        self.journal.record(None, Some(Event::Stopping));
    }
}

/// Whether `ending` is a panic, and no panic has ended the apply yet.
fn is_new_fault(earlier: &Ending, ending: &Ending) -> bool {
    matches!(ending, Ending::Panicked) && !matches!(earlier, Ending::Panicked)
}

/// How the apply ends where a read failed as every other would.
fn ending_of(error: &ApiError) -> Option<Ending> {
    match error {
        ApiError::Auth(error) if error.may_pass() => Some(Ending::Unreachable(error.to_string())),
        ApiError::Auth(_) | ApiError::SignIn(_) => Some(Ending::SignIn(error.to_string())),
        _ => None,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
