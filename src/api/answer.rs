//! An answer as it came, bounded in size, and the errors in it.
//!
//! Two error shapes exist: Flow Service's own (`type`, `report`, …) and the gateway's
//! (`error_code`, `message`); proxies add HTML. Text from outside is cut short and freed of our
//! own secrets here, and made harmless, so that what is kept of it can do nothing either.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::not_json::describe_page;
use super::redact::plain;
use super::retry_after;
use crate::run::RunId;
use crate::state::Refusal;
use crate::untrusted::Untrusted;

/// What came back for one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, as a time to wait from now.
    pub retry_after: Option<Duration>,
    /// `x-request-id`.
    pub request_id: Option<String>,
    /// `Date`: the service's clock, in whole seconds.
    pub date: Option<Timestamp>,
    /// How old it is: a cache may have kept it (`Age`).
    pub age: Duration,
    /// The body, as far as it arrived and was wanted.
    pub body: Vec<u8>,
    /// Whether all of it did.
    pub complete: bool,
}

impl Answer {
    /// An answer of which the status and the headers are here, at `now`, and the body is not yet.
    #[must_use]
    pub fn begun(status: u16, header: impl Fn(&str) -> Option<String>, now: Timestamp) -> Self {
        let date = header("date").and_then(|text| retry_after::http_date(&text));
        Self {
            status,
            retry_after: header("retry-after")
                .and_then(|text| retry_after::parse(&text, date.unwrap_or(now))),
            request_id: header("x-request-id").map(|id| plain(&id)),
            date,
            age: header("age")
                .and_then(|age| age.trim().parse().ok())
                .map_or(Duration::ZERO, Duration::from_secs),
            body: Vec::new(),
            complete: false,
        }
    }

    /// The run id in a create or retry answer: `items[0].id` (tutorial) or `id` (OpenAPI).
    #[must_use]
    pub fn run_id(&self) -> Option<RunId> {
        self.field("id")?.as_str()?.parse().ok()
    }

    /// The `etag` beside it; the specification spells it `eTag`.
    #[must_use]
    pub fn etag(&self) -> Option<Untrusted> {
        let etag = self.field("etag").or_else(|| self.field("eTag"))?;
        Some(plain(etag.as_str()?).into())
    }

    fn field(&self, name: &str) -> Option<Value> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        // By number, which only an array has: a JSON pointer would take a key `0` too.
        let first = body.get("items").and_then(|items| items.get(0));
        let field = first.and_then(|item| item.get(name));
        field.or_else(|| body.get(name)).cloned()
    }

    /// Whether the gateway answered, before Flow Service saw the request.
    #[must_use]
    pub fn is_from_gateway(&self) -> bool {
        serde_json::from_slice::<Value>(&self.body)
            .is_ok_and(|body| body.get("error_code").is_some())
    }

    /// The answer read as an error: Adobe's code, message and request id where there are any.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        let text = |pointer: &str| body.pointer(pointer).and_then(scalar);
        let code = text("/type")
            .and_then(|kind| kind.rsplit('/').next().map(ToOwned::to_owned))
            .filter(|code| code.starts_with("FLOW-"))
            .or_else(|| text("/error_code"))
            .or_else(|| text("/code"));
        let message = [
            "/report/detailed-message",
            "/errorDetails",
            "/errorMessage",
            "/detail",
            "/message",
            "/title",
        ]
        .iter()
        .find_map(|pointer| text(pointer))
        .or_else(|| describe_page(&self.body))
        .unwrap_or_else(|| match String::from_utf8_lossy(&self.body).trim() {
            "" => "(no message)".to_owned(),
            raw => raw.to_owned(),
        });
        Refusal {
            status: self.status,
            code: code.map(|code| plain(&code).into()),
            message: plain(&message).into(),
            request_id: text("/report/request-id")
                .or_else(|| self.request_id.clone())
                .map(|id| plain(&id).into()),
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.as_bytes().to_vec(),
            complete: true,
            ..Answer::default()
        }
    }

    #[test]
    fn all_three_documented_shapes_of_a_created_run_have_its_id() {
        for body in [
            r#"{"items":[{"id":"65b7cfcc","etag":"\"1100c53e\""}]}"#,
            r#"{"id":"65b7cfcc","etag":"\"1100c53e\""}"#,
            r#"{"id":"65b7cfcc","createdAt":1651587212543,"params":{"windowStartTime":"1651584991"},
                "activities":[],"metrics":{"statusSummary":{"status":"scheduled"}}}"#,
        ] {
            let id = answer(201, body).run_id().expect("an id");
            assert_eq!(id.to_string(), "65b7cfcc");
        }
    }

    #[test]
    fn no_id_or_a_strange_one_is_none() {
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"items":[]}"#,
            r#"{"id":7}"#,
            r#"{"items":{"0":{"id":"r"}}}"#,
            r#"{"id":"../flows"}"#,
        ] {
            assert_eq!(answer(201, body).run_id(), None, "{body}");
        }
    }

    #[test]
    fn flow_services_own_errors_give_code_message_and_request_id() {
        let body = r#"{"type":"https://ns.adobe.com/aep/errors/FLOW-1439-404",
            "title":"Resource not found","status":404,
            "report":{"detailed-message":"The requested flows resource is not found.","request-id":"rq-1"},
            "errorMessage":"x","errorDetails":"y"}"#;
        assert_eq!(
            answer(404, body).refusal().to_string(),
            "HTTP 404 FLOW-1439-404: The requested flows resource is not found. (request id rq-1)"
        );
    }

    #[test]
    fn the_gateways_errors_give_their_code_as_text_or_number() {
        for body in [
            r#"{"error_code":"401013","message":"Oauth token is not valid"}"#,
            r#"{"error_code":401013,"message":"Oauth token is not valid"}"#,
        ] {
            let mut answer = answer(401, body);
            answer.request_id = Some("gw-7".to_owned());
            assert!(answer.is_from_gateway());
            assert_eq!(
                answer.refusal().to_string(),
                "HTTP 401 401013: Oauth token is not valid (request id gw-7)"
            );
        }
    }

    #[test]
    fn an_answer_that_is_not_json_is_shown_as_it_is() {
        assert_eq!(
            answer(503, "").refusal().to_string(),
            "HTTP 503: (no message)"
        );
        assert_eq!(
            answer(502, "<h1>Bad\ngateway</h1>").refusal().to_string(),
            "HTTP 502: <h1>Bad gateway</h1>"
        );
    }

    #[test]
    fn hostile_text_is_cut_and_cannot_act() {
        let hostile = format!("\u{1b}[2J\u{202e}x\n::error::{}", "a".repeat(10_000));
        let body = serde_json::json!({ "message": hostile }).to_string();
        let refusal = answer(400, &body).refusal();
        let message = refusal.message.raw();
        assert!(
            message.starts_with("\\u{1b}[2J\\u{202e}x \\u{3a}:error::aaa"),
            "{message}"
        );
        assert!(message.chars().count() < 700);
        assert!(!message.chars().any(char::is_control));
    }
}
