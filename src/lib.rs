//! `backfill`: each Adobe Experience Platform flow run that a manifest wants, created exactly once.

pub mod manifest;
pub mod run;
