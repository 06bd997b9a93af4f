//! A plan as text: totals first, then each flow's runs, long lists folded.

use std::io::{self, Write};

use super::{plain, table, window};
use crate::plan::{Action, Plan, PlannedRun};
use crate::run::Source;
use crate::state::Fate;

/// How many runs of a flow are shown before the list is folded.
const SHOWN: usize = 8;

/// Writes the plan; with `verbose`, every run of it.
///
/// # Errors
/// When writing fails.
pub fn write_plan(out: &mut dyn Write, plan: &Plan, verbose: bool) -> io::Result<()> {
    let totals = plan.totals();
    let mut parts = vec![
        format!("{} to create", totals.to_create()),
        format!("{} unchanged", totals.unchanged),
    ];
    for (number, what) in [
        (totals.failed, "of them rejected before"),
        (totals.in_doubt, "in doubt, to be settled"),
        (totals.waiting, "waiting for one in doubt"),
        (totals.conflict, "in conflict"),
        (totals.held_back, "held back by a limit"),
        (totals.orphaned, "no longer in a manifest"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    writeln!(out, "Plan: {}.", parts.join(", "))?;
    if plan.runs().is_empty() && plan.orphaned().is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "Windows are [start, end) in UTC: the end is exclusive."
    )?;
    for flow in plan.runs().chunk_by(|a, b| {
        let (a, b) = (&a.run.identity, &b.run.identity);
        (&a.sandbox, a.flow_id) == (&b.sandbox, b.flow_id)
    }) {
        write_flow(out, flow, verbose)?;
    }
    if !plan.orphaned().is_empty() {
        writeln!(
            out,
            "\nIn the state, but in no manifest that was read (nothing is done about them):"
        )?;
        let rows: Vec<[String; 3]> = plan
            .orphaned()
            .iter()
            .map(|run| {
                [
                    run.key().short(),
                    run.flow_id.to_string(),
                    window(run.window),
                ]
            })
            .collect();
        write_folded(out, &rows, verbose)?;
    }
    Ok(())
}

fn write_flow(out: &mut dyn Write, flow: &[PlannedRun], verbose: bool) -> io::Result<()> {
    let Some(first) = flow.first() else {
        return Ok(());
    };
    let run = &first.run;
    let source = match &*run.source {
        Source::Table(column) => format!("table by {}", plain(&column.name, 40)),
        Source::File => "files".to_owned(),
    };
    writeln!(
        out,
        "\n{}  {}  {}  ({source})",
        console::style(plain(&run.name, 60)).bold(),
        run.identity.sandbox,
        run.identity.flow_id,
    )?;
    let unchanged = flow
        .iter()
        .filter(|planned| planned.action == Action::Unchanged)
        .count();
    let rows: Vec<[String; 4]> = flow
        .iter()
        .filter(|planned| verbose || planned.action != Action::Unchanged)
        .map(row)
        .collect();
    write_folded(out, &rows, verbose)?;
    if unchanged > 0 && !verbose {
        writeln!(out, "  = {unchanged} exist already")?;
    }
    Ok(())
}

fn row(planned: &PlannedRun) -> [String; 4] {
    let PlannedRun { run, action, known } = planned;
    let (mark, note) = match (
        action,
        known.as_ref().map(|known| (&known.identity, &known.fate)),
    ) {
        (Action::Create, _) => (console::style("+").green(), String::new()),
        (Action::Again, Some((_, Fate::Rejected { refusal, .. }))) => (
            console::style("+").yellow(),
            format!("rejected before: {refusal}"),
        ),
        (Action::Again, _) => (console::style("+").yellow(), "rejected before".to_owned()),
        (Action::Unchanged, Some((_, Fate::Created { run_id, .. }))) => {
            (console::style("="), format!("run {run_id}"))
        }
        (Action::Unchanged, _) => (console::style("="), String::new()),
        (Action::Settle, _) => (
            console::style("?").yellow(),
            "in doubt: looked for before anything is sent".to_owned(),
        ),
        (Action::Wait, _) => (
            console::style("?").yellow(),
            "overlaps a run in doubt: waits until that is settled".to_owned(),
        ),
        (Action::Conflict, Some((other, _))) => (
            console::style("!").red(),
            format!("overlaps {} {}", other.key().short(), window(other.window)),
        ),
        (Action::Conflict, None) => (console::style("!").red(), "overlaps".to_owned()),
    };
    let rerun = if run.identity.rerun.get() > 1 {
        format!(" rerun {}", run.identity.rerun)
    } else {
        String::new()
    };
    [
        format!("{mark} {}", run.key.short()),
        format!("{}{rerun}", window(run.identity.window)),
        plain(&run.origin.to_string(), 60),
        note,
    ]
}

fn write_folded<const N: usize>(
    out: &mut dyn Write,
    rows: &[[String; N]],
    verbose: bool,
) -> io::Result<()> {
    if verbose || rows.len() <= SHOWN {
        return out.write_all(table::columns("  ", rows).as_bytes());
    }
    let (head, tail) = (SHOWN - 2, 1);
    let shown = [&rows[..head], &rows[rows.len() - tail..]].concat();
    let text = table::columns("  ", &shown);
    let mut lines = text.lines();
    for line in lines.by_ref().take(head) {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "    … {} more, shown by --verbose",
        rows.len() - head - tail
    )?;
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
