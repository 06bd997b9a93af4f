//! Reads the flows of the manifests and a little of their lists of runs.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, stream};

use crate::api::{ApiError, Client, FlowRun, Page, WindowEvidence};
use crate::cli::context::Context;
use crate::doctor::{
    Area, BehaviourFacts, Check, FaultKind, Finding, FlowAnswer, ListSample, ListShape, Settling,
    check_behaviour, check_flows,
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
    let lists: Vec<_> = stream::iter(there.take(LEARNT_FROM))
        .map(|answer| async move { (answer.flow, sample(client, answer.flow).await) })
        .buffered(concurrency)
        .collect()
        .await;
    let mut shape = ListShape::default();
    for (flow, list) in lists {
        match list {
            Ok(list) => shape.add(&list, flow.id, client.api_key(), sent),
            Err(error) => {
                let error = plain(&error.to_string(), 300);
                let message = format!("the runs of the flow {} cannot be listed: {error}", flow.id);
                let check = Check(Area::Behaviour, "lists", "lists");
                let finding = check.fault(FaultKind::WouldNotWork, message);
                findings.push(
                    finding.advise("without its list, no run of a flow can be followed or settled"),
                );
            }
        }
    }
    let explains = |word: &String| client.dialect().explains(word);
    shape.unknown_statuses.retain(|word| !explains(word));
    let limits = &context.config.limits;
    let (learnt, settling) = check_behaviour(&BehaviourFacts {
        shape: &shape,
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
async fn sample(client: &Client, flow: &FlowRef) -> Result<ListSample, ApiError> {
    let first = client.raw_page(flow, None).await?;
    let Page { runs, next, .. } = Page::read(&first)?;
    let mut list = ListSample {
        pages: vec![first],
        ..ListSample::default()
    };
    if let Some(token) = &next {
        let second = client.raw_page(flow, Some(token)).await?;
        let known: HashSet<&RunId> = runs.iter().map(|run| &run.id).collect();
        let others = Page::read(&second)?.runs;
        list.has_other_runs = others.iter().any(|run| !known.contains(&run.id));
        list.pages.push(second);
    }
    let is_ours = |run: &&FlowRun| run.flow_id.is_none_or(|id| id == flow.id);
    let mut silent = runs.iter().filter(is_ours);
    if let Some(run) = silent.find(|run| run.window_evidence == WindowEvidence::Missing) {
        list.alone = client.run(&flow.sandbox, &run.id).await?;
    }
    Ok(list)
}
