//! The rules that a flow of a manifest keeps, and a list of `flows`.
//!
//! Takes what a document says of its one flow or of several; gives each flow with its label and
//! source, and a problem for each rule that is broken. What an entry of `flows` does not say is the
//! manifest's: its `source`, and for a table its `deltaColumn`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::check::{CheckedFlow, Checker};
use super::decode::At;
use super::document::{Document, FlowDocument};
use super::problem::{Problem, Rule};
use super::source::{Defaults, Inherited, source_span};
use super::yaml::Span;
use crate::run::FlowId;
use crate::untrusted::Untrusted;

impl Checker<'_> {
    /// The flows of the document that can be told.
    pub(super) fn flows(&mut self, document: &Document<'_>) -> Vec<CheckedFlow> {
        let own = &document.flow;
        if let Some(flows) = &document.flows {
            return self.listed(own, flows);
        }
        let is_list = document.is_reported("flows");
        let id = if is_list { None } else { self.flow_id(own) };
        let name = self.name(own);
        let source = self.source(own, &Defaults::default());
        let flow = id.zip(source).map(|(id, source)| CheckedFlow {
            id,
            name: name.unwrap_or_else(|| stem(self.file)).into(),
            source,
            line: own.span.line,
            span: source_span(own),
            place: place(own),
        });
        flow.into_iter().collect()
    }

    fn listed(
        &mut self,
        own: &FlowDocument<'_>,
        flows: &At<Vec<FlowDocument<'_>>>,
    ) -> Vec<CheckedFlow> {
        self.beside_list(own, flows);
        let defaults = self.defaults(own, &flows.value);
        let mut first_of: HashMap<FlowId, Span> = HashMap::new();
        let mut checked = Vec::with_capacity(flows.value.len());
        let (mut is_whole, mut is_column_used) = (true, false);
        for flow in &flows.value {
            let id = self.flow_id(flow);
            let name = self.name(flow);
            let source = self.source(flow, &defaults);
            if let (Inherited::Is(default), Some(source)) = (&defaults.table, &source) {
                is_column_used |= Arc::ptr_eq(default, source);
            }
            is_whole &= source.is_some();
            let place = place(flow);
            if let Some(id) = id
                && let Some(&first) = first_of.get(&id)
            {
                self.problems.push(
                    Problem::new(
                        Rule::FlowTwice,
                        self.file,
                        place,
                        format!("the flow {id} is listed twice"),
                    )
                    .related(self.file, first, "listed here first")
                    .hint("remove one; windows that only this flow wants go into another manifest"),
                );
                continue;
            }
            if let Some(id) = id {
                first_of.insert(id, place);
                checked.extend(source.map(|source| (flow, id, name, source)));
            }
        }
        if let (Some(column), true, false) = (&own.delta_column, is_whole, is_column_used)
            && !flows.value.is_empty()
        {
            self.report(
                Rule::DeltaColumn,
                column.span,
                "no flow of the list uses this delta column",
            )
            .hint = Some("remove it: each flow has its own, or reads files".to_owned());
        }
        let labels = Labels::new(stem(self.file), first_of.keys().copied());
        checked
            .into_iter()
            .map(|(flow, id, name, source)| CheckedFlow {
                id,
                name: name.map_or_else(|| labels.of(id).into(), Untrusted::from),
                source,
                line: flow.span.line,
                span: if flow.source.is_some() || flow.delta_column.is_some() {
                    source_span(flow)
                } else {
                    place(flow)
                },
                place: place(flow),
            })
            .collect()
    }

    /// What is not written beside a list, and a list of none.
    fn beside_list(&mut self, own: &FlowDocument<'_>, flows: &At<Vec<FlowDocument<'_>>>) {
        let beside = [
            (
                "flowId",
                &own.flow_id,
                "write it as an entry: `- flowId: …`",
            ),
            (
                "name",
                &own.name,
                "write it in an entry: each flow has its own",
            ),
        ];
        for (field, text, hint) in beside {
            if let Some(text) = text {
                let message = format!("`{field}` stands beside `flows`");
                self.problems.push(
                    Problem::new(Rule::FlowsBeside, self.file, text.span, message)
                        .related(self.file, flows.span, "the flows")
                        .hint(hint),
                );
            }
        }
        if flows.value.is_empty() {
            self.report(Rule::MissingField, flows.span, "`flows` is empty")
                .hint = Some("add an entry, `- flowId: UUID`".to_owned());
        }
    }

    fn flow_id(&mut self, flow: &FlowDocument<'_>) -> Option<FlowId> {
        let Some(text) = &flow.flow_id else {
            if !flow.is_reported("flowId") {
                self.report(Rule::MissingField, flow.span, "`flowId` is missing")
                    .hint =
                    Some("write `flowId: UUID`, as in the address of the flow's page".to_owned());
            }
            return None;
        };
        let parsed = text.value.parse();
        if let Err(error) = &parsed {
            let hint = "copy it from the address of the flow's page";
            self.report(Rule::FlowId, text.span, format!("{error}"))
                .hint = Some(hint.to_owned());
        }
        parsed.ok()
    }

    /// The label as it is written, if it is.
    fn name<'d>(&mut self, flow: &'d FlowDocument<'_>) -> Option<&'d str> {
        let name = flow.name.as_ref()?;
        if name.value.trim().is_empty() {
            self.report(Rule::MissingField, name.span, "`name` is empty")
                .hint = Some("write a label, or leave it away".to_owned());
        }
        Some(&name.value)
    }
}

/// Where a flow is named: at its id, or at its entry, if the id is written elsewhere and comes
/// through an alias.
fn place(flow: &FlowDocument<'_>) -> Span {
    let id = flow.flow_id.as_ref().map(|text| text.span);
    let is_of_entry = |id: &Span| flow.span.start <= id.start && id.end <= flow.span.end;
    id.filter(is_of_entry).unwrap_or(flow.span)
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
