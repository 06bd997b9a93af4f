//! Why a command could not do its work: what is wrong with which line of which manifest, or what else
//! went wrong.

use super::blocks::{Block, Report, Table};
use super::problems::problem_row;
use super::{ProblemCounts, number, plain};
use crate::manifest::{Problem, Severity};

/// How much of a line is shown.
const LONGEST: usize = 1_000;

/// What went wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailureView<'a> {
    /// The verb that could not do its work; empty where none was understood.
    pub verb: &'a str,
    /// Completes "error: …".
    pub message: &'a str,
    /// Lines under the message.
    pub details: &'a [String],
    /// What to do.
    pub hints: &'a [String],
    /// What is wrong with manifests.
    pub problems: &'a [Problem],
    /// What else is.
    pub unlisted: ProblemCounts,
}

impl FailureView<'_> {
    /// The failure in at most `most` bytes.
    #[must_use]
    pub(crate) fn markdown(&self, most: usize) -> String {
        let Self {
            verb,
            message,
            details,
            hints,
            problems,
            unlisted,
        } = *self;
        let details = details.iter().map(|text| format!("  {text}"));
        let hints = hints.iter().map(|text| format!("hint: {text}"));
        let message = format!("error: {message}");
        let lines: Vec<String> = message
            .lines()
            .map(ToOwned::to_owned)
            .chain(details)
            .chain(hints)
            .map(|line| plain(&line, LONGEST))
            .collect();
        let title = format!("{verb} could not do its work");
        let mut report = Report {
            title: title.trim_start().to_owned(),
            ..Report::of([Block::Code(lines.join("\n"))])
        };
        for (severity, unlisted) in [
            (Severity::Error, unlisted.errors),
            (Severity::Warning, unlisted.warnings),
        ] {
            let of_it = problems.iter().filter(|it| it.severity() == severity);
            let table = Table::first(usize::MAX, of_it.map(problem_row), "problems");
            let all = number(table.rows.len() + unlisted, severity.as_str());
            report.table(Table {
                left_out: unlisted,
                ..table.under(format!("{all} in the manifests"))
            });
        }
        super::markdown(&report, most)
    }
}
