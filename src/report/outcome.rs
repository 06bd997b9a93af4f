//! What became of a run, in words: why it is in doubt or left.
//!
//! Takes the engine's values, gives sentences without a full stop. What the service said is in
//! them, and is made harmless where it is shown.

use serde::Serialize;

use super::blocks::Row;
use super::reason::{NOT_REVIEWED, describe_other};
use super::{number, plain, window};
use crate::engine::{Applied, DoubtReason, Ending, LeftReason, RunOutcome};
use crate::reconcile::Blocked;
use crate::run::{DesiredRun, FlowRef};
use crate::untrusted::Untrusted;

/// A flow that nothing can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct BlockedFlow {
    #[serde(flatten)]
    pub flow: FlowRef,
    /// The manifest's label for it.
    pub name: Untrusted,
    /// How many of its runs that concerns.
    pub runs: usize,
    #[cfg_attr(test, schemars(with = "String"))]
    pub reason: Blocked,
}

impl BlockedFlow {
    /// The flows that an apply, or a look at the service, could not send to, in the plan's order.
    pub(crate) fn all(applied: &Applied) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (run, outcome) in &applied.runs {
            let RunOutcome::Remaining(LeftReason::Blocked(reason)) = outcome else {
                continue;
            };
            let flow = &run.identity.flow;
            match all.last_mut().filter(|last| last.flow == **flow) {
                Some(last) => last.runs += 1,
                None => all.push(Self {
                    flow: FlowRef::clone(flow),
                    name: run.request.name.clone(),
                    runs: 1,
                    reason: reason.clone(),
                }),
            }
        }
        all
    }

    /// Label, flow and how many runs; and why.
    pub(super) fn row(&self) -> Row {
        let runs = number(self.runs, "run");
        let about = format!("{}  {}: {runs} not sent", plain(&self.name, 60), self.flow);
        Row::new([about]).with_notes(vec![plain(&self.reason, 700)])
    }
}

/// Key, label, window and place of a run.
pub(super) fn run_row(run: &DesiredRun) -> Row {
    Row::new([
        run.key().short(),
        plain(&run.request.name, 60),
        window(run.identity.window),
        plain(&run.origin().to_string(), 60),
    ])
}

/// Why a run is left for the next apply.
pub(super) fn describe_left(left: &LeftReason) -> String {
    match left {
        LeftReason::Blocked(blocked) => return blocked.to_string(),
        LeftReason::InTheWay(other) => return describe_other(other),
        LeftReason::Overlap => "its window overlaps that of another run, which comes first",
        LeftReason::Limit => "held back by the limit on new runs",
        LeftReason::Paused => "its manifest says `paused: true`",
        LeftReason::Unreviewed => NOT_REVIEWED,
        LeftReason::Day { most, fits } => {
            let when = fits.map_or_else(
                || "it never fits".to_owned(),
                |at| format!("it fits from {at:.0} on"),
            );
            return format!("held back by limits.newRunsPerDay ({most}); {when}");
        }
        LeftReason::Deadline => "the time for sending was over (--deadline)",
        LeftReason::Timeout => "the time was over before its turn (--timeout)",
        LeftReason::Changed => "it is not what it was when its retry was decided",
        LeftReason::Interrupted => "interrupted before its turn",
        LeftReason::Ended => "the apply ended before its turn",
    }
    .to_owned()
}

/// Why a run is in doubt.
pub(super) fn describe_doubt(doubt: &DoubtReason) -> String {
    match doubt {
        DoubtReason::Recorded(reason) => reason.clone(),
        DoubtReason::NoAnswer => "a request may have left and no answer is known".to_owned(),
        DoubtReason::Unclear(unclear) => unclear.to_string(),
    }
}

/// Why an apply ended early, if it did.
pub(crate) fn describe_ending(ending: &Ending) -> Option<String> {
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
