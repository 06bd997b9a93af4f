//! What became of a window, as the page tells it apart: a word for the data, a label, and what a person
//! can do about it.

use crate::run::RunStatus;

/// What became of a window, what most needs a person first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum WindowStatus {
    Failed,
    Rejected,
    Conflict,
    Blocked,
    InDoubt,
    Waiting,
    NotListed,
    Partial,
    Empty,
    Running,
    Scheduled,
    Created,
    New,
    HeldBack,
    Paused,
    Success,
    Orphaned,
}

impl WindowStatus {
    /// Every one, in the order of the data's numbers.
    pub(super) const ALL: [Self; 17] = [
        Self::Failed,
        Self::Rejected,
        Self::Conflict,
        Self::Blocked,
        Self::InDoubt,
        Self::Waiting,
        Self::NotListed,
        Self::Partial,
        Self::Empty,
        Self::Running,
        Self::Scheduled,
        Self::Created,
        Self::New,
        Self::HeldBack,
        Self::Paused,
        Self::Success,
        Self::Orphaned,
    ];

    /// The order of legend and bar: from what is done to what is not.
    pub(super) const LEGEND: [Self; 17] = [
        Self::Success,
        Self::Partial,
        Self::Empty,
        Self::Failed,
        Self::Rejected,
        Self::Conflict,
        Self::Blocked,
        Self::InDoubt,
        Self::Waiting,
        Self::NotListed,
        Self::Running,
        Self::Scheduled,
        Self::Created,
        Self::New,
        Self::HeldBack,
        Self::Paused,
        Self::Orphaned,
    ];

    /// The word in the URL's fragment, and of the style.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Conflict => "conflict",
            Self::Blocked => "blocked",
            Self::InDoubt => "in-doubt",
            Self::Waiting => "waiting",
            Self::NotListed => "not-listed",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::Running => "in-progress",
            Self::Scheduled => "scheduled",
            Self::Created => "created",
            Self::New => "new",
            Self::HeldBack => "held-back",
            Self::Paused => "paused",
            Self::Success => "success",
            Self::Orphaned => "orphaned",
        }
    }

    /// What a person reads.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Conflict => "in conflict",
            Self::Blocked => "blocked",
            Self::InDoubt => "in doubt",
            Self::Waiting => "waits for one in doubt",
            Self::NotListed => "not listed",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::Running => "in progress",
            Self::Scheduled => "scheduled",
            Self::Created => "created, end not known",
            Self::New => "to create",
            Self::HeldBack => "held back",
            Self::Paused => "paused",
            Self::Success => "success",
            Self::Orphaned => "in no manifest",
        }
    }

    /// What it means, in a sentence.
    pub(super) fn meaning(self) -> &'static str {
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
            Self::Partial => "The run ended, and some of its records failed.",
            Self::Empty => "The run ended and brought no record.",
            Self::Running => "The service works on it.",
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
    pub(super) fn remedy(self) -> Option<&'static str> {
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
            Self::Partial => "Look at the records that failed in Experience Platform.",
            Self::Empty => {
                "If the source has data for these windows, `backfill retry --empty` runs them again."
            }
            _ => return None,
        })
    }

    /// Whether the run has ended with all that it will bring.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Success | Self::Partial | Self::Empty)
    }

    /// Whether it does not go on without a person.
    pub(super) fn is_stuck(self) -> bool {
        matches!(
            self,
            Self::Failed
                | Self::Rejected
                | Self::Conflict
                | Self::Blocked
                | Self::InDoubt
                | Self::Waiting
                | Self::NotListed
        )
    }

    /// Whether it is told among what needs a person.
    pub(super) fn needs_attention(self) -> bool {
        self.is_stuck() || matches!(self, Self::Partial | Self::Empty)
    }

    /// Whether a run exists that has not ended, as far as is known.
    pub(super) fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Scheduled | Self::Created)
    }

    /// Its number in the data.
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl From<&RunStatus> for WindowStatus {
    fn from(status: &RunStatus) -> Self {
        match status {
            RunStatus::Scheduled => Self::Scheduled,
            RunStatus::InProgress => Self::Running,
            RunStatus::Success => Self::Success,
            RunStatus::Partial => Self::Partial,
            RunStatus::Empty => Self::Empty,
            RunStatus::Failed => Self::Failed,
            RunStatus::Unknown(_) => Self::Created,
        }
    }
}

/// How many windows have which status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StatusCounts([usize; WindowStatus::ALL.len()]);

impl StatusCounts {
    pub(super) fn add(&mut self, status: WindowStatus) {
        self.0[status.index()] += 1;
    }

    pub(super) fn of(&self, status: WindowStatus) -> usize {
        self.0[status.index()]
    }

    /// The sum of those for which `is` holds.
    pub(super) fn sum(&self, is: impl Fn(WindowStatus) -> bool) -> usize {
        let all = WindowStatus::ALL.into_iter().filter(|status| is(*status));
        all.map(|status| self.of(status)).sum()
    }

    /// Those that manifests ask for.
    pub(super) fn wanted(&self) -> usize {
        self.sum(|status| status != WindowStatus::Orphaned)
    }

    /// Those that there are, in the order of the legend.
    pub(super) fn present(&self) -> impl Iterator<Item = (WindowStatus, usize)> {
        WindowStatus::LEGEND
            .into_iter()
            .map(|status| (status, self.of(status)))
            .filter(|(_, number)| *number > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_status_has_its_number_its_word_and_its_place_in_the_legend() {
        for (number, status) in WindowStatus::ALL.into_iter().enumerate() {
            assert_eq!(status.index(), number);
            assert!(WindowStatus::LEGEND.contains(&status), "{status:?}");
            assert_eq!(
                status.needs_attention(),
                status.remedy().is_some(),
                "{status:?}"
            );
        }
        let words: HashSet<_> = WindowStatus::ALL.map(WindowStatus::word).into();
        let labels: HashSet<_> = WindowStatus::ALL.map(WindowStatus::label).into();
        assert_eq!((words.len(), labels.len()), (17, 17));
    }

    #[test]
    fn counts_leave_out_what_no_manifest_asks_for() {
        let mut counts = StatusCounts::default();
        counts.add(WindowStatus::Success);
        counts.add(WindowStatus::Success);
        counts.add(WindowStatus::Orphaned);
        assert_eq!(counts.wanted(), 2);
        assert_eq!(
            counts.present().collect::<Vec<_>>(),
            [(WindowStatus::Success, 2), (WindowStatus::Orphaned, 1)]
        );
    }
}
