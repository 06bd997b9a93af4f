//! What people do beside us: runs created with curl, and states written to suit a test.

use aep_backfill::run::{FlowRef, RunIdentity, Window};
use aep_backfill::state::{ClockedTime, Entry, Evidence, Holder};
use aep_backfill::store::{Local, LockedStore};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

/// The first day of the manifests of [`Workspace::manifest`].
const FIRST_DAY: i64 = 1_640_995_200;
const DAY: i64 = 86_400;

/// The window of the `n`-th day of a manifest, from 0.
pub(crate) fn day(n: i64) -> (i64, i64) {
    (FIRST_DAY + n * DAY, FIRST_DAY + (n + 1) * DAY)
}

/// A client that is not ours.
pub(crate) struct ByHand<'e> {
    emulated: &'e Emulated,
}

impl<'e> ByHand<'e> {
    pub(crate) fn at(emulated: &'e Emulated) -> Self {
        Self { emulated }
    }

    /// Creates a run of the `n`-th flow; gives its id.
    pub(crate) fn create(&self, n: usize, window: (i64, i64)) -> String {
        self.send(n, window, &Value::Null)
    }

    /// The first run of a table's flow: it brings the delta column along.
    pub(crate) fn create_first(&self, n: usize, window: (i64, i64), column: &str) -> String {
        self.send(n, window, &json!({ "name": column }))
    }

    fn send(&self, n: usize, (start, end): (i64, i64), column: &Value) -> String {
        let mut body = json!({ "flowId": flow(n), "params": {
            "startTime": start.to_string(),
            "windowStartTime": start.to_string(),
            "windowEndTime": end.to_string(),
        }});
        if !column.is_null() {
            body["params"]["deltaColumn"] = column.clone();
        }
        let answer = self.emulated.ask(
            "POST /data/foundation/flowservice/runs",
            &[
                "authorization: Bearer theirs",
                "x-api-key: exc_app",
                "x-gw-ims-org-id: 5C13@AdobeOrg",
                "x-sandbox-name: prod",
                "content-type: application/json",
            ],
            &body.to_string(),
        );
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let id = answer["items"][0]["id"].as_str();
        id.unwrap_or_else(|| panic!("no run: {answer}")).to_owned()
    }
}

/// The run of a window of the `n`-th flow in `prod`.
pub(crate) fn identity(n: usize, (start, end): (i64, i64), rerun: u32) -> RunIdentity {
    let at = |seconds| aep_backfill::run::UnixSeconds::new(seconds).expect("in range");
    RunIdentity {
        flow: FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: flow(n).parse().expect("a flow"),
        }
        .into(),
        window: Window::new(at(start), at(end)).expect("a window"),
        rerun: aep_backfill::run::Rerun::new(rerun).expect("not 0"),
    }
}

/// Adds `entries` to the state of the workspace, as an apply would that ended there.
pub(crate) fn record(workspace: &Workspace, entries: Vec<Entry>) {
    let place = Local::new(workspace.path().join(".backfill"));
    let holder = Holder {
        host: "elsewhere".to_owned(),
        pid: 1,
        ci_run: None,
        since: Timestamp::UNIX_EPOCH,
    };
    let organization = "5C13@AdobeOrg".parse().expect("an organization");
    let write = async {
        let mut store = LockedStore::open(&place, &organization, holder)
            .await?
            .store;
        store.append(entries).await?;
        store.fold().await
    };
    tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(write)
        .expect("the state is written");
}

/// That the run `run_id` was adopted for `identity`, long ago.
pub(crate) fn adopted(identity: &RunIdentity, run_id: &str) -> Entry {
    Entry::Adopted {
        run: identity.into(),
        run_id: run_id.parse().expect("a run id"),
        evidence: Evidence::Params,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// That a request for `identity` was about to leave, long ago; nothing is known of its answer.
pub(crate) fn intended(identity: &RunIdentity) -> Entry {
    Entry::Intent {
        run: identity.into(),
        at: ClockedTime {
            local: Some(Timestamp::UNIX_EPOCH),
            service: Some(Timestamp::UNIX_EPOCH),
        },
        session: uuid::Uuid::nil(),
        start_time: None,
        order: None,
        retry: None,
    }
}
