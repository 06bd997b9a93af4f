//! What kind of source a flow reads, as its manifest has to say it.
//!
//! Takes a flow as the service shows it; gives its source, or why it cannot be told.

use crate::api::{Flow, SourceKind};
use crate::run::{DeltaColumn, Source};
use crate::untrusted::{Untrusted, can_act};

/// Why no manifest can be written for a flow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecided {
    /// Its runs come by its schedule, not on demand.
    #[error(
        "it is scheduled `{0}`: its runs come by themselves, and none can be created on demand"
    )]
    Scheduled(Untrusted),
    /// A table, and no run has told the delta column yet.
    #[error("it reads a table, and its Copy transformation names no delta column")]
    NoDeltaColumn,
    /// The delta column is not one that a person wrote.
    #[error("its delta column holds characters that act on a terminal")]
    StrangeDeltaColumn,
    /// Neither the flow nor its spec tells.
    #[error("nothing tells whether it reads a table or files")]
    UnknownSource,
}

/// What kind of source `flow` reads, as its manifest has to say it.
///
/// # Errors
/// When it cannot be told, or its runs are none that are created on demand.
pub(crate) fn source_of(flow: &Flow) -> Result<Source, Undecided> {
    let Flow {
        name: _,
        state: _,
        frequency: _,
        delta_column,
        kind,
        spec_id: _,
    } = flow;
    if let Some(frequency) = flow.other_schedule() {
        return Err(Undecided::Scheduled(frequency.clone()));
    }
    match (kind, delta_column) {
        (Some(SourceKind::File), _) => Ok(Source::File),
        (Some(SourceKind::Table), Some(column)) => {
            let DeltaColumn {
                name,
                date_format,
                timezone,
            } = column;
            let texts = [Some(name), date_format.as_ref(), timezone.as_ref()];
            if texts
                .into_iter()
                .flatten()
                .any(|text| text.contains(can_act))
            {
                return Err(Undecided::StrangeDeltaColumn);
            }
            Ok(Source::Table(column.clone()))
        }
        (Some(SourceKind::Table), None) => Err(Undecided::NoDeltaColumn),
        (None, _) => Err(Undecided::UnknownSource),
    }
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

    #[test]
    fn what_a_flow_reads_is_told_by_itself_or_not_at_all() {
        let flow = |kind, delta_column, frequency: &str| Flow {
            name: None,
            state: None,
            frequency: Some(frequency.into()),
            delta_column,
            kind,
            spec_id: None,
        };
        let table = Some(SourceKind::Table);
        let dob = column("DOB");
        assert_eq!(
            source_of(&flow(table, Some(dob.clone()), "once")),
            Ok(Source::Table(dob.clone()))
        );
        assert_eq!(
            source_of(&flow(Some(SourceKind::File), None, "Once")),
            Ok(Source::File)
        );
        for (flow, why) in [
            (flow(table, None, "once"), Undecided::NoDeltaColumn),
            (flow(None, None, "once"), Undecided::UnknownSource),
            (
                flow(table, Some(dob), "day"),
                Undecided::Scheduled("day".into()),
            ),
            (
                flow(table, Some(column("a\u{202e}b")), "once"),
                Undecided::StrangeDeltaColumn,
            ),
        ] {
            assert_eq!(source_of(&flow), Err(why));
        }
    }
}
