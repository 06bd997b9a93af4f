//! What an apply came to, as Markdown: totals, what was refused or is in doubt, a table of flows with
//! what each of its windows came to, what is left and why.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::table::{FlowRow, table};
use super::{BAR, LINE, code, key_to_bars, section, told as said};
use crate::engine::{Applied, Ending, RunOutcome};
use crate::plan::Plan;
use crate::report::bar::{Bar, Cell};
use crate::report::reason::describe_review;
use crate::report::text::apply::{
    SETTLED_LATER, describe_others, describe_run, describe_totals, doubt, rejection,
    remaining_lines,
};
use crate::report::{count, plain, wrap};
use crate::run::{DesiredRun, FlowRef, Window};

/// How many bytes are kept for what is said after the table.
const RESERVED: usize = 10_000;
/// How much of what the service said is repeated.
const MOST_SAID: usize = 700;

/// The words of the numbers of a flow.
const WORDS: [&str; 6] = [
    "created",
    "adopted",
    "rejected",
    "in doubt",
    "left",
    "unchanged",
];

/// What `plan` came to, in at most `most` bytes.
#[must_use]
pub(crate) fn applied_markdown(applied: &Applied, plan: &Plan, most: usize) -> String {
    let counts = count(applied, plan.totals().held_back);
    let mut text = format!(
        "### backfill apply: {}\n\n",
        describe_totals(applied, counts)
    );
    if let Some(review) = describe_review(plan) {
        let _ = write!(text, "{review}.\n\n");
    }
    if let Some(why) = describe_ending(&applied.ending) {
        let _ = write!(text, "**It stopped early:** {}\n\n", code(&why, MOST_SAID));
    }
    // Of what is not told in the table, the most is for what went wrong.
    let share = most / 4;
    text.push_str(&outcomes(
        applied,
        &format!("**{} rejected, and not created**", counts.rejected),
        share,
        rejection,
    ));
    text.push_str(&outcomes(
        applied,
        &format!(
            "**{} in doubt, and not sent again until that is settled**",
            counts.in_doubt
        ),
        share,
        doubt,
    ));
    if counts.in_doubt > 0 {
        let others = describe_others(applied).map_or_else(String::new, |others| others + " ");
        let _ = write!(text, "{others}{SETTLED_LATER}\n\n");
    }
    let remaining = remaining_lines(applied, plan);
    let reasons = remaining.len();
    text.push_str(&section(
        &format!("**{} left for the next apply**", counts.remaining),
        "reason",
        remaining
            .iter()
            .map(|line| wrap(line, "  ", LINE).join("\n") + "\n"),
        reasons,
        RESERVED,
    ));
    text.push_str(&flows(applied, plan, most.saturating_sub(text.len())));
    let _ = writeln!(text, "Digest of the plan: `{}`", plan.digest());
    text
}

/// Why an apply ended early, if it did.
pub(in crate::report) fn describe_ending(ending: &Ending) -> Option<String> {
    match ending {
        Ending::Done => None,
        Ending::Interrupted => Some("interrupted; the journal is complete".to_owned()),
        Ending::TimedOut => Some("the time was over before all runs had finished".to_owned()),
        Ending::Breaker(rejections) => Some(format!("{rejections} rejections in a row")),
        Ending::SignIn(why) => Some(format!("could not sign in: {why}")),
        Ending::Unreachable(why) | Ending::Panicked(why) => Some(why.clone()),
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
            "{}\n{}",
            describe_run(run),
            said(&plain(&reason, MOST_SAID))
        )
    });
    section(heading, "run", entries, told().count(), most)
}

/// A flow of what was applied.
#[derive(Default)]
struct FlowResult<'a> {
    runs: Vec<(&'a DesiredRun, Cell)>,
    counts: [usize; WORDS.len()],
}

impl<'a> FlowResult<'a> {
    fn add(&mut self, run: &'a DesiredRun, outcome: Option<&RunOutcome>) {
        let (column, cell) = match outcome {
            Some(RunOutcome::Created(_)) => (0, Cell::New),
            Some(RunOutcome::Adopted(..)) => (1, Cell::Done),
            Some(RunOutcome::Rejected(_)) => (2, Cell::Failed),
            Some(RunOutcome::InDoubt(_)) => (3, Cell::InDoubt),
            Some(RunOutcome::Remaining(_)) | None => (4, Cell::HeldBack),
            Some(RunOutcome::Unchanged) => (5, Cell::Done),
        };
        self.counts[column] += 1;
        self.runs.push((run, cell));
    }

    /// As a row: its first run tells which flow it is.
    fn row(&self) -> Option<FlowRow<'a, { WORDS.len() }>> {
        let windows: Vec<(Window, Cell)> = self
            .runs
            .iter()
            .map(|(run, cell)| (run.identity.window, *cell))
            .collect();
        let start = windows.iter().map(|(window, _)| window.start()).min()?;
        let end = windows.iter().map(|(window, _)| window.end()).max()?;
        let span = Window::new(start, end).ok()?;
        let (run, _) = self.runs.first()?;
        Some(FlowRow {
            name: &run.request.name,
            flow: &run.identity.flow,
            span,
            bar: Bar::of(span, &windows, BAR),
            counts: self.counts,
        })
    }

    /// Above 0 where a person may have to act.
    fn need(&self) -> (usize, usize, usize) {
        let [_, _, rejected, in_doubt, left, _] = self.counts;
        (rejected, in_doubt, left)
    }
}

/// The flows in at most `most` bytes, those that need a person first.
fn flows(applied: &Applied, plan: &Plan, most: usize) -> String {
    let mut flows: BTreeMap<&FlowRef, FlowResult<'_>> = BTreeMap::new();
    let done = applied
        .runs
        .iter()
        .map(|(run, outcome)| (run, Some(outcome)));
    let held_back = plan.held_back().iter().map(|held| (&held.run, None));
    for (run, outcome) in done.chain(held_back) {
        let identity = &run.identity;
        let flow = flows.entry(&identity.flow);
        flow.or_default().add(run, outcome);
    }
    let mut flows: Vec<FlowResult<'_>> = flows.into_values().collect();
    flows.sort_by_key(|flow| std::cmp::Reverse(flow.need()));
    let rows: Vec<_> = flows.iter().filter_map(FlowResult::row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let bars = rows.iter().map(|row| &row.bar);
    let key = key_to_bars(
        bars,
        &[
            (Cell::New, "created"),
            (Cell::Failed, "rejected"),
            (Cell::HeldBack, "left"),
        ],
    );
    let room = most.saturating_sub(RESERVED + key.len());
    key + &table(WORDS, &rows, room).0
}
