//! A plan as text: totals first, then each flow with its bar and its runs, long lists folded.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::table::{self, Layout};
use super::write_lines;
use crate::plan::{Action, Forecast, Plan, PlannedRun};
use crate::report::bar::{Bar, Cell, describe_gaps, legend};
use crate::report::flows::{
    EndedCounts, FlowCounts, FlowView, by_flow, describe_source, ended_cell, planned_cell,
};
use crate::report::forecast::describe_forecast;
use crate::report::outcome::BlockedFlow;
use crate::report::reason::{
    describe_fate, describe_held_back, describe_paused, describe_review, reasons, same_reasons,
};
use crate::report::window_range::{WindowRange, window_ranges};
use crate::report::wrap::wrap;
use crate::report::{plain, window};
use crate::run::{UnixSeconds, Window};

/// How many runs of a flow are shown before the list is folded.
const SHOWN: usize = 8;
/// How many flows are shown before the rest is counted.
const FLOWS: usize = 30;

/// Writes the plan.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_plan(
    out: &mut dyn Write,
    plan: &Plan,
    forecast: Option<&Forecast>,
    blocked: &[BlockedFlow],
    layout: Layout,
) -> io::Result<()> {
    let totals = format!("Plan: {}.", describe_totals(plan));
    write_lines(out, &wrap(&totals, "      ", layout.columns()))?;
    let ended = ended(plan);
    if plan.runs().is_empty() && plan.held_back().is_empty() && plan.orphaned().is_empty() {
        return Ok(());
    }
    for flow in blocked {
        let text = format!("Blocked: {}.", flow.describe());
        write_lines(out, &wrap(&text, "         ", layout.columns()))?;
    }
    if let Some(held_back) = describe_held_back(plan) {
        let text = format!("Warning: {held_back}.");
        write_lines(out, &wrap(&text, "         ", layout.columns()))?;
    }
    if let Some(review) = describe_review(plan) {
        write_lines(out, &wrap(&format!("{review}."), "  ", layout.columns()))?;
    }
    if let Some(forecast) = forecast {
        let text = format!("Forecast: {}.", describe_forecast(forecast));
        write_lines(out, &wrap(&text, "          ", layout.columns()))?;
    }
    if ended.failed > 0 {
        writeln!(out, "Failed runs are run again by `backfill retry`.")?;
    }
    writeln!(
        out,
        "Windows are [start, end) in UTC: the end is exclusive."
    )?;
    let bar_width = layout.columns().saturating_sub("  [)".len());
    let mut flows = by_flow(plan, bar_width);
    let left_out = if layout.verbose {
        Vec::new()
    } else {
        beyond(&mut flows, FLOWS)
    };
    // A mark and its meaning stay on one line.
    let legend: Vec<String> = legend(flows.iter().map(|flow| &flow.bar))
        .into_iter()
        .map(|(mark, meaning)| format!("{mark} {meaning}").replace(' ', "\u{a0}"))
        .collect();
    let legend = wrap(
        &format!("Bars: {}", legend.join("  ")),
        "      ",
        layout.columns(),
    );
    write_lines(
        out,
        &legend
            .iter()
            .map(|line| line.replace('\u{a0}', " "))
            .collect::<Vec<_>>(),
    )?;
    for flow in &flows {
        write_flow(out, flow, layout)?;
    }
    if !left_out.is_empty() {
        let mut counts = FlowCounts::default();
        for flow in &left_out {
            counts += flow.counts;
        }
        writeln!(
            out,
            "\n… {} more flows ({}), shown by --verbose",
            left_out.len(),
            counts.describe()
        )?;
    }
    write_orphaned(out, plan, layout)
}

/// Takes the flows beyond `most` out of `flows`, those that need attention last.
pub(in crate::report) fn beyond<'p>(
    flows: &mut Vec<FlowView<'p>>,
    most: usize,
) -> Vec<FlowView<'p>> {
    if flows.len() <= most {
        return Vec::new();
    }
    flows.sort_by_key(|flow| std::cmp::Reverse(flow.counts.need()));
    flows.split_off(most)
}

/// `13 to create, 0 unchanged` and whatever else there is; first of all what is in the way.
pub(in crate::report) fn describe_totals(plan: &Plan) -> String {
    let totals = plan.totals();
    let in_the_way = [
        (totals.conflict, "in conflict"),
        (totals.blocked, "blocked"),
    ];
    let in_the_way = in_the_way.into_iter().filter(|(number, _)| *number > 0);
    let mut parts: Vec<String> = in_the_way
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    parts.push(format!("{} to create", totals.create + totals.failed));
    if totals.failed > 0 {
        parts.push(format!("{} of them rejected before", totals.failed));
    }
    if totals.adopt > 0 {
        parts.push(format!("{} to adopt", totals.adopt));
    }
    parts.push(format!("{} unchanged", totals.unchanged));
    let ended = ended(plan);
    for (number, what) in [
        (ended.failed, "of them failed"),
        (ended.partial, "of them partial"),
        (ended.empty, "of them empty"),
        (totals.in_doubt, "in doubt, to be settled"),
        (totals.waiting, "waiting for one in doubt"),
        (totals.held_back, "held back by a limit"),
        (totals.paused, "paused"),
        (totals.unreviewed, "not in the reviewed plan"),
        (totals.orphaned, "no longer in a manifest"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    parts.join(", ")
}

/// A bar, and under it the first and the last of its times.
pub(super) fn write_bar(out: &mut dyn Write, bar: &Bar, span: Window) -> io::Result<()> {
    writeln!(out, "  [{})", bar.coloured())?;
    let (start, end) = (date(span.start()), date(span.end()));
    let room = bar.cells.len() + "[)".len();
    let end_width = room.saturating_sub(start.len());
    if end_width > end.len() {
        writeln!(out, "  {start}{end:>end_width$}")
    } else {
        writeln!(out, "  {}", window(span))
    }
}

/// How many runs have ended otherwise than with all of their records.
fn ended(plan: &Plan) -> EndedCounts {
    let mut ended = EndedCounts::default();
    let unchanged = plan.runs().iter();
    for planned in unchanged.filter(|planned| planned.action == Action::Unchanged) {
        ended.add(ended_cell(planned.known.as_deref()));
    }
    ended
}

fn write_flow(out: &mut dyn Write, flow: &FlowView<'_>, layout: Layout) -> io::Result<()> {
    writeln!(
        out,
        "\n{}  {}  ({})",
        console::style(plain(flow.name, 60)).bold(),
        flow.flow,
        describe_source(flow.source),
    )?;
    write_bar(out, &flow.bar, flow.span)?;
    if let Some(gaps) = describe_gaps(&flow.bar.gaps) {
        writeln!(out, "  {gaps}")?;
    }
    let shown = flow
        .runs
        .iter()
        .filter(|planned| layout.verbose || !is_quiet(planned))
        .map(|planned| (planned_cell(planned), *planned));
    let ranges: Vec<WindowRange<'_>> = if layout.verbose {
        let each = shown.map(|(cell, planned)| WindowRange::of_one(cell, planned));
        each.collect()
    } else {
        window_ranges(shown)
    };
    write_ranges(out, &ranges, layout)?;
    let paused = flow
        .runs
        .iter()
        .find(|planned| planned.action == Action::Paused);
    if let Some(PlannedRun { run, .. }) = paused {
        let mark = Cell::HeldBack.coloured(1);
        let number = flow.counts.paused;
        let line = format!(
            "  {mark} {number} paused: {}",
            describe_paused(&run.request)
        );
        write_lines(out, &wrap(&line, "    ", layout.columns()))?;
    }
    for (number, cell, what) in [
        (flow.counts.held_back, Cell::HeldBack, "held back"),
        (flow.counts.blocked, Cell::HeldBack, "blocked"),
        (
            flow.counts.unchanged - flow.counts.ended.all(),
            Cell::Done,
            "there already",
        ),
    ] {
        if number > 0 && !(layout.verbose && cell == Cell::Done) {
            writeln!(out, "  {} {number} {what}", cell.coloured(1))?;
        }
    }
    Ok(())
}

/// Whether a run is only counted: nothing is done about it, and nothing is to be said.
fn is_quiet(planned: &PlannedRun) -> bool {
    match planned.action {
        Action::Unchanged => planned.known.is_none(),
        Action::Paused | Action::Blocked => true,
        _ => false,
    }
}

/// The runs in lines of columns, each with its reason beneath; few of many unless all are wanted.
fn write_ranges(out: &mut dyn Write, ranges: &[WindowRange<'_>], layout: Layout) -> io::Result<()> {
    let shown: BTreeSet<usize> = if layout.verbose || ranges.len() <= SHOWN {
        (0..ranges.len()).collect()
    } else {
        worth_showing(ranges)
    };
    let rows: Vec<[String; 4]> = shown
        .iter()
        .map(|n| {
            let [what, windows, origin, exists] = ranges[*n].columns();
            let what = format!("{} {what}", ranges[*n].cell.coloured(1));
            [what, windows, origin, exists]
        })
        .collect();
    let text = table::columns("  ", &rows);
    let last_skip = shown
        .iter()
        .rev()
        .find(|n| **n > 0 && !shown.contains(&(**n - 1)));
    let mut next = 0;
    let mut after = shown.iter().skip(1);
    for (line, n) in text.lines().zip(&shown) {
        if *n > next {
            let more: usize = ranges[next..*n].iter().map(|range| range.runs.len()).sum();
            let how = if last_skip == Some(n) {
                ", shown by --verbose"
            } else {
                ""
            };
            writeln!(out, "    … {more} more{how}")?;
        }
        next = n + 1;
        writeln!(out, "{line}")?;
        let last = ranges[*n].last();
        // What is the same for several runs in a row is said under the last of them.
        let same_follows = after
            .next()
            .is_some_and(|after| *after == next && same_reasons(last, ranges[*after].runs[0]));
        if same_follows {
            continue;
        }
        for reason in reasons(last) {
            let text = format!("      {reason}");
            write_lines(out, &wrap(&text, "      ", layout.columns()))?;
        }
    }
    Ok(())
}

/// Which of many are shown: what needs attention, then the first ones; and the last.
fn worth_showing(ranges: &[WindowRange<'_>]) -> BTreeSet<usize> {
    let needs_attention = |n: &usize| ranges[*n].cell >= Cell::Failed;
    let all = 0..ranges.len() - 1;
    let first = all.clone().filter(needs_attention).chain(all);
    let mut shown: BTreeSet<usize> = BTreeSet::from([ranges.len() - 1]);
    for n in first {
        if shown.len() == SHOWN - 1 {
            break;
        }
        shown.insert(n);
    }
    shown
}

fn write_orphaned(out: &mut dyn Write, plan: &Plan, layout: Layout) -> io::Result<()> {
    if plan.orphaned().is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nIn the state, but in no manifest that was read (nothing is done about them):"
    )?;
    let fold = !layout.verbose && plan.orphaned().len() > SHOWN;
    let shown = if fold {
        SHOWN - 1
    } else {
        plan.orphaned().len()
    };
    let rows: Vec<[String; 3]> = plan.orphaned()[..shown]
        .iter()
        .map(|known| {
            let run = &known.identity;
            [
                run.key().short(),
                run.flow.id.to_string(),
                window(run.window),
            ]
        })
        .collect();
    let text = table::columns("  ", &rows);
    for (line, known) in text.lines().zip(plan.orphaned()) {
        writeln!(out, "{line}")?;
        let fate = format!("      {}", describe_fate(&known.fate));
        write_lines(out, &wrap(&fate, "      ", layout.columns()))?;
    }
    if fold {
        let more = plan.orphaned().len() - shown;
        writeln!(out, "    … {more} more, shown by --verbose")?;
    }
    Ok(())
}

/// A time under a bar: the date alone where a day begins.
pub(in crate::report) fn date(time: UnixSeconds) -> String {
    let text = time.to_string();
    match text.strip_suffix("T00:00:00Z") {
        Some(date) => date.to_owned(),
        None => text,
    }
}
