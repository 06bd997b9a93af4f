//! Flows, and what hangs on them: `/flows`, `/flowSpecs/{id}`, `/sourceConnections/{id}`.
//!
//! Shapes are those of Adobe's database and cloud storage tutorials: schedules typed as strings,
//! a Copy transformation once the delta column is known, the two batch flow specs with their
//! `runSpec`, which tells a table-based flow from a file-based one.

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chance::uuid_of;
use super::clock::Millis;
use super::gateway::Caller;
use super::life::Life;
use super::listing::{Catalog, ListQuery, Reading};
use super::refusal::Refusal;
use super::reply::Reply;
use super::run_body::{TECHNICAL_ACCOUNT, etag, sandbox_id};
use super::scenario::{Frequency, ItemShape, Spelling};
use super::service::Service;
use super::world::{FLOWS_SINCE, Flow};

/// A flow spec: the recipe that flows of a kind of source share.
pub(super) struct FlowSpec {
    pub(super) id: &'static str,
    name: &'static str,
    /// The kind of source connection: Adobe's id and format of one source that has it.
    connection_spec: &'static str,
    format: &'static str,
    required: &'static [&'static str],
}

/// Table-based sources; the connection spec is Azure SQL's neighbour, SQL Server.
const CRM_TO_AEP: FlowSpec = FlowSpec {
    id: "14518937-270c-4525-bdec-c2ba7cce3860",
    name: "CRMToAEP",
    connection_spec: "1f372ff9-38a4-4492-96f5-b9a4e4bd00ec",
    format: "tabular",
    required: &[
        "startTime",
        "windowStartTime",
        "windowEndTime",
        "deltaColumn",
    ],
};

/// File-based sources; the connection spec is Amazon S3.
const CLOUD_STORAGE_TO_AEP: FlowSpec = FlowSpec {
    id: "9753525b-82c7-4dce-8a9b-5ccfce2b9876",
    name: "CloudStorageToAEP",
    connection_spec: "ecadc60c-7455-4d87-84dc-2a0e293d997b",
    format: "delimited",
    required: &["startTime", "windowStartTime", "windowEndTime"],
};

/// The provider of both flow specs.
const PROVIDER: &str = "0ed90a81-07f4-4586-8190-b40eccef1c5a";
/// The connection spec of the data lake.
const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";

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

impl Flow {
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

    fn base_connection_id(&self) -> Uuid {
        uuid_of(format_args!("base/{}/{}", self.sandbox, self.id))
    }
}

/// `GET /flows`
pub(super) fn list(
    service: &Service,
    caller: &Caller,
    query: &str,
    now: Millis,
) -> Result<Reply, Refusal> {
    let reading = Reading { now, ceiling: 0 };
    let list = ListQuery::read(
        query,
        &FLOWS,
        caller.sandbox.as_str(),
        &service.scenario,
        reading,
    )?;
    let flows = service.world.visible_flows(&caller.sandbox).collect();
    let selected = list.select(flows, |flow| {
        flow_body(service, caller, flow, list.cursor.as_of)
    });
    let answer = list.answer(&selected, |flow| flow_body(service, caller, flow, now));
    Ok(Reply::json(StatusCode::OK, &answer))
}

/// `GET /flows/{id}`
pub(super) fn get(
    service: &Service,
    caller: &Caller,
    id: &str,
    now: Millis,
) -> Result<Reply, Refusal> {
    let flow = id
        .parse()
        .ok()
        .and_then(|id| service.world.flow(&(caller.sandbox.clone(), id)))
        .filter(|flow| !flow.hidden)
        .ok_or_else(|| Refusal::not_found("flows", id))?;
    Ok(one(service, flow_body(service, caller, flow, now)))
}

/// `GET /flowSpecs/{id}`
pub(super) fn get_spec(service: &Service, id: &str) -> Result<Reply, Refusal> {
    let spec = [&CRM_TO_AEP, &CLOUD_STORAGE_TO_AEP]
        .into_iter()
        .find(|spec| spec.id == id)
        .ok_or_else(|| Refusal::not_found("flowSpecs", id))?;
    let mut properties = json!({
        "startTime": { "type": "integer", "description": "When the run is to begin, in epoch time." },
        "windowStartTime": { "type": "integer", "description": "Start of the window, in epoch time." },
        "windowEndTime": { "type": "integer", "description": "End of the window, in epoch time." },
    });
    if spec.required.contains(&"deltaColumn") {
        properties["deltaColumn"] = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "dateFormat": { "type": "string" },
                "timezone": { "type": "string" },
            },
            "required": ["name"],
        });
    }
    let body = json!({
        "id": spec.id,
        "name": spec.name,
        "providerId": PROVIDER,
        "version": "1.0",
        "sourceConnectionSpecIds": [spec.connection_spec],
        "targetConnectionSpecIds": [DATA_LAKE],
        "attributes": { "isSourceFlow": true, "flacValidationSupported": true, "frequency": "batch" },
        "runSpec": {
            "name": "ProviderParams",
            "type": "RunSpec",
            "spec": {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": properties,
                "required": spec.required,
            },
        },
    });
    Ok(one(service, body))
}

/// `GET /sourceConnections/{id}`
pub(super) fn get_source_connection(
    service: &Service,
    caller: &Caller,
    id: &str,
) -> Result<Reply, Refusal> {
    let flow = Uuid::try_parse(id)
        .ok()
        .and_then(|id| {
            let mut flows = service.world.visible_flows(&caller.sandbox);
            flows.find(|flow| flow.source_connection_id() == id)
        })
        .ok_or_else(|| Refusal::not_found("sourceConnections", id))?;
    let spec = flow.spec();
    let body = json!({
        "id": flow.source_connection_id(),
        "createdAt": FLOWS_SINCE,
        "updatedAt": FLOWS_SINCE,
        "createdBy": TECHNICAL_ACCOUNT,
        "updatedBy": TECHNICAL_ACCOUNT,
        "sandboxId": sandbox_id(&flow.sandbox),
        "sandboxName": flow.sandbox,
        "imsOrgId": caller.organization,
        "name": format!("{} source", flow.name),
        "data": { "format": spec.format },
        "params": {},
        "baseConnectionId": flow.base_connection_id(),
        "connectionSpec": { "id": spec.connection_spec, "version": "1.0" },
        "state": "enabled",
        "version": etag(flow.source_connection_id(), FLOWS_SINCE),
        "etag": etag(flow.source_connection_id(), FLOWS_SINCE),
    });
    Ok(one(service, body))
}

/// An entity in the shape that `GET` by id answers with.
pub(super) fn one(service: &Service, entity: Value) -> Reply {
    let body = match service.scenario.item_shape {
        ItemShape::Items => json!({ "items": [entity] }),
        ItemShape::Bare => entity,
    };
    Reply::json(StatusCode::OK, &body)
}

fn flow_body(service: &Service, caller: &Caller, flow: &Flow, now: Millis) -> Value {
    let spec = flow.spec();
    let copy = service.world.copy_column(flow);
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
    let etag_key = match service.scenario.spelling {
        Spelling::Samples => "etag",
        Spelling::Openapi => "eTag",
    };
    body[etag_key] = version.into();
    if let Some(details) = last_run_details(service, flow, now) {
        body["lastRunDetails"] = details;
    }
    body
}

/// The newest run that has begun; none before the first one did.
fn last_run_details(service: &Service, flow: &Flow, now: Millis) -> Option<Value> {
    let until = now.saturating_sub(service.scenario.listed_after.millis());
    let key = (flow.sandbox.clone(), flow.id);
    let runs = service.world.runs_of(&key, until, usize::MAX);
    runs.iter().find_map(|run| {
        let life = Life::of(run, &service.scenario, now);
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
