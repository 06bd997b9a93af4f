//! What became of a window: the one answer from which bars, legends, tables, totals and the page take
//! their word, their mark and what a person can do.
//!
//! Other questions have enums of their own: what the service says of a run is [`RunStatus`], what a
//! plan does about a window and what a request came to are the plan's and the engine's.

use serde::Serialize;

use super::{Counted, Counts, RunStatus};
use crate::amounts::listed;

/// What became of a window, what most needs a person first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum WindowStatus {
    Failed,
    Rejected,
    Conflict,
    Blocked,
    InDoubt,
    Waiting,
    NotListed,
    NotRead,
    Partial,
    Empty,
    Unknown,
    InProgress,
    Scheduled,
    Created,
    New,
    HeldBack,
    Paused,
    Success,
    Orphaned,
}

/// From what is done to what is not: the order of legends and totals.
impl Counted for WindowStatus {
    const ALL: &'static [Self] = &[
        Self::Success,
        Self::Partial,
        Self::Empty,
        Self::Failed,
        Self::Rejected,
        Self::InProgress,
        Self::Scheduled,
        Self::Unknown,
        Self::Created,
        Self::New,
        Self::HeldBack,
        Self::Paused,
        Self::InDoubt,
        Self::Waiting,
        Self::NotListed,
        Self::NotRead,
        Self::Conflict,
        Self::Blocked,
        Self::Orphaned,
    ];

    fn index(self) -> usize {
        self as usize
    }
}

impl WindowStatus {
    /// The word in documents, in the page's address and of its style: that of serde.
    pub(crate) fn word(self) -> String {
        let word = serde_json::to_value(self).unwrap_or_default();
        word.as_str().unwrap_or_default().to_owned()
    }

    /// What a person reads, after a number.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Conflict => "in conflict",
            Self::Blocked => "blocked",
            Self::InDoubt => "in doubt",
            Self::Waiting => "waiting for one in doubt",
            Self::NotListed => "not listed",
            Self::NotRead => "not read",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::Unknown => "of an unknown status",
            Self::InProgress => "in progress",
            Self::Scheduled => "scheduled",
            Self::Created => "created, end not known",
            Self::New => "to create",
            Self::HeldBack => "held back",
            Self::Paused => "paused",
            Self::Success => "success",
            Self::Orphaned => "in no manifest",
        }
    }

    /// Its character in a bar, and the bar's word for it; those that look alike in a bar share both. No
    /// character means anything in Markdown code or in a table.
    pub(crate) fn mark(self) -> (char, &'static str) {
        match self {
            Self::Success | Self::Created => ('=', "done"),
            Self::Failed => ('f', "failed"),
            Self::Partial => ('p', "done, records failed"),
            Self::Empty => ('e', "done, no record"),
            Self::Scheduled
            | Self::InProgress
            | Self::Unknown
            | Self::NotListed
            | Self::NotRead => ('r', "not finished"),
            Self::New => ('+', "new"),
            Self::HeldBack | Self::Paused | Self::Blocked => ('~', "held back"),
            Self::InDoubt | Self::Waiting => ('?', "in doubt"),
            Self::Rejected => ('x', "rejected before"),
            Self::Conflict => ('!', "conflict"),
            Self::Orphaned => ('-', "done, in no manifest"),
        }
    }

    /// What it means, in a sentence.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "The run ended without success.",
            Self::Rejected => "The service refused the request: no run exists.",
            Self::Conflict => "The window overlaps one that was ingested already: nothing is sent.",
            Self::Blocked => "Nothing can be sent to its flow.",
            Self::InDoubt => {
                "A request may have arrived or not: it is looked for, never sent twice."
            }
            Self::Waiting => "The window overlaps that of a run in doubt.",
            Self::NotListed => "The run is on record, and the service does not list it.",
            Self::NotRead => "The service's list of its flow could not be read.",
            Self::Partial => "The run ended, and some of its records failed.",
            Self::Empty => "The run ended and brought no record.",
            Self::Unknown => "The service has a word for it that is not known.",
            Self::InProgress => "The service works on it.",
            Self::Scheduled => "The service has accepted it, and has not begun.",
            Self::Created => "The run exists; how it ended was not read yet.",
            Self::New => "No run was created yet.",
            Self::HeldBack => "A limit leaves it for a later apply.",
            Self::Paused => "Its manifest says that nothing new is sent.",
            Self::Success => "The data is there.",
            Self::Orphaned => "A run is on record, but no manifest asks for it any more.",
        }
    }

    /// What a person can do, where there is something.
    pub(crate) fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Failed => "`backfill retry` runs them again, each as a new attempt.",
            Self::Rejected => "The next apply sends them again; fix the reason first.",
            Self::Conflict => {
                "Change these windows, or say `overlap: allow` in their manifest if that is wanted."
            }
            Self::Blocked => {
                "Fix the flow or its manifest: `backfill doctor` tells more. The next apply sends them."
            }
            Self::InDoubt => {
                "The next apply looks for them; `backfill resolve` records what you know."
            }
            Self::Waiting => "They go on when the one in doubt is settled.",
            Self::NotListed => "`backfill audit` shows what differs.",
            Self::NotRead => "`backfill doctor` shows why a list cannot be read.",
            Self::Partial => "Look at the records that failed in Experience Platform.",
            Self::Empty => {
                "If the source has data for these windows, `backfill retry --empty` runs them again."
            }
            Self::Unknown
            | Self::InProgress
            | Self::Scheduled
            | Self::Created
            | Self::New
            | Self::HeldBack
            | Self::Paused
            | Self::Success
            | Self::Orphaned => return None,
        })
    }

    /// Whether the run has ended with all that it will bring.
    pub(crate) fn is_done(self) -> bool {
        matches!(self, Self::Success | Self::Partial | Self::Empty)
    }

    /// Whether a run is there, and the service may still change it.
    pub(crate) fn is_unfinished(self) -> bool {
        self.is_active() || self == Self::NotListed
    }

    /// Whether it does not go on without a person.
    pub(crate) fn is_stuck(self) -> bool {
        self.needs_attention() && !self.is_done()
    }

    /// Whether it is told among what needs a person.
    pub(crate) fn needs_attention(self) -> bool {
        self.remedy().is_some()
    }

    /// Whether a run exists that has not ended, as far as is known.
    pub(crate) fn is_active(self) -> bool {
        matches!(
            self,
            Self::InProgress | Self::Scheduled | Self::Created | Self::Unknown
        )
    }
}

impl From<&RunStatus> for WindowStatus {
    fn from(status: &RunStatus) -> Self {
        match status {
            RunStatus::Scheduled => Self::Scheduled,
            RunStatus::InProgress => Self::InProgress,
            RunStatus::Success => Self::Success,
            RunStatus::Partial => Self::Partial,
            RunStatus::Empty => Self::Empty,
            RunStatus::Failed => Self::Failed,
            RunStatus::Unknown(_) => Self::Unknown,
        }
    }
}

impl Counts<WindowStatus> {
    /// How many runs have not finished.
    pub(crate) fn unfinished(&self) -> usize {
        self.sum(WindowStatus::is_unfinished)
    }

    /// Those that manifests ask for.
    pub(crate) fn wanted(&self) -> usize {
        self.sum(|status| status != WindowStatus::Orphaned)
    }

    /// `3 success, 1 failed`: what there is of anything.
    pub(crate) fn describe(&self) -> String {
        listed(
            self.present()
                .map(|(status, number)| (number, status.label())),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_status_has_its_own_word_and_label_and_its_place_in_totals() {
        // The last variant of the enum: the list of all has as many as there are.
        assert_eq!(WindowStatus::ALL.len(), WindowStatus::Orphaned as usize + 1);
        let all = || WindowStatus::ALL.iter().copied();
        assert_eq!(all().collect::<HashSet<_>>().len(), all().count());
        let words: HashSet<_> = all().map(WindowStatus::word).collect();
        let labels: HashSet<_> = all().map(WindowStatus::label).collect();
        assert_eq!((words.len(), labels.len()), (all().count(), all().count()));
        let marks: HashSet<_> = all().map(WindowStatus::mark).collect();
        let characters: HashSet<_> = marks.iter().map(|(mark, _)| mark).collect();
        assert_eq!(marks.len(), characters.len(), "one meaning a character");
    }

    #[test]
    fn totals_leave_out_what_no_manifest_asks_for_and_name_what_there_is() {
        let counts: Counts<WindowStatus> = [
            WindowStatus::Orphaned,
            WindowStatus::Success,
            WindowStatus::Success,
        ]
        .into_iter()
        .collect();
        assert_eq!(counts.wanted(), 2);
        assert_eq!(counts.describe(), "2 success, 1 in no manifest");
    }
}
