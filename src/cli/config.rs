//! `backfill.yaml`: what a team agrees on. No secrets, and no field that is not known.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::failure::Failure;
use super::input::read_text;
use super::length::length;
use super::wire::Wire;
use crate::api::Rate;
use crate::manifest::{Spanned, position_of, read_yaml};
use crate::run::{OrganizationId, Sandbox};
use crate::store::{LEASE, LONGEST_LEASE};

/// The file that is looked for when no other is named; it need not exist.
pub(crate) const DEFAULT: &str = "backfill.yaml";

/// Within a fifth of it an intent is used or void: less is too little for anything to be sent.
const SHORTEST_LEASE: Duration = Duration::from_secs(10);

/// The config, with its defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    version: Option<ConfigVersion>,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) sandbox: Option<Sandbox>,
    state: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    require: Vec<Requirement>,
    #[serde(default, deserialize_with = "length")]
    pub(crate) settle_delay: Option<Duration>,
    #[serde(default, deserialize_with = "lease")]
    lease: Option<Duration>,
    #[serde(default)]
    pub(crate) wire: Wire,
}

/// The only version there is.
#[derive(Debug)]
struct ConfigVersion;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Requirement {
    Reason,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Limits {
    #[serde(deserialize_with = "rate")]
    pub(crate) rate: Rate,
    #[serde(deserialize_with = "at_least_one")]
    pub(crate) concurrency: usize,
    #[serde(deserialize_with = "at_least_one")]
    pub(crate) per_flow: usize,
    pub(crate) new_runs_per_apply: usize,
    /// Within 24 hours, for each sandbox.
    pub(crate) new_runs_per_day: Option<usize>,
    /// Unfinished runs of a flow at once.
    pub(crate) max_active_runs: Option<NonZeroUsize>,
    /// How often a window is run, the first time counted, before a person has to look at it.
    #[serde(deserialize_with = "at_least_one")]
    pub(crate) attempts: usize,
    pub(crate) window: WindowLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct WindowLimits {
    #[serde(deserialize_with = "length")]
    pub(crate) min: Option<Duration>,
    #[serde(deserialize_with = "length")]
    pub(crate) max: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rate: Rate::per_second(5.0).expect("5 a second is a rate"),
            concurrency: 8,
            per_flow: 1,
            new_runs_per_apply: 500,
            new_runs_per_day: None,
            max_active_runs: None,
            attempts: 3,
            window: WindowLimits::default(),
        }
    }
}

impl Config {
    /// Reads the config; where there is none, all of it is the default.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let shown = path.display().to_string();
        let text = read_text("", path)?;
        let config: Self = read_yaml(&shown, &text).map_err(|error| {
            Failure::usage(format!("the config is wrong\n{error}")).at(&shown, error.position())
        })?;
        if config.version.is_none() {
            return Err(Failure::usage(format!("{shown} does not say its version"))
                .hint("add `version: 1`")
                .at(&shown, Some((1, 1))));
        }
        Ok(config)
    }

    /// The place of the state, if the config names one, and the line and column where it does.
    pub(crate) fn state(&self) -> Option<(&str, (u32, u32))> {
        let state = self.state.as_ref()?;
        Some((&state.value, position_of(state)))
    }

    /// Whether every manifest needs a reason.
    pub(crate) fn reason_required(&self) -> bool {
        self.require.contains(&Requirement::Reason)
    }

    /// How long a holder of a remote state may be silent before the state can be taken over.
    pub(crate) fn lease(&self) -> Duration {
        self.lease.unwrap_or(LEASE)
    }
}

impl<'de> Deserialize<'de> for ConfigVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(D::Error::custom(format!(
                "version {other} is not known: this program reads version 1"
            ))),
        }
    }
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}

fn lease<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match length(deserializer)? {
        Some(length) if !(SHORTEST_LEASE..=LONGEST_LEASE).contains(&length) => {
            Err(D::Error::custom("between 10 seconds and 1 hour"))
        }
        length => Ok(length),
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => Err(D::Error::custom("at least 1 is needed, or nothing is sent")),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        DeltaColumnRule, Dialect, RetryWord, TimestampForm, TimestampUnit, Timestamps,
    };

    fn read(text: &str) -> Result<Config, String> {
        read_yaml("backfill.yaml", text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn every_field_of_the_contract_is_read() {
        let config = read(
            "version: 1\n\
             organization: 5C1328435BF324E90A49402A@AdobeOrg\n\
             sandbox: prod\n\
             state: .backfill\n\
             limits: { rate: 5/s, concurrency: 4, perFlow: 2, newRunsPerApply: 90, newRunsPerDay: 90, maxActiveRuns: 3, attempts: 3, window: { min: 15 minutes, max: 31 days } }\n\
             require: [reason]\n\
             settleDelay: 5 minutes\n\
             lease: 2 minutes\n\
             wire: { timestamps: integer, unit: milliseconds, deltaColumn: always, pageSize: 50, retryWord: RE_TRIGGER, statuses: { ABORTED: failed }, timeout: 70 seconds }\n",
        )
        .expect("it is the contract's own example");
        assert_eq!(config.limits.window.min, Some(Duration::from_secs(900)));
        assert_eq!(config.limits.concurrency, 4);
        assert_eq!(config.settle_delay, Some(Duration::from_secs(300)));
        assert_eq!(config.lease(), Duration::from_secs(120));
        let times = Timestamps {
            form: TimestampForm::Integer,
            unit: TimestampUnit::Milliseconds,
        };
        assert_eq!(config.wire.times(), times);
        assert_eq!(config.wire.delta_column, DeltaColumnRule::Always);
        let dialect = config.wire.dialect();
        assert_eq!(dialect.page_size.get(), 50);
        assert_eq!(dialect.retry_word, RetryWord::Specification);
        assert!(dialect.explains("Aborted"));
        assert!(config.reason_required());
    }

    #[test]
    fn what_is_left_out_has_the_contracts_default() {
        let config = read("version: 1\n").expect("enough");
        let Limits {
            rate,
            concurrency,
            per_flow,
            new_runs_per_apply,
            new_runs_per_day,
            max_active_runs,
            attempts,
            window: _,
        } = config.limits;
        assert_eq!(rate.to_string(), "5/s");
        assert_eq!((concurrency, per_flow, new_runs_per_apply), (8, 1, 500));
        assert_eq!(
            (new_runs_per_day, max_active_runs, attempts),
            (None, None, 3)
        );
        assert_eq!(config.wire.times(), Timestamps::default());
        assert_eq!(config.wire.dialect(), Dialect::default());
        assert_eq!(config.wire.delta_column, DeltaColumnRule::First);
    }

    #[test]
    fn what_init_writes_names_every_default_as_it_is() {
        let written = include_str!("../commands/init/backfill.yaml");
        assert!(read(written).is_ok());
        // `# text` is text; `#field:` and `#  nested:` are fields.
        let is_text = |line: &str| line.starts_with("# ") && !line.starts_with("#  ");
        let fields: Vec<_> = written
            .lines()
            .filter(|line| !is_text(line))
            .map(|line| line.strip_prefix('#').unwrap_or(line))
            .collect();
        let mut config = read(&fields.join("\n")).expect("uncommented, it is a config");
        let default = Config::default();
        assert!(config.organization.take().is_some() && config.sandbox.take().is_some());
        let state = config.state.take().map(|state| state.value);
        assert_eq!(state.as_deref(), Some(".backfill"));
        assert!(config.reason_required());
        assert_eq!(
            format!("{:?}", config.limits),
            format!("{:?}", default.limits)
        );
        assert_eq!(config.wire.times(), default.wire.times());
        assert_eq!(config.wire.dialect(), default.wire.dialect());
        assert_eq!(config.wire.delta_column, default.wire.delta_column);
        assert_eq!(config.settle_delay, Some(Duration::from_secs(300)));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("version: 2\n", "version 2 is not known"),
            (
                "version: 1\nlimits: { rate: fast }\n",
                "`fast` is not a rate",
            ),
            ("version: 1\nlimits: { concurrency: 0 }\n", "at least 1"),
            ("version: 1\ntoken: secret\n", "unknown field"),
            ("version: 1\nsettleDelay: soon\n", "soon"),
            ("version: 1\nlease: 9 seconds\n", "between 10 seconds"),
            (
                "version: 1\nwire: { unit: days }\n",
                "`days` is not known here",
            ),
            ("version: 1\nwire: { pageSize: 0 }\n", "between 1 and 1000"),
            (
                "version: 1\nwire: { pageSize: 1001 }\n",
                "between 1 and 1000",
            ),
            (
                "version: 1\nwire: { retryWord: again }\n",
                "`again` is not known here",
            ),
            ("version: 1\nwire: { deltaColumn: never }\n", "never"),
            (
                "version: 1\nwire: { statuses: { failed: success } }\n",
                "`failed` is a status that is known",
            ),
            (
                "version: 1\nwire: { statuses: { ABORTED: gone } }\n",
                "`gone` is no meaning",
            ),
            (
                "version: 1\nwire: { connectTimeout: 5 minutes }\n",
                "at most 30 seconds",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(said), "{error}");
        }
    }
}
