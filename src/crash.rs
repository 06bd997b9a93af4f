//! Where the program can be made to die, so that a test can show that no death loses or doubles
//! a run.
//!
//! [`Point::ALL`] is the one list of these places: before and after every step that touches the
//! journal, the state file or the wire, and in the middle of every write. Without the feature
//! `crash-points` nothing is here but the names. With it, `BACKFILL_CRASH_AT=appended:3` ends the
//! process at once, as `kill -9` would, the third time that it comes by that place;
//! `appended:3:panic` makes the task panic that comes by.

/// A place where the process can die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point(&'static str);

macro_rules! points {
    ($($(#[doc = $what:literal])+ $constant:ident = $name:literal;)+) => {
        impl Point {
            $($(#[doc = $what])+ pub const $constant: Self = Self($name);)+

            /// Every place, in the order in which an apply comes by them first.
            pub const ALL: &'static [Self] = &[$(Self::$constant),+];
        }
    };
}

points! {
    /// The lock is about to be taken.
    LOCKING = "locking";
    /// The lock is held, and says by whom.
    LOCKED = "locked";
    /// Both files are about to be read.
    READING = "reading";
    /// Both files were read.
    READ = "read";
    /// A torn end of the journal is about to be cut off.
    CUTTING = "cutting";
    /// It was cut off.
    CUT = "cut";
    /// A new journal is about to be written, beside the old one.
    JOURNAL_REPLACING = "journal-replacing";
    /// Half of it is written.
    JOURNAL_HALF = "journal-half";
    /// All of it is written and synced, under another name.
    JOURNAL_BESIDE = "journal-beside";
    /// It has the journal's name, but the folder is not synced.
    JOURNAL_RENAMED = "journal-renamed";
    /// It is the journal.
    JOURNAL_REPLACED = "journal-replaced";
    /// The state file is about to be written, beside the old one.
    STATE_REPLACING = "state-replacing";
    /// Half of it is written.
    STATE_HALF = "state-half";
    /// All of it is written and synced, under another name.
    STATE_BESIDE = "state-beside";
    /// It has the state file's name, but the folder is not synced.
    STATE_RENAMED = "state-renamed";
    /// It is the state file.
    STATE_REPLACED = "state-replaced";
    /// Entries are about to be appended to the journal.
    APPENDING = "appending";
    /// Half of their bytes are written.
    APPEND_HALF = "append-half";
    /// All of their bytes are written, none is synced.
    APPEND_UNSYNCED = "append-unsynced";
    /// They are durable.
    APPENDED = "appended";
    /// A token is about to be asked for.
    TOKEN_ASKING = "token-asking";
    /// The answer about a token was read.
    TOKEN_ANSWERED = "token-answered";
    /// A read is about to leave.
    READ_ASKING = "read-asking";
    /// The answer to a read was read.
    READ_ANSWERED = "read-answered";
    /// A request to create a run is about to leave.
    CREATE_SENDING = "create-sending";
    /// Its answer was read, or will not come.
    CREATE_ANSWERED = "create-answered";
    /// A request to run a run again is about to leave.
    RETRY_SENDING = "retry-sending";
    /// Its answer was read, or will not come.
    RETRY_ANSWERED = "retry-answered";
}

impl Point {
    /// The place's name, as `BACKFILL_CRASH_AT` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl Point {
    /// The process has come by: it dies here if it was told to.
    pub(crate) fn pass(self) {
        if cfg!(feature = "crash-points") && self.is_due() {
            assert!(!Self::panics(), "told to panic at {}", self.0);
            std::process::abort();
        }
    }

    /// Whether a task is to panic where else the process would die.
    fn panics() -> bool {
        std::env::var("BACKFILL_CRASH_AT").is_ok_and(|wanted| wanted.ends_with(":panic"))
    }

    /// The process is about to do `write` with `bytes`: if it was told to die here, it does so
    /// after the first half of them, in the middle of a line.
    pub(crate) fn amid(self, bytes: &[u8], write: impl FnOnce(&[u8])) {
        if cfg!(feature = "crash-points") && self.is_due() {
            let half = &bytes[..bytes.len() / 2];
            write(half.strip_suffix(b"\n").unwrap_or(half));
            std::process::abort();
        }
    }

    /// Whether this is the place, and the time, that `BACKFILL_CRASH_AT` names.
    fn is_due(self) -> bool {
        use std::sync::LazyLock;
        use std::sync::atomic::{AtomicU32, Ordering};

        static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
            let wanted = std::env::var("BACKFILL_CRASH_AT").ok()?;
            let wanted = wanted.strip_suffix(":panic").unwrap_or(&wanted);
            let (name, time) = wanted.split_once(':')?;
            Some((name.to_owned(), time.parse().ok()?))
        });
        static TIMES: AtomicU32 = AtomicU32::new(0);

        match &*WANTED {
            Some((name, time)) if name == self.0 => {
                TIMES.fetch_add(1, Ordering::SeqCst) + 1 == *time
            }
            _ => false,
        }
    }
}
