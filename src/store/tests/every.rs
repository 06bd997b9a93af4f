//! What every place must do; each runs the same list.

use super::places::{on_each_kind_of_remote, on_each_remote};
use super::*;

/// Runs each of the named functions against a new place of each kind.
macro_rules! on_each_place {
    ($($name:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test] async fn $name() {
                let (_folder, place) = crate::store::tests::places::local();
                super::$name(&place).await;
            })+
        }
        on_each_remote!(crate::store::tests::leased; $($name),+);
    };
}

pub(super) use on_each_place;

on_each_place![
    one_that_was_never_used_has_no_state,
    what_was_appended_is_there_after_a_crash,
    a_fold_leaves_the_same_state_and_appending_goes_on,
    a_second_holder_is_told_who_the_first_is,
    who_has_let_go_holds_nothing,
    of_two_who_take_hold_at_once_one_wins,
    a_reader_beside_a_writer_sees_what_is_whole,
    what_is_not_whole_is_cut_and_appending_goes_on,
    another_organizations_state_is_refused_untouched,
    an_illegal_entry_never_reaches_the_journal,
    damage_is_told_with_its_place_and_nothing_is_overwritten,
    a_newer_format_is_refused_untouched,
    a_fold_that_was_cut_short_after_the_state_is_finished_by_the_next,
    each_fold_raises_the_serial_and_keeps_the_lineage,
];

async fn one_that_was_never_used_has_no_state(place: &dyn StateBackend) {
    assert!(load(place, None).await.expect("readable").is_none());
}

async fn what_was_appended_is_there_after_a_crash(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    store
        .append(vec![intent(1), intent(2)])
        .await
        .expect("written");
    store.append(vec![created(1)]).await.expect("written");
    let remembered = store.state().clone();
    drop(store); // neither folded nor let go of: the process died
    let read = load(place, None).await.expect("readable");
    assert_eq!(read, Some(remembered));
}

async fn a_fold_leaves_the_same_state_and_appending_goes_on(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    store
        .append(vec![intent(1), created(1)])
        .await
        .expect("written");
    store.fold().await.expect("written");
    let inspected = inspect(place, None).await.expect("readable");
    assert_eq!(inspected.expect("a state").unfolded, 0);
    store.append(vec![intent(2)]).await.expect("written");
    let remembered = store.state().clone();
    let read = load(place, None).await.expect("readable");
    assert_eq!(read, Some(remembered));
}

async fn a_second_holder_is_told_who_the_first_is(place: &dyn StateBackend) {
    let _held = open(place).await.expect("free");
    match open(place).await {
        Err(StoreError::Locked(Some(who))) => assert_eq!(who, holder()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two hold it"),
    }
}

async fn who_has_let_go_holds_nothing(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("written");
    store.close().await.expect("written");
    assert!(matches!(
        store.append(vec![created(1)]).await,
        Err(StoreError::Failed)
    ));
    drop(store);
    let opened = open(place).await.expect("free again");
    assert_eq!(opened.store.acquired(), &Acquired::Free);
    assert_eq!(opened.store.state().records().count(), 1);
}

async fn of_two_who_take_hold_at_once_one_wins(place: &dyn StateBackend) {
    let (one, other) = futures::join!(open(place), open(place));
    assert!(one.is_ok() != other.is_ok(), "both, or neither");
    let lost = one.err().or(other.err());
    assert!(matches!(lost, Some(StoreError::Locked(_))), "{lost:?}");
}

async fn a_reader_beside_a_writer_sees_what_is_whole(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    let write = async {
        for n in 1..=8 {
            store.append(vec![intent(n)]).await.expect("written");
            store.append(vec![created(n)]).await.expect("written");
            store.fold().await.expect("written");
        }
    };
    let read = async {
        let mut seen = 0;
        while seen < 8 {
            let state = load(place, None).await.expect("whole");
            let now = state.map_or(0, |state| state.records().count());
            assert!(now >= seen, "{now} after {seen}");
            seen = now;
            tokio::task::yield_now().await;
        }
    };
    futures::join!(write, read);
}

async fn what_is_not_whole_is_cut_and_appending_goes_on(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("written");
    store.close().await.expect("written");
    drop(store);
    let mut exclusive = place.lock(holder()).await.expect("free");
    exclusive.read().await.expect("readable");
    let torn = b"{\"seq\":3,\"entry\":\"crea".to_vec();
    exclusive
        .append(torn, "half an entry".to_owned())
        .await
        .expect("bytes are bytes");
    exclusive.release().await.expect("held");
    drop(exclusive);

    let Opened { mut store, torn } = open(place).await.expect("no damage");
    assert_eq!(torn, 22);
    store.append(vec![created(1)]).await.expect("legal");
    drop(store);
    assert!(load(place, None).await.expect("readable").is_some());
}

async fn another_organizations_state_is_refused_untouched(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    store.close().await.expect("written");
    drop(store);
    let before = place.read().await.expect("readable");
    let other: OrganizationId = "OTHER@AdobeOrg".parse().expect("an organization");
    assert!(load(place, Some(&other)).await.is_err());
    let result = LockedStore::open(place, &other, holder()).await;
    assert!(matches!(
        result.err(),
        Some(StoreError::ForeignOrganization { .. })
    ));
    assert_eq!(place.read().await.expect("readable"), before);
}

async fn an_illegal_entry_never_reaches_the_journal(place: &dyn StateBackend) {
    let mut store = open(place).await.expect("free").store;
    assert!(matches!(
        store.append(vec![created(1)]).await,
        Err(StoreError::Illegal(_))
    ));
    drop(store);
    assert!(load(place, None).await.is_ok());
}

/// Puts other bytes where a place keeps its two files, as somebody with access to it can.
async fn plant(place: &dyn StateBackend, contents: Contents) {
    let mut exclusive = place.lock(holder()).await.expect("free");
    exclusive.read().await.expect("readable");
    let Contents { state, journal } = contents;
    let (state, journal) = (state.expect("a state").bytes(), journal.expect("a journal"));
    exclusive
        .replace(state, journal, "a test".to_owned())
        .await
        .expect("bytes are bytes");
    exclusive.release().await.expect("held");
}

/// A state with folded runs and a journal with more, that nobody holds.
async fn furnished(place: &dyn StateBackend) -> Contents {
    let mut store = open(place).await.expect("free").store;
    store
        .append(vec![intent(1), created(1), intent(2)])
        .await
        .expect("written");
    store.close().await.expect("written");
    drop(store);
    let mut store = open(place).await.expect("free").store;
    store.append(vec![intent(3)]).await.expect("written");
    let contents = place.read().await.expect("readable");
    store.close().await.expect("written");
    drop(store);
    plant(place, contents.clone()).await;
    contents
}

async fn damage_is_told_with_its_place_and_nothing_is_overwritten(place: &dyn StateBackend) {
    let whole = furnished(place).await;
    for state_too in [true, false] {
        let mut contents = whole.clone();
        let mut state = contents.state.take().expect("there").bytes();
        let journal = contents.journal.as_mut().expect("there");
        let bytes = if state_too { &mut state } else { journal };
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        contents.state = Some(StateFile::Bytes(state));
        plant(place, contents.clone()).await;
        let Err(StoreError::Format(error)) = open(place).await.map(|_| ()) else {
            panic!("damage");
        };
        assert!(matches!(error, FormatError::Damaged { .. }), "{error}");
        assert!(load(place, None).await.is_err());
        assert_eq!(place.read().await.expect("readable"), contents);
        // Nobody is kept out by one who found damage.
        plant(place, whole.clone()).await;
    }
}

async fn a_newer_format_is_refused_untouched(place: &dyn StateBackend) {
    let mut contents = furnished(place).await;
    let state = contents.state.as_mut().expect("there");
    let text = String::from_utf8(state.bytes()).expect("text");
    *state = StateFile::Bytes(text.replacen("-state/v3", "-state/v4", 1).into_bytes());
    plant(place, contents.clone()).await;
    assert!(matches!(
        open(place).await.map(|_| ()),
        Err(StoreError::Format(FormatError::Newer { .. }))
    ));
    assert_eq!(place.read().await.expect("readable"), contents);
}

async fn a_fold_that_was_cut_short_after_the_state_is_finished_by_the_next(
    place: &dyn StateBackend,
) {
    let old = furnished(place).await;
    let mut store = open(place).await.expect("free").store;
    let remembered = store.state().clone();
    let new = place.read().await.expect("readable");
    store.close().await.expect("written");
    drop(store);
    let half = Contents {
        state: new.state,
        journal: old.journal,
    };
    plant(place, half).await;
    let store = open(place).await.expect("no damage").store;
    assert!(store.state().records().eq(remembered.records()));
}

async fn each_fold_raises_the_serial_and_keeps_the_lineage(place: &dyn StateBackend) {
    let mut seen = None;
    for n in 1..=3 {
        let mut store = open(place).await.expect("free").store;
        store.append(vec![intent(n)]).await.expect("written");
        store.close().await.expect("written");
        let State {
            lineage, serial, ..
        } = *store.state();
        if let Some((first, before)) = seen.replace((lineage, serial)) {
            assert_eq!(lineage, first);
            assert!(serial > before);
        }
    }
}

/// What takes long and is the same from any folder of a repository.
mod large {
    use super::*;

    #[tokio::test]
    async fn local_keeps_many_entries() {
        let (_folder, place) = crate::store::tests::places::local();
        many_entries_are_kept(&place).await;
    }

    on_each_kind_of_remote!(crate::store::tests::leased; many_entries_are_kept);

    /// As many as a large state has, where a whole run is asked for; else a tenth of them.
    async fn many_entries_are_kept(place: &dyn StateBackend) {
        let batch_size = if crate::fixture::is_whole() {
            12_500
        } else {
            1_250
        };
        let mut store = open(place).await.expect("free").store;
        for batch in 0..4 {
            let runs = batch * batch_size..(batch + 1) * batch_size;
            let entries: Vec<Entry> = runs.flat_map(|n| [intent(n), created(n)]).collect();
            store.append(entries).await.expect("written");
        }
        let remembered = store.state().clone();
        let inspected = inspect(place, None).await.expect("readable");
        let inspected = inspected.expect("a state");
        assert_eq!(
            inspected.unfolded,
            usize::try_from(8 * batch_size + 1).expect("a few")
        );
        assert!(inspected.state == remembered, "as it is remembered");
        store.close().await.expect("written");
        drop(store);
        let state = load(place, None).await.expect("readable").expect("a state");
        assert_eq!(
            state.records().count(),
            usize::try_from(4 * batch_size).expect("a few")
        );
    }
}
