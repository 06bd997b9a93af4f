//! Where manifests are made of runs that exist, and held to what our own commands will say.
//!
//! Takes what was listed and a state; gives each flow with its manifest, or says what is in the
//! way. [`write()`] is all that touches the disk for good.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::neighbours::Neighbours;
use crate::api::{Flow, FlowRun};
use crate::cli::Exit;
use crate::cli::failure::{Failure, chain};
use crate::cli::output;
use crate::file_text::text_of;
use crate::manifest::{Rules, Sources, check, shown_path};
use crate::plan::{Action, diff};
use crate::reconcile::import::{
    FlowDraft, FlowImport, ImportedFlow, ImportedManifest, ManifestDraft, file_stems, gather,
};
use crate::report;
use crate::run::{FlowRef, Rerun, RunIdentity, Source, Window};
use crate::state::{Entry, State};

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

/// A file of flows that want the same windows.
struct ManifestFile<'a> {
    /// The flows, as indices, and as they are listed.
    flows: Vec<usize>,
    listed: Vec<&'a ListedFlow>,
    windows: Vec<(Window, Rerun)>,
    /// Otherwise its flow has a manifest already, or there is nothing to want.
    is_to_be_written: bool,
}

impl ManifestWriter<'_> {
    /// The flows with their manifests, beside `state`: held to what our own commands will say.
    pub(super) fn prepare(&self, state: &State) -> Result<Vec<ImportedFlow>, Failure> {
        let neighbours = Neighbours::read(self.output, self.default, &self.rules)?;
        let mut flows: Vec<ImportedFlow> = self
            .listed
            .iter()
            .map(|listed| {
                let gathered = gather(&listed.flow, &listed.runs, Some(state));
                ImportedFlow {
                    flow: listed.flow.clone(),
                    name: label(listed).map_or_else(|| listed.flow.id.to_string(), str::to_owned),
                    manifest: neighbours.manifest_of(&listed.flow, &listed.source, &gathered),
                    gathered,
                }
            })
            .collect();
        let files = self.files(&flows);
        let names: Vec<Vec<_>> = files
            .iter()
            .map(|file| {
                file.listed
                    .iter()
                    .map(|one| (one.flow.id, label(one)))
                    .collect()
            })
            .collect();
        for (file, stem) in files.iter().zip(file_stems(&names)) {
            if file.is_to_be_written {
                let manifest = self.manifest(file, &stem, &neighbours)?;
                for &at in &file.flows {
                    flows[at].manifest = Some(manifest.clone());
                }
            }
        }
        self.verify(&flows, state)?;
        Ok(flows)
    }

    /// Which flows share a file: those that want the very same windows, and have no manifest yet.
    fn files(&self, flows: &[ImportedFlow]) -> Vec<ManifestFile<'_>> {
        let mut files: Vec<ManifestFile<'_>> = Vec::new();
        let mut file_of: HashMap<Vec<(Window, Rerun)>, usize> = HashMap::new();
        for (at, (flow, listed)) in flows.iter().zip(self.listed).enumerate() {
            let windows = flow.gathered.windows();
            let is_to_be_written = flow.manifest.is_none() && !windows.is_empty();
            if is_to_be_written {
                let file = *file_of.entry(windows.clone()).or_insert(files.len());
                if let Some(file) = files.get_mut(file) {
                    file.flows.push(at);
                    file.listed.push(listed);
                    continue;
                }
            }
            files.push(ManifestFile {
                flows: vec![at],
                listed: vec![listed],
                windows,
                is_to_be_written,
            });
        }
        files
    }

    /// The manifest of a file, if nothing is in its way.
    fn manifest(
        &self,
        file: &ManifestFile<'_>,
        stem: &str,
        neighbours: &Neighbours,
    ) -> Result<ImportedManifest, Failure> {
        let ManifestFile {
            listed, windows, ..
        } = file;
        let mut drafts: Vec<FlowDraft<'_>> = listed
            .iter()
            .map(|listed| FlowDraft {
                id: listed.flow.id,
                name: label(listed).filter(|label| file.listed.len() > 1 || *label != stem),
                source: &listed.source,
            })
            .collect();
        drafts.sort_unstable_by_key(|draft| (draft.name, draft.id));
        let draft = ManifestDraft {
            sandbox: &listed[0].flow.sandbox,
            flows: &drafts,
            reason: self.reason,
            windows,
            has_schema: self.output.join(SCHEMA).is_file(),
        };
        let path = self.output.join(format!("{stem}.yaml"));
        let shown = shown_path(&path);
        let text = draft.text(self.rules.now).map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                format!("could not write the text of {shown}: {error}"),
            )
        })?;
        let was_there = match std::fs::read(&path) {
            Ok(found) if text_of(&found) == Ok(&text) => true,
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
        let mut flows = listed.iter().map(|listed| &listed.flow);
        let other = flows.find_map(|flow| Some((flow, neighbours.of(flow)?)));
        if let (Some((flow, other)), false) = (other, was_there) {
            return Err(Failure::usage(format!(
                "{} is a manifest of the flow {} already; nothing was written",
                other.request.manifest, flow.id
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
    ///
    /// Manifests that were there are left out: they were read before.
    fn verify(&self, flows: &[ImportedFlow], state: &State) -> Result<(), Failure> {
        let is_new =
            |flow: &&ImportedFlow| flow.manifest.as_ref().is_some_and(|one| !one.was_there);
        let texts: BTreeMap<&str, &str> = flows
            .iter()
            .filter(is_new)
            .filter_map(|flow| {
                let ImportedManifest { path, text, .. } = flow.manifest.as_ref()?;
                Some((path.as_str(), text.as_str()))
            })
            .collect();
        let sources = Sources::from_texts(texts);
        let checked = check(&sources, &self.rules);
        if checked.has_errors() {
            let bounded = report::bound(&checked, MOST_PROBLEMS);
            let width = report::columns(&console::Term::stderr());
            let mut err = io::stderr().lock();
            let _ = report::write_problems(&mut err, &bounded, &sources, self.colour, width);
            return Err(Failure::usage(
                "the runs that exist do not make manifests that the config allows; nothing was \
                 written",
            )
            .hint("the excerpts are of the manifests as they would be; change the config"));
        }
        let mut wanted: Vec<&RunIdentity> = flows
            .iter()
            .filter(is_new)
            .flat_map(|flow| flow.gathered.runs.iter().map(|kept| &kept.identity))
            .collect();
        wanted.sort_unstable();
        let is_same = checked.runs.iter().map(|run| &run.identity).eq(wanted);

        let mut after = state.clone();
        let folds = entries(flows)
            .into_iter()
            .try_for_each(|entry| after.fold(entry));
        let totals = diff(checked.runs, Some(&after)).totals();
        if !is_same
            || folds.is_err()
            || totals.has_changes()
            || totals.actions.of(Action::Conflict) > 0
        {
            return Err(Failure::new(
                Exit::Unexpected,
                "the manifests would not say what the runs are: this is a defect of this program; \
                 nothing was written",
            ));
        }
        Ok(())
    }
}

/// The label of a flow, if it has one.
fn label(listed: &ListedFlow) -> Option<&str> {
    let name = listed.details.name.as_ref()?.raw().trim();
    (!name.is_empty()).then_some(name)
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
