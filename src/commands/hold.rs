//! Taking hold of the state: as whom, and what is said where its journal was cut short.

use std::io::{self, Write};

use jiff::Timestamp;

use super::context::variable;
use super::failure::Failure;
use crate::run::OrganizationId;
use crate::state::Holder;
use crate::store::{LockedStore, Opened, Place};

/// Takes hold of the state at `place` as this process.
pub(super) async fn hold(
    place: &dyn Place,
    organization: &OrganizationId,
) -> Result<LockedStore, Failure> {
    let Opened { store, torn } = LockedStore::open(place, organization, holder())
        .await
        .map_err(|error| Failure::state(&place.name(), &error))?;
    if torn > 0 {
        let _ = writeln!(
            io::stderr().lock(),
            "note: the journal ended in {torn} bytes of an entry that was never finished; they \
             were dropped, nothing depended on them"
        );
    }
    Ok(store)
}

/// This process, as others who want the state are told of it.
fn holder() -> Holder {
    let ci_run = variable("GITHUB_SERVER_URL")
        .zip(variable("GITHUB_REPOSITORY"))
        .zip(variable("GITHUB_RUN_ID"))
        .map(|((server, repository), run)| format!("{server}/{repository}/actions/runs/{run}"));
    Holder {
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        pid: std::process::id(),
        ci_run,
        since: Timestamp::now(),
    }
}
