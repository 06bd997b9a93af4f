//! What Adobe leaves undocumented and a client must guess, where a team that knows better can say so:
//! `wire` in the config. No setting makes a request leave twice, or takes a run for another one.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use serde::Deserialize;

use super::FlowRun;
use super::flow_run::{normal_word, status};
use crate::run::RunStatus;

/// Entities that a page of a list is asked for: the most that the service gives, by its destinations'
/// specification.
const PAGE_SIZE: NonZeroU16 = NonZeroU16::new(100).expect("not 0");

/// How the service is spoken to, and understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// Entities that a page of a list is asked for.
    pub page_size: NonZeroU16,
    /// Which word for running a run again is tried first.
    pub retry_word: RetryWord,
    /// What words for a status mean that are not known.
    pub statuses: StatusWords,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            page_size: PAGE_SIZE,
            retry_word: RetryWord::default(),
            statuses: StatusWords::default(),
        }
    }
}

impl Dialect {
    /// A run as it was read, its status in words that are known.
    pub(super) fn understood(&self, run: FlowRun) -> FlowRun {
        let RunStatus::Unknown(word) = &run.status else {
            return run;
        };
        match self.statuses.0.get(&normal_word(word.raw())) {
            Some(known) => FlowRun {
                status: status(known, run.records),
                ..run
            },
            None => run,
        }
    }

    /// Whether a word for a status that the program does not know is explained.
    pub(crate) fn explains(&self, word: &str) -> bool {
        self.statuses.0.contains_key(&normal_word(word))
    }
}

/// How the operation is called that runs a run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum RetryWord {
    /// `re-trigger`, Adobe's tutorial's; where the service refuses the word, the other one.
    #[default]
    #[serde(rename = "re-trigger")]
    Tutorial,
    /// `RE_TRIGGER`, its specification's.
    #[serde(rename = "RE_TRIGGER")]
    Specification,
}

impl RetryWord {
    /// As it is sent.
    pub(super) fn op(self) -> &'static str {
        match self {
            Self::Tutorial => "re-trigger",
            Self::Specification => "RE_TRIGGER",
        }
    }
}

/// Words for a status that are not known, each with a known one of the same meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusWords(BTreeMap<String, String>);

/// Why a word cannot be explained so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusWordError {
    /// It is known.
    #[error("`{0}` is a status that is known, and means what it says")]
    Known(String),
    /// It is to mean what is not known either.
    #[error("`{0}` is no meaning: expected scheduled, inProgress, success, partial or failed")]
    Meaning(String),
}

impl StatusWords {
    /// Checks pairs of a word and its meaning.
    ///
    /// # Errors
    /// When a word is known already, or its meaning is not.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, StatusWordError> {
        let mut words = BTreeMap::new();
        for (word, meaning) in pairs {
            let is_known = |word: &str| {
                let status = status(word, crate::run::RecordCounts::default());
                !matches!(status, RunStatus::Unknown(_))
            };
            if is_known(&word) {
                return Err(StatusWordError::Known(word));
            }
            let known = match meaning.as_str() {
                "partial" => "partialSuccess",
                "scheduled" | "inProgress" | "success" | "failed" => &meaning,
                _ => return Err(StatusWordError::Meaning(meaning)),
            };
            words.insert(normal_word(&word), known.to_owned());
        }
        Ok(Self(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn words(pairs: &[(&str, &str)]) -> Result<StatusWords, StatusWordError> {
        let pairs = pairs.iter();
        StatusWords::new(pairs.map(|(word, meaning)| ((*word).to_owned(), (*meaning).to_owned())))
    }

    #[test]
    fn a_word_that_is_explained_is_understood_however_it_is_spelled() {
        let dialect = Dialect {
            statuses: words(&[("ABORTED_BY_USER", "failed")]).expect("explained"),
            ..Dialect::default()
        };
        let run = |word: &str| FlowRun {
            status: RunStatus::Unknown(word.into()),
            ..fixture::run("r1", crate::api::WindowEvidence::Missing, 0, fixture::OURS)
        };
        let understood = dialect.understood(run("abortedByUser"));
        assert_eq!(understood.status, RunStatus::Failed);
        assert!(dialect.explains("aborted-by-user"));
        let other = dialect.understood(run("frozen"));
        assert_eq!(other.status, RunStatus::Unknown("frozen".into()));
    }

    #[test]
    fn what_is_known_keeps_its_meaning() {
        let known = words(&[("inProgress", "failed")]);
        assert_eq!(known, Err(StatusWordError::Known("inProgress".to_owned())));
        let nothing = words(&[("ABORTED", "gone")]);
        assert_eq!(nothing, Err(StatusWordError::Meaning("gone".to_owned())));
    }
}
