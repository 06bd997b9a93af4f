//! Lists: `property=` filters, and pages that hold still.
//!
//! A filter is `path==a,b` (one of several) or `path>=a`, as Adobe's "Filter flows and runs" page
//! shows them: what this program and aepp send; any other is refused with Adobe's code. A
//! continuation token carries the whole query, the moment of the first page and how many items were
//! given, so that what is inserted meanwhile moves nothing.
//!
//! aepp, the Python client that Adobe's users have, works in production, so what it sends and needs
//! is what Adobe takes and gives (read in its version 0.6): `count=False` in Python's spelling
//! beside `limit`, the first query again with every token, and a link whose first `=` is the one
//! before the token, which ends where the link ends and needs no percent-encoding. A scenario can
//! ask for harsher tokens ([`PageTokens::Encoded`]), so that a client which does not read the link
//! as a URL fails here and not at Adobe.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::call::AuthorizedCall;
use super::clock::Millis;
use super::reply::Reply;
use super::scenario::PageTokens;

/// A list query, checked.
#[derive(Debug)]
pub(super) struct ListQuery {
    filters: Vec<Filter>,
    pub(super) cursor: Cursor,
    page_tokens: PageTokens,
}

/// Where a page begins, and all that makes its list: the content of a continuation token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    /// What is listed: the last segment of the path.
    path: String,
    sandbox: String,
    property: Vec<String>,
    limit: usize,
    /// The moment of the first page.
    pub(super) as_of: Millis,
    /// How many runs existed then: two may share a millisecond.
    pub(super) ceiling: usize,
    /// How many items the pages before it had.
    pub(super) offset: usize,
}

impl ListQuery {
    /// Reads the query of a call for the list at `path`; a continuation token in it decides what is
    /// not said anew.
    pub(super) fn read(call: &AuthorizedCall, path: &str) -> Result<Self, Reply> {
        let scenario = &call.state.scenario;
        let most = scenario.page_size_max.get();
        let mut property = Vec::new();
        let (mut limit, mut token) = (None, None);
        for (name, value) in form_urlencoded::parse(call.request.query.as_bytes()) {
            match &*name {
                "property" => property.push(value.into_owned()),
                "limit" => {
                    let number = value.parse().ok().filter(|limit| *limit > 0);
                    let number: usize = number.ok_or_else(|| {
                        let message = format!("limit `{value}` is not a number from 1 to {most}.");
                        Reply::bad_request(1452, &message)
                    })?;
                    limit = Some(number.min(most));
                }
                "count" if value.eq_ignore_ascii_case("false") => {}
                "continuationToken" => token = Some(value.into_owned()),
                _ => return Err(Reply::bad_request(1451, &format!("Invalid params {name}"))),
            }
        }
        let mut cursor = Cursor {
            path: path.to_owned(),
            sandbox: call.caller.sandbox.to_string(),
            property,
            limit: most,
            as_of: call.now,
            ceiling: call.state.run_count(),
            offset: 0,
        };
        if let Some(token) = token {
            let known = Cursor::from_token(&token, scenario.page_tokens);
            let is_ours = |known: &Cursor| {
                (&known.path, &known.sandbox) == (&cursor.path, &cursor.sandbox)
                    && (cursor.property.is_empty() || cursor.property == known.property)
            };
            cursor = known.filter(is_ours).ok_or_else(|| {
                let message =
                    format!("The continuationToken {token} does not belong to this list.");
                Reply::invented(StatusCode::BAD_REQUEST, 9007, &message)
            })?;
        }
        cursor.limit = limit.unwrap_or(cursor.limit);
        let filters = cursor.property.iter().map(|text| Filter::read(text));
        Ok(Self {
            filters: filters.collect::<Result<_, _>>()?,
            cursor,
            page_tokens: scenario.page_tokens,
        })
    }

    /// Takes out the filter that wants the field `path` to be one of several values; gives these.
    pub(super) fn take(&mut self, path: &str) -> Option<Vec<String>> {
        let is_it = |filter: &Filter| filter.path == path && !filter.is_at_least;
        let index = self.filters.iter().position(is_it)?;
        Some(self.filters.swap_remove(index).values)
    }

    /// One page of those of `candidates` that pass the filters.
    pub(super) fn page<T>(&self, mut candidates: Vec<T>, show: impl Fn(&T) -> Value) -> Reply {
        if !self.filters.is_empty() {
            candidates.retain(|candidate| {
                let entity = show(candidate);
                self.filters.iter().all(|filter| filter.passes(&entity))
            });
        }
        let from = self.cursor.offset.min(candidates.len());
        let to = from.saturating_add(self.cursor.limit).min(candidates.len());
        let items: Vec<_> = candidates[from..to].iter().map(show).collect();
        let links = if to < candidates.len() {
            let next = Cursor {
                offset: to,
                ..self.cursor.clone()
            };
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("continuationToken", &next.token(self.page_tokens))
                .finish();
            json!({ "next": { "href": format!("/{}?{query}", self.cursor.path) } })
        } else {
            json!({})
        };
        Reply::json(StatusCode::OK, &json!({ "items": items, "_links": links }))
    }
}

impl Cursor {
    fn token(&self, spelling: PageTokens) -> String {
        let plain = URL_SAFE_NO_PAD.encode(json!(self).to_string());
        match spelling {
            PageTokens::Plain => plain,
            PageTokens::Encoded => format!("+/{plain}="),
        }
    }

    fn from_token(token: &str, spelling: PageTokens) -> Option<Self> {
        let plain = match spelling {
            PageTokens::Plain => token,
            PageTokens::Encoded => token.strip_prefix("+/")?.strip_suffix('=')?,
        };
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(plain).ok()?).ok()
    }
}

/// One `property=` filter.
#[derive(Debug, Clone, PartialEq)]
struct Filter {
    path: String,
    is_at_least: bool,
    values: Vec<String>,
}

impl Filter {
    fn read(text: &str) -> Result<Self, Reply> {
        let (equal, at_least) = (text.split_once("=="), text.split_once(">="));
        let Some((path, values)) = equal.or(at_least) else {
            let message = format!("The operator in the filter `{text}` is not supported.");
            return Err(Reply::bad_request(1450, &message));
        };
        Ok(Self {
            path: path.to_owned(),
            is_at_least: equal.is_none(),
            values: values.split(',').map(str::to_owned).collect(),
        })
    }

    fn passes(&self, entity: &Value) -> bool {
        let mut names = self.path.split('.');
        let Some(found) = names.try_fold(entity, |found, name| found.get(name)) else {
            return false;
        };
        self.values.iter().any(|wanted| match found {
            Value::String(text) => text == wanted,
            found if self.is_at_least => found.as_i64() >= wanted.parse().ok(),
            found => serde_json::from_str(wanted).is_ok_and(|wanted: Value| wanted == *found),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_means_itself_in_a_url_unless_it_is_a_harsher_one() {
        let cursor = Cursor {
            path: "runs".to_owned(),
            sandbox: "prod".to_owned(),
            property: vec!["flowId==a".to_owned()],
            limit: 2,
            as_of: 5,
            ceiling: 10,
            offset: 2,
        };
        let plain = cursor.token(PageTokens::Plain);
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(plain.bytes().all(is_safe), "{plain}");
        let harsh = cursor.token(PageTokens::Encoded);
        assert!("+/=".chars().all(|c| harsh.contains(c)), "{harsh}");
        for (token, spelling) in [(plain, PageTokens::Plain), (harsh, PageTokens::Encoded)] {
            assert_eq!(Cursor::from_token(&token, spelling), Some(cursor.clone()));
            let decoded = token.replace('+', " ");
            let lost = Cursor::from_token(&decoded, spelling).is_none();
            assert_eq!(lost, spelling == PageTokens::Encoded);
        }
    }
}
