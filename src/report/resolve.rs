//! Runs in doubt as a person is shown them, and what was decided.

use super::blocks::{Block, Layout, Report, Row, Table};
use super::json::{self, ResolveDocument};
use super::reason::{describe_fate, time};
use super::view::View;
use super::{number, plain, window};
use crate::api::FlowRun;
use crate::reconcile::resolve::{Case, Decision};
use crate::run::RunIdentity;

/// How many candidates are shown before the rest is counted.
const SHOWN: usize = 20;

/// What is known of runs in doubt, and what was decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResolveView<'a> {
    /// The runs, each with what a person decided, if anybody did.
    pub cases: &'a [Case],
    /// Whether anything was to be decided.
    pub is_decision: bool,
    /// The `createdClient` of the runs that we create.
    pub api_key: &'a str,
}

impl<'a> View for ResolveView<'a> {
    type Document = ResolveDocument<'a>;

    /// It has no title: a decision is for who asks, and for no page.
    fn report(&self, _: Layout) -> Report {
        let mut report = Report::default();
        for case in self.cases {
            match &case.decision {
                Some(decision) => report.note(describe_decision(case, decision)),
                None => report.blocks.extend(describe_case(case, self.api_key)),
            }
        }
        if !self.is_decision {
            report.note(if self.cases.is_empty() {
                "No run is in doubt."
            } else {
                "Decide with --adopt RUN_ID or --not-created, and --reason. The next apply settles \
                 what the lists can tell."
            });
        }
        report
    }

    fn document(&self, exit_code: u8) -> ResolveDocument<'a> {
        json::resolve(self.cases, exit_code)
    }
}

fn describe_case(case: &Case, api_key: &str) -> [Block; 2] {
    let Case {
        key,
        identity,
        fate,
        intent: _,
        candidates,
        decision: _,
    } = case;
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = identity;
    let listed = match candidates {
        Err(refusal) => format!(
            "the service does not list the flow's runs: {}",
            plain(refusal, 300)
        ),
        Ok(runs) if runs.is_empty() => {
            "the service lists no run of the flow since then that is not on record".to_owned()
        }
        Ok(runs) => format!(
            "{} of the flow since then, on no record:",
            number(runs.len(), "run")
        ),
    };
    let runs = candidates.as_deref().unwrap_or_default();
    let fields = vec![
        ("run", key.short()),
        ("flow", flow.to_string()),
        ("window", window(*span)),
        ("rerun", rerun.to_string()),
        ("known", describe_fate(fate)),
        ("listed", listed),
    ];
    let rows = runs.iter().map(|run| Row::new(cells(run, api_key)));
    let table = Table {
        head: &["RUN", "CREATED", "BY", "STATUS", "WINDOW"],
        ..Table::first(SHOWN, rows, "runs")
    };
    [Block::Fields(fields), Block::Table(table)]
}

fn cells(run: &FlowRun, api_key: &str) -> [String; 5] {
    let unknown = || "unknown".to_owned();
    let client = run.created_client.as_ref();
    [
        run.id.to_string(),
        run.created_at.map_or_else(unknown, time),
        if run.is_by(api_key) {
            "this API key".to_owned()
        } else {
            client.map_or_else(unknown, |client| plain(client, 60))
        },
        plain(&run.status, 40),
        run.window_evidence
            .window()
            .map_or("not shown".to_owned(), window),
    ]
}

fn describe_decision(case: &Case, decision: &Decision) -> String {
    let key = case.key.short();
    match decision {
        Decision::Adopt(run_id) => format!("Recorded: {key} is the run {run_id}."),
        Decision::NotCreated => format!(
            "Recorded: {key} was not created. The next apply creates it, if a manifest wants it."
        ),
    }
}
