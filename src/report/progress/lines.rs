//! Events as plain lines: for CI logs, pipes and `--progress plain`.

use std::fmt::Write;

use tokio::time::Instant;

use super::ids_and_times::{named_runs, runs_of_flow, since, wall_clock};
use crate::engine::{ActiveRuns, Event, FlowStarted};
use crate::reconcile::status::{Status, StatusTotals};
use crate::report::reason::{describe_other, said};
use crate::report::{ApplyProgress, number, plain, window};
use crate::run::{RunIdentity, RunStatus};
use crate::state::LastSeen;

/// The line that tells of `event`, if it is worth one; `progress` has folded it already.
///
/// With `verbose`, more events are.
#[must_use]
pub(crate) fn line(event: &Event, progress: &ApplyProgress, verbose: bool) -> Option<String> {
    let name = |flow: &usize| progress.name(*flow);
    let about = |what: &str, flow: &usize, run: &RunIdentity| {
        format!(
            "{what:<10} {}  {}  {}",
            run.key().short(),
            window(run.window),
            name(flow)
        )
    };
    Some(match event {
        Event::Started { flows, is_retry } => {
            return Some(started(flows, *is_retry));
        }
        Event::Prepared { flow } if verbose => format!("checked    {}", name(flow)),
        Event::Sending { flow, run } if verbose => about("sending", flow, run),
        Event::NotSent { flow, run, reason } if verbose => {
            format!("{}: {}", about("not sent", flow, run), plain(&reason, 300))
        }
        Event::Prepared { .. } | Event::Sending { .. } | Event::NotSent { .. } => return None,
        Event::Blocked { flow, reason } => {
            format!("blocked    {}: {}", name(flow), plain(reason, 700))
        }
        Event::Created { flow, run, run_id } => format!(
            "{}  run {run_id}  ({}/{})",
            about(
                if progress.is_retry() {
                    "retried"
                } else {
                    "created"
                },
                flow,
                run
            ),
            progress.done(),
            progress.wanted()
        ),
        Event::Adopted {
            flow, run, run_id, ..
        } => format!(
            "{}  run {run_id} exists already  ({}/{})",
            about("adopted", flow, run),
            progress.done(),
            progress.wanted()
        ),
        Event::InTheWay { flow, run, other } => {
            let why = describe_other(other);
            format!("{}: {}", about("conflict", flow, run), plain(&why, 700))
        }
        Event::Rejected { flow, run, refusal } => {
            format!(
                "{}: {}",
                about("rejected", flow, run),
                plain(&refusal.to_string(), 700)
            )
        }
        Event::InDoubt { flow, run, reason } => {
            format!("{}: {}", about("in doubt", flow, run), plain(reason, 300))
        }
        Event::Settling {
            flow,
            runs,
            believed,
        } => format!(
            "settling   {}: {runs} in doubt; what no list holds by {} was not created",
            name(flow),
            wall_clock(*believed)
        ),
        Event::NotCreated { flow, run } => {
            format!("{}: it does not exist", about("settled", flow, run))
        }
        Event::Unclear { flow, run, reason } => {
            format!("{}: {}", about("unclear", flow, run), plain(reason, 300))
        }
        Event::Throttled { until, rate } => format!(
            "throttled  nothing is sent until {}, then at {rate:.1}/s",
            wall_clock(*until)
        ),
        Event::Ended {
            flow, run, seen, ..
        } => {
            let (word, why) = ended(seen);
            format!("{}{why}", about(&word, flow, run))
        }
        Event::NotFollowed { flow, reason } => format!(
            "unread     {}: its runs cannot be followed: {}",
            name(flow),
            plain(reason, 300)
        ),
        // Each change is folded; a run of our own that follows another is no news.
        Event::Waiting { flow, .. } if !progress.is_wait_news(*flow) => return None,
        Event::Waiting { flow, active } => waiting(name(flow), active),
        Event::Deadline => {
            "deadline   nothing is sent any more; what is left is for the next apply".to_owned()
        }
        Event::Stopping => "stopping   nothing new is sent; waiting for answers".to_owned(),
    })
}

/// That runs of a flow wait for these.
fn waiting(name: &str, active: &ActiveRuns) -> String {
    let runs = active.ours.len() + active.others.len();
    let have = if runs == 1 { "has" } else { "have" };
    format!(
        "waiting    {name}: {} {have} not finished, as many as maxActiveRuns allows: {}",
        number(runs, "run"),
        runs_of_flow(active)
    )
}

/// What there is to do.
fn started(flows: &[FlowStarted], is_retry: bool) -> String {
    let runs: usize = flows.iter().map(|flow| flow.to_create).sum();
    let doubts: usize = flows.iter().map(|flow| flow.in_doubt.len()).sum();
    let follow = flows.iter().flat_map(|flow| &flow.to_follow);
    let follow = follow.map(Vec::len).sum();
    let what = if is_retry { "run again" } else { "create" };
    let mut line = format!(
        "starting   {runs} to {what} in {}",
        number(flows.len(), "flow")
    );
    for (number, what) in [(doubts, "in doubt to settle first"), (follow, "to follow")] {
        if number > 0 {
            let _ = write!(line, ", {number} {what}");
        }
    }
    line
}

/// What became of a run that is followed, and the words of its failure.
fn ended(seen: &LastSeen) -> (String, String) {
    let error = said(seen);
    let why = match (&seen.status, error.is_empty()) {
        (RunStatus::Failed, false) => format!(": {error}"),
        _ => String::new(),
    };
    (plain(&seen.status, 40), why)
}

/// The line that tells how far the runs of a status are.
#[must_use]
pub(crate) fn watch_line(status: &Status) -> String {
    let rows = &status.rows;
    let unfinished = rows.iter().filter(|row| row.is_unfinished()).count();
    let totals = StatusTotals::of(rows).counts.describe();
    let done = rows.len() - unfinished;
    format!("watching   {done} of {} finished: {totals}", rows.len())
}

/// The same where nothing has changed for a while: for which runs it waits, and since when.
#[must_use]
pub(crate) fn still_watching(status: &Status, changed: Instant) -> String {
    let waited_for = status.rows.iter().filter(|row| row.is_unfinished());
    let runs = named_runs(waited_for.filter_map(|row| row.run_id.as_ref()));
    let since = since(changed, Instant::now());
    format!("{}; waiting {since} for {runs}", watch_line(status))
}
