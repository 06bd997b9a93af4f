//! `resolve/v1`: runs in doubt, what may be they, and what was decided.

use jiff::Timestamp;
use serde::Serialize;

use super::parts::{ErrorFields, KnownFields, RunFields, to_the_second};
use crate::api::FlowRun;
use crate::reconcile::resolve::{Case, Decision};
use crate::run::{RunId, UnixSeconds};
use crate::state::Fate;
use crate::untrusted::Untrusted;

/// `resolve/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResolveDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "resolve/v1")))]
    format: &'static str,
    runs: Vec<ResolveRun<'a>>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ResolveRun<'a> {
    #[serde(flatten)]
    run: RunFields,
    /// When its request was about to leave.
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "String"))]
    at: Timestamp,
    /// When it is to begin, if later than it was sent; unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    /// What came back, or why the flow's runs are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorFields>,
    candidates: Vec<Candidate<'a>>,
    /// What was decided, once it is recorded.
    #[serde(flatten)]
    decision: Option<&'a Decision>,
}

/// A run of the flow that may be the one in doubt.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    run_id: &'a RunId,
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    created_at: Option<Timestamp>,
    created_client: &'a Option<Untrusted>,
    created_by: &'a Option<Untrusted>,
    status: String,
    window_start_time: Option<i64>,
    window_end_time: Option<i64>,
}

impl<'a> Candidate<'a> {
    fn new(run: &'a FlowRun) -> Self {
        let window = run.window_evidence.window();
        Self {
            run_id: &run.id,
            created_at: run.created_at,
            created_client: &run.created_client,
            created_by: &run.created_by,
            status: run.status.to_string(),
            window_start_time: window.map(|window| window.start().get()),
            window_end_time: window.map(|window| window.end().get()),
        }
    }
}

/// The cases, each with what was recorded of it, as `resolve/v1`.
#[must_use]
pub(crate) fn resolve(cases: &[Case], exit_code: u8) -> ResolveDocument<'_> {
    ResolveDocument {
        format: "resolve/v1",
        runs: cases.iter().map(resolve_run).collect(),
        exit_code,
    }
}

fn resolve_run(case: &Case) -> ResolveRun<'_> {
    let Case {
        key: _,
        identity,
        fate,
        intent,
        candidates,
        decision,
    } = case;
    let start_time = match fate {
        Fate::InDoubt(in_doubt) => in_doubt.start_time,
        Fate::NotCreated(_) | Fate::Created { .. } | Fate::Rejected { .. } => None,
    };
    ResolveRun {
        run: RunFields::new(identity),
        at: intent.time(),
        start_time: start_time.map(UnixSeconds::get),
        error: match candidates {
            Err(refusal) => Some(ErrorFields::refused(refusal)),
            Ok(_) => KnownFields::new(fate).error,
        },
        candidates: candidates.iter().flatten().map(Candidate::new).collect(),
        decision: decision.as_ref(),
    }
}
