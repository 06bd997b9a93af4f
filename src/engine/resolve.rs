//! A person's decision about runs in doubt: what is known of them, and which decisions the
//! service's own lists rule out. Takes the state and what is listed, as plain data; records
//! nothing: that is [`crate::commands`]'s.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::listing::runs_of;
use super::settle_schedule::{first_intent, has_begun, left_by};
use crate::api::{ApiError, Client, FlowRun, WindowEvidence};
use crate::run::{FlowId, FlowRef, Key, RunId, RunIdentity, UnixSeconds, Window};
use crate::state::{Absence, ClockKind, ClockedTime, Fate, Refusal, State};

/// A run in doubt, or one that was believed not to exist, and what the service has that may be it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    /// Its key.
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
}

/// What a person decides about a run in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It exists, as this run.
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
    OtherFlow {
        /// The run.
        run_id: RunId,
        /// Its flow.
        flow_id: FlowId,
    },
    /// The run has another window.
    #[error("the run {run_id} ingests {window}")]
    OtherWindow {
        /// The run.
        run_id: RunId,
        /// Its window.
        window: Window,
    },
    /// The run shows a window that no run of ours has.
    #[error("the run {0} has a window that is none")]
    Nonsense(RunId),
    /// The run shows no window and cannot have come of the request.
    #[error("the run {0} shows no window and is older than the request")]
    Older(RunId),
    /// A record stands for the run.
    #[error("the run {run_id} is that of {} already", other.short())]
    Claimed {
        /// The run.
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
    let mut listed: HashMap<&FlowRef, Result<Vec<FlowRun>, Refusal>> = HashMap::new();
    let mut cases = Vec::new();
    for (key, record) in keys.iter().filter_map(|key| Some((*key, state.get(key)?))) {
        let flow = &record.identity.flow;
        let runs = match listed.entry(flow) {
            Occupied(known) => known.into_mut(),
            Vacant(unread) => {
                let claimed = state.claimed_of(flow);
                let runs = runs_of(client, flow, &claimed, None).await;
                unread.insert(match runs {
                    Ok(runs) => Ok(runs),
                    Err(ApiError::Refused(refusal)) => Err(refusal),
                    Err(error) => return Err(error),
                })
            }
        };
        cases.extend(Case::of(state, key, runs.clone()));
    }
    Ok(cases)
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
        let record = state.get(&key)?;
        let intent = match &record.fate {
            Fate::InDoubt { intent, .. } | Fate::NotCreated(Absence { intent, .. }) => {
                first_intent(*intent, &record.earlier)
            }
            Fate::Created { .. } | Fate::Rejected { .. } => return None,
        };
        let candidates = listed.map(|runs| {
            let may_be_it = |run: &FlowRun| state.claim(&run.id).is_none() && run.is_since(intent);
            runs.into_iter().filter(may_be_it).collect()
        });
        Some(Self {
            key,
            identity: record.identity.clone(),
            fate: record.fate.clone(),
            intent,
            candidates,
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
        if let Some(other) = state.claim(run_id) {
            return Err(Objection::Claimed {
                run_id: run_id.clone(),
                other,
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
        match run.window_evidence {
            shown if shown.window() == Some(self.identity.window) => Ok(()),
            WindowEvidence::Params(window) | WindowEvidence::CopyActivity(window) => {
                Err(Objection::OtherWindow {
                    run_id: run_id.clone(),
                    window,
                })
            }
            WindowEvidence::Invalid => Err(Objection::Nonsense(run_id.clone())),
            WindowEvidence::Missing if !run.is_since(self.intent) => {
                Err(Objection::Older(run_id.clone()))
            }
            // Only a person can say so, and one did.
            WindowEvidence::Missing => Ok(()),
        }
    }

    /// Checks that the run in doubt can be one that was never created; `now` is by both clocks,
    /// the service's if it is known and this machine's.
    ///
    /// # Errors
    /// Why it cannot, or not yet.
    pub(crate) fn check_absence(
        &self,
        now: (ClockedTime, Timestamp),
        delay: Duration,
    ) -> Result<(), Objection> {
        let shown = self.candidates.iter().flatten().find(|run| {
            // A list may be wrong about a flow; the window is what would be ingested twice.
            run.window_evidence.window() == Some(self.identity.window)
        });
        if let Some(run) = shown {
            return Err(Objection::Shown(run.id.clone()));
        }
        let (intent, doubt, start_time) = match &self.fate {
            Fate::InDoubt {
                intent,
                session: _,
                start_time,
                order: _,
                doubt,
            } => (*intent, doubt.as_ref(), *start_time),
            // Nothing is open about these.
            Fate::NotCreated(_) | Fate::Created { .. } | Fate::Rejected { .. } => return Ok(()),
        };
        let left = left_by(intent, doubt);
        let (service, local) = now;
        let now = match (left.clock, service.clock) {
            (ClockKind::Server, ClockKind::Server) => service.time,
            _ => local,
        };
        // A person decides, so that our own clock will do where the service's is not known.
        let begun_by = ClockedTime {
            time: match service.clock {
                ClockKind::Server => service.time,
                ClockKind::Local => local,
            },
            clock: ClockKind::Server,
        };
        if let Some(start) = start_time
            && !has_begun(start_time, begun_by, delay)
        {
            return Err(Objection::NotBegun { start, delay });
        }
        // What lies ahead of now is a clock that is wrong, and tells nothing but that.
        let age = Duration::try_from(now.duration_since(left.time)).unwrap_or_default();
        if age < delay {
            return Err(Objection::TooEarly { age, delay });
        }
        Ok(())
    }
}

/// The runs that more than one of these decisions would adopt.
#[must_use]
pub(crate) fn adopted_twice(decisions: &[Decision]) -> Option<&RunId> {
    let mut seen = HashSet::new();
    decisions.iter().find_map(|decision| match decision {
        Decision::Adopt(run_id) if !seen.insert(run_id) => Some(run_id),
        Decision::Adopt(_) | Decision::NotCreated => None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::api::{RecordCounts, RunStatus};
    use crate::run::Rerun;
    use crate::state::Entry;

    const DELAY: Duration = Duration::from_secs(300);
    const INTENT: i64 = 1_700_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn server(second: i64) -> ClockedTime {
        ClockedTime {
            time: at(second),
            clock: ClockKind::Server,
        }
    }

    fn window(n: i64) -> Window {
        let at = |s| UnixSeconds::new(s).expect("in range");
        Window::new(at(n * 100), at(n * 100 + 100)).expect("a window")
    }

    fn identity(n: i64) -> RunIdentity {
        RunIdentity {
            flow: FlowRef {
                sandbox: "prod".parse().expect("a sandbox"),
                id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
                    .parse()
                    .expect("a flow"),
            },
            window: window(n),
            rerun: Rerun::FIRST,
        }
    }

    fn run(id: &str, window_evidence: WindowEvidence, created: i64) -> FlowRun {
        FlowRun {
            id: id.parse().expect("a run id"),
            flow_id: Some(identity(1).flow.id),
            created_at: Some(at(created)),
            created_client: Some("our-key".into()),
            created_by: None,
            window_evidence,
            status: RunStatus::Scheduled,
            records: RecordCounts::default(),
            errors: Vec::new(),
        }
    }

    /// A state in which run 1 is in doubt and run 2 was created, as `taken`.
    fn state() -> State {
        let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
        for entry in [
            Entry::Intent {
                run: (&identity(1)).into(),
                at: server(INTENT),
                session: Uuid::nil(),
                start_time: None,
                order: None,
            },
            Entry::Doubt {
                key: identity(1).key(),
                reason: "reset".to_owned(),
                at: server(INTENT + 10),
            },
            Entry::Intent {
                run: (&identity(2)).into(),
                at: server(INTENT),
                session: Uuid::nil(),
                start_time: None,
                order: None,
            },
            Entry::Created {
                key: identity(2).key(),
                run_id: "taken".parse().expect("a run id"),
                at: at(INTENT + 1),
            },
        ] {
            state.fold(entry).expect("legal");
        }
        state
    }

    fn case(listed: Vec<FlowRun>) -> Case {
        Case::of(&state(), identity(1).key(), Ok(listed)).expect("it is in doubt")
    }

    #[test]
    fn what_may_be_the_run_is_younger_than_the_intent_and_on_no_record() {
        let case = case(vec![
            run("new", WindowEvidence::Missing, INTENT + 1),
            run("taken", WindowEvidence::Params(window(2)), INTENT + 1),
            run("old", WindowEvidence::Params(window(1)), INTENT - 3600),
        ]);
        let ids: Vec<&str> = case
            .candidates
            .iter()
            .flatten()
            .map(|run| run.id.as_str())
            .collect();
        assert_eq!(ids, ["new"]);
        assert_eq!(Case::of(&state(), identity(2).key(), Ok(Vec::new())), None);
    }

    #[test]
    fn a_run_is_adopted_only_where_nothing_speaks_against_it() {
        let case = case(Vec::new());
        let adopt = |run: &FlowRun| case.check_adoption(&state(), &run.id, Some(run));
        let id = |text: &str| text.parse::<RunId>().expect("a run id");
        for fits in [
            run("a", WindowEvidence::Params(window(1)), INTENT + 1),
            run("a", WindowEvidence::CopyActivity(window(1)), INTENT + 1),
            run("a", WindowEvidence::Params(window(1)), INTENT - 3600),
            run("a", WindowEvidence::Missing, INTENT + 1),
        ] {
            assert_eq!(adopt(&fits), Ok(()), "{fits:?}");
        }
        let other: FlowId = "00000000-0000-4000-8000-000000000000"
            .parse()
            .expect("a flow");
        let of_another = FlowRun {
            flow_id: Some(other),
            ..run("a", WindowEvidence::Params(window(1)), INTENT + 1)
        };
        for (run, objection) in [
            (
                of_another,
                Objection::OtherFlow {
                    run_id: id("a"),
                    flow_id: other,
                },
            ),
            (
                run("a", WindowEvidence::Params(window(2)), INTENT + 1),
                Objection::OtherWindow {
                    run_id: id("a"),
                    window: window(2),
                },
            ),
            (
                run("a", WindowEvidence::Invalid, INTENT + 1),
                Objection::Nonsense(id("a")),
            ),
            (
                run("a", WindowEvidence::Missing, INTENT - 3600),
                Objection::Older(id("a")),
            ),
            (
                run("taken", WindowEvidence::Params(window(1)), INTENT + 1),
                Objection::Claimed {
                    run_id: id("taken"),
                    other: identity(2).key(),
                },
            ),
        ] {
            assert_eq!(adopt(&run), Err(objection));
        }
        assert_eq!(
            case.check_adoption(&state(), &id("gone"), None),
            Err(Objection::NoSuchRun(id("gone")))
        );
    }

    #[test]
    fn absence_needs_lists_without_the_window_and_the_settle_delay() {
        let local = at(0); // a machine whose clock is nonsense
        let late = (server(INTENT + 311), local);
        assert_eq!(case(Vec::new()).check_absence(late, DELAY), Ok(()));
        let silent = run("a", WindowEvidence::Missing, INTENT + 1);
        assert_eq!(case(vec![silent]).check_absence(late, DELAY), Ok(()));

        let shown = run("a", WindowEvidence::Params(window(1)), INTENT + 1);
        assert_eq!(
            case(vec![shown.clone()]).check_absence(late, DELAY),
            Err(Objection::Shown(shown.id))
        );
        let early = (server(INTENT + 40), local);
        assert_eq!(
            case(Vec::new()).check_absence(early, DELAY),
            Err(Objection::TooEarly {
                age: Duration::from_secs(30),
                delay: DELAY
            })
        );
    }

    #[test]
    fn a_request_that_was_cut_short_may_have_left_late() {
        let mut case = case(Vec::new());
        if let Fate::InDoubt { doubt, .. } = &mut case.fate {
            *doubt = None;
        }
        let now = |after| {
            let time = at(INTENT).saturating_add(SignedDuration::from_secs(after));
            let time = time.expect("in range");
            (server(time.as_second()), time)
        };
        assert!(case.check_absence(now(400), DELAY).is_err());
        assert_eq!(case.check_absence(now(420), DELAY), Ok(()));
    }
}
