//! The rules that a flow of a manifest keeps, and a list of `flows`.
//!
//! Takes what a document says of its one flow or of several; gives each flow with its label and
//! source, and a problem for each rule that is broken. What an entry of `flows` does not say is the
//! manifest's: its `source`, and for a table its `deltaColumn`. What a whole list leaves out is told
//! once, at the manifest.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::check::{CheckedFlow, Checker};
use super::document::{Document, FLOW_ID, FlowEntry};
use super::fields::{At, Field};
use super::problem::{Problem, Rule};
use super::values::SourceKind;
use super::yaml::Span;
use crate::run::{FlowId, Source};
use crate::untrusted::Untrusted;

/// What is written beside `flows`, for all of them.
#[derive(Debug, Default)]
struct Defaults {
    source: Field<SourceKind>,
    /// The source of tables that name no column.
    table: Field<Arc<Source>>,
}

impl Checker<'_> {
    /// The flows of the document that can be told.
    pub(super) fn flows(&mut self, document: &Document) -> Vec<CheckedFlow> {
        let own = &document.own;
        if let Field::Is(flows) = &document.flows {
            return self.listed(own, flows);
        }
        if document.flows.is_absent() && own.flow_id.is_absent() {
            self.reporter.missing("flowId", FLOW_ID, own.span);
        }
        let source = self.source(own, &Defaults::default());
        let id = own.flow_id.get().filter(|_| document.flows.is_absent());
        let stem = stem(self.reporter.file);
        let flow = id.zip(source).map(|(id, source)| CheckedFlow {
            id: id.value,
            name: label(own).unwrap_or(stem).into(),
            source,
            line: own.span.line,
            span: source_span(own).unwrap_or(own.span),
            place: place(own),
        });
        flow.into_iter().collect()
    }

    fn listed(&mut self, own: &FlowEntry, flows: &At<Vec<FlowEntry>>) -> Vec<CheckedFlow> {
        let file = self.reporter.file;
        self.beside_list(own, flows);
        let defaults = self.defaults(own, &flows.value);
        let mut first_of: HashMap<FlowId, Span> = HashMap::new();
        let mut checked = Vec::with_capacity(flows.value.len());
        let (mut is_whole, mut is_column_used) = (true, false);
        for flow in &flows.value {
            let source = self.source(flow, &defaults);
            if let (Field::Is(default), Some(source)) = (&defaults.table, &source) {
                is_column_used |= Arc::ptr_eq(&default.value, source);
            }
            is_whole &= source.is_some();
            let Field::Is(At { value: id, .. }) = &flow.flow_id else {
                continue;
            };
            if let Some(&first) = first_of.get(id) {
                let message = format!("the flow {id} is listed twice");
                self.reporter.problems.push(
                    Problem::new(Rule::FlowTwice, file, place(flow), message)
                        .related(file, first, "listed here first")
                        .hint(
                            "remove one; windows that only this flow wants go into another manifest",
                        ),
                );
                continue;
            }
            first_of.insert(*id, place(flow));
            checked.extend(source.map(|source| (flow, *id, source)));
        }
        if let Field::Is(column) = &own.delta_column
            && is_whole
            && !is_column_used
            && !flows.value.is_empty()
        {
            self.report(
                Rule::DeltaColumn,
                column.span,
                "no flow of the list uses this delta column",
                "remove it: each flow has its own, or reads files",
            );
        }
        let labels = Labels::new(stem(file), first_of.keys().copied());
        checked
            .into_iter()
            .map(|(flow, id, source)| CheckedFlow {
                id,
                name: label(flow).map_or_else(|| labels.of(id).into(), Untrusted::from),
                source,
                line: flow.span.line,
                span: source_span(flow).unwrap_or_else(|| place(flow)),
                place: place(flow),
            })
            .collect()
    }

    /// What is not written beside a list, and a list of none.
    fn beside_list(&mut self, own: &FlowEntry, flows: &At<Vec<FlowEntry>>) {
        let file = self.reporter.file;
        let beside = [
            (
                "flowId",
                own.flow_id.span(),
                "write it as an entry: `- flowId: …`",
            ),
            (
                "name",
                own.name.span(),
                "write it in an entry: each flow has its own",
            ),
        ];
        for (field, span, hint) in beside {
            if let Some(span) = span {
                let message = format!("`{field}` stands beside `flows`");
                self.reporter.problems.push(
                    Problem::new(Rule::FlowsBeside, file, span, message)
                        .related(file, flows.span, "the flows")
                        .hint(hint),
                );
            }
        }
        if flows.value.is_empty() {
            let hint = "add an entry, `- flowId: UUID`";
            self.report(Rule::MissingField, flows.span, "`flows` is empty", hint);
        }
    }

    /// What is written beside `flows`. What no entry makes up for is told once.
    fn defaults(&mut self, own: &FlowEntry, flows: &[FlowEntry]) -> Defaults {
        let mut source = own.source.clone();
        if source.is_absent() && flows.iter().all(|flow| flow.source.is_absent()) {
            self.source_is_missing(own);
            source = Field::Broken;
        }
        let is_table = source.get().is_some_and(|at| at.value == SourceKind::Table);
        let says_nothing =
            |flow: &FlowEntry| flow.source.is_absent() && flow.delta_column.is_absent();
        let table = match &own.delta_column {
            Field::Is(At { value, span }) => Field::Is(At {
                value: Arc::new(Source::Table(value.clone())),
                span: *span,
            }),
            Field::Absent if is_table && flows.iter().all(says_nothing) => {
                self.column_is_missing(own);
                Field::Broken
            }
            Field::Absent => Field::Absent,
            Field::Broken => Field::Broken,
        };
        Defaults { source, table }
    }

    /// What a flow reads, by what it says itself and what is written beside `flows`.
    fn source(&mut self, flow: &FlowEntry, defaults: &Defaults) -> Option<Arc<Source>> {
        let kind = match (&flow.source, &defaults.source) {
            (Field::Is(kind), _) | (Field::Absent, Field::Is(kind)) => kind.value,
            (Field::Broken, _) | (Field::Absent, Field::Broken) => return None,
            (Field::Absent, Field::Absent) => {
                self.source_is_missing(flow);
                return None;
            }
        };
        match (kind, &flow.delta_column, &defaults.table) {
            (SourceKind::File, Field::Is(column), _) => {
                let message = "a file source has no delta column";
                let hint = "remove it, or write `source: table`";
                self.report(Rule::DeltaColumn, column.span, message, hint);
                None
            }
            (SourceKind::File, Field::Absent, _) => Some(Arc::new(Source::File)),
            (SourceKind::Table, Field::Is(column), _) => {
                Some(Arc::new(Source::Table(column.value.clone())))
            }
            (SourceKind::Table, Field::Absent, Field::Is(table)) => Some(Arc::clone(&table.value)),
            (SourceKind::Table, Field::Absent, Field::Absent) => {
                self.column_is_missing(flow);
                None
            }
            (_, Field::Broken, _) | (SourceKind::Table, Field::Absent, Field::Broken) => None,
        }
    }

    fn source_is_missing(&mut self, flow: &FlowEntry) {
        let hint = if flow.delta_column.get().is_some() {
            "a flow with a delta column reads a table: write `source: table`"
        } else {
            "write `source: table` (rows, with a deltaColumn) or `source: file`"
        };
        self.report(Rule::MissingField, flow.span, "`source` is missing", hint);
    }

    fn column_is_missing(&mut self, flow: &FlowEntry) {
        let span = flow.source.span().unwrap_or(flow.span);
        let message = "a table source needs a delta column";
        let hint = "write `deltaColumn: { name: COLUMN }`";
        self.report(Rule::DeltaColumn, span, message, hint);
    }
}

fn label(flow: &FlowEntry) -> Option<&str> {
    flow.name.get().map(|name| name.value.0.as_str())
}

/// Where a flow tells its source and its delta column, if it does.
fn source_span(flow: &FlowEntry) -> Option<Span> {
    flow.delta_column.span().or(flow.source.span())
}

/// Where a flow is named: at its id, or at its entry, if the id is written elsewhere and comes
/// through an alias.
fn place(flow: &FlowEntry) -> Span {
    let is_of_entry = |id: &Span| flow.span.start <= id.start && id.end <= flow.span.end;
    let id = flow.flow_id.span().filter(is_of_entry);
    id.unwrap_or(flow.span)
}

/// Labels of listed flows that have none: the file's stem, and as much of the id as tells them
/// apart.
struct Labels<'f> {
    stem: &'f str,
    /// How many flows have an id that begins so.
    beginnings: HashMap<String, usize>,
}

impl<'f> Labels<'f> {
    fn new(stem: &'f str, ids: impl Iterator<Item = FlowId>) -> Self {
        let mut beginnings = HashMap::new();
        for id in ids {
            *beginnings.entry(beginning(id)).or_default() += 1;
        }
        Self { stem, beginnings }
    }

    fn of(&self, id: FlowId) -> String {
        let beginning = beginning(id);
        match self.beginnings.get(&beginning) {
            Some(2..) => format!("{}-{id}", self.stem),
            _ => format!("{}-{beginning}", self.stem),
        }
    }
}

/// The first 8 digits of an id.
fn beginning(id: FlowId) -> String {
    id.to_string().chars().take(8).collect()
}

fn stem(file: &str) -> &str {
    Path::new(file)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Checked, Rules, Sources, check};
    use crate::run::UnixSeconds;

    /// `n` flows that want January by day; the others end each of their entries.
    fn january(n: usize, entries: &str) -> String {
        let flows = (1..=n).map(|n| format!("- flowId: {n:08}-0000-4000-8000-000000000000\n"));
        format!(
            "version: 1\nsandbox: prod\nsource: file\nflows:\n{}{entries}ranges:\n\
             - {{from: 2022-01-01, to: 2022-02-01, every: 1 day}}\n",
            flows.collect::<String>()
        )
    }

    fn checked(text: &str) -> Checked {
        let now = UnixSeconds::new(1_767_225_600).expect("in range");
        let sources = Sources::from_texts([("manifests/crm.yaml", text)]);
        check(&sources, &Rules::at(now))
    }

    fn names(checked: &Checked) -> Vec<String> {
        let manifests = checked.manifests.iter();
        manifests.map(|one| one.name.raw().to_owned()).collect()
    }

    #[test]
    fn a_listed_flow_without_a_name_is_told_from_the_others_by_its_id() {
        let checked = checked(&january(
            2,
            "- flowId: 00000002-0000-4000-8000-00000000000A\n\
             - {flowId: 9c2d7a5e-1f1b-4d0a-9b53-0d3f6a2f8c11, name: history}\n",
        ));
        assert_eq!(checked.problems, []);
        assert_eq!(
            names(&checked),
            [
                "crm-00000001",
                "crm-00000002-0000-4000-8000-000000000000",
                "crm-00000002-0000-4000-8000-00000000000a",
                "history",
            ]
        );
        assert_eq!((checked.documents, checked.flows()), (1, 4));
        let lines: Vec<u32> = checked.manifests.iter().map(|one| one.line).collect();
        assert_eq!(lines, [5, 6, 7, 8]);
    }

    #[test]
    fn what_is_wrong_with_the_windows_of_twenty_flows_is_told_once() {
        let gap = "- {from: 2022-02-02, to: 2022-03-01, every: 1 day}\n";
        let overlap = "- {from: 2022-01-31T12:00, to: 2022-02-02, every: 36 hours}\n";
        for (more, code) in [(gap, "BF034"), (overlap, "BF030")] {
            let checked = checked(&format!("{}{more}", january(20, "")));
            let codes: Vec<_> = checked.problems.iter().map(|one| one.rule.code()).collect();
            assert_eq!(codes, [code]);
        }
    }

    #[test]
    fn a_flow_that_stands_twice_by_an_alias_is_told_at_the_alias() {
        let listed = "- &one {flowId: 9c2d7a5e-1f1b-4d0a-9b53-0d3f6a2f8c11, name: history}\n\
                      - <<: *one\n  name: again\n- *one\n";
        let checked = checked(&january(1, listed));
        let told: Vec<_> = checked
            .problems
            .iter()
            .map(|one| {
                (
                    one.rule.code(),
                    one.place.span.line,
                    one.related[0].span.line,
                )
            })
            .collect();
        assert_eq!(told, [("BF036", 7, 6), ("BF036", 9, 6)]);
    }

    #[test]
    fn flows_of_a_list_may_want_more_windows_elsewhere() {
        let more = "---\nversion: 1\nsandbox: prod\nsource: file\n\
                    flowId: 00000002-0000-4000-8000-000000000000\nranges:\n\
                    - {from: 2022-02-01, to: 2022-02-03, every: 1 day}\n";
        let checked = checked(&format!("{}{more}", january(3, "")));
        assert_eq!(checked.problems, []);
        assert_eq!(checked.runs.len(), 3 * 31 + 2);
        assert!(checked.runs.is_sorted_by_key(|run| run.identity.clone()));
        assert_eq!((checked.documents, checked.flows()), (2, 3));
        assert_eq!(names(&checked)[3], "crm");
    }

    #[test]
    fn a_list_of_many_flows_is_checked_quickly_whatever_their_windows() {
        let empty = "- {from: 2022-03-01, to: 2022-03-02, every: 1 day, except: [2022-03-01]}\n";
        let text = format!("{}{}", january(20_000, ""), empty.repeat(20_000));
        let started = std::time::Instant::now();
        let checked = checked(&text);
        assert!(checked.has_errors());
        // Unoptimised and beside other tests.
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    }
}
