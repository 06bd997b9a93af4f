//! Text that was not written here: what a service, a manifest or another program says.
//!
//! Shown as it is, it could move a terminal's cursor, hide or reorder what is beside it, or give
//! the runner of a GitHub workflow a command. [`Untrusted`] shows it harmless; the text itself is
//! there for comparing and for storing. This is the only place that knows what is harmless.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// Text from outside. Its `Display` can do nothing but show it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub struct Untrusted(Arc<str>);

impl Untrusted {
    /// The text as it came: to compare and to store, never to show.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&harmless(&self.0))
    }
}

/// As it came.
impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl PartialEq<str> for Untrusted {
    fn eq(&self, other: &str) -> bool {
        self.raw() == other
    }
}

impl PartialEq<&str> for Untrusted {
    fn eq(&self, other: &&str) -> bool {
        self.raw() == *other
    }
}

/// Whether `c` can act on a terminal or a log. Marks that reorder or hide text are as bad as
/// control characters: the soft hyphen, Arabic's letter mark, Mongolian's vowel separator, what has
/// no width, what sets a direction, annotations, and the tags, which nobody sees.
pub(crate) fn can_act(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` in which everything that could act on a terminal, a log or the runner of a workflow is
/// spelled out. What is harmless stays as it is, so doing it twice does no more.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let text = disarmed(text);
    if !text.contains(can_act) {
        return text;
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if can_act(c) {
            spelled.extend(c.escape_default());
        } else {
            spelled.push(c);
        }
    }
    Cow::Owned(spelled)
}

/// The first `most` characters of `text`, harmless; `…` tells that there are more.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => harmless(text).into_owned(),
        Some((end, _)) => format!("{}…", harmless(&text[..end])),
    }
}

/// The same of a value as it is shown.
#[must_use]
pub(crate) fn plain(text: &(impl fmt::Display + ?Sized), most: usize) -> String {
    shortened(&text.to_string(), most)
}

/// `text` in which nothing is a command to what reads the log of a job: the runner of a GitHub workflow
/// obeys a line that begins with `::NAME` after blanks, and one that holds `##[NAME` anywhere; the agent
/// of Azure Pipelines one that holds `##vso[NAME` anywhere.
fn disarmed(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut disarmed = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        let names = |mark: &str| {
            let name = rest.strip_prefix(mark).and_then(|rest| rest.chars().next());
            name.is_some_and(|c| c.is_ascii_alphabetic())
        };
        // A sentence may be broken into lines later, at any blank.
        let is_command = match c {
            ':' => !before.is_alphanumeric() && names("::"),
            '#' => names("##[") || names("##vso["),
            _ => false,
        };
        if is_command {
            disarmed.extend(c.escape_unicode());
        } else {
            disarmed.push(c);
        }
        before = c;
    }
    Cow::Owned(disarmed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_a_command_to_a_workflow_and_what_only_looks_like_one_stays() {
        for (text, shown) in [
            ("::error::x", r"\u{3a}:error::x"),
            (" a ::add-mask::b", r" a \u{3a}:add-mask::b"),
            ("(::debug::)", r"(\u{3a}:debug::)"),
            ("x##[error]y", r"x\u{23}#[error]y"),
            ("x##vso[task.complete]y", r"x\u{23}#vso[task.complete]y"),
        ] {
            assert_eq!(harmless(text), shown);
        }
        for text in [
            "std::fmt::Error",
            "[::1]:443",
            "a :: b",
            "##[1]",
            "##vso x",
            "#[x]",
        ] {
            assert_eq!(harmless(text), text);
        }
    }

    #[test]
    fn what_hides_or_reorders_is_spelled_out() {
        for c in [
            '\u{1b}',
            '\r',
            '\n',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200f}',
            '\u{2028}',
            '\u{202e}',
            '\u{2066}',
            '\u{206f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{e0001}',
            '\u{e0074}',
        ] {
            let text = Untrusted::from(format!("a{c}b"));
            assert_eq!(text.to_string(), format!("a{}b", c.escape_default()));
            assert_eq!(text.raw(), format!("a{c}b"));
        }
        assert_eq!(
            Untrusted::from("Mañana 日本 🦀").to_string(),
            "Mañana 日本 🦀"
        );
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(shortened("abcdef", 3), "abc…");
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("ñ\u{7}é", 2), "ñ\\u{7}…");
    }

    #[test]
    fn it_is_stored_as_it_came() {
        let text = Untrusted::from("a\u{1b}b");
        let stored = serde_json::to_string(&text).expect("JSON");
        assert_eq!(stored, r#""a\u001bb""#);
        assert_eq!(
            serde_json::from_str::<Untrusted>(&stored).expect("JSON"),
            text
        );
    }

    proptest! {
        #[test]
        fn whatever_came_nothing_acts_and_harmless_text_stays(text in any::<String>()) {
            let shown = harmless(&text);
            prop_assert!(!shown.contains(can_act));
            prop_assert_eq!(harmless(&shown), &*shown);
        }
    }
}
