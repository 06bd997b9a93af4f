//! `state list`, `show`, `verify`: what is remembered, without asking the service. In the folder:
//! what a person may do about it by hand.

mod pull;
mod push;
mod repository;
mod unlock;

use aep_backfill::run::{OrganizationId, RunIdentity};
use aep_backfill::state::{ClockedTime, Entry, Holder};
use aep_backfill::store::{Local, LockedStore};
use jiff::Timestamp;

use crate::support::by_hand::{adopted, day, identity, record};
use crate::support::workspace::Workspace;

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(work)
}

fn organization() -> OrganizationId {
    "5C13@AdobeOrg".parse().expect("an organization")
}

/// Somebody in CI.
fn holder() -> Holder {
    Holder {
        host: "runner-7".to_owned(),
        pid: 7,
        ci_run: Some("https://github.com/o/r/actions/runs/9".to_owned()),
        since: Timestamp::UNIX_EPOCH,
    }
}

/// The state in the folder of the workspace.
fn local(workspace: &Workspace) -> Local {
    Local::new(workspace.path().join(".backfill"))
}

/// Adds `entries` to the journal of that state, as an apply does that is killed then.
fn append(workspace: &Workspace, entries: Vec<Entry>) {
    let place = local(workspace);
    wait_for(async {
        let store = LockedStore::open(&place, &organization(), holder()).await;
        let mut store = store.expect("free").store;
        store.append(entries).await.expect("written");
    });
}

/// That a request for the run was about to leave, long ago.
fn intent(run: &RunIdentity) -> Entry {
    Entry::Intent {
        run: run.into(),
        at: ClockedTime {
            local: Some(Timestamp::UNIX_EPOCH),
            service: None,
        },
        session: uuid::Uuid::nil(),
        start_time: None,
        order: None,
        retry: None,
    }
}

#[test]
fn where_nothing_is_remembered_every_question_says_so() {
    let workspace = Workspace::new();
    for what in ["list", "verify", "unlock"] {
        let ran = workspace.run(&format!("state {what}")).exits(0);
        assert_eq!(ran.stdout, "There is no state in .backfill.\n");
    }
    let verified = workspace.run("state verify --format json").exits(0).json();
    assert_eq!(verified["format"], "verify/v1");
    assert!(verified["state"].is_null());
    workspace.run("state show abcd").exits(3);
    assert!(!workspace.path().join(".backfill").exists());
}

#[test]
fn runs_are_listed_in_their_order_and_shown_one_by_one() {
    let workspace = Workspace::new();
    let (first, second) = (identity(1, day(0), 1), identity(2, day(0), 2));
    record(
        &workspace,
        vec![adopted(&second, "b"), adopted(&first, "a")],
    );
    let listed = workspace.run("state list").exits(0).stdout;
    insta::assert_snapshot!(listed, @"
    2 runs: 2 adopted.

    prod  00000000-0000-4000-8000-000000000001
      KEY           WINDOW (UTC)              FATE     WHEN (UTC)           RUN ID
      4d4f984b3f12  [2022-01-01, 2022-01-02)  adopted  1970-01-01 00:00:00  a

    prod  00000000-0000-4000-8000-000000000002
      KEY           WINDOW (UTC)                      FATE     WHEN (UTC)           RUN ID
      060efaff86d4  [2022-01-01, 2022-01-02) rerun 2  adopted  1970-01-01 00:00:00  b
    ");
    let flow = first.flow.id;
    let only = workspace.run(&format!("state list --flow {flow} --format json"));
    let only = only.exits(0).json();
    assert_eq!(only["runs"].as_array().map(Vec::len), Some(1));
    let key = second.key();
    let shown = workspace
        .run(&format!("state show {}", key.short()))
        .exits(0);
    insta::assert_snapshot!(shown.stdout, @"
    key     060efaff86d4adb2cf86447fa4ae99f43339593ab93149b8c1dc846b81b9c179
    flow    prod  00000000-0000-4000-8000-000000000002
    window  [2022-01-01, 2022-01-02) in UTC, the end exclusive
    rerun   2
    fate    run b, adopted 1970-01-01T00:00:00Z: its params show the window
    ");
}

#[test]
fn verify_counts_a_whole_state_and_names_the_place_of_damage() {
    let workspace = Workspace::new();
    record(&workspace, vec![adopted(&identity(1, day(0), 1), "a")]);
    let ran = workspace.run("state verify").exits(0);
    assert!(
        ran.stdout.starts_with(
            "The state in .backfill is whole.\n1 run: 1 adopted.\nIt belongs to 5C13@AdobeOrg"
        ),
        "{}",
        ran.stdout
    );
    let journal = workspace.read(".backfill/journal.jsonl");
    workspace.write(".backfill/journal.jsonl", &format!("{journal}{{\"seq\""));
    let verified = workspace.run("state verify --format json").exits(0).json();
    assert_eq!(verified["tornBytes"], 6);

    let state = workspace.read(".backfill/state.jsonl");
    workspace.write(".backfill/state.jsonl", &state.replace("\"a\"", "\"b\""));
    let ran = workspace.run("state verify").exits(8);
    assert!(
        ran.stderr
            .contains("state.jsonl, line 2: the line does not match its checksum"),
        "{}",
        ran.stderr
    );
}
