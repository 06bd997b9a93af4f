//! What a step tells the steps after it: numbers and words, by name.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter>

use std::io::{self, Write};

use crate::engine::{Applied, FollowTotals, OutcomeKind, RetrySummary};
use crate::plan::{Action, Plan, RetryPlan};
use crate::reconcile::status::{Status, StatusTotals};
use crate::run::WindowStatus;

/// The outputs that depend on the result; what a verb does not know is not written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outputs {
    has_changes: Option<bool>,
    create: Option<usize>,
    created: Option<usize>,
    adopted: Option<usize>,
    rejected: Option<usize>,
    in_doubt: Option<usize>,
    remaining: Option<usize>,
    retried: Option<usize>,
    exhausted: Option<usize>,
    /// How followed runs ended.
    ended: Option<[(&'static str, usize); 5]>,
    plan_digest: Option<String>,
}

impl Outputs {
    /// Those of a plan that was only shown.
    #[must_use]
    pub(crate) fn of_plan(plan: &Plan) -> Self {
        let totals = plan.totals();
        Self {
            has_changes: Some(totals.has_changes()),
            create: Some(totals.to_create()),
            in_doubt: Some(totals.actions.of(Action::Settle)),
            remaining: Some(totals.held_back),
            plan_digest: Some(plan.digest()),
            ..Self::default()
        }
    }

    /// Those of a plan that was carried out.
    #[must_use]
    pub(crate) fn of_applied(plan: &Plan, applied: &Applied) -> Self {
        let counts = applied.counts(plan.totals().held_back);
        let count = |kind| Some(counts.of(kind));
        Self {
            created: count(OutcomeKind::Created),
            adopted: count(OutcomeKind::Adopted),
            rejected: count(OutcomeKind::Rejected),
            in_doubt: count(OutcomeKind::InDoubt),
            remaining: count(OutcomeKind::Remaining),
            ended: applied.followed.as_ref().map(ended),
            ..Self::of_plan(plan)
        }
    }

    /// Those of a retry.
    #[must_use]
    pub(crate) fn of_retried(planned: &RetryPlan, applied: &Applied) -> Self {
        let counts = RetrySummary::new(planned, Some(applied));
        Self {
            retried: Some(counts.retried),
            rejected: Some(counts.rejected),
            in_doubt: Some(counts.in_doubt),
            remaining: Some(counts.remaining),
            exhausted: Some(counts.exhausted),
            ended: applied.followed.as_ref().map(ended),
            ..Self::default()
        }
    }

    /// Those of a status.
    #[must_use]
    pub(crate) fn of_status(status: &Status) -> Self {
        let totals = StatusTotals::of(&status.rows);
        let rows = status.rows.iter();
        Self {
            rejected: Some(totals.counts.of(WindowStatus::Rejected)),
            in_doubt: Some(totals.counts.of(WindowStatus::InDoubt)),
            ended: Some([
                ("success_count", totals.counts.of(WindowStatus::Success)),
                ("partial_count", totals.counts.of(WindowStatus::Partial)),
                ("empty_count", totals.counts.of(WindowStatus::Empty)),
                ("failed_count", totals.counts.of(WindowStatus::Failed)),
                (
                    "unfinished_count",
                    rows.filter(|row| row.is_unfinished()).count(),
                ),
            ]),
            ..Self::default()
        }
    }

    /// By name, in the order of the action's outputs.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self {
            has_changes,
            create,
            created,
            adopted,
            rejected,
            in_doubt,
            remaining,
            retried,
            exhausted,
            ended,
            plan_digest,
        } = self;
        let counts = [
            ("create_count", *create),
            ("created_count", *created),
            ("adopted_count", *adopted),
            ("rejected_count", *rejected),
            ("in_doubt_count", *in_doubt),
            ("remaining_count", *remaining),
            ("retried_count", *retried),
            ("exhausted_count", *exhausted),
        ];
        let ended = ended.iter().flatten();
        let ended = ended.map(|(name, count)| (*name, Some(*count)));
        let has_changes = has_changes
            .as_ref()
            .map(|has| ("has_changes", has.to_string()));
        let counts = counts
            .into_iter()
            .chain(ended)
            .filter_map(|(name, count)| Some((name, count?.to_string())));
        let digest = plan_digest.clone().map(|digest| ("plan_digest", digest));
        has_changes.into_iter().chain(counts).chain(digest)
    }
}

/// How followed runs ended, by the names of outputs.
fn ended(totals: &FollowTotals) -> [(&'static str, usize); 5] {
    [
        ("success_count", totals.success),
        ("partial_count", totals.partial),
        ("empty_count", totals.empty),
        ("failed_count", totals.failed),
        ("unfinished_count", totals.unfinished),
    ]
}

/// Writes one output; `delimiter` is a line that nobody can have foreseen, so that no value ends
/// early and goes on as another output.
///
/// # Errors
/// When `out` cannot be written, or the value holds the delimiter.
pub(crate) fn write_output(
    out: &mut dyn Write,
    name: &str,
    value: &str,
    delimiter: &str,
) -> io::Result<()> {
    if value.contains(delimiter) {
        return Err(io::Error::other("a value holds its own delimiter"));
    }
    writeln!(out, "{name}<<{delimiter}\n{value}\n{delimiter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_go_on_as_another_output() {
        let mut out = Vec::new();
        write_output(&mut out, "report_path", "a\nexit_code=0\nEOF", "d3b0").expect("written");
        assert_eq!(out, b"report_path<<d3b0\na\nexit_code=0\nEOF\nd3b0\n");
        assert!(write_output(&mut out, "x", "a\nd3b0\ny=z", "d3b0").is_err());
    }

    #[test]
    fn a_verb_tells_what_it_knows() {
        let none: Vec<_> = Outputs::default().values().collect();
        assert!(none.is_empty());
        let plan = Plan::default();
        let values: Vec<_> = Outputs::of_plan(&plan).values().collect();
        assert_eq!(
            values,
            [
                ("has_changes", "false".to_owned()),
                ("create_count", "0".to_owned()),
                ("in_doubt_count", "0".to_owned()),
                ("remaining_count", "0".to_owned()),
                ("plan_digest", plan.digest()),
            ]
        );
    }
}
