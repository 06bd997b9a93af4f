//! The service as a whole: one request in, one answer out, or what a fault leaves of it.
//!
//! Counts the request, asks the fault plan, lets the gateway check it, then does the work. The
//! work itself is a function of the request, the world and the clock, and takes no time; only
//! faults wait.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::clock::{Clock, Millis};
use super::faults::{Fault, FaultBody, FaultPlan, FaultTiming, RetryAfterForm, Strike};
use super::gateway::{self, Caller, Gateway};
use super::held::held;
use super::kind::RequestKind;
use super::ledger::{Arrived, Ledger, Tally};
use super::refusal::{Invented, ServiceError};
use super::reply::Reply;
use super::world::World;
use super::{flow_specs, flows, runs, source_connections};

/// What a path and a method mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    CreateRun,
    ListRuns,
    GetRun(String),
    Action(String),
    ListFlows,
    GetFlow(String),
    ListFlowSpecs,
    GetFlowSpec(String),
    ListSourceConnections,
    GetSourceConnection(String),
    Token,
    NoSuchPath,
    WrongMethod,
}

impl Route {
    fn kind(&self) -> RequestKind {
        match self {
            Self::CreateRun => RequestKind::CreateRun,
            Self::ListRuns => RequestKind::ListRuns,
            Self::GetRun(_) => RequestKind::GetRun,
            Self::Action(_) => RequestKind::Action,
            Self::ListFlows => RequestKind::ListFlows,
            Self::GetFlow(_) => RequestKind::GetFlow,
            Self::ListFlowSpecs => RequestKind::ListFlowSpecs,
            Self::GetFlowSpec(_) => RequestKind::GetFlowSpec,
            Self::ListSourceConnections => RequestKind::ListSourceConnections,
            Self::GetSourceConnection(_) => RequestKind::GetSourceConnection,
            Self::Token => RequestKind::Token,
            Self::NoSuchPath | Self::WrongMethod => RequestKind::Other,
        }
    }

    fn changes(&self) -> bool {
        matches!(self, Self::CreateRun | Self::Action(_))
    }
}

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) route: Route,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    /// The body; `None` if it was too large or did not arrive.
    pub(super) body: Option<Bytes>,
}

/// What goes back over the connection.
#[derive(Debug)]
pub(super) enum Delivery {
    /// The answer.
    Whole(Reply),
    /// The first half of the answer, then the end of the connection.
    Half(Reply),
    /// A reset.
    Reset,
    /// The end of the connection.
    Close,
}

/// The emulated IMS, gateway and Flow Service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) world: World,
    gateway: Gateway,
    plan: FaultPlan,
    tally: Tally,
    clock: Clock,
}

impl Service {
    pub(super) fn new(world: World, clock: Clock) -> Self {
        let plan = FaultPlan::new(
            world.scenario.seed,
            world.run_count(),
            world.scenario.faults.clone(),
        );
        Self {
            world,
            gateway: Gateway::default(),
            plan,
            tally: Tally::default(),
            clock,
        }
    }

    /// The count of what arrived and what is stored.
    pub(super) fn ledger(&self) -> Ledger {
        let now = self.service_micros().div_euclid(1000);
        self.tally.ledger(held(&self.world, now))
    }

    /// How much arrived, as it arrives.
    pub(super) fn watch(&self) -> watch::Receiver<Arrived> {
        self.tally.watch()
    }

    /// Counts a request whose head has arrived and decides its fate.
    pub(super) fn arrived(&self, route: &Route) -> Strike {
        let kind = route.kind();
        self.tally.arrived(kind, &self.clock);
        let strike = self.plan.strike(kind, self.clock.micros() / 1000);
        if let Some(strike) = &strike {
            self.tally.struck(strike.name());
        }
        strike.unwrap_or_default()
    }

    /// Answers a request, with what `strike` does to it.
    pub(super) async fn deliver(self: Arc<Self>, call: Call, strike: Strike) -> Delivery {
        let Strike { fault, date, age } = strike;
        let untrue = |reply: Reply| {
            let reply = match date {
                0 => reply,
                seconds => self.dated(reply, seconds),
            };
            match age {
                None => reply,
                Some(seconds) => reply.with_header(header::AGE, HeaderValue::from(seconds)),
            }
        };
        match Arc::clone(&self).deliver_with(call, fault).await {
            Delivery::Whole(reply) => Delivery::Whole(untrue(reply)),
            Delivery::Half(reply) => Delivery::Half(untrue(reply)),
            none @ (Delivery::Reset | Delivery::Close) => none,
        }
    }

    async fn deliver_with(self: Arc<Self>, call: Call, fault: Option<Fault>) -> Delivery {
        let Some(fault) = fault else {
            return Delivery::Whole(self.reply(&call));
        };
        match fault {
            Fault::Throttled { retry_after, form } => {
                let retry_after = retry_after.map(|seconds| self.retry_after(seconds, form));
                Delivery::Whole(self.refuse(ServiceError::Throttled { retry_after }))
            }
            Fault::ExpiredToken => Delivery::Whole(self.refuse(ServiceError::token_not_valid())),
            Fault::Status {
                code,
                when,
                body,
                flow_code,
            } => {
                self.work_if(when, &call);
                Delivery::Whole(self.error_by_scenario(code.get(), body, flow_code))
            }
            Fault::Reset(when) => {
                self.work_if(when, &call);
                Delivery::Reset
            }
            Fault::Hang { time, when } => {
                self.work_if(when, &call);
                tokio::time::sleep(time.duration()).await;
                Delivery::Close
            }
            Fault::Garbage => {
                let status = self.reply(&call).status;
                let status = if status.is_success() {
                    status
                } else {
                    StatusCode::OK
                };
                Delivery::Whole(self.stamped(Reply::html(status)))
            }
            Fault::WithoutId => {
                let forget = |entity: &mut Value| {
                    entity.as_object_mut().map(|entity| entity.remove("id"));
                };
                Delivery::Whole(with_entities(self.reply(&call), forget))
            }
            Fault::Nearly(window) => {
                let show = |entity: &mut Value| window.show(entity);
                Delivery::Whole(with_entities(self.reply(&call), show))
            }
            Fault::Empty => {
                let list = Reply::json(StatusCode::OK, &json!({ "items": [], "_links": {} }));
                Delivery::Whole(self.stamped(list))
            }
            Fault::Behind(time) => Delivery::Whole(self.reply_as_of(&call, time.millis(), 0)),
            Fault::WithoutNewest(runs) => Delivery::Whole(self.reply_as_of(&call, 0, runs)),
            Fault::HalfAnswer => Delivery::Half(self.reply(&call)),
            Fault::Slow(delay) => {
                // On its own task: a caller that has gone away stops no gateway's backend.
                let late = tokio::spawn(async move {
                    tokio::time::sleep(delay.duration()).await;
                    self.reply(&call)
                });
                late.await.map_or(Delivery::Close, Delivery::Whole)
            }
        }
    }

    /// The answer to a request to which nothing bad happens.
    fn reply(&self, call: &Call) -> Reply {
        self.reply_as_of(call, 0, 0)
    }

    /// The same by a replica: a read is answered as it was `behind` ago, and a list of runs lacks
    /// the newest `without`.
    fn reply_as_of(&self, call: &Call, behind: Millis, without: usize) -> Reply {
        match self.work(call, behind, without) {
            Ok(reply) => self.stamped(reply),
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn work_if(&self, when: FaultTiming, call: &Call) {
        if when == FaultTiming::After {
            self.reply(call);
        }
    }

    fn work(&self, call: &Call, behind: Millis, without: usize) -> Result<Reply, ServiceError> {
        let Call {
            route,
            query,
            headers,
            body,
        } = call;
        let now_micros = self.service_micros();
        let now = now_micros / 1000;
        let body = body.as_deref().ok_or_else(|| {
            ServiceError::invented(
                StatusCode::PAYLOAD_TOO_LARGE,
                Invented::BodyTooLarge,
                "The request body is too large or incomplete.",
            )
        });
        if *route == Route::Token {
            let reply = gateway::issue_token(query, body?, &self.world.scenario, now)?;
            self.tally.token_issued();
            return Ok(reply);
        }
        let caller = self.let_in(route, headers, now_micros)?;
        let now = if route.changes() { now } else { now - behind };
        match route {
            Route::CreateRun => runs::create(&self.world, &caller, body?, now),
            Route::ListRuns => runs::list(&self.world, &caller, query, now, without),
            Route::GetRun(id) => runs::get(&self.world, &caller, id, now),
            Route::Action(id) => runs::act(&self.world, &caller, id, query, headers, now),
            Route::ListFlows => flows::list(&self.world, &caller, query, now),
            Route::GetFlow(id) => flows::get(&self.world, &caller, id, now),
            Route::ListFlowSpecs => flow_specs::list(&self.world, &caller, query, now),
            Route::GetFlowSpec(id) => flow_specs::get(&self.world, id),
            Route::ListSourceConnections => {
                source_connections::list(&self.world, &caller, query, now)
            }
            Route::GetSourceConnection(id) => source_connections::get(&self.world, &caller, id),
            Route::WrongMethod => Err(ServiceError::invented(
                StatusCode::METHOD_NOT_ALLOWED,
                Invented::MethodNotAllowed,
                "The method is not allowed here.",
            )),
            Route::NoSuchPath | Route::Token => Err(ServiceError::invented(
                StatusCode::NOT_FOUND,
                Invented::NoSuchPath,
                "There is nothing at this path.",
            )),
        }
    }

    fn let_in(
        &self,
        route: &Route,
        headers: &HeaderMap,
        now_micros: i64,
    ) -> Result<Caller, ServiceError> {
        let scenario = &self.world.scenario;
        self.gateway
            .check_rate(scenario, now_micros)
            .inspect_err(|_| self.tally.struck("rateLimit"))?;
        let (client, organization) = gateway::check_headers(headers, scenario, now_micros / 1000)?;
        if *route == Route::CreateRun {
            gateway::check_content_type(headers)?;
        }
        let sandbox = gateway::check_sandbox(headers, scenario, &self.world)?;
        gateway::check_permission(scenario.permission, route.changes())?;
        Ok(Caller {
            sandbox,
            client,
            organization,
        })
    }

    fn error_by_scenario(&self, status: u16, body: FaultBody, flow_code: Option<u16>) -> Reply {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match body {
            FaultBody::Empty => self.stamped(Reply::empty(status)),
            FaultBody::Html => self.stamped(Reply::html(status)),
            FaultBody::Service => {
                let known = match status.as_u16() {
                    500 => Some(1102),
                    503 => Some(1103),
                    504 => Some(1104),
                    _ => None,
                };
                let reason = status.canonical_reason().unwrap_or("Error");
                self.refuse(match flow_code.or(known) {
                    Some(code) => ServiceError::service(status, code, format!("{reason}.")),
                    None => {
                        ServiceError::invented(status, Invented::ByScenario, format!("{reason}."))
                    }
                })
            }
        }
    }

    fn retry_after(&self, seconds: u32, form: RetryAfterForm) -> String {
        match form {
            RetryAfterForm::Seconds => seconds.to_string(),
            RetryAfterForm::HttpDate => {
                let end = self.service_micros() / 1000 + i64::from(seconds) * 1000;
                http_date(end).unwrap_or_default()
            }
        }
    }

    /// Now, by the service's clock.
    fn service_micros(&self) -> i64 {
        self.clock.micros() + i64::from(self.world.scenario.clock_skew) * 1_000_000
    }

    fn refuse(&self, refusal: ServiceError) -> Reply {
        let request_id = Uuid::new_v4().to_string();
        let reply = refusal.into_reply(&request_id);
        self.dated(with_request_id(reply, &request_id), 0)
    }

    /// The reply with the headers that every answer has.
    fn stamped(&self, reply: Reply) -> Reply {
        let request_id = Uuid::new_v4().to_string();
        self.dated(with_request_id(reply, &request_id), 0)
    }

    /// The reply with a `Date` that is `ahead` of the service's clock, in seconds.
    fn dated(&self, reply: Reply, ahead: i32) -> Reply {
        let date = http_date(self.service_micros() / 1000 + i64::from(ahead) * 1000);
        match date.and_then(|date| HeaderValue::from_str(&date).ok()) {
            Some(date) => reply.with_header(header::DATE, date),
            None => reply,
        }
    }
}

fn with_request_id(reply: Reply, request_id: &str) -> Reply {
    match HeaderValue::from_str(request_id) {
        Ok(id) => reply.with_header(HeaderName::from_static("x-request-id"), id),
        Err(_) => reply,
    }
}

/// An instant as HTTP writes it.
fn http_date(at: Millis) -> Option<String> {
    let at = Timestamp::from_millisecond(at).ok()?;
    Some(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// A successful answer with each of its entities changed.
fn with_entities(reply: Reply, change: impl Fn(&mut Value)) -> Reply {
    if !reply.status.is_success() {
        return reply;
    }
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_else(|_| json!({}));
    let items = body.get_mut("items").and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(&change);
    change(&mut body);
    Reply {
        body: Bytes::from(body.to_string()),
        ..reply
    }
}
