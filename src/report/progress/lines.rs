//! Events as plain lines: for CI logs, pipes and `--progress plain`.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::engine::Event;
use crate::report::outcome::{describe_blocked, describe_unclear};
use crate::report::text::status::StatusTotals;
use crate::report::{ApplyProgress, Status, clock_time, number, plain, window};
use crate::run::{RunIdentity, RunStatus};

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
            let runs: usize = flows.iter().map(|flow| flow.to_create).sum();
            let doubts: usize = flows.iter().map(|flow| flow.in_doubt).sum();
            let settle = if doubts > 0 {
                format!(", {doubts} in doubt to settle first")
            } else {
                String::new()
            };
            let follow: usize = flows.iter().filter_map(|flow| flow.to_follow).sum();
            let follow = if follow > 0 {
                format!(", {follow} to follow")
            } else {
                String::new()
            };
            format!(
                "starting   {runs} to {} in {}{settle}{follow}",
                if *is_retry { "run again" } else { "create" },
                number(flows.len(), "flow")
            )
        }
        Event::Prepared { flow } if verbose => format!("checked    {}", name(flow)),
        Event::Sending { flow, run } if verbose => about("sending", flow, run),
        Event::NotSent { flow, run, reason } if verbose => {
            format!("{}: {}", about("not sent", flow, run), plain(&reason, 300))
        }
        Event::Prepared { .. } | Event::Sending { .. } | Event::NotSent { .. } => return None,
        Event::Blocked { flow, reason } => {
            format!(
                "blocked    {}: {}",
                name(flow),
                plain(&describe_blocked(reason), 700)
            )
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
            let why = describe_unclear(reason);
            format!("{}: {}", about("unclear", flow, run), plain(&why, 300))
        }
        Event::Throttled { until, rate } => format!(
            "throttled  the service asked to wait: until {}, then at {rate:.1}/s",
            wall_clock(*until)
        ),
        Event::Ended { flow, run, seen } => {
            let error = [&seen.code, &seen.message]
                .into_iter()
                .flatten()
                .map(|said| plain(said, 300))
                .collect::<Vec<_>>()
                .join(" ");
            let word = plain(&seen.status.to_string(), 40);
            let said = match (&seen.status, error.is_empty()) {
                (RunStatus::Failed, false) => format!(": {error}"),
                _ => String::new(),
            };
            format!("{}{said}", about(&word, flow, run))
        }
        Event::NotFollowed { flow, reason } => format!(
            "unread     {}: its runs cannot be followed: {}",
            name(flow),
            plain(reason, 300)
        ),
        Event::Deadline => {
            "deadline   nothing is sent any more; what is left is for the next apply".to_owned()
        }
        Event::Stopping => "stopping   nothing new is sent; waiting for answers".to_owned(),
    })
}

/// The line that tells how far the runs of a status are.
#[must_use]
pub(crate) fn watch_line(status: &Status) -> String {
    let rows = &status.rows;
    let unfinished = rows.iter().filter(|row| row.is_unfinished()).count();
    let totals = StatusTotals::of(rows).describe_counts();
    let done = rows.len() - unfinished;
    format!("watching   {done} of {} finished: {totals}", rows.len())
}

/// The wall-clock time of a moment of the monotonic clock.
pub(in crate::report) fn wall_clock(at: Instant) -> String {
    let ahead = at.saturating_duration_since(Instant::now());
    clock_time(
        Timestamp::now()
            .saturating_add(ahead)
            .unwrap_or(Timestamp::MAX),
    )
}
