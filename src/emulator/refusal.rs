//! What the service says when it does not do as asked: every error body, in its documented shape.
//!
//! Two parties speak: the gateway (`error_code`, `message`) and the Flow Service behind it (an
//! envelope whose `type` ends in `FLOW-<code>-<status>`). Codes are Adobe's (its Flow Service
//! error catalogue and its troubleshooting page) except those from 9000 on: there Adobe says
//! that it is an error but not which, and the message says so.

use axum::http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::reply::Reply;

/// An answer that refuses, before it is put on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ServiceError {
    /// The gateway's own shape; the request never reached the Flow Service.
    Gateway {
        status: StatusCode,
        code: &'static str,
        message: &'static str,
    },
    /// 429 by the gateway, with what `Retry-After` says, if it is sent.
    Throttled { retry_after: Option<String> },
    /// A POST without a JSON content type.
    ContentType,
    /// The Flow Service's error envelope.
    Service {
        status: StatusCode,
        code: u16,
        message: String,
        subject: Option<(&'static str, String)>,
    },
    /// `If-Match` names an older version: a body with nothing but `errorMessage`.
    StaleEtag { given: String, current: String },
    /// The token endpoint's shape, that of OAuth 2.
    Token {
        error: &'static str,
        description: &'static str,
    },
}

/// Codes that the emulator had to make up, because Adobe documents the refusal without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invented {
    BodyNotJson = 9000,
    FlowNotOnce = 9001,
    BadParams = 9002,
    DeltaColumnDiffers = 9003,
    DeltaColumnMissing = 9004,
    NotRetriable = 9005,
    SameWindow = 9006,
    BadContinuationToken = 9007,
    NoSuchPath = 9008,
    MethodNotAllowed = 9009,
    BodyTooLarge = 9010,
    JournalNotWritten = 9011,
    ByScenario = 9099,
}

impl ServiceError {
    pub(super) fn gateway(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self::Gateway {
            status,
            code,
            message,
        }
    }

    /// The gateway's answer to a token that is not, or no longer, valid.
    pub(super) fn token_not_valid() -> Self {
        Self::gateway(
            StatusCode::UNAUTHORIZED,
            "401013",
            "Oauth token is not valid",
        )
    }

    /// A 400 of the Flow Service.
    pub(super) fn bad_request(code: u16, message: impl Into<String>) -> Self {
        Self::service(StatusCode::BAD_REQUEST, code, message)
    }

    /// An error of the Flow Service.
    pub(super) fn service(status: StatusCode, code: u16, message: impl Into<String>) -> Self {
        Self::Service {
            status,
            code,
            message: message.into(),
            subject: None,
        }
    }

    /// An error whose code Adobe does not document.
    pub(super) fn invented(status: StatusCode, code: Invented, message: impl AsRef<str>) -> Self {
        Self::service(
            status,
            code as u16,
            format!("{} (code made up by the emulator)", message.as_ref()),
        )
    }

    /// 404 for an entity: `kind` is its plural, as in the path.
    pub(super) fn not_found(kind: &'static str, id: &str) -> Self {
        Self::Service {
            status: StatusCode::NOT_FOUND,
            code: 1439,
            message: format!(
                "The requested {kind} resource {id} is not found. Please check the id and that \
                 you have access to it."
            ),
            subject: Some((kind, id.to_owned())),
        }
    }

    /// The answer as it is sent, with the id that its body and its header share.
    pub(super) fn into_reply(self, request_id: &str) -> Reply {
        match self {
            Self::Gateway {
                status,
                code,
                message,
            } => Reply::json(status, &json!({ "error_code": code, "message": message })),
            Self::Throttled { retry_after } => {
                let reply = Reply::json(
                    StatusCode::TOO_MANY_REQUESTS,
                    &json!({ "error_code": "429050", "message": "Too many requests" }),
                );
                match retry_after.and_then(|text| HeaderValue::from_str(&text).ok()) {
                    Some(value) => reply.with_header(header::RETRY_AFTER, value),
                    None => reply,
                }
            }
            Self::ContentType => Reply::json(
                StatusCode::BAD_REQUEST,
                &json!({
                    "type": "/placeholder/type/uri",
                    "status": 400,
                    "title": "BadRequestError",
                    "detail": "A valid content-type must be specified",
                }),
            ),
            Self::Service {
                status,
                code,
                message,
                subject,
            } => Reply::json(
                status,
                &envelope(status, code, &message, subject, request_id),
            ),
            Self::StaleEtag { given, current } => Reply::json(
                StatusCode::PRECONDITION_FAILED,
                &json!({
                    "errorMessage": format!(
                        "Supplied version=[{given}] does not match the current version on \
                         entity=[{current}]"
                    ),
                }),
            ),
            Self::Token { error, description } => Reply::json(
                StatusCode::BAD_REQUEST,
                &json!({ "error": error, "error_description": description }),
            ),
        }
    }
}

fn envelope(
    status: StatusCode,
    code: u16,
    message: &str,
    subject: Option<(&'static str, String)>,
    request_id: &str,
) -> Value {
    let mut report = json!({ "detailed-message": message, "request-id": request_id });
    if let Some((kind, id)) = subject {
        report["id"] = id.into();
        report["type"] = kind.into();
    }
    let title = match status {
        StatusCode::NOT_FOUND => "Resource not found",
        other => other.canonical_reason().unwrap_or("Error"),
    };
    json!({
        "type": format!("https://ns.adobe.com/aep/errors/FLOW-{code}-{}", status.as_u16()),
        "title": title,
        "status": status.as_u16(),
        "report": report,
        "errorMessage": message,
        "errorDetails": message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_entity_is_refused_in_the_documented_envelope() {
        let reply = ServiceError::not_found("flows", "abc").into_reply("request-1");
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        let body = reply.body_json();
        assert_eq!(
            body["type"],
            "https://ns.adobe.com/aep/errors/FLOW-1439-404"
        );
        assert_eq!(body["title"], "Resource not found");
        assert_eq!(body["report"]["request-id"], "request-1");
        assert_eq!(body["report"]["id"], "abc");
        assert_eq!(body["report"]["type"], "flows");
        assert_eq!(body["errorMessage"], body["errorDetails"]);
    }

    #[test]
    fn an_invented_code_says_that_it_is_one() {
        let reply = ServiceError::invented(
            StatusCode::BAD_REQUEST,
            Invented::FlowNotOnce,
            "The flow is not scheduled once.",
        )
        .into_reply("r");
        let body = reply.body_json();
        assert!(
            body["type"]
                .as_str()
                .is_some_and(|t| t.ends_with("FLOW-9001-400"))
        );
        assert!(
            body["errorMessage"]
                .as_str()
                .is_some_and(|m| m.contains("made up by the emulator"))
        );
    }
}
