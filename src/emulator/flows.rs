//! Flows: `/flows`, `/flows/{id}`, `/flowSpecs/{id}`.
//!
//! Shapes are those of Adobe's database and cloud storage tutorials: schedules typed as strings,
//! a Copy transformation once the delta column is known.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::call::AuthorizedCall;
use super::chance::uuid_of;
use super::listing::ListQuery;
use super::reply::{Answer, Reply};
use super::run_body::{TECHNICAL_ACCOUNT, etag};
use super::scenario::Dialect;
use super::service_state::{EmulatedFlow, FLOWS_SINCE};

/// The recipe that flows of a kind of source share; two of Adobe's, the same in every sandbox.
struct FlowSpec {
    id: &'static str,
    name: &'static str,
    /// What a run must say: the column tells a table-based flow from a file-based one.
    required: &'static [&'static str],
}

const TABLE_SPEC: FlowSpec = FlowSpec {
    id: "14518937-270c-4525-bdec-c2ba7cce3860",
    name: "CRMToAEP",
    required: &[
        "startTime",
        "windowStartTime",
        "windowEndTime",
        "deltaColumn",
    ],
};
const FILE_SPEC: FlowSpec = FlowSpec {
    id: "9753525b-82c7-4dce-8a9b-5ccfce2b9876",
    name: "CloudStorageToAEP",
    required: &["startTime", "windowStartTime", "windowEndTime"],
};

impl EmulatedFlow {
    /// The `flowSpec` of the flow, and of its runs.
    pub(super) fn spec_reference(&self) -> Value {
        let spec = if self.is_table {
            &TABLE_SPEC
        } else {
            &FILE_SPEC
        };
        json!({ "id": spec.id, "version": "1.0" })
    }
}

/// `GET /flows`
pub(super) fn list(call: &AuthorizedCall) -> Answer {
    let flows = call.state.flows_in(&call.caller.sandbox);
    let flows = flows.map(|flow| flow_body(call, flow)).collect();
    Ok(ListQuery::read(call, "flows")?.page(flows, Value::clone))
}

/// `GET /flows/{id}`
pub(super) fn get(call: &AuthorizedCall) -> Answer {
    let id = &call.request.id;
    let flow = id.parse().ok();
    let flow = flow.and_then(|id| call.state.flow(&call.caller.sandbox, id));
    let flow = flow.ok_or_else(|| Reply::not_found("flows", id))?;
    let (body, dialect) = (flow_body(call, flow), call.state.scenario.dialect);
    Ok(Reply::one(StatusCode::OK, body, dialect))
}

/// `GET /flowSpecs/{id}`
pub(super) fn get_spec(call: &AuthorizedCall) -> Answer {
    let id = &call.request.id;
    let mut specs = [TABLE_SPEC, FILE_SPEC].into_iter();
    let spec = specs.find(|spec| spec.id == id);
    let FlowSpec { id, name, required } = spec.ok_or_else(|| Reply::not_found("flowSpecs", id))?;
    let body = json!({
        "id": id,
        "name": name,
        "version": "1.0",
        "attributes": { "isSourceFlow": true, "frequency": "batch" },
        "runSpec": { "spec": { "type": "object", "required": required } },
    });
    Ok(Reply::one(
        StatusCode::OK,
        body,
        call.state.scenario.dialect,
    ))
}

fn flow_body(call: &AuthorizedCall, flow: &EmulatedFlow) -> Value {
    let column = call.state.delta_column(flow).filter(|_| flow.is_table);
    let is_copying = column.is_some();
    let subject = format_args!("{}/{}/{is_copying}", flow.sandbox, flow.id);
    let version = etag(subject, FLOWS_SINCE);
    let mut transformations = Vec::new();
    if let Some(column) = column {
        transformations.push(json!({
            "name": "Copy",
            "params": { "mode": "append", "deltaColumn": column },
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
        "updatedAt": FLOWS_SINCE,
        "createdBy": TECHNICAL_ACCOUNT,
        "sandboxName": flow.sandbox,
        "imsOrgId": call.caller.organization,
        "name": flow.name,
        "flowSpec": flow.spec_reference(),
        "state": flow.state,
        "version": version,
        "inheritedAttributes": { "properties": { "isSourceFlow": true } },
        "scheduleParams": schedule,
        "transformations": transformations,
    });
    let etag_key = match call.state.scenario.dialect {
        Dialect::Tutorial => "etag",
        Dialect::Openapi => "eTag",
    };
    body[etag_key] = version.into();
    body
}
