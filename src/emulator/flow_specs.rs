//! Flow specs: `/flowSpecs`, `/flowSpecs/{id}`.
//!
//! The two batch flow specs of Adobe's database and cloud storage tutorials, with their `runSpec`,
//! which tells a table-based flow from a file-based one. They are the same in every sandbox.

use serde_json::{Value, json};

use super::clock::Millis;
use super::gateway::Caller;
use super::listing::Catalog;
use super::refusal::ServiceError;
use super::reply::Reply;
use super::world::World;

/// A flow spec: the recipe that flows of a kind of source share.
pub(super) struct FlowSpec {
    pub(super) id: &'static str,
    name: &'static str,
    /// The kind of source connection: Adobe's id and format of one source that has it.
    pub(super) connection_spec: &'static str,
    pub(super) format: &'static str,
    required: &'static [&'static str],
}

/// Table-based sources; the connection spec is Azure SQL's neighbour, SQL Server.
pub(super) const CRM_TO_AEP: FlowSpec = FlowSpec {
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
pub(super) const CLOUD_STORAGE_TO_AEP: FlowSpec = FlowSpec {
    id: "9753525b-82c7-4dce-8a9b-5ccfce2b9876",
    name: "CloudStorageToAEP",
    connection_spec: "ecadc60c-7455-4d87-84dc-2a0e293d997b",
    format: "delimited",
    required: &["startTime", "windowStartTime", "windowEndTime"],
};

/// The connection spec of the data lake.
pub(super) const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
/// The provider of both flow specs.
const PROVIDER: &str = "0ed90a81-07f4-4586-8190-b40eccef1c5a";
const ALL: [&FlowSpec; 2] = [&CRM_TO_AEP, &CLOUD_STORAGE_TO_AEP];

const FLOW_SPECS: Catalog = Catalog {
    path: "flowSpecs",
    fields: &[
        "id",
        "name",
        "providerId",
        "version",
        "sourceConnectionSpecIds",
        "targetConnectionSpecIds",
        "attributes",
    ],
};

/// `GET /flowSpecs`
pub(super) fn list(
    world: &World,
    caller: &Caller,
    query: &str,
    now: Millis,
) -> Result<Reply, ServiceError> {
    let show = |spec: &&FlowSpec, _| flow_spec_body(spec);
    FLOW_SPECS.list(query, caller, &world.scenario, now, ALL.to_vec(), show)
}

/// `GET /flowSpecs/{id}`
pub(super) fn get(world: &World, id: &str) -> Result<Reply, ServiceError> {
    let spec = ALL
        .into_iter()
        .find(|spec| spec.id == id)
        .ok_or_else(|| ServiceError::not_found("flowSpecs", id))?;
    Ok(Reply::one(flow_spec_body(spec), world.scenario.item_shape))
}

fn flow_spec_body(spec: &FlowSpec) -> Value {
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
    json!({
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
    })
}
