//! YAML with positions: the only place that knows which library reads it.
//!
//! Two readers for two needs. `parse` turns a manifest into a tree of [`Node`]s in which every
//! value and every key keeps its place, so that all problems of a document can be told at once;
//! it is composed from the parser's events, because a typed reader stops at its first error.
//! [`read_yaml`] fills a serde type, for files that are small and of which one error is enough.
//! Neither touches the disk.

mod compose;
mod syntax;
mod typed;

use std::borrow::Cow;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

pub(super) use compose::{parse, span_at};
pub(crate) use typed::{Spanned, position_of};
pub use typed::{YamlError, read_yaml};

/// Where something stands in a text: a half-open byte range, and the line and column of its
/// first character, both counted from 1.
///
/// Ordered by position.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last; `start` when it stands between two characters.
    pub end: u32,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// The span of `length` bytes from byte `at` of `written`, which stands at `whole`.
pub(super) fn within(whole: Span, written: &str, at: usize, length: usize) -> Span {
    let before = &written[..at];
    let (column, line_start) = match before.rfind('\n') {
        Some(newline) => (1, newline + 1),
        None => (whole.column, 0),
    };
    let start = whole.start.saturating_add(offset(at));
    Span {
        start,
        end: start.saturating_add(offset(length)),
        line: whole.line + offset(before.matches('\n').count()),
        column: column + offset(before[line_start..].chars().count()),
    }
}

/// Texts are smaller than 4 GiB: larger files are refused before they are read.
fn offset(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A value of a document and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) value: Value<'a>,
    /// Where the value is written; behind an alias, where its anchor is.
    pub(super) span: Span,
    /// Where the alias stands through which the value came here.
    alias: Option<Box<Span>>,
}

impl Node<'_> {
    /// Where the value is used: at its alias, if it came through one.
    pub(super) fn used_at(&self) -> Span {
        self.alias.as_deref().copied().unwrap_or(self.span)
    }
}

/// What a value is. Collections are shared, so that an alias costs nothing.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Scalar(Scalar<'a>),
    Sequence(Rc<Vec<Node<'a>>>),
    Mapping(Rc<Vec<MapEntry<'a>>>),
    /// Something that could not be read, and was reported.
    Unreadable,
}

/// A field of a mapping.
#[derive(Debug, Clone)]
pub(super) struct MapEntry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) key_span: Span,
    pub(super) node: Node<'a>,
}

/// A scalar as it is spelled: what it means is decided where it is used, so that `0755` or
/// `16515859567` are never rounded through a number on their way to a message.
#[derive(Debug, Clone)]
pub(super) struct Scalar<'a> {
    pub(super) text: Cow<'a, str>,
    /// Neither quoted, nor a block, nor tagged `!!str`.
    plain: bool,
}

/// What YAML's core schema takes a scalar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    Null,
    Bool,
    Integer,
    Float,
    Text,
}

impl Scalar<'_> {
    /// Resolves the scalar as YAML 1.2's core schema does.
    pub(super) fn kind(&self) -> NodeKind {
        if !self.plain {
            return NodeKind::Text;
        }
        match self.text.as_ref() {
            "" | "~" | "null" | "Null" | "NULL" => NodeKind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => NodeKind::Bool,
            text if is_integer(text) => NodeKind::Integer,
            text if is_float(text) => NodeKind::Float,
            _ => NodeKind::Text,
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let of = |prefix: &str, is_digit: fn(&u8) -> bool| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.as_bytes().iter().all(is_digit))
    };
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        || of("0x", u8::is_ascii_hexdigit)
        || of("0o", |b| (b'0'..=b'7').contains(b))
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => true,
        ".nan" | ".NaN" | ".NAN" => unsigned.len() == text.len(),
        // Only what begins as a number does; `f64` also reads `inf` and `nan`.
        _ => {
            unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && unsigned.parse::<f64>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str, plain: bool) -> NodeKind {
        Scalar {
            text: text.into(),
            plain,
        }
        .kind()
    }

    #[test]
    fn plain_scalars_resolve_by_the_core_schema() {
        assert_eq!(kind("", true), NodeKind::Null);
        assert_eq!(kind("~", true), NodeKind::Null);
        assert_eq!(kind("True", true), NodeKind::Bool);
        for text in ["1", "-1", "0755", "0x1f", "0o17", "16515859567"] {
            assert_eq!(kind(text, true), NodeKind::Integer, "{text}");
        }
        for text in ["1.5", "1e9", ".5", "-.inf", ".nan"] {
            assert_eq!(kind(text, true), NodeKind::Float, "{text}");
        }
        for text in ["yes", "inf", "2022-01-01", "1_000", "0x", "-", "."] {
            assert_eq!(kind(text, true), NodeKind::Text, "{text}");
        }
    }

    #[test]
    fn what_is_quoted_is_text() {
        for text in ["", "1", "true", "null"] {
            assert_eq!(kind(text, false), NodeKind::Text, "{text}");
        }
    }
}
