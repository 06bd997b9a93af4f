//! The entries of the journal: each a fact, made durable before anything is done that depends
//! on it. Stored form; a change here is a change of the journal's format.

use std::sync::Arc;

use jiff::Timestamp;
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

/// A time that is compared with the service's own, so it matters whose clock it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClockedTime {
    /// The time.
    pub time: Timestamp,
    /// Whose clock it was read from.
    pub clock: ClockKind,
}

/// Whose clock a time was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClockKind {
    /// The service's, by the `Date` of its answers.
    Server,
    /// This machine's: not to be compared with another machine's.
    Local,
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
    key: Key,
    sandbox: Sandbox,
    flow_id: FlowId,
    window_start_time: UnixSeconds,
    window_end_time: UnixSeconds,
    rerun: Rerun,
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
