//! An audit: one line of totals, then what differs of each flow, worst first, and what a person can do.

use std::collections::HashMap;

use super::blocks::{Layout, Report, Row, Table};
use super::github::{Annotation, AnnotationPlace, first_origins};
use super::json::{self, AuditDocument};
use super::reason::{describe_fate, describe_run};
use super::status::describe_error;
use super::view::View;
use super::{listed, number, plain, window};
use crate::api::{FlowRun, WindowEvidence};
use crate::manifest::Severity;
use crate::reconcile::audit::{Audit, Fact, Finding, FindingKind, Trace};
use crate::run::{DesiredRun, FlowRef, Key, RunId, Window};
use crate::state::Record;

/// How many findings of a kind are shown of a flow before they are only counted.
const SHOWN: usize = 10;
/// How many runs of one finding are named before they are only counted.
const NAMED: usize = 5;
/// How much of what the service said is repeated.
const MOST_SAID: usize = 300;

/// An audit, and what it is read with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuditView<'a> {
    pub audit: &'a Audit,
    /// Whether there is a state.
    pub has_state: bool,
    /// The `createdClient` of the runs that we create.
    pub api_key: &'a str,
    /// What the manifests ask for, with its lines.
    pub wanted: &'a [DesiredRun],
}

impl<'a> View for AuditView<'a> {
    type Document = AuditDocument<'a>;

    fn report(&self, layout: Layout) -> Report {
        let Audit {
            findings,
            flows,
            runs,
            records,
            too_new,
            elsewhere,
        } = self.audit;
        let totals = describe_totals(self.audit);
        let compared = [(*flows, "flow"), (*runs, "run"), (*records, "record")];
        let compared = compared.map(|(count, what)| number(count, what)).join(", ");
        let mut report = Report {
            title: format!("audit: {totals}"),
            ..Report::new("audit", &compared, &totals)
        };
        if layout.is_markdown {
            report.note(format!("{compared}."));
        }
        if !self.has_state {
            report.note("There is no state yet: every run is unknown to it.");
        }
        if *too_new > 0 {
            report.note(format!(
                "{} sent or recorded so lately that a list may not show it yet.",
                number(*too_new, "run")
            ));
        }
        if *elsewhere > 0 {
            report.note(format!(
                "{} of flows that no manifest names: not audited.",
                number(*elsewhere, "record")
            ));
        }
        // In a terminal the end is what is read first.
        let advice = report.blocks.len();
        let flows = findings.chunk_by(|a, b| a.flow == b.flow);
        flows.for_each(|findings| report.table(self.flow(findings, layout)));
        report.table(describe_advice(self.audit));
        if layout.is_markdown {
            report.blocks[advice..].rotate_right(usize::from(!findings.is_empty()));
        }
        report
    }

    fn document(&self, exit_code: u8) -> AuditDocument<'a> {
        json::audit(self.audit, self.has_state, self.api_key, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        let flows = first_origins(self.wanted);
        let windows: HashMap<(&FlowRef, Window), &DesiredRun> = self
            .wanted
            .iter()
            .map(|run| ((&*run.identity.flow, run.identity.window), run))
            .collect();
        let mut findings: Vec<&Finding> = self.audit.findings.iter().collect();
        findings.sort_by_key(|finding| finding.fact.kind());
        let annotations = findings.into_iter().map(|Finding { flow, name, fact }| {
            let wanted = match fact {
                Fact::Overlap { with, .. } => with.first().map(|(window, _)| *window),
                fact => fact.window(),
            };
            let line = wanted.and_then(|window| windows.get(&(flow, window)));
            let line = line.map(|run| run.origin());
            let mut what = format!("{name} in {}", flow.sandbox);
            if let Some(shown) = fact.window() {
                what = format!("{what}, {}", window(shown));
            }
            let (word, severity, advice) = about(fact.kind());
            let help = format!("help: {advice}");
            Annotation {
                severity,
                spot: line
                    .as_ref()
                    .or_else(|| flows.get(flow))
                    .map(AnnotationPlace::from),
                title: word.to_owned(),
                lines: std::iter::once(what)
                    .chain(details(fact, self.api_key))
                    .chain([help])
                    .collect(),
            }
        });
        annotations.collect()
    }
}

impl AuditView<'_> {
    /// What differs of a flow; of each kind the first ones, where not everything is shown.
    fn flow(&self, findings: &[Finding], layout: Layout) -> Table {
        let most = layout.most(SHOWN);
        let (mut rows, mut skipped) = (Vec::new(), 0);
        for of_kind in findings.chunk_by(|a, b| a.fact.kind() == b.fact.kind()) {
            for Finding { fact, .. } in of_kind.iter().take(most) {
                rows.push(Row {
                    skipped: std::mem::take(&mut skipped),
                    notes: details(fact, self.api_key),
                    ..Row::new(cells(fact))
                });
            }
            skipped = of_kind.len().saturating_sub(most);
        }
        Table {
            flow: findings
                .first()
                .map(|first| (plain(&first.name, 60), first.flow.clone())),
            head: &["FINDING", "WINDOW", "KEY"],
            rows,
            left_out: skipped,
            rest: "findings, shown by --verbose",
            ..Table::default()
        }
    }
}

/// `2 doubled, 1 unknown`.
fn describe_totals(audit: &Audit) -> String {
    let counts = audit.counts();
    let totals = listed(counts.present().map(|(kind, count)| (count, about(kind).0)));
    if totals.is_empty() {
        return "nothing differs".to_owned();
    }
    totals
}

/// What a person can do about each kind of finding that there is.
fn describe_advice(audit: &Audit) -> Table {
    let counts = audit.counts();
    let rows = counts.present();
    let rows = rows.map(|(kind, _)| {
        let (word, _, advice) = about(kind);
        Row::new([word, advice].map(ToOwned::to_owned))
    });
    Table::first(usize::MAX, rows, "").under("What to do")
}

/// The word for one finding, how bad it is, and what a person can do about it.
fn about(kind: FindingKind) -> (&'static str, Severity, &'static str) {
    use Severity::{Error, Warning};
    match kind {
        FindingKind::Contradiction => (
            "contradiction",
            Error,
            "see whether its window was ingested twice; if its run was listed late, raise settleDelay",
        ),
        FindingKind::Doubled => (
            "doubled",
            Error,
            "the window was ingested once for each run; delete the surplus batches in AEP",
        ),
        FindingKind::Overlap => (
            "overlap",
            Error,
            "a part of the window was ingested twice, or would be: an apply leaves a wanted window that \
             it overlaps; ask for other windows, or say `overlap: allow` in the manifest",
        ),
        FindingKind::Unreadable => (
            "unreadable",
            Error,
            "see whether the flow is in this sandbox, and may be read",
        ),
        FindingKind::Vanished => (
            "vanished",
            Error,
            "if its data is missing too, ask for it with the next `rerun`",
        ),
        FindingKind::Differs => (
            "differs",
            Error,
            "compare `backfill state show KEY` with the run in AEP",
        ),
        FindingKind::InDoubt => (
            "in doubt",
            Warning,
            "apply settles it; what it cannot tell, `backfill resolve` takes from you",
        ),
        FindingKind::Failed => (
            "failed",
            Error,
            "see the error in AEP; `backfill retry` runs it again",
        ),
        FindingKind::Partial => (
            "partial",
            Error,
            "see in AEP which records failed; to run the window again, ask for its next `rerun`",
        ),
        FindingKind::Unknown => (
            "unknown",
            Warning,
            "find out who created it; a manifest that wants its window has the next apply adopt it",
        ),
    }
}

fn cells(fact: &Fact) -> [String; 3] {
    let none = || "-".to_owned();
    let wanted = match fact {
        Fact::Unknown { wanted, .. } => *wanted,
        _ => None,
    };
    let key = fact.record().map(|record| record.identity.key());
    [
        about(fact.kind()).0.to_owned(),
        fact.window().map_or_else(none, window),
        key.or(wanted).map_or_else(none, |key| key.short()),
    ]
}

/// What is to be known of a finding, line by line.
fn details(fact: &Fact, api_key: &str) -> Vec<String> {
    let describe = |run: &FlowRun| describe_run(run, api_key);
    match fact {
        Fact::Contradiction { denial, run, .. } => vec![
            format!("the state says: {}", describe_fate(denial)),
            format!("but it exists: {}", describe(run)),
        ],
        Fact::Doubled { runs, .. } => runs
            .iter()
            .map(|(run, key)| match key {
                Some(key) => format!("{}: on record as {}", describe(run), key.short()),
                None => format!("{}: not on record", describe(run)),
            })
            .collect(),
        Fact::Overlap { run, with } => vec![describe(run), describe_overlap(with)],
        Fact::Unreadable { why, .. } => vec![plain(why, MOST_SAID)],
        Fact::Vanished(record) => vec![
            describe_fate(&record.fate),
            "neither listed nor found by its id".to_owned(),
        ],
        Fact::Differs { record, run } => vec![describe(run), describe_difference(record, run)],
        Fact::InDoubt { record, trace } => {
            vec![describe_fate(&record.fate), describe_trace(trace)]
        }
        Fact::Failed { run, .. } => {
            let errors = run.errors.iter().take(NAMED).map(describe_error);
            std::iter::once(describe(run)).chain(errors).collect()
        }
        Fact::Unknown { run, wanted } => {
            let what = match (wanted, run.window_evidence) {
                (Some(_), _) => "the next apply adopts it: a manifest wants this window",
                (None, WindowEvidence::Missing) => "it shows no window: it may be any run",
                (None, WindowEvidence::Invalid) => "it shows a window that none can be",
                (None, WindowEvidence::Params(_) | WindowEvidence::CopyActivity(_)) => {
                    "no manifest that was read wants its window"
                }
            };
            vec![describe(run), what.to_owned()]
        }
    }
}

fn describe_difference(record: &Record, run: &FlowRun) -> String {
    let identity = &record.identity;
    let by_flow = run
        .flow_id
        .filter(|flow_id| *flow_id != identity.flow.id)
        .map(|flow_id| format!("it is of the flow {flow_id}"));
    let by_window = match run.window_evidence {
        WindowEvidence::Params(shown) | WindowEvidence::CopyActivity(shown) => {
            (shown != identity.window).then(|| format!("it shows the window {}", window(shown)))
        }
        WindowEvidence::Invalid => Some("it shows a window that none can be".to_owned()),
        WindowEvidence::Missing => None,
    };
    let mut differences: Vec<String> = by_flow.into_iter().chain(by_window).collect();
    if differences.is_empty() {
        differences.push("it is listed here".to_owned());
    }
    format!(
        "{}; on record for {} of the flow {} in {}",
        differences.join(" and "),
        window(identity.window),
        identity.flow.id,
        identity.flow.sandbox
    )
}

/// `its window overlaps [2022-01-15, 2022-01-16) of the key 0123456789ab`.
fn describe_overlap(with: &[(Window, Key)]) -> String {
    let with = with
        .iter()
        .map(|(of, key)| format!("{} of the key {}", window(*of), key.short()));
    format!("its window overlaps {}", first_of(with))
}

fn describe_trace(trace: &Trace) -> String {
    match trace {
        Trace::Shown(id) => format!("the run {id} shows its window: the next apply settles it so"),
        Trace::Unclear(id) => format!(
            "the run {id} shows its window, and nothing tells whether it is this rerun: \
             `backfill resolve` records what you find out"
        ),
        Trace::Silent(ids) => format!(
            "{} {} no window and may be it: {}",
            number(ids.len(), "run"),
            if ids.len() == 1 { "shows" } else { "show" },
            first_of(ids.iter().map(RunId::to_string))
        ),
        Trace::Nothing => "no run that is listed can be it; the next apply settles it".to_owned(),
    }
}

/// `a, b and 3 more`.
pub(super) fn first_of(all: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    match more {
        0 => all.join(", "),
        more => format!("{} and {more} more", all.join(", ")),
    }
}
