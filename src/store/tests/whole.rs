//! What every place must do with a state that is replaced whole, or was moved away.

use std::fs;

use super::every::on_each_place;
use super::places::{local, on_each_kind_of_remote, on_each_remote};
use super::*;
use crate::state::{MARK, encode_journal_header, encode_state};
use crate::store::LockedBackend;

on_each_place![
    a_hold_that_replaces_nothing_changes_nothing,
    a_place_without_a_state_takes_one_of_any_lineage,
    a_state_is_replaced_under_the_next_serial_and_appending_goes_on,
    a_state_of_another_lineage_is_not_replaced,
    a_state_that_was_moved_away_is_used_by_nobody,
    one_hold_excludes_the_other,
];

async fn hold(place: &dyn StateBackend) -> Result<LockedBackend, StoreError> {
    LockedBackend::open(place, Some(&organization()), holder()).await
}

/// A state with the first `runs` runs created, which is nowhere yet.
fn state_of(runs: i64) -> State {
    let mut state = State::new(organization());
    for n in 1..=runs {
        state.fold(intent(n)).expect("legal");
        state.fold(created(n)).expect("legal");
    }
    state.serial = 7;
    state.folded = 40;
    state
}

fn found(held: &LockedBackend) -> &State {
    &held.found().expect("a state").state
}

fn has_the_same_records(one: &State, other: &State) -> bool {
    one.records().eq(other.records())
}

async fn loaded(place: &dyn StateBackend) -> State {
    let state = load(place, None).await.expect("readable");
    state.expect("a state")
}

async fn a_hold_that_replaces_nothing_changes_nothing(place: &dyn StateBackend) {
    let held = hold(place).await.expect("free");
    assert!(held.found().is_none());
    held.release().await;
    assert!(load(place, None).await.expect("readable").is_none());

    let mut store = open(place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("written");
    store.close().await.expect("written");
    let remembered = store.state().clone();
    drop(store);
    let before = place.read().await.expect("readable");
    let held = hold(place).await.expect("free");
    assert_eq!(*found(&held), remembered);
    held.release().await;
    assert_eq!(place.read().await.expect("readable"), before);
}

async fn a_place_without_a_state_takes_one_of_any_lineage(place: &dyn StateBackend) {
    let state = state_of(2);
    let mut held = hold(place).await.expect("free");
    let written = held
        .replace(state.clone(), "a test".to_owned())
        .await
        .expect("written");
    assert_eq!((written.lineage, written.serial), (state.lineage, 8));
    assert!(has_the_same_records(&written, &state));
    assert_eq!(loaded(place).await, written);
    held.release().await;

    // From there on it is a state like any other.
    let mut store = open(place).await.expect("free").store;
    store.append(vec![intent(3)]).await.expect("legal");
    store.close().await.expect("written");
    assert_eq!(loaded(place).await.records().count(), 3);
}

async fn a_state_is_replaced_under_the_next_serial_and_appending_goes_on(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    store
        .append(vec![intent(1), created(1), intent(2)])
        .await
        .expect("written");
    store.close().await.expect("written");
    drop(store);
    let old = loaded(place).await;

    let mut held = hold(place).await.expect("free");
    assert_eq!(*found(&held), old);
    let mut new = state_of(4);
    new.lineage = old.lineage;
    new.serial = old.serial;
    let written = held
        .replace(new.clone(), "a test".to_owned())
        .await
        .expect("written");
    assert_eq!(written.serial, old.serial + 1);
    assert_eq!(written.folded, old.folded, "the journal's numbers go on");
    assert!(has_the_same_records(&written, &new));
    assert_eq!(loaded(place).await, written);
    held.release().await;

    let mut store = open(place).await.expect("free").store;
    store.append(vec![intent(5)]).await.expect("legal");
    store.close().await.expect("written");
    assert_eq!(loaded(place).await.records().count(), 5);
}

async fn a_state_of_another_lineage_is_not_replaced(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("written");
    store.close().await.expect("written");
    drop(store);
    let before = place.read().await.expect("readable");
    let mut held = hold(place).await.expect("free");
    let refused = held.replace(state_of(2), "a test".to_owned()).await;
    assert!(matches!(
        refused,
        Err(StoreError::Format(FormatError::Apart(_)))
    ));
    held.release().await;
    assert_eq!(place.read().await.expect("readable"), before);
}

async fn a_state_that_was_moved_away_is_used_by_nobody(place: &dyn StateBackend) {
    let mut held = hold(place).await.expect("free");
    let state = held
        .replace(state_of(2), "a test".to_owned())
        .await
        .expect("written");
    held.release().await;
    let mut guard = place.lock(holder()).await.expect("free");
    guard.read().await.expect("readable");
    guard
        .replace(
            MARK.to_vec(),
            encode_journal_header(&state),
            "a test".to_owned(),
        )
        .await
        .expect("written");
    guard.release().await.expect("held");
    drop(guard);
    let before = place.read().await.expect("readable");

    let is_moved = |error: &StoreError| matches!(error, StoreError::Format(FormatError::Moved { to }) if to == "git:elsewhere");
    assert!(is_moved(&load(place, None).await.expect_err("elsewhere")));
    let opened = open(place).await.map(|_| ()).expect_err("elsewhere");
    assert!(is_moved(&opened), "{opened:?}");
    let held = hold(place).await.map(|_| ()).expect_err("elsewhere");
    assert!(is_moved(&held), "{held:?}");
    assert_eq!(place.read().await.expect("readable"), before);
}

async fn one_hold_excludes_the_other(place: &dyn StateBackend) {
    let held = hold(place).await.expect("free");
    assert!(matches!(open(place).await, Err(StoreError::Locked(_))));
    held.release().await;
    let mut store = open(place).await.expect("free").store;
    assert!(matches!(hold(place).await, Err(StoreError::Locked(_))));
    store.close().await.expect("written");
}

/// In a folder, where the two files are not replaced in one step.
#[tokio::test]
async fn a_crash_between_the_two_files_leaves_the_old_or_the_new() {
    let (folder, place) = local();
    let path = folder.path().join("state");
    fs::create_dir(&path).expect("a folder");
    let plant = |state: Option<Vec<u8>>, journal: Vec<u8>| {
        let file = path.join("state.jsonl");
        match state {
            Some(state) => fs::write(file, state).expect("writable"),
            None => drop(fs::remove_file(file)),
        }
        fs::write(path.join("journal.jsonl"), journal).expect("writable");
    };
    let mut old = state_of(2);
    let mut journal = encode_journal_header(&old);
    journal.extend(crate::state::encode_entries(41, &[intent(3)]));

    // Where nothing was, the journal comes first.
    let mut new = old.clone();
    new.folded = 0;
    plant(None, encode_journal_header(&new));
    assert!(load(&place, None).await.expect("readable").is_none());
    // Where a state was, the new one is whole beside the old journal.
    old.folded = 41;
    new.folded = 41;
    new.serial += 1;
    plant(Some(encode_state(&new)), journal.clone());
    assert_eq!(loaded(&place).await, new);
    // Whatever the journal is, a mark is one.
    plant(Some(MARK.to_vec()), journal);
    assert!(matches!(
        hold(&place).await.map(|_| ()),
        Err(StoreError::Format(FormatError::Moved { .. }))
    ));
}
