//! A result in every form in which it is shown: one view for each verb, which `cli::present` shows.
//!
//! A view holds the values of a result and knows which function writes each form; the functions are
//! in the folders of their forms. A new form is one more method here.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::blocks::Report;
use super::github::{Annotation, Outputs};
use super::json::{self, ImportDocument, StateDocument, VerifyDocument};
use super::markdown::markdown;
use super::terminal::{Layout, write_report};
use super::text::import::{ImportedFlow, write_import};
use super::text::state::{write_record, write_records, write_verified};
use crate::state::{Record, State};
use crate::store::Inspected;

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

/// What `import` put on record, or would.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImportView<'a> {
    pub flows: &'a [ImportedFlow],
    /// The `createdClient` of the runs that we create.
    pub api_key: &'a str,
    /// Whether nothing was touched.
    pub dry_run: bool,
}

impl View for ImportView<'_> {
    type Document = ImportDocument;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        let Self {
            flows,
            api_key,
            dry_run,
        } = *self;
        write_import(out, flows, api_key, dry_run, layout.verbose)
    }

    fn document(&self, exit_code: u8) -> ImportDocument {
        json::import(self.flows, self.api_key, self.dry_run, exit_code)
    }
}

/// Runs on record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateView<'a> {
    /// The place of the state.
    pub place: &'a str,
    /// The state; `None` where there is none.
    pub state: Option<&'a State>,
    /// The runs of it that are shown.
    pub runs: &'a [&'a Record],
    /// Whether all that is known of the one run is shown.
    pub is_one: bool,
}

impl<'a> View for StateView<'a> {
    type Document = StateDocument<'a>;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        match (self.state, self.runs) {
            (None, _) => write_no_state(out, self.place),
            (Some(_), [run]) if self.is_one => write_record(out, run),
            (Some(_), runs) => write_records(out, runs, layout),
        }
    }

    fn document(&self, _: u8) -> StateDocument<'a> {
        json::state(self.state, self.runs)
    }
}

/// Whether the stored files are whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VerifyView<'a> {
    /// The place of the state.
    pub place: &'a str,
    /// What was read; `None` where there is no state.
    pub inspected: Option<&'a Inspected>,
}

impl View for VerifyView<'_> {
    type Document = VerifyDocument;

    fn write_text(&self, out: &mut dyn Write, _: Layout) -> io::Result<()> {
        match self.inspected {
            Some(inspected) => write_verified(out, self.place, inspected),
            None => write_no_state(out, self.place),
        }
    }

    fn document(&self, _: u8) -> VerifyDocument {
        json::verify(self.inspected)
    }
}

/// Nothing is wrong then, but a person who meant another place should see it.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_no_state(out: &mut dyn Write, place: &str) -> io::Result<()> {
    writeln!(out, "There is no state in {place}.")
}
