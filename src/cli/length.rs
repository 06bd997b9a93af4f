//! Lengths of time, as people write them in the config and behind flags.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::manifest::parse_seconds;

/// One that is written in the config.
pub(super) fn length<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_length(&text).map(Some).map_err(D::Error::custom)
}

/// A length of time as people write it: `5 minutes`, `5m`, `PT5M`.
pub(crate) fn parse_length(text: &str) -> Result<Duration, String> {
    let seconds = parse_seconds(text).map_err(|error| format!("{error}: {}", error.hint()))?;
    u64::try_from(seconds)
        .map(Duration::from_secs)
        .map_err(|_| "a length of time is not negative".to_owned())
}
