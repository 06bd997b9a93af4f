//! A person's decision about runs in doubt: what is known of them, and which decisions the
//! service's own lists rule out. Takes the state and what is listed, as plain data; records
//! nothing: that is [`crate::commands`]'s.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::settle_schedule::{first_intent, has_begun, left_by};
use super::{Query, observe};
use crate::api::{ApiError, Client, FlowRun, WindowEvidence};
use crate::run::{FlowId, FlowRef, Key, RunId, RunIdentity, UnixSeconds, Window};
use crate::state::{ClockedTime, Entry, Evidence, Fate, Refusal, State};

/// A run in doubt, or one that was believed not to exist, and what the service has that may be it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub key: Key,
    /// Which run.
    pub identity: RunIdentity,
    /// What is on record of it.
    pub fate: Fate,
    /// When the intent of its first request was made: its run is not older.
    pub intent: ClockedTime,
    /// The flow's runs that no record stands for and that are not older than the intent, newest
    /// first; or why the service does not list them.
    pub candidates: Result<Vec<FlowRun>, Refusal>,
    /// What a person decided, if anybody did.
    pub decision: Option<Decision>,
}

/// What a person decides about a run in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "decision", content = "runId", rename_all = "camelCase")]
pub(crate) enum Decision {
    /// It exists, as this run.
    #[serde(rename = "adopted")]
    Adopt(RunId),
    /// It does not exist.
    NotCreated,
}

/// Why a decision cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Objection {
    /// The run is not there.
    #[error("the service knows no run {0}; one that was just created may take minutes to be found")]
    NoSuchRun(RunId),
    /// The run is of another flow.
    #[error("the run {run_id} is of the flow {flow_id}")]
    OtherFlow { run_id: RunId, flow_id: FlowId },
    /// The run has another window.
    #[error("the run {run_id} ingests {window}")]
    OtherWindow { run_id: RunId, window: Window },
    /// The run shows a window that no run of ours has.
    #[error("the run {0} has a window that is none")]
    Nonsense(RunId),
    /// The run shows no window and cannot have come of the request.
    #[error("the run {0} shows no window and is older than the request")]
    Older(RunId),
    /// The run is the one that was to run again, as it was before.
    #[error(
        "the run {0} is as it was before it was to run again; `--not-created` says that it did not"
    )]
    NotRunAgain(RunId),
    /// A record stands for the run.
    #[error("the run {run_id} is that of {} already", other.short())]
    Claimed {
        run_id: RunId,
        /// Whose it is.
        other: Key,
    },
    /// A listed run has the window.
    #[error("the run {0} has this window, was created since the request, and is nobody else's")]
    Shown(RunId),
    /// The run may still appear in lists.
    #[error(
        "a run may take {} s to be listed, and its request may have left {} s ago",
        delay.as_secs(),
        age.as_secs()
    )]
    TooEarly {
        /// How long ago its request left, at least.
        age: Duration,
        /// The settle delay.
        delay: Duration,
    },
    /// It is to begin later, and may not be listed before.
    #[error(
        "it is to begin at {start}, and a run may be listed only {} s after that",
        delay.as_secs()
    )]
    NotBegun {
        /// When.
        start: UnixSeconds,
        /// The settle delay.
        delay: Duration,
    },
}

impl Objection {
    /// What a person can do about it, where there is anything.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Shown(_) => Some("the next apply adopts a run that shows the window".to_owned()),
            Self::TooEarly { age, delay } => {
                let seconds = delay.saturating_sub(*age).as_secs().max(1);
                Some(format!("try again in {seconds} s, or let apply settle it"))
            }
            _ => None,
        }
    }
}

/// What is known of the runs in doubt with these `keys`; the runs of each flow are read once.
///
/// # Errors
/// When the service does not answer. That it refuses to list a flow's runs is part of a case: a
/// flow that is gone must not keep its doubts open for ever.
pub(crate) async fn cases(
    state: &State,
    keys: &[Key],
    client: &Client,
) -> Result<Vec<Case>, ApiError> {
    let records = || keys.iter().filter_map(|key| state.find(key));
    let flows: BTreeSet<&FlowRef> = records().map(|record| &*record.identity.flow).collect();
    let queries = flows.into_iter().map(|flow| {
        let query = Query::windows(false, state.claimed_of(flow));
        (flow.clone(), query)
    });
    let mut listed = HashMap::new();
    for (flow, seen) in observe(client, queries, 1).await? {
        let runs = match seen.runs {
            Err(ApiError::Refused(refusal)) => Err(refusal),
            runs => Ok(runs?),
        };
        listed.insert(flow, runs);
    }
    Ok(records()
        .filter_map(|record| {
            let runs = listed.get(&*record.identity.flow)?.clone();
            Case::of(state, record.identity.key(), runs)
        })
        .collect())
}

impl Case {
    /// What is known of the run with this `key`; `listed` are all runs of its flow.
    ///
    /// `None` where the run is neither in doubt nor believed not to exist after it was.
    #[must_use]
    pub(crate) fn of(
        state: &State,
        key: Key,
        listed: Result<Vec<FlowRun>, Refusal>,
    ) -> Option<Self> {
        let record = state.find(&key)?;
        let intent = match &record.fate {
            Fate::InDoubt(in_doubt) => {
                let retried = record.fate.retried().map(|it| &it.run_id);
                first_intent(in_doubt.intent, record.earlier(), retried)
            }
            Fate::NotCreated(absence) => first_intent(absence.intent, record.earlier(), None),
            Fate::Created { .. } | Fate::Rejected { .. } => return None,
        };
        let candidates = listed.map(|runs| {
            let may_be_it =
                |run: &FlowRun| state.claim(&run.id).is_none() && run.may_be_since(intent);
            runs.into_iter().filter(may_be_it).collect()
        });
        Some(Self {
            key,
            identity: record.identity.clone(),
            fate: record.fate.clone(),
            intent,
            candidates,
            decision: None,
        })
    }

    /// Checks that the run in doubt can be `run`, which the service gave for the id `run_id`.
    ///
    /// # Errors
    /// Why it cannot.
    pub(crate) fn check_adoption(
        &self,
        state: &State,
        run_id: &RunId,
        run: Option<&FlowRun>,
    ) -> Result<(), Objection> {
        // What is retried may run again under the id that it has.
        let retried = self.fate.retried();
        if let Some(other) = state.claim(run_id)
            && retried.is_none_or(|it| it.run_id != *run_id)
        {
            return Err(Objection::Claimed {
                run_id: run_id.clone(),
                other: other.key(),
            });
        }
        let Some(run) = run else {
            return Err(Objection::NoSuchRun(run_id.clone()));
        };
        if let Some(flow_id) = run.flow_id
            && flow_id != self.identity.flow.id
        {
            return Err(Objection::OtherFlow {
                run_id: run_id.clone(),
                flow_id,
            });
        }
        if let Some(seen) = retried
            .filter(|it| it.run_id == *run_id)
            .and_then(|it| it.last_seen.as_ref())
            && run.status.is_retriable()
            && run.seen(seen.at).says_what(seen)
        {
            return Err(Objection::NotRunAgain(run_id.clone()));
        }
        match run.window_evidence {
            shown if shown.window() == Some(self.identity.window) => Ok(()),
            WindowEvidence::Params(window) | WindowEvidence::CopyActivity(window) => {
                Err(Objection::OtherWindow {
                    run_id: run_id.clone(),
                    window,
                })
            }
            WindowEvidence::Invalid => Err(Objection::Nonsense(run_id.clone())),
            WindowEvidence::Missing
                if !run.may_be_since(self.intent)
                    && retried.is_none_or(|it| it.run_id != *run_id) =>
            {
                Err(Objection::Older(run_id.clone()))
            }
            // Only a person can say so, and one did.
            WindowEvidence::Missing => Ok(()),
        }
    }

    /// Checks that the run in doubt can be one that was never created.
    ///
    /// # Errors
    /// Why it cannot, or not yet.
    pub(crate) fn check_absence(&self, now: ClockedTime, delay: Duration) -> Result<(), Objection> {
        let shown = self.candidates.iter().flatten().find(|run| {
            // A list may be wrong about a flow; the window is what would be ingested twice.
            run.window_evidence.window() == Some(self.identity.window)
        });
        if let Some(run) = shown {
            return Err(Objection::Shown(run.id.clone()));
        }
        let (intent, doubt, start_time) = match &self.fate {
            Fate::InDoubt(it) => (it.intent, it.doubt.as_ref(), it.start_time),
            // Nothing is open about these.
            Fate::NotCreated(_) | Fate::Created { .. } | Fate::Rejected { .. } => return Ok(()),
        };
        // A person decides, so that our own clock will do where the service's is not known.
        let begun_by = ClockedTime {
            service: now.service.or(now.local),
            ..now
        };
        if let Some(start) = start_time
            && !has_begun(start_time, begun_by, delay)
        {
            return Err(Objection::NotBegun { start, delay });
        }
        let age = left_by(intent, doubt).age(now);
        if age < delay {
            return Err(Objection::TooEarly { age, delay });
        }
        Ok(())
    }
}

impl Case {
    /// Checks a decision against what the service says; the outer error is its silence.
    ///
    /// # Errors
    /// When the service does not answer.
    pub(crate) async fn check(
        &self,
        state: &State,
        client: &Client,
        decision: &Decision,
        delay: Duration,
    ) -> Result<Result<(), Objection>, ApiError> {
        let sandbox = &self.identity.flow.sandbox;
        match decision {
            Decision::Adopt(run_id) => {
                let run = client.run(sandbox, run_id).await?;
                // What a list shows of a run, the run itself need not.
                let mut candidates = self.candidates.iter().flatten();
                let listed = candidates.find(|run| run.id == *run_id);
                let run = listed
                    .filter(|run| run.window_evidence.window().is_some())
                    .or(run.as_ref());
                Ok(self.check_adoption(state, run_id, run))
            }
            Decision::NotCreated => {
                // The service's clock is known once two of its answers agree; what this one says is
                // no matter.
                let _ = client.open_sandbox(sandbox).await;
                Ok(self.check_absence(client.clock().now(), delay))
            }
        }
    }

    /// What is recorded of the decision.
    pub(crate) fn entry(&self, evidence: &Evidence, at: Timestamp) -> Option<Entry> {
        let evidence = evidence.clone();
        Some(match self.decision.as_ref()? {
            Decision::Adopt(run_id) => Entry::Adopted {
                run: (&self.identity).into(),
                run_id: run_id.clone(),
                evidence,
                at,
            },
            Decision::NotCreated => Entry::NotCreated {
                key: self.key,
                evidence,
                at,
            },
        })
    }
}

/// The keys of every run in doubt, in the order of their runs.
pub(crate) fn in_doubt(state: &State) -> Vec<Key> {
    let in_doubt = state
        .records()
        .filter(|it| matches!(it.fate, Fate::InDoubt(_)));
    in_doubt.map(|record| record.identity.key()).collect()
}

#[cfg(test)]
mod tests;
