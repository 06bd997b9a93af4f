//! A scenario: everything about the emulated world that is not the default, as data.
//!
//! Takes YAML text and gives a [`Scenario`]; every knob has a calm default, unknown names are
//! errors with line and column. `docs/rehearsal.md` shows all of them in one example.
//! Nothing here acts: the other files read these values.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};

use serde::Deserialize;

use crate::manifest::{YamlError, read_yaml};
use crate::run::{DeltaColumn, FlowId};

use super::delay::Delay;
use super::faults::{FaultRule, rules};

/// How the emulated service behaves; [`Scenario::default`] is calm.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a knob of its own, in a file that people write"
)]
pub struct Scenario {
    /// What every draw starts from.
    pub seed: u64,
    /// What goes wrong; the first rule whose turn it is wins.
    #[serde(deserialize_with = "rules")]
    pub faults: Vec<FaultRule>,

    /// The only organization that is let in; by default any.
    pub organization: Option<String>,
    /// How long a token lives that was issued at `/ims/token/v3`.
    pub token_lifetime: Delay,
    /// Requests in any one second above which the gateway answers 429 with `Retry-After: 1`.
    pub rate_limit: Option<NonZeroU32>,

    /// Flows that differ from the plain one: scheduled once and enabled.
    pub flows: Vec<FlowOverride>,

    /// Seconds that the service's clock is ahead of ours; negative: behind.
    pub clock_skew: i32,
    /// How long a new run stays out of lists and answers 404.
    pub listed_after: Delay,
    /// How long a run is `scheduled`, counted from its creation (or until its `startTime`).
    pub scheduled_for: Delay,
    /// How long it is `inProgress` after that.
    pub runs_for: Delay,
    /// How runs end: the weight of each way, by default 0; with no weight at all, each succeeds.
    pub outcomes: BTreeMap<EmulatedOutcome, u16>,
    /// Whether of so many runs as all weights together exactly so many end in each way; else each
    /// run's end is drawn.
    pub outcomes_exact: bool,
    /// The first so many attempts of a window end as `outcomes` says, later ones succeed.
    pub bad_attempts: Option<NonZeroU32>,

    /// Whose words and shapes answers have, where two of Adobe's documents differ.
    pub dialect: Dialect,
    /// How the three times in a run's `params` are given back.
    pub timestamps: Timestamps,
    /// Whether a listed run carries `params`.
    pub params_in_lists: bool,
    /// Whether a run got by its id carries `params`.
    pub params_in_runs: bool,
    /// Whether a copy activity carries `extensions.windowStart` and `windowEnd`.
    pub copy_windows: bool,

    /// The most items on a page, and how many there are unless `limit` says fewer; a `limit` above it
    /// is lowered.
    pub page_size_max: NonZeroUsize,
    /// How the token of the next page is spelled.
    pub page_tokens: PageTokens,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            seed: 0,
            faults: Vec::new(),
            organization: None,
            token_lifetime: Delay::from_millis(86_399_000),
            rate_limit: None,
            flows: Vec::new(),
            clock_skew: 0,
            listed_after: Delay::default(),
            scheduled_for: Delay::from_millis(1_000),
            runs_for: Delay::from_millis(2_000),
            outcomes: BTreeMap::new(),
            outcomes_exact: false,
            bad_attempts: None,
            dialect: Dialect::Tutorial,
            timestamps: Timestamps::Echo,
            params_in_lists: true,
            params_in_runs: true,
            copy_windows: true,
            page_size_max: NonZeroUsize::new(100).unwrap_or(NonZeroUsize::MIN),
            page_tokens: PageTokens::Plain,
        }
    }
}

/// The two of Adobe's documents that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Dialect {
    /// The tutorials and samples: `etag`, `activities`, `inProgress`; entities in `items`; a
    /// `re-trigger` makes a new run.
    Tutorial,
    /// The OpenAPI specification: `eTag`, `activites`, `IN_PROGRESS`; bare entities; by
    /// `RE_TRIGGER` the run itself runs again.
    Openapi,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EmulatedOutcome {
    /// All records in.
    Success,
    /// `success`, with a failed record and its errors.
    SuccessWithErrors,
    /// `partialSuccess`.
    PartialSuccess,
    /// `success` without a record.
    NoRecords,
    /// `failed`.
    Failed,
}

/// How the times in `params` are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Timestamps {
    /// As they came.
    Echo,
    /// As integers of seconds.
    Integer,
    /// As integers of milliseconds.
    Milliseconds,
}

/// How the token of the next page is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PageTokens {
    /// Of characters that mean themselves in a URL. Adobe's tokens must be such, since aepp, a
    /// client in use, cuts the token out of the link at its first `=` and sends it as it stands.
    Plain,
    /// With `+`, `/` and `=`: only a client that reads the link as a URL finds the next page.
    Encoded,
}

/// How one flow differs from the plain one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FlowOverride {
    /// The flow.
    pub id: FlowId,
    /// `scheduleParams.frequency`; by default `once`.
    pub frequency: Option<String>,
    /// `state`; by default `enabled`.
    pub state: Option<String>,
    /// Whether it does not exist, or access labels hide it and its runs from the caller.
    #[serde(default)]
    pub absent: bool,
    /// The delta column that its Copy transformation names before any run was created.
    pub delta_column: Option<DeltaColumn>,
}

impl Scenario {
    /// Reads a scenario from a YAML text; `name` is the file's name in errors. An empty text is
    /// the calm scenario.
    ///
    /// # Errors
    /// When the text is not YAML, names an unknown knob, or gives a knob a value that it does
    /// not take.
    pub fn read(name: &str, text: &str) -> Result<Self, YamlError> {
        Ok(read_yaml::<Option<Self>>(name, text)?.unwrap_or_default())
    }

    /// A scenario of a test.
    #[cfg(test)]
    pub(super) fn of(yaml: &str) -> Self {
        Self::read("scenario.yaml", yaml).expect("a scenario")
    }
}

#[cfg(test)]
mod tests;
