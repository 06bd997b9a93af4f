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

use std::sync::Arc;

use jiff::Timestamp;

use crate::run::{DesiredRun, FlowRef, OrganizationId, OtherRun, Rerun, RunIdentity, UnixSeconds};
use crate::state::{Fate, LastSeen, Record, State};

pub(crate) use day_budget::DayBudget;
pub(crate) use diff::diff;
pub(crate) use explain::{Explained, explain};
pub(crate) use forecast::{DayForecast, Forecast, IngestionForecast, Pace};
pub(crate) use retry::{RetryPlan, RetryRule};
pub(crate) use reviewed::{PlanDigest, Review, ReviewedPlan};
pub(crate) use select::{Limit, Selection};

/// What is to be done about one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Create it: the state does not know it.
    Create,
    /// Create it: the service refused it the last time, so it does not exist.
    Again,
    /// Nothing: it exists.
    Unchanged,
    /// Put it on record: it was found to exist.
    Adopt,
    /// Find out first: a request for it may have arrived.
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
    Wait,
    /// Nothing: its window overlaps one that was ingested already.
    Conflict,
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
    /// A run that the service shows in the way of one that is wanted.
    pub(crate) fn in_the_way(flow: &Arc<FlowRef>, other: OtherRun, now: Timestamp) -> Self {
        Self {
            identity: RunIdentity {
                flow: Arc::clone(flow),
                window: other.window,
                rerun: Rerun::FIRST,
            },
            fate: Fate::Created {
                run_id: other.run_id.clone(),
                adopted: None,
                at: now,
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

/// How many runs have which action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// To be created.
    pub create: usize,
    /// Exist already.
    pub unchanged: usize,
    /// Found to exist, to be put on record.
    pub adopt: usize,
    /// To be settled.
    pub in_doubt: usize,
    /// In the way of a run in doubt.
    pub waiting: usize,
    /// Refused before, to be created.
    pub failed: usize,
    /// In the way of what was ingested already.
    pub conflict: usize,
    /// Known to the state, wanted by no manifest that was read.
    pub orphaned: usize,
    /// To be created, but left for a later apply by a selection.
    pub held_back: usize,
    /// To be run again.
    pub retry: usize,
    /// Not created while their manifests say `paused: true`.
    pub paused: usize,
    /// Not created, for the plan that was reviewed does not create them.
    pub unreviewed: usize,
    /// Not created, for nothing can be sent to their flows.
    pub blocked: usize,
}

impl Totals {
    /// Whether an apply would have something to do.
    #[must_use]
    pub(crate) fn has_changes(&self) -> bool {
        let sent = self.create + self.failed + self.retry;
        sent + self.adopt + self.in_doubt + self.waiting + self.held_back > 0
    }

    /// How many requests an apply or a retry would send.
    #[must_use]
    pub(crate) fn to_create(self) -> usize {
        self.create + self.failed + self.retry
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

    /// How many runs have which action.
    #[must_use]
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals {
            orphaned: self.orphaned.len(),
            held_back: self.held_back.len(),
            ..Totals::default()
        };
        for PlannedRun { action, .. } in &self.runs {
            let count = match action {
                Action::Create => &mut totals.create,
                Action::Again => &mut totals.failed,
                Action::Unchanged => &mut totals.unchanged,
                Action::Adopt => &mut totals.adopt,
                Action::Settle => &mut totals.in_doubt,
                Action::Retry => &mut totals.retry,
                Action::Paused => &mut totals.paused,
                Action::Unreviewed => &mut totals.unreviewed,
                Action::Blocked => &mut totals.blocked,
                Action::Wait => &mut totals.waiting,
                Action::Conflict => &mut totals.conflict,
            };
            *count += 1;
        }
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
