//! What the environment says: variables as they are meant.

use url::Url;

use super::failure::Failure;

/// A variable that is set and not empty, without the line break or the blanks around it that a file or
/// a paste leaves: CI systems pass what is not set as an empty text.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The same, for what is sent in a header or a form; its value is never told.
///
/// # Errors
/// When it holds what no header can hold: a line break in the middle, or a letter that is not ASCII.
pub(crate) fn sendable(name: &str) -> Result<Option<String>, Failure> {
    let is_text = std::env::var_os(name).is_none_or(|value| value.to_str().is_some());
    let value = variable(name);
    let wrong = match &value {
        _ if !is_text => "a byte that is no text",
        Some(value) if value.contains(['\n', '\r']) => "a line break in the middle",
        Some(value) if value.chars().any(char::is_control) => "a control character",
        Some(value) if !value.is_ascii() => "a letter that is not ASCII, perhaps a quotation mark",
        _ => return Ok(value),
    };
    Err(
        Failure::usage(format!("{name} cannot be sent: it holds {wrong}"))
            .hint("it was most likely damaged when it was copied; its value is not shown"),
    )
}

/// A variable as the type that it stands for.
///
/// # Errors
/// When it is set and no such value.
pub(crate) fn parsed<T>(name: &str) -> Result<Option<T>, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    variable(name)
        .map(|text| text.parse())
        .transpose()
        .map_err(|error| Failure::usage(format!("{name}: {error}")))
}

/// Whether a URL holds a user or a password, which belong into no URL.
pub(crate) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
