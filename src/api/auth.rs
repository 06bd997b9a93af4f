//! Sign-in: a static token, or OAuth server-to-server with one cached token for everybody.
//!
//! Adobe's pages: `POST {ims}/ims/token/v3`, form-encoded, `expires_in` in seconds, no refresh
//! token, and too many requests for tokens are throttled; so a token is asked for once, by one
//! caller, and kept until shortly before it expires or the service says that it has.

use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::answer::plain;
use super::veil;
use crate::crash::Point;

/// A token is renewed this long before it expires.
const MARGIN: Duration = Duration::from_secs(300);
/// No token is kept longer than this, whatever its answer says.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// No answer about a token is longer than this.
const ANSWER: usize = 1 << 16;
/// How often a token is asked for before giving up.
const TRIES: u32 = 4;

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
    /// The sign-in service did not answer.
    #[error("the sign-in service cannot be reached: {0}")]
    Unreachable(String),
}

/// A token that can be sent.
#[derive(Clone)]
pub struct Token {
    header: HeaderValue,
    renew_at: Option<Instant>,
    serial: u64,
}

impl Token {
    /// `Bearer …`, marked as sensitive.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

/// Keeps the token. See the module's front door.
pub struct Auth {
    credentials: Credentials,
    http: reqwest::Client,
    cached: Mutex<Option<Token>>,
}

/// A token as the sign-in service gave it; the token itself is never shown.
#[derive(Debug, Deserialize)]
pub struct TokenAnswer {
    access_token: SecretString,
    /// Seconds.
    expires_in: u64,
}

#[derive(Deserialize, Default)]
struct TokenRefusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenAnswer {
    /// Reads what a request for a token was answered with.
    ///
    /// # Errors
    /// [`AuthError::Refused`], in words that can be shown, for any status but 2xx and for an
    /// answer without a token.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, AuthError> {
        if (200..300).contains(&status) {
            return serde_json::from_slice(body).map_err(|_| AuthError::Refused {
                status,
                reason: "without a token in the answer".to_owned(),
            });
        }
        let refusal: TokenRefusal = serde_json::from_slice(body).unwrap_or_default();
        let reason = plain(&format!("{} {}", refusal.error, refusal.error_description));
        Err(AuthError::Refused { status, reason })
    }

    /// For how long it is used: until shortly before it expires.
    #[must_use]
    pub fn kept_for(&self) -> Duration {
        let life = Duration::from_secs(self.expires_in).min(LONGEST);
        // A short life is not made negative by the margin.
        life.saturating_sub(MARGIN.min(life / 10))
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
        veil::keep(secret);
        Self {
            credentials,
            http,
            cached: Mutex::new(None),
        }
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
        let token = self.obtain(serial).await?;
        *cached = Some(token.clone());
        Ok(token)
    }

    /// A token other than `refused`, which the service answered with `reason`. Whoever comes
    /// first renews it; the rest get what that one got.
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
            }
        }
        self.token().await
    }

    async fn obtain(&self, serial: u64) -> Result<Token, AuthError> {
        let (secret, renew_at) = match &self.credentials {
            Credentials::AccessToken(secret) => (secret.clone(), None),
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
                let answer = self.ask(ims, &form).await?;
                Point::TOKEN_ANSWERED.pass();
                veil::keep(&answer.access_token);
                let renew_at = asked + answer.kept_for();
                (answer.access_token, Some(renew_at))
            }
        };
        let text = SecretString::from(format!("Bearer {}", secret.expose_secret().trim()));
        let mut header =
            HeaderValue::from_str(text.expose_secret()).map_err(|_| AuthError::NotAToken)?;
        header.set_sensitive(true);
        Ok(Token {
            header,
            renew_at,
            serial,
        })
    }

    /// Asks for a token, again after what may pass.
    async fn ask(&self, ims: &Url, form: &[(&str, &str)]) -> Result<TokenAnswer, AuthError> {
        let body = SecretString::from(
            url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form)
                .finish(),
        );
        let mut endpoint = ims.clone();
        endpoint.set_path("/ims/token/v3");
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
            let error = match sent {
                Ok(mut response) => {
                    let status = response.status().as_u16();
                    let (bytes, _) = super::http::bounded_body(&mut response, ANSWER).await;
                    match TokenAnswer::read(status, &bytes) {
                        Ok(answer) => return Ok(answer),
                        Err(error) if matches!(status, 200..=299 | 429 | 500..) => error,
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => AuthError::Unreachable(super::http::describe(&error)),
            };
            if tried == TRIES {
                return Err(error);
            }
            tried += 1;
            tokio::time::sleep(wait).await;
            wait *= 3;
        }
    }
}
