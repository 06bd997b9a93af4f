//! What became of a run, in words: why it is in doubt or left, and why nothing is sent to its flow.
//!
//! Takes the engine's values, gives sentences without a full stop. What the service said is in
//! them, and is made harmless where it is shown.

use std::time::Duration;

use super::blocks::Row;
use super::reason::{NOT_REVIEWED, describe_other};
use super::{number, plain};
use crate::engine::{Applied, DoubtReason, LeftReason, RunOutcome};
use crate::reconcile::{Blocked, Unclear};
use crate::run::FlowRef;
use crate::untrusted::Untrusted;

/// A flow that nothing can be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockedFlow {
    pub flow: FlowRef,
    /// The manifest's label for it.
    pub name: Untrusted,
    /// How many of its runs that concerns.
    pub runs: usize,
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
        Row::new([about]).with_notes(vec![plain(&describe_blocked(&self.reason), 700)])
    }
}

/// Why nothing is sent to a flow.
pub(crate) fn describe_blocked(blocked: &Blocked) -> String {
    match blocked {
        Blocked::Unreadable(why) => format!("the flow cannot be read in this sandbox: {why}"),
        Blocked::NotOnce(frequency) => format!(
            "the flow is scheduled `{frequency}`; runs can be created only for a flow scheduled \
             `once`"
        ),
        Blocked::Disabled(state) => format!("the flow is {state}; enable it first"),
        Blocked::ReadsFiles => {
            "the manifest says `source: table`, but the flow reads files".to_owned()
        }
        Blocked::ReadsTable => {
            "the manifest says `source: file`, but the flow reads a table".to_owned()
        }
        Blocked::DeltaColumn { flow, manifest } => {
            format!("the manifest's deltaColumn is `{manifest}`, but the flow's is `{flow}`")
        }
        Blocked::Unknown(number) => format!(
            "{} no window and on no record: any of them may be one that is wanted here. A run that \
             is not over yet may show its window later. `backfill audit` names them; who knows \
             that none is wanted can send to this flow without comparing, with --flow and \
             --no-preflight",
            of_its_runs(*number, "shows", "show")
        ),
        Blocked::Unanswered(why) => why.clone(),
        Blocked::ListLacks(missing) => describe_lacking(*missing),
        Blocked::OldList(age) => describe_old(*age),
        Blocked::ComesToNothing(requests, key) => format!(
            "{requests} requests for the run {} came to nothing that a list shows; nothing more is \
             sent to the flow by this apply: see first whether the service is well",
            key.short()
        ),
        Blocked::InDoubt(number) => format!("{} in doubt", of_its_runs(*number, "is", "are")),
    }
}

fn of_its_runs(number: usize, one: &str, more: &str) -> String {
    match number {
        1 => format!("one of its runs {one}"),
        _ => format!("{number} of its runs {more}"),
    }
}

fn describe_lacking(missing: usize) -> String {
    match missing {
        1 => "the service's list of the flow lacks a run that is on record".to_owned(),
        more => format!("the service's list of the flow lacks {more} runs that are on record"),
    }
}

fn describe_old(age: Duration) -> String {
    let seconds = age.as_secs();
    format!(
        "the service's list of the flow is {seconds} s old: a cache has answered, or its clock is wrong"
    )
}

/// Why a run is left for the next apply.
pub(super) fn describe_left(left: &LeftReason) -> String {
    match left {
        LeftReason::Blocked(blocked) => return describe_blocked(blocked),
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
        DoubtReason::Unclear(unclear) => describe_unclear(unclear),
    }
}

/// Why the lists do not tell whether a run exists.
pub(super) fn describe_unclear(unclear: &Unclear) -> String {
    match unclear {
        Unclear::NotListed(why) => why.clone(),
        Unclear::ListLacks(missing) => describe_lacking(*missing),
        Unclear::OldList(age) => describe_old(*age),
        Unclear::SameWindow(run) => {
            format!("the run {run} has this window, and nothing tells whether it is this rerun")
        }
        Unclear::NearlySameWindow(run) => {
            format!("the run {run} shows a window that is nearly this one")
        }
        Unclear::NoWindow(run) => format!("the run {run} shows no window and may be this one"),
        Unclear::NoWindows(runs) => format!("{runs} runs show no window and may be this one"),
        Unclear::NoOrNearlySameWindows(runs) => {
            format!("{runs} runs do not show their window, or show one that is nearly this one")
        }
        Unclear::NotBegun(start) => {
            format!("it is to begin at {start}, and may be listed only after that")
        }
        Unclear::Changed(run) => {
            format!("the run {run} has changed, and nothing tells whether it runs again")
        }
        Unclear::Claimed(run) => format!("the run {run} is another's already"),
    }
}
