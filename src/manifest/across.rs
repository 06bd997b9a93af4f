//! The rules manifests keep together, and the runs that come of all of them.
//!
//! Takes the manifests that stand; gives their runs, sorted by identity, each once. Windows of
//! one flow are sorted and swept, so a million of them cost n log n. What two entries do to each
//! other is told once, with a count, at the later of the two, naming both.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::check::{CheckedManifest, EntrySpan, Wanted};
use super::problem::{Problem, Problems, Rule};
use super::yaml::Span;
use crate::run::{DesiredRun, FlowRef, Request, Rerun, RunIdentity, Source};

/// A window that is asked for, and by whom.
#[derive(Clone, Copy)]
struct WantedEntry {
    wanted: Wanted,
    /// The manifest, as an index.
    manifest: usize,
}

impl WantedEntry {
    fn place(&self) -> EntryPlace {
        (self.manifest, self.wanted.span)
    }
}

/// Checks `standing` against each other, and gives the runs they ask for.
pub(super) fn join(standing: &[CheckedManifest], problems: &mut Problems) -> Vec<DesiredRun> {
    let mut flows: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, CheckedManifest { manifest, .. }) in standing.iter().enumerate() {
        flows.entry(&manifest.flow).or_default().push(at);
    }
    let mut runs = Vec::with_capacity(standing.iter().map(|one| one.wanted.len()).sum());
    let mut join = Join { standing, problems };
    let requests = requests(standing);
    for (flow, manifests) in &flows {
        join.agreement(manifests);
        join.gaps(manifests);
        let mut asked: Vec<WantedEntry> = manifests
            .iter()
            .flat_map(|&manifest| {
                let wanted = standing[manifest].wanted.iter();
                wanted.map(move |&wanted| WantedEntry { wanted, manifest })
            })
            .collect();
        // Stable: of two that ask for the same window, the first in the files comes first.
        asked.sort_by_key(|asked| (asked.wanted.window, asked.wanted.rerun));
        join.once_each(&mut asked);
        join.overlaps(&asked);
        runs.extend(
            asked
                .iter()
                .map(|asked| desired(asked, flow, &requests[asked.manifest])),
        );
    }
    runs
}

struct Join<'j> {
    standing: &'j [CheckedManifest],
    problems: &'j mut Problems,
}

impl Join<'_> {
    fn agreement(&mut self, manifests: &[usize]) {
        let Some((&first, rest)) = manifests.split_first() else {
            return;
        };
        let first = &self.standing[first];
        for &other in rest {
            let other = &self.standing[other];
            if other.manifest.order != first.manifest.order {
                let message = format!(
                    "flow {} has another order elsewhere",
                    other.manifest.flow.id
                );
                self.problems.push(
                    Problem::new(
                        Rule::FlowDisagrees,
                        &other.manifest.path,
                        other.source_span,
                        message,
                    )
                    .related(&first.manifest.path, first.source_span, "otherwise here")
                    .hint("the windows of a flow are sent in one order: write the same `order`"),
                );
            }
            if other.manifest.source != first.manifest.source {
                let sources = [&*first.manifest.source, &*other.manifest.source];
                let what = match sources {
                    [Source::Table(_), Source::Table(_)] => "delta column",
                    _ => "source",
                };
                self.problems.push(
                    Problem::new(
                        Rule::FlowDisagrees,
                        &other.manifest.path,
                        other.source_span,
                        format!(
                            "flow {} has another {what} elsewhere",
                            other.manifest.flow.id
                        ),
                    )
                    .related(&first.manifest.path, first.source_span, "otherwise here")
                    .hint("a flow has one source and one delta column: make them the same"),
                );
            }
        }
    }

    /// Reports what no range covers between two ranges of a flow.
    fn gaps(&mut self, manifests: &[usize]) {
        let mut stretches: Vec<(usize, &EntrySpan)> = manifests
            .iter()
            .flat_map(|&at| self.standing[at].stretches.iter().map(move |s| (at, s)))
            .collect();
        stretches.sort_by_key(|(_, s)| (s.rerun, s.window.start(), Reverse(s.window.end())));
        let mut furthest: Option<(usize, &EntrySpan)> = None;
        for (at, next) in stretches {
            let before = furthest.filter(|(_, before)| before.rerun == next.rerun);
            if let Some((before_at, before)) = before
                && before.window.end() < next.window.start()
                && before.is_range
                && next.is_range
            {
                let message = format!(
                    "nothing is asked for from {} to {}",
                    before.window.end(),
                    next.window.start()
                );
                let [here, there] = [at, before_at].map(|at| &self.standing[at].manifest.path);
                self.problems.push(
                    Problem::new(Rule::Gap, here, next.span, message)
                        .related(there, before.span, "the range before it")
                        .hint("`to` is exclusive: the next range begins where the last one ends"),
                );
            }
            if before.is_none_or(|(_, before)| before.window.end() < next.window.end()) {
                furthest = Some((at, next));
            }
        }
    }

    /// Keeps the first of each window that is asked for twice.
    fn once_each(&mut self, asked: &mut Vec<WantedEntry>) {
        let mut pairs = Pairs::default();
        asked.dedup_by(|later, first| {
            let is_same = later.wanted.window == first.wanted.window
                && later.wanted.rerun == first.wanted.rerun;
            if is_same {
                pairs.add(first, later);
            }
            is_same
        });
        for pair in pairs.in_order() {
            let window = pair.later.wanted.window;
            let message = match pair.count {
                1 => format!("the window {window} is asked for twice; it is run once"),
                n => format!("{n} windows, the first {window}, are asked for twice and run once"),
            };
            let hint = "remove one; to run a window again on purpose, write `rerun: 2`";
            self.report(
                Rule::SameWindow,
                pair,
                message,
                "asked for here first",
                hint,
            );
        }
    }

    /// Reports windows that share some second, unless both manifests allow it.
    fn overlaps(&mut self, asked: &[WantedEntry]) {
        let mut pairs = Pairs::default();
        let mut furthest: HashMap<Rerun, Furthest> = HashMap::new();
        for next in asked {
            let is_allowed = self.standing[next.manifest].manifest.overlap_allowed;
            let reach = furthest.entry(next.wanted.rerun).or_default();
            let before = if is_allowed { reach.strict } else { reach.any };
            if let Some(before) = before
                && before.wanted.window.overlaps(next.wanted.window)
            {
                pairs.add(&before, next);
            }
            extend(&mut reach.any, next);
            if !is_allowed {
                extend(&mut reach.strict, next);
            }
        }
        for pair in pairs.in_order() {
            let [first, later] = [pair.first, pair.later].map(|asked| asked.wanted.window);
            let message = match pair.count {
                1 => format!("the window {later} overlaps {first}"),
                n => format!(
                    "the window {later} overlaps {first}, and so do {} more of the same entries",
                    n - 1
                ),
            };
            let hint = "what both cover would be ingested twice; if that is wanted, write \
                        `overlap: allow` in each manifest";
            self.report(Rule::Overlap, pair, message, "overlaps this", hint);
        }
    }

    fn report(&mut self, rule: Rule, pair: Pair, message: String, label: &str, hint: &str) {
        let [first, later] = [pair.first, pair.later];
        let path = |asked: WantedEntry| &self.standing[asked.manifest].manifest.path;
        let mut problem = Problem::new(rule, path(later), later.wanted.span, message).hint(hint);
        if first.place() != later.place() {
            problem = problem.related(path(first), first.wanted.span, label);
        }
        self.problems.push(problem);
    }
}

/// The window that reaches furthest, of all before and of those that allow no overlap.
#[derive(Default)]
struct Furthest {
    any: Option<WantedEntry>,
    strict: Option<WantedEntry>,
}

fn extend(furthest: &mut Option<WantedEntry>, next: &WantedEntry) {
    let end = |asked: &WantedEntry| asked.wanted.window.end();
    if furthest
        .as_ref()
        .is_none_or(|before| end(before) < end(next))
    {
        *furthest = Some(*next);
    }
}

/// Two windows of two entries, and how many more pairs those entries have.
#[derive(Clone, Copy)]
struct Pair {
    /// The window of the entry that a reader meets first.
    first: WantedEntry,
    later: WantedEntry,
    count: usize,
}

/// A manifest, as an index, and an entry of it; sorts as a reader meets them.
type EntryPlace = (usize, Span);

/// Pairs by the place of the later entry, then the first.
#[derive(Default)]
struct Pairs(BTreeMap<(EntryPlace, EntryPlace), Pair>);

impl Pairs {
    fn add(&mut self, a: &WantedEntry, b: &WantedEntry) {
        let (first, later) = if a.place() <= b.place() {
            (*a, *b)
        } else {
            (*b, *a)
        };
        self.0
            .entry((later.place(), first.place()))
            .and_modify(|pair| pair.count += 1)
            .or_insert(Pair {
                first,
                later,
                count: 1,
            });
    }

    fn in_order(self) -> impl Iterator<Item = Pair> {
        self.0.into_values()
    }
}

/// The requests of `standing`, each shared by the runs of its manifest.
fn requests(standing: &[CheckedManifest]) -> Vec<Arc<Request>> {
    let request = |CheckedManifest { manifest, .. }: &CheckedManifest| {
        Arc::new(Request {
            manifest: Arc::clone(&manifest.path),
            name: manifest.name.clone(),
            source: Arc::clone(&manifest.source),
            overlap_allowed: manifest.overlap_allowed,
            order: manifest.order,
            paused: manifest.paused,
            max_active_runs: manifest.max_active_runs,
        })
    };
    standing.iter().map(request).collect()
}

fn desired(asked: &WantedEntry, flow: &Arc<FlowRef>, request: &Arc<Request>) -> DesiredRun {
    let Wanted {
        window,
        rerun,
        start_time,
        span,
    } = asked.wanted;
    DesiredRun {
        identity: RunIdentity {
            flow: Arc::clone(flow),
            window,
            rerun,
        },
        start_time,
        request: Arc::clone(request),
        line: span.line,
    }
}
