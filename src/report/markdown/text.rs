//! Results whose Markdown is the text that a terminal shows of them, under their totals.

use std::io::{self, Write};

use super::{LINE, more, pre};
use crate::engine::Applied;
use crate::plan::RetryPlan;
use crate::report::text::audit::{AuditView, describe_totals, write_audit};
use crate::report::text::doctor::{Diagnosis, write_diagnosis};
use crate::report::text::retry::{RetryCounts, write_retried, write_retry_plan};
use crate::report::text::status::{Status, write_status};
use crate::report::text::table::Layout;
use crate::report::{fold, number};

/// How many bytes are kept for what stands around the text.
const RESERVED: usize = 1_000;

/// The audit in at most `most` bytes.
#[must_use]
pub(crate) fn audit_markdown(view: &AuditView<'_>, most: usize) -> String {
    let totals = describe_totals(view.audit);
    block("audit", &totals, most, |out| write_audit(out, view, true))
}

/// The diagnosis in at most `most` bytes.
#[must_use]
pub(crate) fn doctor_markdown(diagnosis: &Diagnosis, most: usize) -> String {
    block("doctor", &diagnosis.describe_counts(), most, |out| {
        write_diagnosis(out, diagnosis, Layout::default())
    })
}

/// The status of runs in at most `most` bytes.
#[must_use]
pub(crate) fn status_markdown(status: &Status, most: usize) -> String {
    // What the service calls a status is in the block alone.
    block("status", &number(status.rows.len(), "run"), most, |out| {
        write_status(out, status, Layout::default())
    })
}

/// What a retry would do, in at most `most` bytes.
#[must_use]
pub(crate) fn retry_plan_markdown(planned: &RetryPlan, most: usize) -> String {
    let totals = format!("{} to run again", planned.plan.totals().retry);
    block("retry, as a dry run", &totals, most, |out| {
        write_retry_plan(out, planned, Layout::default())
    })
}

/// What a retry came to, in at most `most` bytes.
#[must_use]
pub(crate) fn retried_markdown(planned: &RetryPlan, applied: &Applied, most: usize) -> String {
    let totals = RetryCounts::of(planned, applied).describe();
    block("retry", &totals, most, |out| {
        write_retried(out, planned, applied, Layout::default())
    })
}

fn block(
    verb: &str,
    totals: &str,
    most: usize,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> String {
    let mut text = Vec::new();
    // Memory can be written.
    let _ = write(&mut text);
    let text = String::from_utf8_lossy(&text);
    let text = console::strip_ansi_codes(&text);
    let lines: Vec<String> = text
        .lines()
        .flat_map(|line| fold(line, LINE))
        .map(|line| line + "\n")
        .collect();
    let number = lines.len();
    let (block, left_out) = pre(lines.into_iter(), number, most.saturating_sub(RESERVED));
    format!(
        "### backfill {verb}: {totals}\n\n{block}{}",
        more(left_out, "line")
    )
}
