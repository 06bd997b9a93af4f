//! The rules manifests keep together, and the runs that come of all of them.
//!
//! Takes the documents that stand; gives their runs, sorted by identity, each once. Windows of
//! one flow are sorted and swept, so a million of them cost n log n; flows that the same documents
//! list want the same windows, which are swept once for all of them. What two entries do to each
//! other is told once, with a count, at the later of the two, naming both.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::Manifest;
use super::check::{CheckedDocument, EntrySpan, Wanted};
use super::problem::{Problem, Problems, Rule};
use super::yaml::Span;
use crate::run::{DesiredRun, FlowRef, Rerun, RunIdentity, Source, Window};

/// What documents say of one flow, each with the document's index, in their order.
type FlowManifests<'c> = Vec<(usize, &'c Manifest)>;

/// A document, as an index, and an entry of it; sorts as a reader meets them.
type EntryPlace = (usize, Span);

/// Checks `standing` against each other, and gives the runs they ask for.
pub(super) fn join(standing: &[CheckedDocument], problems: &mut Problems) -> Vec<DesiredRun> {
    let mut flows: BTreeMap<&Arc<FlowRef>, FlowManifests<'_>> = BTreeMap::new();
    for (at, document) in standing.iter().enumerate() {
        for flow in &document.flows {
            flows.entry(&flow.flow).or_default().push((at, flow));
        }
    }
    // Flows that the same documents speak of.
    let mut groups: BTreeMap<Vec<usize>, Vec<FlowManifests<'_>>> = BTreeMap::new();
    for manifests in flows.into_values() {
        agreement(&manifests, problems);
        let documents = manifests.iter().map(|&(document, _)| document).collect();
        groups.entry(documents).or_default().push(manifests);
    }
    let wanted = |document: &CheckedDocument| document.windows.len() * document.flows.len();
    let mut runs = Vec::with_capacity(standing.iter().map(wanted).sum());
    let mut told = HashSet::new();
    for (documents, flows) in &groups {
        let mut sweep = Sweep {
            standing,
            documents,
            flows,
            problems,
            told: &mut told,
        };
        sweep.gaps();
        let asked = sweep.windows();
        for manifests in flows {
            runs.extend(asked.iter().filter_map(|&(document, wanted)| {
                let at = manifests.binary_search_by_key(&document, |&(document, _)| document);
                Some(desired(wanted, manifests[at.ok()?].1))
            }));
        }
    }
    // Flows of one group are in order already; those of several are between each other.
    runs.sort_unstable_by(|a: &DesiredRun, b| a.identity.cmp(&b.identity));
    runs
}

/// Reports what manifests of a flow say of it in two ways.
fn agreement(manifests: &FlowManifests<'_>, problems: &mut Problems) {
    let Some((&(_, first), rest)) = manifests.split_first() else {
        return;
    };
    for &(_, other) in rest {
        let (a, b) = (&*first.request, &*other.request);
        let source = match (&*a.source, &*b.source) {
            (Source::Table(_), Source::Table(_)) => "delta column",
            _ => "source",
        };
        for (is_same, what) in [
            (a.order == b.order, "order"),
            (a.source == b.source, source),
        ] {
            if !is_same {
                let message = format!("flow {} has another {what} elsewhere", other.flow.id);
                problems.push(
                    Problem::new(Rule::FlowDisagrees, &b.manifest, other.source_span, message)
                        .related(&a.manifest, first.source_span, "otherwise here")
                        .hint(format!(
                            "a flow has one {what}: write the same in each manifest"
                        )),
                );
            }
        }
    }
}

/// The windows of flows that the same documents speak of.
struct Sweep<'s> {
    standing: &'s [CheckedDocument],
    documents: &'s [usize],
    flows: &'s [FlowManifests<'s>],
    problems: &'s mut Problems,
    /// What was told of two entries: it is no more wrong for another flow.
    told: &'s mut HashSet<(Rule, EntryPlace, EntryPlace)>,
}

impl Sweep<'_> {
    /// What the flows are asked for, each window once, and by which document.
    fn windows(&mut self) -> Vec<(usize, Wanted)> {
        let standing = self.standing;
        let documents = self.documents.iter();
        let mut asked: Vec<(usize, Wanted)> = documents
            .flat_map(|&at| standing[at].windows.iter().map(move |&wanted| (at, wanted)))
            .collect();
        // Stable: of two that ask for the same window, the first in the files comes first.
        asked.sort_by_key(|(_, wanted)| (wanted.window, wanted.rerun));
        let mut pairs: BTreeMap<(Rule, EntryPlace, EntryPlace), Pair> = BTreeMap::new();
        let mut pair = |rule, a: &(usize, Wanted), b: &(usize, Wanted)| {
            let [a, b] = [a, b].map(|(document, wanted)| ((*document, wanted.span), wanted.window));
            let (first, later) = if a.0 <= b.0 { (a, b) } else { (b, a) };
            let pair = pairs.entry((rule, first.0, later.0)).or_insert(Pair {
                first: first.1,
                later: later.1,
                count: 0,
            });
            pair.count += 1;
        };
        asked.dedup_by(|later, first| {
            let identity = |(_, wanted): &(usize, Wanted)| (wanted.window, wanted.rerun);
            let is_same = identity(later) == identity(first);
            if is_same {
                pair(Rule::SameWindow, first, later);
            }
            is_same
        });
        // The windows that reach furthest: of all before, with which one that may not overlap is compared, and of
        // those that may not, with which one that may is.
        let mut furthest: HashMap<(Rerun, bool), (usize, Wanted)> = HashMap::new();
        for next in &asked {
            let (document, Wanted { window, rerun, .. }) = *next;
            let is_allowed = standing[document].overlap_allowed;
            if let Some(before) = furthest.get(&(rerun, is_allowed))
                && before.1.window.overlaps(window)
            {
                pair(Rule::Overlap, before, next);
            }
            for is_for_allowed in [false, true] {
                if !(is_for_allowed && is_allowed) {
                    let reach = furthest.entry((rerun, is_for_allowed)).or_insert(*next);
                    if reach.1.window.end() < window.end() {
                        *reach = *next;
                    }
                }
            }
        }
        for ((rule, first, later), pair) in pairs {
            self.report_pair(rule, [first, later], &pair);
        }
        asked
    }

    fn report_pair(&mut self, rule: Rule, places: [EntryPlace; 2], pair: &Pair) {
        let Pair {
            first,
            later,
            count,
        } = pair;
        if rule == Rule::SameWindow {
            let message = match count {
                1 => format!("the window {later} is asked for twice; it is run once"),
                n => format!("{n} windows, the first {later}, are asked for twice and run once"),
            };
            let hint = "remove one; to run a window again on purpose, write `rerun: 2`";
            return self.report(rule, places, message, "asked for here first", hint);
        }
        let more = match count {
            1 => String::new(),
            n => format!(", and so do {} more of the same entries", n - 1),
        };
        let message = format!("the window {later} overlaps {first}{more}");
        let hint = "what both cover would be ingested twice; if that is wanted, write `overlap: allow` in each \
                    manifest";
        self.report(rule, places, message, "overlaps this", hint);
    }

    /// Reports what no range covers between two ranges of a flow.
    fn gaps(&mut self) {
        let standing = self.standing;
        let documents = self.documents.iter();
        let mut entries: Vec<(usize, &EntrySpan)> = documents
            .flat_map(|&at| standing[at].entries.iter().map(move |entry| (at, entry)))
            .collect();
        entries.sort_by_key(|(_, it)| (it.rerun, it.window.start(), Reverse(it.window.end())));
        let mut furthest: Option<(usize, &EntrySpan)> = None;
        for (at, next) in entries {
            let before = furthest.filter(|(_, before)| before.rerun == next.rerun);
            if let Some((before_at, before)) = before
                && before.window.end() < next.window.start()
                && before.is_range
                && next.is_range
            {
                let (from, to) = (before.window.end(), next.window.start());
                self.report(
                    Rule::Gap,
                    [(before_at, before.span), (at, next.span)],
                    format!("nothing is asked for from {from} to {to}"),
                    "the range before it",
                    "`to` is exclusive: the next range begins where the last one ends",
                );
            }
            if before.is_none_or(|(_, before)| before.window.end() < next.window.end()) {
                furthest = Some((at, next));
            }
        }
    }

    /// Reports what two entries do to each other, at the later one.
    fn report(
        &mut self,
        rule: Rule,
        [first, later]: [EntryPlace; 2],
        mut message: String,
        label: &str,
        hint: &str,
    ) {
        if !self.told.insert((rule, first, later)) {
            return;
        }
        let [of_first, of_later] = [first, later].map(|(at, _)| &self.standing[at]);
        // Where a list has other flows, too, it takes a word which are concerned.
        let flows = of_first.flows.len().max(of_later.flows.len());
        if first.0 != later.0
            && flows > self.flows.len()
            && let Some((_, manifest)) = self.flows.first().and_then(|flow| flow.first())
        {
            let of_flows = match self.flows.len() {
                1 => format!(" (flow {})", manifest.flow.id),
                n => format!(" (flow {} and {} more)", manifest.flow.id, n - 1),
            };
            message.push_str(&of_flows);
        }
        let mut problem = Problem::new(rule, &of_later.path, later.1, message).hint(hint);
        if first != later {
            problem = problem.related(&of_first.path, first.1, label);
        }
        self.problems.push(problem);
    }
}

/// A window of each of two entries, and how many such pairs those entries have.
struct Pair {
    /// The window of the entry that a reader meets first.
    first: Window,
    later: Window,
    count: usize,
}

fn desired(wanted: Wanted, manifest: &Manifest) -> DesiredRun {
    let Wanted {
        window,
        rerun,
        start_time,
        span,
    } = wanted;
    DesiredRun {
        identity: RunIdentity {
            flow: Arc::clone(&manifest.flow),
            window,
            rerun,
        },
        start_time,
        request: Arc::clone(&manifest.request),
        line: span.line,
    }
}
