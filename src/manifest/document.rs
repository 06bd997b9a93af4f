//! A manifest as it is written: each field in its YAML type and at its place, nothing checked
//! yet beyond that.
//!
//! Takes a [`Node`]; gives a [`Document`], and a problem for every field that is unknown, missing
//! its value, or of another type. A field with a problem is left out, so that the next stage sees
//! only what can be read.

use std::sync::Arc;

use super::decode::{At, Decoder, Text};
use super::problem::Problems;
use super::yaml::{MapEntry, Node, NodeKind, Span, Value};

/// The fields of a manifest.
pub(super) const MANIFEST: &[&str] = &[
    "version",
    "flowId",
    "name",
    "sandbox",
    "source",
    "deltaColumn",
    "reason",
    "allowFuture",
    "overlap",
    "runs",
    "ranges",
];
/// The fields of `deltaColumn`.
pub(super) const DELTA_COLUMN: &[&str] = &["name", "dateFormat", "timezone"];
/// The fields of an entry of `runs`.
pub(super) const RUN: &[&str] = &["windowStartTime", "windowEndTime", "startTime", "rerun"];
/// The fields of an entry of `ranges`.
pub(super) const RANGE: &[&str] = &[
    "from",
    "to",
    "every",
    "timezone",
    "except",
    "startTime",
    "rerun",
];

/// A manifest as written.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    /// Its first character.
    pub(super) span: Span,
    pub(super) version: Option<Text<'a>>,
    pub(super) flow_id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) sandbox: Option<Text<'a>>,
    pub(super) source: Option<Text<'a>>,
    pub(super) delta_column: Option<At<DeltaColumnDocument<'a>>>,
    pub(super) reason: Option<Text<'a>>,
    pub(super) allow_future: bool,
    pub(super) overlap: Option<Text<'a>>,
    pub(super) runs: Option<At<Vec<RunDocument<'a>>>>,
    pub(super) ranges: Option<At<Vec<RangeDocument<'a>>>>,
    /// Fields that are there, but were reported: they are not missing.
    reported: Vec<&'static str>,
}

impl Document<'_> {
    /// Whether `field` was written, though it could not be read.
    pub(super) fn is_reported(&self, field: &str) -> bool {
        self.reported.contains(&field)
    }

    /// Each `rerun` that is written.
    pub(super) fn reruns(&self) -> impl Iterator<Item = &Text<'_>> {
        let runs = self.runs.iter().flat_map(|runs| &runs.value);
        let ranges = self.ranges.iter().flat_map(|ranges| &ranges.value);
        let of_runs = runs.filter_map(|run| run.rerun.as_ref());
        of_runs.chain(ranges.filter_map(|range| range.rerun.as_ref()))
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
    problems: &mut Problems,
) -> Option<Document<'a>> {
    let mut decoder = Decoder { file, problems };
    let entries = decoder.mapping(node, "a manifest", "version: 1")?;
    let mut document = Document {
        span: node.span,
        ..Document::default()
    };
    for entry in entries {
        let MapEntry { key, node, .. } = entry;
        let field = match decoder.known(entry, "a manifest", MANIFEST) {
            Ok(field) => field,
            Err(meant) => {
                document.reported.extend(meant);
                continue;
            }
        };
        let read = match key.as_ref() {
            "version" => put(&mut document.version, decoder.integer(node, field)),
            "flowId" => put(&mut document.flow_id, decoder.id(node, field)),
            "name" => put(&mut document.name, decoder.text(node, field)),
            "sandbox" => put(&mut document.sandbox, decoder.text(node, field)),
            "source" => put(&mut document.source, decoder.text(node, field)),
            "deltaColumn" => put(&mut document.delta_column, decoder.delta_column(node)),
            "reason" => put(&mut document.reason, decoder.text(node, field)),
            "allowFuture" => match decoder.boolean(node, field) {
                Some(allowed) => {
                    document.allow_future = allowed;
                    true
                }
                None => false,
            },
            "overlap" => put(&mut document.overlap, decoder.text(node, field)),
            "runs" => put(&mut document.runs, decoder.list(node, field, Decoder::run)),
            "ranges" => put(
                &mut document.ranges,
                decoder.list(node, field, Decoder::range),
            ),
            _ => true,
        };
        if !read {
            document.reported.push(field);
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
    fn delta_column<'a>(&mut self, node: &Node<'a>) -> Option<At<DeltaColumnDocument<'a>>> {
        if let Value::Scalar(scalar) = &node.value
            && scalar.kind() == NodeKind::Text
        {
            let hint = format!("write `deltaColumn: {{ name: {} }}`", scalar.text);
            self.wrong_type(node, "`deltaColumn` is a mapping", &hint);
            return None;
        }
        let mut column = DeltaColumnDocument::default();
        for entry in self.mapping(node, "`deltaColumn`", "name: COLUMN")? {
            let field = match self.known(entry, "`deltaColumn`", DELTA_COLUMN) {
                Ok(field) => field,
                Err(meant) => {
                    column.broken |= meant.is_some();
                    continue;
                }
            };
            let text = self.text(&entry.node, field);
            column.broken |= text.is_none();
            match field {
                "name" => column.name = text,
                "dateFormat" => column.date_format = text,
                _ => column.timezone = text,
            }
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
        for entry in self.mapping(node, "an entry of `runs`", "windowStartTime: 2022-05-03")? {
            let field = match self.known(entry, "an entry of `runs`", RUN) {
                Ok(field) => field,
                Err(meant) => {
                    run.broken |= meant.is_some();
                    continue;
                }
            };
            let node = &entry.node;
            run.broken |= !match field {
                "windowStartTime" => put(&mut run.window_start_time, self.time(node, field)),
                "windowEndTime" => put(&mut run.window_end_time, self.time(node, field)),
                "startTime" => put(&mut run.start_time, self.time(node, field)),
                _ => put(&mut run.rerun, self.integer(node, field)),
            };
        }
        Some(run)
    }

    fn range<'a>(&mut self, node: &Node<'a>) -> Option<RangeDocument<'a>> {
        let mut range = RangeDocument {
            span: node.used_at(),
            ..RangeDocument::default()
        };
        for entry in self.mapping(node, "an entry of `ranges`", "from: 2022-05-03")? {
            let field = match self.known(entry, "an entry of `ranges`", RANGE) {
                Ok(field) => field,
                Err(meant) => {
                    range.broken |= meant.is_some();
                    continue;
                }
            };
            let node = &entry.node;
            range.broken |= !match field {
                "from" => put(&mut range.from, self.time(node, field)),
                "to" => put(&mut range.to, self.time(node, field)),
                "every" => put(&mut range.every, self.length(node, field)),
                "timezone" => put(&mut range.timezone, self.text(node, field)),
                "except" => match self.list(node, field, |this, node| this.time(node, "except")) {
                    Some(times) => {
                        range.except = times.value;
                        true
                    }
                    None => false,
                },
                "startTime" => put(&mut range.start_time, self.time(node, field)),
                _ => put(&mut range.rerun, self.integer(node, field)),
            };
        }
        Some(range)
    }
}
