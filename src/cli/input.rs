//! What a person has written, or may have edited: files, and reasons.

use std::path::Path;

use super::failure::Failure;
use crate::file_text::text_of;
use crate::manifest::is_placeholder;
use crate::report::plain;

/// The text of the file at `path`; `what` says before its name what it is to be.
///
/// # Errors
/// When it cannot be read, or is no text: then with the line that is wrong.
pub(crate) fn read_text(what: &str, path: &Path) -> Result<String, Failure> {
    let shown = plain(&path.display().to_string(), 300);
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("could not read {what}{shown}: {error}")))?;
    let text = text_of(&bytes).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        Failure::usage(format!("{shown}, line {line}: {error}"))
            .hint(error.hint())
            .at(&shown, Some((line, 1)))
    })?;
    Ok(text.to_owned())
}

/// A reason that says something.
pub(crate) fn reason(text: &str) -> Result<String, &'static str> {
    if is_placeholder(text) {
        return Err("it says nothing; its later readers were not there");
    }
    Ok(text.trim().to_owned())
}
