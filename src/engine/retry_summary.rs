//! How many runs came to what by a retry: the summary of its document.

use serde::Serialize;

use super::{Applied, OutcomeKind};
use crate::plan::{Action, RetryPlan};

/// How many runs came to what, by a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetrySummary {
    /// Run again, those found to be so included.
    pub retried: usize,
    /// That need no retry, or have not finished.
    pub unchanged: usize,
    /// Refused by the service.
    pub rejected: usize,
    /// May be run again, or not.
    pub in_doubt: usize,
    /// Left for the next retry; in a dry run, all that would be run again.
    pub remaining: usize,
    /// Run as often as is allowed: left to a person.
    pub exhausted: usize,
    /// Not run again while their manifests say so.
    pub paused: usize,
}

impl RetrySummary {
    #[must_use]
    pub(crate) fn new(planned: &RetryPlan, applied: Option<&Applied>) -> Self {
        let RetryPlan {
            plan,
            exhausted,
            paused,
            unchanged,
        } = planned;
        let totals = plan.totals();
        let summary = Self {
            remaining: totals.held_back,
            exhausted: exhausted.len(),
            paused: *paused,
            unchanged: *unchanged,
            ..Self::default()
        };
        let Some(applied) = applied else {
            return Self {
                in_doubt: totals.actions.of(Action::Settle),
                remaining: summary.remaining + totals.actions.of(Action::Retry),
                unchanged: summary.unchanged + totals.actions.of(Action::Unchanged),
                ..summary
            };
        };
        let counts = applied.counts(totals.held_back);
        Self {
            retried: counts.of(OutcomeKind::Created) + counts.of(OutcomeKind::Adopted),
            rejected: counts.of(OutcomeKind::Rejected),
            in_doubt: counts.of(OutcomeKind::InDoubt),
            remaining: counts.of(OutcomeKind::Remaining),
            unchanged: summary.unchanged + counts.of(OutcomeKind::Unchanged),
            ..summary
        }
    }
}
