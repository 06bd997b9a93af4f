//! Where manifests are made of runs that exist, and held to what our own commands will say.
//!
//! Takes what was listed and a state; gives each flow with its manifest, or says what is in the
//! way. [`write()`] is all that touches the disk for good.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use crate::api::{Flow, FlowRun};
use crate::cli::Exit;
use crate::cli::failure::{Failure, chain};
use crate::cli::output;
use crate::manifest::{FindError, Manifest, Rules, Sources, check, read_paths};
use crate::plan::diff;
use crate::reconcile::import::{FlowImport, ManifestDraft, file_stems, gather};
use crate::report::{self, ImportedFlow, ImportedManifest};
use crate::run::{FlowId, FlowRef, RunIdentity, Source};
use crate::state::{Entry, State};
use crate::untrusted::Untrusted;

/// The schema of manifests, where `init` puts it.
const SCHEMA: &str = "schema.json";
/// How many problems of texts that we wrote ourselves are shown.
const MOST_PROBLEMS: usize = 20;

/// A flow as the service shows it.
pub(super) struct ListedFlow {
    pub(super) flow: FlowRef,
    pub(super) details: Flow,
    pub(super) source: Source,
    pub(super) runs: Vec<FlowRun>,
}

/// What manifests are written from, all of it known before anything is written.
pub(super) struct ManifestWriter<'a> {
    pub(super) listed: &'a [ListedFlow],
    pub(super) output: &'a Path,
    /// The folder of manifests that other verbs read.
    pub(super) default: &'a Path,
    pub(super) reason: &'a str,
    pub(super) rules: Rules,
    pub(super) colour: bool,
}

fn name_of(listed: &ListedFlow) -> Option<&str> {
    listed.details.name.as_ref().map(Untrusted::raw)
}

impl ManifestWriter<'_> {
    /// The flows with their manifests, beside `state`: held to what our own commands will say.
    pub(super) fn prepare(&self, state: &State) -> Result<Vec<ImportedFlow>, Failure> {
        let names: Vec<(FlowId, Option<&str>)> = self
            .listed
            .iter()
            .map(|listed| (listed.flow.id, name_of(listed)))
            .collect();
        let others = self.neighbours()?;
        let has_schema = self.output.join(SCHEMA).is_file();
        let mut flows = Vec::with_capacity(self.listed.len());
        for (listed, stem) in self.listed.iter().zip(file_stems(&names)) {
            let gathered = gather(&listed.flow, &listed.runs, Some(state));
            let label = name_of(listed).map(str::trim);
            let label = label.filter(|label| !label.is_empty() && *label != stem);
            let manifest = if gathered.runs.is_empty() {
                None
            } else {
                let draft = ManifestDraft {
                    flow: &listed.flow,
                    name: label,
                    source: &listed.source,
                    reason: self.reason,
                    runs: &gathered.runs,
                    has_schema,
                };
                Some(self.manifest(&draft, &stem, &others)?)
            };
            flows.push(ImportedFlow {
                flow: listed.flow.clone(),
                name: label.unwrap_or(&stem).to_owned(),
                gathered,
                manifest,
            });
        }
        self.verify(&flows, state)?;
        Ok(flows)
    }

    /// The manifests that are there already, in the folder and in the one that other verbs read,
    /// by their flow: what they want must not be taken for what was done by hand.
    fn neighbours(&self) -> Result<HashMap<FlowRef, Manifest>, Failure> {
        let mut neighbours = HashMap::new();
        let folders = [
            Some(self.output),
            (self.output != self.default).then_some(self.default),
        ];
        for folder in folders.into_iter().flatten() {
            let sources = match read_paths(&[folder.to_owned()]) {
                Ok(sources) => sources,
                Err(FindError::Missing(_) | FindError::NoManifest(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let manifests = check(&sources, &self.rules).manifests;
            neighbours.extend(
                manifests
                    .into_iter()
                    .map(|manifest| (FlowRef::clone(&manifest.flow), manifest)),
            );
        }
        Ok(neighbours)
    }

    /// The file of a draft, if nothing is in its way.
    fn manifest(
        &self,
        draft: &ManifestDraft<'_>,
        stem: &str,
        others: &HashMap<FlowRef, Manifest>,
    ) -> Result<ImportedManifest, Failure> {
        let path = self.output.join(format!("{stem}.yaml"));
        let shown = path.display().to_string();
        let text = draft.text(self.rules.now).map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                format!("could not write the text of {shown}: {error}"),
            )
        })?;
        let was_there = match std::fs::read(&path) {
            Ok(found) if found == text.as_bytes() => true,
            Ok(_) => {
                return Err(Failure::usage(format!(
                    "{shown} exists and holds something else; nothing was written"
                ))
                .hint(
                    "apply adopts new runs of windows that it wants, and `backfill audit` names \
                     those that no manifest wants; to write it anew, move it away or name another \
                     folder with --output",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                return Err(Failure::usage(format!("could not read {shown}: {error}")));
            }
        };
        let other = others.get(draft.flow);
        if let (Some(other), false) = (other, was_there) {
            return Err(Failure::usage(format!(
                "{} is a manifest of the flow {} already; nothing was written",
                other.path, draft.flow.id
            ))
            .hint(
                "apply adopts the runs that exist for its windows; `backfill audit` shows those \
                 that no manifest wants",
            ));
        }
        Ok(ImportedManifest {
            path: shown,
            text,
            was_there,
        })
    }

    /// Our own reader takes the texts and finds these runs in them, and with the entries in the
    /// state a plan says that there is nothing to do.
    fn verify(&self, flows: &[ImportedFlow], state: &State) -> Result<(), Failure> {
        let texts = flows.iter().filter_map(|flow| {
            let ImportedManifest { path, text, .. } = flow.manifest.as_ref()?;
            Some((path.as_str(), text.as_str()))
        });
        let sources = Sources::from_texts(texts);
        let checked = check(&sources, &self.rules);
        if checked.has_errors() {
            let bounded = report::bound(&checked, MOST_PROBLEMS);
            let mut err = io::stderr().lock();
            let _ = report::write_problems(&mut err, &bounded, &sources, self.colour);
            return Err(Failure::usage(
                "the runs that exist do not make manifests that the config allows; nothing was \
                 written",
            )
            .hint("the excerpts are of the manifests as they would be; change the config"));
        }
        let mut wanted: Vec<&RunIdentity> = flows
            .iter()
            .flat_map(|flow| flow.gathered.runs.iter().map(|kept| &kept.identity))
            .collect();
        wanted.sort_unstable();
        let is_same = checked.runs.iter().map(|run| &run.identity).eq(wanted);

        let mut after = state.clone();
        let folds = entries(flows)
            .into_iter()
            .try_for_each(|entry| after.fold(entry));
        let totals = diff(checked.runs, Some(&after)).totals();
        if !is_same || folds.is_err() || totals.has_changes() || totals.conflict > 0 {
            return Err(Failure::new(
                Exit::Unexpected,
                "the manifests would not say what the runs are: this is a defect of this program; \
                 nothing was written",
            ));
        }
        Ok(())
    }
}

/// What is put on record, of all flows.
pub(super) fn entries(flows: &[ImportedFlow]) -> Vec<Entry> {
    let now = Timestamp::now();
    let gathered = flows.iter().map(|flow| &flow.gathered);
    gathered
        .flat_map(|gathered: &FlowImport| gathered.entries(now))
        .collect()
}

/// Writes a manifest whole, or not at all.
pub(super) fn write(folder: &Path, manifest: &ImportedManifest) -> Result<(), Failure> {
    let ImportedManifest {
        path,
        text,
        was_there,
    } = manifest;
    if *was_there {
        return Ok(());
    }
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| output::file(Path::new(path), text.as_bytes(), false));
    written.map_err(|error| {
        Failure::new(
            Exit::Unexpected,
            format!("could not write {path}: {}", chain(&error)),
        )
        .hint("the runs are on record; the same command again writes the manifest")
    })
}
