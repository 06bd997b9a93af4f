//! `backfill`: each Adobe Experience Platform flow run that a manifest wants, created exactly once.

pub mod api;
pub mod commands;
pub mod emulator;
pub mod engine;
pub mod manifest;
pub mod plan;
pub mod report;
pub mod run;
pub mod state;
pub mod store;
