//! The rules manifests keep together, and the runs that come of all of them.
//!
//! Takes the documents that stand; gives their runs, sorted by identity, each once. Windows of
//! one flow are sorted and swept, so a million of them cost n log n; flows that the same documents
//! list want the same windows, which are swept once for all of them. What two entries do to each
//! other is told once, with a count, at the later of the two, naming both.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::check::{CheckedDocument, EntrySpan, FlowManifest, Wanted};
use super::problem::{Problem, Problems, Rule};
use super::yaml::Span;
use crate::run::{DesiredRun, FlowRef, Request, Rerun, RunIdentity, Source};

/// A window that is asked for, and by whom.
#[derive(Clone, Copy)]
struct WantedEntry {
    wanted: Wanted,
    /// The document, as an index.
    document: usize,
}

impl WantedEntry {
    fn place(&self) -> EntryPlace {
        (self.document, self.wanted.span)
    }
}

/// What documents say of a flow, each with its index, in their order.
type Manifests<'c> = Vec<(usize, &'c FlowManifest)>;

/// Flows that the same documents speak of.
struct Group<'c> {
    /// What they say of the first of them.
    manifests: &'c Manifests<'c>,
    /// How many flows they are.
    count: usize,
}

/// Checks `standing` against each other, and gives the runs they ask for.
pub(super) fn join(standing: &[CheckedDocument], problems: &mut Problems) -> Vec<DesiredRun> {
    let mut flows: BTreeMap<&Arc<FlowRef>, Manifests<'_>> = BTreeMap::new();
    for (at, document) in standing.iter().enumerate() {
        for flow in &document.flows {
            let manifests = flows.entry(&flow.manifest.flow).or_default();
            manifests.push((at, flow));
        }
    }
    let documents = |manifests: &Manifests<'_>| -> Vec<usize> {
        manifests.iter().map(|&(document, _)| document).collect()
    };
    let mut groups: HashMap<Vec<usize>, Group<'_>> = HashMap::new();
    for manifests in flows.values() {
        let group = groups.entry(documents(manifests));
        group
            .or_insert(Group {
                manifests,
                count: 0,
            })
            .count += 1;
    }
    let wanted = |document: &CheckedDocument| document.asked.windows.len() * document.flows.len();
    let mut runs = Vec::with_capacity(standing.iter().map(wanted).sum());
    let mut join = Join {
        standing,
        problems,
        told: HashSet::new(),
    };
    // Windows that other flows of the group want, too, and how many those are.
    let mut shared: HashMap<Vec<usize>, (usize, Vec<WantedEntry>)> = HashMap::new();
    for (flow, manifests) in &flows {
        join.agreement(manifests);
        let documents = documents(manifests);
        let (others, asked) = shared.remove(&documents).unwrap_or_else(|| {
            let group = &groups[&documents];
            (group.count, join.windows(&documents, group))
        });
        let request = |&(document, flow)| (document, request(flow));
        let requests: Vec<_> = manifests.iter().map(request).collect();
        runs.extend(asked.iter().filter_map(|asked| {
            let at = requests.binary_search_by_key(&asked.document, |&(document, _)| document);
            Some(desired(asked, flow, &requests[at.ok()?].1))
        }));
        if others > 1 {
            shared.insert(documents, (others - 1, asked));
        }
    }
    runs
}

struct Join<'j> {
    standing: &'j [CheckedDocument],
    problems: &'j mut Problems,
    /// What was told of two entries: it is no more wrong for another flow.
    told: HashSet<(Rule, EntryPlace, EntryPlace)>,
}

impl Join<'_> {
    /// What the flows of `group` are asked for, each window once.
    fn windows(&mut self, documents: &[usize], group: &Group<'_>) -> Vec<WantedEntry> {
        self.gaps(documents, group);
        let mut asked: Vec<WantedEntry> = documents
            .iter()
            .flat_map(|&document| {
                let wanted = self.standing[document].asked.windows.iter();
                wanted.map(move |&wanted| WantedEntry { wanted, document })
            })
            .collect();
        // Stable: of two that ask for the same window, the first in the files comes first.
        asked.sort_by_key(|asked| (asked.wanted.window, asked.wanted.rerun));
        self.once_each(&mut asked, group);
        self.overlaps(&asked, group);
        asked
    }

    fn agreement(&mut self, manifests: &Manifests<'_>) {
        let Some((&(_, first), rest)) = manifests.split_first() else {
            return;
        };
        for &(_, other) in rest {
            if other.manifest.order != first.manifest.order {
                let hint = "the windows of a flow are sent in one order: write the same `order`";
                self.disagreement(first, other, "order", hint);
            }
            if other.manifest.source != first.manifest.source {
                let sources = [&*first.manifest.source, &*other.manifest.source];
                let what = match sources {
                    [Source::Table(_), Source::Table(_)] => "delta column",
                    _ => "source",
                };
                let hint = "a flow has one source and one delta column: make them the same";
                self.disagreement(first, other, what, hint);
            }
        }
    }

    fn disagreement(&mut self, first: &FlowManifest, other: &FlowManifest, what: &str, hint: &str) {
        let message = format!(
            "flow {} has another {what} elsewhere",
            other.manifest.flow.id
        );
        self.problems.push(
            Problem::new(
                Rule::FlowDisagrees,
                &other.manifest.path,
                other.span,
                message,
            )
            .related(&first.manifest.path, first.span, "otherwise here")
            .hint(hint),
        );
    }

    /// Reports what no range covers between two ranges of a flow.
    fn gaps(&mut self, documents: &[usize], group: &Group<'_>) {
        let mut stretches: Vec<(usize, &EntrySpan)> = documents
            .iter()
            .flat_map(|&at| self.standing[at].asked.entries.iter().map(move |s| (at, s)))
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
                self.report(
                    Rule::Gap,
                    [(before_at, before.span), (at, next.span)],
                    group,
                    message,
                    "the range before it",
                    "`to` is exclusive: the next range begins where the last one ends",
                );
            }
            if before.is_none_or(|(_, before)| before.window.end() < next.window.end()) {
                furthest = Some((at, next));
            }
        }
    }

    /// Keeps the first of each window that is asked for twice.
    fn once_each(&mut self, asked: &mut Vec<WantedEntry>, group: &Group<'_>) {
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
            self.report(
                Rule::SameWindow,
                pair.places(),
                group,
                message,
                "asked for here first",
                "remove one; to run a window again on purpose, write `rerun: 2`",
            );
        }
    }

    /// Reports windows that share some second, unless both manifests allow it.
    fn overlaps(&mut self, asked: &[WantedEntry], group: &Group<'_>) {
        let mut pairs = Pairs::default();
        let mut furthest: HashMap<Rerun, Furthest> = HashMap::new();
        for next in asked {
            let is_allowed = self.standing[next.document].overlap_allowed;
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
            self.report(
                Rule::Overlap,
                pair.places(),
                group,
                message,
                "overlaps this",
                "what both cover would be ingested twice; if that is wanted, write \
                 `overlap: allow` in each manifest",
            );
        }
    }

    /// Reports what two entries do to each other, at the later one; where only some flows of a list
    /// are concerned, at those, too.
    fn report(
        &mut self,
        rule: Rule,
        [first, later]: [EntryPlace; 2],
        group: &Group<'_>,
        message: String,
        label: &str,
        hint: &str,
    ) {
        if !self.told.insert((rule, first, later)) {
            return;
        }
        let path = |(at, _): EntryPlace| &self.standing[at].path;
        let mut problem = Problem::new(rule, path(later), later.1, message).hint(hint);
        if first != later {
            problem = problem.related(path(first), first.1, label);
        }
        if first.0 != later.0 {
            let of_whom = match group.count {
                1 => "for this flow",
                _ => "for this flow and others",
            };
            let places = [later, first].map(|(at, _)| at);
            for (at, flow) in group.manifests.iter().filter(|(at, _)| places.contains(at)) {
                if self.standing[*at].flows.len() > group.count {
                    problem = problem.related(&flow.manifest.path, flow.place, of_whom);
                }
            }
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

impl Pair {
    fn places(&self) -> [EntryPlace; 2] {
        [self.first.place(), self.later.place()]
    }
}

/// A document, as an index, and an entry of it; sorts as a reader meets them.
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

/// What the runs of a flow in one document have in common.
fn request(FlowManifest { manifest, .. }: &FlowManifest) -> Arc<Request> {
    Arc::new(Request {
        manifest: Arc::clone(&manifest.path),
        name: manifest.name.clone(),
        source: Arc::clone(&manifest.source),
        overlap_allowed: manifest.overlap_allowed,
        order: manifest.order,
        paused: manifest.paused,
        max_active_runs: manifest.max_active_runs,
    })
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
