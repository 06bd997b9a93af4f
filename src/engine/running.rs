//! The runs of one flow that have not finished, as far as lists and answers tell.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::reconcile::{LIST_SELDOM, LIST_SOON};
use crate::run::RunId;

/// What runs, and what is waited for.
#[derive(Debug)]
pub(super) struct RunningRuns {
    /// All that may not have finished, those that others created included, each with the time from
    /// when on a list must show it.
    active: HashMap<RunId, Instant>,
    /// Those whose end is waited for, likewise.
    awaited: HashMap<RunId, Instant>,
    /// How long until the list is read again: longer each time that nothing has changed.
    gap: Backoff,
    /// How many lists in a row lacked runs that are on record.
    lacking: u32,
}

/// After so many lists in a row that lack runs, none is waited for that does not.
const MOST_LACKING: u32 = 4;

impl RunningRuns {
    pub(super) fn new() -> Self {
        Self {
            active: HashMap::new(),
            awaited: HashMap::new(),
            gap: Backoff::new(LIST_SOON, LIST_SELDOM),
            lacking: 0,
        }
    }

    /// How many have not finished.
    pub(super) fn active(&self) -> usize {
        self.active.len()
    }

    /// How many that records stand for have not finished.
    pub(super) fn awaited(&self) -> usize {
        self.awaited.len()
    }

    /// Those that have not finished.
    pub(super) fn active_ids(&self) -> Vec<RunId> {
        self.active.keys().cloned().collect()
    }

    /// Those that records stand for and that have not finished.
    pub(super) fn awaited_ids(&self) -> Vec<RunId> {
        self.awaited.keys().cloned().collect()
    }

    /// All that have not finished.
    pub(super) fn ids(&self) -> HashSet<RunId> {
        self.active
            .keys()
            .chain(self.awaited.keys())
            .cloned()
            .collect()
    }

    /// A run of ours has begun; lists show it from `listed_by` on.
    pub(super) fn begin(&mut self, run_id: RunId, listed_by: Instant) {
        self.active.insert(run_id.clone(), listed_by);
        self.awaited.insert(run_id, listed_by);
        self.gap.reset();
    }

    /// It is not known whether a run of ours has finished: a list will tell.
    pub(super) fn await_news(&mut self, run_id: RunId, listed_by: Instant) {
        self.awaited.insert(run_id, listed_by);
    }

    /// A run is at work, or may be: lists show it from `listed_by` on.
    pub(super) fn is_at_work(&mut self, run_id: &RunId, listed_by: Instant) {
        self.active.entry(run_id.clone()).or_insert(listed_by);
    }

    /// Whether one of ours is waited for.
    pub(super) fn awaits(&self, run_id: &RunId) -> bool {
        self.awaited.contains_key(run_id)
    }

    /// A run has finished; `true` where one of ours was waited for.
    pub(super) fn end(&mut self, run_id: &RunId) -> bool {
        let was_active = self.active.remove(run_id).is_some();
        let was_awaited = self.awaited.remove(run_id).is_some();
        if was_active || was_awaited {
            self.gap.reset();
        }
        was_awaited
    }

    /// Gives those up that a whole list should have shown by now: they have vanished. Gives how many
    /// of ours did. While the list lacks runs that it must have, those that it does not show count as
    /// unfinished.
    pub(super) fn forget_missing(
        &mut self,
        listed: &HashSet<&RunId>,
        asked: Instant,
        lacks_any: bool,
    ) -> usize {
        let is_there =
            |run_id: &RunId, listed_by: &Instant| listed.contains(run_id) || *listed_by > asked;
        let before = self.awaited.len();
        self.awaited.retain(|run_id, by| is_there(run_id, by));
        let known = self.active.len();
        if !lacks_any {
            self.active.retain(|run_id, by| is_there(run_id, by));
        }
        let has_missing = lacks_any && self.active.iter().any(|(id, by)| !is_there(id, by));
        self.lacking = if has_missing { self.lacking + 1 } else { 0 };
        if self.active.len() < known {
            self.gap.reset();
        }
        before - self.awaited.len()
    }

    /// Whether lists never show what counts as unfinished.
    pub(super) fn is_hopeless(&self) -> bool {
        self.lacking >= MOST_LACKING
    }

    /// Nothing more is waited for: the list cannot be had.
    pub(super) fn give_up(&mut self) -> usize {
        let given_up = self.awaited.len();
        self.awaited.clear();
        given_up
    }

    /// How long to wait before the list is read again: longer each time that nothing has changed.
    pub(super) fn next_gap(&mut self) -> Duration {
        self.gap.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> RunId {
        text.parse().expect("a run id")
    }

    #[test]
    fn a_list_is_read_soon_after_a_change_and_ever_less_often_without_one() {
        let mut running = RunningRuns::new();
        let now = Instant::now();
        running.begin(id("a"), now);
        assert_eq!(running.next_gap(), LIST_SOON);
        assert_eq!(running.next_gap(), LIST_SOON * 2);
        assert!(running.end(&id("a")));
        assert_eq!(running.next_gap(), LIST_SOON);
        assert!(!running.end(&id("a")), "once");
    }

    #[test]
    fn what_others_run_counts_and_is_not_waited_for() {
        let mut running = RunningRuns::new();
        running.begin(id("ours"), Instant::now());
        running.is_at_work(&id("theirs"), Instant::now());
        assert_eq!((running.active(), running.awaited()), (2, 1));
        assert!(!running.end(&id("theirs")));
    }

    #[test]
    fn a_run_that_no_list_shows_is_given_up_once_one_should() {
        let mut running = RunningRuns::new();
        let now = Instant::now();
        running.begin(id("new"), now + LIST_SELDOM);
        running.begin(id("old"), now);
        assert_eq!(running.forget_missing(&HashSet::new(), now, false), 1);
        assert_eq!((running.active(), running.awaited()), (1, 1));
    }

    #[test]
    fn a_list_that_lacks_runs_ends_none_and_is_not_waited_for_without_end() {
        let mut running = RunningRuns::new();
        let now = Instant::now();
        running.begin(id("old"), now);
        running.is_at_work(&id("theirs"), now);
        for _ in 0..MOST_LACKING {
            assert!(!running.is_hopeless());
            running.forget_missing(&HashSet::new(), now, true);
            assert_eq!(
                running.active(),
                2,
                "no room is given for what is not shown"
            );
        }
        assert!(running.is_hopeless());
        running.forget_missing(&HashSet::new(), now, false);
        assert_eq!(running.active(), 0);
    }
}
