//! Following: how runs are doing, from the lists of their flow, until they have finished.
//!
//! A list is read for all unfinished runs of a flow at once. What it tells is recorded, so that a
//! plan shows it offline.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio::time::Instant;

use super::transition::{Effect, Purpose, Transition};
use super::{FlowQueue, Phase};
use crate::api::FlowRun;
use crate::engine::FlowEvent;
use crate::reconcile::{Blocked, DoubtfulList, Observation, Query, news, preflight};

impl FlowQueue {
    /// Reads the list again, where runs of the flow are waited for.
    pub(in crate::engine) fn follow(&mut self, step: &mut Transition<'_>) {
        // What may not be sent anyway waits for nothing.
        let waits_for_room = step.may_send && self.waits_for_room();
        let is_followed = step.settings.follow && self.running.awaited() > 0;
        let is_waiting = is_followed || waits_for_room;
        if !step.reads || !is_waiting || self.is_following || self.phase == Phase::Preparing {
            return;
        }
        self.is_following = true;
        if waits_for_room {
            let active = self.active_runs();
            if self.told_to_wait.replace(active.clone()).as_ref() != Some(&active) {
                step.tell(FlowEvent::Waiting(active));
            }
        }
        let query = Query::with(self.running.ids());
        let gap = self.running.next_gap();
        step.effects.push(Effect::Read(gap, query, Purpose::Follow));
    }

    /// A list that was read to follow runs has come.
    pub(super) fn followed(&mut self, seen: &Observation, step: &mut Transition<'_>) {
        self.is_following = false;
        match &seen.runs {
            Ok(runs) => self.take_in(runs, seen.asked.here, step),
            Err(error) => {
                self.unfollowed += self.running.give_up();
                step.tell(FlowEvent::NotFollowed(error.to_string()));
                // How many are at work is not known: no more are sent.
                if self.waits_for_room() {
                    self.block(preflight::blocked_by(error), step);
                }
            }
        }
    }

    /// Takes in how the runs of a list, asked for at `asked`, are doing. It is the whole list, or
    /// has all that are waited for.
    pub(super) fn take_in(&mut self, runs: &[FlowRun], asked: Instant, step: &mut Transition<'_>) {
        let at = Timestamp::now();
        let state = step.state;
        for run in runs {
            let identity = state.claim(&run.id);
            let record = identity.and_then(|identity| state.get(identity));
            let seen = run.seen(at);
            if let Some(record) = record.filter(|it| it.fate.run_id() == Some(&run.id)) {
                if !seen.status.is_finished() || record.is_of_attempt_before(&seen) {
                    self.running.is_at_work(&run.id, asked);
                    continue;
                }
                if let Some(entry) = news(record, run, at) {
                    step.note(entry);
                }
                if self.running.end(&run.id) {
                    step.tell(FlowEvent::Ended {
                        run: record.identity.clone(),
                        run_id: run.id.clone(),
                        seen,
                    });
                }
            } else if self.running.awaits(&run.id) {
                // Its creation is not recorded yet.
            } else if seen.status.is_finished() {
                self.running.end(&run.id);
            } else {
                self.running.is_at_work(&run.id, asked);
            }
        }
        let listed: HashSet<_> = runs.iter().map(|run| &run.id).collect();
        let missing = self.records.missing_from(runs);
        self.unfollowed += self.running.forget_missing(&listed, asked, missing > 0);
        if self.running.is_hopeless() && self.waits_for_room() {
            self.block(Blocked::DoubtfulList(DoubtfulList::Lacks(missing)), step);
        }
    }
}
