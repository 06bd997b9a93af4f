//! The page of a verb that could not do its work: why, and what is wrong with the manifests.

use jiff::Timestamp;
use maud::html;

use super::answers::moment;
use super::document::{document, ticked};
use crate::report::problems::problem_row;
use crate::report::{FailureView, plain};

/// The whole file.
pub(crate) fn failure_page(failure: FailureView<'_>, now: Timestamp) -> String {
    /// How much of a line is shown.
    const LONGEST: usize = 1_000;
    /// How many problems of manifests are shown.
    const SHOWN: usize = 100;

    let FailureView {
        verb,
        message,
        details,
        hints,
        problems,
        unlisted,
    } = failure;
    let headline = format!("backfill {verb} could not do its work");
    let more = problems.len().saturating_sub(SHOWN) + unlisted.errors + unlisted.warnings;
    let body = html! {
        header {
            p.kicker { "backfill " (verb) " · " (moment(now)) }
            h1 { (headline) }
        }
        main {
            section.problem {
                h2 { "Why" }
                @for line in message.lines() { p.note { (plain(line, LONGEST)) } }
                @if !details.is_empty() {
                    ul { @for line in details { li { (plain(line, LONGEST)) } } }
                }
                @for hint in hints { p.remedy { (ticked(&plain(hint, LONGEST))) } }
            }
            @if !problems.is_empty() {
                section {
                    h2 { "What is wrong with the manifests" }
                    ul.plain {
                        @for problem in problems.iter().take(SHOWN) {
                            @let row = problem_row(problem);
                            li {
                                (row.cells.concat()) " " (ticked(&row.notes.join("; ")))
                            }
                        }
                    }
                    @if more > 0 { p { (more) " more." } }
                }
            }
        }
        footer { p { "Made " (moment(now)) " by backfill " (env!("CARGO_PKG_VERSION")) "." } }
    };
    document(&headline, &body, false)
}
