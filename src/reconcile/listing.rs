//! What the service shows of a flow, made as telling as it allows, and what its list of runs proves:
//! the one reading for preflight, settling, following, `status`, `retry`, `audit` and `import`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::reason::DoubtfulList;
use crate::api::{ApiError, Client, Flow, FlowList, FlowRun};
use crate::run::{FlowRef, RunId};
use crate::state::{ClockedTime, Fate, State};

/// A flow's list is read again after this, where runs of it are waited for and something has changed.
pub(crate) const LIST_SOON: Duration = Duration::from_secs(1);
/// And after this at the latest.
pub(crate) const LIST_SELDOM: Duration = Duration::from_secs(30);

/// Runs that a list shows without a window are asked for one by one, but not more than this.
pub(crate) const MOST_SINGLE: usize = 50;

/// A list is not waited for until it is younger than this.
const TOO_OLD: Duration = Duration::from_secs(60);

/// A moment, by our monotonic clock and by those that others can compare.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) here: Instant,
    pub(crate) clocks: ClockedTime,
}

impl Moment {
    pub(crate) fn now(client: &Client) -> Self {
        Self {
            here: Instant::now(),
            clocks: client.clock().now(),
        }
    }
}

/// What is read of a flow.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// Whether the flow itself is read, before its list.
    pub(crate) flow: bool,
    pub(crate) runs: Extent,
}

/// How much is read of a flow's list of runs.
#[derive(Debug, Clone)]
pub(crate) enum Extent {
    /// Its pages up to that with the last of these runs.
    With(HashSet<RunId>),
    Whole,
    /// The whole list; and by itself, where it may show its window, each run that no record stands for
    /// and that shows none in the list.
    Windows {
        claimed: Arc<HashSet<RunId>>,
        /// Only runs that can be younger than this are read by themselves.
        since: Option<ClockedTime>,
        /// And no more than this.
        most: usize,
    },
}

impl Query {
    /// The whole list, and by themselves the runs that no record stands for and that show no window
    /// there; not more of them than an apply may ask for.
    pub(crate) fn windows(flow: bool, claimed: impl Into<Arc<HashSet<RunId>>>) -> Self {
        let runs = Extent::Windows {
            claimed: claimed.into(),
            since: None,
            most: MOST_SINGLE,
        };
        Self { flow, runs }
    }

    /// The list up to these runs.
    pub(crate) fn with(ids: HashSet<RunId>) -> Self {
        Self {
            flow: false,
            runs: Extent::With(ids),
        }
    }
}

/// What the service shows of a flow, and when it was asked for: it tells nothing of what came later.
pub(crate) struct Observation {
    /// Earlier than the request by as much as the answer was old.
    pub(crate) asked: Moment,
    /// How old the list is, if it is so old that it proves nothing.
    pub(crate) too_old: Option<Duration>,
    /// The flow itself, where it was asked for.
    pub(crate) flow: Option<Flow>,
    pub(crate) runs: Result<Vec<FlowRun>, ApiError>,
}

/// What the service shows of some flows, in their order; some at once.
///
/// # Errors
/// With what every flow would meet. What one flow meets is in its observation.
pub(crate) async fn observe(
    client: &Client,
    queries: impl IntoIterator<Item = (FlowRef, Query)>,
    concurrency: usize,
) -> Result<Vec<(FlowRef, Observation)>, ApiError> {
    stream::iter(queries)
        .map(|(flow, query)| async move {
            let seen = Observation::read(client, &flow, &query).await;
            match seen.runs {
                Err(error) if error.is_of_all_flows() => Err(error),
                _ => Ok((flow, seen)),
            }
        })
        .buffered(concurrency)
        .try_collect()
        .await
}

impl Observation {
    pub(crate) async fn read(client: &Client, flow: &FlowRef, query: &Query) -> Self {
        let details = if query.flow {
            client.flow(flow).await.map(Some)
        } else {
            Ok(None)
        };
        let began = Instant::now();
        let (details, list) = match details {
            Ok(details) => {
                let list = list(client, flow, details.is_some(), &query.runs).await;
                (details, list)
            }
            // A flow that cannot be read cannot be listed either.
            Err(error) => (None, Err(error)),
        };
        let age = list.as_ref().map_or(Duration::ZERO, |list| list.age);
        let too_old = (age >= TOO_OLD).then_some(age);
        let age = if too_old.is_some() {
            Duration::ZERO
        } else {
            age
        };
        let ago = SignedDuration::try_from(began.elapsed() + age).unwrap_or_default();
        Self {
            asked: Moment {
                here: began.checked_sub(age).unwrap_or(began),
                clocks: client.clock().now().plus(-ago),
            },
            too_old,
            flow: details,
            runs: list.map(|list| list.runs),
        }
    }

    /// Why it does not tell that a run is not there, if it does not: it lacks runs that are `recorded`,
    /// or is old.
    pub(crate) fn doubtful(&self, recorded: &FlowRecords) -> Option<DoubtfulList> {
        let missing = recorded.missing_from(self.runs.as_deref().ok()?);
        self.doubtful_lacking(missing)
    }

    /// The same for one that is read before anything is sent: runs that had no `delay` to be listed
    /// may be missing.
    pub(crate) fn overdue(&self, recorded: &FlowRecords, delay: Duration) -> Option<DoubtfulList> {
        self.doubtful_lacking(recorded.overdue_in(self, delay))
    }

    fn doubtful_lacking(&self, missing: usize) -> Option<DoubtfulList> {
        let lacks = (missing > 0).then_some(DoubtfulList::Lacks(missing));
        lacks.or(self.too_old.map(DoubtfulList::Old))
    }
}

async fn list(
    client: &Client,
    flow: &FlowRef,
    is_there: bool,
    extent: &Extent,
) -> Result<FlowList, ApiError> {
    let enough = match extent {
        Extent::With(ids) => Some(ids),
        Extent::Whole | Extent::Windows { .. } => None,
    };
    let mut list = client.list_of(flow, enough).await?;
    // A flow that is hidden has an empty list, as if all of its runs had vanished.
    if list.runs.is_empty() && !is_there {
        client.flow(flow).await?;
    }
    if let Extent::Windows {
        claimed,
        since,
        most,
    } = extent
    {
        let may_matter = |run: &FlowRun| {
            !claimed.contains(&run.id) && since.is_none_or(|since| run.may_be_since(since))
        };
        client
            .show_windows(&flow.sandbox, &mut list.runs, may_matter, *most)
            .await?;
    }
    Ok(list)
}

/// What is on record of a flow.
#[derive(Debug, Default)]
pub(crate) struct FlowRecords {
    /// Runs that records stand for, those that were run again included.
    pub(crate) claimed: Arc<HashSet<RunId>>,
    /// Those of them whose creation the service answered us with.
    pub(crate) created: HashSet<RunId>,
    /// Whether the state had a run of the flow.
    pub(crate) is_known: bool,
    /// Those that a list must show to be the whole list. An index that is down, behind, or lets single
    /// runs out, proves of no run that it is not there.
    listed: HashMap<RunId, RecordedRun>,
}

/// When a run was known, by our clock, and when it left or began, by the service's.
#[derive(Debug, Clone, Copy)]
struct RecordedRun {
    at: ClockedTime,
    /// When this process learnt of it; none where the state had it.
    since: Option<Instant>,
}

impl FlowRecords {
    pub(crate) fn of(state: &State, flow: &FlowRef) -> Self {
        let mut records = Self {
            claimed: state.claimed_of(flow).into(),
            ..Self::default()
        };
        for record in state.of_flow(flow) {
            let (run_id, adopted, at, sent_at) = match &record.fate {
                Fate::Created {
                    run_id,
                    adopted,
                    at,
                    sent_at,
                } => {
                    records.is_known = true;
                    if adopted.is_none() {
                        records.created.insert(run_id.clone());
                    }
                    (run_id, adopted, *at, *sent_at)
                }
                Fate::InDoubt(in_doubt) => match in_doubt.retry.as_deref() {
                    Some(it) => (&it.run_id, &it.adopted, it.at, it.sent_at),
                    None => continue,
                },
                Fate::Rejected { .. } | Fate::NotCreated(_) => continue,
            };
            let sent_at = sent_at.and_then(|sent| Timestamp::from_second(sent.get()).ok());
            let began_at = record.last_seen().and_then(|seen| seen.started_at);
            let service = sent_at.or(began_at);
            // One that was found is older than our finding it.
            let local = service.filter(|_| adopted.is_some()).unwrap_or(at);
            let at = ClockedTime {
                local: Some(local),
                service,
            };
            let known = RecordedRun { at, since: None };
            records.listed.insert(run_id.clone(), known);
        }
        records
    }

    /// Adds a run that this process has just learnt of.
    pub(crate) fn add(&mut self, run_id: RunId, now: Moment) {
        let known = RecordedRun {
            at: now.clocks,
            since: Some(now.here),
        };
        self.listed.insert(run_id.clone(), known);
        Arc::make_mut(&mut self.claimed).insert(run_id);
    }

    /// When this process has learnt of the last one, if of any.
    pub(crate) fn last_learnt(&self) -> Option<Instant> {
        self.listed.values().filter_map(|known| known.since).max()
    }

    /// How many of them `runs` lacks and should show.
    pub(crate) fn missing_from(&self, runs: &[FlowRun]) -> usize {
        self.missing(runs, |_| true)
    }

    /// The same of those that had `delay` to be listed when the list was asked for.
    fn overdue_in(&self, list: &Observation, delay: Duration) -> usize {
        let runs = list.runs.as_deref().unwrap_or_default();
        self.missing(runs, |known| match known.since {
            Some(since) => list.asked.here.saturating_duration_since(since) >= delay,
            None => known.at.age(list.asked.clocks) >= delay,
        })
    }

    /// A service may forget its oldest runs: those that are older, by each clock, than all that are
    /// shown need not be there.
    fn missing(&self, runs: &[FlowRun], must_show: impl Fn(&RecordedRun) -> bool) -> usize {
        let listed: HashSet<&RunId> = runs.iter().map(|run| &run.id).collect();
        let (shown, missing): (Vec<_>, Vec<_>) =
            self.listed.iter().partition(|(id, _)| listed.contains(id));
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
    fn recorded(runs: &[(&str, i64, i64)]) -> FlowRecords {
        let runs = runs.iter().map(|(id, local, service)| {
            let at = clocks(INTENT + local, INTENT + service);
            let known = RecordedRun { at, since: None };
            (id.parse().expect("a run id"), known)
        });
        FlowRecords {
            listed: runs.collect(),
            ..FlowRecords::default()
        }
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
        assert_eq!(FlowRecords::default().missing_from(&[]), 0);
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
        let list = Observation {
            asked: Moment {
                here: Instant::now(),
                clocks: clocks(INTENT + 300, INTENT + 300),
            },
            too_old: None,
            flow: None,
            runs: Ok(Vec::new()),
        };
        for (local, service, is_overdue) in [(0, 0, true), (1, 0, false), (0, 1, false)] {
            let recorded = recorded(&[("a", local, service)]);
            let overdue = list.overdue(&recorded, DELAY);
            assert_eq!(overdue.is_some(), is_overdue, "{local} {service}");
            assert!(list.doubtful(&recorded).is_some(), "it proves no absence");
        }
        let mut recorded = FlowRecords::default();
        let now = Moment {
            here: Instant::now(),
            clocks: clocks(0, 0),
        };
        recorded.add("new".parse().expect("a run id"), now);
        assert_eq!(list.overdue(&recorded, DELAY), None);
        let old = Observation {
            too_old: Some(DELAY),
            ..list
        };
        assert_eq!(
            old.overdue(&recorded, DELAY),
            Some(DoubtfulList::Old(DELAY))
        );
    }
}
