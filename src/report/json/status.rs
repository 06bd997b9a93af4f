//! The document of the recorded runs and how they are doing.

use serde::Serialize;

use super::RunFields;
use crate::report::{Status, Unread};
use crate::run::{FlowId, RunId, Sandbox};
use crate::untrusted::Untrusted;

/// `status/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusDocument {
    #[cfg_attr(test, schemars(extend("const" = "status/v1")))]
    format: &'static str,
    summary: std::collections::BTreeMap<String, usize>,
    runs: Vec<StatusRun>,
    /// The flows whose runs could not be listed.
    unread: Vec<UnreadFlow>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct StatusRun {
    #[serde(flatten)]
    run: RunFields,
    status: String,
    run_id: Option<RunId>,
    records: Records,
    errors: Vec<StatusError>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct UnreadFlow {
    name: Untrusted,
    sandbox: Sandbox,
    flow_id: FlowId,
    message: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Records {
    input: Option<u64>,
    output: Option<u64>,
    failed: Option<u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StatusError {
    code: String,
    message: String,
}

/// The runs and their status, as `status/v1`.
#[must_use]
pub(crate) fn status(status: &Status, exit_code: u8) -> StatusDocument {
    let Status { rows, unread } = status;
    let mut summary = std::collections::BTreeMap::new();
    let runs = rows
        .iter()
        .map(|row| {
            let word = match row.word().as_str() {
                "in doubt" => "inDoubt".to_owned(),
                "not listed" => "notListed".to_owned(),
                "not read" => "notRead".to_owned(),
                word => word.to_owned(),
            };
            *summary.entry(word.clone()).or_default() += 1;
            let records = row.run().map(|run| run.records).unwrap_or_default();
            StatusRun {
                run: RunFields {
                    name: Some(row.name.clone()),
                    ..RunFields::new(row.key, &row.identity)
                },
                status: word,
                run_id: row.run_id.clone(),
                records: Records {
                    input: records.input,
                    output: records.output,
                    failed: records.failed,
                },
                errors: row.run().map_or_else(Vec::new, |run| {
                    run.errors
                        .iter()
                        .map(|error| StatusError {
                            code: error.code.to_string(),
                            message: error.message.to_string(),
                        })
                        .collect()
                }),
            }
        })
        .collect();
    StatusDocument {
        format: "status/v1",
        summary,
        runs,
        unread: unread.iter().map(UnreadFlow::new).collect(),
        exit_code,
    }
}

impl UnreadFlow {
    fn new(unread: &Unread) -> Self {
        let Unread { name, flow, why } = unread;
        Self {
            name: name.clone(),
            sandbox: flow.sandbox.clone(),
            flow_id: flow.id,
            message: why.clone(),
        }
    }
}
