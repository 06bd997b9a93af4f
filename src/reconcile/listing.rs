//! The list of a flow's runs, made as telling as the service allows, and what it proves.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{Blocked, Unclear};
use crate::api::{ApiError, Client, FlowRun};
use crate::run::{FlowRef, RunId};
use crate::state::{ClockedTime, Fate, Record};

/// A flow's list is read again after this, where runs of it are waited for and something has changed.
pub(crate) const LIST_SOON: Duration = Duration::from_secs(1);
/// And after this at the latest.
pub(crate) const LIST_SELDOM: Duration = Duration::from_secs(30);

/// Runs that a list shows without a window are asked for one by one, but not more than this.
const MOST_SINGLE: usize = 50;

/// A list is not waited for until it is younger than this.
const TOO_OLD: Duration = Duration::from_secs(60);

/// A list of a flow's runs, and when it was asked for: it tells nothing of what came later.
pub(crate) struct RunList {
    /// By our monotonic clock; earlier by as much as the answer was old.
    pub(crate) asked: Instant,
    /// The same by the clocks that others can compare.
    pub(crate) asked_at: ClockedTime,
    /// How old it is, if it is so old that it proves nothing.
    pub(crate) too_old: Option<Duration>,
    pub(crate) runs: Result<Vec<FlowRun>, ApiError>,
}

impl RunList {
    /// Every run of the flow. A run that no record stands for and that shows no window in the list
    /// is read by itself, where it may show one; with `since`, only if it can be younger.
    pub(crate) async fn read(
        client: &Client,
        flow: &FlowRef,
        claimed: &HashSet<RunId>,
        since: Option<ClockedTime>,
    ) -> Self {
        let began = Instant::now();
        let (runs, age) = match runs_of(client, flow, claimed, since).await {
            Ok((runs, age)) => (Ok(runs), age),
            Err(error) => (Err(error), Duration::ZERO),
        };
        let too_old = (age >= TOO_OLD).then_some(age);
        let age = if too_old.is_some() {
            Duration::ZERO
        } else {
            age
        };
        let ago = began.elapsed() + age;
        let asked_at = client.clock().now();
        Self {
            too_old,
            asked: began.checked_sub(age).unwrap_or(began),
            asked_at: asked_at.plus(-SignedDuration::try_from(ago).unwrap_or_default()),
            runs,
        }
    }

    /// Why it does not tell that a run is not there, if it does not: it lacks runs that are `recorded`,
    /// or is old.
    pub(crate) fn doubtful(&self, recorded: &RecordedRuns) -> Option<Unclear> {
        let missing = recorded.missing_from(self.runs.as_deref().ok()?);
        let lacks = (missing > 0).then_some(Unclear::ListLacks(missing));
        lacks.or(self.too_old.map(Unclear::OldList))
    }

    /// The same for one that is read before anything is sent: runs that had no `delay` to be listed
    /// may be missing.
    pub(crate) fn blocked(&self, recorded: &RecordedRuns, delay: Duration) -> Option<Blocked> {
        let missing = recorded.overdue_in(self, delay);
        let lacks = (missing > 0).then_some(Blocked::ListLacks(missing));
        lacks.or(self.too_old.map(Blocked::OldList))
    }
}

/// The runs of [`RunList::read`], and how old the list is.
pub(super) async fn runs_of(
    client: &Client,
    flow: &FlowRef,
    claimed: &HashSet<RunId>,
    since: Option<ClockedTime>,
) -> Result<(Vec<FlowRun>, Duration), ApiError> {
    let mut list = client.list_of(flow).await?;
    let may_matter = |run: &FlowRun| {
        !claimed.contains(&run.id) && since.is_none_or(|since| run.may_be_since(since))
    };
    client
        .show_windows(&flow.sandbox, &mut list.runs, may_matter, MOST_SINGLE)
        .await?;
    Ok((list.runs, list.age))
}

/// The runs of a flow that records stand for: those that a list must show to be the whole list. An
/// index that is down, behind, or lets single runs out, proves of no run that it is not there.
#[derive(Debug, Default)]
pub(crate) struct RecordedRuns(HashMap<RunId, RecordedRun>);

/// When a run was known, by our clock, and when it left or began, by the service's.
#[derive(Debug, Clone, Copy)]
struct RecordedRun {
    at: ClockedTime,
    /// When this process learnt of it; none where the state had it.
    since: Option<Instant>,
}

impl RecordedRuns {
    /// Adds the run that a record of the state stands for.
    pub(crate) fn add(&mut self, record: &Record) {
        let (run_id, adopted, at, sent_at) = match &record.fate {
            Fate::Created {
                run_id,
                adopted,
                at,
                sent_at,
            } => (run_id, adopted.is_some(), *at, *sent_at),
            Fate::InDoubt(in_doubt) => match in_doubt.retry.as_deref() {
                Some(retried) => (
                    &retried.run_id,
                    retried.adopted.is_some(),
                    retried.at,
                    retried.sent_at,
                ),
                None => return,
            },
            Fate::Rejected { .. } | Fate::NotCreated(_) => return,
        };
        let sent_at = sent_at.and_then(|sent| Timestamp::from_second(sent.get()).ok());
        let began_at = record.last_seen().and_then(|seen| seen.started_at);
        let service = sent_at.or(began_at);
        // One that was found is older than our finding it.
        let local = service.filter(|_| adopted).unwrap_or(at);
        let at = ClockedTime {
            local: Some(local),
            service,
        };
        self.0
            .insert(run_id.clone(), RecordedRun { at, since: None });
    }

    /// Adds a run that this process has just learnt of.
    pub(crate) fn add_new(&mut self, run_id: RunId, at: ClockedTime) {
        let since = Some(Instant::now());
        self.0.insert(run_id, RecordedRun { at, since });
    }

    /// When this process has learnt of the last one, if of any.
    pub(crate) fn last_learnt(&self) -> Option<Instant> {
        self.0.values().filter_map(|known| known.since).max()
    }

    /// How many of them `runs` lacks and should show.
    pub(crate) fn missing_from(&self, runs: &[FlowRun]) -> usize {
        self.missing(runs, |_| true)
    }

    /// The same of those that had `delay` to be listed when the list was asked for.
    fn overdue_in(&self, list: &RunList, delay: Duration) -> usize {
        let runs = list.runs.as_deref().unwrap_or_default();
        self.missing(runs, |known| match known.since {
            Some(since) => list.asked.saturating_duration_since(since) >= delay,
            None => known.at.age(list.asked_at) >= delay,
        })
    }

    /// A service may forget its oldest runs: those that are older, by each clock, than all that are
    /// shown need not be there.
    fn missing(&self, runs: &[FlowRun], must_show: impl Fn(&RecordedRun) -> bool) -> usize {
        let listed: HashSet<&RunId> = runs.iter().map(|run| &run.id).collect();
        let (shown, missing): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(id, _)| listed.contains(id));
        let oldest = |time: fn(&ClockedTime) -> Option<Timestamp>| {
            let shown = shown.iter();
            shown.filter_map(|(_, known)| time(&known.at)).min()
        };
        let (local, service) = (oldest(|at| at.local), oldest(|at| at.service));
        let is_forgotten = |known: &RecordedRun| {
            let is_older = |time: Option<Timestamp>, oldest: Option<Timestamp>| {
                time.zip(oldest).is_none_or(|(time, oldest)| time <= oldest)
            };
            local > known.at.local // to less than a second, where the service's is not

                && is_older(known.at.service, service)
        };
        let missing = missing.iter().map(|(_, known)| known);
        missing
            .filter(|known| must_show(known) && !is_forgotten(known))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::WindowEvidence;
    use crate::fixture::{INTENT, OURS, at, run};

    const DELAY: Duration = Duration::from_secs(300);

    fn clocks(local: i64, service: i64) -> ClockedTime {
        ClockedTime {
            local: Some(at(local)),
            service: Some(at(service)),
        }
    }

    /// Runs of the state, each with when it was known by both clocks.
    fn recorded(runs: &[(&str, i64, i64)]) -> RecordedRuns {
        let runs = runs.iter().map(|(id, local, service)| {
            let at = clocks(INTENT + local, INTENT + service);
            let known = RecordedRun { at, since: None };
            (id.parse().expect("a run id"), known)
        });
        RecordedRuns(runs.collect())
    }

    fn listed(ids: &[&str]) -> Vec<FlowRun> {
        let run = |id: &&str| run(id, WindowEvidence::Missing, INTENT, OURS);
        ids.iter().map(run).collect()
    }

    #[test]
    fn a_list_that_lacks_a_run_on_record_is_no_evidence_but_for_the_oldest() {
        let recorded = recorded(&[("a", 1, 1), ("b", 2, 2), ("c", 3, 3), ("d", 4, 4)]);
        for (ids, missing) in [
            (&["a", "b", "c", "d"][..], 0),
            (&["d", "c", "other"], 0), // the service may have forgotten the oldest
            (&["a", "b"], 2),          // frozen
            (&["a", "c", "d"], 1),     // thinned
            (&[], 4),
            (&["other"], 4),
        ] {
            assert_eq!(recorded.missing_from(&listed(ids)), missing, "{ids:?}");
        }
        assert_eq!(RecordedRuns::default().missing_from(&[]), 0);
    }

    #[test]
    fn a_run_is_forgotten_as_the_oldest_only_by_both_clocks() {
        let shown = listed(&["a", "b"]);
        for (local, service, missing) in [(-9, -9, 0), (-9, 9, 1), (9, -9, 1)] {
            let recorded = recorded(&[("a", 1, 1), ("b", 2, 2), ("new", local, service)]);
            assert_eq!(recorded.missing_from(&shown), missing, "{local} {service}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn runs_that_had_no_time_to_be_listed_do_not_keep_a_flow_from_being_sent_to() {
        tokio::time::advance(DELAY * 2).await;
        let list = RunList {
            asked: Instant::now(),
            asked_at: clocks(INTENT + 300, INTENT + 300),
            too_old: None,
            runs: Ok(Vec::new()),
        };
        for (local, service, is_overdue) in [(0, 0, true), (1, 0, false), (0, 1, false)] {
            let recorded = recorded(&[("a", local, service)]);
            let blocked = list.blocked(&recorded, DELAY);
            assert_eq!(blocked.is_some(), is_overdue, "{local} {service}");
            assert!(list.doubtful(&recorded).is_some(), "it proves no absence");
        }
        let mut recorded = RecordedRuns::default();
        recorded.add_new("new".parse().expect("a run id"), clocks(0, 0));
        assert_eq!(list.blocked(&recorded, DELAY), None);
        let old = RunList {
            too_old: Some(DELAY),
            ..list
        };
        assert_eq!(old.blocked(&recorded, DELAY), Some(Blocked::OldList(DELAY)));
    }
}
