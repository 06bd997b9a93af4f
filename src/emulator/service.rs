//! The service as a whole: one request in, one answer out, or what a fault leaves of it.
//!
//! Counts the request, asks the fault plan, lets the gateway check it, then does the work. The
//! work itself is a function of the request, the state and the clock, and takes no time; only
//! faults wait.

use std::sync::Arc;

use hyper::body::Bytes;
use hyper::{StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{AuthorizedCall, Call};
use super::clock::Clock;
use super::faults::{Fault, FaultBody, FaultPlan, FaultRule, FaultTiming, RetryAfterForm};
use super::gateway::{self, Gateway};
use super::kind::RequestKind;
use super::ledger::{Ledger, RequestCounts};
use super::reply::{Answer, Reply};
use super::scenario::Scenario;
use super::service_state::ServiceState;
use super::{flows, runs};

/// What goes back over the connection.
#[derive(Debug)]
pub(super) enum Delivery {
    /// The answer.
    Whole(Reply),
    /// The first half of the answer, then the end of the connection.
    Half(Reply),
    /// Nothing.
    Cut(Cut),
}

/// How a connection ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cut {
    #[error("reset by the scenario")]
    Reset,
    #[error("closed by the scenario")]
    Close,
}

/// The emulated IMS, gateway and Flow Service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) state: ServiceState,
    gateway: Gateway,
    plan: FaultPlan,
    pub(super) counts: RequestCounts,
    clock: Clock,
}

impl Service {
    pub(super) fn new(state: ServiceState, clock: Clock) -> Self {
        let Scenario { seed, faults, .. } = &state.scenario;
        Self {
            plan: FaultPlan::new(*seed, state.run_count(), faults.clone()),
            state,
            gateway: Gateway::default(),
            counts: RequestCounts::default(),
            clock,
        }
    }

    /// The count of what arrived and what is stored.
    pub(super) fn ledger(&self) -> Ledger {
        self.counts.ledger(&self.state, self.micros() / 1000)
    }

    /// Counts a request whose head has arrived; gives the rule that decides its fate, if one does.
    pub(super) fn on_arrival(&self, kind: RequestKind) -> Option<FaultRule> {
        self.counts.count_arrival(kind, &self.clock);
        let rule = self.plan.rule_for(kind, self.clock.micros() / 1000)?;
        self.counts.count_fault(rule.name());
        Some(rule)
    }

    /// Answers a request, with what `rule` does to it.
    pub(super) async fn deliver(self: Arc<Self>, call: Call, rule: Option<FaultRule>) -> Delivery {
        let (fault, date, age) = match rule {
            Some(rule) => (rule.fault, rule.date, rule.age),
            None => (None, 0, None),
        };
        let delivery = match fault {
            Some(fault) => Arc::clone(&self).deliver_faulty(call, fault).await,
            None => Delivery::Whole(self.reply(&call)),
        };
        let dated = |reply: Reply| {
            let reply = reply.with_header(header::DATE, &self.http_date(date.into()));
            match age {
                None => reply,
                Some(seconds) => reply.with_header(header::AGE, &seconds.to_string()),
            }
        };
        match delivery {
            Delivery::Whole(reply) => Delivery::Whole(dated(reply)),
            Delivery::Half(reply) => Delivery::Half(dated(reply)),
            Delivery::Cut(cut) => Delivery::Cut(cut),
        }
    }

    async fn deliver_faulty(self: Arc<Self>, mut call: Call, fault: Fault) -> Delivery {
        let work_if = |when, call: &Call| {
            if when == FaultTiming::After {
                self.reply(call);
            }
        };
        let reply = match fault {
            Fault::Throttled { retry_after, form } => {
                let retry_after = retry_after.map(|seconds| match form {
                    RetryAfterForm::Seconds => seconds.to_string(),
                    RetryAfterForm::HttpDate => self.http_date(seconds.into()),
                });
                Reply::throttled(retry_after.as_deref())
            }
            Fault::ExpiredToken => Reply::token_not_valid(),
            Fault::Status {
                code,
                when,
                body,
                flow_code,
            } => {
                work_if(when, &call);
                error_by_scenario(code, body, flow_code)
            }
            Fault::Reset(when) => {
                work_if(when, &call);
                return Delivery::Cut(Cut::Reset);
            }
            Fault::Hang { time, when } => {
                work_if(when, &call);
                tokio::time::sleep(time.duration()).await;
                return Delivery::Cut(Cut::Close);
            }
            Fault::Garbage => {
                let status = self.reply(&call).status;
                let is_success = status.is_success();
                Reply::html(if is_success { status } else { StatusCode::OK })
            }
            Fault::WithoutId => with_entities(self.reply(&call), |entity| {
                entity.as_object_mut().map(|entity| entity.remove("id"));
            }),
            Fault::Nearly(window) => with_entities(self.reply(&call), |entity| window.show(entity)),
            Fault::Empty => Reply::json(StatusCode::OK, &json!({ "items": [], "_links": {} })),
            Fault::Behind(time) => {
                call.replica.behind = time.millis();
                self.reply(&call)
            }
            Fault::WithoutNewest(runs) => {
                call.replica.without = runs;
                self.reply(&call)
            }
            Fault::HalfAnswer => return Delivery::Half(self.reply(&call)),
            Fault::Slow(delay) => {
                // On its own task: a caller that has gone away stops no gateway's backend.
                let service = Arc::clone(&self);
                let late = tokio::spawn(async move {
                    tokio::time::sleep(delay.duration()).await;
                    service.reply(&call)
                });
                match late.await {
                    Ok(reply) => reply,
                    Err(_) => return Delivery::Cut(Cut::Close),
                }
            }
        };
        Delivery::Whole(reply)
    }

    /// The answer to a request to which nothing bad happens.
    fn reply(&self, call: &Call) -> Reply {
        self.answer(call).unwrap_or_else(|refused| refused)
    }

    fn answer(&self, call: &Call) -> Answer {
        let (state, kind, micros) = (&self.state, call.kind, self.micros());
        let now = micros / 1000;
        if kind == RequestKind::Token {
            let reply = gateway::issue_token(&call.body, &state.scenario, now)?;
            self.counts.token_issued();
            return Ok(reply);
        }
        if !self.gateway.has_room(&state.scenario, micros) {
            self.counts.count_fault("rateLimit");
            return Err(Reply::throttled(Some("1")));
        }
        let call = AuthorizedCall {
            request: call,
            caller: gateway::caller(&call.headers, state, now)?,
            state,
            now: if kind.makes_a_run() {
                now
            } else {
                now - call.replica.behind
            },
        };
        match kind {
            RequestKind::CreateRun => runs::create(&call),
            RequestKind::ListRuns => runs::list(&call),
            RequestKind::GetRun => runs::get(&call),
            RequestKind::Action => runs::act(&call),
            RequestKind::ListFlows => flows::list(&call),
            RequestKind::GetFlow => flows::get(&call),
            RequestKind::GetFlowSpec => flows::get_spec(&call),
            RequestKind::Token | RequestKind::Other => Err(Reply::invented(
                StatusCode::NOT_FOUND,
                9008,
                "There is nothing at this path.",
            )),
        }
    }

    /// Now, by the service's clock.
    fn micros(&self) -> i64 {
        self.clock.micros() + i64::from(self.state.scenario.clock_skew) * 1_000_000
    }

    /// The instant so many seconds ahead of the service's clock, as HTTP writes it.
    fn http_date(&self, ahead: i64) -> String {
        let at = Timestamp::from_millisecond(self.micros() / 1000 + ahead * 1000);
        at.map_or_else(
            |_| String::new(),
            |at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        )
    }
}

fn error_by_scenario(status: u16, body: FaultBody, flow_code: Option<u16>) -> Reply {
    let known = match status {
        500 => Some(1102),
        503 => Some(1103),
        504 => Some(1104),
        _ => None,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = format!("{}.", status.canonical_reason().unwrap_or("Error"));
    match (body, flow_code.or(known)) {
        (FaultBody::Empty, _) => Reply::empty(status),
        (FaultBody::Html, _) => Reply::html(status),
        (FaultBody::Service, Some(code)) => Reply::flow_error(status, code, &reason),
        (FaultBody::Service, None) => Reply::invented(status, 9099, &reason),
    }
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
