//! What makes a run this run and no other.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{FlowId, Sandbox, Window};

/// Names a flow: ids of flows are unique in a sandbox only.
///
/// Shown, and ordered, by the sandbox, then the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowRef {
    /// The sandbox that it lives in.
    pub sandbox: Sandbox,
    /// Its id.
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunIdentity {
    /// The flow to run.
    pub flow: FlowRef,
    /// The window to ingest.
    pub window: Window,
    /// 1, or more to ingest the same window again on purpose.
    pub rerun: Rerun,
}

impl RunIdentity {
    /// The text that is hashed: five `name=value` lines under a version line.
    #[must_use]
    pub fn canonical_text(&self) -> String {
        let Self {
            flow: FlowRef {
                sandbox,
                id: flow_id,
            },
            window,
            rerun,
        } = self;
        format!(
            "aep-backfill/v1\nsandbox={sandbox}\nflowId={flow_id}\nwindowStartTime={}\n\
             windowEndTime={}\nrerun={rerun}\n",
            window.start().get(),
            window.end().get(),
        )
    }
}
