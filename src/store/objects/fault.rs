//! What a bucket said, in words, and whether asking again may help.

use object_store::Error;

use crate::api::OWN_AUTHORITY;
use crate::store::StoreError;

pub(super) fn failed(action: &'static str, trouble: &StoreFault) -> StoreError {
    StoreError::Remote {
        action,
        said: match trouble {
            StoreFault::Store(error) => said(error),
            StoreFault::Object(what) => what.clone(),
        },
        may_pass: !matches!(trouble, StoreFault::Store(error) if is_refusal(error)),
    }
}

/// Whether the store answered that it will not, however often it is asked, or was not asked at all.
pub(super) fn is_refusal(error: &Error) -> bool {
    let is_kind = matches!(
        error,
        Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
    );
    let text = error.to_string();
    // S3 says so where it waited for the rest of a request.
    let may_pass = text.contains("<Code>RequestTimeout</Code>");
    is_kind
        || is_plain_http(&text)
        || text.contains("redirect without LOCATION")
        || match status(error) {
            Some(408 | 409 | 412 | 425 | 429) | None => false,
            Some(status) => (400..500).contains(&status) && !may_pass || status == NOT_IMPLEMENTED,
        }
}

/// HTTP's way to say that a server does not know what a request asks for.
pub(super) const NOT_IMPLEMENTED: u16 = 501;

/// The status that the store answered with, as its client tells it.
pub(super) fn status(error: &Error) -> Option<u16> {
    let text = error.to_string();
    let (_, status) = text.split_once("status code: ")?;
    status.get(..3)?.parse().ok()
}

/// Whether the HTTP stack would not send the request, which only happens without TLS.
fn is_plain_http(text: &str) -> bool {
    text.contains("builder error")
}

/// What can be wrong with an object.
pub(super) enum StoreFault {
    /// The store did not give or take it.
    Store(Error),
    /// It is not what was written.
    Object(String),
}

impl From<Error> for StoreFault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// What a store said, in one line: its own code and message, if it gave any, and what helps.
pub(super) fn said(error: &Error) -> String {
    let said = error.to_string();
    let part = |name: &str| {
        let (_, from) = said.split_once(&format!("<{name}>"))?;
        let (part, _) = from.split_once(&format!("</{name}>"))?;
        Some(part)
    };
    let (code, message) = (part("Code"), part("Message"));
    let text = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => said.clone(),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    if is_plain_http(&said) {
        return "the endpoint is http://, and what is sent to it could be read on its way: name an \
                https:// endpoint, or allow plain HTTP with AWS_ALLOW_HTTP=true (AZURE_ALLOW_HTTP, \
                GOOGLE_ALLOW_HTTP)"
            .to_owned();
    }
    let wants_checksum = code == Some("InvalidRequest")
        && message.is_some_and(|message| {
            ["Content-MD5", "checksum", "Object Lock"]
                .iter()
                .any(|word| message.contains(word))
        });
    if wants_checksum {
        return format!("{text} (AWS_CHECKSUM_ALGORITHM=SHA256 sends one)");
    }
    if said.contains("redirect without LOCATION") || code == Some("PermanentRedirect") {
        return format!("{text} (the bucket is in another region: set AWS_REGION)");
    }
    if said.contains("UnknownIssuer") {
        return format!("{text} ({OWN_AUTHORITY})");
    }
    text
}
