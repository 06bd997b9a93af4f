//! Long sentences in lines, and how wide a line may be.

/// How many columns `term` has now; `None` where it is no terminal, or one that does not say.
#[must_use]
pub(crate) fn columns(term: &console::Term) -> Option<usize> {
    let (_, columns) = term.size_checked()?;
    (columns > 0).then(|| columns.into())
}

/// `text` in lines of at most `width` characters, broken at blanks; the second line and those
/// after it begin with `indent`. A word that is longer stays whole.
#[must_use]
pub(crate) fn wrap(text: &str, indent: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    let mut begin = "";
    loop {
        let room = width.saturating_sub(begin.chars().count());
        let Some(at) = break_at(rest, room) else {
            lines.push(format!("{begin}{rest}"));
            return lines;
        };
        lines.push(format!("{begin}{}", rest[..at].trim_end()));
        rest = rest[at..].trim_start();
        begin = indent;
    }
}

/// A line as lines of at most `columns`; those after the first stand under it, further in.
#[must_use]
pub(crate) fn fold(line: &str, columns: usize) -> Vec<String> {
    if console::measure_text_width(line) <= columns {
        return vec![line.to_owned()];
    }
    let depth = line.len() - line.trim_start().len();
    wrap(line, &" ".repeat(depth + 2), columns)
}

/// A line as lines that are no wider than `term`, if it is a terminal.
pub(crate) fn fitting(term: &console::Term, line: &str) -> Vec<String> {
    fold(line, columns(term).unwrap_or(usize::MAX))
}

/// The blank at which a text of more than `room` characters is broken: the last that leaves no
/// more than these, else the first.
fn break_at(text: &str, room: usize) -> Option<usize> {
    let end = text.char_indices().nth(room).map(|(at, _)| at)?;
    let first_word = text.len() - text.trim_start().len();
    let within = text[first_word..].match_indices(' ');
    let mut blanks = within
        .map(|(at, _)| first_word + at)
        .filter(|at| !text[*at..].trim().is_empty());
    let mut best = None;
    for at in blanks.by_ref() {
        if at > end && best.is_some() {
            break;
        }
        best = Some(at);
        if at > end {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_broken_at_blanks() {
        assert_eq!(wrap("aa bb cc", "", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aa bb cc", "  ", 5), ["aa bb", "  cc"]);
        assert_eq!(wrap("aa bb", "", 5), ["aa bb"]);
        assert_eq!(wrap("", "", 5), [""]);
    }

    #[test]
    fn a_long_word_stays_whole_and_an_indent_is_no_word() {
        assert_eq!(wrap("a bbbbbbbb c", "", 4), ["a", "bbbbbbbb", "c"]);
        assert_eq!(wrap("  bbbbbbbb c", "  ", 4), ["  bbbbbbbb", "  c"]);
        assert_eq!(wrap("ééé ééé", "", 3), ["ééé", "ééé"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_broken_at_blanks_and_goes_on_further_in() {
        assert_eq!(fold("  one two", 9), ["  one two"]);
        assert_eq!(
            fold("  one two three-and-four five", 12),
            ["  one two", "    three-and-four", "    five"]
        );
        let red = console::style("one two").red().force_styling(true);
        assert_eq!(fold(&red.to_string(), 7), [red.to_string()]);
    }
}
