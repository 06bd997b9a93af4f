//! The manifest of imported runs, as text.
//!
//! Takes flows and the runs that each is to want; gives YAML that asks for these and no others:
//! regular windows by rule, the others one by one. Whether our own reader agrees is for the caller
//! to check before anything is written.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::ranges::{WindowRange, ranges, written};
use crate::run::{DeltaColumn, FlowId, Rerun, Sandbox, Source, UnixSeconds, Window};

/// What makes editors complete and check the file, where the schema is beside it.
const SCHEMA_LINE: &str = "# yaml-language-server: $schema=./schema.json\n";

/// A manifest to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ManifestDraft<'a> {
    pub sandbox: &'a Sandbox,
    /// At least one.
    pub flows: &'a [FlowDraft<'a>],
    /// Why its runs were run.
    pub reason: &'a str,
    /// What each flow wants, by window and rerun; at least one.
    pub windows: &'a [(Window, Rerun)],
    /// Whether the schema of manifests is beside the file.
    pub has_schema: bool,
}

/// A flow of a manifest to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowDraft<'a> {
    pub id: FlowId,
    /// Its label; `None` where the default says it.
    pub name: Option<&'a str>,
    /// What it reads.
    pub source: &'a Source,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestYaml<'a> {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_id: Option<FlowId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows: Option<Vec<FlowYaml<'a>>>,
    sandbox: &'a Sandbox,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_column: Option<&'a DeltaColumn>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_future: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<RunYaml>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<RangeYaml>,
}

/// What a manifest, or an entry of `flows`, says of a flow.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct FlowYaml<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_id: Option<FlowId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_column: Option<&'a DeltaColumn>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunYaml {
    window_start_time: String,
    window_end_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rerun: Option<Rerun>,
}

#[derive(Serialize)]
struct RangeYaml {
    from: String,
    to: String,
    every: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rerun: Option<Rerun>,
}

impl ManifestDraft<'_> {
    /// The text of the file, at `now`: the same runs give the same text.
    ///
    /// # Errors
    /// When the YAML writer refuses.
    pub(crate) fn text(&self, now: UnixSeconds) -> Result<String, serde_yaml::Error> {
        let Self {
            sandbox,
            flows,
            reason,
            windows,
            has_schema,
        } = *self;
        let (of_all, flows) = flow_fields(flows);
        let FlowYaml {
            flow_id,
            name,
            source,
            delta_column,
        } = of_all;
        let (runs, ranges) = window_fields(windows);
        let written = ManifestYaml {
            version: 1,
            flow_id,
            name,
            flows,
            sandbox,
            source,
            delta_column,
            reason,
            allow_future: windows.iter().any(|(w, _)| w.end() > now).then_some(true),
            overlap: overlap(windows).then_some("allow"),
            runs,
            ranges,
        };
        let yaml = serde_yaml::to_string(&written)?;
        let schema = if has_schema { SCHEMA_LINE } else { "" };
        Ok(format!("{schema}{yaml}"))
    }
}

/// What the manifest says of its flow; or of all flows, and each of them for itself.
fn flow_fields<'a>(flows: &[FlowDraft<'a>]) -> (FlowYaml<'a>, Option<Vec<FlowYaml<'a>>>) {
    let fields: Vec<FlowYaml<'a>> = flows
        .iter()
        .map(|&FlowDraft { id, name, source }| {
            let (source, delta_column) = match source {
                Source::Table(column) => ("table", Some(column)),
                Source::File => ("file", None),
            };
            FlowYaml {
                flow_id: Some(id),
                name,
                source: Some(source),
                delta_column,
            }
        })
        .collect();
    if let [_] = fields[..] {
        return (fields.into_iter().next().unwrap_or_default(), None);
    }
    let source = shared(fields.iter().map(|flow| flow.source));
    let columns = fields.iter().filter(|flow| flow.source == Some("table"));
    let delta_column = shared(columns.map(|flow| flow.delta_column));
    let of_each = fields.into_iter().map(|flow| FlowYaml {
        source: flow.source.filter(|_| source.is_none()),
        delta_column: flow.delta_column.filter(|_| delta_column.is_none()),
        ..flow
    });
    let of_all = FlowYaml {
        source,
        delta_column,
        ..FlowYaml::default()
    };
    (of_all, Some(of_each.collect()))
}

/// The one value that all have.
fn shared<T: PartialEq>(mut values: impl Iterator<Item = Option<T>>) -> Option<T> {
    let first = values.next()??;
    values
        .all(|value| value.as_ref() == Some(&first))
        .then_some(first)
}

/// Entries of `runs` and `ranges` that ask for `windows`.
fn window_fields(windows: &[(Window, Rerun)]) -> (Vec<RunYaml>, Vec<RangeYaml>) {
    let mut by_rerun: BTreeMap<Rerun, Vec<Window>> = BTreeMap::new();
    for &(window, rerun) in windows {
        by_rerun.entry(rerun).or_default().push(window);
    }
    let (mut runs, mut by_rule) = (Vec::new(), Vec::new());
    for (rerun, windows) in by_rerun {
        let (of_rule, left) = ranges(&windows);
        by_rule.extend(of_rule.into_iter().map(|range| (range, rerun)));
        runs.extend(left.into_iter().map(|window| (window, rerun)));
    }
    runs.sort_unstable();
    by_rule.sort_by_key(|(range, rerun)| (range.from, *rerun));
    let shown = |rerun: Rerun| (rerun > Rerun::FIRST).then_some(rerun);
    let run = |(window, rerun): (Window, Rerun)| RunYaml {
        window_start_time: window.start().to_string(),
        window_end_time: window.end().to_string(),
        rerun: shown(rerun),
    };
    let range = |(range, rerun): (WindowRange, Rerun)| {
        let WindowRange {
            from,
            to,
            step,
            except,
        } = range;
        RangeYaml {
            from: written(from),
            to: written(to),
            every: step.every(),
            except: except.into_iter().map(written).collect(),
            rerun: shown(rerun),
        }
    };
    (
        runs.into_iter().map(run).collect(),
        by_rule.into_iter().map(range).collect(),
    )
}

/// Whether two windows of one rerun overlap; `windows` are in their order.
fn overlap(windows: &[(Window, Rerun)]) -> bool {
    let mut furthest: HashMap<Rerun, UnixSeconds> = HashMap::new();
    windows.iter().any(|&(window, rerun)| {
        let reach = furthest.entry(rerun).or_insert(window.start());
        let overlaps = *reach > window.start();
        *reach = (*reach).max(window.end());
        overlaps
    })
}

#[cfg(test)]
mod tests;
