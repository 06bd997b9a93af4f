//! The dispatcher: waits for what happens, and decides what follows from it.
//!
//! Its loop: send what has a durable intent and may go; write what came back, and the intents of
//! what goes next, in one append; wait for the next thing to happen. So no request leaves without
//! a durable intent, one sync serves many runs, and one that takes long holds nobody up.

mod answers;
mod following;
mod journal_writer;
mod outcome;
mod queues;
mod reads;
mod reserve;
mod scheduler;
mod settling;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::send::SendResult;
use super::{
    Applied, Ending, Event, Events, FlowIndex, NotSentReason, Outcomes, Settings, Stop, Stopper,
};
use crate::api::Client;
use crate::plan::{Action, DayBudget, Plan};
use crate::run::{DesiredRun, Key, RunId};
use crate::store::{LockedStore, StoreError};
use journal_writer::JournalWriter;
use reads::Read;
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
    reads: JoinSet<(FlowIndex, Read)>,
    readers: Arc<Semaphore>,
    breaker: Breaker,
    /// When a request was last answered, other than by asking to wait.
    answered: Instant,
    outcomes: Outcomes,
    /// The runs that were created or adopted by this apply, whether or not their entries are in the
    /// journal yet.
    accepted: HashSet<RunId>,
    /// How many requests of this apply for a run came to nothing that a list shows.
    absences: HashMap<Key, usize>,
    /// How many runs were to be followed and could not be.
    unfollowed: usize,
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
        let (queues, outcomes) = queues::queues(plan, &store, &settings);
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
            is_past_deadline: settings.look_only,
            settings,
            stop,
            halt: Stopper::new(),
            sends: JoinSet::new(),
            reads: JoinSet::new(),
            outcomes,
            accepted: HashSet::new(),
            absences: HashMap::new(),
            unfollowed: 0,
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
            self.prepare(id);
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
                Some(read) = self.reads.join_next() => self.on_read_done(read),
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
            while let Some(read) = self.reads.try_join_next() {
                self.on_read_done(read);
            }
        }
    }

    fn throttled(&mut self, until: Option<Instant>) {
        if let Some(until) = until {
            self.journal.tell(Event::Throttled {
                until,
                rate: self.client.pacer().rate().get(),
            });
        }
    }

    /// After a tripped breaker nothing new leaves, but what is in doubt is still settled.
    fn still_settles(&self) -> bool {
        matches!(self.ending, None | Some(Ending::Breaker(_)))
    }

    /// Nothing is sent any more; what was sent is settled and followed.
    fn past_deadline(&mut self) {
        self.is_past_deadline = true;
        self.halt.0.stop();
        self.withdraw_all(&NotSentReason::Deadline);
        self.journal.tell(Event::Deadline);
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
        self.withdraw_all(&NotSentReason::Stopped);
        self.ending = Some(ending);
        self.journal.tell(Event::Stopping);
    }
}

/// Whether `ending` is a panic, and no panic has ended the apply yet.
fn is_new_fault(earlier: &Ending, ending: &Ending) -> bool {
    matches!(ending, Ending::Panicked(_)) && !matches!(earlier, Ending::Panicked(_))
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
