//! What a syntax error is about: the parser says what it met, not what went wrong.

use super::{Span, offset, within};
use crate::file_text::{LookAlike, look_alike_in_syntax};

/// What to do about an error of this kind.
pub(super) fn hint(kind: &str) -> Option<&'static str> {
    let hints = [
        ("quote", "it begins here; put the same quote at its end"),
        ("flow mapping", "is a `{` before this left open?"),
        ("flow sequence", "is a `[` before this left open?"),
        ("bracket", "it opens here and is never closed"),
        (
            "mapping values are not allowed",
            "a text with `: ` in it needs quotes",
        ),
        (
            "block",
            "is this line indented exactly as the others beside it?",
        ),
        ("unexpected character", "put the text in quotes"),
        (
            "simple key",
            "a field is followed by a colon and a blank: `source: file`",
        ),
        ("nest", "a manifest needs four levels"),
    ];
    let hint = hints.iter().find(|(part, _)| kind.contains(part));
    hint.map(|(_, hint)| *hint)
}

/// The line of `span`, the one after it and the one before it, each with where it begins: the parser may
/// have begun to read before or after what it then could not.
fn lines_near(text: &str, span: Span) -> impl Iterator<Item = (Span, &str)> {
    let before = text.get(..span.start as usize).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let previous = before[..line.saturating_sub(1)].rfind('\n');
    let next = text[line..].find('\n').map_or(text.len(), |n| line + n + 1);
    let lines = [
        (line, span.line),
        (next, span.line + 1),
        (previous.map_or(0, |n| n + 1), span.line.saturating_sub(1)),
    ];
    lines.into_iter().map(move |(from, number)| {
        let place = Span {
            start: offset(from),
            end: offset(from),
            line: number.max(1),
            column: 1,
        };
        (place, text[from..].lines().next().unwrap_or_default())
    })
}

/// A tab that indents a line.
pub(super) fn tab_in_indent(text: &str, span: Span) -> Option<Span> {
    lines_near(text, span).find_map(|(place, line)| {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line[..indent].find('\t')?;
        Some(within(place, line, tab, 1))
    })
}

/// What only looks like a sign of YAML's.
pub(super) fn look_alike_near(text: &str, span: Span) -> Option<(Span, LookAlike)> {
    lines_near(text, span).find_map(|(place, line)| {
        let found = look_alike_in_syntax(line)?;
        let place = within(place, line, found.at, found.character.len_utf8());
        Some((place, found))
    })
}
