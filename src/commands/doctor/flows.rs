//! Reads the flows of the manifests and a little of their lists of runs.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, stream};

use crate::api::{ApiError, Client, Page, WindowEvidence};
use crate::cli::context::Context;
use crate::doctor::{
    BehaviourFacts, Check, Diagnosis, FaultKind, FlowAnswer, ListShape, check_behaviour,
    check_flows,
};
use crate::manifest::Manifest;
use crate::report::plain;
use crate::run::{FlowRef, RunId};

/// Lists of no more flows are read: what the service does, it does for all.
const LISTS_READ: usize = 10;

/// Checks each flow, and the lists of some; `sent` are the runs that the state has as created by us.
pub(super) async fn check(
    context: &Context,
    client: &Client,
    manifests: &[&Manifest],
    sent: &HashSet<RunId>,
    diagnosis: &mut Diagnosis,
) {
    let flows: BTreeMap<&FlowRef, &Manifest> = manifests
        .iter()
        .rev() // of several manifests of a flow the first names it
        .map(|manifest| (&*manifest.flow, *manifest))
        .collect();
    if flows.is_empty() {
        return;
    }
    let limits = &context.config.limits;
    let answers: Vec<FlowAnswer<'_>> = stream::iter(flows)
        .map(|(flow, manifest)| async move {
            FlowAnswer {
                name: &manifest.request.name,
                flow,
                source: &manifest.request.source,
                answer: client.flow(flow).await,
            }
        })
        .buffered(limits.concurrency)
        .collect()
        .await;
    let found = &mut diagnosis.findings;
    found.extend(check_flows(&answers, context.verbose));

    let mut shape = ListShape::default();
    let exist = answers.iter().filter(|answer| answer.answer.is_ok());
    for FlowAnswer { flow, .. } in exist.take(LISTS_READ) {
        if let Err(error) = read_lists(&mut shape, client, flow, sent).await {
            let error = plain(&error, 300);
            let message = format!("the runs of the flow {} cannot be listed: {error}", flow.id);
            let advice = "without its list, no run of a flow can be followed or settled";
            let finding = Check::LISTS.fault(FaultKind::WouldNotWork, message);
            found.push(finding.advise(advice));
        }
    }
    let dialect = client.dialect();
    shape
        .unknown_statuses
        .retain(|word| !dialect.explains(word));
    let (findings, settling) = check_behaviour(&BehaviourFacts {
        shape: &shape,
        limits: &client.limits_seen(),
        per_flow: limits.per_flow,
        settle_delay: context.settle_delay(),
        timestamps: context.config.wire.times(),
        is_emulator: context.emulator,
    });
    found.extend(findings);
    diagnosis.settling = settling;
}

/// The first page of a flow's runs, the second if there is one, and one run by itself if its window
/// is not shown.
async fn read_lists(
    shape: &mut ListShape,
    client: &Client,
    flow: &FlowRef,
    sent: &HashSet<RunId>,
) -> Result<(), ApiError> {
    let first = client.raw_page(flow, None).await?;
    let page = Page::read(&first)?;
    shape.lists += 1;
    shape.add(&first, flow.id, client.api_key(), sent);
    if let Some(token) = &page.next {
        let second = client.raw_page(flow, Some(token)).await?;
        let known: HashSet<&RunId> = page.runs.iter().map(|run| &run.id).collect();
        let runs = Page::read(&second)?.runs;
        shape.paged += 1;
        shape.pages_read += usize::from(runs.iter().any(|run| !known.contains(&run.id)));
        shape.add(&second, flow.id, client.api_key(), sent);
    }
    if let Some(id) = shape.silent_run.take()
        && let Some(run) = client.run(&flow.sandbox, &id).await?
    {
        shape.shown_alone += usize::from(run.window_evidence != WindowEvidence::Missing);
    }
    Ok(())
}
