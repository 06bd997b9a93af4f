//! Runs: `POST /runs`, `GET /runs`, `GET /runs/{id}`, `POST /runs/{id}/action`.
//!
//! Creating is not idempotent and knows no key, as at Adobe: the same body sent twice makes two
//! runs. Nothing here deletes or cancels.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::run::FlowId;

use super::clock::Millis;
use super::gateway::Caller;
use super::life::Life;
use super::listing::{Catalog, ListMoment, ListQuery};
use super::params::RunParams;
use super::refusal::{Invented, ServiceError};
use super::reply::Reply;
use super::run_body::{HEAD_FIELDS, run_body, run_etag, run_head};
use super::scenario::{Frequency, ResponseShape, Retries, RetryWord};
use super::world::{Draft, EmulatedFlow, EmulatedRun, FlowKey, World};

const RUNS: Catalog = Catalog {
    path: "runs",
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
        "flowId",
        "flowSpec",
        "providerRefId",
        "parentFlowRunId",
        "params",
        "etag",
        "state",
        "metrics",
        "activities",
    ],
};

/// `POST /runs`
pub(super) fn create(
    world: &World,
    caller: &Caller,
    body: &[u8],
    now: Millis,
) -> Result<Reply, ServiceError> {
    let (flow_id, params) = read_create(body)?;
    let key = (caller.sandbox.clone(), flow_id);
    let flow = world
        .flow(&key)
        .ok_or_else(|| ServiceError::bad_request(1430, format!("Flow {flow_id} is not found.")))?;
    if flow.hidden {
        return Err(ServiceError::not_found("flows", &flow_id.to_string()));
    }
    if flow.state != "enabled" {
        return Err(ServiceError::bad_request(
            1444,
            format!(
                "Flow {flow_id} is in the state {}, expected enabled.",
                flow.state
            ),
        ));
    }
    if flow.frequency != Frequency::Once {
        return Err(ServiceError::invented(
            StatusCode::BAD_REQUEST,
            Invented::FlowNotOnce,
            format!("Flow {flow_id} is not scheduled for one-time ingestion."),
        ));
    }
    let draft = Draft {
        flow: key,
        client: caller.client.clone(),
        organization: caller.organization.clone(),
        retrigger_of: None,
        params: RunParams::read(params)?,
    };
    let run = world.store(draft, now)?;
    let id_and_etag = json!({ "id": run.record.id, "etag": run_etag(&run, &world.scenario, now) });
    let answer = match world.scenario.response_shape {
        ResponseShape::Items => json!({ "items": [id_and_etag] }),
        ResponseShape::Bare => id_and_etag,
        ResponseShape::Object => run_body(&run, flow, &world.scenario, now, true),
    };
    Ok(Reply::json(StatusCode::CREATED, &answer))
}

/// The flow and the `params` that a create asks for.
fn read_create(body: &[u8]) -> Result<(FlowId, Map<String, Value>), ServiceError> {
    if body.trim_ascii().is_empty() {
        return Err(ServiceError::bad_request(
            1405,
            "The request body is empty.",
        ));
    }
    let not_json = |what: String| {
        ServiceError::invented(
            StatusCode::BAD_REQUEST,
            Invented::BodyNotJson,
            format!("The request body is not a JSON object{what}."),
        )
    };
    let body = match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => body,
        Ok(_) => return Err(not_json(String::new())),
        Err(error) => return Err(not_json(format!(": {error}"))),
    };
    let flow_id = body.get("flowId").and_then(Value::as_str);
    let flow_id = flow_id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| ServiceError::bad_request(1446, "flowId cannot be null or empty."))?;
    let flow_id = flow_id
        .parse()
        .map_err(|_| ServiceError::bad_request(1430, format!("Flow {flow_id} is not found.")))?;
    let params = match body.get("params") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(params)) => params.clone(),
        Some(_) => {
            return Err(ServiceError::invented(
                StatusCode::BAD_REQUEST,
                Invented::BadParams,
                "params is not an object.",
            ));
        }
    };
    Ok((flow_id, params))
}

/// `GET /runs`, without the newest `without` of the runs that there are.
pub(super) fn list(
    world: &World,
    caller: &Caller,
    query: &str,
    now: Millis,
    without: usize,
) -> Result<Reply, ServiceError> {
    let scenario = &world.scenario;
    let reading = ListMoment {
        now,
        ceiling: world.run_count(),
    };
    let mut list = ListQuery::read(query, &RUNS, caller.sandbox.as_str(), scenario, reading)?;
    let mut runs = candidates(world, caller, &mut list);
    if without > 0
        && list.cursor.offset == 0
        && let Some((hidden, _)) = runs.get(without - 1).or(runs.last())
    {
        // Into the token, so that further pages are of the same list.
        list.cursor.ceiling = hidden.serial;
        runs.retain(|(run, _)| run.serial < list.cursor.ceiling);
    }
    let as_of = list.cursor.as_of;
    let head_is_enough = list.looks_only_at(HEAD_FIELDS);
    let selected = list.select(runs, |(run, flow)| {
        if head_is_enough {
            run_head(run)
        } else {
            run_body(run, flow, scenario, as_of, true)
        }
    });
    let answer = list.answer(&selected, |(run, flow)| {
        run_body(run, flow, scenario, now, scenario.params_in_lists)
    });
    Ok(Reply::json(StatusCode::OK, &answer))
}

/// The runs that a list is chosen from, newest first.
///
/// A filter for flows or ids is answered by an index, and taken out of the list.
fn candidates<'a>(
    world: &'a World,
    caller: &Caller,
    list: &mut ListQuery,
) -> Vec<(Arc<EmulatedRun>, &'a EmulatedFlow)> {
    let until = list
        .cursor
        .as_of
        .saturating_sub(world.scenario.listed_after.millis());
    let ceiling = list.cursor.ceiling;
    let mut take = |path| {
        let index = list.filters.iter().position(|f| f.equals(path).is_some())?;
        let filter = list.filters.swap_remove(index);
        let mut values = filter.equals(path)?.to_vec();
        values.sort_unstable();
        values.dedup();
        Some(values)
    };
    let mut runs: Vec<(Arc<EmulatedRun>, &EmulatedFlow)> = if let Some(ids) = take("id") {
        let found = ids.iter().filter_map(|id| world.run(&caller.sandbox, id));
        found
            .filter(|(run, _)| run.serial < ceiling && run.record.created_at <= until)
            .collect()
    } else if let Some(flows) = take("flowId") {
        let keys = flows.iter().filter_map(|id| {
            let flow: FlowId = id.parse().ok()?;
            // The index reads capitals, the wire compares texts.
            let key: FlowKey = (caller.sandbox.clone(), flow);
            (flow.to_string() == *id).then_some(key)
        });
        keys.filter_map(|key| {
            world
                .flow(&key)
                .filter(|flow| !flow.hidden)
                .map(|f| (key, f))
        })
        .flat_map(|(key, flow)| {
            let runs = world.runs_of(&key, until, ceiling);
            runs.into_iter().map(move |run| (run, flow))
        })
        .collect()
    } else {
        let runs = world.runs(&caller.sandbox, until, ceiling);
        runs.into_iter()
            .filter_map(|run| world.flow_of(&run).map(|flow| (run, flow)))
            .collect()
    };
    runs.retain(|(run, _)| world.is_its_own(run));
    for (run, _) in &mut runs {
        *run = world.current(run, until);
    }
    runs.sort_by_key(|(run, _)| std::cmp::Reverse(run.serial));
    runs
}

/// `GET /runs/{id}`
pub(super) fn get(
    world: &World,
    caller: &Caller,
    id: &str,
    now: Millis,
) -> Result<Reply, ServiceError> {
    let (run, flow) = visible(world, caller, id, now)?;
    let scenario = &world.scenario;
    let body = run_body(&run, flow, scenario, now, scenario.params_in_runs);
    Ok(Reply::one(body, world.scenario.item_shape))
}

/// `POST /runs/{id}/action?op=re-trigger`
pub(super) fn act(
    world: &World,
    caller: &Caller,
    id: &str,
    query: &str,
    headers: &HeaderMap,
    now: Millis,
) -> Result<Reply, ServiceError> {
    let op = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "op" && !value.is_empty()).then_some(value))
        .ok_or_else(|| ServiceError::bad_request(2119, "The query param op is missing."))?;
    let is_understood = match world.scenario.retry_word {
        RetryWord::Both => op == "re-trigger" || op == "RE_TRIGGER",
        RetryWord::Tutorial => op == "re-trigger",
        RetryWord::Openapi => op == "RE_TRIGGER",
    };
    if !is_understood {
        return Err(ServiceError::bad_request(
            1435,
            format!("The operation {op} is not supported."),
        ));
    }
    let (run, flow) = visible(world, caller, id, now)?;
    // The service itself knows at once.
    let run = world.current(&run, Millis::MAX);
    let scenario = &world.scenario;
    if let Some(given) = headers.get(header::IF_MATCH) {
        let current = run_etag(&run, scenario, now);
        if given.as_bytes() != current.as_bytes() {
            return Err(ServiceError::StaleEtag {
                given: String::from_utf8_lossy(given.as_bytes()).into_owned(),
                current,
            });
        }
    }
    if !Life::of(&run, scenario, now).is_retriable() {
        return Err(ServiceError::invented(
            StatusCode::BAD_REQUEST,
            Invented::NotRetriable,
            format!("Flow run {id} neither failed nor succeeded without a record."),
        ));
    }
    let draft = Draft {
        flow: (run.record.sandbox.clone(), run.record.flow_id),
        client: caller.client.clone(),
        organization: caller.organization.clone(),
        retrigger_of: Some(run.record.id.clone()),
        params: run.record.params.clone(),
    };
    let again = world.store(draft, now)?;
    if scenario.retries == Retries::SameRun {
        let run = world.current(&run, Millis::MAX);
        let body = run_body(&run, flow, scenario, now, scenario.params_in_runs);
        return Ok(Reply::one(body, scenario.item_shape));
    }
    let etag = run_etag(&again, scenario, now);
    Ok(Reply::json(
        StatusCode::OK,
        &json!({ "id": again.record.id, "etag": etag }),
    ))
}

/// The run of that id, if the caller sees it yet.
fn visible<'a>(
    world: &'a World,
    caller: &Caller,
    id: &str,
    now: Millis,
) -> Result<(Arc<EmulatedRun>, &'a EmulatedFlow), ServiceError> {
    let until = now.saturating_sub(world.scenario.listed_after.millis());
    world
        .run(&caller.sandbox, id)
        .filter(|(run, _)| run.record.created_at <= until && world.is_its_own(run))
        .map(|(run, flow)| (world.current(&run, until), flow))
        .ok_or_else(|| ServiceError::not_found("runs", id))
}
