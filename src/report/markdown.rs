//! A plan as Markdown, for a comment on a pull request.
//!
//! Totals first, then what is wrong, a table of flows, a folded list of runs for each. A comment
//! has room for 65,536 characters; this stays under 60,000 bytes by leaving out lists of runs
//! first, then flows, and says how many. Text from elsewhere stands in `<pre>` or `<code>` with
//! all that could be markup spelled as entities: there it forms no table, link, tag or mention.

use std::fmt::Write;

use super::bar::legend;
use super::flows::{FlowCounts, FlowView, by_flow, describe_source};
use super::plan::{date, describe_totals, reasons, row, same_reasons};
use super::reason::describe_held_back;
use super::{plain, plural, table};
use crate::manifest::{Problem, Severity};
use crate::plan::{Action, Plan, PlannedRun};

/// How many bytes the whole may have.
const MOST: usize = 60_000;
/// How many bytes are kept for what is said about what is left out.
const RESERVED: usize = 2_000;
/// How many bytes conflicts may have, and warnings.
const SECTION: usize = 8_000;
/// How many bytes a list of runs has at least, or is left out.
const LEAST_LIST: usize = 500;
/// How many characters a bar has.
const BAR: usize = 40;

const COLUMNS: &str = "\
| flow | create | unchanged | in doubt | failed | conflict | from | to (exclusive) | windows |
|---|--:|--:|--:|--:|--:|---|---|---|
";

/// The plan, with the warnings among `problems`.
#[must_use]
pub fn plan_markdown(plan: &Plan, problems: &[Problem]) -> String {
    let mut flows = by_flow(plan, BAR);
    flows.sort_by_key(|flow| std::cmp::Reverse(flow.counts.need()));

    let mut text = format!("### backfill plan: {}\n\n", describe_totals(plan));
    if let Some(held_back) = describe_held_back(plan) {
        let _ = write!(text, "**Warning:** {held_back}.\n\n");
    }
    text.push_str(&conflicts(plan));
    text.push_str(&warnings(problems));
    if flows.is_empty() {
        return text;
    }
    text.push_str("Windows are `[start, end)` in UTC: the end is exclusive. In the bars: ");
    let legend: Vec<String> = legend(flows.iter().map(|flow| &flow.bar))
        .into_iter()
        .map(|(mark, meaning)| format!("`{mark}` {meaning}"))
        .collect();
    let _ = write!(text, "{}.\n\n{COLUMNS}", legend.join(", "));

    let room = |text: &str| (MOST - RESERVED).saturating_sub(text.len());
    let mut shown = 0;
    for flow in &flows {
        let row = table_row(flow);
        if row.len() > room(&text) {
            break;
        }
        text.push_str(&row);
        shown += 1;
    }
    let left_out = &flows[shown..];
    if !left_out.is_empty() {
        text.push_str(&row_of_rest(left_out));
    }
    text.push('\n');

    let mut unlisted = Unlisted::default();
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
        self.runs.len() - self.counts.unchanged
    }
}

#[derive(Default)]
struct Unlisted {
    runs: usize,
    flows: usize,
}

impl Unlisted {
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
            "Not listed here, for want of room: {runs} run{} of {flows} flow{}. \
             `backfill plan --verbose` lists them.\n\n",
            plural(runs),
            plural(flows)
        )
    }
}

fn conflicts(plan: &Plan) -> String {
    let number = plan.totals().conflict;
    if number == 0 {
        return String::new();
    }
    let runs: Vec<&PlannedRun> = plan.conflicts().take(SECTION / 50).collect();
    let (block, left_out) = pre(run_entries(&runs), number, SECTION);
    format!(
        "**{number} conflict{}: windows over what was ingested already. Nothing is sent until \
         this is changed, or the manifest says `overlap: allow`.**\n\n{block}{}",
        plural(number),
        more(left_out, "conflict"),
    )
}

fn warnings(problems: &[Problem]) -> String {
    let warnings: Vec<&Problem> = problems
        .iter()
        .filter(|problem| problem.severity() == Severity::Warning)
        .collect();
    if warnings.is_empty() {
        return String::new();
    }
    let lines = warnings.iter().map(|problem| {
        let place = &problem.place;
        format!(
            "{}:{}  {}  {}\n",
            plain(&place.file, 100),
            place.span.line,
            problem.rule.code(),
            plain(&problem.message, 300)
        )
    });
    let (block, left_out) = pre(lines, warnings.len(), SECTION);
    format!(
        "**{} warning{}**\n\n{block}{}",
        warnings.len(),
        plural(warnings.len()),
        more(left_out, "warning"),
    )
}

fn more(left_out: usize, what: &str) -> String {
    match left_out {
        0 => String::new(),
        number => format!("… and {number} more {what}{}\n\n", plural(number)),
    }
}

fn table_row(flow: &FlowView<'_>) -> String {
    let name = code(flow.name, 60);
    format!(
        "| {name}<br>`{}` `{}` {} |{} {} | {} | `{}` |\n",
        flow.sandbox,
        flow.flow_id,
        code(&describe_source(flow.source), 60),
        count_cells(&flow.counts),
        date(flow.span.start()),
        date(flow.span.end()),
        flow.bar.text(),
    )
}

fn row_of_rest(flows: &[FlowView<'_>]) -> String {
    let mut counts = FlowCounts::default();
    for flow in flows {
        counts += flow.counts;
    }
    format!(
        "| … and {} more flow{}, left out for want of room |{} | | |\n",
        flows.len(),
        plural(flows.len()),
        count_cells(&counts)
    )
}

/// The cells of the numbers, each with its `|` after it.
fn count_cells(counts: &FlowCounts) -> String {
    let FlowCounts {
        create,
        unchanged,
        in_doubt,
        waiting,
        failed,
        conflict,
        held_back,
    } = *counts;
    let beside = |number: usize, what: &str| match number {
        0 => String::new(),
        number => format!(", {number} {what}"),
    };
    let later = beside(held_back, "held back");
    let waiting = beside(waiting, "waiting");
    format!(" {create}{later} | {unchanged} | {in_doubt}{waiting} | {failed} | {conflict} |")
}

/// The folded list of a flow in at most `most` bytes, and how many runs it leaves out.
fn list(flow: &FlowView<'_>, most: usize) -> (String, usize) {
    let mut runs: Vec<&PlannedRun> = flow
        .runs
        .iter()
        .filter(|planned| planned.action != Action::Unchanged)
        .copied()
        .collect();
    let number = runs.len();
    let head = format!(
        "<details><summary>{}: {}</summary>\n\n",
        code(flow.name, 60),
        flow.counts.describe()
    );
    let tail = "</details>\n\n";
    // A line has 50 bytes at the least.
    if number > most / 50 {
        runs.sort_by_key(|planned| std::cmp::Reverse(row(planned).cell));
        runs.truncate(most / 50);
    }
    let room = most.saturating_sub(head.len() + tail.len() + 60);
    let (block, left_out) = pre(run_entries(&runs), number, room);
    let more = more(left_out, "run");
    (format!("{head}{block}{more}{tail}"), left_out)
}

/// The runs in columns, each with what is to be known of it; what is the same for several in a
/// row stands under the last of them.
fn run_entries<'r>(runs: &'r [&PlannedRun]) -> impl Iterator<Item = String> + 'r {
    let rows: Vec<[String; 4]> = runs
        .iter()
        .map(|planned| {
            let row = row(planned);
            let [key, window, origin, exists] = row.columns;
            [format!("{} {key}", row.cell.mark()), window, origin, exists]
        })
        .collect();
    let columns = table::columns("", &rows);
    let lines: Vec<String> = columns.lines().map(ToOwned::to_owned).collect();
    lines
        .into_iter()
        .zip(runs)
        .enumerate()
        .map(|(n, (line, planned))| {
            let mut entry = line + "\n";
            if !runs
                .get(n + 1)
                .is_some_and(|next| same_reasons(planned, next))
            {
                for reason in reasons(planned) {
                    let _ = writeln!(entry, "      {reason}");
                }
            }
            entry
        })
}

/// A block of as many `entries` as fit into `most` bytes, and how many of `number` do not.
fn pre(entries: impl Iterator<Item = String>, number: usize, most: usize) -> (String, usize) {
    let (begin, end) = ("<pre>\n", "</pre>\n\n");
    let mut block = begin.to_owned();
    let mut shown = 0;
    for entry in entries {
        let entry = html(&entry);
        if block.len() + entry.len() + end.len() > most {
            break;
        }
        block.push_str(&entry);
        shown += 1;
    }
    if shown == 0 {
        return (String::new(), number);
    }
    block.push_str(end);
    (block, number - shown)
}

/// Text within a `<pre>` block.
fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Text from elsewhere as code within a line of Markdown: at most `most` characters of it.
///
/// Backticks would not do: in a table, a backslash before a `|` cannot be written in them.
fn code(text: &str, most: usize) -> String {
    let mut shown = "<code>".to_owned();
    for c in plain(text, most).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '-' | '/' | ',') {
            let _ = write!(shown, "&#{};", u32::from(c));
            if c == '@' {
                // What follows is no part of a mention or a mail address.
                shown.push_str("<!-- -->");
            }
        } else {
            shown.push(c);
        }
    }
    shown.push_str("</code>");
    shown
}
