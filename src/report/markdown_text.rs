//! Results whose Markdown is the text that a terminal shows of them, under their totals.

use std::io::{self, Write};

use super::fold;
use super::markdown::{LINE, more, pre};
use super::terminal::Layout;
use super::text::audit::{AuditView, describe_totals, write_audit};
use super::text::doctor::{Diagnosis, write_diagnosis};

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
    let (block, left_out) = pre(lines.into_iter(), most.saturating_sub(RESERVED));
    format!(
        "### backfill {verb}: {totals}\n\n{block}{}",
        more(left_out, "lines")
    )
}
