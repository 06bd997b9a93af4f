//! The manifest of imported runs, as text.
//!
//! Takes a flow and the runs it is to want; gives YAML that asks for these and no others. Whether
//! our own reader agrees is for the caller to check before anything is written.

use std::collections::HashMap;

use serde::Serialize;

use super::ImportedRun;
use crate::api::{Flow, SourceKind};
use crate::run::{DeltaColumn, FlowId, FlowRef, Rerun, Sandbox, Source, UnixSeconds};
use crate::untrusted::{Untrusted, can_act};

/// What makes editors complete and check the file, where the schema is beside it.
const SCHEMA_LINE: &str = "# yaml-language-server: $schema=./schema.json\n";

/// Why no manifest can be written for a flow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecided {
    /// Its runs come by its schedule, not on demand.
    #[error(
        "it is scheduled `{0}`: its runs come by themselves, and none can be created on demand"
    )]
    Scheduled(Untrusted),
    /// A table, and no run has told the delta column yet.
    #[error("it reads a table, and its Copy transformation names no delta column")]
    NoDeltaColumn,
    /// The delta column is not one that a person wrote.
    #[error("its delta column holds characters that act on a terminal")]
    StrangeDeltaColumn,
    /// Neither the flow nor its spec tells.
    #[error("nothing tells whether it reads a table or files")]
    UnknownSource,
}

/// What kind of source `flow` reads, as its manifest has to say it.
///
/// # Errors
/// When it cannot be told, or its runs are none that are created on demand.
pub(crate) fn source_of(flow: &Flow) -> Result<Source, Undecided> {
    let Flow {
        name: _,
        state: _,
        frequency,
        delta_column,
        kind,
        spec_id: _,
    } = flow;
    if let Some(frequency) = frequency
        && !frequency.raw().eq_ignore_ascii_case("once")
    {
        return Err(Undecided::Scheduled(frequency.clone()));
    }
    match (kind, delta_column) {
        (Some(SourceKind::File), _) => Ok(Source::File),
        (Some(SourceKind::Table), Some(column)) => {
            let DeltaColumn {
                name,
                date_format,
                timezone,
            } = column;
            let texts = [Some(name), date_format.as_ref(), timezone.as_ref()];
            if texts
                .into_iter()
                .flatten()
                .any(|text| text.contains(can_act))
            {
                return Err(Undecided::StrangeDeltaColumn);
            }
            Ok(Source::Table(column.clone()))
        }
        (Some(SourceKind::Table), None) => Err(Undecided::NoDeltaColumn),
        (None, _) => Err(Undecided::UnknownSource),
    }
}

/// A manifest to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ManifestDraft<'a> {
    pub flow: &'a FlowRef,
    /// Its label; `None` where the file's stem says it.
    pub name: Option<&'a str>,
    /// What it reads.
    pub source: &'a Source,
    /// Why its runs were run.
    pub reason: &'a str,
    /// The runs, by window and rerun; at least one.
    pub runs: &'a [ImportedRun],
    /// Whether the schema of manifests is beside the file.
    pub has_schema: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestYaml<'a> {
    version: u32,
    flow_id: FlowId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    sandbox: &'a Sandbox,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_column: Option<&'a DeltaColumn>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_future: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<&'static str>,
    runs: Vec<RunYaml>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunYaml {
    window_start_time: String,
    window_end_time: String,
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
            flow,
            name,
            source,
            reason,
            runs,
            has_schema,
        } = *self;
        let (source, delta_column) = match source {
            Source::Table(column) => ("table", Some(column)),
            Source::File => ("file", None),
        };
        let is_future = |kept: &ImportedRun| kept.identity.window.end() > now;
        let written = ManifestYaml {
            version: 1,
            flow_id: flow.id,
            name,
            sandbox: &flow.sandbox,
            source,
            delta_column,
            reason,
            allow_future: runs.iter().any(is_future).then_some(true),
            overlap: overlap(runs).then_some("allow"),
            runs: runs
                .iter()
                .map(|ImportedRun { identity, .. }| RunYaml {
                    window_start_time: identity.window.start().to_string(),
                    window_end_time: identity.window.end().to_string(),
                    rerun: (identity.rerun > Rerun::FIRST).then_some(identity.rerun),
                })
                .collect(),
        };
        let yaml = serde_yaml::to_string(&written)?;
        let schema = if has_schema { SCHEMA_LINE } else { "" };
        Ok(format!("{schema}{yaml}"))
    }
}

/// Whether two windows of one rerun overlap; `runs` are in the order of their windows.
fn overlap(runs: &[ImportedRun]) -> bool {
    let mut furthest: HashMap<Rerun, UnixSeconds> = HashMap::new();
    runs.iter().any(|ImportedRun { identity, .. }| {
        let reach = furthest
            .entry(identity.rerun)
            .or_insert(identity.window.start());
        let overlaps = *reach > identity.window.start();
        *reach = (*reach).max(identity.window.end());
        overlaps
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{FlowRun, RunTimes, WindowEvidence};
    use crate::manifest::{Rules, Sources, check};
    use crate::run::{ByteCounts, RecordCounts, RunStatus};
    use crate::run::{RunIdentity, Window};

    const NOW: i64 = 1_764_000_000;

    fn seconds(s: i64) -> UnixSeconds {
        UnixSeconds::new(s).expect("in range")
    }

    fn kept(start: i64, end: i64, rerun: u32) -> ImportedRun {
        let window = Window::new(seconds(start), seconds(end)).expect("a window");
        ImportedRun {
            identity: RunIdentity {
                flow: crate::fixture::flow().into(),
                window,
                rerun: Rerun::new(rerun).expect("not 0"),
            },
            run: FlowRun {
                id: "r".parse().expect("a run id"),
                flow_id: None,
                created_at: None,
                created_client: None,
                created_by: None,
                window_evidence: WindowEvidence::Params(window),
                status: RunStatus::Success,
                records: RecordCounts::default(),
                bytes: ByteCounts::default(),
                times: RunTimes::default(),
                etag: None,
                errors: Vec::new(),
                diagnostics: Vec::new(),
            },
            adopt: None,
        }
    }

    fn column(name: &str) -> DeltaColumn {
        DeltaColumn {
            name: name.to_owned(),
            date_format: None,
            timezone: None,
        }
    }

    /// The text of a manifest that our own reader takes, and reads as it was meant.
    fn text(name: Option<&str>, source: &Source, runs: &[ImportedRun]) -> String {
        let identity = &runs[0].identity;
        let draft = ManifestDraft {
            flow: &identity.flow,
            name,
            source,
            reason: "Created by hand, and imported",
            runs,
            has_schema: true,
        };
        let text = draft.text(seconds(NOW)).expect("it is written");
        let sources = Sources::from_texts([("manifests/x.yaml", text.clone())]);
        let checked = check(&sources, &Rules::at(seconds(NOW)));
        assert!(checked.problems.is_empty(), "{text}{:?}", checked.problems);
        let wanted: Vec<_> = checked.runs.iter().map(|run| &run.identity).collect();
        let meant: Vec<_> = runs.iter().map(|kept| &kept.identity).collect();
        assert_eq!(wanted, meant);
        let [manifest] = &checked.manifests[..] else {
            panic!("{text}");
        };
        assert_eq!(*manifest.source, *source);
        assert_eq!(manifest.name, name.unwrap_or("x"));
        text
    }

    #[test]
    fn a_manifest_reads_as_one_that_a_person_wrote() {
        let source = Source::Table(column("DOB"));
        let runs = [
            kept(1_651_584_991, 1_651_585_956, 1),
            kept(1_651_584_991, 1_651_585_956, 2),
        ];
        assert_eq!(
            text(Some("CRM accounts"), &source, &runs),
            "# yaml-language-server: $schema=./schema.json\n\
             version: 1\n\
             flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
             name: CRM accounts\n\
             sandbox: prod\n\
             source: table\n\
             deltaColumn:\n  name: DOB\n\
             reason: Created by hand, and imported\n\
             runs:\n\
             - windowStartTime: 2022-05-03T13:36:31Z\n  windowEndTime: 2022-05-03T13:52:36Z\n\
             - windowStartTime: 2022-05-03T13:36:31Z\n  windowEndTime: 2022-05-03T13:52:36Z\n  \
             rerun: 2\n"
        );
    }

    #[test]
    fn overlaps_and_windows_in_the_future_are_allowed_only_where_there_are_any() {
        let plain = text(None, &Source::File, &[kept(0, 10, 1), kept(10, 20, 1)]);
        assert!(!plain.contains("overlap") && !plain.contains("allowFuture"));
        let reruns = text(None, &Source::File, &[kept(0, 10, 1), kept(5, 20, 2)]);
        assert!(!reruns.contains("overlap"), "{reruns}");
        let over = text(
            None,
            &Source::File,
            &[kept(0, 30, 1), kept(5, 10, 1), kept(20, 40, 1)],
        );
        assert!(over.contains("overlap: allow"), "{over}");
        let future = text(None, &Source::File, &[kept(NOW - 10, NOW + 10, 1)]);
        assert!(future.contains("allowFuture: true"), "{future}");
    }

    #[test]
    fn names_that_yaml_would_take_for_something_else_are_quoted() {
        for name in [
            "yes",
            "null",
            "1e3",
            "0x1f",
            "2022-01-01",
            "- a",
            "a: b",
            "# c",
            "*d",
            "&e",
            "!f",
            "'g",
            "\"h",
            "{i}",
            "~",
            "<<",
            "1_000",
            "%j",
            "@k",
            "`l",
            "on",
            "é",
            "a #b",
            "0o17",
        ] {
            text(Some(name), &Source::Table(column(name)), &[kept(0, 10, 1)]);
        }
    }

    #[test]
    fn what_a_flow_reads_is_told_by_itself_or_not_at_all() {
        let flow = |kind, delta_column, frequency: &str| Flow {
            name: None,
            state: None,
            frequency: Some(frequency.into()),
            delta_column,
            kind,
            spec_id: None,
        };
        let table = Some(SourceKind::Table);
        let dob = column("DOB");
        assert_eq!(
            source_of(&flow(table, Some(dob.clone()), "once")),
            Ok(Source::Table(dob.clone()))
        );
        assert_eq!(
            source_of(&flow(Some(SourceKind::File), None, "Once")),
            Ok(Source::File)
        );
        for (flow, why) in [
            (flow(table, None, "once"), Undecided::NoDeltaColumn),
            (flow(None, None, "once"), Undecided::UnknownSource),
            (
                flow(table, Some(dob), "day"),
                Undecided::Scheduled("day".into()),
            ),
            (
                flow(table, Some(column("a\u{202e}b")), "once"),
                Undecided::StrangeDeltaColumn,
            ),
        ] {
            assert_eq!(source_of(&flow), Err(why));
        }
    }
}
