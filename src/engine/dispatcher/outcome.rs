//! The end of an apply: what became of each planned run.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use super::Dispatcher;
use crate::engine::{Applied, DoubtReason, Ending, FollowTotals, LeftReason, RunOutcome};
use crate::plan::Action;
use crate::reconcile::Blocked;
use crate::run::{DesiredRun, FlowRef, Key, Sandbox};
use crate::state::{Fate, State};

impl Dispatcher {
    pub(super) fn report(self, ending: Ending) -> Applied {
        let queues = &self.schedule.queues;
        let blocked: HashMap<&FlowRef, &Blocked> = queues
            .iter()
            .filter_map(|queue| Some((&queue.flow, queue.blocked()?)))
            .collect();
        let in_doubt = open_doubts(self.journal.state());
        // What exists is never in doubt again: its keys are not computed.
        let may_change = |(_, action): &&(DesiredRun, Action)| *action != Action::Unchanged;
        let planned = self.planned.iter().filter(may_change);
        let planned: HashSet<Key> = planned.map(|(run, _)| run.key()).collect();
        let others_in_doubt = in_doubt.keys().filter(|key| !planned.contains(key)).count();
        let state = self.journal.state();
        let mut day = BeyondDay::of(&self, &ending);
        let followed = self
            .settings
            .follow
            .then(|| FollowTotals::of(self.planned.iter().map(|(run, _)| run), state));
        let ended = match (&ending, self.schedule.is_spent()) {
            (Ending::Done, true) => LeftReason::Limit,
            (Ending::Done, false) if self.is_past_deadline => LeftReason::Deadline,
            (Ending::Interrupted, _) => LeftReason::Interrupted,
            (Ending::TimedOut, _) => LeftReason::Timeout,
            _ => LeftReason::Ended,
        };
        let mut outcomes = self.outcomes;
        let known = queues.iter().flat_map(|queue| &queue.outcomes);
        outcomes.extend(known.map(|(key, outcome)| (*key, outcome.clone())));
        let runs = self
            .planned
            .into_iter()
            .map(|(run, action)| {
                if action == Action::Unchanged {
                    return (run, RunOutcome::Unchanged);
                }
                let key = run.key();
                let known = outcomes.remove(&key);
                // Whatever else happened: an open intent is a doubt.
                let outcome = match (in_doubt.get(&key), known) {
                    (Some(_), Some(RunOutcome::InDoubt(reason))) => RunOutcome::InDoubt(reason),
                    (Some(reason), _) => RunOutcome::InDoubt(reason.clone()),
                    (None, Some(outcome)) => outcome,
                    // A retry that came to nothing leaves the run that there was.
                    (None, None) if action == Action::Settle && exists(state, &run) => {
                        RunOutcome::Unchanged
                    }
                    (None, None) => RunOutcome::Remaining(match blocked.get(&*run.identity.flow) {
                        Some(why) => LeftReason::Blocked((*why).clone()),
                        None => day.next(&run).unwrap_or_else(|| ended.clone()),
                    }),
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
                .filter(|reason| reason.is_unanswered())
                .count(),
            followed,
            unfollowed: queues.iter().map(|queue| queue.unfollowed).sum(),
            ending,
        }
    }
}

/// Whether the state has a run of the service for this one.
fn exists(state: &State, run: &DesiredRun) -> bool {
    let record = state.get(&run.identity);
    record.is_some_and(|record| record.fate.run_id().is_some())
}

/// When the runs fit that the budget of a day held back, each in its turn.
struct BeyondDay {
    most: usize,
    fits: HashMap<Sandbox, VecDeque<Timestamp>>,
}

impl BeyondDay {
    /// Nothing is held back where an apply ended for another reason.
    fn of(dispatcher: &Dispatcher, ending: &Ending) -> Self {
        let day = dispatcher.schedule.day();
        let now = dispatcher.client.clock().now();
        let mut waiting: HashMap<Sandbox, usize> = HashMap::new();
        if matches!(ending, Ending::Done) {
            for queue in &dispatcher.schedule.queues {
                let sandbox = &queue.flow.sandbox;
                if day.left(sandbox, now.service) == Some(0) {
                    *waiting.entry(sandbox.clone()).or_default() += queue.waiting().count();
                }
            }
        }
        let fits = waiting.into_iter().map(|(sandbox, requests)| {
            let times = day.fits(&sandbox, requests, now.time());
            (sandbox, times.into())
        });
        Self {
            most: day.most().unwrap_or_default(),
            fits: fits.collect(),
        }
    }

    fn next(&mut self, run: &DesiredRun) -> Option<LeftReason> {
        let fits = self.fits.get_mut(&run.identity.flow.sandbox)?;
        Some(LeftReason::Day {
            most: self.most,
            fits: fits.pop_front(),
        })
    }
}

fn open_doubts(state: &State) -> HashMap<Key, DoubtReason> {
    state
        .records()
        .filter_map(|record| match &record.fate {
            Fate::InDoubt(in_doubt) => Some((
                record.identity.key(),
                in_doubt.doubt.as_ref().map_or_else(
                    || DoubtReason::NoAnswer,
                    |doubt| DoubtReason::Recorded(doubt.reason.clone()),
                ),
            )),
            Fate::Created { .. } | Fate::Rejected { .. } | Fate::NotCreated(_) => None,
        })
        .collect()
}
