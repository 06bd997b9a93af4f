//! Runs in doubt as a person is shown them, and what was decided.

use std::io::{self, Write};

use super::table;
use crate::api::FlowRun;
use crate::reconcile::resolve::{Case, Decision};
use crate::report::reason::{describe_fate, time};
use crate::report::{number, plain, window};
use crate::run::RunIdentity;

/// How many candidates are shown before the rest is counted.
const SHOWN: usize = 20;

/// Writes what is known of runs in doubt, and how to decide.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_cases<'c>(
    out: &mut dyn Write,
    cases: impl IntoIterator<Item = &'c Case>,
    api_key: &str,
) -> io::Result<()> {
    let mut cases = cases.into_iter().peekable();
    if cases.peek().is_none() {
        return writeln!(out, "No run is in doubt.");
    }
    for case in cases {
        write_case(out, case, api_key)?;
    }
    writeln!(
        out,
        "\nDecide with --adopt RUN_ID or --not-created, and --reason. The next apply settles what \
         the lists can tell."
    )
}

/// Writes what is known of a run in doubt.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_case(out: &mut dyn Write, case: &Case, api_key: &str) -> io::Result<()> {
    let Case {
        key,
        identity,
        fate,
        intent: _,
        candidates,
    } = case;
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = identity;
    let again = if rerun.get() > 1 {
        format!("  rerun {rerun}")
    } else {
        String::new()
    };
    writeln!(
        out,
        "{}  {flow}  {}{again}",
        console::style(key.short()).bold(),
        window(*span)
    )?;
    writeln!(out, "  {}", describe_fate(fate))?;
    match candidates {
        Err(refusal) => writeln!(
            out,
            "  the service does not list the flow's runs: {}",
            plain(&refusal.to_string(), 300)
        ),
        Ok(runs) if runs.is_empty() => writeln!(
            out,
            "  the service lists no run of the flow since then that is not on record"
        ),
        Ok(runs) => {
            writeln!(
                out,
                "  {} of the flow since then, on no record:",
                number(runs.len(), "run")
            )?;
            let mut rows =
                vec![["RUN", "CREATED", "BY", "STATUS", "WINDOW"].map(ToOwned::to_owned)];
            rows.extend(runs.iter().take(SHOWN).map(|run| cells(run, api_key)));
            write!(out, "{}", table::columns("    ", &rows))?;
            match runs.len().checked_sub(SHOWN) {
                Some(more @ 1..) => writeln!(out, "    … and {more} more"),
                _ => Ok(()),
            }
        }
    }
}

fn cells(run: &FlowRun, api_key: &str) -> [String; 5] {
    [
        run.id.to_string(),
        run.created_at.map_or_else(|| "unknown".to_owned(), time),
        match &run.created_client {
            None => "unknown".to_owned(),
            Some(_) if run.is_by(api_key) => "this API key".to_owned(),
            Some(client) => plain(client, 60),
        },
        plain(&run.status, 40),
        run.window_evidence
            .window()
            .map_or_else(|| "not shown".to_owned(), window),
    ]
}

/// Writes what was decided.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_decisions(
    out: &mut dyn Write,
    cases: &[(Case, Option<Decision>)],
) -> io::Result<()> {
    cases
        .iter()
        .filter_map(|(case, decision)| Some((case, decision.as_ref()?)))
        .try_for_each(|(case, decision)| write_decision(out, case, decision))
}

fn write_decision(out: &mut dyn Write, case: &Case, decision: &Decision) -> io::Result<()> {
    let key = case.key.short();
    match decision {
        Decision::Adopt(run_id) => writeln!(out, "Recorded: {key} is the run {run_id}."),
        Decision::NotCreated => writeln!(
            out,
            "Recorded: {key} was not created. The next apply creates it, if a manifest wants it."
        ),
    }
}
