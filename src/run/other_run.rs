//! A run of the service that stands in the way of one that is wanted.

use super::{RunId, Window};
use crate::untrusted::Untrusted;

/// A run that no record stands for, and why nothing is sent for a window because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRun {
    /// Its id.
    pub run_id: RunId,
    /// What it ingests.
    pub window: Window,
    /// The account that created it, or the client, where the service says.
    pub made_by: Option<Untrusted>,
    /// What of it is in the way.
    pub obstacle: Obstacle,
}

/// What of a run is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Its window overlaps the one that is wanted.
    Overlaps,
    /// Its window is nearly the one that is wanted: it may be that run.
    NearlySame,
    /// It has the window, and may be a retry of an earlier run of it, or the rerun that is wanted.
    RetryOrRerun,
}
