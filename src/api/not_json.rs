//! What came in place of JSON, in words: a proxy or a login answers with a page.

use super::redact::plain;

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
        text.get(begin..end)
    });
    let words = match title.map(words) {
        Some(title) if !title.is_empty() => title,
        _ => words(&without_tags(text)),
    };
    Some(if words.is_empty() {
        "a page of HTML, as a proxy or a login gives".to_owned()
    } else {
        format!(
            "a page of HTML (`{}`), as a proxy or a login gives",
            plain(&words)
        )
    })
}

/// The first words, one blank between them.
fn words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What a reader would see: no tags, no scripts, no styles.
fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        text.push(' ');
        let tag = &rest[open..];
        let lower: String = tag.chars().take(8).collect::<String>().to_ascii_lowercase();
        let end = ["script", "style"]
            .iter()
            .find(|name| lower[1..].starts_with(**name))
            .and_then(|name| tag.to_ascii_lowercase().find(&format!("</{name}")));
        let from = &tag[end.unwrap_or(0)..];
        let Some(close) = from.find('>') else {
            return text;
        };
        rest = &from[close + 1..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_by_its_title_or_its_first_words() {
        for (page, words) in [
            (
                "<html><body>Sign in to the company network</body></html>",
                "Sign in to the company network",
            ),
            (
                "<!DOCTYPE html>\n<HTML><head><TITLE>\n Zscaler  login</TITLE>",
                "Zscaler login",
            ),
            (
                "\u{feff} <html><script>var a = '<b>';</script><h1>Blocked</h1>",
                "Blocked",
            ),
            (
                "<?xml version=\"1.0\"?><html><title></title><p>No</p></html>",
                "No",
            ),
            ("<html><body>\u{1b}[2Jx</body>", "\\u{1b}[2Jx"),
        ] {
            let said = describe_page(page.as_bytes()).expect(page);
            assert_eq!(
                said,
                format!("a page of HTML (`{words}`), as a proxy or a login gives")
            );
        }
        let long = format!("<html>{}", "word ".repeat(1_000));
        assert!(describe_page(long.as_bytes()).expect("a page").len() < 200);
        let empty = describe_page(b"<html></html>").expect("a page");
        assert_eq!(empty, "a page of HTML, as a proxy or a login gives");
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
            "a page of HTML (`x`), as a proxy or a login gives; expected JSON"
        );
    }
}
