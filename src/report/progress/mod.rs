//! An apply while it runs: events folded into counts, and these as bars on a terminal or as lines.

pub(super) mod apply_progress;
pub(super) mod display;
mod ids_and_times;
pub(super) mod lines;
pub(super) mod silence;
