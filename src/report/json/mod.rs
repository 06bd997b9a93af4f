//! JSON documents: one per command, versioned, in structs of their own, so that nothing inside
//! the program can change what a script reads.

mod apply;
mod audit;
mod import;
mod known;
mod plan;
mod read_plan;
mod resolve;
mod retry;
#[cfg(test)]
mod schemas;
mod state;
mod status;
mod streamed;
mod validate;

use serde::Serialize;

pub(crate) use self::apply::{ApplyDocument, apply, apply_failure};
pub(crate) use self::audit::{AuditDocument, audit};
pub(crate) use self::import::{ImportDocument, import};
pub(crate) use self::plan::{PlanDocument, plan};
pub(crate) use self::read_plan::read_plan;
pub(crate) use self::resolve::{ResolveDocument, resolve};
pub(crate) use self::retry::{RetryDocument, retry};
#[cfg(all(test, feature = "rehearse"))]
pub(crate) use self::schemas::check_schema;
pub(crate) use self::state::{StateDocument, VerifyDocument, state, verify};
pub(crate) use self::status::{StatusDocument, status};
pub(crate) use self::streamed::Streamed;
pub(crate) use self::validate::{ValidateDocument, validate};
use crate::engine::RunOutcome;
use crate::report::outcome::{describe_doubt, describe_left};
use crate::run::{DesiredRun, FlowId, Key, RunIdentity, Sandbox};
use crate::state::Refusal;
use crate::untrusted::Untrusted;

/// What identifies a run, in every document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct RunFields {
    key: Key,
    /// The label of its flow, where a manifest gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Untrusted>,
    sandbox: Sandbox,
    flow_id: FlowId,
    window_start_time: i64,
    window_start: String,
    window_end_time: i64,
    window_end: String,
    rerun: u32,
}

impl RunFields {
    fn new(key: Key, identity: &RunIdentity) -> Self {
        let RunIdentity {
            flow,
            window,
            rerun,
        } = identity;
        Self {
            key,
            name: None,
            sandbox: flow.sandbox.clone(),
            flow_id: flow.id,
            window_start_time: window.start().get(),
            window_start: window.start().to_string(),
            window_end_time: window.end().get(),
            window_end: window.end().to_string(),
            rerun: rerun.get(),
        }
    }

    fn desired(run: &DesiredRun) -> Self {
        Self {
            name: Some(run.request.name.clone()),
            ..Self::new(run.key(), &run.identity)
        }
    }
}

/// Where a run was asked for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Asked {
    manifest: String,
    line: u32,
}

impl Asked {
    fn new(run: &DesiredRun) -> Self {
        Self {
            manifest: run.request.manifest.to_string(),
            line: run.line,
        }
    }
}
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ApplyError {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl ApplyError {
    fn said(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            status: None,
            code: None,
            request_id: None,
        }
    }

    /// Why a run was not created, or may not have been.
    fn of(outcome: &RunOutcome) -> Option<Self> {
        match outcome {
            RunOutcome::Unchanged | RunOutcome::Created(_) | RunOutcome::Adopted(..) => None,
            RunOutcome::Rejected(refusal) => Some(Self::refused(refusal)),
            RunOutcome::InDoubt(why) => Some(Self::said(&describe_doubt(why))),
            RunOutcome::Remaining(why) => Some(Self::said(&describe_left(why))),
        }
    }

    fn refused(refusal: &Refusal) -> Self {
        let Refusal {
            status,
            code,
            message,
            request_id,
        } = refusal;
        Self {
            message: message.to_string(),
            status: Some(*status),
            code: code.as_ref().map(Untrusted::to_string),
            request_id: request_id.as_ref().map(Untrusted::to_string),
        }
    }
}

/// What stands in a report in place of a result: why there is none.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureDocument {
    format: &'static str,
    ending: &'static str,
    message: String,
    exit_code: u8,
}

/// The document of a command that could not do its work, in place of one of `format`.
#[must_use]
pub(crate) fn failure(format: &'static str, message: &str, exit_code: u8) -> FailureDocument {
    FailureDocument {
        format,
        ending: "failed",
        message: message.to_owned(),
        exit_code,
    }
}
