//! What every place must do (`every`, and `whole` where a state is replaced), and every remote one (`remotes`), on each kind of place
//! there is (`places`); and what only one kind does.

mod every;
mod git;
mod leases;
mod local;
#[cfg(feature = "object-store")]
mod objects;
mod places;
mod remotes;
mod whole;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::run::{Rerun, RunIdentity, UnixSeconds, Window};
use crate::state::{ClockedTime, Entry};

fn organization() -> OrganizationId {
    "5C13@AdobeOrg".parse().expect("an organization")
}

fn holder() -> Holder {
    Holder {
        host: "here".to_owned(),
        pid: 7,
        ci_run: None,
        since: Timestamp::UNIX_EPOCH,
    }
}

impl Clone for StateFile {
    fn clone(&self) -> Self {
        Self::Bytes(self.bytes())
    }
}

impl PartialEq for StateFile {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl StateFile {
    /// All of its bytes, now.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut reader = self.reader().expect("readable");
        reader.read_to_end(&mut bytes).expect("readable");
        bytes
    }
}

fn run(n: i64) -> RunIdentity {
    let at = |s| UnixSeconds::new(s).expect("in range");
    RunIdentity {
        flow: crate::fixture::flow().into(),
        window: Window::new(at(n * 10), at(n * 10 + 10)).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

fn intent(n: i64) -> Entry {
    Entry::Intent {
        run: (&run(n)).into(),
        at: ClockedTime {
            local: Some(Timestamp::UNIX_EPOCH),
            service: None,
        },
        session: Uuid::nil(),
        start_time: None,
        order: None,
        retry: None,
    }
}

fn created(n: i64) -> Entry {
    Entry::Created {
        key: run(n).key(),
        run_id: format!("run-{n}").parse().expect("a run id"),
        etag: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

async fn open(place: &dyn StateBackend) -> Result<Opened, StoreError> {
    LockedStore::open(place, &organization(), holder()).await
}

fn leased<R: super::remote::Remote>(remote: R) -> super::leased::Leased<R> {
    super::leased::Leased::new(remote, LEASE)
}
