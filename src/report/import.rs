//! What an import came to: for each flow what is on record now, and what is not.

use super::blocks::{Layout, Report, Row, Table};
use super::json::{self, ImportDocument};
use super::reason::describe_run;
use super::view::View;
use super::{number, plain, window};
use crate::api::FlowRun;
use crate::reconcile::import::ImportedFlow;
use crate::run::FlowRef;

/// How many runs of a kind are named before they are only counted.
const NAMED: usize = 10;

/// What `import` put on record, or would.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImportView<'a> {
    pub flows: &'a [ImportedFlow],
    /// The `createdClient` of the runs that we create.
    pub api_key: &'a str,
    /// Whether nothing was touched.
    pub dry_run: bool,
}

impl<'a> View for ImportView<'a> {
    type Document = ImportDocument<'a>;

    fn report(&self, layout: Layout) -> Report {
        let mut report = Report::default();
        for flow in self.flows {
            report.note(self.describe(flow));
            for (heading, lines) in self.left_to_people(flow) {
                let rows = lines.into_iter().map(Row::new);
                let table = Table::first(layout.most(NAMED), rows, "runs, shown by --verbose");
                report.table(table.under(heading));
            }
        }
        report
    }

    fn document(&self, exit_code: u8) -> ImportDocument<'a> {
        json::import(self.flows, self.api_key, self.dry_run, exit_code)
    }
}

impl ImportView<'_> {
    fn describe(&self, imported: &ImportedFlow) -> String {
        let ImportedFlow {
            flow: FlowRef { sandbox, id },
            name,
            gathered,
            manifest,
        } = imported;
        let (all, adopted) = (gathered.runs.len(), gathered.adopted());
        let result = manifest.as_ref().map_or_else(
            || "nothing to import, no manifest".to_owned(),
            |manifest| {
                let path = plain(&manifest.path, 300);
                let file = match (manifest.was_there, self.dry_run) {
                    (true, _) => format!("{path} holds them already"),
                    (false, true) => format!("would be written to {path}"),
                    (false, false) => format!("written to {path}"),
                };
                let would = if self.dry_run { "to be " } else { "" };
                let before = all - adopted;
                format!("{adopted} {would}adopted, {before} on record before; {file}")
            },
        );
        let (all, name) = (number(all, "run"), plain(name, 60));
        format!("{all} of {name} ({sandbox}, {id}): {result}.")
    }

    /// What a person has to look at, each kind with a line a run.
    fn left_to_people(&self, imported: &ImportedFlow) -> Vec<(String, Vec<[String; 2]>)> {
        let gathered = &imported.gathered;
        let doubled = gathered.doubled();
        let doubled: Vec<[String; 2]> = doubled
            .map(|(at, times)| [window(at), number(times, "run")])
            .collect();
        let describe = |run: &FlowRun| {
            let at = run.window_evidence.window();
            let at = at.map_or_else(|| "-".to_owned(), window);
            [at, describe_run(run, self.api_key)]
        };
        let failed = gathered.failed().map(|kept| describe(&kept.run));
        let rows = |runs: &[FlowRun]| runs.iter().map(describe).collect::<Vec<_>>();
        vec![
            (
                format!(
                    "{} with more than one run, ingested once for each; the manifest wants them so, as \
                     `rerun` 2 and on",
                    number(doubled.len(), "window")
                ),
                doubled,
            ),
            kind(
                failed.collect(),
                "failed, wholly or in part; their windows count as ingested, and to run one again, add \
                 an entry with the next `rerun`",
            ),
            kind(
                rows(&gathered.silent),
                "without a window that can be read, not imported: nobody can tell which they are",
            ),
            kind(
                rows(&gathered.in_doubt),
                "of a window with one in doubt, not imported: the next apply settles it",
            ),
            kind(
                rows(&gathered.elsewhere),
                "on record for another flow, not imported; `backfill audit` tells more",
            ),
        ]
    }
}

fn kind(lines: Vec<[String; 2]>, what: &str) -> (String, Vec<[String; 2]>) {
    (format!("{} {what}", number(lines.len(), "run")), lines)
}
