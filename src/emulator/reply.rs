//! An answer before it is on the wire: status, headers, body bytes.
//!
//! The service gives these without knowing of connections; the server sends them, whole, half or
//! not at all. Two parties refuse: the gateway (`error_code`, `message`) and the Flow Service behind
//! it (an envelope whose `type` ends in `FLOW-<code>-<status>`). Codes are Adobe's (its Flow Service
//! error catalogue and its troubleshooting page) except those from 9000 on: there Adobe says that it
//! is an error but not which, and the message says so.

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::scenario::Dialect;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer as it is asked for, or one that refuses.
pub(super) type Answer = Result<Reply, Reply>;

/// A complete answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

impl Reply {
    fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let id = Uuid::new_v4().to_string();
        let reply = Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        reply.with_header(REQUEST_ID, &id)
    }

    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, body.to_string()).with_header(header::CONTENT_TYPE, "application/json")
    }

    /// An entity, in the shape that `dialect` gives one.
    pub(super) fn one(status: StatusCode, entity: Value, dialect: Dialect) -> Self {
        let body = match dialect {
            Dialect::Tutorial => json!({ "items": [entity] }),
            Dialect::Openapi => entity,
        };
        Self::json(status, &body)
    }

    /// The page of HTML that proxies answer with when they are in trouble.
    pub(super) fn html(status: StatusCode) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{status}</title></head>\n\
             <body><h1>{status}</h1></body></html>\n"
        );
        Self::new(status, page).with_header(header::CONTENT_TYPE, "text/html")
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, Bytes::new())
    }

    /// The gateway's refusal; the request never reached the Flow Service.
    pub(super) fn gateway(status: StatusCode, code: &str, message: &str) -> Self {
        Self::json(status, &json!({ "error_code": code, "message": message }))
    }

    /// The gateway's answer to a token that is not, or no longer, valid.
    pub(super) fn token_not_valid() -> Self {
        let message = "Oauth token is not valid";
        Self::gateway(StatusCode::UNAUTHORIZED, "401013", message)
    }

    /// 429 by the gateway, with what `Retry-After` says, if it is sent.
    pub(super) fn throttled(retry_after: Option<&str>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let reply = Self::gateway(status, "429050", "Too many requests");
        match retry_after {
            Some(text) => reply.with_header(header::RETRY_AFTER, text),
            None => reply,
        }
    }

    /// The Flow Service's error envelope.
    pub(super) fn flow_error(status: StatusCode, code: u16, message: &str) -> Self {
        let title = match status {
            StatusCode::NOT_FOUND => "Resource not found",
            other => other.canonical_reason().unwrap_or("Error"),
        };
        let request_id = Uuid::new_v4().to_string();
        let body = json!({
            "type": format!("https://ns.adobe.com/aep/errors/FLOW-{code}-{}", status.as_u16()),
            "title": title,
            "status": status.as_u16(),
            "report": {
                "detailed-message": message,
                "request-id": request_id,
            },
            "errorMessage": message,
            "errorDetails": message,
        });
        Self::json(status, &body).with_header(REQUEST_ID, &request_id)
    }

    /// A 400 of the Flow Service.
    pub(super) fn bad_request(code: u16, message: &str) -> Self {
        Self::flow_error(StatusCode::BAD_REQUEST, code, message)
    }

    /// An error whose code Adobe does not document, so that it had to be made up.
    pub(super) fn invented(status: StatusCode, code: u16, message: &str) -> Self {
        let message = format!("{message} (code made up by the emulator)");
        Self::flow_error(status, code, &message)
    }

    /// 404 for an entity: `kind` is its plural, as in the path.
    pub(super) fn not_found(kind: &str, id: &str) -> Self {
        let message = format!(
            "The requested {kind} resource {id} is not found. Please check the id and that you \
             have access to it."
        );
        Self::flow_error(StatusCode::NOT_FOUND, 1439, &message)
    }

    /// The same answer with this header, in the place of one of this name.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.retain(|(known, _)| *known != name);
            self.headers.push((name, value));
        }
        self
    }

    #[cfg(test)]
    pub(super) fn body_json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    #[cfg(test)]
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known == name)?.1.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_entity_is_refused_in_the_documented_envelope() {
        let reply = Reply::not_found("flows", "abc");
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        let body = reply.body_json();
        assert_eq!(
            body["type"],
            "https://ns.adobe.com/aep/errors/FLOW-1439-404"
        );
        assert_eq!(body["title"], "Resource not found");
        assert_eq!(
            body["report"]["request-id"].as_str(),
            reply.header("x-request-id")
        );
        assert_eq!(body["errorMessage"], body["errorDetails"]);
    }
}
