//! Flows: `/flows`, `/flows/{id}`.
//!
//! Shapes are those of Adobe's database and cloud storage tutorials: schedules typed as strings,
//! a Copy transformation once the delta column is known.

use serde_json::{Value, json};
use uuid::Uuid;

use super::chance::uuid_of;
use super::clock::Millis;
use super::flow_specs::{CLOUD_STORAGE_TO_AEP, CRM_TO_AEP, DATA_LAKE, FlowSpec};
use super::gateway::Caller;
use super::life::Life;
use super::listing::Catalog;
use super::refusal::ServiceError;
use super::reply::Reply;
use super::run_body::{TECHNICAL_ACCOUNT, etag, sandbox_id};
use super::scenario::{Frequency, Spelling};
use super::world::{EmulatedFlow, FLOWS_SINCE, World};

const FLOWS: Catalog = Catalog {
    path: "flows",
    fields: &[
        "id",
        "createdAt",
        "updatedAt",
        "createdBy",
        "updatedBy",
        "createdClient",
        "updatedClient",
        "sandboxId",
        "sandboxName",
        "imsOrgId",
        "name",
        "description",
        "flowSpec",
        "state",
        "version",
        "etag",
        "sourceConnectionIds",
        "targetConnectionIds",
        "inheritedAttributes",
        "scheduleParams",
        "transformations",
        "lastOperation",
        "lastRunDetails",
    ],
};

impl EmulatedFlow {
    pub(super) fn spec(&self) -> &'static FlowSpec {
        if self.is_table {
            &CRM_TO_AEP
        } else {
            &CLOUD_STORAGE_TO_AEP
        }
    }

    pub(super) fn source_connection_id(&self) -> Uuid {
        uuid_of(format_args!("source/{}/{}", self.sandbox, self.id))
    }

    pub(super) fn target_connection_id(&self) -> Uuid {
        uuid_of(format_args!("target/{}/{}", self.sandbox, self.id))
    }

    pub(super) fn base_connection_id(&self) -> Uuid {
        uuid_of(format_args!("base/{}/{}", self.sandbox, self.id))
    }
}

/// `GET /flows`
pub(super) fn list(
    world: &World,
    caller: &Caller,
    query: &str,
    now: Millis,
) -> Result<Reply, ServiceError> {
    let flows = world.visible_flows(&caller.sandbox).collect();
    let show = |flow: &&EmulatedFlow, at| flow_body(world, caller, flow, at);
    FLOWS.list(query, caller, &world.scenario, now, flows, show)
}

/// `GET /flows/{id}`
pub(super) fn get(
    world: &World,
    caller: &Caller,
    id: &str,
    now: Millis,
) -> Result<Reply, ServiceError> {
    let flow = id
        .parse()
        .ok()
        .and_then(|id| world.flow(&(caller.sandbox.clone(), id)))
        .filter(|flow| !flow.hidden)
        .ok_or_else(|| ServiceError::not_found("flows", id))?;
    let body = flow_body(world, caller, flow, now);
    Ok(Reply::one(body, world.scenario.item_shape))
}

fn flow_body(world: &World, caller: &Caller, flow: &EmulatedFlow, now: Millis) -> Value {
    let spec = flow.spec();
    let copy = world.copy_column(flow);
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
        "params": {
            "mappingId": uuid_of(format_args!("mapping/{}", flow.id)).simple().to_string(),
            "mappingVersion": "0",
        },
    }));
    let mut schedule = json!({
        "startTime": (FLOWS_SINCE / 1000).to_string(),
        "frequency": flow.frequency.name(),
    });
    if flow.frequency != Frequency::Once {
        schedule["interval"] = "15".into();
        schedule["backfill"] = "true".into();
    }
    let connection = |id: Uuid, spec: &str| {
        json!({
            "id": id,
            "connectionSpec": { "id": spec, "version": "1.0" },
            "baseConnection": {
                "id": flow.base_connection_id(),
                "connectionSpec": { "id": spec, "version": "1.0" },
            },
        })
    };
    let mut body = json!({
        "id": flow.id,
        "createdAt": FLOWS_SINCE,
        "updatedAt": updated_at,
        "createdBy": TECHNICAL_ACCOUNT,
        "updatedBy": TECHNICAL_ACCOUNT,
        "createdClient": "emulator",
        "updatedClient": "emulator",
        "sandboxId": sandbox_id(&flow.sandbox),
        "sandboxName": flow.sandbox,
        "imsOrgId": caller.organization,
        "name": flow.name,
        "description": "",
        "flowSpec": { "id": spec.id, "version": "1.0" },
        "state": flow.state,
        "version": version,
        "sourceConnectionIds": [flow.source_connection_id()],
        "targetConnectionIds": [flow.target_connection_id()],
        "inheritedAttributes": {
            "properties": { "isSourceFlow": true },
            "sourceConnections": [connection(flow.source_connection_id(), spec.connection_spec)],
            "targetConnections": [connection(flow.target_connection_id(), DATA_LAKE)],
        },
        "scheduleParams": schedule,
        "transformations": transformations,
        "runs": format!("/runs?property=flowId=={}", flow.id),
        "lastOperation": { "started": 0, "updated": 0, "operation": "create" },
    });
    let etag_key = match world.scenario.spelling {
        Spelling::Samples => "etag",
        Spelling::Openapi => "eTag",
    };
    body[etag_key] = version.into();
    if let Some(details) = last_run_details(world, flow, now) {
        body["lastRunDetails"] = details;
    }
    body
}

/// The newest run that has begun; none before the first one did.
fn last_run_details(world: &World, flow: &EmulatedFlow, now: Millis) -> Option<Value> {
    let until = now.saturating_sub(world.scenario.listed_after.millis());
    let key = (flow.sandbox.clone(), flow.id);
    let runs = world.runs_of(&key, until, usize::MAX);
    runs.iter().find_map(|run| {
        let life = Life::of(run, &world.scenario, now);
        let (started, completed) = match life {
            Life::Scheduled => return None,
            Life::InProgress { started } => (started, None),
            Life::Ended {
                started, completed, ..
            } => (started, Some(completed)),
        };
        let mut details = json!({
            "id": run.record.id,
            "state": life.status(),
            "startedAtUTC": started,
        });
        if let Some(completed) = completed {
            details["completedAtUTC"] = completed.into();
        }
        Some(details)
    })
}
