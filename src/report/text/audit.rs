//! An audit as text: one line of totals, then what differs of each flow, worst first.

use std::io::{self, Write};

use super::table;
use crate::api::{FlowRun, WindowEvidence};
use crate::reconcile::audit::{Audit, Denial, Fact, Finding, FindingKind, Trace};
use crate::report::reason::{describe_absence, describe_fate, time};
use crate::report::{number, plain, window};
use crate::run::{DesiredRun, Key, RunId, Window};
use crate::state::Record;

/// How many findings of a kind are shown of a flow before they are only counted.
const SHOWN: usize = 10;
/// How many runs of one finding are named before they are only counted.
const NAMED: usize = 5;
/// How much of what the service said is repeated.
const MOST_SAID: usize = 300;
/// How much of a client's or an account's name is.
const MOST_NAME: usize = 80;

/// An audit, and what it is read with.
#[derive(Debug, Clone)]
pub(crate) struct AuditView<'a> {
    /// What it came to.
    pub audit: &'a Audit,
    /// The state's place; `None` where there is no state.
    pub state: Option<String>,
    /// The `createdClient` of the runs that we create.
    pub api_key: &'a str,
    /// What the manifests ask for, with its lines.
    pub wanted: &'a [DesiredRun],
}

/// Writes the audit; with `verbose`, every finding of it.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_audit(
    out: &mut dyn Write,
    view: &AuditView<'_>,
    verbose: bool,
) -> io::Result<()> {
    let AuditView {
        audit,
        state,
        api_key,
        wanted: _,
    } = view;
    let Audit {
        findings,
        flows,
        runs,
        records,
        too_new,
        elsewhere,
    } = audit;
    let totals = describe_totals(audit);
    writeln!(
        out,
        "{}, {}, {}: {totals}.",
        number(*flows, "flow"),
        number(*runs, "run"),
        number(*records, "record")
    )?;
    if state.is_none() {
        writeln!(out, "There is no state yet: every run is unknown to it.")?;
    }
    if *too_new > 0 {
        writeln!(
            out,
            "{} sent or recorded so lately that a list may not show it yet.",
            number(*too_new, "run")
        )?;
    }
    if *elsewhere > 0 {
        writeln!(
            out,
            "{} of flows that no manifest names: not audited.",
            number(*elsewhere, "record")
        )?;
    }
    for flow in findings.chunk_by(|a, b| a.flow == b.flow) {
        write_flow(out, flow, api_key, verbose)?;
    }
    write_advice(out, audit)
}

/// `2 doubled, 1 unknown`.
pub(in crate::report) fn describe_totals(audit: &Audit) -> String {
    let totals: Vec<String> = FindingKind::ALL
        .into_iter()
        .map(|kind| (audit.count(kind), kind.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if totals.is_empty() {
        return "nothing differs".to_owned();
    }
    totals.join(", ")
}

/// Writes what a person can do about each kind of finding that there is.
fn write_advice(out: &mut dyn Write, audit: &Audit) -> io::Result<()> {
    let advised = FindingKind::ALL
        .into_iter()
        .filter(|kind| audit.count(*kind) > 0);
    for (n, kind) in advised.enumerate() {
        if n == 0 {
            writeln!(out, "\nWhat to do:")?;
        }
        writeln!(out, "  {}: {}", kind.word(), advice(kind))?;
    }
    Ok(())
}

/// What a person can do about a finding.
pub(in crate::report) fn advice(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Contradiction => {
            "see whether its window was ingested twice; if its run was listed late, raise settleDelay"
        }
        FindingKind::Doubled => {
            "the window was ingested once for each run; delete the surplus batches in AEP"
        }
        FindingKind::Overlap => {
            "a part of the window was ingested twice, or would be: an apply leaves a wanted window that \
             it overlaps; ask for other windows, or say `overlap: allow` in the manifest"
        }
        FindingKind::Unreadable => "see whether the flow is in this sandbox, and may be read",
        FindingKind::Vanished => "if its data is missing too, ask for it with the next `rerun`",
        FindingKind::Differs => "compare `backfill state show KEY` with the run in AEP",
        FindingKind::InDoubt => {
            "apply settles it; what it cannot tell, `backfill resolve` takes from you"
        }
        FindingKind::Failed => "see the error in AEP; `backfill retry` runs it again",
        FindingKind::Partial => {
            "see in AEP which records failed; to run the window again, ask for its next `rerun`"
        }
        FindingKind::Unknown => {
            "find out who created it; a manifest that wants its window has the next apply adopt it"
        }
    }
}

fn write_flow(
    out: &mut dyn Write,
    flow: &[Finding],
    api_key: &str,
    verbose: bool,
) -> io::Result<()> {
    let Some(first) = flow.first() else {
        return Ok(());
    };
    writeln!(
        out,
        "\n{}  {}  {}",
        console::style(plain(&first.name, 60)).bold(),
        first.flow.sandbox,
        first.flow.id
    )?;
    let kinds = flow.chunk_by(|a, b| a.fact.kind() == b.fact.kind());
    let shown: Vec<(&Finding, Option<usize>)> = kinds
        .flat_map(|findings| {
            let most = if verbose { findings.len() } else { SHOWN };
            let more = findings.len().saturating_sub(most);
            let last = findings.len().min(most) - 1;
            let shown = findings.iter().take(most).enumerate();
            shown.map(move |(at, finding)| (finding, (at == last && more > 0).then_some(more)))
        })
        .collect();
    let mut rows = vec![["FINDING", "WINDOW", "KEY"].map(ToOwned::to_owned)];
    rows.extend(shown.iter().map(|(finding, _)| cells(&finding.fact)));
    let text = table::columns("  ", &rows);
    let mut lines = text.lines();
    if let Some(headings) = lines.next() {
        writeln!(out, "{headings}")?;
    }
    for (line, (finding, more)) in lines.zip(shown) {
        writeln!(out, "{line}")?;
        for detail in details(&finding.fact, api_key) {
            writeln!(out, "      {detail}")?;
        }
        if let Some(more) = more {
            let word = finding.fact.kind().word();
            writeln!(out, "  … and {more} more {word}, shown by --verbose")?;
        }
    }
    Ok(())
}

fn cells(fact: &Fact) -> [String; 3] {
    let none = || "-".to_owned();
    let key = match fact {
        Fact::Contradiction { record, .. }
        | Fact::Vanished(record)
        | Fact::Differs { record, .. }
        | Fact::InDoubt { record, .. }
        | Fact::Failed { record, .. } => record.identity.key().short(),
        Fact::Unknown {
            wanted: Some(key), ..
        } => key.short(),
        Fact::Doubled { .. }
        | Fact::Overlap { .. }
        | Fact::Unreadable { .. }
        | Fact::Unknown { wanted: None, .. } => none(),
    };
    [
        fact.kind().word().to_owned(),
        fact.window().map_or_else(none, window),
        key,
    ]
}

/// What is to be known of a finding, line by line.
pub(in crate::report) fn details(fact: &Fact, api_key: &str) -> Vec<String> {
    let describe = |run: &FlowRun| describe_run(run, api_key);
    match fact {
        Fact::Contradiction {
            record: _,
            denial,
            run,
        } => vec![
            format!("the state says: {}", describe_denial(denial)),
            format!("but it exists: {}", describe(run)),
        ],
        Fact::Doubled { window: _, runs } => runs
            .iter()
            .map(|(run, key)| match key {
                Some(key) => format!("{}: on record as {}", describe(run), key.short()),
                None => format!("{}: not on record", describe(run)),
            })
            .collect(),
        Fact::Overlap { run, with } => vec![describe(run), describe_overlap(with)],
        Fact::Unreadable { why, refused: _ } => vec![plain(why, MOST_SAID)],
        Fact::Vanished(record) => vec![
            describe_fate(&record.fate),
            "neither listed nor found by its id".to_owned(),
        ],
        Fact::Differs { record, run } => {
            vec![describe(run), describe_difference(record, run)]
        }
        Fact::InDoubt { record, trace } => {
            vec![describe_fate(&record.fate), describe_trace(trace)]
        }
        Fact::Failed { record: _, run } => {
            let errors = run.errors.iter().take(NAMED).map(|error| {
                format!(
                    "{} {}",
                    plain(&error.code, 60),
                    plain(&error.message, MOST_SAID)
                )
            });
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

/// `run 3f…, created 2026-11-23T10:00:00Z by our-key (this API key, someone@…), success`.
pub(in crate::report) fn describe_run(run: &FlowRun, api_key: &str) -> String {
    let created = run
        .created_at
        .map_or_else(|| "at an unknown time".to_owned(), time);
    let whose = [
        run.is_by(api_key).then(|| "this API key".to_owned()),
        run.created_by
            .as_ref()
            .map(|account| plain(account, MOST_NAME)),
    ];
    let whose: Vec<String> = whose.into_iter().flatten().collect();
    let whose = if whose.is_empty() {
        String::new()
    } else {
        format!(" ({})", whose.join(", "))
    };
    format!(
        "run {}, created {created} by {}{whose}, {}",
        run.id,
        run.created_client.as_ref().map_or_else(
            || "an unknown client".to_owned(),
            |client| plain(client, MOST_NAME)
        ),
        plain(&run.status, 40)
    )
}

fn describe_denial(denial: &Denial) -> String {
    match denial {
        Denial::Rejected { refusal, at } => format!(
            "rejected {}: {}",
            time(*at),
            plain(&refusal.to_string(), MOST_SAID)
        ),
        Denial::Absent(absence) => describe_absence(absence),
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
    let differences: Vec<String> = by_flow.into_iter().chain(by_window).collect();
    format!(
        "{}; on record for {} of the flow {} in {}",
        if differences.is_empty() {
            "it is listed here".to_owned()
        } else {
            differences.join(" and ")
        },
        window(identity.window),
        identity.flow.id,
        identity.flow.sandbox
    )
}

/// `its window overlaps [2022-01-15, 2022-01-16) of the key 0123456789ab`.
fn describe_overlap(with: &[(Window, Key)]) -> String {
    let named: Vec<String> = with
        .iter()
        .take(NAMED)
        .map(|(of, key)| format!("{} of the key {}", window(*of), key.short()))
        .collect();
    let more = match with.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("its window overlaps {}{more}", named.join(", "))
}

fn describe_trace(trace: &Trace) -> String {
    match trace {
        Trace::Shown(id) => format!("the run {id} shows its window: the next apply settles it so"),
        Trace::Unclear(id) => format!(
            "the run {id} shows its window, and nothing tells whether it is this rerun: \
             `backfill resolve` records what you find out"
        ),
        Trace::Silent(ids) => {
            let named: Vec<String> = ids.iter().take(NAMED).map(RunId::to_string).collect();
            let more = match ids.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let are = if ids.len() == 1 { "shows" } else { "show" };
            format!(
                "{} {are} no window and may be it: {}{more}",
                number(ids.len(), "run"),
                named.join(", ")
            )
        }
        Trace::Nothing => "no run that is listed can be it; the next apply settles it".to_owned(),
    }
}
