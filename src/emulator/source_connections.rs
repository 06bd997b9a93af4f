//! Source connections: `/sourceConnections`, `/sourceConnections/{id}`. Each flow has one of its own.

use serde_json::{Value, json};
use uuid::Uuid;

use super::clock::Millis;
use super::gateway::Caller;
use super::listing::Catalog;
use super::refusal::ServiceError;
use super::reply::Reply;
use super::run_body::{TECHNICAL_ACCOUNT, etag, sandbox_id};
use super::world::{EmulatedFlow, FLOWS_SINCE, World};

const SOURCE_CONNECTIONS: Catalog = Catalog {
    path: "sourceConnections",
    fields: &[
        "id",
        "createdAt",
        "updatedAt",
        "createdBy",
        "updatedBy",
        "sandboxId",
        "sandboxName",
        "imsOrgId",
        "name",
        "data",
        "params",
        "baseConnectionId",
        "connectionSpec",
        "state",
        "version",
        "etag",
    ],
};

/// `GET /sourceConnections`
pub(super) fn list(
    world: &World,
    caller: &Caller,
    query: &str,
    now: Millis,
) -> Result<Reply, ServiceError> {
    let flows = world.visible_flows(&caller.sandbox).collect();
    let show = |flow: &&EmulatedFlow, _| source_connection_body(caller, flow);
    SOURCE_CONNECTIONS.list(query, caller, &world.scenario, now, flows, show)
}

/// `GET /sourceConnections/{id}`
pub(super) fn get(world: &World, caller: &Caller, id: &str) -> Result<Reply, ServiceError> {
    let flow = Uuid::try_parse(id)
        .ok()
        .and_then(|id| {
            let mut flows = world.visible_flows(&caller.sandbox);
            flows.find(|flow| flow.source_connection_id() == id)
        })
        .ok_or_else(|| ServiceError::not_found("sourceConnections", id))?;
    let body = source_connection_body(caller, flow);
    Ok(Reply::one(body, world.scenario.item_shape))
}

fn source_connection_body(caller: &Caller, flow: &EmulatedFlow) -> Value {
    let spec = flow.spec();
    json!({
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
    })
}
