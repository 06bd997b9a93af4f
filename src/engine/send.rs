//! Sending one run whose intent is durable: the only place from which a request to create a run, or
//! to run one again, leaves.
//!
//! It is sent again only after an outcome that proves that nothing arrived, and never on an
//! intent that has grown old: who settles after a crash relies on that.

use std::time::Duration;

use super::{NotSentReason, Stop};
use crate::api::{AuthError, Client, CreateRun, Outcome, Timestamps, Token};
use crate::backoff::Backoff;
use crate::reconcile::{INTENT_LIFE, LEAVES_WITHIN};
use crate::run::{DeltaColumn, DesiredRun, RunId};
use crate::state::Refusal;
use crate::store::SuspendAwareInstant;
use crate::untrusted::Untrusted;

/// How long requests leave on an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IntentDeadlines {
    /// None is begun on one older than this.
    pub(super) begins: Duration,
    /// The last byte of none leaves on one older than this: who takes the state over counts on it.
    pub(super) leaves: Duration,
}

impl IntentDeadlines {
    /// The deadlines of a state with this lease: less than half of it.
    pub(super) fn of(lease: Option<Duration>) -> Self {
        let fifth = lease.map_or(Duration::MAX, |lease| lease / 5);
        let begins = INTENT_LIFE.min(fifth);
        Self {
            begins,
            leaves: begins + LEAVES_WITHIN.min(fifth),
        }
    }
}

/// How often a connection is tried.
const CONNECTION_TRIES: u32 = 6;
/// How many 429 in a row are waited for on one intent.
const THROTTLE_TRIES: u32 = 20;
/// How long a request waits whose connection was not made, and one that was refused twice; twice as
/// long after each further time, but no longer than the third.
const FIRST_CONNECTION_WAIT: Duration = Duration::from_millis(500);
const FIRST_REFUSAL_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(32);

/// What sending came to.
#[derive(Debug)]
pub(super) enum SendResult {
    /// The run exists.
    Created {
        run_id: RunId,
        etag: Option<Untrusted>,
    },
    /// It was refused.
    Rejected(Refusal),
    /// It may exist.
    InDoubt(String),
    /// It provably never arrived.
    NotSent(NotSentReason),
}

/// What is sent, on which intent.
pub(super) struct SendTask {
    pub(super) run: DesiredRun,
    /// The run that is to run again, where none is to be created.
    pub(super) retry_of: Option<RunId>,
    /// Goes with a table flow's first run, or with each.
    pub(super) delta_column: Option<DeltaColumn>,
    pub(super) timestamps: Timestamps,
    /// When the intent was made, or a moment before.
    pub(super) intent: SuspendAwareInstant,
    /// How long it may be sent on that.
    pub(super) life: IntentDeadlines,
}

pub(super) async fn send(task: &SendTask, client: &Client, stop: &Stop) -> SendResult {
    match attempt(task, client, stop).await {
        Ok(sent) => sent,
        Err(unsent) => SendResult::NotSent(unsent),
    }
}

async fn attempt(
    task: &SendTask,
    client: &Client,
    stop: &Stop,
) -> Result<SendResult, NotSentReason> {
    let sign_in = |error: AuthError| {
        if error.may_pass() {
            NotSentReason::Unreachable(error.to_string())
        } else {
            NotSentReason::SignIn(error.to_string())
        }
    };
    let mut token: Token = unless_stopped(stop, client.auth().token())
        .await?
        .map_err(sign_in)?;
    let mut renewed = false;
    let mut connections = 0;
    let mut refusals = 0;
    let mut connection_wait = Backoff::new(FIRST_CONNECTION_WAIT, LONGEST_WAIT);
    let mut refusal_wait = Backoff::new(FIRST_REFUSAL_WAIT, LONGEST_WAIT);
    // Why the request has not arrived yet, if it was tried.
    let mut trouble: Option<String> = None;
    loop {
        let turn = unless_stopped(stop, client.pacer().turn()).await?;
        if task.intent.elapsed() >= task.life.begins {
            return Err(match trouble {
                Some(why) => NotSentReason::Unreachable(why),
                None => NotSentReason::Stale,
            });
        }
        let sandbox = &task.run.identity.flow.sandbox;
        let (intent, life) = (task.intent, task.life);
        let may_leave = move || intent.elapsed() < life.leaves;
        let outcome = if let Some(run_id) = &task.retry_of {
            client.retry(sandbox, run_id, &token, may_leave).await
        } else {
            let request = request(task, client);
            client.create(sandbox, &request, &token, may_leave).await
        };
        match outcome {
            Outcome::Created { run_id, etag } => return Ok(SendResult::Created { run_id, etag }),
            Outcome::Rejected(refusal) => return Ok(SendResult::Rejected(refusal)),
            Outcome::InDoubt(why) => return Ok(SendResult::InDoubt(why)),
            Outcome::SignIn(refusal) => return Err(NotSentReason::SignIn(refusal.to_string())),
            // Suspended until it was too late.
            Outcome::NotSent(_) if !may_leave() => return Err(NotSentReason::Stale),
            Outcome::NotSent(why) => {
                connections += 1;
                if connections == CONNECTION_TRIES {
                    return Err(NotSentReason::Unreachable(why));
                }
                trouble = Some(why);
                unless_stopped(stop, tokio::time::sleep(connection_wait.next())).await?;
            }
            Outcome::Throttled {
                retry_after,
                refusal,
            } => {
                refusals += 1;
                if refusals == THROTTLE_TRIES {
                    return Err(NotSentReason::Unreachable(refusal.to_string()));
                }
                client.pacer().throttle(turn, retry_after);
                // A stray refusal costs no more than its turn; what is refused again and again waits.
                if refusals > 1 {
                    unless_stopped(stop, tokio::time::sleep(refusal_wait.next())).await?;
                }
            }
            Outcome::TokenExpired(refusal) => {
                if renewed {
                    return Err(NotSentReason::SignIn(refusal.to_string()));
                }
                renewed = true;
                let reason = refusal.to_string();
                token = unless_stopped(stop, client.auth().renewed(&token, &reason))
                    .await?
                    .map_err(sign_in)?;
            }
        }
    }
}

/// The request, beginning when its manifest says, but not before now.
fn request(task: &SendTask, client: &Client) -> CreateRun {
    let run = &task.run;
    let now = client.clock().seconds();
    CreateRun::new(
        run.identity.flow.id,
        run.start_time.map_or(now, |asked| asked.max(now)),
        run.identity.window,
        task.delta_column.clone(),
        task.timestamps,
    )
}

async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, NotSentReason> {
    tokio::select! {
        biased;
        () = stop.requested() => Err(NotSentReason::Stopped),
        value = work => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_on_an_intent_that_is_older_than_half_of_the_lease() {
        for seconds in [10, 60, 300, 3_600] {
            let lease = Duration::from_secs(seconds);
            let IntentDeadlines { begins, leaves } = IntentDeadlines::of(Some(lease));
            assert!(begins < leaves && leaves < lease / 2);
            assert!(leaves <= IntentDeadlines::of(None).leaves);
        }
        assert_eq!(IntentDeadlines::of(None).begins, INTENT_LIFE);
    }
}
