//! `backfill`: each Adobe Experience Platform flow run that a manifest wants, created exactly once.

pub mod emulator;
pub mod run;
