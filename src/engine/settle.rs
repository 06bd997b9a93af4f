//! Settling: what the flow's own list of runs tells about runs in doubt.
//!
//! [`recognise`] is a function of plain data. A run is ours if it shows our window and no record
//! stands for it; else if it is the only run by our client since the only open intent. That a run
//! is absent from one list proves nothing: how often and when lists are read is [`Patience`].

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::api::{FlowRun, Shows};
use crate::run::{Rerun, RunId, Window};
use crate::state::{Clock, Evidence, Moment};

/// The service's clocks need not agree to the second.
const SLACK: SignedDuration = SignedDuration::from_secs(30);
/// How many lists, read after the settle delay, must agree that a run is not there.
pub(super) const READINGS: u32 = 2;

/// A run in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    /// Its window.
    pub(super) window: Window,
    /// The how-manieth time the window was wanted.
    pub(super) rerun: Rerun,
    /// When its intent was made.
    pub(super) intent: Moment,
}

/// What one list tells about a run in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// It exists, as this run.
    Found(RunId, Evidence),
    /// The list does not hold it.
    Absent,
    /// The list holds a run that may be it, or not.
    Unclear(String),
}

/// Reads `runs`, the whole list of one flow, for the runs in doubt of that flow.
///
/// Gives one reading per `open`, in order; no run is given twice, nor one in `claimed`.
pub(super) fn recognise(
    open: &[Open],
    runs: &[FlowRun],
    claimed: &HashSet<RunId>,
    api_key: &str,
) -> Vec<Reading> {
    let mut pool = Pool::new(runs, claimed);
    let shown: Vec<Option<(RunId, Evidence)>> = open
        .iter()
        .map(|open| {
            pool.since(open.window, open.intent, api_key)
                .or_else(|| pool.nth(open.window, open.rerun))
        })
        .collect();
    let unmatched = shown.iter().filter(|found| found.is_none()).count();

    shown
        .into_iter()
        .zip(open)
        .map(|(found, open)| match found {
            Some((id, evidence)) => Reading::Found(id, evidence),
            None => by_elimination(open, unmatched, runs, claimed, api_key),
        })
        .collect()
}

/// No run shows the window. A run that shows none at all may still be ours.
fn by_elimination(
    open: &Open,
    unmatched: usize,
    runs: &[FlowRun],
    claimed: &HashSet<RunId>,
    api_key: &str,
) -> Reading {
    let candidates: Vec<&FlowRun> = runs
        .iter()
        .filter(|run| {
            run.shows == Shows::Nothing
                && !claimed.contains(&run.id)
                && run
                    .created_client
                    .as_deref()
                    .is_none_or(|client| client == api_key)
                && is_since(run, open.intent)
        })
        .collect();
    match candidates.as_slice() {
        [] => Reading::Absent,
        [run]
            if unmatched == 1
                && run.created_client.is_some()
                && run.created_at.is_some()
                && open.intent.clock == Clock::Server =>
        {
            Reading::Found(run.id.clone(), Evidence::SoleIntent)
        }
        [run] => Reading::Unclear(format!(
            "the run {} shows no window and may be this one",
            run.id
        )),
        many => Reading::Unclear(format!(
            "{} runs show no window and may be this one",
            many.len()
        )),
    }
}

/// Whether `run` can be younger than the intent. A time that cannot be compared can.
fn is_since(run: &FlowRun, intent: Moment) -> bool {
    match (run.created_at, intent.clock) {
        (Some(created), Clock::Server) => {
            let earliest = intent.time.saturating_sub(SLACK).unwrap_or(intent.time);
            created >= earliest
        }
        _ => true,
    }
}

/// A flow's runs by the window they show, oldest first, each to be taken once.
pub(super) struct Pool<'a> {
    by_window: HashMap<Window, Vec<(&'a FlowRun, Evidence)>>,
    taken: HashSet<RunId>,
}

impl<'a> Pool<'a> {
    pub(super) fn new(runs: &'a [FlowRun], claimed: &HashSet<RunId>) -> Self {
        let mut by_window: HashMap<Window, Vec<(&FlowRun, Evidence)>> = HashMap::new();
        for run in runs {
            let (window, evidence) = match run.shows {
                Shows::Params(window) => (window, Evidence::Params),
                Shows::CopyActivity(window) => (window, Evidence::CopyActivity),
                Shows::Nonsense | Shows::Nothing => continue,
            };
            by_window.entry(window).or_default().push((run, evidence));
        }
        for runs in by_window.values_mut() {
            runs.sort_by_key(|(run, _)| (run.created_at, run.id.clone()));
        }
        Self {
            by_window,
            taken: claimed.clone(),
        }
    }

    /// The run of `window` since `intent`: ours if there is one, else anybody's.
    fn since(
        &mut self,
        window: Window,
        intent: Moment,
        api_key: &str,
    ) -> Option<(RunId, Evidence)> {
        let free = |(run, _): &&(&FlowRun, Evidence)| {
            !self.taken.contains(&run.id) && run.created_at.is_some() && is_since(run, intent)
        };
        let runs = self.by_window.get(&window)?;
        let ours = runs
            .iter()
            .filter(free)
            .find(|(run, _)| run.created_client.as_deref() == Some(api_key));
        let (run, evidence) = ours.or_else(|| runs.iter().find(free))?;
        let found = (run.id.clone(), evidence.clone());
        self.taken.insert(found.0.clone());
        Some(found)
    }

    /// The run of `window` that is its rerun `rerun`: those before it are other reruns.
    pub(super) fn nth(&mut self, window: Window, rerun: Rerun) -> Option<(RunId, Evidence)> {
        let runs = self.by_window.get(&window)?;
        let (taken, free): (Vec<_>, Vec<_>) = runs
            .iter()
            .partition(|(run, _)| self.taken.contains(&run.id));
        let earlier = (rerun.get() as usize - 1).saturating_sub(taken.len());
        let (run, evidence) = free.get(earlier)?;
        let found = (run.id.clone(), evidence.clone());
        self.taken.insert(found.0.clone());
        Some(found)
    }
}

/// When a run that the lists do not hold is believed not to exist, and when they are read.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    /// How long after its request a run may still appear.
    delay: Duration,
    /// The request cannot have left after this, by our monotonic clock.
    left_by: Instant,
    /// The same by the service's clock, if the journal tells.
    left_by_service: Option<Timestamp>,
    looks: u32,
}

impl Patience {
    pub(super) fn new(
        delay: Duration,
        left_by: Instant,
        left_by_service: Option<Timestamp>,
    ) -> Self {
        Self {
            delay,
            left_by,
            left_by_service,
            looks: 0,
        }
    }

    /// When an absent run is believed not to exist; `service` is the service's clock now.
    pub(super) fn believed_at(&self, now: Instant, service: Moment) -> Instant {
        let ours = self.left_by + self.delay;
        let theirs = match (self.left_by_service, service.clock) {
            (Some(left), Clock::Server) => {
                let since = service.time.duration_since(left);
                let waited = Duration::try_from(since).unwrap_or_default();
                Some(now + self.delay.saturating_sub(waited))
            }
            _ => None,
        };
        theirs.map_or(ours, |theirs| theirs.min(ours))
    }

    /// How long to wait before the next look: soon at first, for most answers are lost but most
    /// runs are not; then less often; and in time for the moment that matters.
    pub(super) fn next_look(&mut self, now: Instant, service: Moment) -> Duration {
        let believed = self.believed_at(now, service);
        if believed <= now {
            let gap = self.delay / 10;
            return gap.clamp(Duration::from_millis(250), Duration::from_secs(30));
        }
        let back_off = Duration::from_millis(250) * 2_u32.pow(self.looks.min(7));
        self.looks += 1;
        back_off.min(believed - now)
    }
}
