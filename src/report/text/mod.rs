//! Results as text for people: a file for each verb, and `table` for their columns.

pub(super) mod changes;
pub(super) mod import;
pub(super) mod state;
pub(super) mod table;
