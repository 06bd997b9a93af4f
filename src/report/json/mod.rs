//! JSON documents: one per command, versioned, in structs of their own, so that nothing inside
//! the program can change what a script reads.

mod apply;
mod audit;
mod import;
mod parts;
mod plan;
mod read_plan;
mod resolve;
mod retry;
#[cfg(test)]
mod schema_tests;
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
pub(crate) use self::schema_tests::check_schema;
pub(crate) use self::state::{StateDocument, VerifyDocument, state, verify};
pub(crate) use self::status::{StatusDocument, status};
pub(crate) use self::streamed::Streamed;
pub(crate) use self::validate::{ValidateDocument, validate};

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
