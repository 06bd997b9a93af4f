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

/// The first tab that indents the line of `span` or the one after it, where the parser may have
/// begun to read what it then could not.
pub(super) fn tab_in_indent(text: &str, span: Span) -> Option<Span> {
    let (before, _) = text.split_at_checked(span.start as usize)?;
    let mut from = before.rfind('\n').map_or(0, |newline| newline + 1);
    for line_number in [span.line, span.line + 1] {
        let line = &text[from..];
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(at) = line[..indent].find('\t') {
            return Some(Span {
                start: offset(from + at),
                end: offset(from + at + 1),
                line: line_number,
                column: offset(at + 1),
            });
        }
        from += line.find('\n')? + 1;
    }
    None
}

/// What only looks like a sign of YAML's in the line of `span` or the one before it, where a value may have
/// begun that the parser then could not read.
pub(super) fn look_alike_near(text: &str, span: Span) -> Option<(Span, LookAlike)> {
    let (before, _) = text.split_at_checked(span.start as usize)?;
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let previous = before[..line.saturating_sub(1)].rfind('\n');
    let previous = previous.map_or(0, |newline| newline + 1);
    [(line, span.line), (previous, span.line.saturating_sub(1))]
        .into_iter()
        .find_map(|(from, number)| {
            let line = text[from..].lines().next()?;
            let found = look_alike_in_syntax(line)?;
            let whole = Span {
                start: offset(from),
                end: offset(from),
                line: number.max(1),
                column: 1,
            };
            let place = within(whole, line, found.at, found.character.len_utf8());
            Some((place, found))
        })
}
