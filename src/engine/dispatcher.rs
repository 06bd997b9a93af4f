//! The dispatcher: one owner of the store, the queues and the counts.
//!
//! Its loop: send what has a durable intent and may go; write what came back, and the intents of
//! what goes next, in one append; wait for the next thing to happen. So no request leaves without
//! a durable intent, one sync serves many runs, and one that takes long holds nobody up.

mod answers;
mod outcome;
mod queues;
mod reads;
mod reserve;
mod settling;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::flow_queue::FlowQueue;
use super::send::{IntentDeadlines, SendResult};
use super::{
    Applied, Ending, Event, Events, FlowIndex, NotSentReason, Outcomes, Settings, Stop, Stopper,
};
use crate::api::Client;
use crate::plan::Plan;
use crate::run::{DesiredRun, Key, UnixSeconds};
use crate::state::{ClockKind, ClockedTime, Entry};
use crate::store::{LockedStore, StoreError};
use reads::Read;
use reserve::{Reserved, Write, written};

/// How long answers are waited for after the user asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// No intent is made for a turn that is further away than this.
const NEAR: Duration = Duration::from_secs(10);
/// If the service has answered nothing but "ask later" for this time, it is not asked again.
const LATER: Duration = Duration::from_secs(30 * 60);

/// Runs an apply: it alone changes the store, the queues and the counts.
pub(super) struct Dispatcher {
    planned: Vec<DesiredRun>,
    store: LockedStore,
    client: Arc<Client>,
    settings: Settings,
    events: Events,
    stop: Stop,
    /// Stops what waits inside the tasks; ours, because more than the user can end an apply.
    halt: (Stopper, Stop),
    queues: Vec<FlowQueue>,
    /// The flow that is asked first for its next run.
    turn: FlowIndex,
    /// What has happened and is neither written nor told yet.
    pending: Vec<PendingEntry>,
    /// What is being written.
    writing: Option<Write>,
    /// Runs whose intent is durable, in the order in which they go.
    reserved: VecDeque<Reserved>,
    /// How long requests leave on an intent.
    life: IntentDeadlines,
    /// How many appends in a row took longer than an intent lives.
    too_slow: u32,
    /// How many intents were made.
    intents: u64,
    sends: JoinSet<(FlowIndex, DesiredRun, SendResult)>,
    reads: JoinSet<(FlowIndex, Read)>,
    readers: Arc<Semaphore>,
    breaker: Breaker,
    /// How many more requests to create may leave.
    budget: usize,
    /// When a request was last answered, other than by asking to wait.
    answered: Instant,
    outcomes: Outcomes,
    /// How many requests of this apply for a run came to nothing that a list shows.
    absences: HashMap<Key, usize>,
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
        let (queues, outcomes) = queues::queues(plan, &store, settings.settle_delay);
        Self {
            planned: plan.runs().iter().map(|p| p.run.clone()).collect(),
            readers: Arc::new(Semaphore::new(settings.concurrency)),
            breaker: Breaker::new(settings.rejections_in_a_row),
            budget: settings.most_new,
            answered: Instant::now(),
            life: IntentDeadlines::of(store.lease()),
            store,
            client,
            settings,
            events,
            stop,
            halt: Stopper::new(),
            queues,
            turn: 0,
            pending: Vec::new(),
            writing: None,
            reserved: VecDeque::new(),
            too_slow: 0,
            intents: 0,
            sends: JoinSet::new(),
            reads: JoinSet::new(),
            outcomes,
            absences: HashMap::new(),
            ending: None,
        }
    }

    pub(super) async fn run(mut self) -> Applied {
        self.emit(Event::Started {
            flows: self.queues.iter().map(FlowQueue::describe).collect(),
        });
        for id in 0..self.queues.len() {
            self.prepare(id);
        }
        let ending = match self.work().await {
            Ok(()) => match self.store.close().await {
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
        loop {
            self.send_reserved();
            // Looked at once a round, so that all of the round agrees on it.
            let turn = self.client.pacer().next_turn();
            let near = NEAR.min(self.life.begins / 3);
            let turns = self.client.pacer().turns_within(near);
            self.write(turns.saturating_sub(self.reserved.len()))?;
            let gate = (turns == 0 && self.could_send()).then(|| turn - near);
            let is_idle = self.sends.is_empty() && self.reads.is_empty();
            if is_idle && self.writing.is_none() && gate.is_none() {
                if self.reserved.is_empty() {
                    return Ok(());
                }
                // A request of their flows has left, and no answer will come.
                self.block_reserved();
                continue;
            }
            let stop = self.stop.clone();
            let renewal = self.store.renewal();
            tokio::select! {
                biased;
                () = stop.requested(), if !interrupted => {
                    interrupted = true;
                    self.end(Ending::Interrupted);
                    leave_at = Some(Instant::now() + GRACE);
                }
                appended = written(&mut self.writing), if self.writing.is_some() => {
                    self.written(appended)?;
                }
                Some(sent) = self.sends.join_next() => self.on_send_done(sent),
                Some(read) = self.reads.join_next() => self.on_read_done(read),
                Ok(()) = pauses.changed() => self.throttled(*pauses.borrow_and_update()),
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
            self.tell(Event::Throttled {
                until,
                rate: self.client.pacer().rate().get(),
            });
        }
    }

    /// After a tripped breaker nothing new leaves, but what is in doubt is still settled.
    fn still_settles(&self) -> bool {
        matches!(self.ending, None | Some(Ending::Breaker(_)))
    }

    /// Nothing new leaves from here on.
    fn end(&mut self, ending: Ending) {
        match self.ending {
            None => {}
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
        self.tell(Event::Stopping);
    }

    /// Writes a fact, and tells of it once it is durable.
    fn record(&mut self, entry: Entry, event: Event) {
        self.pending.push(PendingEntry {
            entry: Some(entry),
            event: Some(event),
        });
    }

    /// Tells of something, after all that was told before it.
    fn tell(&mut self, event: Event) {
        self.pending.push(PendingEntry {
            entry: None,
            event: Some(event),
        });
    }

    fn emit(&self, event: Event) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(event);
    }
}

/// Something that has happened.
struct PendingEntry {
    /// The fact, if it is one.
    entry: Option<Entry>,
    /// The news of it, told only once the fact is durable.
    event: Option<Event>,
}

/// When a run that is sent now begins, if that may be later by the service's clock.
fn later_start(asked: Option<UnixSeconds>, now: ClockedTime) -> Option<UnixSeconds> {
    let seconds = UnixSeconds::new(now.time.as_second()).ok()?;
    match now.clock {
        ClockKind::Server => asked.filter(|asked| *asked > seconds),
        // By our own clock even now may be later.
        ClockKind::Local => Some(asked.map_or(seconds, |asked| asked.max(seconds))),
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_start_that_may_be_later_by_the_services_clock_is_kept_with_the_intent() {
        let seconds = |n| UnixSeconds::new(n).expect("in range");
        let now = |clock| ClockedTime {
            time: Timestamp::from_second(1_000).expect("in range"),
            clock,
        };
        let (server, local) = (now(ClockKind::Server), now(ClockKind::Local));
        assert_eq!(later_start(None, server), None);
        assert_eq!(later_start(Some(seconds(900)), server), None);
        assert_eq!(
            later_start(Some(seconds(1_100)), server),
            Some(seconds(1_100))
        );
        // Our clock may be ahead, and with it the time that is sent.
        assert_eq!(later_start(None, local), Some(seconds(1_000)));
        assert_eq!(later_start(Some(seconds(900)), local), Some(seconds(1_000)));
        assert_eq!(
            later_start(Some(seconds(1_100)), local),
            Some(seconds(1_100))
        );
    }
}
