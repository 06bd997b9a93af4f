//! A manifest as it is written: each field in its YAML type and at its place, nothing checked
//! yet beyond that.
//!
//! Takes a [`Node`]; gives a [`Document`], and a problem for every field that is unknown, missing
//! its value, or of another type. A field with a problem is left out, so that the next stage sees
//! only what can be read.

use std::sync::Arc;

use super::decode::{At, Decoder, Text};
use super::fields::{DELTA_COLUMN, FLOW, Field, MANIFEST, Mapping, RANGE, RUN};
use super::problem::Problems;
use super::yaml::{MapEntry, Node, NodeKind, Span, Value};
use crate::file_text::look_alike_in_syntax;

/// A manifest as written.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    /// Its first character.
    pub(super) span: Span,
    pub(super) version: Option<Text<'a>>,
    /// What it says of its flow, or of all flows of its list.
    pub(super) flow: FlowDocument<'a>,
    pub(super) flows: Option<At<Vec<FlowDocument<'a>>>>,
    pub(super) sandbox: Option<Text<'a>>,
    pub(super) reason: Option<Text<'a>>,
    pub(super) allow_future: bool,
    pub(super) overlap: Option<Text<'a>>,
    pub(super) order: Option<Text<'a>>,
    /// Where `paused: true` is written, if it is.
    pub(super) paused: Option<Span>,
    pub(super) max_active_runs: Option<Text<'a>>,
    pub(super) runs: Option<At<Vec<RunDocument<'a>>>>,
    pub(super) ranges: Option<At<Vec<RangeDocument<'a>>>>,
}

impl Document<'_> {
    /// Whether `field` was written, though it could not be read.
    pub(super) fn is_reported(&self, field: &str) -> bool {
        self.flow.is_reported(field)
    }

    /// How many flows want the windows.
    pub(super) fn flow_count(&self) -> usize {
        let listed = self.flows.as_ref().map_or(1, |flows| flows.value.len());
        listed.max(1)
    }

    /// Each `rerun` that is written.
    pub(super) fn reruns(&self) -> impl Iterator<Item = &Text<'_>> {
        let runs = self.runs.iter().flat_map(|runs| &runs.value);
        let ranges = self.ranges.iter().flat_map(|ranges| &ranges.value);
        let of_runs = runs.filter_map(|run| run.rerun.as_ref());
        of_runs.chain(ranges.filter_map(|range| range.rerun.as_ref()))
    }
}

/// What a manifest, or an entry of `flows`, says of a flow, as written.
#[derive(Debug, Default)]
pub(super) struct FlowDocument<'a> {
    /// The entry, or the manifest.
    pub(super) span: Span,
    pub(super) flow_id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) source: Option<Text<'a>>,
    pub(super) delta_column: Option<At<DeltaColumnDocument<'a>>>,
    /// Fields that are there, but were reported: they are not missing.
    reported: Vec<&'static str>,
}

impl FlowDocument<'_> {
    /// Whether `field` was written, though it could not be read.
    pub(super) fn is_reported(&self, field: &str) -> bool {
        self.reported.contains(&field)
    }
}

/// `deltaColumn`, as written.
#[derive(Debug, Default)]
pub(super) struct DeltaColumnDocument<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) date_format: Option<Text<'a>>,
    pub(super) timezone: Option<Text<'a>>,
    /// Whether a field could not be read.
    pub(super) broken: bool,
}

/// An entry of `runs`, as written.
#[derive(Debug, Default)]
pub(super) struct RunDocument<'a> {
    pub(super) span: Span,
    pub(super) window_start_time: Option<Text<'a>>,
    pub(super) window_end_time: Option<Text<'a>>,
    pub(super) start_time: Option<Text<'a>>,
    pub(super) rerun: Option<Text<'a>>,
    /// Whether a field could not be read.
    pub(super) broken: bool,
}

/// An entry of `ranges`, as written.
#[derive(Debug, Default)]
pub(super) struct RangeDocument<'a> {
    pub(super) span: Span,
    pub(super) from: Option<Text<'a>>,
    pub(super) to: Option<Text<'a>>,
    pub(super) every: Option<Text<'a>>,
    pub(super) timezone: Option<Text<'a>>,
    pub(super) except: Vec<Text<'a>>,
    pub(super) start_time: Option<Text<'a>>,
    pub(super) rerun: Option<Text<'a>>,
    /// Whether a field could not be read.
    pub(super) broken: bool,
}

/// Reads `node` as a manifest; `None` if it is not even a mapping.
pub(super) fn decode<'a>(
    node: &Node<'a>,
    file: &Arc<str>,
    text: &str,
    problems: &mut Problems,
) -> Option<Document<'a>> {
    let mut decoder = Decoder {
        file,
        text,
        problems,
    };
    let entries = decoder.mapping(node, &MANIFEST)?;
    let mut document = Document {
        span: node.span,
        flow: FlowDocument {
            span: node.span,
            ..FlowDocument::default()
        },
        ..Document::default()
    };
    for entry in entries {
        let MapEntry { node, .. } = entry;
        let field = match decoder.known(entry, &MANIFEST) {
            Ok(field) => field,
            Err(meant) => {
                document.flow.reported.extend(meant);
                continue;
            }
        };
        let mut text = |slot: &mut Option<Text<'a>>| put(slot, decoder.value(node, field));
        let is_read = match field.name {
            "version" => text(&mut document.version),
            "sandbox" => text(&mut document.sandbox),
            "reason" => text(&mut document.reason),
            "overlap" => text(&mut document.overlap),
            "order" => text(&mut document.order),
            "maxActiveRuns" => text(&mut document.max_active_runs),
            "paused" => {
                let paused = decoder.boolean(node, field.name);
                document.paused = (paused == Some(true)).then_some(node.span);
                paused.is_some()
            }
            "allowFuture" => {
                let allowed = decoder.boolean(node, field.name);
                document.allow_future = allowed.unwrap_or_default();
                allowed.is_some()
            }
            "flows" => {
                let flows = decoder.list(node, field.name, Decoder::flow);
                put(&mut document.flows, flows)
            }
            "runs" => {
                let runs = decoder.list(node, field.name, Decoder::run);
                put(&mut document.runs, runs)
            }
            "ranges" => {
                let ranges = decoder.list(node, field.name, Decoder::range);
                put(&mut document.ranges, ranges)
            }
            _ => decoder.flow_field(&mut document.flow, node, field),
        };
        if !is_read {
            document.flow.reported.push(field.name);
        }
    }
    Some(document)
}

/// Keeps what was read, and says whether it was.
fn put<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    *field = value;
    field.is_some()
}

impl Decoder<'_> {
    fn flow<'a>(&mut self, node: &Node<'a>) -> Option<FlowDocument<'a>> {
        let mut flow = FlowDocument {
            span: node.used_at(),
            ..FlowDocument::default()
        };
        for entry in self.mapping(node, &FLOW)? {
            match self.known(entry, &FLOW) {
                Ok(field) if self.flow_field(&mut flow, &entry.node, field) => {}
                Ok(field) => flow.reported.push(field.name),
                Err(meant) => flow.reported.extend(meant),
            }
        }
        Some(flow)
    }

    /// Reads a field of a flow, and says whether it could be read.
    fn flow_field<'a>(
        &mut self,
        flow: &mut FlowDocument<'a>,
        node: &Node<'a>,
        field: &'static Field,
    ) -> bool {
        let slot = match field.name {
            "flowId" => &mut flow.flow_id,
            "name" => &mut flow.name,
            "source" => &mut flow.source,
            "deltaColumn" => return put(&mut flow.delta_column, self.delta_column(node)),
            _ => unreachable!("the table has no such field"),
        };
        put(slot, self.value(node, field))
    }

    fn delta_column<'a>(&mut self, node: &Node<'a>) -> Option<At<DeltaColumnDocument<'a>>> {
        if let Value::Scalar(scalar) = &node.value
            && scalar.kind() == NodeKind::Text
        {
            let hint = format!("write `deltaColumn: {{ name: {} }}`", scalar.text);
            self.wrong_type(node, "`deltaColumn` is a mapping", &hint);
            return None;
        }
        let mut column = DeltaColumnDocument::default();
        for entry in self.mapping(node, &DELTA_COLUMN)? {
            let Some(field) = self.known_or(entry, &DELTA_COLUMN, &mut column.broken) else {
                continue;
            };
            let slot = match field.name {
                "name" => &mut column.name,
                "dateFormat" => &mut column.date_format,
                "timezone" => &mut column.timezone,
                _ => unreachable!("the table has no such field"),
            };
            // The first run fixes it for good: quotes that are none of YAML's would be part of it.
            let is_pasted = matches!(&entry.node.value, Value::Scalar(scalar)
                if look_alike_in_syntax(&scalar.text).is_some())
                && self.is_pasted(entry.node.span);
            column.broken |= is_pasted || !put(slot, self.value(&entry.node, field));
        }
        let span = node.span;
        Some(At {
            value: column,
            span,
        })
    }

    fn run<'a>(&mut self, node: &Node<'a>) -> Option<RunDocument<'a>> {
        let mut run = RunDocument {
            span: node.used_at(),
            ..RunDocument::default()
        };
        for entry in self.mapping(node, &RUN)? {
            let Some(field) = self.known_or(entry, &RUN, &mut run.broken) else {
                continue;
            };
            let slot = match field.name {
                "windowStartTime" => &mut run.window_start_time,
                "windowEndTime" => &mut run.window_end_time,
                "startTime" => &mut run.start_time,
                "rerun" => &mut run.rerun,
                _ => unreachable!("the table has no such field"),
            };
            run.broken |= !put(slot, self.value(&entry.node, field));
        }
        Some(run)
    }

    fn range<'a>(&mut self, node: &Node<'a>) -> Option<RangeDocument<'a>> {
        let mut range = RangeDocument {
            span: node.used_at(),
            ..RangeDocument::default()
        };
        for entry in self.mapping(node, &RANGE)? {
            let Some(field) = self.known_or(entry, &RANGE, &mut range.broken) else {
                continue;
            };
            let slot = match field.name {
                "from" => &mut range.from,
                "to" => &mut range.to,
                "every" => &mut range.every,
                "timezone" => &mut range.timezone,
                "startTime" => &mut range.start_time,
                "rerun" => &mut range.rerun,
                "except" => {
                    let times = self.list(&entry.node, field.name, |this, node| {
                        this.time(node, field.name)
                    });
                    range.broken |= times.is_none();
                    range.except = times.map(|times| times.value).unwrap_or_default();
                    continue;
                }
                _ => unreachable!("the table has no such field"),
            };
            range.broken |= !put(slot, self.value(&entry.node, field));
        }
        Some(range)
    }

    /// The field that an entry is of; none, where it is reported and makes its mapping `broken` if it
    /// was probably meant as one.
    fn known_or(
        &mut self,
        entry: &MapEntry<'_>,
        mapping: &'static Mapping,
        broken: &mut bool,
    ) -> Option<&'static Field> {
        self.known(entry, mapping)
            .inspect_err(|meant| *broken |= meant.is_some())
            .ok()
    }
}
