//! What lists tell, carried out: a run is adopted, or known not to exist, or left to a person.

use std::cell::LazyCell;

use jiff::Timestamp;

use super::Dispatcher;
use crate::api::{FlowRun, WindowEvidence};
use crate::engine::flow_queue::{OpenDoubt, Phase};
use crate::engine::{DoubtReason, Event, FlowIndex, LeftReason, RunOutcome};
use crate::reconcile::matching::{CreatorAttribution, RunsByWindow};
use crate::reconcile::preflight::{self, Found};
use crate::reconcile::settle::{FlowContext, OpenIntent, Reading, recognise, recorded_for_another};
use crate::reconcile::settle_schedule::{READINGS, Settlement, has_begun};
use crate::reconcile::{Blocked, Observation, Unclear};
use crate::run::{Key, OtherRun, RunId, RunIdentity};
use crate::state::{Entry, Evidence, Record};

/// After so many requests for one run that no list shows, an apply sends no further one: what
/// never shows up may be there all the same.
const MOST_ABSENCES: usize = 3;

impl Dispatcher {
    /// Adopts runs that exist for windows that are wanted; `false` where the list cannot be
    /// trusted, and nothing may be sent to the queue.
    pub(super) fn adopt_existing(&mut self, id: FlowIndex, runs: &[FlowRun]) -> bool {
        let queue = &self.schedule.queues[id];
        let clients = CreatorAttribution::learn(self.client.api_key(), runs, &queue.created);
        let in_doubt = queue.doubts.iter().map(|doubt| doubt.open.window).collect();
        let existing =
            preflight::existing(queue.to_create(), runs, &queue.claimed, &in_doubt, clients);
        for (run, found) in existing {
            match found {
                Found::Run(run_id, _) if self.is_claimed(&run_id) => {
                    // A list that names another flow's run cannot be trusted about this one.
                    self.block(id, Blocked::Unknown(1));
                    return false;
                }
                Found::Run(run_id, evidence) => {
                    self.schedule.queues[id].dequeue(&run.identity);
                    self.adopt(id, run.key(), run.identity, run_id, evidence);
                }
                Found::InTheWay(other) => self.leave_to_another(id, run.identity, other),
            }
        }
        true
    }

    /// A run that nobody has put on record is in the way of one: that is not sent.
    fn leave_to_another(&mut self, flow: FlowIndex, run: RunIdentity, other: OtherRun) {
        self.schedule.queues[flow].dequeue(&run);
        let left = LeftReason::InTheWay(other.clone());
        self.outcomes.insert(run.key(), RunOutcome::Remaining(left));
        self.journal.tell(Event::InTheWay { flow, run, other });
    }

    /// Looks at the runs that are to run again: one that is at work by now, or has changed, is left
    /// alone, and one that somebody else has run again stands for itself.
    pub(super) fn check_retries(&mut self, id: FlowIndex, runs: &[FlowRun]) {
        let queue = &self.schedule.queues[id];
        let by_window = LazyCell::new(|| RunsByWindow::new(runs, &queue.claimed));
        let retries: Vec<(RunIdentity, RunId, Option<OtherRun>)> = queue
            .waiting()
            .filter_map(|run| {
                let run_id = queue.retry_of(&run.identity)?;
                let in_the_way = by_window.in_the_way(run);
                let other = in_the_way.as_ref().and_then(preflight::other_run);
                Some((run.identity.clone(), run_id.clone(), other))
            })
            .collect();
        for (identity, run_id, other) in retries {
            let key = identity.key();
            let listed = runs.iter().find(|run| run.id == run_id);
            let record = self.journal.state().get(&identity);
            let last_seen = record.and_then(Record::last_seen);
            let is_as_seen = listed.zip(last_seen).is_some_and(|(run, seen)| {
                run.status.is_retriable() && run.seen(seen.at).says_what(seen)
            });
            let newer = runs
                .iter()
                .filter(|run| {
                    !self.is_claimed(&run.id)
                        && run.window_evidence.window() == Some(identity.window)
                        && run.created_at > listed.and_then(|run| run.created_at)
                })
                // The next one is its retry; a later one may be that of the next, or a rerun.
                .min_by_key(|run| run.created_at);
            if let Some(newer) = newer {
                self.schedule.queues[id].dequeue(&identity);
                let evidence = match newer.window_evidence {
                    WindowEvidence::CopyActivity(_) => Evidence::CopyActivity,
                    _ => Evidence::Params,
                };
                self.adopt_retry(id, &identity, run_id, newer.id.clone(), evidence);
            } else if let Some(other) = other {
                self.leave_to_another(id, identity, other);
            } else if !is_as_seen {
                self.schedule.queues[id].dequeue(&identity);
                self.outcomes
                    .insert(key, RunOutcome::Remaining(LeftReason::Changed));
            }
        }
    }

    /// Somebody has run `replaced` again: `run_id` stands for it.
    fn adopt_retry(
        &mut self,
        flow: FlowIndex,
        run: &RunIdentity,
        replaced: RunId,
        run_id: RunId,
        evidence: Evidence,
    ) {
        self.accept(flow, &run_id);
        self.outcomes.insert(
            run.key(),
            RunOutcome::Adopted(run_id.clone(), evidence.clone()),
        );
        let entry = Entry::Adopted {
            run: run.into(),
            run_id: run_id.clone(),
            evidence: evidence.clone(),
            at: Timestamp::now(),
        };
        let event = Event::Adopted {
            flow,
            run: run.clone(),
            run_id,
            evidence,
        };
        let at = self.client.clock().now();
        self.journal
            .record_found_retry(run, replaced, at, entry, event);
    }

    pub(super) fn adopt(
        &mut self,
        flow: FlowIndex,
        key: Key,
        run: RunIdentity,
        run_id: RunId,
        evidence: Evidence,
    ) {
        self.accept(flow, &run_id);
        self.outcomes
            .insert(key, RunOutcome::Adopted(run_id.clone(), evidence.clone()));
        let entry = Entry::Adopted {
            run: (&run).into(),
            run_id: run_id.clone(),
            evidence: evidence.clone(),
            at: Timestamp::now(),
        };
        let event = Event::Adopted {
            flow,
            run,
            run_id,
            evidence,
        };
        self.journal.record(entry, event);
    }

    /// Applies what a list tells to the flow's doubts.
    pub(super) fn settle(&mut self, id: FlowIndex, list: &Observation) {
        let settle_delay = self.settings.settle_delay;
        let queue = &mut self.schedule.queues[id];
        let doubts = std::mem::take(&mut queue.doubts);
        let runs = list.runs.as_deref().unwrap_or_default();
        let readings: Vec<Reading> = match &list.runs {
            Ok(runs) => {
                let open: Vec<OpenIntent> = doubts.iter().map(|doubt| doubt.open.clone()).collect();
                let around = FlowContext {
                    claimed: &queue.claimed,
                    api_key: self.client.api_key(),
                    in_flight: queue.is_sending(),
                };
                let doubtful = list.doubtful(&queue.recorded);
                recognise(&open, runs, around)
                    .into_iter()
                    .map(|reading| match (reading, &doubtful) {
                        (Reading::Absent | Reading::Only(..), Some(why)) => {
                            Reading::Unclear(Unclear::DoubtfulList(why.clone()))
                        }
                        (reading, _) => reading,
                    })
                    .collect()
            }
            Err(error) => {
                vec![Reading::Unclear(Unclear::NotListed(error.to_string())); doubts.len()]
            }
        };
        // A run that was created since may not be listed yet: a list without it is no evidence, and
        // none against the list.
        let newest = queue.recorded.last_learnt();
        let shows_newest = newest.is_none_or(|learnt| learnt + settle_delay <= list.asked.here);
        let mut absent = Vec::new();
        for (mut doubt, reading) in doubts.into_iter().zip(readings) {
            let is_over = shows_newest && doubt.schedule.is_over(list.asked);
            let mut verdict = match doubt.start_time {
                Some(start)
                    if is_over
                        && !matches!(reading, Reading::Found(..))
                        && !has_begun(doubt.start_time, list.asked.clocks, settle_delay) =>
                {
                    Settlement::CannotTell(Unclear::NotBegun(start))
                }
                _ => doubt.readings.take(reading, is_over),
            };
            let retried = doubt.open.retry.as_ref().map(|it| &it.run_id);
            if let Settlement::Exists(run_id, _) = &verdict
                && self.is_claimed(run_id)
                && retried != Some(run_id)
            {
                verdict = Settlement::CannotTell(Unclear::Claimed(run_id.clone()));
            }
            let state = self.journal.state();
            let recorded = |run_id: &RunId| Some(state.claim(run_id)?.window);
            if verdict == Settlement::DoesNotExist
                && let Some(run_id) = recorded_for_another(doubt.open.window, runs, recorded)
            {
                verdict = Settlement::CannotTell(Unclear::Claimed(run_id));
            }
            match verdict {
                Settlement::Exists(run_id, evidence) => {
                    self.adopt(id, doubt.key, doubt.identity, run_id, evidence);
                }
                Settlement::DoesNotExist => absent.push(doubt),
                Settlement::CannotTell(why) => {
                    self.outcomes.insert(
                        doubt.key,
                        RunOutcome::InDoubt(DoubtReason::Unclear(why.clone())),
                    );
                    if !doubt.is_given_up {
                        doubt.is_given_up = true;
                        self.journal.tell(Event::Unclear {
                            flow: id,
                            run: doubt.identity.clone(),
                            reason: why,
                        });
                    }
                    self.schedule.queues[id].doubts.push(doubt);
                }
                Settlement::NotYet => self.schedule.queues[id].doubts.push(doubt),
            }
        }
        // Once all that exist are known.
        for doubt in absent {
            self.not_created(id, doubt, runs.len());
        }
        if self.settings.preflight && self.schedule.queues[id].phase == Phase::Open {
            self.adopt_existing(id, runs);
        }
        // The others are settled first: what a person must decide keeps none of them waiting.
        let doubts = &self.schedule.queues[id].doubts;
        if !doubts.is_empty() && doubts.iter().all(|doubt| doubt.is_given_up) {
            self.block(id, Blocked::InDoubt(doubts.len()));
        } else {
            self.look_again(id);
        }
    }

    /// A run that was in doubt does not exist: it is sent again if a manifest wants it.
    pub(super) fn not_created(&mut self, flow: FlowIndex, doubt: OpenDoubt, listed: usize) {
        let OpenDoubt {
            identity,
            key,
            of_this_apply,
            wanted,
            left,
            open,
            ..
        } = doubt;
        // What it took of the limit, it gives back.
        if of_this_apply {
            self.schedule.give_back(flow);
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
        let event = Event::NotCreated {
            flow,
            run: identity,
        };
        self.journal.record(entry, event);
        let Some(run) = wanted else {
            let left = left.map(RunOutcome::Remaining);
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
            self.block(flow, reason);
        }
        let queue = &mut self.schedule.queues[flow];
        queue.was_absent(key);
        match open.retry {
            Some(attempt) => queue.enqueue_retry(run, attempt.run_id),
            None => queue.enqueue(run),
        }
    }
}
