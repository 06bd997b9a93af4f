//! Lists: the query of `GET /runs` and `GET /flows`, and pages that hold still.
//!
//! A continuation token carries the whole query, the moment of the first page and how many items
//! were given. Since status is a function of time, every later page selects and sorts as of that
//! moment: what is inserted or changes meanwhile moves nothing.
//!
//! aepp, the Python client that Adobe's users have, works in production, so what it sends and needs
//! is what Adobe takes and gives (read in its version 0.6): `count=False` in Python's spelling
//! beside `limit`, the first query again with every token, and a link whose first `=` is the one
//! before the token, which ends where the link ends and needs no percent-encoding. A scenario can
//! ask for harsher tokens ([`PageTokens::Encoded`]), so that a client which does not read the link
//! as a URL fails here and not at Adobe.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::clock::Millis;
use super::filter::{Filter, OrderBy};
use super::gateway::Caller;
use super::refusal::{Invented, ServiceError};
use super::reply::Reply;
use super::scenario::{OverLimit, PageTokens, Scenario};

/// Three bytes that are `+/+/` in base64.
const TOKEN_MARK: [u8; 3] = [0xfb, 0xff, 0xbf];

/// What is listed.
pub(super) struct Catalog {
    /// The last segment of the path.
    pub(super) path: &'static str,
    /// The top-level fields that filters and orders may name.
    pub(super) fields: &'static [&'static str],
}

impl Catalog {
    /// A page of `candidates`, none of which comes or goes; `show` gives one as of a moment.
    pub(super) fn list<T>(
        &self,
        query: &str,
        caller: &Caller,
        scenario: &Scenario,
        now: Millis,
        candidates: Vec<T>,
        show: impl Fn(&T, Millis) -> Value,
    ) -> Result<Reply, ServiceError> {
        let moment = ListMoment { now, ceiling: 0 };
        let list = ListQuery::read(query, self, caller.sandbox.as_str(), scenario, moment)?;
        let as_of = list.cursor.as_of;
        let selected = list.select(candidates, |candidate| show(candidate, as_of));
        let page = list.answer(&selected, |candidate| show(candidate, now));
        Ok(Reply::json(StatusCode::OK, &page))
    }
}

/// A list query, checked.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) filters: Vec<Filter>,
    pub(super) order: Vec<OrderBy>,
    pub(super) counts_only: bool,
    pub(super) cursor: Cursor,
    page_tokens: PageTokens,
}

/// Where a page begins, and all that makes its list: the content of a continuation token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    path: String,
    sandbox: String,
    property: Vec<String>,
    orderby: Option<String>,
    limit: usize,
    /// The moment of the first page.
    pub(super) as_of: Millis,
    /// How many runs existed then: two may share a millisecond.
    pub(super) ceiling: usize,
    /// How many items the pages before it had.
    pub(super) offset: usize,
}

/// The moment at which a list is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListMoment {
    pub(super) now: Millis,
    pub(super) ceiling: usize,
}

impl ListQuery {
    /// Reads the query part of a URL; a continuation token in it decides what is not said anew.
    pub(super) fn read(
        query: &str,
        catalog: &Catalog,
        sandbox: &str,
        scenario: &Scenario,
        reading: ListMoment,
    ) -> Result<Self, ServiceError> {
        let mut property = Vec::new();
        let (mut orderby, mut limit, mut count, mut token) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "property" => property.push(value.into_owned()),
                "orderby" => orderby = Some(value.into_owned()),
                "limit" => limit = Some(read_limit(&value, scenario)?),
                "count" => count = Some(read_count(&value)?),
                "continuationToken" => token = Some(value.into_owned()),
                _ => {
                    return Err(ServiceError::bad_request(
                        1451,
                        format!("Invalid params {name}"),
                    ));
                }
            }
        }
        let counts_only = count == Some(true);
        if counts_only && limit.is_some() {
            return Err(ServiceError::bad_request(
                1401,
                "limit and count cannot be used together.",
            ));
        }
        let cursor = match token {
            None => Cursor {
                path: catalog.path.to_owned(),
                sandbox: sandbox.to_owned(),
                property,
                orderby,
                limit: limit.unwrap_or(scenario.page_size_max.get()),
                as_of: reading.now,
                ceiling: reading.ceiling,
                offset: 0,
            },
            Some(token) => {
                let mut cursor = Cursor::from_token(&token, scenario.page_tokens)
                    .ok_or_else(|| foreign_token(&token))?;
                let is_ours = cursor.path == catalog.path
                    && cursor.sandbox == sandbox
                    && (property.is_empty() || property == cursor.property)
                    && (orderby.is_none() || orderby == cursor.orderby);
                if !is_ours {
                    return Err(foreign_token(&token));
                }
                cursor.limit = limit.unwrap_or(cursor.limit);
                cursor
            }
        };
        let read = |text: &String| Filter::read(text, catalog.fields);
        let filters = cursor.property.iter().map(read).collect::<Result<_, _>>()?;
        let order = match &cursor.orderby {
            Some(text) => OrderBy::read(text, catalog.fields)?,
            None => Vec::new(),
        };
        Ok(Self {
            filters,
            order,
            counts_only,
            cursor,
            page_tokens: scenario.page_tokens,
        })
    }

    /// Whether filters and order look at no other field than these.
    pub(super) fn looks_only_at(&self, fields: &[&str]) -> bool {
        let filters = self.filters.iter().map(Filter::field);
        let mut seen = filters.chain(self.order.iter().map(OrderBy::field));
        seen.all(|field| fields.contains(&field))
    }

    /// The candidates that pass, sorted; `show` gives an entity as of the first page.
    pub(super) fn select<T>(&self, candidates: Vec<T>, show: impl Fn(&T) -> Value) -> Vec<T> {
        if self.filters.is_empty() && self.order.is_empty() {
            return candidates;
        }
        let mut selected: Vec<(Vec<Value>, T)> = candidates
            .into_iter()
            .filter_map(|candidate| {
                let entity = show(&candidate);
                self.filters
                    .iter()
                    .all(|filter| filter.passes(&entity))
                    .then(|| {
                        (
                            self.order.iter().map(|by| by.key(&entity)).collect(),
                            candidate,
                        )
                    })
            })
            .collect();
        // Stable: equals stay in the order they came, newest first.
        selected.sort_by(|(a, _), (b, _)| {
            let fields = self.order.iter().zip(a.iter().zip(b));
            fields.fold(std::cmp::Ordering::Equal, |so_far, (by, (a, b))| {
                so_far.then_with(|| by.compare(a, b))
            })
        });
        selected
            .into_iter()
            .map(|(_, candidate)| candidate)
            .collect()
    }

    /// The answer: one page of `selected`, or how many there are; `show` gives an entity as of now.
    pub(super) fn answer<T>(&self, selected: &[T], show: impl Fn(&T) -> Value) -> Value {
        if self.counts_only {
            return json!({ "count": selected.len() });
        }
        let from = self.cursor.offset.min(selected.len());
        let to = from.saturating_add(self.cursor.limit).min(selected.len());
        let items: Vec<_> = selected[from..to].iter().map(show).collect();
        let links = if to < selected.len() {
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
        json!({ "items": items, "_links": links })
    }
}

impl Cursor {
    fn token(&self, spelling: PageTokens) -> String {
        let content = json!(self).to_string();
        match spelling {
            PageTokens::Plain => URL_SAFE_NO_PAD.encode(content),
            PageTokens::Encoded => {
                let mut bytes = TOKEN_MARK.to_vec();
                bytes.extend(content.into_bytes());
                // A length that leaves a remainder makes base64 end in `=`.
                if bytes.len().is_multiple_of(3) {
                    bytes.push(b' ');
                }
                STANDARD.encode(bytes)
            }
        }
    }

    fn from_token(token: &str, spelling: PageTokens) -> Option<Self> {
        match spelling {
            PageTokens::Plain => serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok(),
            PageTokens::Encoded => {
                let bytes = STANDARD.decode(token).ok()?;
                serde_json::from_slice(bytes.strip_prefix(&TOKEN_MARK)?).ok()
            }
        }
    }
}

fn foreign_token(token: &str) -> ServiceError {
    ServiceError::invented(
        StatusCode::BAD_REQUEST,
        Invented::BadContinuationToken,
        format!("The continuationToken {token} does not belong to this list."),
    )
}

fn read_limit(text: &str, scenario: &Scenario) -> Result<usize, ServiceError> {
    let most = scenario.page_size_max.get();
    match text.parse::<usize>() {
        Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
        Ok(limit) if limit > most && scenario.over_limit == OverLimit::Clamp => Ok(most),
        _ => Err(ServiceError::bad_request(
            1452,
            format!("limit `{text}` is not a number from 1 to {most}."),
        )),
    }
}

fn read_count(text: &str) -> Result<bool, ServiceError> {
    text.to_ascii_lowercase().parse().map_err(|_| {
        ServiceError::bad_request(1452, format!("count `{text}` is neither true nor false."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: Catalog = Catalog {
        path: "runs",
        fields: &["id", "size"],
    };

    fn read(query: &str) -> Result<ListQuery, ServiceError> {
        read_with(&Scenario::default(), query)
    }

    fn read_with(scenario: &Scenario, query: &str) -> Result<ListQuery, ServiceError> {
        let reading = ListMoment {
            now: 5,
            ceiling: 10,
        };
        ListQuery::read(query, &CATALOG, "prod", scenario, reading)
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "a list shows its items by reference"
    )]
    fn show(n: &u32) -> Value {
        json!({ "id": n.to_string(), "size": n })
    }

    fn next(page: &Value) -> Option<String> {
        let href = page["_links"]["next"]["href"].as_str()?;
        Some(
            href.strip_prefix("/runs?")
                .expect("a relative link")
                .to_owned(),
        )
    }

    #[test]
    fn every_item_is_on_one_page_and_the_last_page_has_no_link() {
        let (mut link, mut pages, mut seen) = (Some("limit=3&orderby=-size".to_owned()), 0, vec![]);
        while let Some(query) = link {
            let list = read(&query).expect("a query");
            let selected = list.select((0..10).collect(), show);
            let page = list.answer(&selected, show);
            let items = page["items"].as_array().expect("items");
            seen.extend(
                items
                    .iter()
                    .map(|item| item["size"].as_u64().expect("a size")),
            );
            link = next(&page);
            pages += 1;
        }
        assert_eq!(pages, 4);
        assert_eq!(seen, (0..10).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_token_remembers_its_list_and_means_itself_in_a_url() {
        let query = "limit=2&property=size%3E%3D1&property=size<9";
        let list = read(query).expect("a query");
        let link = next(&list.answer(&[1, 2, 3], show)).expect("a link");
        let (name, token) = link.split_once('=').expect("a parameter");
        assert_eq!(name, "continuationToken");
        assert!(
            token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{token}"
        );
        let again = read(&link).expect("a token");
        assert_eq!(again.filters, list.filters);
        assert_eq!(again.cursor.as_of, 5);
        assert!(read(&format!("{query}&count=False&{link}")).is_ok());
        assert!(read(&format!("{link}&property=size>2")).is_err());
        assert!(read("continuationToken=abc").is_err());
    }

    #[test]
    fn a_harsher_token_is_lost_on_a_client_that_does_not_encode_it() {
        let scenario = Scenario::of("pageTokens: encoded");
        let list = read_with(&scenario, "limit=2&property=size>=1").expect("a query");
        let link = next(&list.answer(&[1, 2, 3], show)).expect("a link");
        assert!(
            link.contains("%2B") && link.contains("%2F") && link.contains("%3D"),
            "{link}"
        );
        let again = read_with(&scenario, &link).expect("a token");
        assert_eq!(again.filters, list.filters);
        let decoded: String = form_urlencoded::parse(link.as_bytes())
            .map(|(_, token)| token.into_owned())
            .collect();
        assert!(
            read_with(&scenario, &format!("continuationToken={decoded}")).is_err(),
            "not encoded"
        );
    }

    #[test]
    fn parameters_that_adobe_refuses_are_refused() {
        let code = |query: &str| match read(query).expect_err(query) {
            ServiceError::Service { code, .. } => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code("testParam=1"), 1451);
        assert_eq!(code("limit=1&count=true"), 1401);
        assert_eq!(code("limit=0"), 1452);
        assert_eq!(code("count=maybe"), 1452);
        assert_eq!(code("limit=1&count=True"), 1401);
        assert!(read("limit=1&count=false").is_ok());
        assert!(read("limit=1&count=False").is_ok());
        assert_eq!(read("limit=5000").expect("lowered").cursor.limit, 100);
    }
}
