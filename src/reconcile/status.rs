//! How recorded runs are doing, as the state and the service's lists have it: the result of `status`.

use std::ops::AddAssign;
use std::time::Duration;

use jiff::SignedDuration;

use crate::api::FlowRun;
use crate::run::{
    ByteCounts, Counts, FlowRef, Key, RecordCounts, RunId, RunIdentity, WindowStatus,
};
use crate::state::{Holder, Refusal};
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
