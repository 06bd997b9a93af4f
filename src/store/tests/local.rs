//! A folder: what is in its files, and what other hands can do to them.

use std::fs;
use std::path::Path;

use super::places::local;
use super::*;
use crate::store::lock::HOLDER;

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
    fs::read_to_string(folder.path().join("state").join(name)).expect("there")
}

#[tokio::test]
async fn a_torn_last_line_is_dropped_and_appending_goes_on_after_it() {
    let (folder, place) = local();
    let mut store = open(&place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("written");
    drop(store);
    let path = folder.path().join("state").join("journal.jsonl");
    let mut bytes = fs::read(&path).expect("there");
    bytes.extend_from_slice(b"{\"seq\":3,\"entry\":\"crea");
    fs::write(&path, bytes).expect("writable");

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
    fs::write(&unfinished, "half a state").expect("writable");
    drop(open(&place).await.expect("free"));
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn one_of_the_two_files_alone_is_damage() {
    for name in ["state.jsonl", "journal.jsonl"] {
        for folds in [false, true] {
            let (folder, place) = local();
            let mut store = open(&place).await.expect("free").store;
            store.append(vec![intent(1)]).await.expect("written");
            if folds {
                // Then the journal holds no entry, only what it follows.
                store.fold().await.expect("written");
            }
            drop(store);
            fs::remove_file(folder.path().join("state").join(name)).expect("there");
            let read = load(&place, None).await;
            assert!(
                matches!(read, Err(StoreError::Format(FormatError::Apart(_)))),
                "without {name}, folded: {folds}"
            );
            let opened = open(&place).await;
            assert!(matches!(
                opened,
                Err(StoreError::Format(FormatError::Apart(_)))
            ));
        }
    }
}

#[tokio::test]
async fn a_start_that_was_cut_short_between_the_two_files_starts_again() {
    let (folder, place) = local();
    drop(open(&place).await.expect("free"));
    let state = State::new(organization());
    let path = folder.path().join("state");
    fs::remove_file(path.join("state.jsonl")).expect("there");
    fs::write(
        path.join("journal.jsonl"),
        crate::state::encode_journal_header(&state),
    )
    .expect("writable");
    open(&place).await.expect("nothing was recorded yet");
}

/// What another hand can do to a file.
#[derive(Debug, Clone, Copy)]
enum OutsideChange {
    Remove,
    /// By the same bytes in another file, as a checkout or a sync client does.
    Replace,
    Append,
    Empty,
}

impl OutsideChange {
    fn meddle(self, path: &Path) {
        // Windows lets nobody read a file that is locked.
        let bytes = fs::read(path).unwrap_or_default();
        match self {
            Self::Remove => fs::remove_file(path).expect("there"),
            Self::Replace => {
                let beside = path.with_extension("other");
                fs::write(&beside, bytes).expect("writable");
                fs::rename(&beside, path).expect("writable");
            }
            Self::Append => fs::write(path, [&bytes[..], b"{}\n"].concat()).expect("writable"),
            Self::Empty => fs::write(path, "").expect("writable"),
        }
    }
}

#[tokio::test]
async fn a_file_that_another_hand_was_at_stops_everything_after_it() {
    use OutsideChange::{Append, Empty, Remove, Replace};
    for (name, meddling) in [
        ("journal.jsonl", Remove),
        ("journal.jsonl", Replace),
        ("journal.jsonl", Append),
        ("journal.jsonl", Empty),
        ("state.jsonl", Remove),
        ("state.jsonl", Replace),
        ("state.jsonl", Append),
        ("state.jsonl", Empty),
        ("lock", Remove),
        ("lock", Replace),
    ] {
        // Windows may keep the name of a file that somebody has open.
        if cfg!(windows) && matches!(meddling, Remove | Replace) {
            continue;
        }
        for folds in [false, true] {
            let (folder, place) = local();
            let mut store = open(&place).await.expect("free").store;
            store.append(vec![intent(1)]).await.expect("written");
            let path = folder.path().join("state").join(name);
            meddling.meddle(&path);
            let left = fs::read(&path).ok();

            let result = if folds {
                store.fold().await
            } else {
                store.append(vec![created(1)]).await
            };
            assert!(
                matches!(&result, Err(StoreError::Changed(at)) if *at == path),
                "{name} {meddling:?}: {result:?}"
            );
            assert!(matches!(
                store.append(vec![intent(2)]).await,
                Err(StoreError::Failed)
            ));
            assert!(matches!(store.fold().await, Err(StoreError::Failed)));
            drop(store);
            assert!(
                name == "lock" || fs::read(&path).ok() == left,
                "{name} {meddling:?}: what the other hand left is touched"
            );
        }
    }
}

#[tokio::test]
async fn the_name_of_a_holder_goes_with_it() {
    let (folder, place) = local();
    let held = open(&place).await.expect("free");
    assert!(fs_read(&folder, HOLDER).contains("\"pid\":7"));
    drop(held);
    assert_eq!(fs_read(&folder, HOLDER), "");
}

/// Both files with all kinds of lines in them.
async fn furnished() -> (tempfile::TempDir, Local) {
    let (folder, place) = local();
    let mut store = open(&place).await.expect("free").store;
    let entries = vec![intent(1), created(1), intent(2)];
    store.append(entries).await.expect("written");
    store.fold().await.expect("written");
    let entries = vec![created(2), intent(3), intent(4)];
    store.append(entries).await.expect("written");
    (folder, place)
}

fn lines(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

#[tokio::test]
async fn any_flipped_bit_is_an_error_that_names_its_place_and_nothing_is_overwritten() {
    let (folder, place) = furnished().await;
    let whole = place.read().await.expect("readable");
    let files = |contents: &Contents| {
        let state = contents.state.as_ref().map(StateFile::bytes);
        [state, contents.journal.clone()]
    };
    for (n, name) in ["state.jsonl", "journal.jsonl"].into_iter().enumerate() {
        let bytes = files(&whole)[n].clone().expect("there");
        for at in 0..bytes.len() {
            let line = lines(&bytes[..at]) + 1;
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let mut contents = whole.clone();
                match n {
                    0 => contents.state = Some(StateFile::Bytes(flipped)),
                    _ => contents.journal = Some(flipped),
                }
                let said = decode(&contents).expect_err("damage").to_string();
                // What makes or removes the end of a line shows on either side of it; what is
                // wrong with the whole file is said of its header.
                let places = [line, line + 1, 1].map(|line| format!("{name}, line {line}: "));
                let another_format = format!("{name} has the format");
                assert!(
                    places.iter().any(|place| said.starts_with(place))
                        || (line == 1 && said.starts_with(&another_format)),
                    "bit {bit} of byte {at} in line {line} of {name}: {said}"
                );
            }
        }
        let path = folder.path().join("state").join(name);
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(&path, &flipped).expect("writable");
        assert!(matches!(open(&place).await, Err(StoreError::Format(_))));
        assert_eq!(fs::read(&path).expect("there"), flipped);
        fs::write(&path, &bytes).expect("writable");
    }
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_opens_as_what_was_whole_or_is_an_error() {
    let (folder, place) = furnished().await;
    let path = folder.path().join("state").join("journal.jsonl");
    let whole = fs::read(&path).expect("there");
    let header = whole.iter().position(|&byte| byte == b'\n').expect("lines") + 1;
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).expect("writable");
        if cut < header {
            // The journal is replaced whole: no crash leaves half a header.
            assert!(matches!(open(&place).await, Err(StoreError::Format(_))));
            continue;
        }
        let mut kept = whole[..cut].split_inclusive(|&byte| byte == b'\n');
        let torn = kept
            .next_back()
            .filter(|line| !line.ends_with(b"\n"))
            .map_or(0, <[u8]>::len);
        let inspected = inspect(&place, None).await.expect("whole lines");
        let inspected = inspected.expect("a state");
        assert_eq!(inspected.torn, torn);
        assert_eq!(inspected.unfolded, lines(&whole[..cut]) - 1);
    }
    // And goes on from there: the intent that was cut off was never acknowledged.
    let mut opened = open(&place).await.expect("torn, not damaged");
    assert!(opened.torn > 0);
    opened.store.append(vec![intent(4)]).await.expect("legal");
}

#[tokio::test]
async fn whether_a_folder_may_be_written_to_is_told_and_nothing_is_made() {
    let (folder, place) = local();
    let access = place.check_write(false).await.expect("it may");
    assert_eq!(access, WriteAccess::Permission);
    let left = fs::read_dir(folder.path()).expect("readable").count();
    assert_eq!(left, 0);
    let file = folder.path().join("file");
    fs::write(&file, "no folder").expect("writable");
    let below = Local::new(file.join("state")).check_write(false).await;
    assert!(matches!(below, Err(StoreError::Io { .. })), "{below:?}");
}
