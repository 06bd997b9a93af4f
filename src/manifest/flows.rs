//! The rules that a flow of a manifest keeps, and a list of `flows`.
//!
//! Takes what a document says of its one flow or of several; gives each flow with its label and
//! source, and a problem for each rule that is broken. What an entry of `flows` does not say is the
//! manifest's: its `source`, and for a table its `deltaColumn`.

use std::collections::HashMap;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use super::check::Checker;
use super::document::FlowEntry;
use super::fields::{At, Field};
use super::problem::Rule;
use super::values::SourceKind;
use super::yaml::Span;
use crate::run::{FlowId, Source};
use crate::untrusted::Untrusted;

/// A flow that a document speaks of.
pub(super) struct CheckedFlow {
    pub(super) id: FlowId,
    pub(super) name: Untrusted,
    pub(super) source: Arc<Source>,
    /// The line at which the document, or the entry of `flows`, begins.
    pub(super) line: u32,
    /// Where it tells its source and its delta column, or begins.
    pub(super) source_span: Span,
}

impl Checker<'_> {
    /// The flows of the document that can be told, each once.
    pub(super) fn flows(&mut self) -> Vec<CheckedFlow> {
        let own = self.document.own();
        let listed = self.document.flows.get();
        let flows = match &self.document.flows {
            Field::Is(flows) => flows.value.as_slice(),
            Field::Absent => slice::from_ref(&own),
            Field::Broken => &[],
        };
        if let Some(listed) = listed {
            self.beside_list(&own, listed);
        } else if self.document.flows.is_absent() && own.flow_id.is_absent() {
            let message = "`flowId` is missing";
            let hint = "write `flowId: …`: the UUID in the address of the flow's page in Experience Platform";
            let problems = &mut *self.problems;
            problems.report(Rule::MissingField, own.span, message, hint);
        }
        let stem = stem(&self.problems.file).to_owned();
        let mut first_of: HashMap<FlowId, Span> = HashMap::new();
        let mut checked = Vec::with_capacity(flows.len());
        for flow in flows {
            let source = self.source(flow, &own);
            let Field::Is(At { value: id, .. }) = flow.flow_id else {
                continue;
            };
            if let Some(first) = first_of.insert(id, flow.span) {
                first_of.insert(id, first);
                self.problems.report_two(
                    Rule::FlowTwice,
                    flow.span,
                    format!("the flow {id} is listed twice"),
                    (first, "listed here first"),
                    "remove one; windows that only this flow wants go into another manifest",
                );
                continue;
            }
            let label = || match listed {
                Some(_) => format!("{stem}-{:.8}", id.to_string()),
                None => stem.clone(),
            };
            checked.extend(source.map(|source| {
                CheckedFlow {
                    id,
                    name: flow
                        .name
                        .get()
                        .map_or_else(label, |name| name.value.0.clone())
                        .into(),
                    source,
                    line: flow.span.line,
                    source_span: flow
                        .delta_column
                        .span()
                        .or(flow.source.span())
                        .unwrap_or(flow.span),
                }
            }));
        }
        checked
    }

    /// What is not written beside a list.
    fn beside_list(&mut self, own: &FlowEntry, flows: &At<Vec<FlowEntry>>) {
        let problems = &mut *self.problems;
        for (field, span) in [("flowId", own.flow_id.span()), ("name", own.name.span())] {
            if let Some(span) = span {
                problems.report_two(
                    Rule::FlowsBeside,
                    span,
                    format!("`{field}` stands beside `flows`"),
                    (flows.span, "the flows"),
                    format!("write it in an entry: `- {field}: …`"),
                );
            }
        }
        if let Field::Is(At {
            value: SourceKind::File,
            ..
        }) = own.source
        {
            self.no_column(own);
        }
    }

    /// What a flow reads, by what it says itself and what is written beside `flows`.
    fn source(&mut self, flow: &FlowEntry, own: &FlowEntry) -> Option<Arc<Source>> {
        let kind = match flow.source.or(&own.source) {
            Field::Is(kind) => kind.value,
            Field::Broken => return None,
            Field::Absent => {
                let hint = "write `source: table` (rows, with a deltaColumn) or `source: file`";
                let message = "`source` is missing";
                self.problems
                    .report(Rule::MissingField, flow.span, message, hint);
                return None;
            }
        };
        if kind == SourceKind::File {
            return self.no_column(flow).then(|| Arc::new(Source::File));
        }
        match flow.delta_column.or(&own.delta_column) {
            Field::Is(column) => Some(Arc::new(Source::Table(column.value.clone()))),
            Field::Broken => None,
            Field::Absent => {
                let span = flow.source.span().unwrap_or(flow.span);
                let message = "a table source needs a delta column";
                let hint = "write `deltaColumn: { name: COLUMN }`";
                self.problems.report(Rule::DeltaColumn, span, message, hint);
                None
            }
        }
    }

    /// Whether what says that it reads files says no column.
    fn no_column(&mut self, flow: &FlowEntry) -> bool {
        if let Some(column) = flow.delta_column.span() {
            let message = "a file source has no delta column";
            let hint = "remove it, or write `source: table`";
            self.problems
                .report(Rule::DeltaColumn, column, message, hint);
        }
        flow.delta_column.is_absent()
    }
}

fn stem(file: &str) -> &str {
    let stem = Path::new(file).file_stem();
    stem.and_then(|stem| stem.to_str()).unwrap_or(file)
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
        manifests
            .map(|one| one.request.name.raw().to_owned())
            .collect()
    }

    #[test]
    fn a_listed_flow_without_a_name_is_told_from_the_others_by_its_id() {
        let named = "- {flowId: 9c2d7a5e-1f1b-4d0a-9b53-0d3f6a2f8c11, name: history}\n";
        let checked = checked(&january(2, named));
        assert_eq!(checked.problems, []);
        assert_eq!(names(&checked), ["crm-00000001", "crm-00000002", "history"]);
        assert_eq!((checked.documents, checked.flows()), (1, 3));
        let lines: Vec<u32> = checked.manifests.iter().map(|one| one.line).collect();
        assert_eq!(lines, [5, 6, 7]);
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
