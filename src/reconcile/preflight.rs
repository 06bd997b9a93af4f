//! Preflight: whether a flow may be sent to at all, and what of it exists already.

use std::collections::HashSet;
use std::time::Duration;

use super::matching::{CreatorAttribution, Existing, RunsByWindow};
use super::{Blocked, FlowRecords, Observation};
use crate::api::{ApiError, Flow, FlowRun, SourceKind, plain};
use crate::run::{DeltaColumn, DesiredRun, Source, Window};

/// What a failed read of a flow says about it.
pub(crate) fn blocked_by(error: &ApiError) -> Blocked {
    match error {
        ApiError::Refused(refusal) => Blocked::Unreadable(refusal.to_string()),
        other => Blocked::Unanswered(other.to_string()),
    }
}

/// Checks that a flow may be sent runs of `source`, by what was read of it: the flow itself, and a list
/// that lacks no run on record which had `delay` to be listed.
///
/// # Errors
/// The first reason why not.
pub(crate) fn check(
    flow: &Flow,
    source: &Source,
    seen: &Observation,
    records: &FlowRecords,
    delay: Duration,
) -> Result<(), Blocked> {
    check_flow(flow, source)?;
    match seen.overdue(records, delay) {
        Some(why) => Err(Blocked::DoubtfulList(why)),
        None => Ok(()),
    }
}

/// Checks that `flow` may be sent runs of `source`.
///
/// # Errors
/// The first reason why not.
pub(crate) fn check_flow(flow: &Flow, source: &Source) -> Result<(), Blocked> {
    let Flow {
        name: _,
        state,
        frequency: _,
        delta_column,
        kind,
        spec_id: _,
    } = flow;
    if let Some(frequency) = flow.other_schedule() {
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

/// Which of the `wanted` runs of a flow exist already, as which run, or have one in their way.
///
/// The n-th run of a window is its rerun n; a run that a record stands for is never taken twice.
/// The runs of a window with one `in_doubt` are left alone: each may be the one in doubt.
pub(crate) fn existing<'r, 'w>(
    wanted: impl Iterator<Item = &'w DesiredRun>,
    runs: &'r [FlowRun],
    records: &FlowRecords,
    in_doubt: &HashSet<Window>,
    api_key: &str,
) -> Vec<(DesiredRun, Existing<'r>)> {
    let clients = CreatorAttribution::learn(api_key, runs, &records.created);
    let wanted = wanted.filter(|run| !in_doubt.contains(&run.identity.window));
    RunsByWindow::new(runs, &records.claimed)
        .wanted(wanted, clients)
        .into_iter()
        .map(|(wanted, existing)| (wanted.clone(), existing))
        .collect()
}

/// Whether runs that no record stands for show nothing of their window, or nothing that can be one: any
/// of them may be one that is wanted.
///
/// Where the state has runs of the flow, it is not lost, and what others created is theirs.
pub(crate) fn unaccounted(
    runs: &[FlowRun],
    records: &FlowRecords,
    api_key: &str,
) -> Option<Blocked> {
    let clients = CreatorAttribution::learn(api_key, runs, &records.created);
    let unknown = runs.iter().filter(|run| {
        run.window_evidence.window().is_none()
            && !records.claimed.contains(&run.id)
            && !(records.is_known && clients.is_others(run))
    });
    let unknown = unknown.count();
    (unknown > 0).then_some(Blocked::Unknown(unknown))
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
