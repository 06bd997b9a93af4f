//! The dispatcher: one owner of the store, the lanes and the counts.
//!
//! Its loop: hand out runs to lanes that may send; write their intents and whatever came back
//! meanwhile in one append; only then act on them; wait for the next thing to happen. So no
//! request leaves without a durable intent, and one sync serves many runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::lane::{Doubt, Lane, Phase};
use super::send::{Errand, INTENT_LIFE, LEAVES_WITHIN, Made, Sent, Unsent, send};
use super::settle::{Around, Open, Patience, READINGS, Reading, Verdict, Verdicts, recognise};
use super::{
    Applied, Blocked, Ending, Event, Events, LaneId, Outcomes, RunOutcome, Settings, Stop, Stopper,
    listing, preflight,
};
use crate::api::{ApiError, AuthError, Client, Flow, FlowRun};
use crate::plan::{Action, Plan, PlannedRun};
use crate::run::{DeltaColumn, DesiredRun, FlowId, Key, RunId, RunIdentity, Sandbox, Source};
use crate::state::{Clock, Entry, Evidence, Fate, Moment, Record, State};
use crate::store::{LockedStore, StoreError};

/// How long answers are waited for after the user asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// No intent is made for a turn that is further away than this.
const NEAR: Duration = Duration::from_secs(10);
/// So many turns in a row that came too late, for the service asks to wait: it does so for ever.
const LATE_TURNS: u32 = 20;

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
    late_turns: u32,
    outcomes: Outcomes,
    ending: Option<Ending>,
}

/// What a reading task found.
enum Read {
    /// For a lane that was not open yet.
    Prepared {
        list: Option<Listed>,
        flow: Option<Result<Flow, ApiError>>,
    },
    /// For a lane with runs in doubt.
    Looked(Listed),
}

/// A list, and when it was asked for: it tells nothing of what came later.
struct Listed {
    asked: Instant,
    runs: Result<Vec<FlowRun>, ApiError>,
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
        let (lanes, outcomes) = lanes(plan, store.state(), settings.settle_delay);
        Self {
            planned: plan.runs().iter().map(|p| p.run.clone()).collect(),
            readers: Arc::new(Semaphore::new(settings.concurrency)),
            breaker: Breaker::new(settings.rejections_in_a_row),
            budget: settings.most_new,
            late_turns: 0,
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
            Ok(()) => match self.store.fold().await {
                Ok(()) => self.ending.take().unwrap_or(Ending::Done),
                Err(error) => Ending::Store(error),
            },
            Err(error) => Ending::Store(error),
        };
        self.report(ending)
    }

    async fn work(&mut self) -> Result<(), StoreError> {
        let mut pauses = self.client.pacer().pauses();
        let mut leave_at: Option<Instant> = None;
        loop {
            // Looked at once a round, so that all of the round agrees on it.
            let turn = self.client.pacer().next_turn();
            let is_near = turn <= Instant::now() + NEAR;
            let handed = if is_near { self.hand_out() } else { Vec::new() };
            self.commit(handed).await?;
            let gate = (!is_near && self.could_send()).then(|| turn - NEAR);
            if self.sends.is_empty() && self.reads.is_empty() && gate.is_none() {
                return Ok(());
            }
            let stop = self.stop.clone();
            tokio::select! {
                biased;
                () = stop.requested(), if leave_at.is_none() => {
                    self.end(Ending::Interrupted);
                    leave_at = Some(Instant::now() + GRACE);
                }
                Some(sent) = self.sends.join_next() => self.landed(sent),
                Some(read) = self.reads.join_next() => self.heard(read),
                Ok(()) = pauses.changed() => self.throttled(*pauses.borrow_and_update()),
                () = sleep_until(gate), if gate.is_some() => {}
                () = sleep_until(leave_at), if leave_at.is_some() => {
                    // What has not answered by now is in doubt, as its intent says.
                    self.sends.abort_all();
                    while let Some(sent) = self.sends.join_next().await {
                        self.landed(sent);
                    }
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

    /// Takes runs from the lanes in turn, as many as may be in flight.
    fn hand_out(&mut self) -> Vec<(LaneId, DesiredRun, Option<DeltaColumn>)> {
        let mut handed = Vec::new();
        if self.ending.is_some() || self.lanes.is_empty() {
            return handed;
        }
        let again_too = self.again_too();
        let mut passed = 0;
        while self.sends.len() + handed.len() < self.settings.concurrency
            && handed.len() < self.budget
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
        let intent = Made::now();
        let at = self.client.clock().at(Timestamp::now());
        let session = self.store.session();
        let (facts, events): (Vec<Option<Entry>>, Vec<Event>) = self.pending.drain(..).unzip();
        let mut entries: Vec<Entry> = facts.into_iter().flatten().collect();
        entries.extend(handed.iter().map(|(_, run, _)| Entry::Intent {
            run: (&run.identity).into(),
            at,
            session,
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

    /// A request has come to its end.
    fn landed(&mut self, sent: Result<(LaneId, DesiredRun, Sent), tokio::task::JoinError>) {
        // A task that was aborted or panicked left its intent open: in doubt, as it should be.
        let Ok((lane, run, sent)) = sent else { return };
        let (key, identity) = (run.key, run.identity.clone());
        let at = Timestamp::now();
        self.lanes[lane].landed();
        if !matches!(sent, Sent::Not(_)) {
            self.late_turns = 0;
        }
        match sent {
            Sent::Created(run_id) if self.is_claimed(&run_id) => {
                let reason = format!("the answer names the run {run_id}, which is another's");
                self.doubt(lane, run, reason);
            }
            Sent::Created(run_id) => {
                self.breaker.accepted();
                self.lanes[lane].accepted(run_id.clone());
                self.outcomes
                    .insert(key, RunOutcome::Created(run_id.clone()));
                let entry = Entry::Created {
                    key,
                    run_id: run_id.clone(),
                    at,
                };
                let run = identity;
                self.pending
                    .push((Some(entry), Event::Created { lane, run, run_id }));
            }
            Sent::Rejected(refusal) => {
                self.outcomes
                    .insert(key, RunOutcome::Rejected(refusal.clone()));
                let entry = Entry::Rejected {
                    key,
                    refusal: refusal.clone(),
                    at,
                };
                let run = identity;
                self.pending
                    .push((Some(entry), Event::Rejected { lane, run, refusal }));
                if self.breaker.rejected() {
                    self.end(Ending::Breaker(self.breaker.in_a_row()));
                }
            }
            Sent::InDoubt(reason) => self.doubt(lane, run, reason),
            Sent::Not(why) => {
                let reason = why.to_string();
                let entry = Entry::NotSent {
                    key,
                    reason: reason.clone(),
                    at,
                };
                let event = Event::NotSent {
                    lane,
                    run: identity,
                    reason,
                };
                self.pending.push((Some(entry), event));
                self.lanes[lane].enqueue(run);
                self.budget += 1;
                match why {
                    Unsent::Stopped => {}
                    Unsent::Stale => {
                        self.late_turns += 1;
                        if self.late_turns == LATE_TURNS {
                            let why = "the service throttles without end".to_owned();
                            self.end(Ending::Unreachable(why));
                        }
                    }
                    Unsent::Unreachable(why) => self.end(Ending::Unreachable(why)),
                    Unsent::SignIn(why) => self.end(Ending::SignIn(why)),
                }
            }
        }
    }

    /// Whether some record stands for the run, or is about to.
    fn is_claimed(&self, run_id: &RunId) -> bool {
        self.store.state().is_claimed(run_id)
            || self.lanes.iter().any(|lane| lane.claimed.contains(run_id))
    }

    /// An answer did not tell: the lane waits until the lists do.
    fn doubt(&mut self, lane: LaneId, run: DesiredRun, reason: String) {
        let at = self.client.clock().at(Timestamp::now());
        let (key, identity) = (run.key, run.identity.clone());
        // The intent is not older than its life, whatever the clock of its entry says.
        let life = jiff::SignedDuration::try_from(INTENT_LIFE).unwrap_or_default();
        let intent = match self.store.state().get(&key).map(|record| &record.fate) {
            Some(Fate::InDoubt { intent, .. }) => *intent,
            _ => Moment {
                time: at.time.saturating_sub(life).unwrap_or(at.time),
                ..at
            },
        };
        self.outcomes
            .insert(key, RunOutcome::InDoubt(reason.clone()));
        self.lanes[lane].doubts.push(Doubt {
            key,
            open: open(&identity, intent),
            // Our own monotonic clock knows exactly when this was; no other clock may shorten it.
            patience: Patience::new(self.settings.settle_delay, Instant::now(), None),
            verdicts: Verdicts::default(),
            wanted: Some(run),
            identity: identity.clone(),
        });
        let entry = Entry::Doubt {
            key,
            reason: reason.clone(),
            at,
        };
        let event = Event::InDoubt {
            lane,
            run: identity,
            reason,
        };
        self.pending.push((Some(entry), event));
        self.look_again(lane);
    }

    /// Reads what must be known before the lane may be sent to.
    fn prepare(&mut self, id: LaneId) {
        let lane = &self.lanes[id];
        let check = self.settings.preflight && lane.source.is_some();
        let list = check || !lane.doubts.is_empty();
        if !list {
            self.open_lane(id, None);
            return;
        }
        let (client, readers) = (Arc::clone(&self.client), Arc::clone(&self.readers));
        let (sandbox, flow_id) = (lane.sandbox.clone(), lane.flow_id);
        let claimed = lane.claimed.clone();
        self.reads.spawn(async move {
            let _permit = readers.acquire().await;
            let flow = if check {
                Some(client.flow(&sandbox, flow_id).await)
            } else {
                None
            };
            let asked = Instant::now();
            // A flow that cannot be read cannot be listed either.
            let list = match &flow {
                Some(Err(_)) => None,
                _ => Some(Listed {
                    asked,
                    runs: listing::runs_of(&client, &sandbox, flow_id, &claimed, None).await,
                }),
            };
            (id, Read::Prepared { list, flow })
        });
    }

    /// Reads the lane's list again when its doubts say so.
    fn look_again(&mut self, id: LaneId) {
        if !self.still_settles() {
            return;
        }
        let (now, service) = (Instant::now(), self.client.clock().at(Timestamp::now()));
        let lane = &mut self.lanes[id];
        if lane.is_looking {
            return;
        }
        let wait = lane
            .doubts
            .iter_mut()
            .map(|doubt| doubt.patience.next_look(now, service))
            .min();
        let believed = lane
            .doubts
            .iter()
            .map(|doubt| doubt.patience.believed_at(now, service))
            .max();
        let (Some(wait), Some(believed)) = (wait, believed) else {
            return;
        };
        let (client, readers) = (Arc::clone(&self.client), Arc::clone(&self.readers));
        let (sandbox, flow_id) = (lane.sandbox.clone(), lane.flow_id);
        let claimed = lane.claimed.clone();
        let since = oldest_intent(&lane.doubts);
        let runs = lane.doubts.len();
        lane.is_looking = true;
        self.reads.spawn(async move {
            tokio::time::sleep(wait).await;
            let _permit = readers.acquire().await;
            let asked = Instant::now();
            let runs = listing::runs_of(&client, &sandbox, flow_id, &claimed, since).await;
            (id, Read::Looked(Listed { asked, runs }))
        });
        self.tell(Event::Settling {
            lane: id,
            runs,
            again: now + wait,
            believed,
        });
    }

    /// A reading task has come back.
    fn heard(&mut self, read: Result<(LaneId, Read), tokio::task::JoinError>) {
        let Ok((id, read)) = read else { return };
        match read {
            Read::Looked(list) => {
                self.lanes[id].is_looking = false;
                if self.ends_all(list.runs.as_ref().err()) {
                    return;
                }
                self.settle(id, &list);
                if self.lanes[id].phase == Phase::Preparing && self.lanes[id].doubts.is_empty() {
                    // Its doubts came first; what exists may be different now.
                    self.prepare(id);
                }
            }
            Read::Prepared { list, flow } => self.prepared(id, list, flow),
        }
    }

    /// Ends the apply where `error` would meet every other flow too.
    fn ends_all(&mut self, error: Option<&ApiError>) -> bool {
        let ending = match error {
            Some(ApiError::Auth(AuthError::Unreachable(why))) => Ending::Unreachable(why.clone()),
            Some(error @ (ApiError::Auth(_) | ApiError::SignIn(_))) => {
                Ending::SignIn(error.to_string())
            }
            _ => return false,
        };
        self.end(ending);
        true
    }

    fn prepared(&mut self, id: LaneId, list: Option<Listed>, flow: Option<Result<Flow, ApiError>>) {
        let error = match (&list, &flow) {
            (_, Some(Err(error)))
            | (
                Some(Listed {
                    runs: Err(error), ..
                }),
                _,
            ) => Some(error),
            _ => None,
        };
        if self.ends_all(error) {
            return;
        }
        if let Some(error) = error {
            self.block(id, Blocked::by(error));
            return;
        }
        let flow = flow.and_then(Result::ok);
        if !self.lanes[id].doubts.is_empty() {
            if let Some(list) = &list {
                self.settle(id, list);
            }
            if self.lanes[id].doubts.is_empty() {
                self.prepare(id);
            }
            return;
        }
        let runs = list.and_then(|list| list.runs.ok()).unwrap_or_default();
        let Some((flow, source)) = flow.zip(self.lanes[id].source.clone()) else {
            self.open_lane(id, None);
            return;
        };
        if let Err(reason) = preflight::check_flow(&flow, &source) {
            self.block(id, reason);
            return;
        }
        self.adopt_existing(id, &runs);
        let lane = &self.lanes[id];
        let unknown = preflight::unaccounted(
            &runs,
            &lane.claimed,
            self.client.api_key(),
            lane.state_knows,
        );
        if unknown > 0 && lane.waiting().next().is_some() {
            self.block(id, Blocked::Unknown(unknown));
            return;
        }
        self.open_lane(id, Some(&flow));
    }

    /// Adopts runs that exist for windows that are wanted.
    fn adopt_existing(&mut self, id: LaneId, runs: &[FlowRun]) {
        let lane = &self.lanes[id];
        let existing =
            preflight::existing(lane.waiting(), runs, &lane.claimed, self.client.api_key());
        for (run, run_id, evidence) in existing {
            self.lanes[id].dequeue(&run.identity);
            self.adopt(id, run.key, run.identity, run_id, evidence);
        }
    }

    fn adopt(
        &mut self,
        lane: LaneId,
        key: Key,
        run: RunIdentity,
        run_id: RunId,
        evidence: Evidence,
    ) {
        self.lanes[lane].accepted(run_id.clone());
        self.outcomes
            .insert(key, RunOutcome::Adopted(run_id.clone(), evidence.clone()));
        let entry = Entry::Adopted {
            run: (&run).into(),
            run_id: run_id.clone(),
            evidence: evidence.clone(),
            at: Timestamp::now(),
        };
        let event = Event::Adopted {
            lane,
            run,
            run_id,
            evidence,
        };
        self.pending.push((Some(entry), event));
    }

    fn open_lane(&mut self, id: LaneId, flow: Option<&Flow>) {
        let lane = &mut self.lanes[id];
        // The flow itself knows best; without it, our own runs do.
        let fixed = flow.map_or(lane.state_knows, |flow| flow.delta_column.is_some());
        let carried = match lane.source.as_deref() {
            Some(Source::Table(column)) if !fixed => Some(column.clone()),
            _ => None,
        };
        lane.open(carried);
        self.tell(Event::Prepared { lane: id });
    }

    fn block(&mut self, id: LaneId, reason: Blocked) {
        self.tell(Event::Blocked {
            lane: id,
            reason: reason.clone(),
        });
        self.lanes[id].block(reason);
    }

    /// Applies what a list tells to the lane's doubts.
    fn settle(&mut self, id: LaneId, list: &Listed) {
        let service = self.client.clock().at(Timestamp::now());
        let lane = &mut self.lanes[id];
        let doubts = std::mem::take(&mut lane.doubts);
        let runs = list.runs.as_deref().unwrap_or_default();
        let readings = match &list.runs {
            Ok(runs) => {
                let open: Vec<Open> = doubts.iter().map(|doubt| doubt.open).collect();
                let around = Around {
                    claimed: &lane.claimed,
                    api_key: self.client.api_key(),
                    in_flight: lane.is_sending(),
                };
                recognise(&open, runs, around)
            }
            Err(error) => vec![Reading::Unclear(error.to_string()); doubts.len()],
        };
        let mut left_to_a_person = 0;
        for (mut doubt, reading) in doubts.into_iter().zip(readings) {
            let believed = doubt.patience.believed_at(Instant::now(), service);
            match doubt.verdicts.take(reading, believed <= list.asked) {
                Verdict::Exists(run_id, evidence) => {
                    self.adopt(id, doubt.key, doubt.identity, run_id, evidence);
                }
                Verdict::DoesNotExist => self.not_created(id, doubt, runs),
                Verdict::CannotTell(why) => {
                    left_to_a_person += 1;
                    self.outcomes
                        .insert(doubt.key, RunOutcome::InDoubt(why.clone()));
                    self.tell(Event::Unclear {
                        lane: id,
                        run: doubt.identity.clone(),
                        reason: why,
                    });
                    self.lanes[id].doubts.push(doubt);
                }
                Verdict::NotYet => self.lanes[id].doubts.push(doubt),
            }
        }
        if left_to_a_person > 0 {
            self.block(id, Blocked::InDoubt(left_to_a_person));
        } else {
            self.look_again(id);
        }
    }

    /// A run that was in doubt does not exist. If a manifest wants it, it is sent again, unless
    /// somebody else has run its window meanwhile.
    fn not_created(&mut self, lane: LaneId, doubt: Doubt, runs: &[FlowRun]) {
        let Doubt {
            identity,
            key,
            wanted,
            ..
        } = doubt;
        self.outcomes.remove(&key);
        let entry = Entry::NotCreated {
            key,
            evidence: Evidence::Lists {
                readings: READINGS,
                runs: runs.len(),
            },
            at: Timestamp::now(),
        };
        let event = Event::NotCreated {
            lane,
            run: identity,
        };
        self.pending.push((Some(entry), event));
        if let Some(run) = wanted {
            self.lanes[lane].enqueue(run);
            if self.settings.preflight {
                self.adopt_existing(lane, runs);
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
        if !self.still_settles() {
            return;
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

    fn report(mut self, ending: Ending) -> Applied {
        let blocked: HashMap<(&Sandbox, FlowId), &Blocked> = self
            .lanes
            .iter()
            .filter_map(|lane| match &lane.phase {
                Phase::Blocked(reason) => Some(((&lane.sandbox, lane.flow_id), reason)),
                Phase::Preparing | Phase::Open => None,
            })
            .collect();
        let in_doubt = open_doubts(self.store.state());
        let planned: HashSet<Key> = self.planned.iter().map(|run| run.key).collect();
        let others_in_doubt = in_doubt.keys().filter(|key| !planned.contains(key)).count();
        let waiting = "its window overlaps that of a run in doubt; the next apply decides";
        let ended = match (&ending, self.budget) {
            (Ending::Done, 0) => "held back by the limit on new runs",
            (Ending::Done, _) => waiting,
            (Ending::Interrupted, _) => "interrupted before its turn",
            _ => "the apply ended before its turn",
        };
        let runs = std::mem::take(&mut self.planned)
            .into_iter()
            .map(|run| {
                let known = self.outcomes.remove(&run.key);
                // Whatever else happened: an open intent is a doubt.
                let outcome = match (in_doubt.get(&run.key), known) {
                    (Some(_), Some(RunOutcome::InDoubt(reason))) => RunOutcome::InDoubt(reason),
                    (Some(reason), _) => RunOutcome::InDoubt(reason.clone()),
                    (None, Some(outcome)) => outcome,
                    (None, None) => {
                        let flow = (&run.identity.sandbox, run.identity.flow_id);
                        let reason = blocked.get(&flow).map(ToString::to_string);
                        RunOutcome::Remaining(reason.unwrap_or_else(|| ended.to_owned()))
                    }
                };
                (run, outcome)
            })
            .collect();
        Applied {
            runs,
            others_in_doubt,
            blocked: blocked.len(),
            unanswered: blocked
                .values()
                .filter(|reason| matches!(reason, Blocked::Unanswered(_)))
                .count(),
            ending,
        }
    }
}

fn open_doubts(state: &State) -> HashMap<Key, String> {
    state
        .records()
        .filter_map(|(key, record)| match &record.fate {
            Fate::InDoubt { doubt, .. } => Some((
                *key,
                doubt.as_ref().map_or_else(
                    || "a request may have left and no answer is known".to_owned(),
                    |doubt| doubt.reason.clone(),
                ),
            )),
            Fate::Created { .. } | Fate::Rejected { .. } => None,
        })
        .collect()
}

fn open(identity: &RunIdentity, intent: Moment) -> Open {
    Open {
        window: identity.window,
        rerun: identity.rerun,
        intent,
    }
}

/// The lanes of a plan and of every doubt in the state, and what is known of the plan's runs.
fn lanes(plan: &Plan, state: &State, settle_delay: Duration) -> (Vec<Lane>, Outcomes) {
    let mut lanes: BTreeMap<(Sandbox, FlowId), Lane> = BTreeMap::new();
    let mut outcomes = Outcomes::new();
    let mut wanted: HashMap<Key, &DesiredRun> = HashMap::new();
    for PlannedRun { run, action, .. } in plan.runs() {
        let identity = &run.identity;
        let lane = lanes
            .entry((identity.sandbox.clone(), identity.flow_id))
            .or_insert_with(|| Lane::new(identity.sandbox.clone(), identity.flow_id));
        lane.name = Arc::clone(&run.name);
        lane.source = Some(Arc::clone(&run.source));
        match action {
            Action::Create => lane.enqueue(run.clone()),
            Action::Again => lane.enqueue_again(run.clone()),
            Action::Settle => {
                wanted.insert(run.key, run);
            }
            Action::Unchanged => {
                outcomes.insert(run.key, RunOutcome::Unchanged);
            }
            Action::Wait | Action::Conflict => {}
        }
    }
    let now = Instant::now();
    for (key, Record { identity, fate }) in state.records() {
        let Fate::InDoubt { intent, doubt, .. } = fate else {
            continue;
        };
        let flow = (identity.sandbox.clone(), identity.flow_id);
        let lane = lanes
            .entry(flow.clone())
            .or_insert_with(|| Lane::new(flow.0, flow.1));
        lane.doubts.push(Doubt {
            identity: identity.clone(),
            key: *key,
            wanted: wanted.get(key).map(|run| (*run).clone()),
            open: open(identity, *intent),
            // Whoever held the state before us is gone: nothing left after now.
            patience: Patience::new(
                settle_delay,
                now,
                left_by(*intent, doubt.as_ref().map(|doubt| doubt.at)),
            ),
            verdicts: Verdicts::default(),
        });
    }
    lanes.retain(|_, lane| lane.has_work());
    // Once all lanes are known: what records stand for must not be taken for something else.
    for (_, Record { identity, fate }) in state.records() {
        if let Fate::Created { run_id, .. } = fate
            && let Some(lane) = lanes.get_mut(&(identity.sandbox.clone(), identity.flow_id))
        {
            lane.claimed.insert(run_id.clone());
            lane.state_knows = true;
        }
    }
    (lanes.into_values().collect(), outcomes)
}

/// The latest moment, by the service's clock, at which a request can have left.
fn left_by(intent: Moment, doubt: Option<Moment>) -> Option<Timestamp> {
    if let Some(Moment {
        time,
        clock: Clock::Server,
    }) = doubt
    {
        return Some(time);
    }
    let life = jiff::SignedDuration::try_from(INTENT_LIFE + LEAVES_WITHIN).ok()?;
    (intent.clock == Clock::Server)
        .then(|| intent.time.saturating_add(life).ok())
        .flatten()
}

/// The oldest of the doubts' intents, if all can be compared with the service's times.
fn oldest_intent(doubts: &[Doubt]) -> Option<Moment> {
    doubts
        .iter()
        .all(|doubt| doubt.open.intent.clock == Clock::Server)
        .then(|| doubts.iter().map(|doubt| doubt.open.intent))?
        .min_by_key(|intent| intent.time)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
