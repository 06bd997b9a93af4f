//! Taking hold of the state, and as whom: for those who want it meanwhile, and those who read later
//! who decided something.

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
pub(super) fn holder() -> Holder {
    Holder {
        host: host(),
        pid: std::process::id(),
        ci_run: ci_run(),
        since: Timestamp::now(),
    }
}

/// Who decides here: a name and a machine, or a name and a CI run.
pub(super) fn person() -> String {
    let name = ["GITHUB_ACTOR", "USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(variable)
        .unwrap_or_else(|| "somebody".to_owned());
    match ci_run() {
        Some(url) => format!("{name} in {url}"),
        None => format!("{name} on {}", host()),
    }
}

fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

fn ci_run() -> Option<String> {
    let server = variable("GITHUB_SERVER_URL")?;
    let repository = variable("GITHUB_REPOSITORY")?;
    let run = variable("GITHUB_RUN_ID")?;
    Some(format!("{server}/{repository}/actions/runs/{run}"))
}
