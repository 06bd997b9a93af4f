//! An answer before it is on the wire: status, headers, body bytes.
//!
//! The service gives these without knowing of connections; the server sends them, whole, half or
//! not at all.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::scenario::ItemShape;

/// A complete answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

impl Reply {
    /// A JSON answer.
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            status,
            headers: vec![(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            body: Bytes::from(body.to_string()),
        }
    }

    /// An entity, in the shape that `GET` by id answers with.
    pub(super) fn one(entity: Value, shape: ItemShape) -> Self {
        let body = match shape {
            ItemShape::Items => json!({ "items": [entity] }),
            ItemShape::Bare => entity,
        };
        Self::json(StatusCode::OK, &body)
    }

    /// The page of HTML that proxies answer with when they are in trouble.
    pub(super) fn html(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Unknown");
        let number = status.as_u16();
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{number} {reason}</title></head>\n\
             <body><h1>{number} {reason}</h1></body></html>\n"
        );
        Self {
            status,
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))],
            body: Bytes::from(page),
        }
    }

    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The same answer with this header, in the place of one of this name.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }

    /// The answer as the HTTP stack takes it.
    pub(super) fn into_response(self) -> Response<Body> {
        let Self {
            status,
            headers,
            body,
        } = self;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response
    }

    #[cfg(test)]
    pub(super) fn body_json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}
