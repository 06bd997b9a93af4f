//! `wire` in the config: how the service is spoken to and understood, where Adobe's documents leave it
//! open. `docs/unknowns.md` says which guess each setting puts right.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::length::length;
use crate::api::{
    DeltaColumnRule, Dialect, RetryWord, StatusWords, TimestampForm, TimestampUnit, Timestamps,
};

/// No list of the service has longer pages.
const LARGEST_PAGE: u16 = 1_000;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Wire {
    pub(crate) timestamps: TimestampForm,
    pub(crate) unit: TimestampUnit,
    pub(crate) delta_column: DeltaColumnRule,
    #[serde(deserialize_with = "page_size")]
    page_size: Option<NonZeroU16>,
    retry_word: RetryWord,
    #[serde(deserialize_with = "statuses")]
    statuses: StatusWords,
    #[serde(deserialize_with = "connect_timeout")]
    pub(crate) connect_timeout: Option<Duration>,
    #[serde(deserialize_with = "length")]
    pub(crate) timeout: Option<Duration>,
}

impl Wire {
    /// How times are written.
    pub(crate) fn times(&self) -> Timestamps {
        Timestamps {
            form: self.timestamps,
            unit: self.unit,
        }
    }

    /// How the service is spoken to, and understood.
    pub(crate) fn dialect(&self) -> Dialect {
        let dialect = Dialect::default();
        Dialect {
            page_size: self.page_size.unwrap_or(dialect.page_size),
            retry_word: self.retry_word,
            statuses: self.statuses.clone(),
        }
    }
}

/// Bounded: a request whose intent is durable leaves soon, or it does not leave.
fn connect_timeout<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    match length(deserializer)? {
        Some(length) if length > Duration::from_secs(30) => {
            Err(D::Error::custom("at most 30 seconds"))
        }
        length => Ok(length),
    }
}

fn page_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU16>, D::Error> {
    let size = u16::deserialize(deserializer)?;
    match NonZeroU16::new(size).filter(|size| size.get() <= LARGEST_PAGE) {
        None => Err(D::Error::custom("between 1 and 1000")),
        size => Ok(size),
    }
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusWords, D::Error> {
    let words = BTreeMap::<String, String>::deserialize(deserializer)?;
    StatusWords::new(words).map_err(D::Error::custom)
}
