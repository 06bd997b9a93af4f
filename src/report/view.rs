//! A result in every form in which it is shown: one view for each verb, which `cli::present` shows.
//!
//! A view holds the values of a result and knows which function writes each form; the functions are
//! in the folders of their forms. A new form is one more method here.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::blocks::Layout;
use super::blocks::Report;
use super::github::{Annotation, Outputs};
use super::markdown::markdown;
use super::terminal::write_report;

/// A result that can be shown.
pub(crate) trait View {
    /// Its JSON.
    type Document: Serialize;

    /// Writes it for people.
    ///
    /// # Errors
    /// When writing fails.
    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        write_report(out, &self.report(layout), layout)
    }

    /// It as blocks, for a terminal or for Markdown.
    fn report(&self, layout: Layout) -> Report {
        let _ = layout;
        Report::default()
    }

    /// Its JSON document, of a program that ends with `exit_code`.
    fn document(&self, exit_code: u8) -> Self::Document;

    /// What of it is annotated at the lines of manifests, in a job of GitHub Actions.
    fn annotations(&self) -> Vec<Annotation> {
        Vec::new()
    }

    /// Markdown in at most `most` bytes, for the summary of a step or a comment; `None` where a verb
    /// has none.
    fn markdown(&self, most: usize) -> Option<String> {
        let layout = Layout {
            is_markdown: true,
            ..Layout::default()
        };
        let report = self.report(layout);
        (!report.title.is_empty()).then(|| markdown(&report, most))
    }

    /// The page: one HTML file, made at `now`; `None` where a verb has none.
    fn html(&self, now: Timestamp) -> Option<String> {
        let _ = now;
        None
    }

    /// The outputs of a step.
    fn outputs(&self) -> Option<Outputs> {
        None
    }
}
