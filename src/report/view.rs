//! A result in every form in which it is shown: one view for each verb, which `cli::present` shows.
//!
//! A view holds the values of a result and knows which function writes each form; the functions are
//! in the folders of their forms. A new form is one more method here.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::blocks::Report;
use super::github::{Annotation, Outputs, annotate_audit, annotate_diagnosis};
use super::json::{
    self, AuditDocument, DoctorDocument, ImportDocument, ResolveDocument, StateDocument,
    ValidateDocument, VerifyDocument,
};
use super::markdown::markdown;
use super::markdown_text::{audit_markdown, doctor_markdown};
use super::terminal::{Layout, write_report};
use super::text::audit::{AuditView, write_audit};
use super::text::doctor::{Diagnosis, write_diagnosis};
use super::text::import::{ImportedFlow, write_import};
use super::text::resolve::{write_cases, write_decisions};
use super::text::state::{write_record, write_records, write_verified};
use super::{ProblemCounts, number};
use crate::manifest::{Checked, Sources};
use crate::reconcile::resolve::{Case, Decision};
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

/// What `validate` found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValidateView<'a> {
    /// The texts.
    pub sources: &'a Sources,
    /// What they ask for, and what is wrong with them.
    pub checked: &'a Checked,
    /// No more problems than so many are in the document.
    pub max_problems: usize,
}

impl ValidateView<'_> {
    fn totals(&self) -> String {
        let warnings = match ProblemCounts::in_all(self.checked).warnings {
            0 => String::new(),
            warnings => format!(", {}", number(warnings, "warning")),
        };
        format!(
            "{}, {}: no errors{warnings}.",
            number(self.sources.len(), "file"),
            describe_manifests(self.checked)
        )
    }
}

/// `4 manifests of 6 flows, 403 runs`; the flows only where a manifest has several.
pub(crate) fn describe_manifests(checked: &Checked) -> String {
    let Checked {
        documents,
        manifests,
        runs,
        ..
    } = checked;
    let flows = if manifests.len() == *documents {
        String::new()
    } else {
        format!(" of {}", number(checked.flows(), "flow"))
    };
    let manifests = number(*documents, "manifest");
    format!("{manifests}{flows}, {}", number(runs.len(), "run"))
}

impl View for ValidateView<'_> {
    type Document = ValidateDocument;

    /// One line, if there is no error: problems are drawn on standard error.
    fn write_text(&self, out: &mut dyn Write, _: Layout) -> io::Result<()> {
        if self.checked.has_errors() {
            return Ok(());
        }
        writeln!(out, "{}", self.totals())
    }

    fn document(&self, exit_code: u8) -> ValidateDocument {
        json::validate(self.sources, self.checked, self.max_problems, exit_code)
    }

    fn markdown(&self, _: usize) -> Option<String> {
        let is_valid = !self.checked.has_errors();
        is_valid.then(|| format!("### backfill validate: {}\n", self.totals()))
    }
}

impl View for AuditView<'_> {
    type Document = AuditDocument;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        write_audit(out, self, layout.verbose)
    }

    fn document(&self, exit_code: u8) -> AuditDocument {
        json::audit(self, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_audit(self)
    }

    fn markdown(&self, most: usize) -> Option<String> {
        Some(audit_markdown(self, most))
    }
}

impl View for Diagnosis {
    type Document = DoctorDocument;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        write_diagnosis(out, self, layout)
    }

    fn document(&self, exit_code: u8) -> DoctorDocument {
        json::doctor(self, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_diagnosis(self)
    }

    fn markdown(&self, most: usize) -> Option<String> {
        Some(doctor_markdown(self, most))
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

/// What is known of runs in doubt, and what was decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResolveView<'a> {
    /// The runs, each with what a person decided, if anybody did.
    pub cases: &'a [(Case, Option<Decision>)],
    /// Whether anything was to be decided.
    pub is_decision: bool,
    /// The `createdClient` of the runs that we create.
    pub api_key: &'a str,
}

impl View for ResolveView<'_> {
    type Document = ResolveDocument;

    fn write_text(&self, out: &mut dyn Write, _: Layout) -> io::Result<()> {
        if self.is_decision {
            return write_decisions(out, self.cases);
        }
        write_cases(out, self.cases.iter().map(|(case, _)| case), self.api_key)
    }

    fn document(&self, exit_code: u8) -> ResolveDocument {
        json::resolve(self.cases, exit_code)
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
