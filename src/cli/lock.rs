//! Taking hold of the state, and as whom: for those who want it meanwhile, and those who read later
//! who decided something.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::ci::{ci_run, starter};
use super::context::Context;
use super::environment::variable;
use super::exit::Exit;
use super::failure::Failure;
use super::length::{LengthError, parse_length};
use super::signals::Signals;
use super::silence::Silence;
use crate::report::{duration, number, plain};
use crate::run::OrganizationId;
use crate::state::Holder;
use crate::store::{Acquired, LockedStore, Opened, StateBackend, StoreError};

/// The flags of verbs that write to the state.
#[derive(Debug, clap::Args)]
pub(crate) struct LockArgs {
    /// Wait up to this long, such as 10m, while another process holds the state [default: do not wait]
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    lock_timeout: Option<Duration>,
}

/// A length as in the config, or none at all: `10m`, `0s`.
fn length(text: &str) -> Result<Duration, LengthError> {
    if text.parse::<jiff::Span>().is_ok_and(|span| span.is_zero()) {
        return Ok(Duration::ZERO);
    }
    parse_length(text)
}

impl LockArgs {
    /// Takes hold of the state at `place` as this process; a signal ends the wait for it.
    pub(crate) async fn hold(
        &self,
        context: &Context,
        place: &dyn StateBackend,
        organization: &OrganizationId,
        signals: &mut Signals,
    ) -> Result<LockedStore, Failure> {
        let Opened { store, torn } = self.wait(context, place, organization, signals).await?;
        if let Acquired::TakenOver { holder, .. } = store.acquired() {
            let _ = writeln!(
                io::stderr().lock(),
                "note: the state is taken over from {}, which was not heard of any more; what it \
                 may still send is waited for before anything is sent again",
                plain(&holder.to_string(), 300),
            );
        }
        if torn > 0 {
            let _ = writeln!(
                io::stderr().lock(),
                "note: the journal ended in {} of an entry that was never finished; it was dropped, \
                 nothing depended on it",
                number(torn, "byte"),
            );
        }
        Ok(store)
    }

    async fn wait(
        &self,
        context: &Context,
        place: &dyn StateBackend,
        organization: &OrganizationId,
        signals: &mut Signals,
    ) -> Result<Opened, Failure> {
        let give_up = self.lock_timeout.map(|length| Instant::now() + length);
        let began = Instant::now();
        let mut silence: Option<Silence> = None;
        loop {
            let error = match LockedStore::open(place, organization, holder()).await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            if !error.may_pass() || give_up.is_none_or(|at| Instant::now() >= at) {
                return Err(self.failure(place, &error));
            }
            let is_due = silence.as_mut().is_none_or(Silence::is_over);
            if is_due && !context.quiet {
                let waited = match &silence {
                    None => String::new(),
                    Some(_) => format!(" for {}", duration(began.elapsed())),
                };
                let _ = writeln!(
                    io::stderr().lock(),
                    "waiting{waited} for the state in {}: {}",
                    plain(&place.name(), 300),
                    plain(&error.to_string(), 300),
                );
            }
            silence.get_or_insert_with(Silence::new);
            tokio::select! {
                () = tokio::time::sleep(place.asked_every()) => {}
                () = signals.next() => {
                    return Err(Failure::new(
                        Exit::Interrupted,
                        "interrupted while it waited for the state; nothing was sent",
                    ));
                }
            }
        }
    }

    fn failure(&self, place: &dyn StateBackend, error: &StoreError) -> Failure {
        let mut failure = Failure::state(&place.name(), error);
        if !matches!(error, StoreError::Locked(_)) {
            return failure;
        }
        if self.lock_timeout.is_none() {
            failure = failure.hint("--lock-timeout 10m would wait here for as long as that");
        }
        match place.lease() {
            Some(lease) => failure.hint(format!(
                "if it is gone, the next command that waits takes it over after {} s; `backfill \
                 state unlock` releases it at once",
                lease.as_secs()
            )),
            None => failure,
        }
    }
}

/// This process, as others who want the state are told of it.
pub(crate) fn holder() -> Holder {
    Holder {
        host: host(),
        pid: std::process::id(),
        ci_run: ci_run(),
        since: Timestamp::now(),
    }
}

/// Who decides here: a name and a machine, or a name and a CI run.
pub(crate) fn person() -> String {
    let name = starter()
        .or_else(|| {
            ["USER", "LOGNAME", "USERNAME"]
                .into_iter()
                .find_map(variable)
        })
        .unwrap_or_else(|| "somebody".to_owned());
    match ci_run() {
        Some(url) => format!("{name} in {url}"),
        None => format!("{name} on {}", host()),
    }
}

fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_typed_short_or_written_out() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7200), ("0s", 0)] {
            assert_eq!(
                length(text).ok(),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in ["10 minutes", "PT10M"] {
            assert_eq!(length(text).ok(), Some(Duration::from_secs(600)), "{text}");
        }
        for text in ["", "m", "-5m", "1.5h", "10", "1 month", "99999999999s", "é"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
