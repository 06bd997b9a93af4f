//! What a manifest asks for, one run at a time.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Key, RunIdentity, UnixSeconds};
use crate::untrusted::Untrusted;

/// `params.deltaColumn`: the column that tells old rows of a table from new ones.
///
/// Adobe's on-demand ingestion tutorial: sent with a table flow's first run, written into the
/// flow's Copy transformation, and from then on only an error if it differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeltaColumn {
    /// The column's name.
    pub name: String,
    /// How its text is to be read, such as `yyyy-MM-dd HH:mm:ss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
    /// The zone its text is in; the service compares in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// What kind of source the flow reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Rows, told apart by a delta column.
    Table(DeltaColumn),
    /// Files, told apart by when they were last modified.
    File,
}

/// Where in which manifest a run was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The manifest's path, as it is shown.
    pub manifest: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.manifest, self.line)
    }
}

/// What a manifest says of all the runs that it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The manifest's path, as it is shown.
    pub manifest: Arc<str>,
    /// The manifest's label for the flow.
    pub name: Untrusted,
    /// What kind of source the flow reads.
    pub source: Arc<Source>,
    /// Whether windows may overlap others of the flow (`overlap: allow`).
    pub overlap_allowed: bool,
    /// In which order the windows are sent (`order`).
    pub order: Order,
    /// The line that says that nothing new is sent (`paused: true`), if one does.
    pub paused: Option<u32>,
    /// No more unfinished runs of the flow than this at once (`maxActiveRuns`).
    pub max_active_runs: Option<NonZeroUsize>,
}

/// In which order the windows of a flow are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Order {
    /// The earliest window first.
    #[default]
    OldestFirst,
    /// The latest window first.
    NewestFirst,
}

impl Order {
    /// Which of two runs of a flow is sent first. The reruns of a window are sent in their order,
    /// whichever the order of the windows is.
    #[must_use]
    pub fn compare(self, a: &RunIdentity, b: &RunIdentity) -> Ordering {
        let windows = match self {
            Self::OldestFirst => a.window.cmp(&b.window),
            Self::NewestFirst => b.window.cmp(&a.window),
        };
        windows.then_with(|| a.rerun.cmp(&b.rerun))
    }
}

/// A run that a manifest wants to exist. A plan may hold a million: what runs have in common is
/// shared, and what can be computed is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRun {
    /// What makes it this run.
    pub identity: RunIdentity,
    /// When the run should begin; `None`: when it is sent.
    pub start_time: Option<UnixSeconds>,
    /// What its manifest says of it and others.
    pub request: Arc<Request>,
    /// The line of the manifest that asks for it, from 1.
    pub line: u32,
}

impl DesiredRun {
    /// The content hash of its identity, computed.
    #[must_use]
    pub fn key(&self) -> Key {
        self.identity.key()
    }

    /// Where it was asked for.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            manifest: Arc::clone(&self.request.manifest),
            line: self.line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{FlowRef, Rerun, Window};

    fn identity(sandbox: &str, flow: &str, start: i64, end: i64, rerun: u32) -> RunIdentity {
        let at = |s| UnixSeconds::new(s).expect("in range");
        RunIdentity {
            flow: Arc::new(FlowRef {
                sandbox: sandbox.parse().expect("a sandbox"),
                id: flow.parse().expect("a flow id"),
            }),
            window: Window::new(at(start), at(end)).expect("a window"),
            rerun: Rerun::new(rerun).expect("not 0"),
        }
    }

    const FLOW: &str = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de";

    #[test]
    fn the_text_that_is_hashed_is_the_contract_to_the_letter() {
        assert_eq!(
            identity("prod", FLOW, 1_651_584_991, 1_651_585_956, 1).canonical_text(),
            "aep-backfill/v1\n\
             sandbox=prod\n\
             flowId=3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
             windowStartTime=1651584991\n\
             windowEndTime=1651585956\n\
             rerun=1\n"
        );
    }

    #[test]
    fn the_key_of_the_tutorials_window_is_the_contracts() {
        assert_eq!(
            identity("prod", FLOW, 1_651_584_991, 1_651_585_956, 1)
                .key()
                .to_string(),
            "b75f22b6087c600831883b81bb491a5fc870b4e583b3eed4ed66285eb3f3e612"
        );
    }

    #[test]
    fn a_rerun_is_another_run() {
        assert_eq!(
            identity("prod", FLOW, 1_651_584_991, 1_651_585_956, 2)
                .key()
                .to_string(),
            "ad7521a2232d7c81402dbfb4fbedd4d2a42ef46ac34fba306de6e48de4f541c3"
        );
    }

    #[test]
    fn a_flow_in_capitals_is_lowered_before_it_is_hashed() {
        let flow = FLOW.to_ascii_uppercase();
        assert_eq!(
            identity("dev", &flow, 1_640_995_200, 1_641_081_600, 1)
                .key()
                .to_string(),
            "0094e7ca7d3f696529e9fb7ea4583e7696f273413703943374cab97558923518"
        );
    }

    #[test]
    fn a_key_reads_back_and_its_beginning_finds_it() {
        let key = identity("prod", FLOW, 1_651_584_991, 1_651_585_956, 1).key();
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.short(), "b75f22b6087c");
        let text = key.to_string();
        for (at, bad) in [(0, "B"), (63, "g"), (31, "/"), (32, "\u{7f}")] {
            let mut text = text.clone();
            text.replace_range(at..=at, bad);
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
        assert!(text[1..].parse::<Key>().is_err());
        let prefix: super::super::KeyPrefix = "B75F22".parse().expect("a prefix");
        assert!(prefix.matches(&key));
        assert!("b75".parse::<super::super::KeyPrefix>().is_err());
        assert!("b75g".parse::<super::super::KeyPrefix>().is_err());
    }
}
