//! The run object, as the service shows it.
//!
//! Takes a run, its flow, the scenario and the time; gives the JSON of Adobe's monitoring
//! samples: counts of 100 records, a copy activity that carries the window in milliseconds, a
//! promotion activity, and for a failed run the `-1` counts and the missing completion time of
//! its notification sample. Where two spellings exist, the scenario says which.

use serde_json::{Value, json};

use super::chance::uuid_of;
use super::clock::Millis;
use super::run_lifecycle::RunLifecycle;
use super::scenario::{Dialect, EmulatedOutcome, Scenario};
use super::service_state::{EmulatedFlow, EmulatedRun};

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
    let updated_at = RunLifecycle::of(run, scenario, now).updated_at(run);
    etag(&run.record.id, updated_at)
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
    let life = RunLifecycle::of(run, scenario, now);
    let (etag_key, activities_key, status) = match scenario.dialect {
        Dialect::Tutorial => ("etag", "activities", life.status().to_owned()),
        Dialect::Openapi => {
            // `inProgress` as `IN_PROGRESS`; no status has other capitals.
            let words = life.status().replace('P', "_P").replace('S', "_S");
            ("eTag", "activites", words.to_uppercase())
        }
    };
    let mut body = json!({
        "id": record.id,
        "createdAt": run.made_at,
        "updatedAt": life.updated_at(run),
        "createdBy": TECHNICAL_ACCOUNT,
        "createdClient": record.created_client,
        "sandboxName": record.sandbox,
        "imsOrgId": record.ims_org_id,
        "flowId": record.flow_id,
        "flowSpec": flow.spec_reference(),
        "metrics": metrics(life, &status),
        etag_key: run_etag(run, scenario, now),
        activities_key: activities(run, life, &status, scenario),
    });
    if with_params {
        body["params"] = record.params.shown(scenario.timestamps);
    }
    if let Some(parent) = &record.retrigger_of {
        body["parentFlowRunId"] = parent.as_str().into();
    }
    body
}

/// Records in, out and failed, and bytes in and out.
fn transferred(outcome: EmulatedOutcome) -> ([i64; 3], [i64; 2]) {
    match outcome {
        EmulatedOutcome::Success => ([100, 100, 0], [24_012, 17_128]),
        EmulatedOutcome::SuccessWithErrors => ([100, 99, 1], [24_012, 17_004]),
        EmulatedOutcome::PartialSuccess => ([100, 60, 40], [24_012, 10_512]),
        EmulatedOutcome::NoRecords => ([0, 0, 0], [0, 0]),
        EmulatedOutcome::Failed => ([-1, -1, -1], [-1, -1]),
    }
}

/// The errors of a run, and those nested in an activity.
fn errors(outcome: EmulatedOutcome) -> Option<(Value, Value)> {
    match outcome {
        EmulatedOutcome::Success | EmulatedOutcome::NoRecords => None,
        EmulatedOutcome::SuccessWithErrors | EmulatedOutcome::PartialSuccess => Some((
            json!([{
                "code": "CONNECTOR-2001-500",
                "message": "Some records could not be ingested. Check the error diagnostics.",
            }]),
            json!([
                { "code": "INGEST-1212-400", "message": "Encountered errors while parsing." },
                { "code": "MAPPER-3700-400", "recordCount": transferred(outcome).0[2],
                  "message": "Unknown mapping error." },
            ]),
        )),
        EmulatedOutcome::Failed => Some((
            json!([{
                "code": "CONNECTOR-1001-500",
                "message": "Error occurred while copying data from the source.",
            }]),
            json!([{ "code": "133", "message": "The source refused the connection." }]),
        )),
    }
}

/// When a run or an activity of it began and ended; a failed one has no end.
fn duration_summary(life: RunLifecycle) -> Value {
    let mut summary = json!({});
    if let Some(started) = life.started {
        summary["startedAtUTC"] = started.into();
    }
    if let Some((completed, outcome)) = life.ended
        && outcome != EmulatedOutcome::Failed
    {
        summary["completedAtUTC"] = completed.into();
    }
    summary
}

fn metrics(life: RunLifecycle, status: &str) -> Value {
    let mut metrics = json!({
        "durationSummary": duration_summary(life),
        "statusSummary": { "status": status },
    });
    if let Some((_, outcome)) = life.ended {
        let ([records_in, records_out, records_failed], [bytes_in, bytes_out]) =
            transferred(outcome);
        metrics["sizeSummary"] = json!({ "inputBytes": bytes_in, "outputBytes": bytes_out });
        metrics["recordSummary"] = json!({
            "inputRecordCount": records_in,
            "outputRecordCount": records_out,
            "failedRecordCount": records_failed,
        });
        if let Some((errors, _)) = errors(outcome) {
            metrics["statusSummary"]["errors"] = errors;
        }
    }
    metrics
}

/// The copy activity, and behind it, unless it failed, the promotion activity. The one that errors
/// are of has them.
fn activities(run: &EmulatedRun, life: RunLifecycle, status: &str, scenario: &Scenario) -> Value {
    if life.started.is_none() {
        return json!([]);
    }
    let activity = |id: &str, name: &str| {
        json!({
            "id": id,
            "name": name,
            "durationSummary": duration_summary(life),
            "statusSummary": { "status": status, "extensions": {} },
        })
    };
    let mut copy = activity("copyActivity", "Copy Activity");
    copy["statusSummary"]["extensions"]["type"] = "one-time".into();
    if scenario.copy_windows {
        let (start, end) = run.record.params.window;
        copy["durationSummary"]["extensions"] = json!({
            "windowStart": start.saturating_mul(1000),
            "windowEnd": end.saturating_mul(1000),
        });
    }
    let mut activities = vec![copy];
    if let Some((_, outcome)) = life.ended {
        if outcome != EmulatedOutcome::Failed {
            activities.push(activity("promotionActivity", "Promotion Activity"));
        }
        if let Some((errors, nested)) = errors(outcome)
            && let Some(last) = activities.last_mut()
        {
            last["statusSummary"]["errors"] = errors;
            last["statusSummary"]["extensions"]["errors"] = nested;
        }
    }
    activities.into()
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
        let life = RunLifecycle {
            started: Some(1),
            ended: Some((2, EmulatedOutcome::Failed)),
        };
        let metrics = metrics(life, life.status());
        assert!(metrics["durationSummary"]["completedAtUTC"].is_null());
        assert_eq!(metrics["sizeSummary"]["inputBytes"], -1);
        assert_eq!(
            metrics["statusSummary"]["errors"][0]["code"],
            "CONNECTOR-1001-500"
        );
    }
}
