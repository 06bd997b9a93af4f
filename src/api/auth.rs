//! Sign-in: a static token, or OAuth server-to-server with one cached token for everybody.
//!
//! Adobe's pages: `POST {ims}/ims/token/v3`, form-encoded, `expires_in` in seconds, no refresh
//! token, and too many requests for tokens are throttled; so a token is asked for once, by one
//! caller, and kept until shortly before it expires or the service says that it has.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::answer::Answer;
use super::http::{bounded_body, describe, header_of};
use super::not_json::describe_page;
use super::redact;
use super::redact::plain;
use super::token_claims::TokenClaims;
use crate::crash::Point;

/// A token is renewed this long before it expires.
const MARGIN: Duration = Duration::from_secs(300);
/// No token is kept longer than this, whatever its answer says.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// No answer about a token is longer than this.
const ANSWER: usize = 1 << 16;
/// How often a token is asked for before giving up.
const TRIES: u32 = 4;
/// How long one is asked for in all: the longest `Retry-After` that is honoured, and a little more.
const ASKED_FOR: Duration = Duration::from_secs(16 * 60);
/// How long after it could not be renewed a token that is still good is renewed again.
const RENEWED_AGAIN: Duration = Duration::from_secs(10);

/// How to sign in. Secrets come from the environment and go nowhere else.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// `AEP_ACCESS_TOKEN`: used as it is, cannot be renewed.
    AccessToken(SecretString),
    /// OAuth server-to-server.
    ClientSecret {
        /// `AEP_CLIENT_ID`.
        client_id: String,
        /// `AEP_CLIENT_SECRET`.
        client_secret: SecretString,
        /// `AEP_SCOPES`, separated by commas.
        scopes: String,
        /// `AEP_IMS_ENDPOINT`.
        ims: Url,
    },
}

/// Why there is no token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthError {
    /// A static token that the service takes no longer.
    #[error("the access token was refused ({0}) and AEP_ACCESS_TOKEN cannot be renewed")]
    Expired(String),
    /// A token with characters that no header may hold.
    #[error("the access token is not a token: it has characters that an HTTP header cannot hold")]
    NotAToken,
    /// The sign-in service said no.
    #[error("the sign-in service refused the credentials: HTTP {status} {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// `error` and `error_description`.
        reason: String,
    },
    /// The sign-in service has no time, or is down: it says nothing of the credentials.
    #[error("the sign-in service is busy or down: HTTP {status} {reason}")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// What answered is not the sign-in service, or not as Adobe documents it.
    #[error("the sign-in service's answer is not understood: HTTP {status} {reason}")]
    NotUnderstood {
        /// The HTTP status.
        status: u16,
        /// What came in place of a token.
        reason: String,
    },
    /// The sign-in service did not answer.
    #[error("the sign-in service cannot be reached: {0}")]
    Unreachable(String),
}

impl AuthError {
    /// Whether the same credentials may be taken a little later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::NotUnderstood { .. } | Self::Unreachable(_) => true,
            Self::Expired(_) | Self::NotAToken | Self::Refused { .. } => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Expired(_) => {
                "set AEP_ACCESS_TOKEN to a new token; AEP_CLIENT_ID, AEP_CLIENT_SECRET and \
                 AEP_SCOPES in its place get new ones by themselves"
            }
            Self::NotAToken => "copy the token anew into AEP_ACCESS_TOKEN",
            Self::Refused { .. } => {
                "compare AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES with the OAuth \
                 server-to-server credential in Adobe's developer console: was the secret replaced, \
                 and has the credential each of the scopes?"
            }
            Self::Busy { .. } => "try again later; it has not judged the credentials",
            Self::NotUnderstood { .. } | Self::Unreachable(_) => {
                "see whether AEP_IMS_ENDPOINT, HTTPS_PROXY and the firewall fit"
            }
        }
    }
}

/// A token that can be sent.
#[derive(Clone)]
pub struct Token {
    header: HeaderValue,
    /// `None`: when the service refuses it.
    renew_at: Option<Instant>,
    /// Until when it is good, as far as is known.
    good_until: Option<Instant>,
    serial: u64,
}

impl Token {
    /// What it says of itself.
    pub(crate) fn claims(&self) -> TokenClaims {
        let text = self.header.to_str().unwrap_or_default();
        TokenClaims::read(text.trim_start_matches("Bearer "))
    }

    /// How much longer it is good, as far as the sign-in service has said.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        let until = self.good_until?;
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// `Bearer …`, marked as sensitive.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

/// Keeps the token and renews it.
pub struct Auth {
    credentials: Credentials,
    http: reqwest::Client,
    cached: Mutex<Option<Token>>,
}

/// A token as the sign-in service gave it; the token itself is never shown.
#[derive(Debug, Deserialize)]
pub struct TokenAnswer {
    access_token: SecretString,
    /// Seconds, as a number or its text; OAuth only recommends to say them.
    #[serde(default)]
    expires_in: Value,
}

impl TokenAnswer {
    /// Reads what a request for a token was answered with.
    ///
    /// # Errors
    /// In words that can be shown: [`AuthError::Refused`] for a 4xx, [`AuthError::Busy`] for one that
    /// only asks for time and for a 5xx, [`AuthError::NotUnderstood`] for what is no token's answer.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, AuthError> {
        let page = describe_page(body);
        if (200..300).contains(&status) {
            return match serde_json::from_slice::<Self>(body) {
                Ok(answer) if !answer.access_token.expose_secret().trim().is_empty() => Ok(answer),
                _ => Err(AuthError::NotUnderstood {
                    status,
                    reason: page.unwrap_or_else(|| "without a token in the answer".to_owned()),
                }),
            };
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let said = plain(&format!("{} {}", text("error"), text("error_description")));
        Err(match (status, page) {
            (408 | 429 | 500.., page) => AuthError::Busy {
                status,
                reason: page.unwrap_or(said),
            },
            (300..=399, _) => AuthError::NotUnderstood {
                status,
                reason: "leads elsewhere, as a proxy or a login does".to_owned(),
            },
            // Not Adobe's words: somebody in between says no.
            (_, Some(reason)) => AuthError::NotUnderstood { status, reason },
            (_, None) => AuthError::Refused {
                status,
                reason: said,
            },
        })
    }

    /// For how long it is used: until shortly before it expires; `None`: until it is refused.
    #[must_use]
    pub fn kept_for(&self) -> Option<Duration> {
        let life = self.good_for()?;
        // A short life is not made negative by the margin.
        Some(life.saturating_sub(MARGIN.min(life / 10)))
    }

    /// How long it is good.
    fn good_for(&self) -> Option<Duration> {
        let seconds: f64 = match &self.expires_in {
            Value::String(text) => text.trim().parse().ok()?,
            value => value.as_f64()?,
        };
        let life = Duration::try_from_secs_f64(seconds.floor()).unwrap_or(LONGEST);
        (seconds >= 1.0).then(|| life.min(LONGEST))
    }
}

impl Auth {
    /// Signs in with `credentials`, over `http`.
    #[must_use]
    pub fn new(credentials: Credentials, http: reqwest::Client) -> Self {
        let (Credentials::AccessToken(secret)
        | Credentials::ClientSecret {
            client_secret: secret,
            ..
        }) = &credentials;
        redact::keep(secret);
        Self {
            credentials,
            http,
            cached: Mutex::new(None),
        }
    }

    /// Whether a token that has expired is replaced by a new one.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self.credentials, Credentials::ClientSecret { .. })
    }

    /// The token, asked for if there is none or it is about to expire.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn token(&self) -> Result<Token, AuthError> {
        let mut cached = self.cached.lock().await;
        if let Some(token) = &*cached
            && token.renew_at.is_none_or(|at| Instant::now() < at)
        {
            return Ok(token.clone());
        }
        let serial = cached.as_ref().map_or(0, |token| token.serial + 1);
        let is_good = |token: &Token| token.good_until.is_some_and(|end| Instant::now() < end);
        // While one is good, nobody waits for a sign-in service that is down.
        let times = match &*cached {
            Some(token) if is_good(token) => 1,
            _ => TRIES,
        };
        let error = match self.obtain(serial, times).await {
            Ok(token) => {
                *cached = Some(token.clone());
                return Ok(token);
            }
            Err(error) => error,
        };
        match &mut *cached {
            Some(token) if error.may_pass() && is_good(token) => {
                token.renew_at = Some(Instant::now() + RENEWED_AGAIN);
                Ok(token.clone())
            }
            _ => Err(error),
        }
    }

    /// A token other than `refused`, which the service answered with `reason`. The first
    /// caller renews it; the others get what it got.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn renewed(&self, refused: &Token, reason: &str) -> Result<Token, AuthError> {
        if let Credentials::AccessToken(_) = self.credentials {
            return Err(AuthError::Expired(reason.to_owned()));
        }
        {
            let mut cached = self.cached.lock().await;
            if let Some(token) = &mut *cached
                && token.serial == refused.serial
            {
                token.renew_at = Some(Instant::now());
                token.good_until = None;
            }
        }
        self.token().await
    }

    async fn obtain(&self, serial: u64, times: u32) -> Result<Token, AuthError> {
        let (secret, renew_at, good_until) = match &self.credentials {
            Credentials::AccessToken(secret) => (secret.clone(), None, None),
            Credentials::ClientSecret {
                client_id,
                client_secret,
                scopes,
                ims,
            } => {
                let asked = Instant::now();
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose_secret()),
                    ("scope", scopes),
                ];
                Point::TOKEN_ASKING.pass();
                let answer = self.ask(ims, &form, times).await?;
                Point::TOKEN_ANSWERED.pass();
                redact::keep(&answer.access_token);
                let until = |life: Option<Duration>| life.map(|life| asked + life);
                let (renew_at, good_until) = (until(answer.kept_for()), until(answer.good_for()));
                (answer.access_token, renew_at, good_until)
            }
        };
        let text = SecretString::from(format!("Bearer {}", secret.expose_secret().trim()));
        let mut header =
            HeaderValue::from_str(text.expose_secret()).map_err(|_| AuthError::NotAToken)?;
        header.set_sensitive(true);
        Ok(Token {
            header,
            renew_at,
            good_until,
            serial,
        })
    }

    /// Asks for a token, again after what may pass, so many times in all.
    async fn ask(
        &self,
        ims: &Url,
        form: &[(&str, &str)],
        times: u32,
    ) -> Result<TokenAnswer, AuthError> {
        let body = SecretString::from(
            url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form)
                .finish(),
        );
        let mut endpoint = ims.clone();
        endpoint.set_path("/ims/token/v3");
        let begun = Instant::now();
        let mut wait = Duration::from_millis(500);
        let mut tried = 1;
        loop {
            let sent = self
                .http
                .post(endpoint.clone())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.expose_secret().to_owned())
                .send()
                .await;
            let mut asked_to_wait = Duration::ZERO;
            let error = match sent {
                Ok(mut response) => {
                    let status = response.status().as_u16();
                    let answer = Answer::begun(status, header_of(&response), Timestamp::now());
                    asked_to_wait = answer.retry_after.unwrap_or_default();
                    let (bytes, _) = bounded_body(&mut response, ANSWER).await;
                    match TokenAnswer::read(status, &bytes) {
                        Ok(answer) => return Ok(answer),
                        // A redirect will be one the next time.
                        Err(error) if error.may_pass() && !(300..400).contains(&status) => error,
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => AuthError::Unreachable(describe(&error)),
            };
            let pause = wait.max(asked_to_wait);
            if tried >= times || begun.elapsed() + pause > ASKED_FOR {
                return Err(error);
            }
            tried += 1;
            tokio::time::sleep(pause).await;
            wait *= 3;
        }
    }
}

#[cfg(test)]
mod tests;
