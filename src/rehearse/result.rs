//! What a rehearsal came to. Its serde form is its document, `rehearse/v1`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::run::Key;

/// `rehearse/v1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rehearsal {
    #[cfg_attr(test, schemars(extend("const" = "rehearse/v1")))]
    pub(crate) format: &'static str,
    /// The scenario, as it was asked for: a name or a file.
    pub(crate) scenario: String,
    /// What the faults and the moments of the kills were drawn from.
    pub(crate) seed: u64,
    pub(crate) summary: RehearsalCounts,
    /// How many applies were killed.
    pub(crate) kills: u32,
    pub(crate) kills_asked: u32,
    /// Applies that were started, those that were killed included.
    pub(crate) applies: u32,
    /// Retries that were started, those that were killed included.
    pub(crate) retries: u32,
    /// How many requests of each kind arrived.
    pub(crate) requests: BTreeMap<String, u64>,
    /// How often each fault was done.
    pub(crate) faults: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
    /// The windows that are doubled, lost or unwanted, in the order of sandbox, flow and window.
    pub(crate) windows: Vec<Miscount>,
    /// The error of the last apply, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// The folder with the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
    pub(crate) exit_code: u8,
}

/// How the runs that exist compare with those that were wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RehearsalCounts {
    pub(crate) wanted: usize,
    /// How many of those that are wanted exist.
    pub(crate) created: usize,
    /// Runs that failed and were run again.
    pub(crate) retried: usize,
    /// Runs that exist beside the one that was wanted, or were run again twice for one failure.
    pub(crate) doubled: usize,
    /// Runs that do not exist, although the last apply reports no doubt.
    pub(crate) lost: usize,
    /// Runs of windows that no manifest wants.
    pub(crate) unwanted: usize,
    /// Runs that the last apply reported as in doubt.
    pub(crate) in_doubt: usize,
    /// Runs that do not exist, as the last apply reported: refused, or not sent.
    pub(crate) left: usize,
}

/// A window with more runs than are wanted of it, or fewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Miscount {
    pub(crate) outcome: MiscountKind,
    /// The keys of the runs that are wanted of it.
    pub(crate) keys: Vec<Key>,
    #[serde(flatten)]
    pub(crate) window: FlowWindow,
    /// The ids of the runs that exist of it.
    pub(crate) runs: Vec<String>,
}

/// The window of a flow, in the words of the wire, which the service's count is kept in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlowWindow {
    pub(crate) sandbox: String,
    pub(crate) flow_id: String,
    pub(crate) window_start_time: i64,
    pub(crate) window_end_time: i64,
}

/// What can be wrong with a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum MiscountKind {
    /// More runs exist than are wanted.
    Doubled,
    /// Fewer exist, and no report says so.
    Lost,
    /// None is wanted.
    Unwanted,
}

impl fmt::Display for MiscountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
