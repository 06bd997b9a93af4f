//! What makes a run this run and no other.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FlowId, Sandbox, Window};

/// Names a flow: ids of flows are unique in a sandbox only.
///
/// Shown, and ordered, by the sandbox, then the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FlowRef {
    /// The sandbox that it lives in.
    pub sandbox: Sandbox,
    /// Its id.
    #[serde(rename = "flowId")]
    pub id: FlowId,
}

impl fmt::Display for FlowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.sandbox, self.id)
    }
}

/// The ordinal of this run for its window: 1, unless a manifest asks to run the window again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rerun(NonZeroU32);

impl Rerun {
    /// The first time.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The `n`-th time; `None` for 0.
    #[must_use]
    pub fn new(n: u32) -> Option<Self> {
        NonZeroU32::new(n).map(Self)
    }

    /// The number, from 1.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Rerun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What makes a run this run and no other: nothing else takes part in its key.
///
/// Ordered as the state file is: by sandbox, flow, window, rerun.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunIdentity {
    /// The flow to run, shared by all its runs.
    pub flow: Arc<FlowRef>,
    /// The window to ingest.
    pub window: Window,
    /// 1, or more to ingest the same window again on purpose.
    pub rerun: Rerun,
}

impl RunIdentity {
    /// The text that is hashed: five `name=value` lines under a version line.
    ///
    /// # Panics
    /// Never: names and numbers are ASCII.
    #[must_use]
    pub fn canonical_text(&self) -> String {
        String::from_utf8(self.canonical_bytes()).expect("names and numbers are ASCII")
    }

    /// The same as bytes. A plan of a million windows computes a million keys, so that this does not
    /// go through `fmt`, which takes as long as the hash itself.
    pub(super) fn canonical_bytes(&self) -> Vec<u8> {
        let Self {
            flow,
            window,
            rerun,
        } = self;
        let FlowRef { sandbox, id } = &**flow;
        let mut number = itoa::Buffer::new();
        let mut text = Vec::with_capacity(256);
        text.extend_from_slice(b"aep-backfill/v1\nsandbox=");
        text.extend_from_slice(sandbox.as_str().as_bytes());
        text.extend_from_slice(b"\nflowId=");
        text.extend_from_slice(&id.ascii());
        text.extend_from_slice(b"\nwindowStartTime=");
        text.extend_from_slice(number.format(window.start().get()).as_bytes());
        text.extend_from_slice(b"\nwindowEndTime=");
        text.extend_from_slice(number.format(window.end().get()).as_bytes());
        text.extend_from_slice(b"\nrerun=");
        text.extend_from_slice(number.format(rerun.get()).as_bytes());
        text.push(b'\n');
        text
    }
}

impl Ord for RunIdentity {
    fn cmp(&self, other: &Self) -> Ordering {
        // Two runs of one flow nearly always share its name.
        let flow = if Arc::ptr_eq(&self.flow, &other.flow) {
            Ordering::Equal
        } else {
            self.flow.cmp(&other.flow)
        };
        flow.then_with(|| self.window.cmp(&other.window))
            .then_with(|| self.rerun.cmp(&other.rerun))
    }
}

impl PartialOrd for RunIdentity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
