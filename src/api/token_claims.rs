//! What an access token says of itself. Adobe's are JSON Web Tokens; that is not documented, so that
//! nothing but a report depends on it.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use super::redact::plain;

/// The part of a token that is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TokenClaims {
    /// Until when it is good.
    pub expires: Option<Timestamp>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// The client that it was issued for.
    pub client_id: Option<String>,
}

impl TokenClaims {
    /// Reads a token; one that is of another form says nothing.
    pub(super) fn read(token: &str) -> Self {
        Self::read_payload(token).unwrap_or_default()
    }

    fn read_payload(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        let number = |name: &str| match claims.get(name)? {
            Value::String(text) => text.parse::<i64>().ok(),
            value => value.as_i64(),
        };
        // Adobe's own two are in milliseconds, the standard's one in seconds.
        let of_adobe = || {
            let life = Duration::from_millis(number("expires_in")?.try_into().ok()?);
            let created = Timestamp::from_millisecond(number("created_at")?).ok()?;
            created.checked_add(life).ok()
        };
        let of_the_standard = || Timestamp::from_second(number("exp")?).ok();
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        Some(Self {
            expires: of_adobe().or_else(of_the_standard),
            scopes: text("scope")
                .unwrap_or_default()
                .split([',', ' '])
                .filter(|scope| !scope.is_empty())
                .map(plain)
                .collect(),
            client_id: text("client_id").map(plain),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(payload);
        format!("eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl")
    }

    #[test]
    fn a_token_says_for_whom_it_is_and_until_when() {
        let claims = TokenClaims::read(&token(
            r#"{"client_id":"our-key","scope":"openid,AdobeID","created_at":"1700000000000","expires_in":"86400000"}"#,
        ));
        let expires = Timestamp::from_second(1_700_086_400).ok();
        assert_eq!(claims.expires, expires);
        assert_eq!(claims.scopes, ["openid", "AdobeID"]);
        assert_eq!(claims.client_id.as_deref(), Some("our-key"));
        let standard = TokenClaims::read(&token(r#"{"exp":1700086400}"#));
        assert_eq!(standard.expires, expires);
    }

    #[test]
    fn one_of_another_form_says_nothing() {
        for text in ["", "a-token", "a.b.c", "a.e30.c", &token("[1]")] {
            assert_eq!(TokenClaims::read(text), TokenClaims::default(), "{text}");
        }
    }
}
