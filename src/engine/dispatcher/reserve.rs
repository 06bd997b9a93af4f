//! Reserving: intents are written before their requests leave, and where writing takes long, as a
//! push does, for more runs than can leave at once.
//!
//! A flow's reserved runs leave one after the other, each only once those before it were created.
//! Whatever else becomes of one, those behind it are withdrawn in the same step, and no intent of
//! the flow is written again before that is, or later than in the same append. So at any moment
//! what was created of a flow's open intents is the first few of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Dispatcher, PendingEntry, later_start};
use crate::engine::flow_queue::FlowQueue;
use crate::engine::send::{SendTask, send};
use crate::engine::{Blocked, Event, FlowIndex, NotSentReason};
use crate::run::DesiredRun;
use crate::state::Entry;
use crate::store::{Appended, Appending, StoreError, SuspendAwareInstant};

/// What is reserved lasts for so many appends: the one that is under way, the next, which brings
/// more, and one that takes longer than the last did.
const APPENDS: f64 = 3.0;
/// After so many appends in a row that took longer than an intent lives, an apply ends.
const MOST_TOO_SLOW: u32 = 3;

/// A run whose intent is durable, or being written.
pub(super) struct Reserved {
    flow: FlowIndex,
    run: DesiredRun,
    /// When the intent was made, or a moment before.
    intent: SuspendAwareInstant,
}

/// What is being written, and what waits for it to be durable.
pub(super) struct Write {
    appending: Appending,
    events: Vec<Event>,
    reserved: Vec<Reserved>,
}

/// The end of what is being written.
pub(super) async fn written(writing: &mut Option<Write>) -> Appended {
    match writing {
        Some(write) => (&mut write.appending).await,
        None => std::future::pending().await,
    }
}

impl Dispatcher {
    /// Begins to write what has happened and the intents of what goes next, or else that the state
    /// is still held if that is due, unless something is being written.
    pub(super) fn write(&mut self, near: usize) -> Result<(), StoreError> {
        if self.writing.is_some() {
            return Ok(());
        }
        let intent = SuspendAwareInstant::now();
        let at = self.client.clock().at(Timestamp::now());
        let session = self.store.session();
        let reserved = self.hand_out(near, intent);
        let (entries, events): (Vec<_>, Vec<_>) = self
            .pending
            .drain(..)
            .map(|PendingEntry { entry, event }| (entry, event))
            .unzip();
        let mut entries: Vec<Entry> = entries.into_iter().flatten().collect();
        let events: Vec<Event> = events.into_iter().flatten().collect();
        for Reserved { run, .. } in &reserved {
            self.intents += 1;
            entries.push(Entry::Intent {
                run: (&run.identity).into(),
                at,
                session,
                start_time: later_start(run.start_time, at),
                order: (self.settings.per_flow == 1).then_some(self.intents),
            });
        }
        if entries.is_empty() {
            for event in events {
                self.emit(event);
            }
            let renewal = self.store.renewal();
            if renewal.is_some_and(|at| at <= Instant::now()) {
                self.writing = Some(Write {
                    appending: self.store.begin_renewal()?,
                    events: Vec::new(),
                    reserved: Vec::new(),
                });
            }
            return Ok(());
        }
        self.writing = Some(Write {
            appending: self.store.begin_append(&entries)?,
            events,
            reserved,
        });
        Ok(())
    }

    /// What was being written is durable, or nothing more may leave.
    pub(super) fn written(&mut self, appended: Appended) -> Result<(), StoreError> {
        let write = self.writing.take();
        self.store.end_append(appended)?;
        self.check_pace()?;
        if let Some(Write {
            events, reserved, ..
        }) = write
        {
            for event in events {
                self.emit(event);
            }
            self.reserved.extend(reserved);
        }
        Ok(())
    }

    /// Fails where intents are too old for anything to be sent as soon as they are written, and not
    /// only once.
    fn check_pace(&mut self) -> Result<(), StoreError> {
        let took = self.store.took();
        if took < self.life.begins {
            self.too_slow = 0;
            return Ok(());
        }
        self.too_slow += 1;
        match self.store.lease() {
            Some(lease) if self.too_slow == MOST_TOO_SLOW => {
                Err(StoreError::TooSlow { took, lease })
            }
            _ => Ok(()),
        }
    }

    /// Sends what is reserved, as far as its queues and the limit on requests in flight let it.
    pub(super) fn send_reserved(&mut self) {
        let mut at = 0;
        while self.sends.len() < self.settings.concurrency && at < self.reserved.len() {
            let id = self.reserved[at].flow;
            if !self.queues[id].may_send(self.settings.per_flow) {
                at += 1;
                continue;
            }
            let Some(Reserved { flow, run, intent }) = self.reserved.remove(at) else {
                return;
            };
            let task = SendTask {
                delta_column: self.queues[flow].sent(&run),
                timestamps: self.settings.timestamps,
                life: self.life,
                intent,
                run,
            };
            self.emit(Event::Sending {
                flow,
                run: task.run.identity.clone(),
            });
            let (client, halt) = (Arc::clone(&self.client), self.halt.1.clone());
            self.sends.spawn(async move {
                let sent = send(&task, &client, &halt).await;
                (flow, task.run, sent)
            });
        }
    }

    /// Takes runs from the queues in turn: as many as may be in flight and those that go while
    /// intents are written, but no more than have a turn `near`.
    fn hand_out(&mut self, near: usize, intent: SuspendAwareInstant) -> Vec<Reserved> {
        let mut handed = Vec::new();
        if self.ending.is_some() || self.queues.is_empty() {
            return handed;
        }
        let ahead = self.ahead();
        let under_way = self.sends.len() + self.reserved.len();
        let most = (self.settings.concurrency + ahead).saturating_sub(under_way);
        let most = most.min(near).min(self.budget);
        let again_too = self.again_too();
        // First what may leave at once: no flow starves for another's reserve.
        for ahead in [0, ahead] {
            let mut passed = 0;
            while handed.len() < most && passed < self.queues.len() {
                let id = self.turn % self.queues.len();
                self.turn = id + 1;
                let queue = &mut self.queues[id];
                match queue.next(queue.capacity(self.settings.per_flow, ahead), again_too) {
                    Some(run) => {
                        handed.push(Reserved {
                            flow: id,
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

    /// How many requests leave while intents are written; none that would be late for its own.
    fn ahead(&self) -> usize {
        let reach = self.store.took().mul_f64(APPENDS);
        let reach = reach.min(self.life.begins / 3);
        let requests = reach.as_secs_f64() * self.client.pacer().rate().get();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds times at most 10,000"
        )]
        let requests = requests as usize;
        requests
    }

    /// Whether runs that were refused before may go: when no others are left.
    fn again_too(&self) -> bool {
        !self.queues.iter().any(FlowQueue::has_fresh)
    }

    /// Whether a run would be handed out if its turn were near.
    pub(super) fn could_send(&self) -> bool {
        let again_too = self.again_too();
        let per_flow = self.settings.per_flow;
        self.ending.is_none()
            && self.budget > 0
            && self.sends.len() + self.reserved.len() < self.settings.concurrency
            && self
                .queues
                .iter()
                .any(|queue| queue.is_ready(queue.capacity(per_flow, 0), again_too))
    }

    /// Nothing more is sent to the flows whose reserved runs wait for ever.
    pub(super) fn block_reserved(&mut self) {
        let queues: BTreeSet<FlowIndex> = self.reserved.iter().map(|run| run.flow).collect();
        for id in queues {
            self.block(id, Blocked::InDoubt(1));
        }
    }

    /// Takes back what is reserved for a flow: one before it was not created.
    pub(super) fn withdraw(&mut self, id: FlowIndex, why: &NotSentReason) {
        self.withdraw_if(why, |flow| flow == id);
    }

    /// Takes back all that is reserved.
    pub(super) fn withdraw_all(&mut self, why: &NotSentReason) {
        self.withdraw_if(why, |_| true);
    }

    fn withdraw_if(&mut self, why: &NotSentReason, which: impl Fn(FlowIndex) -> bool) {
        let (mut back, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.reserved)
            .into_iter()
            .partition(|reserved| which(reserved.flow));
        self.reserved = kept.into();
        if let Some(write) = &mut self.writing {
            back.extend(
                write
                    .reserved
                    .extract_if(.., |reserved| which(reserved.flow)),
            );
        }
        let at = Timestamp::now();
        for Reserved { flow, run, .. } in back {
            // Where its intent is still being written, this comes after it.
            self.pending.push(PendingEntry {
                entry: Some(Entry::NotSent {
                    key: run.key,
                    reason: why.to_string(),
                    at,
                }),
                event: None,
            });
            self.queues[flow].put_back(run);
            self.budget += 1;
        }
    }
}
