//! `backfill schema`: the JSON Schema of manifests, for editors.

use crate::cli::failure::Failure;
use crate::cli::{Exit, output};
use crate::manifest::json_schema;

pub(super) fn run() -> Result<Exit, Failure> {
    output::raw(|out| out.write_all(text().as_bytes()))?;
    Ok(Exit::Success)
}

/// The schema as it is printed and kept in files.
pub(super) fn text() -> String {
    // Braces around a value of JSON cannot fail to be written.
    format!("{:#}\n", json_schema())
}
