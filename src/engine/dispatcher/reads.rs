//! What must be known before a flow may be sent to, and what a flow in doubt looks for: tasks that
//! read, and what follows from what they found.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;

use super::Dispatcher;
use crate::api::{ApiError, DeltaColumnRule, Flow};
use crate::engine::flow_queue::{OpenDoubt, Phase};
use crate::engine::{Ending, Event, FlowIndex, NotSentReason};
use crate::reconcile::matching::CreatorAttribution;
use crate::reconcile::{Blocked, Extent, MOST_SINGLE, Moment, Observation, Query, preflight};
use crate::run::Source;
use crate::state::ClockedTime;

/// The service tells its time in whole seconds: a moment that moves by less has not changed.
const A_LITTLE: Duration = Duration::from_secs(2);

/// What a reading task found.
pub(super) enum Read {
    /// For a flow that was not open yet.
    Prepared(Observation),
    /// For a flow with runs in doubt.
    Looked(Observation),
    /// For a flow with runs that are followed.
    Followed(Observation),
}

impl Dispatcher {
    /// Reads what must be known before the flow may be sent to.
    pub(super) fn prepare(&mut self, id: FlowIndex) {
        if !self.still_settles() {
            return;
        }
        let queue = &self.schedule.queues[id];
        if queue.phase != Phase::Preparing {
            return; // blocked, by what its doubts came to
        }
        let has_runs = queue.waiting().next().is_some() || !queue.doubts.is_empty();
        let check = self.settings.preflight && queue.source.is_some() && has_runs;
        let list = check
            || !queue.doubts.is_empty()
            || queue.max_active.is_some()
            || self.schedule.day().most().is_some()
            || queue.running.awaited() > 0;
        if !list {
            self.open_lane(id, None);
            return;
        }
        let (client, readers) = (Arc::clone(&self.client), Arc::clone(&self.readers));
        let flow_ref = queue.flow.clone();
        let query = Query {
            flow: check,
            runs: Extent::Windows {
                claimed: Arc::clone(&queue.claimed),
                since: None,
                most: MOST_SINGLE,
            },
        };
        let needs_clock = self.schedule.day().most().is_some();
        self.reads.spawn(async move {
            let _permit = readers.acquire().await;
            let seen = Observation::read(&client, &flow_ref, &query).await;
            // A budget of a day counts by the service's clock, which one answer alone does not tell.
            if needs_clock && client.clock().now().service.is_none() {
                let _ = client.open_sandbox(&flow_ref.sandbox).await;
            }
            (id, Read::Prepared(seen))
        });
    }

    /// Reads the flow's list again when its doubts say so.
    pub(super) fn look_again(&mut self, id: FlowIndex) {
        if !self.still_settles() || self.settings.look_only {
            return;
        }
        let now = Moment::now(&self.client);
        let queue = &mut self.schedule.queues[id];
        if queue.is_looking {
            return;
        }
        // What is left to a person needs no look of its own.
        let wait = queue
            .doubts
            .iter_mut()
            .filter(|doubt| !doubt.is_given_up)
            .map(|doubt| doubt.schedule.next_look(now))
            .min();
        let believed = queue
            .doubts
            .iter()
            .filter(|doubt| !doubt.is_given_up)
            .map(|doubt| doubt.schedule.ends())
            .max();
        let (Some(wait), Some(believed)) = (wait, believed) else {
            queue.last_reported = None;
            return;
        };
        let (client, readers) = (Arc::clone(&self.client), Arc::clone(&self.readers));
        let flow_ref = queue.flow.clone();
        let query = Query {
            flow: false,
            runs: Extent::Windows {
                claimed: Arc::clone(&queue.claimed),
                since: oldest_intent(&queue.doubts),
                most: MOST_SINGLE,
            },
        };
        let runs = queue.doubts.len();
        queue.is_looking = true;
        self.reads.spawn(async move {
            tokio::time::sleep(wait).await;
            let _permit = readers.acquire().await;
            let list = Observation::read(&client, &flow_ref, &query).await;
            (id, Read::Looked(list))
        });
        let is_told = queue.last_reported.is_some_and(|(told, at)| {
            told == runs && at.max(believed).duration_since(at.min(believed)) < A_LITTLE
        });
        if !is_told {
            queue.last_reported = Some((runs, believed));
            self.journal.tell(Event::Settling {
                flow: id,
                runs,
                believed,
            });
        }
    }

    /// A reading task has come back.
    pub(super) fn on_read_done(&mut self, read: Result<(FlowIndex, Read), JoinError>) {
        let (id, read) = match read {
            Ok(read) => read,
            Err(error) => return self.end_if_panicked(&error),
        };
        match read {
            Read::Looked(list) => {
                self.schedule.queues[id].is_looking = false;
                if self.ends_all(list.runs.as_ref().err()) {
                    return;
                }
                self.settle(id, &list);
                if let Ok(runs) = &list.runs {
                    self.look_at(id, runs, list.asked.here);
                }
                self.follow(id);
                if self.schedule.queues[id].phase == Phase::Preparing
                    && self.schedule.queues[id].doubts.is_empty()
                {
                    // Its doubts came first; what exists may be different now.
                    self.prepare(id);
                }
            }
            Read::Followed(seen) => self.followed(id, seen),
            Read::Prepared(seen) => {
                self.prepared(id, &seen);
                self.follow(id);
            }
        }
    }

    /// Ends the apply where `error` would meet every other flow too.
    pub(super) fn ends_all(&mut self, error: Option<&ApiError>) -> bool {
        let ending = match error {
            Some(ApiError::Auth(error)) if error.may_pass() => {
                Ending::Unreachable(error.to_string())
            }
            Some(error @ (ApiError::Auth(_) | ApiError::SignIn(_))) => {
                Ending::SignIn(error.to_string())
            }
            _ => return false,
        };
        self.end(ending);
        true
    }

    pub(super) fn prepared(&mut self, id: FlowIndex, seen: &Observation) {
        let runs = match &seen.runs {
            Ok(runs) => runs,
            Err(error) => {
                if !self.ends_all(Some(error)) {
                    self.block(id, preflight::blocked_by(error));
                }
                return;
            }
        };
        if !self.schedule.queues[id].doubts.is_empty() {
            self.settle(id, seen);
            if self.schedule.queues[id].doubts.is_empty() {
                self.prepare(id);
                return;
            }
            // A look tells at once what an apply finds out when the doubts are settled.
            let is_open = self.schedule.queues[id].phase == Phase::Preparing;
            if !self.settings.look_only || !is_open {
                return;
            }
        }
        let recorded = &self.schedule.queues[id].recorded;
        let doubtful = seen.overdue(recorded, self.settings.settle_delay);
        self.look_at(id, runs, seen.asked.here);
        let source = self.schedule.queues[id].source.clone();
        let Some((flow, source)) = seen.flow.as_ref().zip(source) else {
            self.open_lane(id, None);
            return;
        };
        if let Err(reason) = preflight::check_flow(flow, &source) {
            self.block(id, reason);
            return;
        }
        if let Some(reason) = doubtful {
            self.block(id, Blocked::DoubtfulList(reason));
            return;
        }
        if !self.adopt_existing(id, runs) {
            return;
        }
        self.check_retries(id, runs);
        // Of what was adopted just now, too.
        self.look_at(id, runs, seen.asked.here);
        let queue = &self.schedule.queues[id];
        let clients = CreatorAttribution::learn(self.client.api_key(), runs, &queue.created);
        let unknown = preflight::unaccounted(runs, &queue.claimed, clients, queue.state_knows);
        if unknown > 0 && queue.waiting().next().is_some() {
            self.block(id, Blocked::Unknown(unknown));
            return;
        }
        self.open_lane(id, Some(flow));
    }

    pub(super) fn open_lane(&mut self, id: FlowIndex, flow: Option<&Flow>) {
        let queue = &mut self.schedule.queues[id];
        // The flow itself knows best; without it, our own runs do.
        let fixed = flow.map_or(queue.state_knows, |flow| flow.delta_column.is_some());
        let column = match queue.source.as_deref() {
            Some(Source::Table(column)) => Some(column.clone()),
            _ => None,
        };
        if self.settings.delta_column == DeltaColumnRule::Always {
            // The flow's own, to the letter, where it has one.
            let own = flow.and_then(|flow| flow.delta_column.clone());
            queue.repeat_column(column.clone().map(|column| own.unwrap_or(column)));
        }
        queue.open(column.filter(|_| !fixed));
        self.journal.tell(Event::Prepared { flow: id });
    }

    pub(super) fn block(&mut self, id: FlowIndex, reason: Blocked) {
        self.journal.tell(Event::Blocked {
            flow: id,
            reason: reason.clone(),
        });
        let unread = matches!(reason, Blocked::Unreadable(_)) || reason.is_unanswered();
        if unread {
            self.unfollowed += self.schedule.queues[id].running.give_up();
        }
        self.schedule.queues[id].block(reason);
        self.withdraw(id, &NotSentReason::FlowBlocked);
    }
}

/// The oldest of the doubts' intents, by each clock that tells all of them.
fn oldest_intent(doubts: &[OpenDoubt]) -> Option<ClockedTime> {
    let intents = doubts.iter().map(|doubt| doubt.open.intent);
    intents.reduce(ClockedTime::or_earlier)
}
