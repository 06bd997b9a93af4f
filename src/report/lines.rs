//! Events as plain lines: for CI logs, pipes and `--progress plain`.

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Board, clock_time, number, plain, window};
use crate::engine::Event;
use crate::run::RunIdentity;

/// The line that tells of `event`, if it is worth one; `board` has folded it already.
///
/// With `verbose`, more events are.
#[must_use]
pub fn line(event: &Event, board: &Board, verbose: bool) -> Option<String> {
    let name = |lane: &usize| board.name(*lane);
    let about = |what: &str, lane: &usize, run: &RunIdentity| {
        format!(
            "{what:<10} {}  {}  {}",
            run.key().short(),
            window(run.window),
            name(lane)
        )
    };
    Some(match event {
        Event::Started { lanes } => {
            let runs: usize = lanes.iter().map(|lane| lane.to_create).sum();
            let doubts: usize = lanes.iter().map(|lane| lane.in_doubt).sum();
            let settle = if doubts > 0 {
                format!(", {doubts} in doubt to settle first")
            } else {
                String::new()
            };
            format!(
                "starting   {runs} to create in {}{settle}",
                number(lanes.len(), "flow")
            )
        }
        Event::Prepared { lane } if verbose => format!("checked    {}", name(lane)),
        Event::Sending { lane, run } if verbose => about("sending", lane, run),
        Event::NotSent { lane, run, reason } if verbose => {
            format!("{}: {}", about("not sent", lane, run), plain(reason, 300))
        }
        Event::Prepared { .. } | Event::Sending { .. } | Event::NotSent { .. } => return None,
        Event::Blocked { lane, reason } => {
            format!(
                "blocked    {}: {}",
                name(lane),
                plain(&reason.to_string(), 700)
            )
        }
        Event::Created { lane, run, run_id } => format!(
            "{}  run {run_id}  ({}/{})",
            about("created", lane, run),
            board.done(),
            board.wanted()
        ),
        Event::Adopted {
            lane, run, run_id, ..
        } => format!(
            "{}  run {run_id} exists already  ({}/{})",
            about("adopted", lane, run),
            board.done(),
            board.wanted()
        ),
        Event::Rejected { lane, run, refusal } => {
            format!(
                "{}: {}",
                about("rejected", lane, run),
                plain(&refusal.to_string(), 700)
            )
        }
        Event::InDoubt { lane, run, reason } => {
            format!("{}: {}", about("in doubt", lane, run), plain(reason, 300))
        }
        Event::Settling {
            lane,
            runs,
            believed,
        } => format!(
            "settling   {}: {runs} in doubt; what no list holds by {} was not created",
            name(lane),
            wall_clock(*believed)
        ),
        Event::NotCreated { lane, run } => {
            format!("{}: it does not exist", about("settled", lane, run))
        }
        Event::Unclear { lane, run, reason } => {
            format!("{}: {}", about("unclear", lane, run), plain(reason, 300))
        }
        Event::Throttled { until, rate } => format!(
            "throttled  the service asked to wait: until {}, then at {rate:.1}/s",
            wall_clock(*until)
        ),
        Event::Stopping => "stopping   nothing new is sent; waiting for answers".to_owned(),
    })
}

/// The wall-clock time of a moment of the monotonic clock.
pub(super) fn wall_clock(at: Instant) -> String {
    let ahead = at.saturating_duration_since(Instant::now());
    clock_time(
        Timestamp::now()
            .saturating_add(ahead)
            .unwrap_or(Timestamp::MAX),
    )
}
