//! Reserving: intents are written before their requests leave, and where writing takes long, as a
//! push does, for more runs than can leave at once.
//!
//! A flow's reserved runs leave one after the other, each only once those before it were created.
//! Whatever else becomes of one, those behind it are withdrawn in the same step, and no intent of
//! the flow is written again before that is, or later than in the same append. So at any moment
//! what was created of a flow's open intents is the first few of them.

use std::sync::Arc;

use jiff::Timestamp;

use super::Dispatcher;
use super::scheduler::{Capacity, Reserved};
use crate::engine::send::{SendTask, send};
use crate::engine::{Event, FlowEvent, FlowIndex, NotSentReason};
use crate::reconcile::Blocked;
use crate::state::Entry;
use crate::store::{Appended, StoreError, SuspendAwareInstant};

/// What is reserved lasts for so many appends: the one that is under way, the next, which brings
/// more, and one that takes longer than the last did.
const APPENDS: f64 = 3.0;

impl Dispatcher {
    /// Begins to write what has happened and the intents of what goes next, of those whose turn is
    /// `near`, unless something is being written.
    pub(super) fn write(&mut self, near: usize) -> Result<(), StoreError> {
        if self.journal.is_writing() {
            return Ok(());
        }
        let intent = SuspendAwareInstant::now();
        let at = self.client.clock().now();
        let capacity = Capacity {
            in_flight: self.sends.len(),
            ahead: self.ahead(),
            near,
        };
        let reserved = match self.ending {
            None if !self.is_past_deadline => self.schedule.hand_out(capacity, intent, at.service),
            _ => Vec::new(),
        };
        self.journal
            .begin(reserved, at, self.schedule.is_in_order())
    }

    /// What was being written is durable, or nothing more may leave.
    pub(super) fn written(&mut self, appended: Appended) -> Result<(), StoreError> {
        let durable = self.journal.finish(appended)?;
        self.schedule.reserve(durable);
        Ok(())
    }

    /// Sends what is reserved, as far as its queues and the limit on requests in flight let it.
    pub(super) fn send_reserved(&mut self) {
        while let Some(reserved) = self.schedule.next_to_send(self.sends.len()) {
            let Reserved {
                flow,
                run,
                retry_of,
                intent,
            } = reserved;
            let task = SendTask {
                retry_of,
                delta_column: self.schedule.queues[flow].sent(&run),
                timestamps: self.settings.timestamps,
                life: self.journal.life(),
                intent,
                run,
            };
            let sending = FlowEvent::Sending(task.run.identity.clone());
            self.journal.emit(Event::Flow(flow, sending));
            let (client, halt) = (Arc::clone(&self.client), self.halt.1.clone());
            self.sends.spawn(async move {
                let sent = send(&task, &client, &halt).await;
                (flow, task.run, sent)
            });
        }
    }

    /// How many requests leave while intents are written; none that would be late for its own.
    fn ahead(&self) -> usize {
        let reach = self.journal.took().mul_f64(APPENDS);
        let reach = reach.min(self.journal.life().begins / 3);
        let requests = reach.as_secs_f64() * self.client.pacer().rate().get();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds times at most 10,000"
        )]
        let requests = requests as usize;
        requests
    }

    /// Whether a run would be handed out if its turn were near.
    pub(super) fn could_send(&self) -> bool {
        let now = self.client.clock().now().service;
        self.ending.is_none()
            && !self.is_past_deadline
            && self.schedule.could_send(self.sends.len(), now)
    }

    /// Whether the limits of the whole apply let something more of the flow be sent.
    pub(super) fn may_send_of(&self, id: FlowIndex) -> bool {
        let now = self.client.clock().now().service;
        let sandbox = &self.schedule.queues[id].flow.sandbox;
        self.ending.is_none()
            && !self.is_past_deadline
            && !self.schedule.is_spent()
            && self.schedule.day().left(sandbox, now) != Some(0)
    }

    /// Nothing more is sent to the flows whose reserved runs wait for ever.
    pub(super) fn block_reserved(&mut self) {
        for id in self.schedule.reserved_flows() {
            self.change(id, |queue, step| queue.block(Blocked::InDoubt(1), step));
        }
    }

    /// Takes back what is reserved for these flows.
    pub(super) fn withdraw(&mut self, why: &NotSentReason, which: impl Fn(FlowIndex) -> bool) {
        let mut back = self.schedule.withdraw(&which);
        back.extend(self.journal.withdraw(|reserved| which(reserved.flow)));
        for Reserved { flow, run, .. } in back {
            // Where its intent is still being written, this comes after it.
            let entry = Entry::NotSent {
                key: run.key(),
                reason: why.to_string(),
                at: Timestamp::now(),
            };
            self.journal.record(Some(entry), None);
            self.schedule.put_back(flow, run);
        }
    }
}
