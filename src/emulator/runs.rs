//! Runs: `POST /runs`, `GET /runs`, `GET /runs/{id}`, `POST /runs/{id}/action`.
//!
//! Creating is not idempotent and knows no key, as at Adobe: the same body sent twice makes two
//! runs. Nothing here deletes or cancels.

use hyper::{StatusCode, header};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::run::FlowId;

use super::call::AuthorizedCall;
use super::clock::Millis;
use super::listing::ListQuery;
use super::params::RunParams;
use super::reply::{Answer, Reply};
use super::run_body::{run_body, run_etag};
use super::run_lifecycle::RunLifecycle;
use super::scenario::{Dialect, Scenario};
use super::service_state::EmulatedRun;

/// `POST /runs`
pub(super) fn create(call: &AuthorizedCall) -> Answer {
    let state = call.state;
    let (flow_id, params) = read_create(&call.request.body)?;
    let flow = state.flow(&call.caller.sandbox, flow_id);
    let flow = flow.ok_or_else(|| no_flow(&flow_id))?;
    if flow.state != "enabled" {
        let state = &flow.state;
        let message = format!("Flow {flow_id} is in the state {state}, expected enabled.");
        return Err(Reply::bad_request(1444, &message));
    }
    if flow.frequency != "once" {
        let message = format!("Flow {flow_id} is not scheduled for one-time ingestion.");
        return Err(Reply::invented(StatusCode::BAD_REQUEST, 9001, &message));
    }
    let params = RunParams::try_from(params)?;
    let run = state.store(flow, &call.caller, params, None, call.now)?;
    let body = id_and_etag(&run, &state.scenario, call.now);
    Ok(Reply::one(
        StatusCode::CREATED,
        body,
        state.scenario.dialect,
    ))
}

fn id_and_etag(run: &EmulatedRun, scenario: &Scenario, now: Millis) -> Value {
    json!({ "id": run.record.id, "etag": run_etag(run, scenario, now) })
}

/// The flow and the `params` that a create asks for.
fn read_create(body: &[u8]) -> Result<(FlowId, Map<String, Value>), Reply> {
    if body.trim_ascii().is_empty() {
        return Err(Reply::bad_request(1405, "The request body is empty."));
    }
    let mut body: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        let message = format!("The request body is not a JSON object: {error}.");
        Reply::invented(StatusCode::BAD_REQUEST, 9000, &message)
    })?;
    let flow_id = body.get("flowId").and_then(Value::as_str);
    let flow_id = flow_id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Reply::bad_request(1446, "flowId cannot be null or empty."))?;
    let flow_id = flow_id.parse().map_err(|_| no_flow(&flow_id))?;
    // What is no object has none of the fields that are required.
    let params = match body.remove("params") {
        Some(Value::Object(params)) => params,
        _ => Map::new(),
    };
    Ok((flow_id, params))
}

fn no_flow(id: &impl std::fmt::Display) -> Reply {
    Reply::bad_request(1430, &format!("Flow {id} is not found."))
}

/// `GET /runs`, newest first. A filter for flows is answered by an index, and taken out of the list.
pub(super) fn list(call: &AuthorizedCall) -> Answer {
    let (state, sandbox) = (call.state, &call.caller.sandbox);
    let scenario = &state.scenario;
    let mut list = ListQuery::read(call, "runs")?;
    let flows: Vec<_> = match list.take("flowId") {
        Some(ids) => ids
            .iter()
            .filter_map(|id| state.flow(sandbox, id.parse().ok()?))
            .collect(),
        None => state.flows_in(sandbox).collect(),
    };
    let mut runs = Vec::new();
    for flow in flows {
        let of_flow = state.runs_of(flow, list.cursor.as_of, list.cursor.ceiling);
        runs.extend(of_flow.into_iter().map(|run| (run, flow)));
    }
    runs.sort_by_key(|(run, _)| std::cmp::Reverse(run.serial));
    let without = call.request.replica.without;
    if without > 0
        && list.cursor.offset == 0
        && let Some((hidden, _)) = runs.get(without - 1).or(runs.last())
    {
        // Into the token, so that further pages are of the same list.
        list.cursor.ceiling = hidden.serial;
        runs.retain(|(run, _)| run.serial < list.cursor.ceiling);
    }
    Ok(list.page(runs, |(run, flow)| {
        run_body(run, flow, scenario, call.now, scenario.params_in_lists)
    }))
}

/// `GET /runs/{id}`
pub(super) fn get(call: &AuthorizedCall) -> Answer {
    let (id, scenario) = (&call.request.id, &call.state.scenario);
    let run = call.state.run(&call.caller.sandbox, id, call.now);
    let (run, flow) = run.ok_or_else(|| Reply::not_found("runs", id))?;
    let body = run_body(&run, flow, scenario, call.now, scenario.params_in_runs);
    Ok(Reply::one(StatusCode::OK, body, scenario.dialect))
}

/// `POST /runs/{id}/action?op=re-trigger`
pub(super) fn act(call: &AuthorizedCall) -> Answer {
    let (state, id, now) = (call.state, &call.request.id, call.now);
    let scenario = &state.scenario;
    let op = form_urlencoded::parse(call.request.query.as_bytes())
        .find_map(|(name, value)| (name == "op" && !value.is_empty()).then_some(value))
        .ok_or_else(|| Reply::bad_request(2119, "The query param op is missing."))?;
    let understood = match scenario.dialect {
        Dialect::Tutorial => "re-trigger",
        Dialect::Openapi => "RE_TRIGGER",
    };
    if op != understood {
        let message = format!("The operation {op} is not supported.");
        return Err(Reply::bad_request(1435, &message));
    }
    let run = state.run(&call.caller.sandbox, id, now);
    let (run, flow) = run.ok_or_else(|| Reply::not_found("runs", id))?;
    let run = state.newest_attempt(&run);
    let current = run_etag(&run, scenario, now);
    let given = call.request.headers.get(header::IF_MATCH);
    if let Some(given) = given.filter(|given| given.as_bytes() != current.as_bytes()) {
        let given = String::from_utf8_lossy(given.as_bytes());
        // A body with nothing but this, as Adobe's troubleshooting page shows it.
        let message = format!(
            "Supplied version=[{given}] does not match the current version on entity=[{current}]"
        );
        let body = json!({ "errorMessage": message });
        return Err(Reply::json(StatusCode::PRECONDITION_FAILED, &body));
    }
    if !RunLifecycle::of(&run, scenario, now).is_retriable() {
        let message = format!("Flow run {id} neither failed nor succeeded without a record.");
        return Err(Reply::invented(StatusCode::BAD_REQUEST, 9005, &message));
    }
    let (params, of) = (run.record.params.clone(), run.record.id.clone());
    let again = state.store(flow, &call.caller, params, Some(of), now)?;
    let body = match scenario.dialect {
        Dialect::Tutorial => id_and_etag(&again, scenario, now),
        Dialect::Openapi => {
            let run = state.newest_attempt(&run);
            run_body(&run, flow, scenario, now, scenario.params_in_runs)
        }
    };
    Ok(Reply::json(StatusCode::OK, &body))
}
