//! What every store must do; each backend runs the same list.

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::run::{Rerun, RunIdentity, UnixSeconds, Window};
use crate::state::{Clock, Entry, Moment};

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

fn run(n: i64) -> RunIdentity {
    let at = |s| UnixSeconds::new(s).expect("in range");
    RunIdentity {
        sandbox: "prod".parse().expect("a sandbox"),
        flow_id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
            .parse()
            .expect("a flow"),
        window: Window::new(at(n * 10), at(n * 10 + 10)).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

fn intent(n: i64) -> Entry {
    Entry::Intent {
        run: (&run(n)).into(),
        at: Moment {
            time: Timestamp::UNIX_EPOCH,
            clock: Clock::Local,
        },
        session: Uuid::nil(),
    }
}

fn created(n: i64) -> Entry {
    Entry::Created {
        key: run(n).key(),
        run_id: format!("run-{n}").parse().expect("a run id"),
        at: Timestamp::UNIX_EPOCH,
    }
}

async fn open(place: &dyn Place) -> Result<Opened, StoreError> {
    LockedStore::open(place, &organization(), holder()).await
}

fn local() -> (tempfile::TempDir, Local) {
    let folder = tempfile::tempdir().expect("a folder");
    let local = Local::new(folder.path().join("state"));
    (folder, local)
}

#[tokio::test]
async fn a_place_that_was_never_used_has_no_state() {
    let (_folder, place) = local();
    assert!(load(&place, None).await.expect("readable").is_none());
}

#[tokio::test]
async fn what_was_appended_is_there_after_a_crash() {
    let (_folder, place) = local();
    let mut store = open(&place).await.expect("free").store;
    store
        .append(vec![intent(1), intent(2)])
        .await
        .expect("written");
    store.append(vec![created(1)]).await.expect("written");
    let remembered = store.state().clone();
    drop(store); // no fold: the process died
    let read = load(&place, None).await.expect("readable");
    assert_eq!(read, Some(remembered));
}

#[tokio::test]
async fn a_fold_leaves_the_same_state_and_an_empty_journal() {
    let (folder, place) = local();
    let mut store = open(&place).await.expect("free").store;
    store
        .append(vec![intent(1), created(1)])
        .await
        .expect("written");
    store.fold().await.expect("written");
    let journal = fs_read(&folder, "journal.jsonl");
    assert_eq!(journal.lines().count(), 1, "only the header: {journal}");
    // Appending goes to the new journal, not to the file that was renamed over.
    store.append(vec![intent(2)]).await.expect("written");
    let remembered = store.state().clone();
    drop(store);
    assert_eq!(
        load(&place, None).await.expect("readable"),
        Some(remembered)
    );
}

fn fs_read(folder: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join("state").join(name)).expect("there")
}

#[tokio::test]
async fn a_second_holder_is_told_who_the_first_is() {
    let (_folder, place) = local();
    let held = open(&place).await.expect("free");
    let Err(StoreError::Locked(Some(who))) = open(&place).await else {
        panic!("two hold it");
    };
    assert_eq!(who, holder());
    drop(held);
    open(&place).await.expect("free again");
}

#[tokio::test]
async fn a_torn_last_line_is_dropped_and_appending_goes_on_after_it() {
    let (folder, place) = local();
    let mut store = open(&place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("written");
    drop(store);
    let path = folder.path().join("state").join("journal.jsonl");
    let mut bytes = std::fs::read(&path).expect("there");
    bytes.extend_from_slice(b"{\"seq\":3,\"entry\":\"crea");
    std::fs::write(&path, bytes).expect("writable");

    let Opened { mut store, torn } = open(&place).await.expect("no damage");
    assert_eq!(torn, 22);
    store.append(vec![created(1)]).await.expect("legal");
    drop(store);
    assert!(load(&place, None).await.expect("readable").is_some());
}

#[tokio::test]
async fn a_file_that_was_never_finished_is_removed_by_the_next_holder() {
    let (folder, place) = local();
    drop(open(&place).await.expect("free"));
    let unfinished = folder.path().join("state").join(".unfinished-abc");
    std::fs::write(&unfinished, "half a state").expect("writable");
    drop(open(&place).await.expect("free"));
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn the_state_of_another_organization_is_refused_untouched() {
    let (folder, place) = local();
    drop(open(&place).await.expect("free"));
    let before = (
        fs_read(&folder, "state.jsonl"),
        fs_read(&folder, "journal.jsonl"),
    );
    let other: OrganizationId = "OTHER@AdobeOrg".parse().expect("an organization");
    let result = LockedStore::open(&place, &other, holder()).await;
    assert!(matches!(
        result,
        Err(StoreError::ForeignOrganization { .. })
    ));
    assert!(load(&place, Some(&other)).await.is_err());
    let after = (
        fs_read(&folder, "state.jsonl"),
        fs_read(&folder, "journal.jsonl"),
    );
    assert_eq!(before, after);
}

#[tokio::test]
async fn one_of_the_two_files_alone_is_damage() {
    for name in ["state.jsonl", "journal.jsonl"] {
        let (folder, place) = local();
        drop(open(&place).await.expect("free"));
        std::fs::remove_file(folder.path().join("state").join(name)).expect("there");
        let result = open(&place).await;
        assert!(
            matches!(result, Err(StoreError::Format(FormatError::Apart(_)))),
            "without {name}"
        );
    }
}

#[tokio::test]
async fn a_start_that_was_cut_short_between_the_two_files_starts_again() {
    let (folder, place) = local();
    drop(open(&place).await.expect("free"));
    let state = State::new(organization());
    let path = folder.path().join("state");
    std::fs::remove_file(path.join("state.jsonl")).expect("there");
    std::fs::write(
        path.join("journal.jsonl"),
        crate::state::encode_journal_header(&state),
    )
    .expect("writable");
    open(&place).await.expect("nothing was recorded yet");
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_everything_after_it() {
    let (folder, place) = local();
    let mut store = open(&place).await.expect("free").store;
    store.fold().await.expect("written");
    // The journal is opened anew after a fold; a folder cannot be appended to.
    let path = folder.path().join("state").join("journal.jsonl");
    std::fs::remove_file(&path).expect("there");
    std::fs::create_dir(&path).expect("free");
    assert!(matches!(
        store.append(vec![intent(1)]).await,
        Err(StoreError::Io { .. })
    ));
    std::fs::remove_dir(&path).expect("there");
    assert!(matches!(
        store.append(vec![intent(2)]).await,
        Err(StoreError::Failed)
    ));
    assert!(matches!(store.fold().await, Err(StoreError::Failed)));
}

#[tokio::test]
async fn an_illegal_entry_never_reaches_the_journal() {
    let (_folder, place) = local();
    let mut store = open(&place).await.expect("free").store;
    assert!(matches!(
        store.append(vec![created(1)]).await,
        Err(StoreError::Illegal(_))
    ));
    drop(store);
    assert!(load(&place, None).await.is_ok());
}
