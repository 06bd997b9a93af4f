//! Why a command could not do its work, as Markdown: what is wrong with which line of which manifest,
//! or what else went wrong.

use super::plan::problem_line;
use super::{pre, section};
use crate::manifest::{Problem, Severity};
use crate::report::{ProblemCounts, number, plain};

/// How many bytes are kept for what is said besides the problems.
const RESERVED: usize = 6_000;
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

/// The failure in at most `most` bytes.
#[must_use]
pub(crate) fn failure_markdown(view: FailureView<'_>, most: usize) -> String {
    let FailureView {
        verb,
        message,
        details,
        hints,
        problems,
        unlisted,
    } = view;
    let line = |text: &str| plain(text, LONGEST) + "\n";
    let said: Vec<String> = message
        .lines()
        .map(|text| format!("error: {}", line(text)))
        .take(1)
        .chain(message.lines().skip(1).map(line))
        .chain(details.iter().map(|text| format!("  {}", line(text))))
        .chain(hints.iter().map(|text| format!("hint: {}", line(text))))
        .collect();
    let (block, _) = pre(said.iter().cloned(), said.len(), RESERVED - 200);
    let command = format!("backfill {verb}");
    let command = command.trim_end();
    let mut text = format!("### {command} could not do its work\n\n{block}");
    for (severity, unlisted) in [
        (Severity::Error, unlisted.errors),
        (Severity::Warning, unlisted.warnings),
    ] {
        let of_it = || problems.iter().filter(|one| one.severity() == severity);
        let all = of_it().count() + unlisted;
        let heading = format!("**{} in the manifests**", number(all, severity.as_str()));
        let room = most.saturating_sub(RESERVED + text.len());
        let lines = of_it().map(|problem| {
            let hint = problem.hint.iter();
            let hints = hint.map(|hint| format!("      help: {}\n", plain(hint, 300)));
            problem_line(problem) + &hints.collect::<String>()
        });
        text.push_str(&section(&heading, severity.as_str(), lines, all, room));
    }
    text
}
