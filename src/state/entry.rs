//! The entries of the journal: each a fact, made durable before anything is done that depends
//! on it. Stored form; a change here is a change of the journal's format.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::LastSeen;
use crate::run::{FlowId, FlowRef, Key, Rerun, RunId, RunIdentity, Sandbox, UnixSeconds, Window};
use crate::untrusted::Untrusted;

/// One fact. The order of entries is the order in which things happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "entry",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Entry {
    /// An apply took hold of the state.
    Session {
        /// Its id; intents name it.
        session: Uuid,
        /// Who it is.
        holder: Holder,
    },
    /// A request is about to leave: from here on, the run may exist.
    Intent {
        /// The run.
        run: StoredIdentity,
        /// When.
        at: ClockedTime,
        /// The apply that sends it.
        session: Uuid,
        /// When the run is to begin, if later than it is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_time: Option<UnixSeconds>,
        /// Its place among the intents of its apply, if it leaves only once all those of its flow
        /// that come before it have created their runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<u64>,
        /// The run that is to run again; none where one is to be created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<Retry>,
    },
    /// The service answered that the run was created.
    Created {
        /// The run's key.
        key: Key,
        /// Its id.
        run_id: RunId,
        /// Its `etag`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        etag: Option<Untrusted>,
        /// When the answer was read.
        at: Timestamp,
    },
    /// The service refused: nothing was created.
    Rejected {
        /// The run's key.
        key: Key,
        /// What it said.
        refusal: Refusal,
        /// When the answer was read.
        at: Timestamp,
    },
    /// The request provably never reached the service, or was refused before it got there.
    NotSent {
        /// The run's key.
        key: Key,
        /// Why it was given up.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// What came back does not tell whether the run exists.
    Doubt {
        /// The run's key.
        key: Key,
        /// What came back.
        reason: String,
        /// When it was noticed: the request cannot have left later than this.
        at: ClockedTime,
    },
    /// A run that exists already is the one that was wanted.
    Adopted {
        /// The run.
        run: StoredIdentity,
        /// Its id.
        run_id: RunId,
        /// How it was recognised.
        evidence: Evidence,
        /// When.
        at: Timestamp,
    },
    /// A doubt was settled: nothing came of the request.
    NotCreated {
        /// The run's key.
        key: Key,
        /// How that was found out.
        evidence: Evidence,
        /// When.
        at: Timestamp,
    },
    /// How a run is doing was read.
    Seen {
        /// The run.
        run: StoredIdentity,
        /// Its id: what is read of another is not told of it.
        run_id: RunId,
        /// What was read.
        seen: LastSeen,
        /// Its `etag`, where it was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        etag: Option<Untrusted>,
    },
}

/// What an intent to run a run again says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// The run that is to run again.
    pub run_id: RunId,
    /// Who asks: a process and a machine, or a CI run.
    pub by: String,
}

/// A moment by two clocks. Neither alone decides that something does not exist: each of them may be
/// wrong, and may step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredTime", try_from = "StoredTime")]
pub struct ClockedTime {
    /// By the clock of the machine that noted it; an earlier version kept only one of the two.
    pub local: Option<Timestamp>,
    /// By the service's clock; none where its answers had not told it yet, or contradicted each other.
    pub service: Option<Timestamp>,
}

impl ClockedTime {
    /// The time to show and to count by: the service's where it is known.
    #[must_use]
    pub fn time(self) -> Timestamp {
        let time = self.service.or(self.local);
        time.unwrap_or(Timestamp::UNIX_EPOCH) // one of them is known
    }

    /// The earlier of the two; none where the service's is not known, for only that one is
    /// compared with times that the service gives.
    #[must_use]
    pub fn earliest(self) -> Option<Timestamp> {
        let service = self.service?;
        Some(self.local.map_or(service, |local| local.min(service)))
    }

    /// The moment that is so much later; earlier, where `time` is negative.
    #[must_use]
    pub fn plus(self, time: SignedDuration) -> Self {
        let plus = |at: Timestamp| at.saturating_add(time).unwrap_or(at);
        Self {
            local: self.local.map(plus),
            service: self.service.map(plus),
        }
    }

    /// The same moment, by each clock not before `other`: it came after it, whatever a clock says.
    #[must_use]
    pub fn not_before(self, other: Self) -> Self {
        let later = |time: Option<Timestamp>, other| time.map(|time| Some(time).max(other));
        Self {
            local: later(self.local, other.local).flatten(),
            service: later(self.service, other.service).flatten(),
        }
    }

    /// The earlier of two moments by each clock that tells both.
    #[must_use]
    pub fn or_earlier(self, other: Self) -> Self {
        Self {
            local: self.local.zip(other.local).map(|(a, b)| a.min(b)),
            service: self.service.zip(other.service).map(|(a, b)| a.min(b)),
        }
    }

    /// How long ago it is at `now`, by each clock that tells it; one that says that it lies ahead is
    /// wrong, and tells nothing but that.
    fn ages(self, now: Self) -> [Option<Duration>; 2] {
        let age = |then: Option<Timestamp>, now: Option<Timestamp>| {
            let age = now.zip(then).map(|(now, then)| now.duration_since(then));
            age.map(|age| Duration::try_from(age).unwrap_or_default())
        };
        [age(self.local, now.local), age(self.service, now.service)]
    }

    /// How long ago it is at `now`, by the clock that says less.
    #[must_use]
    pub fn age(self, now: Self) -> Duration {
        let ages = self.ages(now).into_iter().flatten();
        ages.min().unwrap_or_default()
    }

    /// Whether both clocks say that it is so long ago at `now`.
    #[must_use]
    pub fn is_past(self, now: Self, time: Duration) -> bool {
        self.ages(now)
            .into_iter()
            .all(|age| age.is_some_and(|age| age >= time))
    }
}

/// The stored form of a [`ClockedTime`]; formats 1 and 2 had the second pair of fields.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct StoredTime {
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Timestamp>,
    #[serde(skip_serializing)]
    time: Option<Timestamp>,
    #[serde(skip_serializing)]
    clock: Option<OlderClock>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OlderClock {
    Server,
    Local,
}

impl From<ClockedTime> for StoredTime {
    fn from(ClockedTime { local, service }: ClockedTime) -> Self {
        Self {
            local,
            service,
            ..Self::default()
        }
    }
}

impl TryFrom<StoredTime> for ClockedTime {
    type Error = &'static str;

    fn try_from(stored: StoredTime) -> Result<Self, Self::Error> {
        let (local, service) = match stored {
            StoredTime {
                local,
                service,
                time: None,
                clock: None,
            } => (local, service),
            StoredTime {
                local: None,
                service: None,
                time,
                clock: Some(OlderClock::Server),
            } => (None, time),
            StoredTime {
                local: None,
                service: None,
                time,
                clock: Some(OlderClock::Local),
            } => (time, None),
            _ => return Err("a time with fields of two formats"),
        };
        if local.or(service).is_none() {
            return Err("a time by no clock");
        }
        Ok(Self { local, service })
    }
}

/// How a doubt was closed, or a run recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "by",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Evidence {
    /// A listed run's `params` hold the window.
    Params,
    /// The run that was to run again is doing so, or has.
    RanAgain,
    /// A listed run's copy activity ingested the window.
    CopyActivity,
    /// The only run by our client since the only open intent of the flow, claimed by no record.
    SoleIntent,
    /// The flow's runs by our client since its open intents, claimed by no record, are as many as
    /// the first of those intents, which leave one after the other: this is the one in its place.
    Order,
    /// Complete lists, read after the settle delay, do not hold it.
    Lists {
        /// How many readings.
        readings: u32,
        /// How many runs of the flow the last one held.
        runs: usize,
    },
    /// A person decided, where no list could tell.
    Person {
        /// Why, in that person's words.
        reason: String,
        /// Who: a name and a machine, or a CI run.
        who: String,
    },
}

impl Evidence {
    /// Its word in the stored form, which documents have as well.
    pub(crate) fn word(&self) -> String {
        let stored = serde_json::to_value(self).unwrap_or_default();
        stored["by"].as_str().unwrap_or_default().to_owned()
    }

    /// What a person gave as the reason, where one decided.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Person { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// Who holds, or held, the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The process id there.
    pub pid: u32,
    /// The CI run, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_run: Option<String>,
    /// Since when, by that machine's clock.
    pub since: Timestamp,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            host,
            pid,
            ci_run,
            since,
        } = self;
        write!(
            f,
            "process {pid} on {}, since {since:.0}",
            host.escape_debug()
        )?;
        match ci_run {
            Some(url) => write!(f, " ({})", url.escape_debug()),
            None => Ok(()),
        }
    }
}

/// What the service said when it refused, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Adobe's code, such as `FLOW-1430-400` or `403025`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Untrusted>,
    /// Its message.
    pub message: Untrusted,
    /// Its request id, for a support ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Untrusted>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            status,
            code,
            message,
            request_id,
        } = self;
        write!(f, "HTTP {status}")?;
        if let Some(code) = code {
            write!(f, " {code}")?;
        }
        write!(f, ": {message}")?;
        match request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

/// The stored form of a [`RunIdentity`], in the API's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoredIdentity {
    pub(super) key: Key,
    pub(super) sandbox: Sandbox,
    pub(super) flow_id: FlowId,
    pub(super) window_start_time: UnixSeconds,
    pub(super) window_end_time: UnixSeconds,
    pub(super) rerun: Rerun,
}

impl From<&RunIdentity> for StoredIdentity {
    fn from(identity: &RunIdentity) -> Self {
        let RunIdentity {
            flow,
            window,
            rerun,
        } = identity;
        Self {
            key: identity.key(),
            sandbox: flow.sandbox.clone(),
            flow_id: flow.id,
            window_start_time: window.start(),
            window_end_time: window.end(),
            rerun: *rerun,
        }
    }
}

impl StoredIdentity {
    /// The key, as it is stored.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// What the key is the hash of, checked against it.
    ///
    /// # Errors
    /// A sentence about what does not fit: bit rot, or an edit by hand.
    pub(super) fn checked(self) -> Result<RunIdentity, IdentityError> {
        let Self {
            key,
            sandbox,
            flow_id,
            window_start_time,
            window_end_time,
            rerun,
        } = self;
        let identity = RunIdentity {
            flow: Arc::new(FlowRef {
                sandbox,
                id: flow_id,
            }),
            window: Window::new(window_start_time, window_end_time)?,
            rerun,
        };
        if identity.key() == key {
            Ok(identity)
        } else {
            Err(IdentityError::Key {
                found: key,
                computed: identity.key(),
            })
        }
    }
}

/// Why a stored identity is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Start not before end.
    #[error(transparent)]
    Window(#[from] crate::run::WindowError),
    /// The key is not the hash of the fields beside it.
    #[error("the key {} is not that of the fields beside it, {}", found.short(), computed.short())]
    Key {
        /// As stored.
        found: Key,
        /// As computed.
        computed: Key,
    },
}
