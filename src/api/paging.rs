//! A page of a list of runs, and from it to the next: an address is parsed, never cut at a
//! character.

use serde_json::Value;
use url::Url;

use super::{ApiError, FlowRun};

/// No token is longer than this: a request that names it must still be one.
const LONGEST_TOKEN: usize = 8 << 10;

/// One page of a list of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its runs, in the service's order.
    pub runs: Vec<FlowRun>,
    /// The `continuationToken` that asks for the page after it; `None` on the last.
    pub next: Option<String>,
}

impl Page {
    /// Reads a page: whole, or not at all.
    ///
    /// # Errors
    /// When it has no list, a run in it has no usable id, or there is no telling whether another
    /// page follows, or which.
    pub fn read(body: &Value) -> Result<Self, ApiError> {
        let items = body
            .get("items")
            .and_then(Value::as_array)
            .ok_or_else(|| ApiError::NotUnderstood("a list without `items`".to_owned()))?;
        let runs = items
            .iter()
            .map(FlowRun::read)
            .collect::<Option<_>>()
            .ok_or_else(|| ApiError::NotUnderstood("a run without ids".to_owned()))?;
        let next = next_token(body)?;
        Ok(Self { runs, next })
    }
}

/// `_links.next.href`, else a top-level `continuationToken`; `None` on the last page.
///
/// # Errors
/// When there is a next page and no telling which.
fn next_token(page: &Value) -> Result<Option<String>, ApiError> {
    match token(page)? {
        Some(token) if token.len() > LONGEST_TOKEN => Err(ApiError::NotUnderstood(
            "a next page whose continuationToken is too long".to_owned(),
        )),
        token => Ok(token),
    }
}

fn token(page: &Value) -> Result<Option<String>, ApiError> {
    if let Some(next) = page.pointer("/_links/next").filter(|next| !next.is_null()) {
        let href = next
            .get("href")
            .and_then(Value::as_str)
            .ok_or_else(|| ApiError::NotUnderstood("a next page without an address".to_owned()))?;
        // Relative to the service; only its query matters.
        let base = Url::parse("http://relative.invalid").expect("a constant URL");
        return base
            .join(href)
            .ok()
            .and_then(|url| {
                url.query_pairs()
                    .find(|(name, _)| name == "continuationToken")
                    // A bare `+` reads as a space, which no token holds.
                    .map(|(_, token)| token.replace(' ', "+"))
            })
            .map(Some)
            .ok_or_else(|| {
                ApiError::NotUnderstood("a next page without a continuationToken".to_owned())
            });
    }
    match page.get("continuationToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok((!token.is_empty()).then(|| token.clone())),
        Some(_) => Err(ApiError::NotUnderstood(
            "a continuationToken that is not a text".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_continuation_token_is_read_whole_wherever_it_stands() {
        let page = |href: &str| json!({"items": [], "_links": {"next": {"href": href}}});
        for href in [
            "/runs?continuationToken=a%2Bb%2Fc%3D%3D",
            "/runs?continuationToken=a+b/c==",
            "/runs?property=flowId%3D%3Dx&continuationToken=a%2Bb%2Fc==&limit=100",
            "https://platform.adobe.io/data/foundation/flowservice/runs?continuationToken=a%2Bb/c%3D=",
        ] {
            let token = next_token(&page(href)).expect("it has a token");
            assert_eq!(token.as_deref(), Some("a+b/c=="), "{href}");
        }
        let top = json!({"items": [], "continuationToken": "a+b"});
        assert_eq!(
            next_token(&top).expect("it has one").as_deref(),
            Some("a+b")
        );
    }

    #[test]
    fn the_last_page_has_no_links_or_empty_ones() {
        for page in [json!({"items": []}), json!({"items": [], "_links": {}})] {
            assert!(matches!(next_token(&page), Ok(None)));
        }
        for odd in [
            json!({"_links": {"next": {"href": "/runs?start=3"}}}),
            json!({"_links": {"next": "/runs?continuationToken=a"}}),
            json!({"_links": {"next": {}}}),
            json!({"continuationToken": "x".repeat(LONGEST_TOKEN + 1)}),
            json!({"continuationToken": 3}),
            json!({"continuationToken": {}}),
        ] {
            let token = next_token(&odd);
            assert!(token.is_err(), "half a list passes for a whole one: {odd}");
        }
    }
}
