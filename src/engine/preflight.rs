//! Preflight: whether a flow may be sent to at all, and what of it exists already.

use std::collections::HashSet;

use crate::api::{ApiError, Flow, FlowRun, SourceKind, WindowEvidence, plain};
use crate::reconcile::{CreatorAttribution, RunsByWindow};
use crate::run::{DeltaColumn, DesiredRun, RunId, Source, Window};
use crate::state::Evidence;
use crate::untrusted::Untrusted;

/// Why nothing is sent to a flow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// `GET /flows/{id}` was refused.
    #[error("the flow cannot be read in this sandbox: {0}")]
    Unreadable(String),
    /// Runs can be created only for flows that are scheduled once.
    #[error("the flow is scheduled `{0}`; runs can be created only for a flow scheduled `once`")]
    NotOnce(Untrusted),
    /// The flow is switched off.
    #[error("the flow is {0}; enable it first")]
    Disabled(Untrusted),
    /// The manifest says `table`, the flow reads files.
    #[error("the manifest says `source: table`, but the flow reads files")]
    ReadsFiles,
    /// The manifest says `file`, the flow reads a table.
    #[error("the manifest says `source: file`, but the flow reads a table")]
    ReadsTable,
    /// A first run fixed the delta column, and the manifest names another.
    #[error("the manifest's deltaColumn is `{manifest}`, but the flow's is `{flow}`")]
    DeltaColumn {
        /// As the flow has it.
        flow: String,
        /// As the manifest has it.
        manifest: String,
    },
    /// The flow has runs that show no window and that no record stands for.
    #[error(
        "{} no window and on no record: any of them may be one that is wanted here. A run that is \
         not over yet may show its window later. `backfill audit` names them; who knows that none \
         is wanted can send to this flow without comparing, with --flow and --no-preflight",
        of_its_runs(*.0, "shows", "show")
    )]
    Unknown(usize),
    /// The service did not answer for this flow.
    #[error("{0}")]
    Unanswered(String),
    /// The service takes requests for a run, and never shows one.
    #[error(
        "{0} requests for the run {1} came to nothing that a list shows; nothing more is sent to \
         the flow by this apply: see first whether the service is well"
    )]
    ComesToNothing(usize, String),
    /// A run of the flow is in doubt, and nothing tells.
    #[error("{} in doubt", of_its_runs(*.0, "is", "are"))]
    InDoubt(usize),
}

fn of_its_runs(number: usize, one: &str, more: &str) -> String {
    match number {
        1 => format!("one of its runs {one}"),
        _ => format!("{number} of its runs {more}"),
    }
}

impl Blocked {
    /// What a failed read of the flow says about it.
    #[must_use]
    pub(super) fn by(error: &ApiError) -> Self {
        match error {
            ApiError::Refused(refusal) => Self::Unreadable(refusal.to_string()),
            other => Self::Unanswered(other.to_string()),
        }
    }
}

/// Checks that `flow` may be sent runs of `source`.
///
/// # Errors
/// The first reason why not.
pub(super) fn check_flow(flow: &Flow, source: &Source) -> Result<(), Blocked> {
    let Flow {
        name: _,
        state,
        frequency,
        delta_column,
        kind,
        spec_id: _,
    } = flow;
    if let Some(frequency) = frequency
        && !frequency.raw().eq_ignore_ascii_case("once")
    {
        return Err(Blocked::NotOnce(frequency.clone()));
    }
    if let Some(state) = state
        && ["disabled", "disabling", "delete-finalizing"]
            .contains(&state.raw().to_lowercase().as_str())
    {
        return Err(Blocked::Disabled(state.clone()));
    }
    match (source, kind) {
        (Source::Table(_), Some(SourceKind::File)) => Err(Blocked::ReadsFiles),
        (Source::File, Some(SourceKind::Table)) => Err(Blocked::ReadsTable),
        (Source::Table(wanted), _) => match delta_column {
            Some(fixed) if !agrees(fixed, wanted) => Err(Blocked::DeltaColumn {
                flow: describe(fixed),
                manifest: describe(wanted),
            }),
            _ => Ok(()),
        },
        (Source::File, _) => Ok(()),
    }
}

/// Same name; format and zone count only where both say them.
fn agrees(fixed: &DeltaColumn, wanted: &DeltaColumn) -> bool {
    let DeltaColumn {
        name,
        date_format,
        timezone,
    } = wanted;
    let same = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
    fixed.name == *name && same(&fixed.date_format, date_format) && same(&fixed.timezone, timezone)
}

fn describe(column: &DeltaColumn) -> String {
    let DeltaColumn {
        name,
        date_format,
        timezone,
    } = column;
    [Some(name), date_format.as_ref(), timezone.as_ref()]
        .into_iter()
        .flatten()
        .map(|text| plain(text))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Which of the `wanted` runs of a flow exist already, as which run.
///
/// The n-th run of a window is its rerun n; a run that a record stands for is never taken twice.
/// The runs of a window with one `in_doubt` are left alone: each may be the one in doubt.
pub(super) fn existing<'a>(
    wanted: impl Iterator<Item = &'a DesiredRun>,
    runs: &[FlowRun],
    claimed: &HashSet<RunId>,
    in_doubt: &HashSet<Window>,
    clients: CreatorAttribution<'_>,
) -> Vec<(DesiredRun, RunId, Evidence)> {
    RunsByWindow::new(runs, claimed)
        .wanted(
            wanted.filter(|run| !in_doubt.contains(&run.identity.window)),
            clients,
        )
        .into_iter()
        .map(|(wanted, run, evidence)| (wanted.clone(), run.id.clone(), evidence))
        .collect()
}

/// Runs that no record stands for and that show nothing of their window: any of them may be one
/// that is wanted.
///
/// Where the state has runs of the flow, it is not lost, and what others created is theirs.
pub(super) fn unaccounted(
    runs: &[FlowRun],
    claimed: &HashSet<RunId>,
    clients: CreatorAttribution<'_>,
    state_knows_flow: bool,
) -> usize {
    runs.iter()
        .filter(|run| {
            run.window_evidence == WindowEvidence::Missing
                && !claimed.contains(&run.id)
                && !(state_knows_flow && clients.is_others(run))
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> DeltaColumn {
        DeltaColumn {
            name: name.to_owned(),
            date_format: None,
            timezone: None,
        }
    }

    fn table_flow() -> Flow {
        Flow {
            name: None,
            state: Some("enabled".into()),
            frequency: Some("once".into()),
            delta_column: None,
            kind: Some(SourceKind::Table),
            spec_id: None,
        }
    }

    #[test]
    fn a_flow_that_fits_its_manifest_passes() {
        let source = Source::Table(column("DOB"));
        assert_eq!(check_flow(&table_flow(), &source), Ok(()));
        let fixed = Flow {
            delta_column: Some(DeltaColumn {
                date_format: Some("yyyy-MM-dd HH:mm:ss".to_owned()),
                ..column("DOB")
            }),
            ..table_flow()
        };
        assert_eq!(check_flow(&fixed, &source), Ok(()));
    }

    #[test]
    fn each_disagreement_blocks_with_its_reason() {
        let table = Source::Table(column("DOB"));
        let flow = table_flow();
        for (flow, source, reason) in [
            (
                Flow {
                    frequency: Some("day".into()),
                    ..flow.clone()
                },
                &table,
                Blocked::NotOnce("day".into()),
            ),
            (
                Flow {
                    state: Some("disabled".into()),
                    ..flow.clone()
                },
                &table,
                Blocked::Disabled("disabled".into()),
            ),
            (
                Flow {
                    kind: Some(SourceKind::File),
                    ..flow.clone()
                },
                &table,
                Blocked::ReadsFiles,
            ),
            (flow.clone(), &Source::File, Blocked::ReadsTable),
            (
                Flow {
                    delta_column: Some(column("updatedAt")),
                    ..flow
                },
                &table,
                Blocked::DeltaColumn {
                    flow: "updatedAt".to_owned(),
                    manifest: "DOB".to_owned(),
                },
            ),
        ] {
            assert_eq!(check_flow(&flow, source), Err(reason));
        }
    }

    #[test]
    fn what_the_flow_does_not_tell_does_not_block() {
        let silent = Flow {
            name: None,
            state: None,
            frequency: None,
            delta_column: None,
            kind: None,
            spec_id: None,
        };
        assert_eq!(check_flow(&silent, &Source::File), Ok(()));
    }
}
