//! What an apply came to, as Markdown: totals, what was refused or is in doubt, a table of flows with
//! what each of its windows came to, what is left and why.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{BAR, code, key_to_bars, rows, section};
use crate::engine::{Applied, Ending, RunOutcome};
use crate::plan::Plan;
use crate::report::bar::{Bar, Cell};
use crate::report::plan::date;
use crate::report::summary::{
    SETTLED_LATER, describe_others, describe_run, describe_totals, remaining_lines,
};
use crate::report::{count, number, plain};
use crate::run::{DesiredRun, FlowId, Sandbox, Window};

/// How many bytes are kept for what is said after the table.
const RESERVED: usize = 10_000;
/// How much of what the service said is repeated.
const MOST_SAID: usize = 700;

const COLUMNS: &str = "\
| flow | created | adopted | rejected | in doubt | left | unchanged | from | to (exclusive) | windows |
|---|--:|--:|--:|--:|--:|--:|---|---|---|
";

/// What `plan` came to, in at most `most` bytes.
#[must_use]
pub fn applied_markdown(applied: &Applied, plan: &Plan, most: usize) -> String {
    let counts = count(applied, plan.totals().held_back);
    let mut text = format!(
        "### backfill apply: {}\n\n",
        describe_totals(applied, counts)
    );
    if let Some(why) = describe_ending(&applied.ending) {
        let _ = write!(text, "**It stopped early:** {}\n\n", code(&why, MOST_SAID));
    }
    // Of what is not told in the table, the most is for what went wrong.
    let share = most / 4;
    text.push_str(&outcomes(
        applied,
        &format!("**{} rejected, and not created**", counts.rejected),
        share,
        |outcome| match outcome {
            RunOutcome::Rejected(refusal) => Some(refusal.to_string()),
            _ => None,
        },
    ));
    text.push_str(&outcomes(
        applied,
        &format!(
            "**{} in doubt, and not sent again until that is settled**",
            counts.in_doubt
        ),
        share,
        |outcome| match outcome {
            RunOutcome::InDoubt(reason) => Some(reason.clone()),
            _ => None,
        },
    ));
    if counts.in_doubt > 0 {
        let others = describe_others(applied).map_or_else(String::new, |others| others + " ");
        let _ = write!(text, "{others}{SETTLED_LATER}\n\n");
    }
    let remaining = remaining_lines(applied, plan);
    let number_of_reasons = remaining.len();
    text.push_str(&section(
        &format!("**{} left for the next apply**", counts.remaining),
        "reason",
        remaining.into_iter().map(|line| line + "\n"),
        number_of_reasons,
        RESERVED,
    ));
    text.push_str(&table(applied, plan, most.saturating_sub(text.len())));
    let _ = writeln!(text, "Digest of the plan: `{}`", plan.digest());
    text
}

fn describe_ending(ending: &Ending) -> Option<String> {
    match ending {
        Ending::Done => None,
        Ending::Interrupted => Some("interrupted; the journal is complete".to_owned()),
        Ending::Breaker(rejections) => Some(format!("{rejections} rejections in a row")),
        Ending::SignIn(why) => Some(format!("could not sign in: {why}")),
        Ending::Unreachable(why) => Some(why.clone()),
        Ending::Store(error) => Some(error.to_string()),
    }
}

/// The runs of one outcome, each with what there is to know.
fn outcomes(
    applied: &Applied,
    heading: &str,
    most: usize,
    what: impl Fn(&RunOutcome) -> Option<String>,
) -> String {
    let told = || {
        let runs = applied.runs.iter();
        runs.filter_map(|(run, outcome)| Some((run, what(outcome)?)))
    };
    let entries = told().map(|(run, reason)| {
        format!(
            "{}\n      {}\n",
            describe_run(run),
            plain(&reason, MOST_SAID)
        )
    });
    section(heading, "run", entries, told().count(), most)
}

/// A flow of what was applied.
#[derive(Default)]
struct Flow<'a> {
    runs: Vec<(&'a DesiredRun, Cell)>,
    created: usize,
    adopted: usize,
    rejected: usize,
    in_doubt: usize,
    left: usize,
    unchanged: usize,
}

impl<'a> Flow<'a> {
    fn add(&mut self, run: &'a DesiredRun, outcome: Option<&RunOutcome>) {
        let (count, cell) = match outcome {
            Some(RunOutcome::Unchanged) => (&mut self.unchanged, Cell::Done),
            Some(RunOutcome::Created(_)) => (&mut self.created, Cell::New),
            Some(RunOutcome::Adopted(..)) => (&mut self.adopted, Cell::Done),
            Some(RunOutcome::Rejected(_)) => (&mut self.rejected, Cell::Failed),
            Some(RunOutcome::InDoubt(_)) => (&mut self.in_doubt, Cell::InDoubt),
            Some(RunOutcome::Remaining(_)) | None => (&mut self.left, Cell::HeldBack),
        };
        *count += 1;
        self.runs.push((run, cell));
    }

    /// The first of its runs, what they span, and the bar of that.
    fn shown(&self) -> Option<(&'a DesiredRun, Window, Bar)> {
        let windows: Vec<(Window, Cell)> = self
            .runs
            .iter()
            .map(|(run, cell)| (run.identity.window, *cell))
            .collect();
        let start = windows.iter().map(|(window, _)| window.start()).min()?;
        let end = windows.iter().map(|(window, _)| window.end()).max()?;
        let span = Window::new(start, end).ok()?;
        Some((self.runs.first()?.0, span, Bar::of(span, &windows, BAR)))
    }

    /// Above 0 where a person may have to act.
    fn need(&self) -> (usize, usize, usize) {
        (self.rejected, self.in_doubt, self.left)
    }
}

/// The flows in at most `most` bytes, those that need a person first.
fn table(applied: &Applied, plan: &Plan, most: usize) -> String {
    let mut flows: BTreeMap<(&Sandbox, FlowId), Flow<'_>> = BTreeMap::new();
    let done = applied
        .runs
        .iter()
        .map(|(run, outcome)| (run, Some(outcome)));
    let held_back = plan.held_back().iter().map(|held| (&held.run, None));
    for (run, outcome) in done.chain(held_back) {
        let identity = &run.identity;
        let flow = flows.entry((&identity.sandbox, identity.flow_id));
        flow.or_default().add(run, outcome);
    }
    let mut flows: Vec<Flow<'_>> = flows.into_values().collect();
    flows.sort_by_key(|flow| std::cmp::Reverse(flow.need()));
    let shown: Vec<_> = flows
        .iter()
        .filter_map(|flow| Some((flow, flow.shown()?)))
        .collect();
    if shown.is_empty() {
        return String::new();
    }
    let bars = shown.iter().map(|(_, (_, _, bar))| bar);
    let mut text = key_to_bars(
        bars,
        &[
            (Cell::New, "created"),
            (Cell::Failed, "rejected"),
            (Cell::HeldBack, "left"),
        ],
    );
    text.push_str(COLUMNS);
    let room = most.saturating_sub(RESERVED + text.len());
    let (table, told) = rows(shown.iter().map(|(flow, shown)| row(flow, shown)), room);
    text.push_str(&table);
    if told < shown.len() {
        let mut sum = Flow::default();
        for (flow, _) in &shown[told..] {
            let Flow {
                runs: _,
                created,
                adopted,
                rejected,
                in_doubt,
                left,
                unchanged,
            } = flow;
            sum.created += created;
            sum.adopted += adopted;
            sum.rejected += rejected;
            sum.in_doubt += in_doubt;
            sum.left += left;
            sum.unchanged += unchanged;
        }
        let _ = writeln!(
            text,
            "| … and {}, left out for want of room |{} | | |",
            number(shown.len() - told, "more flow"),
            count_cells(&sum)
        );
    }
    text + "\n"
}

fn row(flow: &Flow<'_>, (run, span, bar): &(&DesiredRun, Window, Bar)) -> String {
    let identity = &run.identity;
    format!(
        "| {}<br>`{}` `{}` |{} {} | {} | `{}` |\n",
        code(&run.name, 60),
        identity.sandbox,
        identity.flow_id,
        count_cells(flow),
        date(span.start()),
        date(span.end()),
        bar.text(),
    )
}

/// The cells of the numbers, each with its `|` after it.
fn count_cells(flow: &Flow<'_>) -> String {
    let Flow {
        runs: _,
        created,
        adopted,
        rejected,
        in_doubt,
        left,
        unchanged,
    } = flow;
    format!(" {created} | {adopted} | {rejected} | {in_doubt} | {left} | {unchanged} |")
}
