//! A retry as text: which runs are run again and why, and what came of it.

use std::io::{self, Write};

use super::apply::{
    SETTLED_LATER, describe_others, doubt, rejection, remaining_lines, write_named,
};
use super::follow::write_followed;
use super::table::{Details, Layout, write_runs};
use super::write_lines;
use crate::engine::{Applied, Ending, RunOutcome};
use crate::plan::{Action, Limit, Plan, PlannedRun, RetryPlan};
use crate::report::reason::{describe_fate, said};
use crate::report::wrap::wrap;
use crate::report::{plain, short_window};
use crate::state::LastSeen;

/// How many runs of a flow are shown before they are only counted.
const SHOWN: usize = 20;

/// How many runs came to what, by a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RetryCounts {
    /// Run again.
    pub retried: usize,
    /// Found to be run again, by an earlier request or by somebody else.
    pub adopted: usize,
    /// Refused by the service.
    pub rejected: usize,
    /// May be run again, or not.
    pub in_doubt: usize,
    /// Left for the next retry.
    pub remaining: usize,
    /// Left to a person.
    pub exhausted: usize,
    /// Not run again while their manifests say so.
    pub paused: usize,
    /// That need none.
    pub unchanged: usize,
}

impl RetryCounts {
    #[must_use]
    pub(crate) fn of(planned: &RetryPlan, applied: &Applied) -> Self {
        let mut counts = Self {
            in_doubt: applied.others_in_doubt,
            remaining: planned.plan.held_back().len(),
            exhausted: planned.exhausted.len(),
            paused: planned.paused,
            unchanged: planned.unchanged,
            ..Self::default()
        };
        for (_, outcome) in &applied.runs {
            let count = match outcome {
                RunOutcome::Created(_) => &mut counts.retried,
                RunOutcome::Adopted(..) => &mut counts.adopted,
                RunOutcome::Rejected(_) => &mut counts.rejected,
                RunOutcome::InDoubt(_) => &mut counts.in_doubt,
                RunOutcome::Remaining(_) => &mut counts.remaining,
                RunOutcome::Unchanged => &mut counts.unchanged,
            };
            *count += 1;
        }
        counts
    }

    /// `18 retried, 2 exhausted, 280 unchanged`.
    pub(in crate::report) fn describe(self) -> String {
        let Self {
            retried,
            adopted,
            rejected,
            in_doubt,
            remaining,
            exhausted,
            paused,
            unchanged,
        } = self;
        let mut parts = vec![format!("{retried} retried")];
        for (number, what) in [
            (adopted, "found to be run again"),
            (rejected, "rejected"),
            (in_doubt, "in doubt"),
            (remaining, "remaining"),
            (exhausted, "exhausted"),
            (paused, "paused"),
            (unchanged, "unchanged"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        parts.join(", ")
    }
}

/// Writes which runs are to be run again, and why.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_retry_plan(
    out: &mut dyn Write,
    planned: &RetryPlan,
    layout: Layout,
) -> io::Result<()> {
    let RetryPlan {
        plan,
        exhausted,
        paused,
        unchanged,
    } = planned;
    let totals = plan.totals();
    let mut parts = vec![format!("{} to run again", totals.retry)];
    for (number, what) in [
        (totals.held_back, "held back by a limit"),
        (totals.in_doubt, "in doubt, to be settled"),
        (exhausted.len(), "exhausted"),
        (*paused, "paused"),
        (totals.unchanged, "not finished"),
        (*unchanged, "unchanged"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    let line = format!("Retry: {}.", parts.join(", "));
    write_lines(out, &wrap(&line, "       ", layout.columns()))?;
    if let Some(limit) = plan.limit() {
        let text = format!("Warning: {}.", held_back(plan, limit));
        write_lines(out, &wrap(&text, "         ", layout.columns()))?;
    }
    for runs in plan.flows() {
        let runs: Vec<&PlannedRun> = runs
            .iter()
            .filter(|planned| planned.action != Action::Unchanged)
            .collect();
        let Some(first) = runs.first().map(|planned| &planned.run) else {
            continue;
        };
        writeln!(
            out,
            "\n{}  {}",
            console::style(plain(&first.request.name, 60)).bold(),
            first.identity.flow
        )?;
        write_planned(out, &runs, layout)?;
    }
    write_exhausted(out, exhausted, layout)
}

/// That a limit holds runs back.
fn held_back(plan: &Plan, limit: Limit) -> String {
    format!(
        "{} held back by {} ({}) until the next retry",
        plan.held_back().len(),
        limit.name(),
        limit.most()
    )
}

fn write_planned(out: &mut dyn Write, runs: &[&PlannedRun], layout: Layout) -> io::Result<()> {
    let most = if layout.verbose { runs.len() } else { SHOWN };
    let shown = &runs[..runs.len().min(most)];
    let rows: Vec<_> = shown.iter().map(|planned| cells(planned)).collect();
    let details: Vec<Details> = shown
        .iter()
        .map(|planned| details(planned, layout))
        .collect();
    write_runs(
        out,
        ["KEY", "WINDOW (UTC)", "STATUS"],
        &rows,
        &details,
        layout,
    )?;
    if runs.len() > most {
        let more = runs.len() - most;
        writeln!(out, "  … {more} more, shown by --verbose")?;
    }
    Ok(())
}

/// Writes which runs are left to a person, and why.
fn write_exhausted(
    out: &mut dyn Write,
    exhausted: &[PlannedRun],
    layout: Layout,
) -> io::Result<()> {
    if exhausted.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nRun as often as limits.attempts allows, and left to a person:"
    )?;
    let runs: Vec<&PlannedRun> = exhausted.iter().collect();
    write_planned(out, &runs, layout)?;
    let hint = "See what is wrong with them first. `backfill retry --only KEY --max-attempts N` \
                runs one again; `backfill state show KEY` has each attempt.";
    write_lines(out, &wrap(hint, "", layout.columns()))
}

fn cells(planned: &PlannedRun) -> [String; 3] {
    let identity = &planned.run.identity;
    let word = match (planned.action, last_seen(planned)) {
        (Action::Settle, _) => "in doubt".to_owned(),
        (_, Some(seen)) => seen.status.to_string(),
        (_, None) => "not read".to_owned(),
    };
    [
        identity.key().short(),
        short_window(identity.window, identity.rerun),
        plain(&word, 40),
    ]
}

fn last_seen(planned: &PlannedRun) -> Option<&LastSeen> {
    planned.known.as_ref()?.last_seen.as_ref()
}

fn details(planned: &PlannedRun, layout: Layout) -> Details<'_> {
    let known = planned.known.as_deref();
    let error = last_seen(planned).into_iter().filter_map(|seen| {
        let said = said(seen);
        (!said.is_empty()).then_some(said)
    });
    let doubt = known
        .filter(|_| planned.action == Action::Settle)
        .map(|known| describe_fate(&known.fate));
    let more = error.chain(doubt);
    // Beneath a run: its id may take the place beside it.
    let more = more.flat_map(|line| wrap(&line, "", layout.columns().saturating_sub(6)));
    Details {
        run_id: known.and_then(|known| known.fate.run_id()),
        more: more.collect(),
    }
}

/// Writes what a retry came to.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_retried(
    out: &mut dyn Write,
    planned: &RetryPlan,
    applied: &Applied,
    layout: Layout,
) -> io::Result<()> {
    let counts = RetryCounts::of(planned, applied);
    let word = match &applied.ending {
        Ending::Done => "Done",
        Ending::Interrupted => "Interrupted",
        _ => "Stopped",
    };
    writeln!(out, "{word}: {}.", counts.describe())?;
    write_named(out, "Rejected, and not run again:", applied, rejection)?;
    let heading = "In doubt, and not asked for again until that is settled:";
    write_named(out, heading, applied, doubt)?;
    if let Some(others) = describe_others(applied) {
        writeln!(out, "\n{others}")?;
    }
    if counts.in_doubt > 0 {
        writeln!(out, "\n{SETTLED_LATER}")?;
    }
    let mut remaining = remaining_lines(applied, &Plan::default());
    let limit = planned.plan.limit();
    remaining.extend(limit.map(|limit| held_back(&planned.plan, limit)));
    if !remaining.is_empty() {
        writeln!(out, "\nLeft for the next retry:")?;
    }
    for line in remaining {
        writeln!(out, "  {line}")?;
    }
    if let Some(totals) = &applied.followed {
        writeln!(out)?;
        write_followed(out, totals, applied.unfollowed)?;
    }
    write_exhausted(out, &planned.exhausted, layout)
}
