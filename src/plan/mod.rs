//! The difference: what the manifests want, less what the state knows.
//!
//! Pure: takes desired runs and a [`State`], gives a [`Plan`], a value that
//! can be shown, compared and carried out. Only [`diff()`] makes one, only [`Plan::select`]
//! narrows one, and neither can send anything.

mod day_budget;
mod diff;
mod explain;
mod forecast;
mod found;
mod retry;
mod reviewed;
mod select;
#[cfg(test)]
mod tests;

use std::ops::AddAssign;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::{
    Counted, Counts, DesiredRun, FlowRef, OrganizationId, OtherRun, Rerun, RunIdentity,
    UnixSeconds, WindowStatus,
};
use crate::state::{Fate, LastSeen, Record, State};

pub(crate) use day_budget::DayBudget;
pub(crate) use diff::diff;
pub(crate) use explain::{Explained, explain};
pub(crate) use forecast::{DayForecast, Forecast, IngestionForecast, Pace};
pub(crate) use retry::{RetryPlan, RetryRule};
pub(crate) use reviewed::{PlanDigest, Review, ReviewedPlan};
pub(crate) use select::{Limit, Selection};

/// What is to be done about one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum Action {
    /// Create it: the state does not know it.
    Create,
    /// Create it: the service refused it the last time, so it does not exist.
    #[serde(rename = "rejected")]
    Again,
    /// Nothing: it exists.
    Unchanged,
    /// Put it on record: it was found to exist.
    Adopt,
    /// Find out first: a request for it may have arrived.
    #[serde(rename = "inDoubt")]
    Settle,
    /// Run it again: it failed, or brought no record, and that was asked for.
    Retry,
    /// Nothing: it does not exist, and its manifest says `paused: true`.
    Paused,
    /// Nothing: it does not exist, and the plan that was reviewed does not create it.
    Unreviewed,
    /// Nothing: it does not exist, and its flow was found to be one that nothing can be sent to.
    Blocked,
    /// Nothing yet: its window overlaps that of a run in doubt, which is settled first.
    #[serde(rename = "waiting")]
    Wait,
    /// Nothing: its window overlaps one that was ingested already.
    Conflict,
}

/// What is in the way first, then what is done, then what is not.
impl Counted for Action {
    const ALL: &'static [Self] = &[
        Self::Conflict,
        Self::Blocked,
        Self::Create,
        Self::Again,
        Self::Retry,
        Self::Adopt,
        Self::Unchanged,
        Self::Settle,
        Self::Wait,
        Self::Paused,
        Self::Unreviewed,
    ];

    fn index(self) -> usize {
        self as usize
    }
}

impl Action {
    /// Whether carrying it out sends a request that creates a run.
    #[must_use]
    pub(crate) fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Again | Self::Retry)
    }

    /// Whether a request may be sent, by this apply or by a later one.
    #[must_use]
    pub(crate) fn may_send(self) -> bool {
        match self {
            Self::Create
            | Self::Again
            | Self::Retry
            | Self::Settle
            | Self::Paused
            | Self::Blocked
            | Self::Wait => true,
            Self::Unchanged | Self::Adopt | Self::Unreviewed | Self::Conflict => false,
        }
    }
}

/// A desired run and what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedRun {
    pub run: DesiredRun,
    /// What is to be done.
    pub action: Action,
    /// What the state knows of it, or, for a conflict, of the run that is in the way. Nothing for a
    /// run that exists and has not ended badly, as nearly all: [`State::get`] tells, where anybody asks.
    pub known: Option<Box<Known>>,
}

impl PlannedRun {
    /// How its run was doing when it was last read, as far as the plan knows.
    pub(crate) fn last_seen(&self) -> Option<&LastSeen> {
        self.known.as_ref()?.last_seen.as_ref()
    }

    /// What became of its window, as far as the plan knows; one that exists was last read so.
    pub(crate) fn status(&self) -> WindowStatus {
        match self.action {
            Action::Create | Action::Retry => WindowStatus::New,
            Action::Again => WindowStatus::Rejected,
            Action::Unchanged => {
                let seen = self.last_seen();
                seen.map_or(WindowStatus::Created, |seen| (&seen.status).into())
            }
            Action::Adopt => WindowStatus::Created,
            Action::Settle => WindowStatus::InDoubt,
            Action::Paused => WindowStatus::Paused,
            Action::Unreviewed => WindowStatus::HeldBack,
            Action::Blocked => WindowStatus::Blocked,
            Action::Wait => WindowStatus::Waiting,
            Action::Conflict => WindowStatus::Conflict,
        }
    }

    /// What the state knows of it, or, for a conflict, of the run that is in the way; `state` is the
    /// one that the plan was made from.
    pub(crate) fn known_of(&self, state: Option<&State>) -> Option<Known> {
        match &self.known {
            Some(known) => Some(Known::clone(known)),
            None => Some(Known::of(state?.get(&self.run.identity)?)),
        }
    }
}

/// What the state knows of a run, as far as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// The run the state knows.
    pub identity: RunIdentity,
    /// What became of it.
    pub fate: Fate,
    /// How it was doing when it was last read.
    pub last_seen: Option<LastSeen>,
    /// The run itself, where the state does not know it and the service shows it in the way.
    pub other: Option<OtherRun>,
}

impl Known {
    /// What became of a window that no manifest asks for.
    pub(crate) fn status(&self) -> WindowStatus {
        match self.fate {
            Fate::InDoubt(_) => WindowStatus::InDoubt,
            Fate::Created { .. } | Fate::Rejected { .. } | Fate::NotCreated(_) => {
                WindowStatus::Orphaned
            }
        }
    }

    /// A run that the service shows in the way of one that is wanted.
    pub(crate) fn in_the_way(flow: &Arc<FlowRef>, other: OtherRun) -> Self {
        Self {
            identity: RunIdentity {
                flow: Arc::clone(flow),
                window: other.window,
                rerun: Rerun::FIRST,
            },
            fate: Fate::Created {
                run_id: other.run_id.clone(),
                adopted: None,
                at: Timestamp::UNIX_EPOCH, // nobody shows it: what is known is in `other`
                sent_at: None,
            },
            last_seen: None,
            other: Some(other),
        }
    }

    fn of(record: &Record) -> Self {
        Self {
            identity: record.identity.clone(),
            fate: record.fate.clone(),
            last_seen: record.last_seen().cloned(),
            other: None,
        }
    }
}

/// What an apply would do with each run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    runs: Vec<PlannedRun>,
    orphaned: Vec<Known>,
    held_back: Vec<PlannedRun>,
    limit: Option<Limit>,
    partial: bool,
    organization: Option<OrganizationId>,
    reviewed: Option<Arc<ReviewedPlan>>,
    made_at: Option<UnixSeconds>,
}

/// How many runs of a plan, or of one of its flows, are to be what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub actions: Counts<Action>,
    /// What became of the windows, those of `held_back` and `orphaned` left out.
    pub statuses: Counts<WindowStatus>,
    /// To be created, but left for a later apply by a selection.
    pub held_back: usize,
    /// Known to the state, wanted by no manifest that was read.
    pub orphaned: usize,
}

impl Totals {
    pub(crate) fn add(&mut self, planned: &PlannedRun) {
        self.actions.add(planned.action);
        self.statuses.add(planned.status());
    }

    /// Whether an apply would have something to do.
    #[must_use]
    pub(crate) fn has_changes(&self) -> bool {
        let waits = |action| matches!(action, Action::Adopt | Action::Settle | Action::Wait);
        self.to_create() + self.actions.sum(waits) + self.held_back > 0
    }

    /// How many requests an apply or a retry would send.
    #[must_use]
    pub(crate) fn to_create(&self) -> usize {
        self.actions.sum(Action::creates)
    }
}

impl AddAssign<&Self> for Totals {
    fn add_assign(&mut self, other: &Self) {
        let Self {
            actions,
            statuses,
            held_back,
            orphaned,
        } = other;
        self.actions += actions;
        self.statuses += statuses;
        self.held_back += held_back;
        self.orphaned += orphaned;
    }
}

impl Plan {
    /// Every run, ordered by sandbox, flow, window and rerun.
    #[must_use]
    pub(crate) fn runs(&self) -> &[PlannedRun] {
        &self.runs
    }

    /// The same, flow by flow.
    pub(crate) fn flows(&self) -> impl Iterator<Item = &[PlannedRun]> {
        self.runs
            .chunk_by(|a, b| a.run.identity.flow == b.run.identity.flow)
    }

    /// Runs that exist, or may, of the flows that were read, which no manifest wants any more.
    #[must_use]
    pub(crate) fn orphaned(&self) -> &[Known] {
        &self.orphaned
    }

    /// Runs that would be created, but for a limit: none of [`runs`](Self::runs), in its order.
    #[must_use]
    pub(crate) fn held_back(&self) -> &[PlannedRun] {
        &self.held_back
    }

    /// The limit that held runs back, if one did.
    #[must_use]
    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Whether it holds only those runs of its flows that were asked for by key.
    #[must_use]
    pub(crate) fn is_partial(&self) -> bool {
        self.partial
    }

    /// Whether windows overlap what the state has: the manifests are wrong. A run of somebody else in
    /// the way concerns its window alone.
    pub(crate) fn contradicts_state(&self) -> bool {
        let is_of_state = |known: &Known| known.other.is_none();
        self.conflicts()
            .any(|planned| planned.known.as_deref().is_none_or(is_of_state))
    }

    /// The runs whose windows overlap one that was ingested already.
    pub(crate) fn conflicts(&self) -> impl Iterator<Item = &PlannedRun> {
        self.runs
            .iter()
            .filter(|planned| planned.action == Action::Conflict)
    }

    /// How many runs are to be what.
    #[must_use]
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals {
            held_back: self.held_back.len(),
            orphaned: self.orphaned.len(),
            ..Totals::default()
        };
        self.runs.iter().for_each(|planned| totals.add(planned));
        totals
    }

    /// The same plan, for the runs of this organization.
    #[must_use]
    pub(crate) fn of_organization(self, organization: Option<OrganizationId>) -> Self {
        Self {
            organization,
            ..self
        }
    }

    /// The same plan, made at `now`.
    #[must_use]
    pub(crate) fn at(self, now: UnixSeconds) -> Self {
        Self {
            made_at: Some(now),
            ..self
        }
    }

    /// Whether `planned` begins when it is sent although it asks for another time: that has passed.
    #[must_use]
    pub(crate) fn starts_when_sent(&self, planned: &PlannedRun) -> bool {
        let asked = planned.run.start_time;
        planned.action.may_send() && asked.is_some_and(|asked| Some(asked) < self.made_at)
    }

    /// Whose runs it plans, if that is known.
    #[must_use]
    pub(crate) fn organization(&self) -> Option<&OrganizationId> {
        self.organization.as_ref()
    }

    /// SHA-256, in hex, of what the plan would do: equal plans have equal digests, whatever was
    /// unchanged before.
    #[must_use]
    pub(crate) fn digest(&self) -> String {
        let mut digest = PlanDigest::new(self.organization());
        for planned in &self.runs {
            digest.add_planned(planned);
        }
        digest.finish()
    }
}
