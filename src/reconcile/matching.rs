//! Which listed run is which rerun of a window: the one rule for preflight, settling, audit and
//! import.
//!
//! All of it are functions of plain data: what a flow lists, which of these runs records stand
//! for, what is wanted. Nothing here reads a clock, asks the service or records anything.
//!
//! The n-th run of a window, in the order of creation, is its rerun n.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::api::{FlowRun, WindowEvidence};
use crate::run::{DesiredRun, Obstacle, OtherRun, Rerun, RunId, UnixSeconds, Window};
use crate::state::{ClockedTime, Evidence};

/// Who creates runs of a flow, as far as `createdClient` tells: what it holds is not documented.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CreatorAttribution<'a> {
    api_key: &'a str,
    /// Whether it holds our API key wherever we know that a run is ours.
    tells: bool,
}

impl<'a> CreatorAttribution<'a> {
    /// Learns from `created`, runs whose creation the service answered us with.
    pub(crate) fn learn(api_key: &'a str, runs: &[FlowRun], created: &HashSet<RunId>) -> Self {
        let tells = runs
            .iter()
            .filter(|run| created.contains(&run.id))
            .all(|run| run.is_by(api_key));
        Self { api_key, tells }
    }

    /// Whether somebody else has created the run. A run that does not say who created it may be
    /// ours: sending its window again could ingest it twice.
    pub(crate) fn is_others(self, run: &FlowRun) -> bool {
        self.tells && run.created_client.is_some() && !run.is_by(self.api_key)
    }
}

/// What a run in doubt is sought by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SoughtRun {
    pub(crate) window: Window,
    pub(crate) rerun: Rerun,
    /// When the first of its requests was about to leave.
    pub(crate) intent: ClockedTime,
    /// Whether it is a run that is to run again.
    pub(crate) is_retry: bool,
}

impl SoughtRun {
    /// Whether any run of its window will do, however old.
    fn takes_any(self) -> bool {
        self.rerun == Rerun::FIRST && !self.is_retry
    }
}

/// The run of an intent, as far as the windows of the runs tell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum IntentMatch<'a> {
    /// This run, and how its window was recognised.
    Run(&'a FlowRun, Evidence),
    /// This run shows the window, and nothing tells whether it is this rerun.
    CannotTell(&'a FlowRun),
    /// No run shows the window and is free.
    None,
}

/// What of a wanted run exists.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Existing<'a> {
    /// This run, and how its window was recognised.
    Run(&'a FlowRun, Evidence),
    /// This run is in the way: nothing is sent for the window, and a person has to look.
    InTheWay(OtherRun),
}

/// Windows that begin and end within this of each other, and overlap, may be one: what a service shows
/// of a window is not documented.
const NEARLY: i64 = 60;
/// A window that begins on 1970-01-01 is one over all history. The run that a flow made when it was
/// created may show it, and nobody asked for that.
const ALL_HISTORY: i64 = 86_400;

/// A flow's runs by the window they show, oldest first. Each is given once.
pub(crate) struct RunsByWindow<'a, 'c> {
    by_window: HashMap<Window, Vec<(&'a FlowRun, Evidence)>>,
    /// The windows of runs that no record stands for, sorted, and how long the longest of them is.
    free: Vec<(Window, &'a FlowRun)>,
    longest: i64,
    /// Runs that records stand for.
    claimed: &'c HashSet<RunId>,
    /// Runs that were given.
    taken: HashSet<&'a RunId>,
}

impl<'a, 'c> RunsByWindow<'a, 'c> {
    pub(crate) fn new(
        runs: impl IntoIterator<Item = &'a FlowRun>,
        claimed: &'c HashSet<RunId>,
    ) -> Self {
        let mut by_window: HashMap<Window, Vec<(&FlowRun, Evidence)>> = HashMap::new();
        let mut free = Vec::new();
        let runs: Vec<&FlowRun> = runs.into_iter().collect();
        let first = runs.iter().filter_map(|run| run.created_at).min();
        for run in runs {
            let (window, evidence) = match run.window_evidence {
                WindowEvidence::Params(window) => (window, Evidence::Params),
                WindowEvidence::CopyActivity(window) => (window, Evidence::CopyActivity),
                WindowEvidence::Invalid | WindowEvidence::Missing => continue,
            };
            by_window.entry(window).or_default().push((run, evidence));
            let is_first = run.created_at.is_some() && run.created_at == first;
            let is_all_history = is_first && (0..ALL_HISTORY).contains(&window.start().get());
            if !claimed.contains(&run.id) && !is_all_history {
                free.push((window, run));
            }
        }
        free.sort_by_key(|(window, run)| (*window, &run.id));
        for runs in by_window.values_mut() {
            runs.sort_by_key(|(run, _)| (run.created_at, run.id.clone()));
        }
        Self {
            longest: free
                .iter()
                .map(|(window, _)| length(*window))
                .max()
                .unwrap_or(0),
            free,
            by_window,
            claimed,
            taken: HashSet::new(),
        }
    }

    /// The runs of `intents`, in their order. An intent that fewer runs can be of chooses first, so
    /// that none is called absent whose run another one took without need.
    pub(crate) fn of_intents(
        &mut self,
        intents: &[SoughtRun],
        api_key: &str,
    ) -> Vec<IntentMatch<'a>> {
        let mut order: Vec<usize> = (0..intents.len()).collect();
        order.sort_by_key(|&at| {
            let sought = intents[at];
            let age = Reverse(sought.intent.time());
            (sought.takes_any(), age, sought.rerun)
        });
        let mut found = vec![IntentMatch::None; intents.len()];
        for at in order {
            found[at] = self.of_intent(intents[at], api_key);
        }
        found
    }

    /// The run of an intent: ours if there is one, else anybody's. For a window wanted once any
    /// run will do, however old: no clock may cause a second ingestion. One wanted again, or run
    /// again, has a run that is certainly younger than its intent; where one may be, nothing tells.
    fn of_intent(&mut self, sought: SoughtRun, api_key: &str) -> IntentMatch<'a> {
        let SoughtRun { window, intent, .. } = sought;
        let of_window = self.by_window.get(&window).into_iter().flatten();
        let free: Vec<&(&FlowRun, Evidence)> =
            of_window.filter(|(run, _)| self.is_free(run)).collect();
        let is_it = |run: &FlowRun| sought.takes_any() || run.is_since(intent);
        let its = || free.iter().filter(|(run, _)| is_it(run));
        let ours = its().find(|(run, _)| run.is_by(api_key));
        let Some(&&(run, ref evidence)) = ours.or(its().next()) else {
            let may_be_it = free.iter().find(|(run, _)| run.may_be_since(intent));
            return may_be_it.map_or(IntentMatch::None, |(run, _)| IntentMatch::CannotTell(run));
        };
        let evidence = evidence.clone();
        self.taken.insert(&run.id);
        IntentMatch::Run(run, evidence)
    }

    /// Which of the `wanted` runs, none of them on record, exist already, or may. Asked for in the
    /// order of their reruns, whatever order they come in.
    pub(crate) fn wanted<'w>(
        &mut self,
        wanted: impl IntoIterator<Item = &'w DesiredRun>,
        clients: CreatorAttribution<'_>,
    ) -> Vec<(&'w DesiredRun, Existing<'a>)> {
        let mut wanted: Vec<&DesiredRun> = wanted.into_iter().collect();
        wanted.sort_by(|a, b| a.identity.cmp(&b.identity));
        wanted
            .into_iter()
            .filter_map(|wanted| {
                let identity = &wanted.identity;
                let existing = self
                    .nth(identity.window, identity.rerun, clients)
                    .or_else(|| self.in_the_way(wanted).map(Existing::InTheWay))?;
                Some((wanted, existing))
            })
            .collect()
    }

    /// The run of `window` that is its rerun `rerun`: those before it are other reruns.
    ///
    /// Where a record stands for one of them already, a further one counts only if nobody else is
    /// known to have created it: somebody who ran the window again by hand did not mean this
    /// rerun. Where later reruns are on record, the place of this one is not certain: it is the
    /// first free run that can be it. Behind a run that failed it may be a retry of that one.
    fn nth(
        &mut self,
        window: Window,
        rerun: Rerun,
        clients: CreatorAttribution<'_>,
    ) -> Option<Existing<'a>> {
        let runs = self.by_window.get(&window)?;
        let is_given = |run: &FlowRun| self.taken.contains(&run.id);
        let (claimed, mut unclaimed): (Vec<_>, Vec<_>) = runs
            .iter()
            .partition(|(run, _)| self.claimed.contains(&run.id));
        if !claimed.is_empty() {
            unclaimed.retain(|(run, _)| !clients.is_others(run));
        }
        let last = rerun.get() as usize - 1;
        let first = last.saturating_sub(claimed.len());
        let place =
            (first..unclaimed.len().min(last + 1)).find(|&place| !is_given(unclaimed[place].0))?;
        let (run, evidence) = unclaimed[place];
        let before = claimed.last().into_iter().chain(&unclaimed[..place]);
        let mut before = before.map(|(before, _)| before);
        if before.any(|before| before.status.is_retriable() && before.created_at < run.created_at) {
            let other = other_run(run, window, Obstacle::RetryOrRerun);
            return Some(Existing::InTheWay(other));
        }
        let found = Existing::Run(run, evidence.clone());
        self.taken.insert(&run.id);
        Some(found)
    }

    /// A run that no record stands for, whoever made it, and whose window overlaps that of the
    /// `wanted` run. One that is nearly it may be that run; of the others those count whose window is
    /// known for certain, and that have brought something, or may.
    pub(crate) fn in_the_way(&self, wanted: &DesiredRun) -> Option<OtherRun> {
        let window = wanted.identity.window;
        let end = self
            .free
            .partition_point(|(free, _)| free.start() < window.end());
        let reach = window.start().get() - self.longest;
        let near = self.free[..end].iter().rev();
        near.take_while(|(free, _)| free.start().get() >= reach)
            .filter(|(free, run)| {
                *free != window && free.overlaps(window) && !self.taken.contains(&run.id)
            })
            .find_map(|(free, run)| {
                let obstacle = if is_nearly(*free, window) {
                    Obstacle::NearlySame
                } else if wanted.request.overlap_allowed
                    || run.status.is_retriable()
                    || !matches!(run.window_evidence, WindowEvidence::Params(_))
                {
                    return None;
                } else {
                    Obstacle::Overlaps
                };
                Some(other_run(run, *free, obstacle))
            })
    }

    /// The free runs of each window as the reruns that are not `on_record`, in the order of
    /// creation and of any creator: what a person puts on record.
    pub(crate) fn numbered(
        self,
        on_record: &HashSet<(Window, Rerun)>,
    ) -> Vec<(Window, Rerun, &'a FlowRun, Evidence)> {
        let mut numbered = Vec::new();
        for (window, runs) in &self.by_window {
            let numbers = (1..)
                .filter_map(Rerun::new)
                .filter(|rerun| !on_record.contains(&(*window, *rerun)));
            let free = runs.iter().filter(|(run, _)| self.is_free(run));
            for ((run, evidence), rerun) in free.zip(numbers) {
                numbered.push((*window, rerun, *run, evidence.clone()));
            }
        }
        numbered
    }

    /// Whether no record stands for the run, and it was not given.
    fn is_free(&self, run: &FlowRun) -> bool {
        !self.claimed.contains(&run.id) && !self.taken.contains(&run.id)
    }
}

fn other_run(run: &FlowRun, window: Window, obstacle: Obstacle) -> OtherRun {
    let (client, account) = (&run.created_client, &run.created_by);
    OtherRun {
        run_id: run.id.clone(),
        window,
        made_by: match (client, account) {
            (Some(client), Some(account)) => Some(format!("{client} ({account})").into()),
            (client, account) => client.clone().or_else(|| account.clone()),
        },
        obstacle,
    }
}

fn length(window: Window) -> i64 {
    window.end().get() - window.start().get()
}

/// Whether two windows that overlap may be one.
fn is_nearly(a: Window, b: Window) -> bool {
    let apart = |a: UnixSeconds, b: UnixSeconds| (a.get() - b.get()).abs();
    apart(a.start(), b.start()) <= NEARLY && apart(a.end(), b.end()) <= NEARLY
}
