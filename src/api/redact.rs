//! What must never be shown: the secrets of this process, taken out of text from outside.
//!
//! A service may repeat the token or the secret that it refuses, as it is or encoded. Secrets come
//! from the environment and so belong to the process; they are kept here, once, because a list that
//! had to be handed to everything that shows text would be forgotten somewhere. Takes text and
//! gives text; no decision depends on what it gives.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded::byte_serialize;

use crate::untrusted::shortened;

/// What stands in place of a secret.
const REDACTED: &str = "***";
/// Nothing shorter is a secret: texts of this length stand in ordinary sentences.
const SHORTEST: usize = 8;

/// How many characters of a message from outside are kept.
const MESSAGE_CHARS: usize = 600;
/// How many bytes of it are looked at: enough for a message, however much of it is a secret.
const LOOKED_AT: usize = 1 << 16;

/// Every form of every secret, the longest first.
static FORMS: Mutex<Vec<SecretString>> = Mutex::new(Vec::new());

/// From now on, `secret` is shown nowhere.
pub(crate) fn keep(secret: &SecretString) {
    let mut known = FORMS.lock().unwrap_or_else(PoisonError::into_inner);
    for form in forms(secret.expose_secret().trim()) {
        let is_known = known.iter().any(|other| other.expose_secret() == form);
        if form.len() >= SHORTEST && !is_known {
            known.push(SecretString::from(form));
        }
    }
    known.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
}

/// `text` without our secrets, in one line, harmless, and not longer than a message.
pub(crate) fn plain(text: &str) -> String {
    let text = redact(beginning(text.trim()));
    shortened(&text.replace(['\n', '\r', '\t'], " "), MESSAGE_CHARS)
}

/// As much of `text` as is looked at.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `text` without secrets, nor the beginning of one where the text breaks off.
fn redact(text: &str) -> Cow<'_, str> {
    let known = FORMS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut covered = Cow::Borrowed(text);
    for form in known.iter().map(SecretString::expose_secret) {
        if covered.contains(form) {
            covered = Cow::Owned(covered.replace(form, REDACTED));
        }
        if let Some(at) = begins_at_end(&covered, form) {
            covered = Cow::Owned(format!("{}{REDACTED}", &covered[..at]));
        }
    }
    covered
}

/// Where the text's end is the beginning of `form`.
fn begins_at_end(text: &str, form: &str) -> Option<usize> {
    let longest = form.len().min(text.len());
    (SHORTEST..=longest).rev().find_map(|length| {
        let begin = form.get(..length)?;
        text.ends_with(begin).then(|| text.len() - length)
    })
}

/// A secret as it is, percent-encoded, and as it stands inside something that is base64.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), encoded.to_ascii_lowercase(), encoded];
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        // Characters that the bytes before and after it take part in are not the secret's.
        let (begin, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
            forms.extend(engine.encode(&bytes).get(begin..end).map(ToOwned::to_owned));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "p8e-veiled+unit/secret=7Qx";

    fn covered(text: &str) -> String {
        keep(&SecretString::from(SECRET));
        redact(text).into_owned()
    }

    #[test]
    fn a_secret_is_taken_out_of_any_text() {
        assert_eq!(
            covered(&format!("`{SECRET}` twice: {SECRET}")),
            "`***` twice: ***"
        );
        assert_eq!(covered("an ordinary sentence"), "an ordinary sentence");
    }

    #[test]
    fn so_is_its_percent_encoding_in_capitals_or_not() {
        for text in [
            "id=p8e-veiled%2Bunit%2Fsecret%3D7Qx&",
            "id=p8e-veiled%2bunit%2fsecret%3d7qx&",
        ] {
            assert_eq!(covered(text), "id=***&");
        }
    }

    #[test]
    fn and_base64_wherever_it_begins_in_it() {
        for before in ["", "a", "ab", "abc", "client-id:"] {
            for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
                let text = engine.encode(format!("{before}{SECRET} and more"));
                let shown = covered(&text);
                assert!(shown.contains(REDACTED), "{before}: {shown}");
                assert!(shown.len() < text.len() - 28, "{before}: {shown}");
            }
        }
    }

    #[test]
    fn a_secret_that_breaks_off_at_the_end_is_not_shown_either() {
        for length in SHORTEST..SECRET.len() {
            let text = format!("not valid: {}", &SECRET[..length]);
            assert_eq!(covered(&text), "not valid: ***", "{length}");
        }
        assert_eq!(covered("not valid: p8e-ve"), "not valid: p8e-ve");
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_is_none() {
        keep(&SecretString::from("not"));
        assert_eq!(covered("not valid"), "not valid");
    }
}
