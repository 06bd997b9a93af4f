//! The life of a delta column: the first run of a table-based flow names it, it is written into
//! the flow's Copy transformation, and from then on a run leaves it out or says the same.
//!
//! Adobe's on-demand ingestion tutorial says so, without the codes of the two errors. How much
//! of the object must be the same is not said: here all of it.

use hyper::StatusCode;

use crate::run::DeltaColumn;

use super::clock::Millis;
use super::reply::Reply;

/// The delta column in a flow's Copy transformation, and since when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CopyColumn {
    pub(super) column: DeltaColumn,
    pub(super) since: Millis,
}

/// Whether a run of a table-based flow may come with `sent`, given what its flow has.
pub(super) fn check(current: Option<CopyColumn>, sent: Option<&DeltaColumn>) -> Result<(), Reply> {
    let refused = |code, message| Err(Reply::invented(StatusCode::BAD_REQUEST, code, message));
    match (current, sent) {
        (None, None) => refused(
            9004,
            "params.deltaColumn is required for the first run of a table-based flow.",
        ),
        (Some(current), Some(sent)) if current.column != *sent => refused(
            9003,
            &format!(
                "params.deltaColumn differs from the delta column `{}` in the Copy \
                 transformation of the flow.",
                current.column.name
            ),
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, date_format: Option<&str>) -> DeltaColumn {
        DeltaColumn {
            name: name.to_owned(),
            date_format: date_format.map(str::to_owned),
            timezone: None,
        }
    }

    #[test]
    fn a_delta_column_is_needed_once_and_never_changed() {
        let has = |column| Some(CopyColumn { column, since: 0 });
        let dob = column("DOB", None);
        assert!(check(None, None).is_err());
        assert!(check(None, Some(&dob)).is_ok());
        assert!(check(has(dob.clone()), None).is_ok());
        assert!(check(has(dob.clone()), Some(&dob)).is_ok());
        assert!(check(has(dob.clone()), Some(&column("dob", None))).is_err());
        let formatted = column("DOB", Some("yyyy-MM-dd HH:mm:ss"));
        assert!(check(has(dob), Some(&formatted)).is_err());
    }
}
