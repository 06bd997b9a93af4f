//! The manifests that are there before an import.
//!
//! Takes the folders; says whether a flow has a manifest, and whether that wants just the runs that
//! it has.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::manifest::{Checked, FindError, Manifest, Rules, Sources, check, read_paths};
use crate::reconcile::import::{FlowImport, ImportedManifest};
use crate::run::{FlowRef, Source};

/// The manifests that are there already, in the folder and in the one that other verbs read: what
/// they want must not be taken for what was done by hand.
pub(super) struct Neighbours {
    folders: Vec<(Sources, Checked)>,
}

impl Neighbours {
    /// Reads the folder for the manifests, and the default one.
    pub(super) fn read(output: &Path, default: &Path, rules: &Rules) -> Result<Self, Failure> {
        let mut folders = Vec::new();
        let other = (output != default).then_some(default);
        for folder in [Some(output), other].into_iter().flatten() {
            match read_paths(&[folder.to_owned()]) {
                Ok(sources) => {
                    let checked = check(&sources, rules);
                    folders.push((sources, checked));
                }
                Err(FindError::Missing(_) | FindError::NoManifest(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { folders })
    }

    /// The first manifest of a flow.
    pub(super) fn of(&self, flow: &FlowRef) -> Option<&Manifest> {
        let manifests = self.folders.iter().flat_map(|(_, one)| &one.manifests);
        manifests.into_iter().find(|one| *one.flow == *flow)
    }

    /// The manifest of a flow that wants what was gathered, no more and no less.
    pub(super) fn manifest_of(
        &self,
        flow: &FlowRef,
        source: &Source,
        gathered: &FlowImport,
    ) -> Option<ImportedManifest> {
        let wanted = gathered.runs.iter().map(|kept| &kept.identity);
        let (sources, checked) = self.folders.iter().find(|(_, checked)| {
            // Sorted by flow.
            let runs = checked.runs.iter().map(|run| &run.identity);
            let first = checked
                .runs
                .partition_point(|run| *run.identity.flow < *flow);
            let of_flow = runs.skip(first).take_while(|run| *run.flow == *flow);
            !checked.has_errors() && of_flow.eq(wanted.clone())
        })?;
        let manifest = checked.manifests.iter().find(|one| *one.flow == *flow)?;
        let text = sources.text(&manifest.request.manifest)?;
        (*manifest.request.source == *source).then(|| ImportedManifest {
            path: manifest.request.manifest.to_string(),
            text: text.to_owned(),
            was_there: true,
        })
    }
}
