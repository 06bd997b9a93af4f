//! What an apply came to, as text: one line of totals, then what needs a person.

use std::collections::BTreeSet;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::engine::{Applied, Ending, LeftReason, RunOutcome};
use crate::plan::Plan;
use crate::report::outcome::{describe_doubt, describe_left};
use crate::report::reason::{describe_held_back, describe_review};
use crate::report::{plain, window};
use crate::run::DesiredRun;
use crate::untrusted::Untrusted;

/// How many runs of a kind are named before the rest is counted.
const NAMED: usize = 10;

/// How many runs came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OutcomeCounts {
    /// Created now.
    pub created: usize,
    /// Found to exist.
    pub adopted: usize,
    /// Refused by the service.
    pub rejected: usize,
    /// May exist.
    pub in_doubt: usize,
    /// Not sent: left for the next apply, runs held back by a limit included.
    pub remaining: usize,
    /// Existed before.
    pub unchanged: usize,
}

/// Counts outcomes; `held_back` runs were not even planned.
#[must_use]
pub(crate) fn count(applied: &Applied, held_back: usize) -> OutcomeCounts {
    let mut counts = OutcomeCounts {
        in_doubt: applied.others_in_doubt,
        remaining: held_back,
        ..OutcomeCounts::default()
    };
    for (_, outcome) in &applied.runs {
        let count = match outcome {
            RunOutcome::Unchanged => &mut counts.unchanged,
            RunOutcome::Created(_) => &mut counts.created,
            RunOutcome::Adopted(..) => &mut counts.adopted,
            RunOutcome::Rejected(_) => &mut counts.rejected,
            RunOutcome::InDoubt(_) => &mut counts.in_doubt,
            RunOutcome::Remaining(_) => &mut counts.remaining,
        };
        *count += 1;
    }
    counts
}

/// `Done: 3 created, 1 rejected`.
pub(in crate::report) fn describe_totals(applied: &Applied, counts: OutcomeCounts) -> String {
    let mut parts = vec![format!("{} created", counts.created)];
    for (number, what) in [
        (counts.adopted, "adopted"),
        (counts.rejected, "rejected"),
        (counts.in_doubt, "in doubt"),
        (counts.remaining, "remaining"),
        (counts.unchanged, "unchanged"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    let word = match &applied.ending {
        Ending::Done => "Done",
        Ending::Interrupted => "Interrupted",
        _ => "Stopped",
    };
    format!("{word}: {}", parts.join(", "))
}

/// Writes the summary of what `plan` came to.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_summary(out: &mut dyn Write, applied: &Applied, plan: &Plan) -> io::Result<()> {
    let counts = count(applied, plan.totals().held_back);
    writeln!(out, "{}.", describe_totals(applied, counts))?;
    if let Some(review) = describe_review(plan) {
        writeln!(out, "{review}.")?;
    }

    write_named(out, "Rejected, and not created:", applied, rejection)?;
    write_named(
        out,
        "In doubt, and not sent again until that is settled:",
        applied,
        doubt,
    )?;
    if let Some(others) = describe_others(applied) {
        writeln!(out, "\n{others}")?;
    }
    if counts.in_doubt > 0 {
        writeln!(out, "\n{SETTLED_LATER}")?;
    }
    let remaining = remaining_lines(applied, plan);
    if !remaining.is_empty() {
        writeln!(out, "\nLeft for the next apply:")?;
    }
    for line in remaining {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// Why a run was rejected, if it was.
pub(in crate::report) fn rejection(outcome: &RunOutcome) -> Option<String> {
    match outcome {
        RunOutcome::Rejected(refusal) => Some(refusal.to_string()),
        _ => None,
    }
}

/// Why a run is in doubt, if it is.
pub(in crate::report) fn doubt(outcome: &RunOutcome) -> Option<String> {
    match outcome {
        RunOutcome::InDoubt(reason) => Some(describe_doubt(reason)),
        _ => None,
    }
}

/// What becomes of runs in doubt.
pub(in crate::report) const SETTLED_LATER: &str = "The next apply looks for what is in doubt again; `backfill \
     resolve` shows what is known of it, and records what you know.";

/// That some of those in doubt are not of the plan.
pub(in crate::report) fn describe_others(applied: &Applied) -> Option<String> {
    let are = match applied.others_in_doubt {
        0 => return None,
        1 => "one is".to_owned(),
        others => format!("{others} are"),
    };
    Some(format!("Of those in doubt {are} outside this plan."))
}

pub(super) fn write_named(
    out: &mut dyn Write,
    heading: &str,
    applied: &Applied,
    what: impl Fn(&RunOutcome) -> Option<String>,
) -> io::Result<()> {
    let mut named = 0;
    for (run, outcome) in &applied.runs {
        let Some(reason) = what(outcome) else {
            continue;
        };
        if named == 0 {
            writeln!(out, "\n{heading}")?;
        }
        named += 1;
        if named <= NAMED {
            writeln!(out, "  {}", describe_run(run))?;
            writeln!(out, "    {}", plain(&reason, 700))?;
        }
    }
    if named > NAMED {
        writeln!(out, "  … and {} more; --report has them all", named - NAMED)?;
    }
    Ok(())
}

/// The runs that are left, by the reason: what is of many flows is said once.
pub(in crate::report) fn left_by_reason(applied: &Applied) -> Vec<(&LeftReason, Vec<&DesiredRun>)> {
    let mut left: Vec<(&LeftReason, Vec<&DesiredRun>)> = Vec::new();
    for (run, outcome) in &applied.runs {
        let RunOutcome::Remaining(reason) = outcome else {
            continue;
        };
        match left
            .iter_mut()
            .rev()
            .find(|(known, _)| known.is_like(reason))
        {
            Some((_, runs)) => runs.push(run),
            None => left.push((reason, vec![run])),
        }
    }
    left
}

/// What is left and why, a line for each reason.
pub(in crate::report) fn remaining_lines(applied: &Applied, plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = left_by_reason(applied)
        .into_iter()
        .map(|(reason, runs)| {
            let names: BTreeSet<&Untrusted> = runs.iter().map(|run| &run.request.name).collect();
            let number = runs.len();
            let of = match names.iter().next() {
                Some(&name) if names.len() == 1 => plain(name, 60),
                _ => format!("{} flows", names.len()),
            };
            let last = runs_last(applied, reason);
            let why = match (reason, last) {
                (LeftReason::Day { fits: Some(_), .. }, Some(last)) if number > 1 => {
                    format!("{}, the last from {last:.0} on", describe_left(reason))
                }
                _ => describe_left(reason),
            };
            format!("{number} of {of}: {}", plain(&why, 700))
        })
        .collect();
    lines.extend(describe_held_back(plan));
    lines
}

/// When the last run fits that is left for a reason like this one.
fn runs_last(applied: &Applied, reason: &LeftReason) -> Option<Timestamp> {
    let left = applied
        .runs
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            RunOutcome::Remaining(left) if left.is_like(reason) => left.fits(),
            _ => None,
        });
    left.max()
}

/// Key, label, window and place of a run.
pub(in crate::report) fn describe_run(run: &DesiredRun) -> String {
    format!(
        "{}  {}  {}  {}",
        run.key().short(),
        plain(&run.request.name, 60),
        window(run.identity.window),
        plain(&run.origin().to_string(), 60),
    )
}
