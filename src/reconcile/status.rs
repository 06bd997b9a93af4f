//! How recorded runs are doing, as the state and the service's lists have it: the result of `status`.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::AddAssign;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::listing::{Query, observe};
use crate::api::{ApiError, Client, FlowRun};
use crate::run::{
    ByteCounts, Counts, DesiredRun, FlowRef, Key, RecordCounts, RunId, RunIdentity, WindowStatus,
};
use crate::state::{Fate, Holder, Refusal, State};
use crate::untrusted::Untrusted;

/// One run, as the state and the service know it.
#[derive(Debug, Clone)]
pub(crate) struct StatusRow {
    /// The run.
    pub identity: RunIdentity,
    pub key: Key,
    /// The manifest's label for its flow.
    pub name: Untrusted,
    /// Its id; `None` while it is in doubt, and where it was rejected.
    pub run_id: Option<RunId>,
    /// Which attempt it is, from 1.
    pub attempt: usize,
    /// What the service says of it.
    pub seen: RunListing,
}

/// What a flow's list says of a run.
#[derive(Debug, Clone)]
pub(crate) enum RunListing {
    /// This.
    Run(Box<FlowRun>),
    /// It runs again under the id that it has, and the list shows it as it was before.
    RunsAgain,
    /// It is not in the list.
    NotListed,
    /// The list could not be read.
    NotRead,
    /// It is being sent: whoever holds the state is at work, and no answer is to be expected yet.
    Sending,
    /// The service refused it, so that there is no run.
    Rejected(Box<Refusal>),
}

/// A flow whose list could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    /// The manifest's label for it.
    pub name: Untrusted,
    pub flow: FlowRef,
    /// What the service said, or why it did not.
    pub why: String,
}

/// How the recorded runs are doing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    /// The runs, by sandbox, flow, window and rerun.
    pub rows: Vec<StatusRow>,
    /// The flows of which nothing is known, in the same order.
    pub unread: Vec<Unread>,
    /// Who holds the state, where some runs are being sent.
    pub holder: Option<Holder>,
}

/// What is on record, of the flows that are asked for.
#[derive(Debug)]
pub(crate) struct Recorded<'a> {
    pub state: Option<&'a State>,
    /// Who holds the state, where requests are on their way.
    pub holder: Option<&'a Holder>,
    /// The flows that are asked for, with their manifests' labels.
    pub names: &'a HashMap<&'a FlowRef, &'a Untrusted>,
    pub wanted: &'a [DesiredRun],
    pub settle_delay: Duration,
}

impl Recorded<'_> {
    /// Runs that exist or may, and of those that were rejected the ones that are still wanted.
    pub(crate) fn rows(&self) -> Vec<StatusRow> {
        let wanted: LazyCell<HashSet<&RunIdentity>, _> =
            LazyCell::new(|| self.wanted.iter().map(|run| &run.identity).collect());
        let mut rows: Vec<StatusRow> = self
            .state
            .into_iter()
            .flat_map(State::records)
            .filter_map(|record| {
                let identity = &record.identity;
                let name = self.names.get(&*identity.flow)?;
                let seen = match &record.fate {
                    Fate::Rejected { refusal, .. } if wanted.contains(identity) => {
                        RunListing::Rejected(refusal.clone())
                    }
                    Fate::Rejected { .. } | Fate::NotCreated(_) => return None,
                    fate if self.is_on_its_way(fate) => RunListing::Sending,
                    Fate::Created { .. } | Fate::InDoubt(_) => RunListing::NotListed,
                };
                Some(StatusRow {
                    identity: identity.clone(),
                    key: identity.key(),
                    name: (*name).clone(),
                    run_id: record.fate.run_id().cloned(),
                    attempt: record.attempt(),
                    seen,
                })
            })
            .collect();
        rows.sort_by(|a, b| a.identity.cmp(&b.identity));
        rows
    }

    /// Whether an answer to its request is still to be expected: its sender is at work.
    fn is_on_its_way(&self, fate: &Fate) -> bool {
        let Fate::InDoubt(in_doubt) = fate else {
            return false;
        };
        let age = Timestamp::now().duration_since(in_doubt.intent.time());
        self.holder.is_some()
            && is_open(fate)
            && age < SignedDuration::try_from(self.settle_delay).unwrap_or(SignedDuration::MAX)
    }

    fn is_of_attempt_before(&self, row: &StatusRow, run: &FlowRun) -> bool {
        let record = self.state.and_then(|state| state.get(&row.identity));
        record.is_some_and(|record| record.is_of_attempt_before(&run.seen(Timestamp::now())))
    }
}

/// Whether it is an intent of which nothing came back yet.
pub(crate) fn is_open(fate: &Fate) -> bool {
    matches!(fate, Fate::InDoubt(in_doubt) if in_doubt.doubt.is_none())
}

impl Status {
    /// Brings it up to date with what is on record now, as far as that is asked for, and with the lists:
    /// runs that were seen to have finished are not looked at again, and of a flow no more pages are read
    /// than show all others.
    ///
    /// # Errors
    /// With what every flow would meet.
    pub(crate) async fn look(
        &mut self,
        recorded: &Recorded<'_>,
        is_asked_for: impl Fn(&StatusRow) -> bool,
        client: &Client,
        concurrency: usize,
    ) -> Result<(), ApiError> {
        let before = self.rows.drain(..).filter(|row| row.run_id.is_some());
        let before: HashMap<Key, StatusRow> = before.map(|row| (row.key, row)).collect();
        self.rows = recorded.rows();
        self.rows.retain(|row| is_asked_for(row));
        self.holder = recorded.holder.cloned();
        let mut flows: BTreeMap<FlowRef, HashSet<RunId>> = BTreeMap::new();
        for row in &mut self.rows {
            let known = before.get(&row.key);
            let is_same = |it: &&StatusRow| it.run_id == row.run_id && it.attempt == row.attempt;
            if let Some(known) = known.filter(is_same) {
                row.seen = known.seen.clone();
            }
            if before.is_empty() || row.is_unfinished() {
                let ids = flows.entry(FlowRef::clone(&row.identity.flow)).or_default();
                ids.extend(row.run_id.clone());
            }
        }
        let asked: HashSet<RunId> = flows.values().flatten().cloned().collect();
        self.unread.retain(|it| !flows.contains_key(&it.flow));
        let queries = flows
            .into_iter()
            .map(|(flow, ids)| (flow, Query::with(ids)));
        let mut runs: HashMap<RunId, FlowRun> = HashMap::new();
        for (flow, list) in observe(client, queries, concurrency).await? {
            match list.runs {
                Ok(list) => runs.extend(list.into_iter().map(|run| (run.id.clone(), run))),
                Err(error) => self.unread.push(Unread {
                    name: recorded.names[&flow].clone(),
                    flow,
                    why: error.to_string(),
                }),
            }
        }
        let unread: HashSet<&FlowRef> = self.unread.iter().map(|it| &it.flow).collect();
        for row in &mut self.rows {
            let Some(id) = row.run_id.as_ref().filter(|id| asked.contains(*id)) else {
                continue;
            };
            row.seen = match runs.remove(id) {
                _ if unread.contains(&*row.identity.flow) => RunListing::NotRead,
                Some(run) if recorded.is_of_attempt_before(row, &run) => RunListing::RunsAgain,
                Some(run) => RunListing::Run(Box::new(run)),
                None => RunListing::NotListed,
            };
        }
        Ok(())
    }
}

impl StatusRow {
    /// Where it stands.
    #[must_use]
    pub(crate) fn status(&self) -> WindowStatus {
        match (&self.run_id, &self.seen) {
            (_, RunListing::Rejected(_)) => WindowStatus::Rejected,
            (_, RunListing::Sending | RunListing::RunsAgain) => WindowStatus::Scheduled,
            (None, _) => WindowStatus::InDoubt,
            (Some(_), RunListing::NotListed) => WindowStatus::NotListed,
            (Some(_), RunListing::NotRead) => WindowStatus::NotRead,
            (Some(_), RunListing::Run(run)) => (&run.status).into(),
        }
    }

    /// Whether the service may still change it.
    #[must_use]
    pub(crate) fn is_unfinished(&self) -> bool {
        self.status().is_unfinished()
    }

    /// Its word in JSON: that of its status, or what is known more exactly.
    #[must_use]
    pub(crate) fn word(&self) -> String {
        match &self.seen {
            RunListing::Sending => "beingSent".to_owned(),
            RunListing::RunsAgain => "retried".to_owned(),
            RunListing::Run(run) => run.status.to_string(),
            _ => self.status().word(),
        }
    }

    /// The same for people.
    #[must_use]
    pub(crate) fn label(&self) -> String {
        match &self.seen {
            RunListing::Sending => "being sent".to_owned(),
            RunListing::RunsAgain => "retried".to_owned(),
            RunListing::Run(run) if self.status() == WindowStatus::Unknown => {
                run.status.to_string()
            }
            _ => self.status().label().to_owned(),
        }
    }

    /// The run as it is listed.
    #[must_use]
    pub(crate) fn run(&self) -> Option<&FlowRun> {
        match &self.seen {
            RunListing::Run(run) => Some(run),
            RunListing::RunsAgain
            | RunListing::NotListed
            | RunListing::NotRead
            | RunListing::Sending
            | RunListing::Rejected(_) => None,
        }
    }

    /// Whether there is nothing to tell of it.
    pub(crate) fn is_fine(&self) -> bool {
        self.status() == WindowStatus::Success
            && self.run().is_some_and(|run| run.errors.is_empty())
    }
}

/// How many runs stand where, and what they moved.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatusTotals {
    pub counts: Counts<WindowStatus>,
    pub records: RecordCounts,
    pub bytes: ByteCounts,
    /// For how long they worked, those counted of which both ends are known.
    worked: SignedDuration,
    timed: i32,
}

impl StatusTotals {
    #[must_use]
    pub(crate) fn of<'r>(rows: impl IntoIterator<Item = &'r StatusRow>) -> Self {
        let mut totals = Self::default();
        for row in rows {
            totals += row;
        }
        totals
    }

    /// How long a run worked, on average, where that is known.
    pub(crate) fn each(&self) -> Option<Duration> {
        let each = (self.timed > 0).then(|| self.worked / self.timed)?;
        Duration::try_from(each).ok()
    }
}

impl AddAssign<&StatusRow> for StatusTotals {
    fn add_assign(&mut self, row: &StatusRow) {
        self.counts.add(row.status());
        let Some(run) = row.run() else { return };
        self.records = self.records.plus(run.records);
        self.bytes = self.bytes.plus(run.bytes);
        if let (Some(began), Some(ended)) = (run.times.started_at, run.times.ended_at)
            && began <= ended
        {
            self.worked += ended.duration_since(began);
            self.timed += 1;
        }
    }
}
