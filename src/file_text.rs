//! From the bytes of a file that a person may have written to its text, and the characters in it that only
//! look like the plain ones.
//!
//! Every such file is read by [`text_of`]: UTF-8, with or without a byte order mark. UTF-16, as an older
//! PowerShell's `>` writes it, is named and not read, since what it holds was often damaged on the way. A
//! word processor or a web page puts other dashes, quotes and blanks in place of those that YAML and JSON
//! know; [`look_alike`] finds them. Nothing here touches the disk.

use std::fmt;

/// A byte order mark.
const MARK: char = '\u{feff}';

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotText {
    /// Two bytes a character.
    #[error("the file is UTF-16, not UTF-8")]
    Utf16,
    /// Something else.
    #[error("the file is not UTF-8: byte {byte:#04x} at offset {at}")]
    NotUtf8 {
        /// The first byte that is none of UTF-8.
        byte: u8,
        /// Where it is.
        at: usize,
        /// On which line, from 1.
        line: usize,
    },
}

impl NotText {
    /// The offset of the first byte that is wrong.
    pub(crate) fn at(self) -> usize {
        match self {
            Self::Utf16 => 0,
            Self::NotUtf8 { at, .. } => at,
        }
    }

    /// The line of the first byte that is wrong, from 1.
    pub(crate) fn line(self) -> usize {
        match self {
            Self::Utf16 => 1,
            Self::NotUtf8 { line, .. } => line,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Utf16 => {
                "save the file as UTF-8; `>` of Windows PowerShell writes UTF-16, `| Out-File \
                 -Encoding utf8 FILE` does not"
            }
            Self::NotUtf8 { .. } => "save the file as UTF-8",
        }
    }
}

/// The text of a file, without its byte order mark.
///
/// # Errors
/// When the bytes are not UTF-8.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, NotText> {
    // Without a mark it is told by its first character, which is ASCII in each of our files.
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] | [1..=0x7f, 0, ..] = bytes {
        return Err(NotText::Utf16);
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        NotText::NotUtf8 {
            byte: bytes[at],
            at,
            line: String::from_utf8_lossy(&bytes[..at]).matches('\n').count() + 1,
        }
    })?;
    Ok(text.strip_prefix(MARK).unwrap_or(text))
}

/// How bytes begin that an editor has written anew, and that should be as this program wrote them.
pub(crate) fn byte_order_mark(bytes: &[u8]) -> Option<&'static str> {
    match text_of(bytes) {
        Err(NotText::Utf16) => Some("UTF-16"),
        _ => bytes
            .starts_with(b"\xef\xbb\xbf")
            .then_some("a byte order mark"),
    }
}

/// A character that looks like a plain one, or like nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LookAlike {
    /// Where it is in the text, in bytes.
    pub(crate) at: usize,
    /// The character.
    pub(crate) character: char,
    name: &'static str,
    /// What it was typed as.
    plain: &'static str,
}

impl LookAlike {
    /// What belongs in its place.
    pub(crate) fn meant(self) -> &'static str {
        match self.plain {
            " " => "a blank",
            "-" => "a hyphen `-`",
            "'" => "a straight quote `'`",
            "\"" => "a straight quote `\"`",
            _ => "nothing",
        }
    }
}

impl fmt::Display for LookAlike {
    /// `an en dash (U+2013)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (U+{:04X})", self.name, u32::from(self.character))
    }
}

/// What `character` is called, and what it was typed as, if it is not a plain one.
fn name_of(character: char) -> Option<(&'static str, &'static str)> {
    Some(match character {
        '\u{2010}' | '\u{2011}' => ("a typographic hyphen", "-"),
        '\u{2012}' | '\u{2013}' => ("an en dash", "-"),
        '\u{2014}' | '\u{2015}' => ("an em dash", "-"),
        '\u{2212}' => ("a minus sign", "-"),
        '\u{2018}'..='\u{201b}' => ("a curly quote", "'"),
        '\u{201c}'..='\u{201f}' => ("a curly quote", "\""),
        '\u{ab}' | '\u{bb}' => ("an angle quote", "\""),
        '\u{a0}' | '\u{202f}' => ("a no-break space", " "),
        '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' => ("a typographic space", " "),
        '\u{ad}' => ("a soft hyphen", ""),
        MARK => ("a byte order mark", ""),
        '\u{200b}'..='\u{200f}' | '\u{2060}' => ("an invisible character", ""),
        _ => return None,
    })
}

/// The first character of `text` that only looks like a plain one.
pub(crate) fn look_alike(text: &str) -> Option<LookAlike> {
    look_alikes(text).next()
}

fn look_alikes(text: &str) -> impl Iterator<Item = LookAlike> {
    // Most texts are ASCII throughout.
    let chars = if text.is_ascii() { "" } else { text }.char_indices();
    chars.filter_map(|(at, character)| {
        let (name, plain) = name_of(character)?;
        Some(LookAlike {
            at,
            character,
            name,
            plain,
        })
    })
}

/// The first one of a line of YAML that stands where the syntax has a mark or a blank: at the beginning of
/// the line or of a value. Elsewhere it may belong to a sentence.
pub(crate) fn look_alike_in_syntax(line: &str) -> Option<LookAlike> {
    look_alikes(line).find(|found| {
        let before = line[..found.at].trim_end();
        before.is_empty() || before.ends_with([':', '-', ',', '[', '{', '?'])
    })
}

/// `text` as it was typed.
pub(crate) fn as_typed(text: &str) -> String {
    let mut typed = String::with_capacity(text.len());
    for character in text.chars() {
        match name_of(character) {
            Some((_, plain)) => typed.push_str(plain),
            None => typed.push(character),
        }
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(text_of(b"\xef\xbb\xbfversion: 1"), Ok("version: 1"));
        assert_eq!(text_of("caf\u{e9}".as_bytes()), Ok("caf\u{e9}"));
        assert_eq!(text_of(b""), Ok(""));
    }

    #[test]
    fn utf_16_is_named_with_and_without_a_mark() {
        let big =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
        let little =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        for text in ["version: 1", "\u{feff}version: 1", "{}"] {
            assert_eq!(text_of(&big(text)), Err(NotText::Utf16), "{text:?}");
            assert_eq!(text_of(&little(text)), Err(NotText::Utf16), "{text:?}");
        }
    }

    #[test]
    fn a_byte_that_is_not_utf_8_is_named_with_its_line() {
        let error = text_of(b"version: 1\nname: caf\xe9\n").expect_err("Latin-1");
        assert_eq!(error.line(), 2);
        let said = "the file is not UTF-8: byte 0xe9 at offset 20";
        assert_eq!(error.to_string(), said);
    }

    #[test]
    fn a_character_that_looks_like_another_is_named_with_its_place() {
        for (text, said, typed) in [
            ("2022\u{2013}01", "an en dash (U+2013)", "2022-01"),
            ("+\u{2212}2", "a minus sign (U+2212)", "+-2"),
            ("\u{201c}x\u{201d}", "a curly quote (U+201C)", "\"x\""),
            ("it\u{2019}s", "a curly quote (U+2019)", "it's"),
            ("a:\u{a0}b", "a no-break space (U+00A0)", "a: b"),
            ("a\u{200b}b", "an invisible character (U+200B)", "ab"),
        ] {
            let found = look_alike(text).expect(text);
            assert_eq!(found.to_string(), said);
            assert!(text[found.at..].starts_with(found.character), "{text}");
            assert_eq!(as_typed(text), typed);
        }
        assert_eq!(look_alike("caf\u{e9} \u{65e5}\u{672c}"), None);
    }

    #[test]
    fn what_stands_in_a_sentence_is_no_syntax() {
        for line in [
            "  \u{2013} from: 2022-01-01",
            "sandbox:\u{a0}prod",
            "  - \u{201c}2022-01-01\u{201d}",
            "\u{a0} runs:",
        ] {
            assert!(look_alike_in_syntax(line).is_some(), "{line}");
        }
        for line in ["reason: don\u{2019}t \u{2013} yet", "# \u{201c}x\u{201d}"] {
            assert_eq!(look_alike_in_syntax(line), None, "{line}");
        }
    }
}
