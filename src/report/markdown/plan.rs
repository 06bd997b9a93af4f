//! A plan as Markdown: totals, what is in conflict, a table of flows, a folded list of runs for each.

use std::fmt::Write;

use super::table::{FlowRow, table as flow_table};
use super::{BAR, LINE, SECTION, code, key_to_bars, more, pre, section, told};
use crate::manifest::{Problem, Severity};
use crate::plan::{Action, Forecast, Known, Plan, PlannedRun};
use crate::report::bar::Cell;
use crate::report::flows::{FlowCounts, FlowView, by_flow, planned_cell};
use crate::report::forecast::describe_forecast;
use crate::report::outcome::BlockedFlow;
use crate::report::reason::{
    describe_fate, describe_held_back, describe_review, reasons, same_reasons,
};
use crate::report::text::plan::describe_totals;
use crate::report::text::table;
use crate::report::window_range::{WindowRange, window_ranges};
use crate::report::{number, plain, window, wrap};

/// How many bytes are kept for what is said about what is left out.
const RESERVED: usize = 2_000;
/// How many bytes a list of runs has at least, or is left out.
const LEAST_LIST: usize = 500;
/// How many bytes a run has in a list at the least.
const LEAST_LINE: usize = 50;

/// The words of the numbers of a flow.
const WORDS: [&str; 8] = [
    "create",
    "adopt",
    "rejected before",
    "in doubt",
    "waiting",
    "conflict",
    "held back",
    "unchanged",
];

/// The plan in at most `most` bytes, with the warnings among `problems`.
#[must_use]
pub(crate) fn plan_markdown(
    plan: &Plan,
    forecast: Option<&Forecast>,
    blocked: &[BlockedFlow],
    problems: &[Problem],
    most: usize,
) -> String {
    let mut flows = by_flow(plan, BAR);
    flows.sort_by_key(|flow| std::cmp::Reverse(flow.counts.need()));

    let mut text = format!("### backfill plan: {}\n\n", describe_totals(plan));
    text.push_str(&section(
        &format!("**{} cannot be sent to**", number(blocked.len(), "flow")),
        "flow",
        blocked.iter().map(|flow| told(&flow.describe())),
        blocked.len(),
        SECTION,
    ));
    text.push_str(&conflicts(plan));
    if let Some(held_back) = describe_held_back(plan) {
        let _ = write!(text, "**Warning:** {held_back}.\n\n");
    }
    if let Some(review) = describe_review(plan) {
        let _ = write!(text, "{review}.\n\n");
    }
    if let Some(forecast) = forecast {
        let _ = write!(text, "Forecast: {}.\n\n", describe_forecast(forecast));
    }
    text.push_str(&warnings(problems));
    text.push_str(&orphaned(plan));
    if flows.is_empty() {
        return text;
    }
    text.push_str(&key_to_bars(flows.iter().map(|flow| &flow.bar), &[]));
    let room = |text: &str| most.saturating_sub(RESERVED + text.len());
    let rows: Vec<_> = flows.iter().map(table_row).collect();
    let (table, shown) = flow_table(WORDS, &rows, room(&text));
    text.push_str(&table);
    let left_out = &flows[shown..];

    let mut unlisted = UnlistedFlows::default();
    let listed: Vec<_> = flows.iter().filter(|flow| flow.listed() > 0).collect();
    for (n, flow) in listed.iter().enumerate() {
        // An equal share for each; what one does not need goes to those after it. Where flows
        // had to be left out, no list has a place.
        let share = room(&text) / (listed.len() - n);
        if share < LEAST_LIST || !left_out.is_empty() {
            unlisted.add(flow.listed());
            continue;
        }
        let (list, cut) = list(flow, share);
        text.push_str(&list);
        if cut > 0 {
            unlisted.add(cut);
        }
    }
    text.push_str(&unlisted.describe());
    let _ = writeln!(text, "Digest of this plan: `{}`", plan.digest());
    text
}

impl FlowView<'_> {
    /// How many runs its list has: those that are not simply there already.
    fn listed(&self) -> usize {
        self.runs.len() - self.counts.unchanged + self.held_back.len()
    }
}

#[derive(Default)]
struct UnlistedFlows {
    runs: usize,
    flows: usize,
}

impl UnlistedFlows {
    fn add(&mut self, runs: usize) {
        self.runs += runs;
        self.flows += 1;
    }

    fn describe(&self) -> String {
        let Self { runs, flows } = *self;
        if runs == 0 {
            return String::new();
        }
        format!(
            "Not listed here, for want of room: {} of {}. `backfill plan --verbose` lists all.\n\n",
            number(runs, "run"),
            number(flows, "flow")
        )
    }
}

fn conflicts(plan: &Plan) -> String {
    let conflicts = plan.totals().conflict;
    let each: Vec<WindowRange<'_>> = plan
        .conflicts()
        .take(SECTION / LEAST_LINE)
        .map(|planned| WindowRange::of_one(Cell::Conflict, planned))
        .collect();
    let heading = format!(
        "**{}: windows over what was ingested already. Nothing is sent until this is changed, or \
         the manifest says `overlap: allow`.**",
        number(conflicts, "conflict"),
    );
    section(&heading, "conflict", entries(&each), conflicts, SECTION)
}

fn warnings(problems: &[Problem]) -> String {
    let warnings: Vec<&Problem> = problems
        .iter()
        .filter(|problem| problem.severity() == Severity::Warning)
        .collect();
    let heading = format!("**{}**", number(warnings.len(), "warning"));
    let lines = warnings.iter().copied().map(problem_line);
    section(&heading, "warning", lines, warnings.len(), SECTION)
}

/// Runs that no manifest asks for any more. The author of that change sees that they were ingested.
fn orphaned(plan: &Plan) -> String {
    let orphaned = plan.orphaned();
    let heading = format!(
        "**{} in the state, but in no manifest that was read: nothing is done about that**",
        number(orphaned.len(), "run")
    );
    let entries = orphaned.iter().map(|Known { identity, fate, .. }| {
        let key = identity.key().short();
        let shown = window(identity.window);
        let fate = told(&describe_fate(fate));
        format!("{key}  {}  {shown}\n{fate}", identity.flow.id)
    });
    section(&heading, "run", entries, orphaned.len(), SECTION)
}

/// What is wrong at which line of which manifest.
pub(in crate::report) fn problem_line(problem: &Problem) -> String {
    let place = &problem.place;
    let line = format!(
        "{}:{}  {}  {}",
        plain(&place.file, 100),
        place.span.line,
        problem.rule.code(),
        plain(&problem.message, 300)
    );
    wrap(&line, "      ", LINE).join("\n") + "\n"
}

fn table_row<'a>(flow: &FlowView<'a>) -> FlowRow<'a, { WORDS.len() }> {
    let FlowCounts {
        create,
        unchanged,
        adopt,
        in_doubt,
        waiting,
        failed,
        conflict,
        held_back,
        paused,
        unreviewed,
        blocked,
        retry: _,
        ended: _,
    } = flow.counts;
    FlowRow {
        name: flow.name,
        flow: flow.flow,
        span: flow.span,
        bar: flow.bar.clone(),
        counts: [
            create,
            adopt,
            failed,
            in_doubt,
            waiting,
            conflict,
            held_back + paused + unreviewed + blocked,
            unchanged,
        ],
    }
}

/// The folded list of a flow in at most `most` bytes, and how many runs it leaves out.
fn list(flow: &FlowView<'_>, most: usize) -> (String, usize) {
    let head = format!(
        "<details><summary>{}: {}</summary>\n\n",
        code(flow.name, 60),
        flow.counts.describe()
    );
    let tail = "</details>\n\n";
    let room = most.saturating_sub(head.len() + tail.len() + 60);

    let mut listed: Vec<(Cell, &PlannedRun)> = flow
        .runs
        .iter()
        .filter(|planned| planned.action != Action::Unchanged)
        .map(|planned| (planned_cell(planned), *planned))
        .chain(flow.held_back.iter().map(|held| (Cell::HeldBack, *held)))
        .collect();
    listed.sort_by_key(|(_, planned)| planned.run.identity.window);
    let mut ranges = window_ranges(listed);
    let number = flow.listed();
    // Of what has no room, what needs a person least.
    if ranges.len() > room / LEAST_LINE {
        ranges.sort_by_key(|range| std::cmp::Reverse(range.cell));
        ranges.truncate(room / LEAST_LINE);
    }
    let (block, cut) = pre(entries(&ranges), ranges.len(), room);
    let shown = &ranges[..ranges.len() - cut];
    let left_out = number - shown.iter().map(|range| range.runs.len()).sum::<usize>();
    let more = more(left_out, "run");
    (format!("{head}{block}{more}{tail}"), left_out)
}

/// The runs in columns, each with what is to be known of it; what is the same for several in a
/// row stands under the last of them.
fn entries<'r>(ranges: &'r [WindowRange<'_>]) -> impl Iterator<Item = String> + 'r {
    let rows: Vec<[String; 4]> = ranges
        .iter()
        .map(|range| {
            let [what, windows, origin, exists] = range.columns();
            let what = format!("{} {what}", range.cell.mark());
            [what, windows, origin, exists]
        })
        .collect();
    let columns = table::columns("", &rows);
    let lines: Vec<String> = columns.lines().map(ToOwned::to_owned).collect();
    lines
        .into_iter()
        .zip(ranges)
        .enumerate()
        .map(|(n, (line, range))| {
            let mut entry = line + "\n";
            let last = range.last();
            if !ranges
                .get(n + 1)
                .is_some_and(|next| same_reasons(last, next.runs[0]))
            {
                for reason in reasons(last) {
                    entry.push_str(&told(&reason));
                }
            }
            entry
        })
}
