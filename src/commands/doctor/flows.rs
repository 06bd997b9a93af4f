//! Reads the flows of the manifests and a little of their lists of runs.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, stream};
use serde_json::Value;

use crate::api::{ApiError, Client, Page, WindowEvidence};
use crate::cli::context::Context;
use crate::doctor::{
    Area, BehaviourFacts, Finding, FlowAnswer, ListShape, Settling, Trouble, check_behaviour,
    check_flows,
};
use crate::manifest::Manifest;
use crate::report::plain;
use crate::run::{FlowRef, RunId};

/// Lists of no more flows are read: what the service does, it does for all.
const LEARNT_FROM: usize = 10;

/// What was found.
pub(super) struct Learnt {
    pub(super) findings: Vec<Finding>,
    pub(super) settling: Settling,
}

/// Looks at each flow, and at the lists of some; `sent` are the runs that the state has as created
/// by us.
pub(super) async fn look(
    context: &Context,
    client: &Client,
    manifests: &[&Manifest],
    sent: &HashSet<RunId>,
) -> Learnt {
    let flows: BTreeMap<&FlowRef, &Manifest> = manifests
        .iter()
        .rev() // of several manifests of a flow the first names it
        .map(|manifest| (&*manifest.flow, *manifest))
        .collect();
    if flows.is_empty() {
        return Learnt {
            findings: Vec::new(),
            settling: Settling::Unknown,
        };
    }
    let concurrency = context.config.limits.concurrency;
    let answers: Vec<FlowAnswer<'_>> = stream::iter(flows)
        .map(|(flow, manifest)| async move {
            FlowAnswer {
                name: &manifest.request.name,
                flow,
                source: &manifest.request.source,
                answer: client.flow(flow).await,
            }
        })
        .buffered(concurrency)
        .collect()
        .await;
    let mut findings = check_flows(&answers, context.verbose);

    let there = answers.iter().filter(|answer| answer.answer.is_ok());
    let shapes: Vec<Result<ListShape, (&FlowRef, ApiError)>> =
        stream::iter(there.take(LEARNT_FROM))
            .map(|answer| async move {
                let shape = shape(client, answer.flow, sent).await;
                shape.map_err(|error| (answer.flow, error))
            })
            .buffered(concurrency)
            .collect()
            .await;
    let mut whole = ListShape::default();
    for shape in shapes {
        match shape {
            Ok(shape) => whole = whole.and(shape),
            Err((flow, error)) => {
                let error = plain(&error.to_string(), 300);
                let message = format!("the runs of the flow {} cannot be listed: {error}", flow.id);
                let (trouble, area) = (Trouble::WouldNotWork, Area::Behaviour);
                findings.push(
                    Finding::fault(trouble, area, "lists", "lists", message)
                        .advise("without its list, no run of a flow can be followed or settled"),
                );
            }
        }
    }
    let limits = &context.config.limits;
    let (learnt, settling) = check_behaviour(&BehaviourFacts {
        shape: &whole,
        limits: &client.limits_seen(),
        per_flow: limits.per_flow,
        settle_delay: context.settle_delay(),
        timestamps: context.config.wire.times(),
        is_emulator: context.emulator,
    });
    findings.extend(learnt);
    Learnt { findings, settling }
}

/// The first page of a flow's runs, the second if there is one, and one run by itself if its window
/// is not shown.
async fn shape(
    client: &Client,
    flow: &FlowRef,
    sent: &HashSet<RunId>,
) -> Result<ListShape, ApiError> {
    let read = |page: &Value| ListShape::read(page, flow.id, client.api_key(), sent);
    let first = client.raw_page(flow, None).await?;
    let mut shape = read(&first);
    shape.lists = 1;
    let page = Page::read(&first)?;
    if let Some(token) = &page.next {
        shape.paged = 1;
        let second = client.raw_page(flow, Some(token)).await?;
        let known: HashSet<&RunId> = page.runs.iter().map(|run| &run.id).collect();
        let runs = Page::read(&second)?.runs;
        shape.pages_read = usize::from(runs.iter().any(|run| !known.contains(&run.id)));
        shape = shape.and(read(&second));
    }
    shape
        .unknown_statuses
        .retain(|word| !client.dialect().explains(word));
    if let Some(id) = shape.silent_run.clone()
        && let Some(run) = client.run(&flow.sandbox, &id).await?
    {
        shape.read_alone = 1;
        shape.shown_alone = usize::from(run.window_evidence != WindowEvidence::Missing);
    }
    Ok(shape)
}
