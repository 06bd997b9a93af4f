//! Lengths of time, as people write them in the config and behind flags.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::manifest::{Misread, parse_seconds};

/// One that is written in the config.
pub(super) fn length<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_length(&text).map(Some).map_err(D::Error::custom)
}

/// Why a text behind a flag or in the config is not a length of time.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0, .0.hint())]
pub(crate) struct LengthError(Misread);

/// A length of time as people write it: `5 minutes`, `5m`, `PT5M`.
pub(crate) fn parse_length(text: &str) -> Result<Duration, LengthError> {
    let seconds = parse_seconds(text).map_err(LengthError)?;
    // None is negative.
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}
