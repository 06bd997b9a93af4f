//! Flows and where they read: `/flows`, `/flows/{id}`, `/sourceConnections`, of which each flow has one
//! of its own.
//!
//! Shapes are those of Adobe's database and cloud storage tutorials: schedules typed as strings,
//! a Copy transformation once the delta column is known.

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::AuthorizedCall;
use super::chance::uuid_of;
use super::flow_specs::{CLOUD_STORAGE_TO_AEP, CRM_TO_AEP, FlowSpec};
use super::life::Life;
use super::listing;
use super::reply::{Answer, Reply};
use super::run_body::{TECHNICAL_ACCOUNT, etag};
use super::scenario::Spelling;
use super::world::{EmulatedFlow, FLOWS_SINCE};

impl EmulatedFlow {
    pub(super) fn spec(&self) -> &'static FlowSpec {
        if self.is_table {
            &CRM_TO_AEP
        } else {
            &CLOUD_STORAGE_TO_AEP
        }
    }

    fn source_connection_id(&self) -> Uuid {
        uuid_of(format_args!("source/{}/{}", self.sandbox, self.id))
    }
}

/// `GET /flows`
pub(super) fn list(call: &AuthorizedCall) -> Answer {
    let flows = call.world.visible_flows(&call.caller.sandbox);
    let flows = flows.map(|flow| flow_body(call, flow)).collect();
    listing::list(call, "flows", flows)
}

/// `GET /flows/{id}`
pub(super) fn get(call: &AuthorizedCall) -> Answer {
    let flow = call.world.visible_flow(&call.caller.sandbox, call.id);
    let flow = flow.ok_or_else(|| Reply::not_found("flows", call.id))?;
    let body = flow_body(call, flow);
    Ok(Reply::one(body, call.world.scenario.item_shape))
}

fn flow_body(call: &AuthorizedCall, flow: &EmulatedFlow) -> Value {
    let copy = call.world.copy_column(flow);
    let updated_at = copy.as_ref().map_or(FLOWS_SINCE, |copy| copy.since);
    let version = etag(format_args!("{}/{}", flow.sandbox, flow.id), updated_at);
    let mut transformations = Vec::new();
    if let Some(copy) = &copy {
        transformations.push(json!({
            "name": "Copy",
            "params": { "mode": "append", "deltaColumn": copy.column },
        }));
    }
    transformations.push(json!({
        "name": "Mapping",
        "params": { "mappingId": uuid_of(format_args!("mapping/{}", flow.id)).simple().to_string() },
    }));
    let mut schedule = json!({
        "startTime": (FLOWS_SINCE / 1000).to_string(),
        "frequency": flow.frequency,
    });
    if flow.frequency != "once" {
        schedule["interval"] = "15".into();
    }
    let mut body = json!({
        "id": flow.id,
        "createdAt": FLOWS_SINCE,
        "updatedAt": updated_at,
        "createdBy": TECHNICAL_ACCOUNT,
        "sandboxName": flow.sandbox,
        "imsOrgId": call.caller.organization,
        "name": flow.name,
        "flowSpec": { "id": flow.spec().id, "version": "1.0" },
        "state": flow.state,
        "version": version,
        "sourceConnectionIds": [flow.source_connection_id()],
        "inheritedAttributes": { "properties": { "isSourceFlow": true } },
        "scheduleParams": schedule,
        "transformations": transformations,
    });
    let etag_key = match call.world.scenario.spelling {
        Spelling::Samples => "etag",
        Spelling::Openapi => "eTag",
    };
    body[etag_key] = version.into();
    if let Some(details) = last_run_details(call, flow) {
        body["lastRunDetails"] = details;
    }
    body
}

/// The newest run that has begun; none before the first one did.
fn last_run_details(call: &AuthorizedCall, flow: &EmulatedFlow) -> Option<Value> {
    let runs = call.world.runs_of(flow, call.now, usize::MAX);
    runs.iter().find_map(|run| {
        let life = Life::of(run, &call.world.scenario, call.now);
        let mut details = json!({ "id": run.record.id, "state": life.status() });
        match life {
            Life::Scheduled => return None,
            Life::InProgress { started } => details["startedAtUTC"] = started.into(),
            Life::Ended {
                started, completed, ..
            } => {
                details["startedAtUTC"] = started.into();
                details["completedAtUTC"] = completed.into();
            }
        }
        Some(details)
    })
}

/// What `/sourceConnections` has.
pub(super) fn source_connections(call: &AuthorizedCall) -> Vec<Value> {
    let flows = call.world.visible_flows(&call.caller.sandbox);
    flows.map(source_connection_body).collect()
}

fn source_connection_body(flow: &EmulatedFlow) -> Value {
    let spec = flow.spec();
    json!({
        "id": flow.source_connection_id(),
        "createdAt": FLOWS_SINCE,
        "updatedAt": FLOWS_SINCE,
        "createdBy": TECHNICAL_ACCOUNT,
        "sandboxName": flow.sandbox,
        "name": format!("{} source", flow.name),
        "data": { "format": spec.format },
        "connectionSpec": { "id": spec.connection_spec, "version": "1.0" },
        "state": "enabled",
        "etag": etag(flow.source_connection_id(), FLOWS_SINCE),
    })
}
