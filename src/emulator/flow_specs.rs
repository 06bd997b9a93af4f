//! Flow specs: `/flowSpecs/{id}`.
//!
//! The two batch flow specs of Adobe's database and cloud storage tutorials, with their `runSpec`,
//! which tells a table-based flow from a file-based one. They are the same in every sandbox.

use serde_json::{Value, json};

/// A flow spec: the recipe that flows of a kind of source share.
pub(super) struct FlowSpec {
    pub(super) id: &'static str,
    name: &'static str,
    /// The kind of source connection: Adobe's id of one source that has it.
    connection_spec: &'static str,
    required: &'static [&'static str],
}

/// Table-based sources; the connection spec is Azure SQL's neighbour, SQL Server.
pub(super) const CRM_TO_AEP: FlowSpec = FlowSpec {
    id: "14518937-270c-4525-bdec-c2ba7cce3860",
    name: "CRMToAEP",
    connection_spec: "1f372ff9-38a4-4492-96f5-b9a4e4bd00ec",
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
    required: &["startTime", "windowStartTime", "windowEndTime"],
};

/// The one with this id, if it is one of the two.
pub(super) fn body(id: &str) -> Option<Value> {
    let mut specs = [&CRM_TO_AEP, &CLOUD_STORAGE_TO_AEP].into_iter();
    let spec = specs.find(|spec| spec.id == id)?;
    let mut properties = json!({
        "startTime": { "type": "integer" },
        "windowStartTime": { "type": "integer" },
        "windowEndTime": { "type": "integer" },
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
    Some(json!({
        "id": spec.id,
        "name": spec.name,
        "version": "1.0",
        "sourceConnectionSpecIds": [spec.connection_spec],
        "attributes": { "isSourceFlow": true, "frequency": "batch" },
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
    }))
}
