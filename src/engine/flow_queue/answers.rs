//! What came back for a request: from an outcome to facts, the flow's next step, and the news of it.

use jiff::Timestamp;

use super::transition::{Effect, Transition};
use super::{FlowQueue, RunOutcome};
use crate::engine::send::SendResult;
use crate::engine::{DoubtReason, FlowEvent, NotSentReason};
use crate::reconcile::{Blocked, OpenDoubt};
use crate::run::{DesiredRun, RunId, RunIdentity};
use crate::state::Entry;

impl FlowQueue {
    /// A request of the flow has come to its end.
    pub(in crate::engine) fn on_sent(
        &mut self,
        run: DesiredRun,
        sent: SendResult,
        step: &mut Transition<'_>,
    ) {
        self.on_send_done();
        let (key, at) = (run.key(), Timestamp::now());
        let behind = Effect::Withdraw(NotSentReason::Behind);
        match sent {
            SendResult::Created { run_id, .. } if self.is_anothers(&run, &run_id, step) => {
                self.doubt(run, DoubtReason::AnothersRun(run_id), step);
            }
            SendResult::Created { run_id, etag } => {
                self.dequeue(&run.identity);
                self.accept(&run_id, step);
                self.records.created.insert(run_id.clone());
                let entry = Entry::Created {
                    key,
                    run_id: run_id.clone(),
                    etag,
                    at,
                };
                self.end_run(run.identity, RunOutcome::Created(run_id), entry, step);
                self.follow(step);
            }
            SendResult::Rejected(refusal) => {
                step.effects.push(Effect::Refused);
                self.dequeue(&run.identity);
                let entry = Entry::Rejected {
                    key,
                    refusal: refusal.clone(),
                    at,
                };
                self.end_run(run.identity, RunOutcome::Rejected(refusal), entry, step);
                step.effects.push(behind);
            }
            SendResult::InDoubt(reason) => self.doubt(run, DoubtReason::Recorded(reason), step),
            SendResult::NotSent(why) => {
                let entry = Entry::NotSent {
                    key,
                    reason: why.to_string(),
                    at,
                };
                step.record(entry, FlowEvent::NotSent(run.identity.clone(), why));
                step.effects.extend([behind, Effect::GiveBack]);
                self.enqueue(run);
            }
        }
    }

    /// What became of a run, written and told.
    pub(super) fn end_run(
        &mut self,
        run: RunIdentity,
        outcome: RunOutcome,
        entry: Entry,
        step: &mut Transition<'_>,
    ) {
        self.outcomes.insert(run.key(), outcome.clone());
        step.record(entry, FlowEvent::Outcome(run, outcome));
    }

    /// Whether some record stands for the run, or is about to.
    pub(super) fn is_claimed(&self, run_id: &RunId, step: &Transition<'_>) -> bool {
        self.records.claimed.contains(run_id)
            || step.accepted.contains(run_id)
            || step.state.claim(run_id).is_some()
    }

    /// Whether the run that an answer names is another's. What runs again may do so under the id that
    /// it has.
    fn is_anothers(&self, run: &DesiredRun, run_id: &RunId, step: &Transition<'_>) -> bool {
        self.is_claimed(run_id, step) && self.retry_of(&run.identity) != Some(run_id)
    }

    /// A record is about to stand for the run.
    pub(super) fn accept(&mut self, run_id: &RunId, step: &mut Transition<'_>) {
        let listed_by = step.now.here + step.settings.settle_delay;
        self.running.begin(run_id.clone(), listed_by);
        self.records.add(run_id.clone(), step.now);
        self.delta_column = None;
        step.effects.push(Effect::Accept(run_id.clone()));
    }

    /// An answer did not tell: the flow waits until the lists do.
    fn doubt(&mut self, run: DesiredRun, reason: DoubtReason, step: &mut Transition<'_>) {
        let (key, identity) = (run.key(), run.identity.clone());
        let record = step.state.get(&identity);
        let doubt = record
            .and_then(|record| OpenDoubt::of_answer(record, step.now, step.settings.settle_delay));
        let is_known = doubt.is_some();
        self.doubts.extend(doubt);
        self.counted.insert(key);
        self.wanted.insert(key, run);
        let entry = Entry::Doubt {
            key,
            reason: reason.to_string(),
            at: step.now.clocks,
        };
        self.end_run(identity, RunOutcome::InDoubt(reason), entry, step);
        step.effects.push(Effect::Withdraw(NotSentReason::Behind));
        if is_known {
            self.look_again(step);
        } else {
            // Its intent is not in the state, though it was durable: nothing more may leave.
            self.block(Blocked::InDoubt(1), step);
        }
    }
}
