//! What lists tell, carried out: a run is adopted, or known not to exist, or left to a person.

use jiff::Timestamp;

use super::transition::{Effect, Transition};
use super::{FlowQueue, Phase, RunOutcome};
use crate::api::{FlowRun, WindowEvidence};
use crate::engine::{DoubtReason, FlowEvent, LeftReason};
use crate::reconcile::matching::{Existing, RunsByWindow};
use crate::reconcile::preflight;
use crate::reconcile::settle_schedule::{READINGS, Settlement};
use crate::reconcile::{Blocked, Observation, OpenDoubt, SettleContext, settle};
use crate::run::{OtherRun, RunId, RunIdentity};
use crate::state::{Entry, Evidence, Record, Retry};

/// After so many requests for one run that no list shows, an apply sends no further one: what
/// never shows up may be there all the same.
const MOST_ABSENCES: usize = 3;

impl FlowQueue {
    /// Adopts runs that exist for windows that are wanted; `false` where the list cannot be
    /// trusted, and nothing may be sent to the flow.
    pub(super) fn adopt_existing(&mut self, runs: &[FlowRun], step: &mut Transition<'_>) -> bool {
        let in_doubt = self.doubts.iter().map(|doubt| doubt.open.window).collect();
        let wanted = self.to_create();
        let existing = preflight::existing(wanted, runs, &self.records, &in_doubt, step.api_key);
        for (run, existing) in existing {
            match existing {
                Existing::Run(run, _) if self.is_claimed(&run.id, step) => {
                    // A list that names another flow's run cannot be trusted about this one.
                    self.block(Blocked::Unknown(1), step);
                    return false;
                }
                Existing::Run(found, evidence) => {
                    self.dequeue(&run.identity);
                    self.adopt(run.identity, found.id.clone(), evidence, step);
                }
                Existing::InTheWay(other) => self.leave_to_another(run.identity, other, step),
            }
        }
        true
    }

    /// A run that nobody has put on record is in the way of one: that is not sent.
    fn leave_to_another(&mut self, run: RunIdentity, other: OtherRun, step: &mut Transition<'_>) {
        self.dequeue(&run);
        let left = RunOutcome::Remaining(LeftReason::InTheWay(other));
        self.outcomes.insert(run.key(), left.clone());
        step.tell(FlowEvent::Outcome(run, left));
    }

    /// Looks at the runs that are to run again: one that is at work by now, or has changed, is left
    /// alone, and one that somebody else has run again stands for itself.
    pub(super) fn check_retries(&mut self, runs: &[FlowRun], step: &mut Transition<'_>) {
        if self.retries.is_empty() {
            return;
        }
        let by_window = RunsByWindow::new(runs, &self.records.claimed);
        let retries: Vec<(RunIdentity, RunId, Option<OtherRun>)> = self
            .waiting()
            .filter_map(|run| {
                let run_id = self.retry_of(&run.identity)?;
                let other = by_window.in_the_way(run);
                Some((run.identity.clone(), run_id.clone(), other))
            })
            .collect();
        for (identity, run_id, other) in retries {
            let listed = runs.iter().find(|run| run.id == run_id);
            let record = step.state.get(&identity);
            let last_seen = record.and_then(Record::last_seen);
            let is_as_seen = listed.zip(last_seen).is_some_and(|(run, seen)| {
                run.status.is_retriable() && run.seen(seen.at).says_what(seen)
            });
            let newer = runs
                .iter()
                .filter(|run| {
                    !self.is_claimed(&run.id, step)
                        && run.window_evidence.window() == Some(identity.window)
                        && run.created_at > listed.and_then(|run| run.created_at)
                })
                // The next one is its retry; a later one may be that of the next, or a rerun.
                .min_by_key(|run| run.created_at);
            if let Some(newer) = newer {
                self.dequeue(&identity);
                let evidence = match newer.window_evidence {
                    WindowEvidence::CopyActivity(_) => Evidence::CopyActivity,
                    _ => Evidence::Params,
                };
                // As if we had asked.
                step.note(Entry::Intent {
                    run: (&identity).into(),
                    at: step.now.clocks,
                    session: step.session,
                    start_time: None,
                    order: None,
                    retry: Some(Retry {
                        run_id,
                        by: "somebody else".to_owned(),
                    }),
                });
                self.adopt(identity, newer.id.clone(), evidence, step);
            } else if let Some(other) = other {
                self.leave_to_another(identity, other, step);
            } else if !is_as_seen {
                self.dequeue(&identity);
                let left = RunOutcome::Remaining(LeftReason::Changed);
                self.outcomes.insert(identity.key(), left);
            }
        }
    }

    fn adopt(
        &mut self,
        run: RunIdentity,
        run_id: RunId,
        evidence: Evidence,
        step: &mut Transition<'_>,
    ) {
        self.accept(&run_id, step);
        let entry = Entry::Adopted {
            run: (&run).into(),
            run_id: run_id.clone(),
            evidence: evidence.clone(),
            at: Timestamp::now(),
        };
        self.end_run(run, RunOutcome::Adopted(run_id, evidence), entry, step);
    }

    /// Applies what a list tells to the flow's doubts.
    pub(super) fn settle(&mut self, seen: &Observation, step: &mut Transition<'_>) {
        let mut doubts = std::mem::take(&mut self.doubts);
        let context = SettleContext {
            records: &self.records,
            state: step.state,
            accepted: step.accepted,
            api_key: step.api_key,
            in_flight: self.in_flight > 0,
        };
        let settlements = settle(&mut doubts, seen, context);
        let runs = seen.runs.as_deref().unwrap_or_default();
        let mut absent = Vec::new();
        for (mut doubt, settlement) in doubts.into_iter().zip(settlements) {
            match settlement {
                Settlement::Exists(run_id, evidence) => {
                    self.adopt(doubt.identity, run_id, evidence, step);
                }
                Settlement::DoesNotExist => absent.push(doubt),
                Settlement::CannotTell(why) => {
                    let identity = doubt.identity.clone();
                    let outcome = RunOutcome::InDoubt(DoubtReason::Unclear(why));
                    self.outcomes.insert(identity.key(), outcome.clone());
                    if !doubt.is_given_up {
                        doubt.is_given_up = true;
                        step.tell(FlowEvent::Outcome(identity, outcome));
                    }
                    self.doubts.push(doubt);
                }
                Settlement::NotYet => self.doubts.push(doubt),
            }
        }
        // Once all that exist are known.
        for doubt in absent {
            self.not_created(doubt, runs.len(), step);
        }
        if step.settings.preflight && self.phase == Phase::Open {
            self.adopt_existing(runs, step);
        }
        // The others are settled first: what a person must decide keeps none of them waiting.
        if !self.doubts.is_empty() && self.doubts.iter().all(|doubt| doubt.is_given_up) {
            self.block(Blocked::InDoubt(self.doubts.len()), step);
        } else {
            self.look_again(step);
        }
    }

    /// A run that was in doubt does not exist: it is sent again if a manifest wants it.
    fn not_created(&mut self, doubt: OpenDoubt, listed: usize, step: &mut Transition<'_>) {
        let OpenDoubt { identity, open, .. } = doubt;
        let key = identity.key();
        // What it took of the limit, it gives back.
        if self.counted.remove(&key) {
            step.effects.push(Effect::GiveBack);
        }
        self.outcomes.remove(&key);
        let entry = Entry::NotCreated {
            key,
            evidence: Evidence::Lists {
                readings: READINGS,
                runs: listed,
            },
            at: Timestamp::now(),
        };
        step.record(entry, FlowEvent::NotCreated(identity));
        let Some(run) = self.wanted.remove(&key) else {
            let left = self.left.remove(&key).map(RunOutcome::Remaining);
            self.outcomes.extend(left.map(|left| (key, left)));
            return;
        };
        let absences = self.absences.entry(key).or_default();
        *absences += 1;
        if *absences == MOST_ABSENCES {
            let reason = Blocked::ComesToNothing {
                requests: *absences,
                key,
            };
            self.block(reason, step);
        }
        self.absent_before.insert(key);
        match open.retry {
            Some(attempt) => self.enqueue_retry(run, attempt.run_id),
            None => self.enqueue(run),
        }
    }
}
