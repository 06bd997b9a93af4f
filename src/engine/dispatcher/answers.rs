//! What came back for a request: from an outcome to facts, a flow's next step, and the news of it.

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinError;
use tokio::time::Instant;

use super::{Dispatcher, LATER, queues};
use crate::engine::flow_queue::OpenDoubt;
use crate::engine::send::SendResult;
use crate::engine::{DoubtReason, Ending, Event, FlowIndex, NotSentReason, RunOutcome};
use crate::reconcile::INTENT_LIFE;
use crate::reconcile::settle_schedule::{ReadingStreak, SettleSchedule, first_intent};
use crate::run::{DesiredRun, RunId, RunIdentity};
use crate::state::{Entry, Fate, InDoubt, Record};

impl Dispatcher {
    /// A request has come to its end.
    pub(super) fn on_send_done(
        &mut self,
        sent: Result<(FlowIndex, DesiredRun, SendResult), JoinError>,
    ) {
        // A task that was aborted or panicked left its intent open: in doubt, as it should be. Its
        // flow stays as if it was on its way, so that nothing more leaves.
        let (flow, run, sent) = match sent {
            Ok(sent) => sent,
            Err(error) => return self.end_if_panicked(&error),
        };
        let (key, identity) = (run.key(), run.identity.clone());
        let at = Timestamp::now();
        self.schedule.queues[flow].on_send_done();
        if !matches!(sent, SendResult::NotSent(_)) {
            self.answered = Instant::now();
        }
        match sent {
            SendResult::Created { run_id, .. } if self.is_anothers(flow, &identity, &run_id) => {
                let reason = format!("the answer names the run {run_id}, which is another's");
                self.doubt(flow, run, reason);
            }
            SendResult::Created { run_id, etag } => {
                self.breaker.accepted();
                self.schedule.queues[flow].dequeue(&identity);
                self.accept(flow, &run_id);
                self.schedule.queues[flow].created.insert(run_id.clone());
                self.outcomes
                    .insert(key, RunOutcome::Created(run_id.clone()));
                let entry = Entry::Created {
                    key,
                    run_id: run_id.clone(),
                    etag,
                    at,
                };
                let run = identity;
                self.journal
                    .record(entry, Event::Created { flow, run, run_id });
                self.follow(flow);
            }
            SendResult::Rejected(refusal) => {
                self.outcomes
                    .insert(key, RunOutcome::Rejected(refusal.clone()));
                let entry = Entry::Rejected {
                    key,
                    refusal: refusal.clone(),
                    at,
                };
                self.schedule.refused(flow);
                self.schedule.queues[flow].dequeue(&identity);
                let run = identity;
                self.journal
                    .record(entry, Event::Rejected { flow, run, refusal });
                self.withdraw(flow, &NotSentReason::Behind);
                if self.breaker.rejected() {
                    self.end(Ending::Breaker(self.breaker.in_a_row()));
                }
            }
            SendResult::InDoubt(reason) => self.doubt(flow, run, reason),
            SendResult::NotSent(why) => {
                let entry = Entry::NotSent {
                    key,
                    reason: why.to_string(),
                    at,
                };
                let event = Event::NotSent {
                    flow,
                    run: identity,
                    reason: why.clone(),
                };
                self.journal.record(entry, event);
                self.withdraw(flow, &NotSentReason::Behind);
                self.schedule.queues[flow].enqueue(run);
                self.schedule.give_back(flow);
                match why {
                    NotSentReason::Stale => {
                        if self.answered.elapsed() > LATER {
                            let why = "the service asks to wait, and does nothing else".to_owned();
                            self.end(Ending::Unreachable(why));
                        }
                    }
                    NotSentReason::Stopped
                    | NotSentReason::Behind
                    | NotSentReason::FlowBlocked
                    | NotSentReason::Deadline => {}
                    NotSentReason::Unreachable(why) => self.end(Ending::Unreachable(why)),
                    NotSentReason::SignIn(why) => self.end(Ending::SignIn(why)),
                }
            }
        }
    }

    /// Ends the apply where a task has panicked: what it was about to tell is lost.
    pub(super) fn end_if_panicked(&mut self, error: &JoinError) {
        if error.is_panic() {
            let why = "a task of backfill has panicked, which is a fault of this program";
            self.end(Ending::Panicked(why.to_owned()));
        }
    }

    /// Whether some record stands for the run, or is about to.
    pub(super) fn is_claimed(&self, run_id: &RunId) -> bool {
        self.journal.state().claim(run_id).is_some() || self.accepted.contains(run_id)
    }

    /// Whether the run that an answer names for `identity` is another's. What runs again may do so
    /// under the id that it has.
    fn is_anothers(&self, flow: FlowIndex, identity: &RunIdentity, run_id: &RunId) -> bool {
        self.is_claimed(run_id) && self.schedule.queues[flow].retry_of(identity) != Some(run_id)
    }

    /// A record is about to stand for the run.
    pub(super) fn accept(&mut self, flow: FlowIndex, run_id: &RunId) {
        self.accepted.insert(run_id.clone());
        let listed_by = Instant::now() + self.settings.settle_delay;
        let now = self.client.clock().now();
        let queue = &mut self.schedule.queues[flow];
        queue.running.begin(run_id.clone(), listed_by);
        queue.recorded.add_new(run_id.clone(), now);
        queue.accepted(run_id.clone());
    }

    /// An answer did not tell: the flow waits until the lists do.
    pub(super) fn doubt(&mut self, flow: FlowIndex, run: DesiredRun, reason: String) {
        let at = self.client.clock().now();
        let (key, identity) = (run.key(), run.identity.clone());
        let record = self.journal.state().get(&identity);
        let in_doubt = match record.map(|record| &record.fate) {
            Some(Fate::InDoubt(in_doubt)) => Some(&**in_doubt),
            _ => None,
        };
        let retry = in_doubt.and_then(|it| it.retry.clone());
        let earlier = record.map_or(&[][..], Record::earlier);
        let (intent, start_time, order) = if let Some(InDoubt {
            intent,
            session,
            start_time,
            order,
            ..
        }) = in_doubt
        {
            let order = queues::in_order(*session, *order, *start_time, earlier);
            let retry_of = retry.as_ref().map(|it| &it.run_id);
            (first_intent(*intent, earlier, retry_of), *start_time, order)
        } else {
            // The intent is not older than its life, whatever the clock of its entry says.
            let life = SignedDuration::try_from(INTENT_LIFE).unwrap_or_default();
            (at.plus(-life), run.start_time, None)
        };
        self.outcomes.insert(
            key,
            RunOutcome::InDoubt(DoubtReason::Recorded(reason.clone())),
        );
        self.schedule.queues[flow].doubts.push(OpenDoubt {
            key,
            open: queues::open(
                &identity,
                intent,
                at.not_before(intent),
                order,
                self.settings.settle_delay,
                retry,
            ),
            start_time,
            // Our own monotonic clock knows exactly when this was; no other clock may shorten it.
            schedule: SettleSchedule::new(self.settings.settle_delay, Instant::now(), None),
            readings: ReadingStreak::default(),
            is_given_up: false,
            wanted: Some(run),
            left: None,
            of_this_apply: true,
            identity: identity.clone(),
        });
        let entry = Entry::Doubt {
            key,
            reason: reason.clone(),
            at,
        };
        let event = Event::InDoubt {
            flow,
            run: identity,
            reason,
        };
        self.journal.record(entry, event);
        self.withdraw(flow, &NotSentReason::Behind);
        self.look_again(flow);
    }
}
