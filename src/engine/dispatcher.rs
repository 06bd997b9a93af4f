//! The dispatcher: one owner of the store, the lanes and the counts.
//!
//! Its loop: hand out runs to lanes that may send; write their intents and whatever came back
//! meanwhile in one append; only then act on them; wait for the next thing to happen. So no
//! request leaves without a durable intent, and one sync serves many runs.

mod answers;
mod lanes;
mod outcome;
mod reads;
mod settling;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::lane::Lane;
use super::send::{Errand, Sent, send};
use super::{Applied, Ending, Event, Events, LaneId, Outcomes, Settings, Stop, Stopper};
use crate::api::Client;
use crate::plan::Plan;
use crate::run::{DeltaColumn, DesiredRun, Key, UnixSeconds};
use crate::state::{Clock, Entry, Moment};
use crate::store::{LockedStore, Since, StoreError};
use reads::Read;

/// How long answers are waited for after the user asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// No intent is made for a turn that is further away than this.
const NEAR: Duration = Duration::from_secs(10);
/// Where the service has answered nothing but that it should be asked later for so long, it is
/// not asked again.
const LATER: Duration = Duration::from_secs(30 * 60);

/// See the module's front door.
pub(super) struct Dispatcher {
    planned: Vec<DesiredRun>,
    store: LockedStore,
    client: Arc<Client>,
    settings: Settings,
    events: Events,
    stop: Stop,
    /// Stops what waits inside the tasks; ours, because more than the user can end an apply.
    halt: (Stopper, Stop),
    lanes: Vec<Lane>,
    /// The lane that is asked first for its next run.
    turn: LaneId,
    /// What has happened and is not told yet: where it is a fact, only once that is durable.
    pending: Vec<(Option<Entry>, Event)>,
    sends: JoinSet<(LaneId, DesiredRun, Sent)>,
    reads: JoinSet<(LaneId, Read)>,
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
        let (lanes, outcomes) = lanes::lanes(plan, &store, settings.settle_delay);
        Self {
            planned: plan.runs().iter().map(|p| p.run.clone()).collect(),
            readers: Arc::new(Semaphore::new(settings.concurrency)),
            breaker: Breaker::new(settings.rejections_in_a_row),
            budget: settings.most_new,
            answered: Instant::now(),
            store,
            client,
            settings,
            events,
            stop,
            halt: Stopper::new(),
            lanes,
            turn: 0,
            pending: Vec::new(),
            sends: JoinSet::new(),
            reads: JoinSet::new(),
            outcomes,
            absences: HashMap::new(),
            ending: None,
        }
    }

    pub(super) async fn run(mut self) -> Applied {
        self.emit(Event::Started {
            lanes: self.lanes.iter().map(Lane::describe).collect(),
        });
        for id in 0..self.lanes.len() {
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
            // Looked at once a round, so that all of the round agrees on it.
            let turn = self.client.pacer().next_turn();
            let near = self.client.pacer().turns_within(NEAR);
            let handed = self.hand_out(near);
            self.commit(handed).await?;
            let gate = (near == 0 && self.could_send()).then(|| turn - NEAR);
            if self.sends.is_empty() && self.reads.is_empty() && gate.is_none() {
                return Ok(());
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
                Some(sent) = self.sends.join_next() => self.landed(sent),
                Some(read) = self.reads.join_next() => self.heard(read),
                Ok(()) = pauses.changed() => self.throttled(*pauses.borrow_and_update()),
                () = sleep_until(gate), if gate.is_some() => {}
                () = sleep_until(renewal), if renewal.is_some() => self.store.renew().await?,
                () = sleep_until(leave_at), if leave_at.is_some() => {
                    // What has not answered by now is in doubt, as its intent says.
                    self.sends.abort_all();
                    while let Some(sent) = self.sends.join_next().await {
                        self.landed(sent);
                    }
                    self.reads.abort_all();
                    leave_at = None;
                }
            }
            // All that has come in by now shares the next append.
            while let Some(sent) = self.sends.try_join_next() {
                self.landed(sent);
            }
            while let Some(read) = self.reads.try_join_next() {
                self.heard(read);
            }
        }
    }

    /// Takes runs from the lanes in turn, as many as may be in flight, but no more than have a
    /// turn `near`: an intent does not live long.
    fn hand_out(&mut self, near: usize) -> Vec<(LaneId, DesiredRun, Option<DeltaColumn>)> {
        let mut handed = Vec::new();
        if self.ending.is_some() || self.lanes.is_empty() {
            return handed;
        }
        let again_too = self.again_too();
        let mut passed = 0;
        while self.sends.len() + handed.len() < self.settings.concurrency
            && handed.len() < self.budget.min(near)
            && passed < self.lanes.len()
        {
            let id = self.turn % self.lanes.len();
            self.turn = id + 1;
            match self.lanes[id].next(self.settings.per_flow, again_too) {
                Some((run, delta_column)) => {
                    handed.push((id, run, delta_column));
                    passed = 0;
                }
                None => passed += 1,
            }
        }
        self.budget -= handed.len();
        handed
    }

    /// Whether runs that were refused before may go: when no others are left.
    fn again_too(&self) -> bool {
        !self.lanes.iter().any(Lane::has_fresh)
    }

    /// Whether a run would be handed out if its turn were near.
    fn could_send(&self) -> bool {
        let again_too = self.again_too();
        self.ending.is_none()
            && self.budget > 0
            && self.sends.len() < self.settings.concurrency
            && self
                .lanes
                .iter()
                .any(|lane| lane.is_ready(self.settings.per_flow, again_too))
    }

    /// Makes everything pending durable, and the intents of what was handed out, in one append;
    /// then tells of it and sends.
    async fn commit(
        &mut self,
        handed: Vec<(LaneId, DesiredRun, Option<DeltaColumn>)>,
    ) -> Result<(), StoreError> {
        let intent = Since::now();
        let at = self.client.clock().at(Timestamp::now());
        let session = self.store.session();
        let (facts, events): (Vec<Option<Entry>>, Vec<Event>) = self.pending.drain(..).unzip();
        let mut entries: Vec<Entry> = facts.into_iter().flatten().collect();
        entries.extend(handed.iter().map(|(_, run, _)| Entry::Intent {
            run: (&run.identity).into(),
            at,
            session,
            start_time: later_start(run.start_time, at),
        }));
        self.store.append(entries).await?;
        for event in events {
            self.emit(event);
        }
        for (lane, run, delta_column) in handed {
            self.emit(Event::Sending {
                lane,
                run: run.identity.clone(),
            });
            let errand = Errand {
                run,
                delta_column,
                timestamps: self.settings.timestamps,
                intent,
            };
            let (client, halt) = (Arc::clone(&self.client), self.halt.1.clone());
            self.sends.spawn(async move {
                let sent = send(&errand, &client, &halt).await;
                (lane, errand.run, sent)
            });
        }
        Ok(())
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
        self.ending = Some(ending);
        self.tell(Event::Stopping);
    }

    /// Tells of something, after all that was told before it.
    fn tell(&mut self, event: Event) {
        self.pending.push((None, event));
    }

    fn emit(&self, event: Event) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(event);
    }
}

/// When a run that is sent now begins, if that may be later by the service's clock.
fn later_start(asked: Option<UnixSeconds>, now: Moment) -> Option<UnixSeconds> {
    let seconds = UnixSeconds::new(now.time.as_second()).ok()?;
    match now.clock {
        Clock::Server => asked.filter(|asked| *asked > seconds),
        // By our own clock even now may be later.
        Clock::Local => Some(asked.map_or(seconds, |asked| asked.max(seconds))),
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

    #[test]
    fn a_start_that_may_be_later_by_the_services_clock_is_kept_with_the_intent() {
        let seconds = |n| UnixSeconds::new(n).expect("in range");
        let now = |clock| Moment {
            time: Timestamp::from_second(1_000).expect("in range"),
            clock,
        };
        let (server, local) = (now(Clock::Server), now(Clock::Local));
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
