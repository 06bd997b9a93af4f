//! `import/v1`: which runs are on record now, under which manifest, and which are not.

use serde::Serialize;

use super::parts::{RunFields, SeenRun};
use crate::api::FlowRun;
use crate::reconcile::import::{FlowImport, ImportedFlow, ImportedManifest, ImportedRun};
use crate::run::FlowRef;
use crate::state::Evidence;

/// `import/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "import/v1")))]
    format: &'static str,
    /// Whether nothing was touched.
    dry_run: bool,
    summary: ImportSummary,
    flows: Vec<FlowFields<'a>>,
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
struct FlowFields<'a> {
    #[serde(flatten)]
    flow: &'a FlowRef,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<&'a ImportedManifest>,
    runs: Vec<ImportedRunFields>,
    silent: Vec<SeenRun>,
    in_doubt: Vec<SeenRun>,
    elsewhere: Vec<SeenRun>,
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
pub(crate) fn import<'a>(
    flows: &'a [ImportedFlow],
    api_key: &str,
    dry_run: bool,
    exit_code: u8,
) -> ImportDocument<'a> {
    let mut summary = ImportSummary::default();
    let seen = |run: &FlowRun| SeenRun::new(run, None, api_key);
    let all_seen = |runs: &[FlowRun]| runs.iter().map(seen).collect::<Vec<_>>();
    let imported = |kept: &ImportedRun| ImportedRunFields {
        identity: RunFields::new(&kept.identity),
        outcome: match kept.adopt {
            Some(_) => "adopted",
            None => "unchanged",
        },
        evidence: kept.adopt.as_ref().map(Evidence::word),
        seen: seen(&kept.run),
    };
    let mut fields = |flow: &'a ImportedFlow| {
        let FlowImport {
            runs,
            silent,
            in_doubt,
            elsewhere,
        } = &flow.gathered;
        let adopted = flow.gathered.adopted();
        summary.adopted += adopted;
        summary.unchanged += runs.len() - adopted;
        summary.doubled += flow.gathered.doubled().count();
        summary.failed += flow.gathered.failed().count();
        summary.silent += silent.len();
        summary.in_doubt += in_doubt.len();
        summary.elsewhere += elsewhere.len();
        FlowFields {
            flow: &flow.flow,
            name: &flow.name,
            manifest: flow.manifest.as_ref(),
            runs: runs.iter().map(imported).collect(),
            silent: all_seen(silent),
            in_doubt: all_seen(in_doubt),
            elsewhere: all_seen(elsewhere),
        }
    };
    let flows = flows.iter().map(&mut fields).collect();
    ImportDocument {
        format: "import/v1",
        dry_run,
        summary,
        flows,
        exit_code,
    }
}
