//! The emulator seen from outside: by its answers, without a socket and over one.

mod conversation;
mod create;
mod flow;
mod list;
mod socket;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::run::{DeltaColumn, Source};

use super::FlowSeed;
use super::call::{Call, Replica};
use super::clock::{Clock, Millis};
use super::kind::{BASE, RequestKind};
use super::reply::Reply;
use super::scenario::Scenario;
use super::service::{Delivery, Service};
use super::service_state::ServiceState;

pub(super) const TABLE: &str = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de";
pub(super) const FILE: &str = "5abea21c-7e36-4be1-bec1-d3bad0e3e0de";

/// A table flow and a file flow in `prod`, and the file flow's twin in `dev`.
pub(super) fn flows() -> Vec<FlowSeed> {
    let column = DeltaColumn {
        name: "DOB".to_owned(),
        date_format: None,
        timezone: None,
    };
    let seed = |id: &str, sandbox: &str, source| FlowSeed {
        id: id.parse().expect("a flow id"),
        sandbox: sandbox.parse().expect("a sandbox"),
        name: format!("flow {}", &id[..1]),
        source,
    };
    vec![
        seed(TABLE, "prod", Source::Table(column)),
        seed(FILE, "prod", Source::File),
        seed(FILE, "dev", Source::File),
    ]
}

/// A clock that stands still until a test turns it; shows 2026-01-01T00:00:00Z at first.
#[derive(Clone)]
pub(super) struct TurnedClock(Arc<AtomicI64>);

impl TurnedClock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_767_225_600_000_000)))
    }

    fn clock(&self) -> Clock {
        let hand = Arc::clone(&self.0);
        Clock::from_micros(move || hand.load(Ordering::SeqCst))
    }

    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst) / 1000
    }

    fn forward(&self, by: Millis) {
        self.0.fetch_add(by * 1000, Ordering::SeqCst);
    }
}

/// A service without a socket, at a time that stands still.
pub(super) struct TestService {
    pub(super) service: Arc<Service>,
    pub(super) time: TurnedClock,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl TestService {
    pub(super) fn calm() -> Self {
        Self::with("")
    }

    pub(super) fn with(yaml: &str) -> Self {
        let scenario = Scenario::of(yaml);
        let state = ServiceState::new(flows(), scenario, None).expect("a state");
        let time = TurnedClock::new();
        Self {
            service: Arc::new(Service::new(state, time.clock())),
            time,
            headers: [
                ("authorization", "Bearer any"),
                ("x-api-key", "my-client"),
                ("x-gw-ims-org-id", "org@AdobeOrg"),
                ("x-sandbox-name", "prod"),
                ("content-type", "application/json"),
            ]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec(),
        }
    }

    /// The same emulated with one header changed, or left out.
    pub(super) fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(sent, _)| *sent != name);
        self.headers
            .extend(value.map(|value| (name, value.to_owned())));
        self
    }

    /// Sends a request such as `GET /runs?limit=1`.
    pub(super) fn send(&self, request: &str, body: &str) -> Reply {
        match self.deliver(request, body) {
            Delivery::Whole(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), "")
    }

    pub(super) fn deliver(&self, request: &str, body: &str) -> Delivery {
        let header = |(name, value): &(&'static str, String)| {
            let value = HeaderValue::from_str(value).expect("a header");
            (HeaderName::from_static(name), value)
        };
        let (method, url) = request.split_once(' ').expect("a method");
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let base = if path.starts_with("/ims") { "" } else { BASE };
        let path = format!("{base}{path}");
        let (kind, id) = RequestKind::of(method, &path);
        let rule = self.service.on_arrival(kind);
        let call = Call {
            kind,
            id: id.to_owned(),
            query: query.to_owned(),
            headers: self.headers.iter().map(header).collect::<HeaderMap>(),
            body: Bytes::from(body.to_owned()),
            replica: Replica::default(),
        };
        // Paused: what waits for a timer waits no time.
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime")
            .block_on(Arc::clone(&self.service).deliver(call, rule))
    }

    /// Sends a create and gives its status and body.
    pub(super) fn create(&self, body: &Value) -> (u16, Value) {
        let reply = self.send("POST /runs", &body.to_string());
        (reply.status.as_u16(), reply.body_json())
    }

    /// Creates a run of the file flow and gives its id.
    pub(super) fn create_file_run(&self, window: (i64, i64)) -> String {
        let (status, body) = self.create(&file_run(window));
        assert_eq!(status, 201, "{body}");
        body["items"][0]["id"].as_str().expect("an id").to_owned()
    }

    pub(super) fn get_run(&self, id: &str) -> Value {
        let reply = self.get(&format!("/runs/{id}"));
        reply.body_json()["items"][0].clone()
    }

    pub(super) fn list(&self, query: &str) -> Value {
        self.get(&format!("/runs?{query}")).body_json()
    }
}

pub(super) fn file_run((start, end): (i64, i64)) -> Value {
    json!({
        "flowId": FILE,
        "params": { "startTime": 0, "windowStartTime": start, "windowEndTime": end },
    })
}

/// The code in an error body, the gateway's or the service's.
pub(super) fn code(body: &Value) -> &str {
    let by_type = body["type"].as_str().and_then(|t| t.rsplit('/').next());
    body["error_code"].as_str().or(by_type).unwrap_or_default()
}
