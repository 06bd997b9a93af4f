//! The one REST API: Adobe's Flow Service, as its tutorial, its OpenAPI and its samples show it.
//!
//! Takes typed requests and gives typed answers. A create request is sent once per call and its
//! outcome is judged by one table, [`judge`]; reads may be sent again, because they change
//! nothing. Everything that leaves waits its turn at one [`Pacer`]. Knows nothing of plans.

mod answer;
mod auth;
mod client;
mod clock;
mod curl;
mod dialect;
mod error;
mod flow;
mod flow_run;
mod guarded;
mod http;
mod lists;
mod not_json;
mod outcome;
mod pacer;
mod paging;
mod probe;
mod proxy;
mod redact;
mod retry_after;
mod token_claims;
mod wire;

pub use answer::Answer;
pub use auth::{Auth, AuthError, Credentials, Token, TokenAnswer};
pub use client::{Client, Connection};
pub(crate) use clock::CLOCKS;
pub use clock::ServerClock;
pub(crate) use curl::CurlTarget;
pub use dialect::{Dialect, RetryWord, StatusWordError, StatusWords};
pub use error::ApiError;
pub use flow::{Flow, SourceKind, kind_by_spec};
pub use flow_run::{FlowRun, RunError, RunTimes, WindowEvidence};
pub(crate) use flow_run::{is_in_milliseconds, shows_milliseconds};
#[cfg(feature = "object-store")]
pub(crate) use http::OWN_AUTHORITY;
pub use http::Timeouts;
pub(crate) use http::{bounded_body, builder as http_builder, describe as describe_broken};
pub use lists::FlowList;
pub(crate) use not_json::not_json;
pub use outcome::{Broken, Outcome, judge};
pub use pacer::{Pacer, Rate, RateError};
pub use paging::Page;
pub(crate) use probe::{CertificateTrust, Probe, Unreached, probe};
pub use proxy::unusable_certificates;
pub(crate) use proxy::{is_loopback, unusable_proxy};
pub(crate) use redact::{keep as register_secret, plain};
pub(crate) use token_claims::TokenClaims;
pub use wire::{CreateRun, DeltaColumnRule, TimestampForm, TimestampUnit, Timestamps};
