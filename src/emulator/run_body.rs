//! The run object, as the service shows it.
//!
//! Takes a run, its flow, the scenario and the time; gives the JSON of Adobe's monitoring
//! samples: counts of 100 records, a copy activity that carries the window in milliseconds, a
//! promotion activity, and for a failed run the `-1` counts and the missing completion time of
//! its notification sample. Where two spellings exist, the scenario says which.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::run::Sandbox;

use super::chance::uuid_of;
use super::clock::Millis;
use super::life::{EmulatedOutcome, Life};
use super::scenario::{Scenario, Spelling};
use super::world::{EmulatedFlow, EmulatedRun};

/// Who writes runs and flows.
pub(super) const TECHNICAL_ACCOUNT: &str = "emulator@techacct.adobe.com";

/// The version of an entity: a text that itself begins and ends with a double quote.
///
/// Like Adobe's, its last group is the second of the last change in hexadecimal.
pub(super) fn etag(subject: impl std::fmt::Display, updated_at: Millis) -> String {
    let version = uuid_of(format_args!("etag/{subject}/{updated_at}")).to_string();
    let seconds = updated_at.div_euclid(1000);
    format!("\"{}-0000-0200-0000-{seconds:08x}0000\"", &version[..8])
}

/// The run's version at `now`.
pub(super) fn run_etag(run: &EmulatedRun, scenario: &Scenario, now: Millis) -> String {
    let updated_at = Life::of(run, scenario, now).updated_at(run);
    etag(&run.record.id, updated_at)
}

/// The fields of [`run_head`].
pub(super) const HEAD_FIELDS: &[&str] = &[
    "id",
    "createdAt",
    "createdClient",
    "sandboxName",
    "imsOrgId",
    "flowId",
];

/// What never changes about a run: enough for most filters, and much cheaper than all of it.
pub(super) fn run_head(run: &EmulatedRun) -> Value {
    let record = &run.record;
    json!({
        "id": record.id,
        "createdAt": run.made_at,
        "createdClient": record.created_client,
        "sandboxName": record.sandbox,
        "imsOrgId": record.ims_org_id,
        "flowId": record.flow_id,
    })
}

/// The made-up id of a sandbox.
pub(super) fn sandbox_id(sandbox: &Sandbox) -> Uuid {
    uuid_of(format_args!("sandbox/{sandbox}"))
}

/// The run at `now`, with or without its `params`.
pub(super) fn run_body(
    run: &EmulatedRun,
    flow: &EmulatedFlow,
    scenario: &Scenario,
    now: Millis,
    with_params: bool,
) -> Value {
    let record = &run.record;
    let life = Life::of(run, scenario, now);
    let spec = flow.spec();
    let (etag_key, activities_key, status) = match scenario.spelling {
        Spelling::Samples => ("etag", "activities", life.status().to_owned()),
        Spelling::Openapi => ("eTag", "activites", upper_snake(life.status())),
    };
    let mut body = run_head(run);
    body["updatedAt"] = life.updated_at(run).into();
    body["createdBy"] = TECHNICAL_ACCOUNT.into();
    body["updatedBy"] = TECHNICAL_ACCOUNT.into();
    body["updatedClient"] = record.created_client.as_str().into();
    body["sandboxId"] = sandbox_id(&record.sandbox).to_string().into();
    body["flowSpec"] = json!({ "id": spec.id, "version": "1.0" });
    body["providerRefId"] = format!("M-{}-incremental-0:{}", record.flow_id, record.id).into();
    body["metrics"] = metrics(life, &status);
    body[etag_key] = run_etag(run, scenario, now).into();
    body[activities_key] = activities(run, flow, life, &status, scenario);
    if with_params {
        body["params"] = record.params.shown(scenario.timestamps);
    }
    if let Some(parent) = &record.retrigger_of {
        body["parentFlowRunId"] = parent.as_str().into();
    }
    body
}

/// What a run moved: records in, out, failed, and bytes in, out.
struct TransferCounts {
    records: [i64; 3],
    bytes: [i64; 2],
    files: i64,
}

impl TransferCounts {
    fn by(outcome: EmulatedOutcome) -> Self {
        let (records, bytes, files) = match outcome {
            EmulatedOutcome::Success => ([100, 100, 0], [24_012, 17_128], 1),
            EmulatedOutcome::SuccessWithErrors => ([100, 99, 1], [24_012, 17_004], 1),
            EmulatedOutcome::PartialSuccess => ([100, 60, 40], [24_012, 10_512], 1),
            EmulatedOutcome::NoRecords => ([0, 0, 0], [0, 0], 0),
            EmulatedOutcome::Failed => ([-1, -1, -1], [-1, -1], -1),
        };
        Self {
            records,
            bytes,
            files,
        }
    }
}

fn metrics(life: Life, status: &str) -> Value {
    let (started, completed, outcome) = match life {
        Life::Scheduled => return json!({ "statusSummary": { "status": status } }),
        Life::InProgress { started } => {
            return json!({
                "durationSummary": { "startedAtUTC": started },
                "statusSummary": { "status": status },
            });
        }
        Life::Ended {
            started,
            completed,
            outcome,
        } => (started, completed, outcome),
    };
    let TransferCounts {
        records: [records_in, records_out, records_failed],
        bytes: [bytes_in, bytes_out],
        files,
    } = TransferCounts::by(outcome);
    let mut metrics = json!({
        "durationSummary": { "startedAtUTC": started },
        "sizeSummary": { "inputBytes": bytes_in, "outputBytes": bytes_out },
        "recordSummary": {
            "inputRecordCount": records_in,
            "outputRecordCount": records_out,
            "failedRecordCount": records_failed,
        },
        "fileSummary": {
            "inputFileCount": files,
            "outputFileCount": files,
            "activityRefs": ["promotionActivity"],
        },
        "statusSummary": { "status": status, "activityRefs": ["promotionActivity"] },
    });
    if outcome != EmulatedOutcome::Failed {
        metrics["durationSummary"]["completedAtUTC"] = completed.into();
    }
    if let Some(errors) = errors(outcome) {
        metrics["statusSummary"]["errors"] = errors;
    }
    metrics
}

fn errors(outcome: EmulatedOutcome) -> Option<Value> {
    match outcome {
        EmulatedOutcome::Success | EmulatedOutcome::NoRecords => None,
        EmulatedOutcome::SuccessWithErrors | EmulatedOutcome::PartialSuccess => Some(json!([{
            "code": "CONNECTOR-2001-500",
            "message": "Some records could not be ingested. Check the error diagnostics.",
        }])),
        EmulatedOutcome::Failed => Some(json!([{
            "code": "CONNECTOR-1001-500",
            "message": "Error occurred while copying data from the source.",
        }])),
    }
}

fn nested_errors(outcome: EmulatedOutcome) -> Option<Value> {
    match outcome {
        EmulatedOutcome::Success | EmulatedOutcome::NoRecords => None,
        EmulatedOutcome::SuccessWithErrors | EmulatedOutcome::PartialSuccess => Some(json!([
            { "code": "INGEST-1212-400", "message": "Encountered errors while parsing." },
            { "code": "MAPPER-3700-400", "recordCount": TransferCounts::by(outcome).records[2],
              "message": "Unknown mapping error." },
        ])),
        EmulatedOutcome::Failed => Some(json!([
            { "code": "133", "message": "The source refused the connection." },
        ])),
    }
}

/// The copy activity, and behind it, unless it failed, the promotion activity.
fn activities(
    run: &EmulatedRun,
    flow: &EmulatedFlow,
    life: Life,
    status: &str,
    scenario: &Scenario,
) -> Value {
    let (started, ended) = match life {
        Life::Scheduled => return json!([]),
        Life::InProgress { started } => (started, None),
        Life::Ended {
            started,
            completed,
            outcome,
        } => (started, Some((completed, outcome))),
    };
    let mut duration = Map::new();
    duration.insert("startedAtUTC".to_owned(), started.into());
    if let Some((completed, outcome)) = ended
        && outcome != EmulatedOutcome::Failed
    {
        duration.insert("completedAtUTC".to_owned(), completed.into());
    }
    let mut copy = json!({
        "id": "copyActivity",
        "name": "Copy Activity",
        "updatedAtUTC": 0,
        "durationSummary": duration,
        "sizeSummary": {},
        "recordSummary": {},
        "fileSummary": {},
        "statusSummary": { "status": status, "extensions": { "type": "one-time" } },
        "sourceInfo": [{
            "id": flow.source_connection_id(),
            "type": "SourceConnection",
            "reference": { "type": "AdfRunId", "ids": [uuid_of(format_args!("adf/{}", run.record.id))] },
        }],
    });
    if scenario.copy_windows {
        let (start, end) = run.record.params.window;
        copy["durationSummary"]["extensions"] = json!({
            "windowStart": start.saturating_mul(1000),
            "windowEnd": end.saturating_mul(1000),
        });
    }
    let Some((_, outcome)) = ended else {
        return json!([copy]);
    };
    let nested = nested_errors(outcome);
    if outcome == EmulatedOutcome::Failed {
        copy["statusSummary"]["errors"] = errors(outcome).unwrap_or_default();
        copy["statusSummary"]["extensions"]["errors"] = nested.unwrap_or_default();
        return json!([copy]);
    }
    let mut promotion = json!({
        "id": "promotionActivity",
        "name": "Promotion Activity",
        "updatedAtUTC": 0,
        "durationSummary": duration,
        "sizeSummary": {},
        "recordSummary": {},
        "fileSummary": {},
        "statusSummary": { "status": status },
        "targetInfo": [{
            "id": flow.target_connection_id(),
            "type": "TargetConnection",
            "reference": {
                "type": "Batch",
                "ids": [uuid_of(format_args!("batch/{}", run.record.id)).simple().to_string()],
            },
        }],
    });
    if let Some(nested) = nested {
        promotion["statusSummary"]["errors"] = errors(outcome).unwrap_or_default();
        promotion["statusSummary"]["extensions"] = json!({ "errors": nested });
    }
    json!([copy, promotion])
}

/// `inProgress` as `IN_PROGRESS`.
fn upper_snake(word: &str) -> String {
    let mut spelled = String::with_capacity(word.len() + 2);
    for letter in word.chars() {
        if letter.is_ascii_uppercase() {
            spelled.push('_');
        }
        spelled.push(letter.to_ascii_uppercase());
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_holds_its_quotes_and_the_second_of_the_change() {
        let tag = etag("run", 1_651_587_224_543);
        assert!(
            tag.starts_with('"') && tag.ends_with("-627138980000\""),
            "{tag}"
        );
        assert_ne!(tag, etag("run", 1_651_587_224_544));
        assert_ne!(tag, etag("other", 1_651_587_224_543));
    }

    #[test]
    fn a_failed_run_has_no_completion_time_and_counts_of_minus_one() {
        let life = Life::Ended {
            started: 1,
            completed: 2,
            outcome: EmulatedOutcome::Failed,
        };
        let metrics = metrics(life, life.status());
        assert!(metrics["durationSummary"]["completedAtUTC"].is_null());
        assert_eq!(metrics["sizeSummary"]["inputBytes"], -1);
        assert_eq!(
            metrics["statusSummary"]["errors"][0]["code"],
            "CONNECTOR-1001-500"
        );
    }

    #[test]
    fn the_specification_spells_a_status_in_capitals() {
        assert_eq!(upper_snake("inProgress"), "IN_PROGRESS");
        assert_eq!(upper_snake("success"), "SUCCESS");
    }
}
