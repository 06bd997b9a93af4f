//! Reads a YAML text into a serde type: for the config and the emulator's scenarios.
//!
//! Unknown fields are refused if the type says `deny_unknown_fields`, duplicate keys always.
//! The first error ends it; it knows its place and shows the lines around it.

use serde::de::DeserializeOwned;
use serde_saphyr::Error;
pub(crate) use serde_saphyr::Spanned;

use super::{Span, parse};
use crate::manifest::problem::Problems;
use crate::manifest::render::plain_excerpt;
use crate::untrusted::harmless;

/// Why a YAML text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", harmless(.message), .shown)]
pub struct YamlError {
    message: String,
    position: Option<(u32, u32)>,
    /// The lines around it, or the file's name.
    shown: String,
}

impl YamlError {
    /// The line and the column, from 1, where the error is.
    #[must_use]
    pub fn position(&self) -> Option<(u32, u32)> {
        self.position
    }

    /// What is wrong, without file and place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Reads the one document of `text` as a `T`; `name` is the file's name in errors.
///
/// # Errors
/// When the text is not YAML, has a key twice, or does not fit `T`.
pub fn read_yaml<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, YamlError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: 1_000_000, max_events: 4_000_000 },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let (message, span) = malformed(name, text).unwrap_or_else(|| {
            let span = error.location().as_ref().map(span_of);
            (describe(&error), span)
        });
        let shown = span.map(|span| format!("\n{}", plain_excerpt(name, span, text)));
        YamlError {
            message,
            position: span.map(|Span { line, column, .. }| (line, column)),
            shown: shown.unwrap_or_else(|| format!(", in {}", harmless(name))),
        }
    })
}

/// The line and the column, from 1, of a value that was read.
pub(crate) fn position_of<T>(value: &Spanned<T>) -> (u32, u32) {
    let Span { line, column, .. } = span_of(&value.referenced);
    (line, column)
}

fn span_of(at: &serde_saphyr::Location) -> Span {
    let bytes = at.span();
    let start = u32::try_from(bytes.byte_offset().unwrap_or(0)).unwrap_or(u32::MAX);
    let length = u32::try_from(bytes.byte_len().unwrap_or(0)).unwrap_or(0);
    Span {
        start,
        end: start.saturating_add(length),
        line: u32::try_from(at.line()).unwrap_or(u32::MAX),
        column: u32::try_from(at.column()).unwrap_or(u32::MAX),
    }
}

/// What is wrong with the text as YAML, whatever its type: as of a manifest it would be said.
fn malformed(name: &str, text: &str) -> Option<(String, Option<Span>)> {
    let mut problems = Problems::default();
    problems.next_file(&name.into());
    parse(text, &mut problems);
    let problem = problems.sorted().0.into_iter().next()?;
    let hint = problem.hint.map(|hint| format!(": {hint}"));
    let message = problem.message + &hint.unwrap_or_default();
    Some((message, Some(problem.place.span)))
}

/// What does not fit the type, in our words: the library's are for those who call it.
fn describe(error: &Error) -> String {
    let expected = |what: &str| format!("expected {}", kind(what));
    match error {
        Error::AliasError { error, .. } => describe(error),
        Error::Message { msg, .. } => msg.trim_end().to_owned(),
        Error::Eof { .. } => "the file is empty".to_owned(),
        Error::MultipleDocuments { .. } => {
            "a second document begins here, and one is read".to_owned()
        }
        Error::NullIntoString { .. } => "a value is missing".to_owned(),
        Error::InvalidBooleanStrict { .. } => expected("boolean"),
        Error::InvalidScalar { ty, .. } => expected(ty),
        Error::Unexpected { expected: what, .. } => expected(what),
        Error::SerdeInvalidType { expected: what, .. }
        | Error::SerdeInvalidValue { expected: what, .. }
        | Error::SerdeInvalidLength { expected: what, .. } => expected(what),
        Error::SerdeUnknownVariant {
            variant,
            expected: known,
            ..
        } => format!("`{variant}` is not known here, expected {}", any(known)),
        Error::SerdeUnknownField {
            field,
            expected: known,
            ..
        } => format!("unknown field `{field}`, expected {}", any(known)),
        Error::SerdeMissingField { field, .. } => format!("the field `{field}` is missing"),
        _ => "this cannot be read here".to_owned(),
    }
}

/// One of these names.
fn any(names: &[&str]) -> String {
    match names {
        [name] => format!("`{name}`"),
        names => format!("one of {}", names.join(", ")),
    }
}

/// A kind of value, as the library or serde names it, in the words of a user.
fn kind(what: &str) -> &str {
    let is = |words: &[&str]| words.iter().any(|word| what.contains(word));
    match what {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        _ if is(&["nonzero"]) => "a whole number, 1 or more",
        _ if is(&["integer"]) => "a whole number",
        _ if is(&["f64", "float"]) => "a number",
        _ if is(&["bool"]) => "true or false",
        _ if is(&["map", "struct"]) => "fields, each as `name: value`",
        _ if is(&["sequence"]) => "a list",
        _ if is(&["scalar", "string", "value", "enum"]) => "a single value",
        what => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct YamlLimits {
        rate: String,
        per_flow: Option<u32>,
    }

    #[test]
    fn an_unknown_field_is_shown_at_its_place() {
        let error = read_yaml::<YamlLimits>("backfill.yaml", "rate: 5/s\nperFlw: 1\n")
            .expect_err("perFlw is not a field");
        assert_eq!(error.position(), Some((2, 1)));
        insta::assert_snapshot!(error, @"
        unknown field `perFlw`, expected one of rate, perFlow
         --> backfill.yaml:2:1
          |
        1 | rate: 5/s
        2 | perFlw: 1
          | ^^^^^^
        ");
    }

    #[test]
    fn a_key_written_twice_is_refused() {
        let error = read_yaml::<YamlLimits>("backfill.yaml", "rate: 5/s\nrate: 6/s\n")
            .expect_err("rate stands twice");
        assert_eq!(error.position(), Some((2, 1)));
        assert_eq!(
            error.message(),
            "`rate` is written twice in one mapping: keep one of the two"
        );
    }

    #[test]
    fn no_error_speaks_of_the_library_or_of_types() {
        for (text, message) in [
            ("", "the file is empty"),
            ("- 1\n", "expected fields, each as `name: value`"),
            ("limits\n", "expected fields, each as `name: value`"),
            ("rate:\n", "a value is missing"),
            ("rate: [1]\n", "expected a single value"),
            (
                "rate: 5/s\nperFlow: many\n",
                "expected a whole number, 0 or more",
            ),
            (
                "rate: 5/s\nperFlow: -1\n",
                "expected a whole number, 0 or more",
            ),
            ("rate: 5/s\nperFlow: { a: 1 }\n", "expected a single value"),
            ("perFlow: 1\n", "the field `rate` is missing"),
            (
                "rate: 5/s\n---\nrate: 6/s\n",
                "a second document begins here, and one is read",
            ),
            (
                "rate: *gone\n",
                "no anchor `&gone`: an anchor must come before its alias, in the same document",
            ),
            (
                "rate: [5\n",
                "not valid YAML: unclosed bracket '[': it opens here and is never closed",
            ),
        ] {
            let error = read_yaml::<YamlLimits>("x.yaml", text).expect_err(text);
            assert_eq!(error.message(), message, "{text:?}");
        }
    }

    #[test]
    fn a_wrong_type_and_broken_yaml_are_shown_at_their_places() {
        for (text, line) in [
            ("rate: 5/s\nperFlow: many\n", 2),
            ("rate: [5\n", 2),
            ("rate: 5/s\n---\nrate: 6/s\n", 3),
        ] {
            let error = read_yaml::<YamlLimits>("x.yaml", text).expect_err(text);
            let (at, _) = error.position().expect("a place");
            assert!(at.abs_diff(line) <= 1, "{text:?}: line {at}: {error}");
        }
    }
}
