//! Following: how runs are doing, from the lists of their flows, until they have finished.
//!
//! A list is read for all unfinished runs of a flow at once. What it tells is recorded, so that a
//! plan shows it offline.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Dispatcher;
use super::reads::Read;
use crate::api::FlowRun;
use crate::engine::flow_queue::Phase;
use crate::engine::{Event, FlowIndex};
use crate::reconcile::{Blocked, DoubtfulList, Observation, Query, news, preflight};

impl Dispatcher {
    /// Reads the list of the flow again, where runs of it are waited for.
    pub(super) fn follow(&mut self, id: FlowIndex) {
        if !self.still_settles() {
            return;
        }
        // What may not be sent anyway waits for nothing.
        let waits_for_room = self.may_send_of(id) && self.schedule.queues[id].waits_for_room();
        let queue = &mut self.schedule.queues[id];
        let is_followed = self.settings.follow && queue.running.awaited() > 0;
        let is_waiting = is_followed || waits_for_room;
        if !is_waiting || queue.is_following || queue.phase == Phase::Preparing {
            return;
        }
        queue.is_following = true;
        if waits_for_room {
            let active = queue.active_runs();
            if queue.told_to_wait.replace(active.clone()).as_ref() != Some(&active) {
                self.journal.tell(Event::Waiting { flow: id, active });
            }
        }
        let queue = &mut self.schedule.queues[id];
        let gap = queue.running.next_gap();
        let ids = queue.running.ids();
        let flow_ref = queue.flow.clone();
        let (client, readers) = (Arc::clone(&self.client), Arc::clone(&self.readers));
        self.reads.spawn(async move {
            tokio::time::sleep(gap).await;
            let _permit = readers.acquire().await;
            let seen = Observation::read(&client, &flow_ref, &Query::with(ids)).await;
            (id, Read::Followed(seen))
        });
    }

    /// A list that was read to follow runs has come.
    pub(super) fn followed(&mut self, id: FlowIndex, seen: Observation) {
        self.schedule.queues[id].is_following = false;
        if self.ends_all(seen.runs.as_ref().err()) {
            return;
        }
        match seen.runs {
            Ok(runs) => self.look_at(id, &runs, seen.asked.here),
            Err(error) => {
                let runs = self.schedule.queues[id].running.give_up();
                let reason = error.to_string();
                self.unfollowed += runs;
                self.journal.tell(Event::NotFollowed { flow: id, reason });
                // How many are at work is not known: no more are sent.
                if self.schedule.queues[id].waits_for_room() {
                    self.block(id, preflight::blocked_by(&error));
                }
            }
        }
        self.follow(id);
    }

    /// Takes in how the runs of a list, asked for at `asked`, are doing. It is the whole list, or
    /// has all that are waited for.
    pub(super) fn look_at(&mut self, id: FlowIndex, runs: &[FlowRun], asked: Instant) {
        let at = Timestamp::now();
        for run in runs {
            let state = self.journal.state();
            let record = state
                .claim(&run.id)
                .and_then(|identity| state.get(identity));
            let queue = &mut self.schedule.queues[id];
            let seen = run.seen(at);
            if let Some(record) = record
                && record.fate.run_id() == Some(&run.id)
            {
                if !seen.status.is_finished() || record.is_of_attempt_before(&seen) {
                    queue.running.is_at_work(&run.id, asked);
                    continue;
                }
                let was_awaited = queue.running.end(&run.id);
                let identity = record.identity.clone();
                if let Some(entry) = news(record, run, at) {
                    self.journal.note(entry);
                }
                if was_awaited {
                    self.journal.tell(Event::Ended {
                        flow: id,
                        run: identity,
                        run_id: run.id.clone(),
                        seen,
                    });
                }
            } else if queue.running.awaits(&run.id) {
                // Its creation is not recorded yet.
            } else if seen.status.is_finished() {
                queue.running.end(&run.id);
            } else {
                queue.running.is_at_work(&run.id, asked);
            }
        }
        let listed: HashSet<_> = runs.iter().map(|run| &run.id).collect();
        let queue = &mut self.schedule.queues[id];
        let missing = queue.recorded.missing_from(runs);
        self.unfollowed += queue.running.forget_missing(&listed, asked, missing > 0);
        if queue.running.is_hopeless() && queue.waits_for_room() {
            self.block(id, Blocked::DoubtfulList(DoubtfulList::Lacks(missing)));
        }
    }
}
