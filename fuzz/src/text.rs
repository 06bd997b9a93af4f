//! What must hold of any text from outside once it is fit to be shown.

/// The most characters that text from outside may take: 600 are kept of it, and the longest way to
/// spell out one that could act is `\u{e007f}`.
pub const MOST: usize = 600 * 9 + 1;

/// Fails where `text` could act on a terminal, a log or the runner of a workflow, or has more than
/// `most` characters.
pub fn assert_harmless(text: &str, most: usize) {
    let length = text.chars().count();
    assert!(length <= most, "{length} characters are shown");
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        assert!(!c.is_control(), "a control character is shown: {text:?}");
        assert!(
            !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'),
            "a mark that reorders or hides text is shown: {text:?}"
        );
        let names = |mark: &str| {
            let name = text[at..].strip_prefix(mark);
            name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        };
        assert!(
            !names("##[") && (before.is_alphanumeric() || before == ':' || !names("::")),
            "a workflow command is shown: {text:?}"
        );
        before = c;
    }
}
