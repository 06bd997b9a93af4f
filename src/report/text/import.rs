//! What an import came to, as text: for each flow what is on record now, and what is not.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::api::FlowRun;
use crate::reconcile::import::{FlowImport, ImportedRun};
use crate::report::reason::describe_run;
use crate::report::{number, plain, window};
use crate::run::{FlowRef, RunStatus, Window};

/// How many runs of a kind are named before they are only counted.
const NAMED: usize = 10;

/// A flow of an import.
#[derive(Debug, Clone)]
pub(crate) struct ImportedFlow {
    pub flow: FlowRef,
    /// Its label.
    pub name: String,
    /// Its runs.
    pub gathered: FlowImport,
    /// Its manifest; `None` where there is no run to want.
    pub manifest: Option<ImportedManifest>,
}

/// A manifest of an import.
#[derive(Debug, Clone)]
pub(crate) struct ImportedManifest {
    /// Its path, as it is shown.
    pub path: String,
    /// What it holds.
    pub text: String,
    /// Whether the file was there before, and held the same.
    pub was_there: bool,
}

impl ImportedFlow {
    /// The runs that are put on record.
    pub(crate) fn adopted(&self) -> impl Iterator<Item = &ImportedRun> {
        let runs = self.gathered.runs.iter();
        runs.filter(|kept| kept.adopt.is_some())
    }

    /// The runs that failed, or some of whose records did.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &ImportedRun> {
        let is_failed =
            |kept: &&ImportedRun| matches!(kept.run.status, RunStatus::Failed | RunStatus::Partial);
        self.gathered.runs.iter().filter(is_failed)
    }

    /// The windows with more than one run, and how many each has.
    pub(crate) fn doubled(&self) -> impl Iterator<Item = (Window, usize)> {
        let mut times: BTreeMap<Window, usize> = BTreeMap::new();
        for kept in &self.gathered.runs {
            *times.entry(kept.identity.window).or_default() += 1;
        }
        times.into_iter().filter(|(_, times)| *times > 1)
    }

    /// Whether every run of the flow is on record, as far as can be told.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        let FlowImport {
            runs: _,
            silent,
            in_doubt,
            elsewhere,
        } = &self.gathered;
        silent.is_empty() && in_doubt.is_empty() && elsewhere.is_empty()
    }
}

/// Writes what came of each flow, or with `dry_run` would; with `verbose`, every run that needs a
/// person.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_import(
    out: &mut dyn Write,
    flows: &[ImportedFlow],
    api_key: &str,
    dry_run: bool,
    verbose: bool,
) -> io::Result<()> {
    let most = if verbose { usize::MAX } else { NAMED };
    for flow in flows {
        write_totals(out, flow, dry_run)?;
        let doubled: Vec<String> = flow
            .doubled()
            .map(|(at, times)| format!("{}  {times} runs", window(at)))
            .collect();
        write_named(
            out,
            "Windows with more than one run",
            "They were ingested once for each; the manifest wants them so, as `rerun` 2 and on.",
            &doubled,
            most,
        )?;
        let failed: Vec<String> = flow
            .failed()
            .map(|kept| {
                let run = describe_run(&kept.run, api_key);
                format!("{}  {run}", window(kept.identity.window))
            })
            .collect();
        write_named(
            out,
            "Failed, wholly or in part",
            "Their windows count as ingested: apply does not run them again. To run one again, add \
             an entry with the next `rerun`.",
            &failed,
            most,
        )?;
        let FlowImport {
            runs: _,
            silent,
            in_doubt,
            elsewhere,
        } = &flow.gathered;
        let describe = |runs: &[FlowRun]| -> Vec<String> {
            runs.iter().map(|run| describe_run(run, api_key)).collect()
        };
        for (what, means, runs) in [
            (
                "Without a window that can be read",
                "Not imported: nobody can tell which runs they are.",
                silent,
            ),
            (
                "Of a window with a run in doubt",
                "Not imported: the next apply settles it.",
                in_doubt,
            ),
            (
                "On record for another flow",
                "Not imported; `backfill audit` tells more.",
                elsewhere,
            ),
        ] {
            write_named(out, what, means, &describe(runs), most)?;
        }
    }
    Ok(())
}

fn write_totals(out: &mut dyn Write, flow: &ImportedFlow, dry_run: bool) -> io::Result<()> {
    let all = flow.gathered.runs.len();
    let adopted = flow.adopted().count();
    let place = match &flow.manifest {
        None => "nothing to import, no manifest".to_owned(),
        Some(ImportedManifest {
            path, was_there, ..
        }) => {
            let path = plain(path, 300);
            let file = match (was_there, dry_run) {
                (true, _) => format!("{path} holds them already"),
                (false, true) => format!("would be written to {path}"),
                (false, false) => format!("written to {path}"),
            };
            let would = if dry_run { "to be " } else { "" };
            let before = all - adopted;
            format!("{adopted} {would}adopted, {before} on record before; {file}")
        }
    };
    writeln!(
        out,
        "{} of {} ({}, {}): {place}.",
        number(all, "run"),
        plain(&flow.name, 60),
        flow.flow.sandbox,
        flow.flow.id
    )
}

fn write_named(
    out: &mut dyn Write,
    what: &str,
    means: &str,
    lines: &[String],
    most: usize,
) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {what}: {}. {means}", lines.len())?;
    for line in lines.iter().take(most) {
        writeln!(out, "    {line}")?;
    }
    if lines.len() > most {
        let more = lines.len() - most;
        writeln!(out, "    … and {more} more, shown by --verbose")?;
    }
    Ok(())
}
