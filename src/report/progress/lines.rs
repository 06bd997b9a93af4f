//! Events as plain lines: for CI logs, pipes and `--progress plain`.

use std::fmt::{Display, Write};

use tokio::time::Instant;

use super::ids_and_times::{named_runs, runs_of_flow, since, wall_clock};
use crate::engine::{
    ActiveRuns, DoubtReason, Event, FlowEvent, FlowIndex, FlowStarted, RunOutcome,
};
use crate::reconcile::status::{Status, StatusTotals};
use crate::report::outcome::describe_left;
use crate::report::reason::said;
use crate::report::{ApplyProgress, number, plain, window};
use crate::run::{RunIdentity, RunStatus};
use crate::state::LastSeen;

/// The line that tells of `event`, if it is worth one; `progress` has folded it already.
///
/// With `verbose`, more events are.
#[must_use]
pub(crate) fn line(event: &Event, progress: &ApplyProgress, verbose: bool) -> Option<String> {
    Some(match event {
        Event::Started { flows, is_retry } => started(flows, *is_retry),
        Event::Flow(flow, event) => return flow_line(*flow, event, progress, verbose),
        Event::Throttled { until, rate } => format!(
            "throttled  nothing is sent until {}, then at {rate:.1}/s",
            wall_clock(*until)
        ),
        Event::Deadline => {
            "deadline   nothing is sent any more; what is left is for the next apply".to_owned()
        }
        Event::Stopping => "stopping   nothing new is sent; waiting for answers".to_owned(),
    })
}

fn flow_line(
    flow: FlowIndex,
    event: &FlowEvent,
    progress: &ApplyProgress,
    verbose: bool,
) -> Option<String> {
    let name = progress.name(flow);
    let about = |what: &str, run: &RunIdentity| {
        let (key, window) = (run.key(), window(run.window));
        format!("{what:<10} {}  {window}  {name}", key.short())
    };
    let why = |what: &str, run: &RunIdentity, why: &dyn Display, most: usize| {
        format!("{}: {}", about(what, run), plain(why, most))
    };
    Some(match event {
        FlowEvent::Prepared if verbose => format!("checked    {name}"),
        FlowEvent::Sending(run) if verbose => about("sending", run),
        FlowEvent::NotSent(run, reason) if verbose => why("not sent", run, reason, 300),
        FlowEvent::Prepared | FlowEvent::Sending(_) | FlowEvent::NotSent(..) => return None,
        FlowEvent::Blocked(reason) => format!("blocked    {name}: {}", plain(reason, 700)),
        FlowEvent::Outcome(run, outcome) => match outcome {
            RunOutcome::Created(run_id) => {
                let retried = progress.is_retry();
                let created = if retried { "retried" } else { "created" };
                let (about, done) = (about(created, run), progress.done());
                format!("{about}  run {run_id}  ({done}/{})", progress.wanted())
            }
            RunOutcome::Adopted(run_id, _) => {
                let (about, done) = (about("adopted", run), progress.done());
                let wanted = progress.wanted();
                format!("{about}  run {run_id} exists already  ({done}/{wanted})")
            }
            RunOutcome::Rejected(refusal) => why("rejected", run, refusal, 700),
            RunOutcome::InDoubt(DoubtReason::Unclear(reason)) => why("unclear", run, reason, 300),
            RunOutcome::InDoubt(reason) => why("in doubt", run, reason, 300),
            RunOutcome::Remaining(left) => why("conflict", run, &describe_left(left), 700),
            RunOutcome::Unchanged => return None,
        },
        FlowEvent::Settling { runs, believed } => format!(
            "settling   {name}: {runs} in doubt; what no list holds by {} was not created",
            wall_clock(*believed)
        ),
        FlowEvent::NotCreated(run) => format!("{}: it does not exist", about("settled", run)),
        FlowEvent::Ended { run, seen, .. } => {
            let (word, why) = ended(seen);
            format!("{}{why}", about(&word, run))
        }
        FlowEvent::NotFollowed(reason) => format!(
            "unread     {name}: its runs cannot be followed: {}",
            plain(reason, 300)
        ),
        // Each change is folded; a run of our own that follows another is no news.
        FlowEvent::Waiting(_) if !progress.is_wait_news(flow) => return None,
        FlowEvent::Waiting(active) => waiting(name, active),
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
