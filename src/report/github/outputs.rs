//! What a step tells the steps after it: numbers and words, by name.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter>

use std::io::{self, Write};

use crate::engine::{Applied, OutcomeKind, RetrySummary};
use crate::plan::{Action, Plan, RetryPlan};
use crate::reconcile::status::{Status, StatusTotals};
use crate::run::{Counts, WindowStatus};

/// The outputs that depend on the result, each with its name; what a verb does not know is not written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outputs(pub(crate) Vec<(&'static str, String)>);

impl Outputs {
    /// Those of a plan that was only shown.
    #[must_use]
    pub(crate) fn of_plan(plan: &Plan) -> Self {
        let totals = plan.totals();
        let counts = [
            ("create_count", totals.to_create()),
            ("in_doubt_count", totals.actions.of(Action::Settle)),
            ("remaining_count", totals.held_back),
        ];
        Self::of_changes(plan).and(counts)
    }

    /// Those of a plan that was carried out.
    #[must_use]
    pub(crate) fn of_applied(plan: &Plan, applied: &Applied) -> Self {
        let totals = plan.totals();
        let counts = applied.counts(totals.held_back);
        let counts = [
            ("create_count", totals.to_create()),
            ("created_count", counts.of(OutcomeKind::Created)),
            ("adopted_count", counts.of(OutcomeKind::Adopted)),
            ("rejected_count", counts.of(OutcomeKind::Rejected)),
            ("in_doubt_count", counts.of(OutcomeKind::InDoubt)),
            ("remaining_count", counts.of(OutcomeKind::Remaining)),
        ];
        Self::of_changes(plan).and(counts).and_followed(applied)
    }

    /// Those of a retry.
    #[must_use]
    pub(crate) fn of_retried(planned: &RetryPlan, applied: &Applied) -> Self {
        let counts = RetrySummary::new(planned, Some(applied));
        let counts = [
            ("rejected_count", counts.rejected),
            ("in_doubt_count", counts.in_doubt),
            ("remaining_count", counts.remaining),
            ("retried_count", counts.retried),
            ("exhausted_count", counts.exhausted),
        ];
        Self::default().and(counts).and_followed(applied)
    }

    /// Those of a status.
    #[must_use]
    pub(crate) fn of_status(status: &Status) -> Self {
        let counts = StatusTotals::of(&status.rows).counts;
        let not_ended = [
            ("rejected_count", counts.of(WindowStatus::Rejected)),
            ("in_doubt_count", counts.of(WindowStatus::InDoubt)),
        ];
        Self::default().and(not_ended).and(ended(&counts))
    }

    fn of_changes(plan: &Plan) -> Self {
        let has_changes = plan.totals().has_changes().to_string();
        Self(vec![
            ("has_changes", has_changes),
            ("plan_digest", plan.digest()),
        ])
    }

    fn and_followed(self, applied: &Applied) -> Self {
        let followed = applied.followed.iter();
        self.and(followed.flat_map(|totals| ended(&totals.counts)))
    }

    fn and(mut self, counts: impl IntoIterator<Item = (&'static str, usize)>) -> Self {
        let counts = counts.into_iter();
        self.0
            .extend(counts.map(|(name, count)| (name, count.to_string())));
        self
    }
}

/// How runs ended, by the names of outputs.
fn ended(counts: &Counts<WindowStatus>) -> [(&'static str, usize); 5] {
    [
        ("success_count", counts.of(WindowStatus::Success)),
        ("partial_count", counts.of(WindowStatus::Partial)),
        ("empty_count", counts.of(WindowStatus::Empty)),
        ("failed_count", counts.of(WindowStatus::Failed)),
        ("unfinished_count", counts.unfinished()),
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
        let plan = Plan::default();
        assert_eq!(
            Outputs::of_plan(&plan).0,
            [
                ("has_changes", "false".to_owned()),
                ("plan_digest", plan.digest()),
                ("create_count", "0".to_owned()),
                ("in_doubt_count", "0".to_owned()),
                ("remaining_count", "0".to_owned()),
            ]
        );
    }
}
