//! Problems of manifests, no more of them than somebody reads.
//!
//! Takes the problems as they were found, sorted by place; gives those to show, still sorted, and
//! a count of the rest. Errors are chosen before warnings, so that no number of warnings hides an
//! error.

use std::io::{self, Write};

use serde::Serialize;

use super::blocks::Row;
use super::wrap::fold;
use super::{number, plain};
use crate::manifest::{Checked, Problem, Severity, Sources, Unlisted, render};

/// How many errors and warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ProblemCounts {
    /// Problems that forbid to go on.
    pub errors: usize,
    /// The others.
    pub warnings: usize,
}

impl ProblemCounts {
    /// Counts `problems`.
    pub(crate) fn of<'p>(problems: impl IntoIterator<Item = &'p Problem>) -> Self {
        let mut counts = Self::default();
        for problem in problems {
            *counts.at(problem.severity()) += 1;
        }
        counts
    }

    /// Counts all that checking found.
    #[must_use]
    pub(crate) fn in_all(checked: &Checked) -> Self {
        let Checked {
            manifests: _,
            documents: _,
            runs: _,
            problems,
            unlisted,
        } = checked;
        Self::of(problems).and((*unlisted).into())
    }

    /// Whether there is nothing.
    #[must_use]
    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// What is left when `shown` are taken away.
    #[must_use]
    pub(crate) fn less(self, shown: Self) -> Self {
        Self {
            errors: self.errors.saturating_sub(shown.errors),
            warnings: self.warnings.saturating_sub(shown.warnings),
        }
    }

    /// Both together.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        let Self { errors, warnings } = other;
        Self {
            errors: self.errors + errors,
            warnings: self.warnings + warnings,
        }
    }

    /// Counts one more.
    pub(crate) fn add(&mut self, severity: Severity) {
        *self.at(severity) += 1;
    }

    fn at(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        }
    }
}

impl From<Unlisted> for ProblemCounts {
    fn from(Unlisted { errors, warnings }: Unlisted) -> Self {
        Self { errors, warnings }
    }
}

impl std::fmt::Display for ProblemCounts {
    /// `1 error and 2 warnings`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { errors, warnings } = *self;
        let (e, w) = (number(errors, "error"), number(warnings, "warning"));
        match (errors, warnings) {
            (_, 0) => f.write_str(&e),
            (0, _) => f.write_str(&w),
            _ => write!(f, "{e} and {w}"),
        }
    }
}

/// Some of many problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounded<'p> {
    /// Those to show, sorted as they were.
    pub shown: Vec<&'p Problem>,
    /// Those that are not shown.
    pub rest: ProblemCounts,
}

/// At most `most` of the problems: errors before warnings, and earlier places before later ones.
#[must_use]
pub(crate) fn bound(checked: &Checked, most: usize) -> Bounded<'_> {
    let listed = ProblemCounts::of(&checked.problems);
    let mut left = ProblemCounts {
        errors: listed.errors.min(most),
        warnings: listed.warnings.min(most.saturating_sub(listed.errors)),
    };
    let rest = ProblemCounts::in_all(checked).less(left);
    let shown = checked
        .problems
        .iter()
        .filter(|problem| {
            let left = left.at(problem.severity());
            let is_shown = *left > 0;
            *left = left.saturating_sub(1);
            is_shown
        })
        .collect();
    Bounded { shown, rest }
}

impl Bounded<'_> {
    /// The errors alone.
    #[must_use]
    pub(crate) fn without_warnings(mut self) -> Self {
        self.shown
            .retain(|problem| problem.severity() == Severity::Error);
        self.rest.warnings = 0;
        self
    }
}

/// What is wrong at which line of which manifest, and what helps.
pub(super) fn problem_row(problem: &Problem) -> Row {
    let place = &problem.place;
    let line = format!(
        "{}:{}  {}",
        plain(&place.file, 100),
        place.span.line,
        problem.rule.code()
    );
    let help = problem
        .hint
        .iter()
        .map(|hint| format!("help: {}", plain(hint, 300)));
    let message = plain(&problem.message, 300);
    Row::new([line]).with_notes(std::iter::once(message).chain(help).collect())
}

/// Writes problems as the Rust compiler draws its own, an empty line after each, and what was
/// left out, within `width` columns if there is such a limit.
///
/// # Errors
/// When `out` cannot be written.
pub(crate) fn write_problems(
    out: &mut dyn Write,
    problems: &Bounded<'_>,
    sources: &Sources,
    colour: bool,
    width: Option<usize>,
) -> io::Result<()> {
    let Bounded { shown, rest } = problems;
    for problem in shown {
        for (n, line) in render(problem, sources, colour).lines().enumerate() {
            // An excerpt keeps its columns: what is under it points at it.
            let is_sentence = n == 0 || is_help(line);
            for line in fold(line, width.filter(|_| is_sentence).unwrap_or(usize::MAX)) {
                writeln!(out, "{line}")?;
            }
        }
        writeln!(out)?;
    }
    if !rest.is_zero() {
        writeln!(out, "note: {rest} more, see --max-problems\n")?;
    }
    // A gap before what is said of all of them.
    if !shown.is_empty() || !rest.is_zero() {
        writeln!(out)?;
    }
    Ok(())
}

/// Whether a line of a drawn problem is its help.
fn is_help(line: &str) -> bool {
    console::strip_ansi_codes(line)
        .trim_start()
        .starts_with("= help: ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Rules, check};
    use crate::run::UnixSeconds;

    /// One manifest with `warnings` windows that are there twice, then `errors` unknown fields.
    fn checked(warnings: usize, errors: usize) -> Checked {
        let mut text = "version: 1\nflowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
                        sandbox: prod\nsource: file\nruns:\n"
            .to_owned();
        let run = "- { windowStartTime: 1651584991, windowEndTime: 1651585956 }\n";
        text.push_str(&run.repeat(warnings + 1));
        let slips: Vec<_> = (0..errors).map(|n| format!("slip{n}: 1\n")).collect();
        text.push_str(&slips.concat());
        let sources = Sources::from_texts([("m.yaml", text)]);
        let now = UnixSeconds::new(1_764_000_000).expect("in range");
        check(&sources, &Rules::at(now))
    }

    fn counts(errors: usize, warnings: usize) -> ProblemCounts {
        ProblemCounts { errors, warnings }
    }

    #[test]
    fn warnings_never_hide_an_error_and_the_order_stays() {
        let checked = checked(20, 3);
        assert_eq!(ProblemCounts::in_all(&checked), counts(3, 20));
        let Bounded { shown, rest } = bound(&checked, 5);
        assert_eq!(ProblemCounts::of(shown.iter().copied()), counts(3, 2));
        assert_eq!(rest, counts(0, 18));
        let lines: Vec<_> = shown
            .iter()
            .map(|problem| problem.place.span.line)
            .collect();
        assert!(lines.is_sorted(), "{lines:?}");
        let quiet = bound(&checked, 5).without_warnings();
        assert_eq!(
            (quiet.shown.len(), quiet.rest),
            (3, ProblemCounts::default())
        );
    }

    #[test]
    fn the_first_errors_are_shown_and_the_rest_counted() {
        let checked = checked(2, 30);
        let Bounded { shown, rest } = bound(&checked, 10);
        assert_eq!(ProblemCounts::of(shown.iter().copied()), counts(10, 0));
        assert_eq!(rest, counts(20, 2));
        assert_eq!(rest.to_string(), "20 errors and 2 warnings");
        assert!(shown[9].message.contains("slip9"), "{}", shown[9].message);
        assert_eq!(bound(&checked, 0).shown.len(), 0);
        assert!(bound(&checked, 32).rest.is_zero());
    }
}
