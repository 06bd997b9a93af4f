//! A result in every form in which it is shown: one view for each verb, which `cli::present` shows.
//!
//! A view holds the values of a result and knows which function writes each form; the functions are
//! in the folders of their forms. A new form is one more method here.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::github::{
    Annotation, Outputs, annotate_applied, annotate_audit, annotate_diagnosis, annotate_plan,
    annotate_retried, annotate_status,
};
use super::html::{PageSource, page};
use super::json::{
    self, ApplyDocument, AuditDocument, DoctorDocument, ImportDocument, PlanDocument,
    ResolveDocument, RetryDocument, StateDocument, StatusDocument, ValidateDocument,
    VerifyDocument,
};
use super::markdown::{
    applied_markdown, audit_markdown, doctor_markdown, plan_markdown, retried_markdown,
    retry_plan_markdown, status_markdown,
};
use super::outcome::BlockedFlow;
use super::reason::describe_review;
use super::text::apply::write_summary;
use super::text::audit::{AuditView, write_audit};
use super::text::doctor::{Diagnosis, write_diagnosis};
use super::text::follow::write_followed;
use super::text::import::{ImportedFlow, write_import};
use super::text::plan::write_plan;
use super::text::resolve::{write_cases, write_decisions};
use super::text::retry::{write_retried, write_retry_plan};
use super::text::state::{write_record, write_records, write_verified};
use super::text::status::{Status, write_status};
use super::text::table::Layout;
use super::{ProblemCounts, number};
use crate::engine::Applied;
use crate::manifest::{Checked, Problem, Sources};
use crate::plan::{Forecast, Plan, RetryPlan};
use crate::reconcile::resolve::{Case, Decision};
use crate::run::DesiredRun;
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
    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()>;

    /// Its JSON document, of a program that ends with `exit_code`.
    fn document(&self, exit_code: u8) -> Self::Document;

    /// What of it is annotated at the lines of manifests, in a job of GitHub Actions.
    fn annotations(&self) -> Vec<Annotation> {
        Vec::new()
    }

    /// Markdown in at most `most` bytes, for the summary of a step or a comment; `None` where a verb
    /// has none.
    fn markdown(&self, most: usize) -> Option<String> {
        let _ = most;
        None
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

/// What `plan` and a dry run show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanView<'a> {
    /// What there is to do.
    pub plan: &'a Plan,
    /// What it was made from.
    pub state: Option<&'a State>,
    /// What carrying it out will take.
    pub forecast: Option<&'a Forecast>,
    /// What was found in the manifests; no errors.
    pub problems: &'a [Problem],
    /// The flows that nothing can be sent to, where the service was looked at.
    pub blocked: Option<&'a [BlockedFlow]>,
}

impl<'a> PlanView<'a> {
    /// A plan, made from `state`, of which no more is known.
    pub(crate) fn of(plan: &'a Plan, state: Option<&'a State>) -> Self {
        Self {
            plan,
            state,
            forecast: None,
            problems: &[],
            blocked: None,
        }
    }

    fn blocked(&self) -> &'a [BlockedFlow] {
        self.blocked.unwrap_or_default()
    }
}

impl<'a> PlanView<'a> {
    /// What the page of `verb` is made from, as far as a plan tells.
    fn page_source(&self, verb: &'static str, now: Timestamp) -> PageSource<'a> {
        PageSource {
            verb,
            plan: self.plan,
            state: self.state,
            forecast: self.forecast,
            status: None,
            blocked: self.blocked(),
            applied: None,
            now,
        }
    }
}

impl<'a> View for PlanView<'a> {
    type Document = PlanDocument<'a>;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        write_plan(out, self.plan, self.forecast, self.blocked(), layout)
    }

    fn document(&self, _: u8) -> PlanDocument<'a> {
        json::plan(self.plan, self.forecast, self.blocked, self.state)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_plan(self.plan)
    }

    fn markdown(&self, most: usize) -> Option<String> {
        Some(plan_markdown(
            self.plan,
            self.forecast,
            self.blocked(),
            self.problems,
            most,
        ))
    }

    fn html(&self, now: Timestamp) -> Option<String> {
        Some(page(&self.page_source("plan", now)))
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_plan(self.plan))
    }
}

/// What `apply` came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApplyView<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// What became of it.
    pub applied: &'a Applied,
    /// What there is to do after it, where a page is to tell.
    pub next: Option<PlanView<'a>>,
}

impl View for ApplyView<'_> {
    type Document = ApplyDocument;

    fn write_text(&self, out: &mut dyn Write, _: Layout) -> io::Result<()> {
        let Self { plan, applied, .. } = *self;
        let totals = plan.totals();
        if !totals.has_changes()
            && totals.paused + totals.unreviewed == 0
            && applied.others_in_doubt == 0
        {
            let unchanged = totals.unchanged;
            writeln!(out, "Nothing to do: 0 created, {unchanged} unchanged.")?;
            if let Some(review) = describe_review(plan) {
                writeln!(out, "{review}.")?;
            }
        } else {
            write_summary(out, applied, plan)?;
        }
        match &applied.followed {
            Some(totals) => {
                writeln!(out)?;
                write_followed(out, totals, applied.unfollowed)
            }
            None => Ok(()),
        }
    }

    fn document(&self, exit_code: u8) -> ApplyDocument {
        json::apply(self.applied, self.plan, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_applied(self.applied)
    }

    fn markdown(&self, most: usize) -> Option<String> {
        Some(applied_markdown(self.applied, self.plan, most))
    }

    fn html(&self, now: Timestamp) -> Option<String> {
        Some(page(&PageSource {
            applied: Some(self.applied),
            ..self.next?.page_source("apply", now)
        }))
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_applied(self.plan, self.applied))
    }
}

/// Which runs a retry would run again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPlanView<'a> {
    pub planned: &'a RetryPlan,
}

impl View for RetryPlanView<'_> {
    type Document = RetryDocument;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        write_retry_plan(out, self.planned, layout)
    }

    fn document(&self, exit_code: u8) -> RetryDocument {
        json::retry(self.planned, None, exit_code)
    }

    fn markdown(&self, most: usize) -> Option<String> {
        Some(retry_plan_markdown(self.planned, most))
    }
}

/// What `retry` came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryView<'a> {
    /// What was planned.
    pub planned: &'a RetryPlan,
    /// What became of it.
    pub applied: &'a Applied,
}

impl View for RetryView<'_> {
    type Document = RetryDocument;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        write_retried(out, self.planned, self.applied, layout)
    }

    fn document(&self, exit_code: u8) -> RetryDocument {
        json::retry(self.planned, Some(self.applied), exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_retried(self.planned, self.applied)
    }

    fn markdown(&self, most: usize) -> Option<String> {
        Some(retried_markdown(self.planned, self.applied, most))
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_retried(self.planned, self.applied))
    }
}

/// How recorded runs are doing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StatusView<'a> {
    /// The runs, and the flows whose runs could not be listed.
    pub status: &'a Status,
    /// What the manifests ask for, with its lines.
    pub wanted: &'a [DesiredRun],
    /// What there is to do, where a page is to tell.
    pub plan: Option<PlanView<'a>>,
}

impl View for StatusView<'_> {
    type Document = StatusDocument;

    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        write_status(out, self.status, layout)
    }

    fn document(&self, exit_code: u8) -> StatusDocument {
        json::status(self.status, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_status(self.status, self.wanted)
    }

    fn markdown(&self, most: usize) -> Option<String> {
        Some(status_markdown(self.status, most))
    }

    fn html(&self, now: Timestamp) -> Option<String> {
        Some(page(&PageSource {
            status: Some(self.status),
            ..self.plan?.page_source("status", now)
        }))
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_status(self.status))
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
