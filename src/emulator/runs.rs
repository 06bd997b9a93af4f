//! Runs: `POST /runs`, `GET /runs`, `GET /runs/{id}`, `POST /runs/{id}/action`.
//!
//! Creating is not idempotent and knows no key, as at Adobe: the same body sent twice makes two
//! runs. Nothing here deletes or cancels.

use hyper::{StatusCode, header};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::run::FlowId;

use super::call::AuthorizedCall;
use super::life::Life;
use super::listing::ListQuery;
use super::params::RunParams;
use super::reply::{Answer, Reply};
use super::run_body::{run_body, run_etag};
use super::scenario::{ResponseShape, Retries, RetryWord};
use super::world::{Draft, EmulatedFlow};

/// `POST /runs`
pub(super) fn create(call: &AuthorizedCall) -> Answer {
    let AuthorizedCall {
        world, caller, now, ..
    } = call;
    let (flow_id, params) = read_create(call.body)?;
    let key = (caller.sandbox.clone(), flow_id);
    let flow = world.flow(&key).ok_or_else(|| no_flow(&flow_id))?;
    let EmulatedFlow {
        frequency, state, ..
    } = flow;
    if flow.hidden {
        return Err(Reply::not_found("flows", &flow_id.to_string()));
    }
    if state != "enabled" {
        let message = format!("Flow {flow_id} is in the state {state}, expected enabled.");
        return Err(Reply::bad_request(1444, &message));
    }
    if frequency != "once" {
        let message = format!("Flow {flow_id} is not scheduled for one-time ingestion.");
        return Err(Reply::invented(StatusCode::BAD_REQUEST, 9001, &message));
    }
    let draft = Draft {
        flow: key,
        client: caller.client.clone(),
        organization: caller.organization.clone(),
        retrigger_of: None,
        params: RunParams::read(params)?,
    };
    let run = world.store(draft, *now)?;
    let id_and_etag = json!({ "id": run.record.id, "etag": run_etag(&run, &world.scenario, *now) });
    let answer = match world.scenario.response_shape {
        ResponseShape::Items => json!({ "items": [id_and_etag] }),
        ResponseShape::Bare => id_and_etag,
        ResponseShape::Object => run_body(&run, flow, &world.scenario, *now, true),
    };
    Ok(Reply::json(StatusCode::CREATED, &answer))
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
    let AuthorizedCall {
        world,
        caller,
        now,
        without,
        ..
    } = call;
    let scenario = &world.scenario;
    let mut list = ListQuery::read(call, "runs")?;
    let flows: Vec<_> = match list.take("flowId") {
        Some(ids) => ids
            .iter()
            .filter_map(|id| world.visible_flow(&caller.sandbox, id))
            .collect(),
        None => world.visible_flows(&caller.sandbox).collect(),
    };
    let mut runs = Vec::new();
    for flow in flows {
        let of_flow = world.runs_of(flow, list.cursor.as_of, list.cursor.ceiling);
        runs.extend(of_flow.into_iter().map(|run| (run, flow)));
    }
    runs.sort_by_key(|(run, _)| std::cmp::Reverse(run.serial));
    if *without > 0
        && list.cursor.offset == 0
        && let Some((hidden, _)) = runs.get(without - 1).or(runs.last())
    {
        // Into the token, so that further pages are of the same list.
        list.cursor.ceiling = hidden.serial;
        runs.retain(|(run, _)| run.serial < list.cursor.ceiling);
    }
    Ok(list.page(runs, |(run, flow)| {
        run_body(run, flow, scenario, *now, scenario.params_in_lists)
    }))
}

/// `GET /runs/{id}`
pub(super) fn get(call: &AuthorizedCall) -> Answer {
    let scenario = &call.world.scenario;
    let (run, flow) = call
        .world
        .run(&call.caller.sandbox, call.id, call.now)
        .ok_or_else(|| Reply::not_found("runs", call.id))?;
    let body = run_body(&run, flow, scenario, call.now, scenario.params_in_runs);
    Ok(Reply::one(body, scenario.item_shape))
}

/// `POST /runs/{id}/action?op=re-trigger`
pub(super) fn act(call: &AuthorizedCall) -> Answer {
    let AuthorizedCall {
        world,
        caller,
        id,
        now,
        ..
    } = call;
    let scenario = &world.scenario;
    let op = form_urlencoded::parse(call.query.as_bytes())
        .find_map(|(name, value)| (name == "op" && !value.is_empty()).then_some(value))
        .ok_or_else(|| Reply::bad_request(2119, "The query param op is missing."))?;
    let is_understood = match &*op {
        "re-trigger" => scenario.retry_word != RetryWord::Openapi,
        "RE_TRIGGER" => scenario.retry_word != RetryWord::Tutorial,
        _ => false,
    };
    if !is_understood {
        let message = format!("The operation {op} is not supported.");
        return Err(Reply::bad_request(1435, &message));
    }
    let (run, flow) = world
        .run(&caller.sandbox, id, *now)
        .ok_or_else(|| Reply::not_found("runs", id))?;
    let run = world.at_once(&run);
    if let Some(given) = call.headers.get(header::IF_MATCH) {
        let current = run_etag(&run, scenario, *now);
        if given.as_bytes() != current.as_bytes() {
            let given = String::from_utf8_lossy(given.as_bytes());
            // A body with nothing but this, as Adobe's troubleshooting page shows it.
            let message = format!(
                "Supplied version=[{given}] does not match the current version on \
                 entity=[{current}]"
            );
            let body = json!({ "errorMessage": message });
            return Err(Reply::json(StatusCode::PRECONDITION_FAILED, &body));
        }
    }
    if !Life::of(&run, scenario, *now).is_retriable() {
        let message = format!("Flow run {id} neither failed nor succeeded without a record.");
        return Err(Reply::invented(StatusCode::BAD_REQUEST, 9005, &message));
    }
    let draft = Draft {
        flow: flow.key(),
        client: caller.client.clone(),
        organization: caller.organization.clone(),
        retrigger_of: Some(run.record.id.clone()),
        params: run.record.params.clone(),
    };
    let again = world.store(draft, *now)?;
    if scenario.retries == Retries::SameRun {
        let run = world.at_once(&run);
        let body = run_body(&run, flow, scenario, *now, scenario.params_in_runs);
        return Ok(Reply::one(body, scenario.item_shape));
    }
    let etag = run_etag(&again, scenario, *now);
    let body = json!({ "id": again.record.id, "etag": etag });
    Ok(Reply::json(StatusCode::OK, &body))
}
