//! `import/v1`: which runs are on record now, under which manifest, and which are not.

use serde::Serialize;

use super::RunFields;
use super::audit::SeenRun;
use crate::api::FlowRun;
use crate::reconcile::import::{FlowImport, ImportedRun};
use crate::report::{ImportedFlow, ImportedManifest};
use crate::run::{FlowId, Sandbox};
use crate::state::Evidence;

/// `import/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportDocument {
    #[cfg_attr(test, schemars(extend("const" = "import/v1")))]
    format: &'static str,
    /// Whether nothing was touched.
    dry_run: bool,
    summary: ImportSummary,
    flows: Vec<FlowFields>,
    exit_code: u8,
}

#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ImportSummary {
    adopted: usize,
    unchanged: usize,
    /// Windows with more than one run.
    doubled: usize,
    /// Of both, those that failed, or some of whose records did.
    failed: usize,
    silent: usize,
    in_doubt: usize,
    elsewhere: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct FlowFields {
    sandbox: Sandbox,
    flow_id: FlowId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<ManifestFields>,
    runs: Vec<ImportedRunFields>,
    silent: Vec<SeenRun>,
    in_doubt: Vec<SeenRun>,
    elsewhere: Vec<SeenRun>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ManifestFields {
    path: String,
    /// Whether the file was there before, and held the same.
    was_there: bool,
    text: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ImportedRunFields {
    #[serde(flatten)]
    identity: RunFields,
    /// `adopted`, or `unchanged` where it was on record before.
    #[cfg_attr(test, schemars(extend("enum" = ["adopted", "unchanged"])))]
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(flatten)]
    seen: SeenRun,
}

/// The import as `import/v1`.
#[must_use]
pub(crate) fn import(
    flows: &[ImportedFlow],
    api_key: &str,
    dry_run: bool,
    exit_code: u8,
) -> ImportDocument {
    let mut summary = ImportSummary::default();
    let flows = flows
        .iter()
        .map(|flow| {
            summary.adopted += flow.adopted().count();
            summary.doubled += flow.doubled().count();
            summary.failed += flow.failed().count();
            let ImportedFlow {
                flow,
                name,
                gathered,
                manifest,
            } = flow;
            let FlowImport {
                runs,
                silent,
                in_doubt,
                elsewhere,
            } = gathered;
            summary.unchanged += runs.iter().filter(|kept| kept.adopt.is_none()).count();
            summary.silent += silent.len();
            summary.in_doubt += in_doubt.len();
            summary.elsewhere += elsewhere.len();
            let seen = |runs: &[FlowRun]| -> Vec<SeenRun> {
                let runs = runs.iter();
                runs.map(|run| SeenRun::new(run, None, api_key)).collect()
            };
            FlowFields {
                sandbox: flow.sandbox.clone(),
                flow_id: flow.id,
                name: name.clone(),
                manifest: manifest.clone().map(
                    |ImportedManifest {
                         path,
                         text,
                         was_there,
                     }| ManifestFields {
                        path,
                        was_there,
                        text,
                    },
                ),
                runs: runs
                    .iter()
                    .map(
                        |ImportedRun {
                             identity,
                             run,
                             adopt,
                         }| ImportedRunFields {
                            identity: RunFields::new(identity.key(), identity),
                            outcome: if adopt.is_some() {
                                "adopted"
                            } else {
                                "unchanged"
                            },
                            evidence: adopt.as_ref().map(Evidence::word),
                            seen: SeenRun::new(run, None, api_key),
                        },
                    )
                    .collect(),
                silent: seen(silent),
                in_doubt: seen(in_doubt),
                elsewhere: seen(elsewhere),
            }
        })
        .collect();
    ImportDocument {
        format: "import/v1",
        dry_run,
        summary,
        flows,
        exit_code,
    }
}
