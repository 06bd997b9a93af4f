//! Standard output: the result, as text or JSON.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use super::Written;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// Writes text to standard output.
pub(super) fn text(write: impl FnOnce(&mut dyn Write) -> Written) -> Written {
    let mut out = io::stdout().lock();
    write(&mut out)?;
    out.flush()
}

/// Writes one JSON document to standard output.
pub(super) fn json(document: &impl Serialize) -> Written {
    text(|out| {
        serde_json::to_writer_pretty(&mut *out, document)?;
        writeln!(out)
    })
}
