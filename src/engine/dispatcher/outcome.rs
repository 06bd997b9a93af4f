//! The end of an apply: what became of each planned run.

use std::collections::{HashMap, HashSet};

use super::Dispatcher;
use crate::engine::flow_queue::Phase;
use crate::engine::{Applied, DoubtReason, Ending, LeftReason, RunOutcome};
use crate::plan::Action;
use crate::reconcile::Blocked;
use crate::run::{DesiredRun, FlowRef, Key};
use crate::state::{Fate, State};

impl Dispatcher {
    pub(super) fn report(mut self, ending: Ending) -> Applied {
        let blocked: HashMap<&FlowRef, &Blocked> = self
            .schedule
            .queues
            .iter()
            .filter_map(|queue| match &queue.phase {
                Phase::Blocked(reason) => Some((&queue.flow, reason)),
                Phase::Preparing | Phase::Open => None,
            })
            .collect();
        let in_doubt = open_doubts(self.journal.state());
        // What exists is never in doubt again: its keys are not computed.
        let may_change = |(_, action): &&(DesiredRun, Action)| *action != Action::Unchanged;
        let planned = self.planned.iter().filter(may_change);
        let planned: HashSet<Key> = planned.map(|(run, _)| run.key()).collect();
        let others_in_doubt = in_doubt.keys().filter(|key| !planned.contains(key)).count();
        let ended = match (&ending, self.schedule.is_spent()) {
            (Ending::Done, true) => LeftReason::Limit,
            (Ending::Interrupted, _) => LeftReason::Interrupted,
            _ => LeftReason::Ended,
        };
        let runs = std::mem::take(&mut self.planned)
            .into_iter()
            .map(|(run, action)| {
                if action == Action::Unchanged {
                    return (run, RunOutcome::Unchanged);
                }
                let key = run.key();
                let known = self.outcomes.remove(&key);
                // Whatever else happened: an open intent is a doubt.
                let outcome = match (in_doubt.get(&key), known) {
                    (Some(_), Some(RunOutcome::InDoubt(reason))) => RunOutcome::InDoubt(reason),
                    (Some(reason), _) => RunOutcome::InDoubt(reason.clone()),
                    (None, Some(outcome)) => outcome,
                    (None, None) => {
                        let blocked = blocked.get(&*run.identity.flow);
                        RunOutcome::Remaining(
                            blocked
                                .map_or(ended.clone(), |why| LeftReason::Blocked((*why).clone())),
                        )
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
                .filter(|reason| reason.is_unanswered())
                .count(),
            ending,
        }
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
