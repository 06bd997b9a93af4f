//! What came in place of JSON, in words: a proxy or a login answers with a page.

use super::redact::plain;
use crate::untrusted::shortened;

/// How many characters of a page's words are shown.
const SHOWN: usize = 80;

/// Why `body` is not understood, as `error` says where nothing better can be said.
pub(crate) fn not_json(body: &[u8], error: &serde_json::Error) -> String {
    match describe_page(body) {
        Some(page) => format!("{page}; expected JSON"),
        None if body.iter().all(u8::is_ascii_whitespace) => {
            "an empty answer; expected JSON".to_owned()
        }
        None => error.to_string(),
    }
}

/// A page of HTML with its title or first words; `None` if `body` is none.
pub(crate) fn describe_page(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(1 << 16)]);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    // Lowering ASCII moves no byte.
    let lower = text.to_ascii_lowercase();
    let is_page = lower.starts_with("<!doctype html")
        || lower.starts_with("<html")
        || (lower.starts_with('<') && (lower.contains("<html") || lower.contains("<body")));
    if !is_page {
        return None;
    }
    let title = lower.find("<title").and_then(|at| {
        let begin = at + lower[at..].find('>')? + 1;
        let end = begin + lower[begin..].find("</title")?;
        let words: Vec<&str> = text.get(begin..end)?.split_whitespace().collect();
        Some(words.join(" ")).filter(|title| !title.is_empty())
    });
    let title = title.map(|title| format!(" (`{}`)", shortened(&plain(&title), SHOWN)));
    Some(format!(
        "a page of HTML{}, as a proxy or a login gives",
        title.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_by_its_title() {
        for (page, title) in [
            (
                "<html><body>Sign in to the company network</body></html>",
                "",
            ),
            (
                "<!DOCTYPE html>\n<HTML><head><TITLE>\n Zscaler  login</TITLE>",
                " (`Zscaler login`)",
            ),
            (
                "<?xml version=\"1.0\"?><html><title></title><p>No</p></html>",
                "",
            ),
            ("<html><title>\u{1b}[2Jx</title>", " (`\\u{1b}[2Jx`)"),
        ] {
            let said = describe_page(page.as_bytes()).expect(page);
            let expected = format!("a page of HTML{title}, as a proxy or a login gives");
            assert_eq!(said, expected);
        }
        let long = format!("<html><title>{}</title>", "word ".repeat(1_000));
        assert!(describe_page(long.as_bytes()).expect("a page").len() < 200);
    }

    #[test]
    fn what_is_no_page_is_told_by_what_is_wrong_with_it() {
        let error = serde_json::from_slice::<serde_json::Value>(b"{").expect_err("cut short");
        for (body, said) in [
            ("", "an empty answer; expected JSON"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            (
                "<h1>Bad gateway</h1>",
                "EOF while parsing an object at line 1 column 1",
            ),
        ] {
            assert_eq!(not_json(body.as_bytes(), &error), said);
        }
        assert_eq!(
            not_json(b"<html>x", &error),
            "a page of HTML, as a proxy or a login gives; expected JSON"
        );
    }
}
