//! The client: one request per create, paced reads that may be sent again, nothing resent behind
//! our back.
//!
//! Creates go over HTTP/1.1 connections of their own, each new: an idle connection that the
//! server has closed meanwhile would turn an ordinary send into a doubt, and a new one makes
//! "never connected" provable. Redirects are not followed and the HTTP stack's own resends are off.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::dialect::{Dialect, RetryWord};
use super::error::ApiError;
use super::flow::kind_by_spec;
use super::guarded::{ConnectionGuard, GuardedBody, guarded};
use super::http::{Timeouts, bounded_body, builder, describe, header_of};
use super::not_json::not_json;
use super::outcome::{Broken, Outcome, is_word_refused, judge};
use super::proxy::unusable_proxy;
use super::redact::plain;
use super::{Answer, Auth, CreateRun, Credentials, Flow, Pacer, ServerClock, SourceKind, Token};
use crate::backoff::Backoff;
use crate::crash::Point;
use crate::run::{FlowRef, OrganizationId, RunId, Sandbox};

/// Where the service's own paths begin, on every host.
pub(super) const SERVICE: &str = "data/foundation/flowservice";
/// No answer to a create is longer than this; more of it would not be read.
const CREATE_ANSWER: usize = 1 << 20;
/// No page of a list is longer than this.
const PAGE: usize = 32 << 20;
/// How often a read is sent before it is given up.
const READ_TRIES: u32 = 6;
/// How long it waits after the first try, and at most.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Whom to talk to, and as whom.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Such as `https://platform.adobe.io`.
    pub endpoint: Url,
    /// `x-gw-ims-org-id`.
    pub organization: OrganizationId,
    /// `x-api-key`.
    pub api_key: String,
    /// How to sign in.
    pub credentials: Credentials,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// A Flow Service client for one organization and one API key.
pub struct Client {
    base: Url,
    api_key: String,
    headers: HeaderMap,
    creates: reqwest::Client,
    reads: reqwest::Client,
    auth: Auth,
    pacer: Arc<Pacer>,
    clock: ServerClock,
    pub(super) dialect: Dialect,
    kinds: Mutex<HashMap<String, Option<SourceKind>>>,
    /// Headers about a limit of requests that any answer had.
    limits_seen: Mutex<BTreeMap<String, String>>,
    /// Whether the service has refused the word `re-trigger`.
    retries_in_capitals: AtomicBool,
}

impl Client {
    /// A client for `connection` whose requests wait their turn at `pacer`.
    ///
    /// # Errors
    /// When TLS cannot be set up, or an id does not fit into a header.
    pub fn new(connection: Connection, pacer: Arc<Pacer>) -> Result<Self, ApiError> {
        let Connection {
            endpoint,
            organization,
            api_key,
            credentials,
            timeouts,
        } = connection;
        let base = base(&endpoint).map_err(|error| ApiError::Setup(error.to_string()))?;

        let value = |name: &str, text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| ApiError::Setup(format!("{name} cannot be sent as a header")))
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", value("the API key", &api_key)?);
        headers.insert(
            "x-gw-ims-org-id",
            value("the organization", organization.as_str())?,
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));

        let sign_in_host = match &credentials {
            Credentials::ClientSecret { ims, .. } => ims,
            Credentials::AccessToken(_) => &base,
        };
        for url in [sign_in_host, &base] {
            if let Some((name, why)) = unusable_proxy(url, |name| std::env::var(name).ok()) {
                return Err(ApiError::Setup(format!("{name} {why}")));
            }
        }
        let made = |builder: reqwest::ClientBuilder| {
            let client = builder.build();
            client.map_err(|error| ApiError::Setup(describe(&error)))
        };
        let ours = || builder(&base, timeouts);
        let creates = ours()
            .http1_only()
            .pool_max_idle_per_host(0)
            .connector_layer(ConnectionGuard);
        let creates = made(creates)?;
        let reads = made(ours())?;
        let sign_in = made(builder(sign_in_host, timeouts))?;
        Ok(Self {
            base,
            api_key,
            headers,
            creates,
            reads,
            auth: Auth::new(credentials, sign_in),
            pacer,
            clock: ServerClock::default(),
            dialect: Dialect::default(),
            kinds: Mutex::default(),
            limits_seen: Mutex::default(),
            retries_in_capitals: AtomicBool::new(false),
        })
    }

    /// The same client, which speaks and understands `dialect`.
    #[must_use]
    pub fn speaking(self, dialect: Dialect) -> Self {
        let in_capitals = dialect.retry_word == RetryWord::Specification;
        Self {
            dialect,
            retries_in_capitals: AtomicBool::new(in_capitals),
            ..self
        }
    }

    /// How the service is spoken to.
    pub(crate) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The pacer that everything waits at.
    #[must_use]
    pub fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// The service's clock, as far as it is known.
    #[must_use]
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// The API key: the `createdClient` of the runs we create.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The headers about a limit of requests that answers had, each as it was last.
    pub(crate) fn limits_seen(&self) -> BTreeMap<String, String> {
        self.limits_seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What signs requests in.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Sends one `POST /runs`, now: the caller has made its intent durable and had its turn.
    ///
    /// `may_leave` is asked again when the connection takes the body: a process may have been
    /// suspended until then. If it says no, nothing is sent.
    pub async fn create(
        &self,
        sandbox: &Sandbox,
        run: &CreateRun,
        token: &Token,
        may_leave: impl Fn() -> bool + Send + Sync + Unpin + 'static,
    ) -> Outcome {
        let (body, held_back) = GuardedBody::new(run.to_json(), may_leave);
        let request = self
            .creates
            .post(self.url("runs"))
            .headers(self.signed(sandbox, token))
            .body(reqwest::Body::wrap(body));
        Point::CREATE_SENDING.pass();
        let seen = self.exchange(request, CREATE_ANSWER).await;
        Point::CREATE_ANSWERED.pass();
        if held_back.load(Ordering::Relaxed) {
            return Outcome::NotSent("the process was suspended before it was sent".to_owned());
        }
        judge(seen.as_ref())
    }

    /// Asks the service to run `run_id` again, now; as [`create`](Self::create) does, but without a
    /// body.
    ///
    /// Adobe's tutorial says `re-trigger`, its specification `RE_TRIGGER`: the second is tried where
    /// the service refuses the first, and from then on.
    pub async fn retry(
        &self,
        sandbox: &Sandbox,
        run_id: &RunId,
        token: &Token,
        may_leave: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> Outcome {
        if !self.retries_in_capitals.load(Ordering::Relaxed) {
            let outcome = self
                .act(
                    sandbox,
                    run_id,
                    RetryWord::Tutorial,
                    token,
                    may_leave.clone(),
                )
                .await;
            if !is_word_refused(&outcome) {
                return outcome;
            }
            self.retries_in_capitals.store(true, Ordering::Relaxed);
            self.pacer.turn().await;
        }
        self.act(sandbox, run_id, RetryWord::Specification, token, may_leave)
            .await
    }

    async fn act(
        &self,
        sandbox: &Sandbox,
        run_id: &RunId,
        word: RetryWord,
        token: &Token,
        may_leave: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Outcome {
        let request = self
            .creates
            .post(action(&self.base, run_id, word))
            .headers(self.signed(sandbox, token))
            .header(CONTENT_LENGTH, 0);
        Point::RETRY_SENDING.pass();
        let seen = guarded(may_leave, self.exchange(request, CREATE_ANSWER)).await;
        Point::RETRY_ANSWERED.pass();
        judge(seen.as_ref())
    }

    /// The flow, with what kind of source it reads as far as that can be told.
    ///
    /// # Errors
    /// When it does not exist in the sandbox, or cannot be had or understood.
    pub async fn flow(&self, flow: &FlowRef) -> Result<Flow, ApiError> {
        let body = self
            .read(&flow.sandbox, self.url(&format!("flows/{}", flow.id)))
            .await?;
        let mut read = Flow::read(&body)
            .ok_or_else(|| ApiError::NotUnderstood("a flow without an id".to_owned()))?;
        if let (None, Some(spec)) = (read.kind, &read.spec_id) {
            read.kind = self.kind_of_spec(&flow.sandbox, spec.raw()).await?;
        }
        Ok(read)
    }

    async fn kind_of_spec(
        &self,
        sandbox: &Sandbox,
        spec: &str,
    ) -> Result<Option<SourceKind>, ApiError> {
        let kinds = || self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = kinds().get(spec) {
            return Ok(*kind);
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["flowSpecs", spec]);
        }
        let kind = match self.read(sandbox, url).await {
            Ok(body) => kind_by_spec(&body),
            // A spec that may not be seen is no reason to stop: the kind is then not compared.
            Err(ApiError::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        kinds().insert(spec.to_owned(), kind);
        Ok(kind)
    }

    /// Reads `url`, again after what may pass.
    pub(super) async fn read(&self, sandbox: &Sandbox, url: Url) -> Result<Value, ApiError> {
        Ok(self.read_with_age(sandbox, url).await?.0)
    }

    /// The same, and how old the answer is: no cache is asked, and some answer all the same.
    pub(super) async fn read_with_age(
        &self,
        sandbox: &Sandbox,
        url: Url,
    ) -> Result<(Value, Duration), ApiError> {
        let mut token = self.auth.token().await?;
        let mut renewed = false;
        let mut wait = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut tried = 0;
        loop {
            let turn = self.pacer.turn().await;
            let request = self
                .reads
                .get(url.clone())
                .headers(self.signed(sandbox, &token))
                .header(CACHE_CONTROL, "no-cache, no-store");
            tried += 1;
            Point::READ_ASKING.pass();
            let seen = self.exchange(request, PAGE).await;
            Point::READ_ANSWERED.pass();
            let problem = match seen {
                Err(Broken::NotConnected(why) | Broken::Connected(why)) => why,
                Ok(answer) => match answer.status {
                    200..=299 if answer.complete => match serde_json::from_slice(&answer.body) {
                        Ok(body) => return Ok((body, answer.age)),
                        Err(error) => {
                            let why = not_json(&answer.body, &error);
                            return Err(ApiError::NotUnderstood(why));
                        }
                    },
                    200..=299 => "an answer that broke off".to_owned(),
                    429 => {
                        self.pacer.throttle(turn, answer.retry_after);
                        answer.refusal().to_string()
                    }
                    408 | 500..=599 => answer.refusal().to_string(),
                    _ => match judge(Ok(&answer)) {
                        Outcome::TokenExpired(refusal) if !renewed => {
                            let reason = refusal.to_string();
                            token = self.auth.renewed(&token, &reason).await?;
                            renewed = true;
                            continue;
                        }
                        Outcome::TokenExpired(refusal) | Outcome::SignIn(refusal) => {
                            return Err(ApiError::SignIn(refusal));
                        }
                        _ => return Err(ApiError::Refused(answer.refusal())),
                    },
                },
            };
            if tried == READ_TRIES {
                return Err(ApiError::Unreachable(problem));
            }
            tokio::time::sleep(wait.next()).await;
        }
    }

    /// Sends a request and reads what comes back, up to `most` bytes of it.
    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        most: usize,
    ) -> Result<Answer, Broken> {
        let mut response = match request.send().await {
            Ok(response) => response,
            // Asked first: a connection that timed out was not made either.
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(Broken::NotConnected(describe(&error)));
            }
            Err(error) => return Err(Broken::Connected(describe(&error))),
        };
        let now = Timestamp::now();
        self.learn_limits(response.headers());
        let mut answer = Answer::begun(response.status().as_u16(), header_of(&response), now);
        if let Some(date) = answer.date {
            answer.age = answer.age.max(self.clock.age(date));
            self.clock.learn(date);
        }
        // A body that breaks off does not take back the status: the table decides on both.
        (answer.body, answer.complete) = bounded_body(&mut response, most).await;
        // A service that is down has said for how long everyone is to wait.
        if let (408 | 500.., Some(wait)) = (answer.status, answer.retry_after) {
            self.pacer.hold(wait);
        }
        Ok(answer)
    }

    fn learn_limits(&self, headers: &HeaderMap) {
        let is_about_limits = |name: &str| {
            name.contains("ratelimit") || name.contains("rate-limit") || name == "retry-after"
        };
        for (name, value) in headers {
            if is_about_limits(name.as_str()) {
                let value = plain(&String::from_utf8_lossy(value.as_bytes()));
                let mut seen = self.limits_seen.lock();
                let seen = seen.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut());
                seen.insert(name.as_str().to_owned(), value);
            }
        }
    }

    fn signed(&self, sandbox: &Sandbox, token: &Token) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(reqwest::header::AUTHORIZATION, token.header());
        let sandbox = HeaderValue::from_str(sandbox.as_str())
            .expect("a sandbox name is lower-case letters, digits and hyphens");
        headers.insert("x-sandbox-name", sandbox);
        headers
    }

    pub(super) fn url(&self, path: &str) -> Url {
        below(&self.base, path)
    }
}

/// Where the paths of the service begin at `endpoint`.
pub(super) fn base(endpoint: &Url) -> Result<Url, url::ParseError> {
    endpoint.join(&format!("{SERVICE}/"))
}

/// `path` below `base`.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path()));
    url
}

/// Where a run is asked to run again.
pub(super) fn action(base: &Url, run_id: &RunId, word: RetryWord) -> Url {
    let mut url = below(base, &format!("runs/{run_id}/action"));
    url.query_pairs_mut().append_pair("op", word.op());
    url
}
