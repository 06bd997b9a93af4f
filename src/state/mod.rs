//! What we remember: the runs already created, and what is not known yet.
//!
//! A [`State`] is the fold of [`Entry`]s, one at a time and only by legal steps; it is kept as
//! `state.jsonl` (the fold so far) and a journal (the entries since). This module turns both to
//! and from bytes and knows nothing of where they are kept: that is [`crate::store`].

mod changes;
mod edited;
mod entry;
mod fold;
mod format;
mod header;
mod journal;
mod last_seen;
mod line;
mod moved;
mod record;
mod record_line;
mod records;
mod remembered;
mod stored_record;
#[cfg(test)]
mod tests;

pub use changes::StateChange;
pub use edited::decode_edited;
pub use entry::{
    ClockedTime, Entry, Evidence, Holder, IdentityError, Refusal, Retry, StoredIdentity,
};
pub use fold::FoldError;
pub use format::{decode_state, encode_state};
pub use header::FormatError;
pub use journal::{Journal, decode_journal, encode_entries, encode_journal_header};
pub use last_seen::LastSeen;
#[cfg(test)]
pub(crate) use moved::MARK;
pub use moved::decode_moved;
pub use record::{Absence, Attempt, Doubt, Fate, InDoubt, Record};
pub use remembered::State;
