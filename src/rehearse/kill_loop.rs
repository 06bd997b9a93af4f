//! The course of a rehearsal: applies that are killed, then applies until all is done or nothing
//! changes any more.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::apply_process::{Ended, live};
use super::counts::LastApply;
use super::display::{RehearsalDisplay, RehearsalProgress};
use super::folder::Folder;
use super::kill::{Draws, Kill};
use crate::cli::Exit;
use crate::cli::signals::Signals;
use crate::emulator::Emulator;

/// How many applies in a row may bring nothing forward before no more are started.
const IDLE: u32 = 3;
/// How often the display moves during an apply.
const TICK: Duration = Duration::from_millis(200);

/// What applies are started with.
pub(crate) struct KillLoop<'a> {
    pub(crate) emulator: &'a Emulator,
    pub(crate) folder: &'a Folder,
    pub(crate) draws: Draws,
    /// How many runs the manifests want.
    pub(crate) wanted: usize,
    /// How many applies are to be killed.
    pub(crate) kills: u32,
}

/// What they came to.
#[derive(Debug)]
pub(crate) struct LoopResult {
    pub(crate) kills: u32,
    pub(crate) applies: u32,
    /// The report of the last one.
    pub(crate) last: LastApply,
    /// The exit code of the last one.
    pub(crate) exit_code: i32,
}

/// Why a rehearsal broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Aborted {
    /// The user wished so.
    #[error("interrupted; applies: {applies}, killed: {kills}")]
    Interrupted { kills: u32, applies: u32 },
    /// An apply could not be started.
    #[error("could not start an apply")]
    Start(#[from] io::Error),
    /// It ended as no fault of the service or kill may make it end: its state was damaged, it
    /// panicked.
    #[error("apply {apply} ended with exit code {code}, which nothing in a rehearsal explains")]
    Code { apply: u32, code: i32 },
    /// Somebody else ended it.
    #[error("apply {apply} was ended from outside: {status}")]
    Died { apply: u32, status: ExitStatus },
}

impl KillLoop<'_> {
    /// Runs it to its end.
    pub(crate) async fn run(
        &self,
        show: &mut RehearsalDisplay,
        signals: &mut Signals,
    ) -> Result<LoopResult, Aborted> {
        let mut standing = RehearsalProgress {
            kills: 0,
            kills_asked: self.kills,
            applies: 0,
            created: 0,
            wanted: self.wanted,
        };
        let mut idle = Idle::default();
        loop {
            standing.applies += 1;
            let apply = standing.applies;
            let ended = self.apply(&mut standing, show, signals).await?;
            let Some(code) = explained(ended, &standing, apply)? else {
                standing.kills += 1;
                continue;
            };
            let last = self.folder.last_apply();
            let done = code == i32::from(Exit::Success.code());
            if done || idle.is_over(self.emulator.stored(), last.open()) {
                return Ok(LoopResult {
                    kills: standing.kills,
                    applies: apply,
                    last,
                    exit_code: code,
                });
            }
        }
    }

    /// Runs failed runs again until none is left that may be, in processes of which the first few are
    /// killed; gives how many there were, and the exit code of the last. For a scenario in which runs
    /// fail.
    pub(crate) async fn retry(
        &self,
        show: &mut RehearsalDisplay,
        signals: &mut Signals,
        applied: &LoopResult,
    ) -> Result<(u32, i32), Aborted> {
        let mut standing = RehearsalProgress {
            kills: applied.kills,
            kills_asked: self.kills,
            applies: applied.applies,
            created: self.emulator.stored(),
            wanted: self.wanted,
        };
        let mut kills = self.kills.div_ceil(3);
        let mut idle = Idle::default();
        // Until they have ended none of them has failed.
        live(
            self.folder.follow()?,
            None,
            self.emulator.arrived(),
            signals,
        )
        .await?;
        let mut retries = 0;
        loop {
            retries += 1;
            let failed = self.emulator.failed();
            let n = applied.applies + retries;
            let kill = (kills > 0).then(|| self.draws.kill(n, failed, kills));
            let title = titled("retry", retries, kill.as_ref());
            // What is killed must not wait for runs: it would be killed there.
            let is_last = kill.is_none();
            let command = self.folder.retry(&title, is_last)?;
            let ended = live(command, kill, self.emulator.arrived(), signals).await?;
            standing.created = self.emulator.stored();
            show.draw(&standing);
            // One that ended before its kill was due is as good as one without.
            kills = kills.saturating_sub(u32::from(!is_last));
            let Some(code) = explained(ended, &standing, n)? else {
                continue;
            };
            let failed = self.emulator.failed();
            let is_over = failed == 0 || idle.is_over(self.emulator.stored(), failed);
            if is_last && is_over {
                return Ok((retries, code));
            }
        }
    }

    /// Runs one apply, killed if a kill is left.
    async fn apply(
        &self,
        standing: &mut RehearsalProgress,
        show: &mut RehearsalDisplay,
        signals: &mut Signals,
    ) -> io::Result<Ended> {
        let left = self.kills - standing.kills;
        let missing = self.wanted.saturating_sub(self.emulator.stored());
        let kill = (left > 0).then(|| self.draws.kill(standing.applies, missing, left));
        let title = titled("apply", standing.applies, kill.as_ref());
        let command = self.folder.apply(&title)?;
        let living = live(command, kill, self.emulator.arrived(), signals);
        tokio::pin!(living);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let ended = loop {
            tokio::select! {
                ended = &mut living => break ended?,
                _ = tick.tick() => {
                    standing.created = self.emulator.stored();
                    show.draw(standing);
                }
            }
        };
        standing.created = self.emulator.stored();
        show.tell(standing, kill.as_ref(), ended);
        Ok(ended)
    }
}

fn titled(verb: &str, n: u32, kill: Option<&Kill>) -> String {
    match kill {
        Some(kill) => format!("{verb} {n}, to be killed {kill}"),
        None => format!("{verb} {n}"),
    }
}

/// The exit code of a process that has ended as one may; nothing, where it was killed.
fn explained(
    ended: Ended,
    standing: &RehearsalProgress,
    apply: u32,
) -> Result<Option<i32>, Aborted> {
    let interrupted = Aborted::Interrupted {
        kills: standing.kills,
        applies: standing.applies,
    };
    match ended {
        Ended::Killed => Ok(None),
        Ended::Exited(code) if is_explained(code) => Ok(Some(code)),
        Ended::Interrupted => Err(interrupted),
        Ended::Exited(code) if code == i32::from(Exit::Interrupted.code()) => Err(interrupted),
        Ended::Exited(code) => Err(Aborted::Code { apply, code }),
        Ended::Died(status) => Err(Aborted::Died { apply, status }),
    }
}

/// Whether an apply may end so because of what the service did to it.
fn is_explained(code: i32) -> bool {
    [
        Exit::Success,
        Exit::Unexpected, // the service did not answer
        Exit::SignIn,
        Exit::Rejected,
        Exit::InDoubt,
        Exit::Guard,
    ]
    .into_iter()
    .any(|exit| code == i32::from(exit.code()))
}

/// Applies that ended by themselves, and how many in a row brought nothing forward.
#[derive(Debug, Default)]
struct Idle {
    most_stored: usize,
    least_open: Option<usize>,
    in_a_row: u32,
}

impl Idle {
    /// Takes in how many runs exist and how many are open, and says whether that was enough.
    fn is_over(&mut self, stored: usize, open: usize) -> bool {
        let nearer = stored > self.most_stored || self.least_open.is_none_or(|least| open < least);
        self.in_a_row = if nearer { 1 } else { self.in_a_row + 1 };
        self.most_stored = self.most_stored.max(stored);
        self.least_open = Some(self.least_open.map_or(open, |least| least.min(open)));
        self.in_a_row > IDLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applies_go_on_as_long_as_one_in_four_brings_something_forward() {
        let mut idle = Idle::default();
        assert!(!idle.is_over(10, 5));
        assert!(!idle.is_over(10, 5));
        assert!(!idle.is_over(10, 5));
        assert!(!idle.is_over(10, 4), "one doubt fewer");
        assert!(!idle.is_over(11, 6), "one run more");
        // From here on nothing new: neither more runs than ever, nor fewer open than ever.
        assert!(!idle.is_over(11, 4));
        assert!(!idle.is_over(11, 6));
        assert!(idle.is_over(11, 4));
    }

    #[test]
    fn damage_wrong_flags_and_panics_are_not_explained_by_a_storm() {
        for code in [0, 1, 4, 5, 6, 7] {
            assert!(is_explained(code), "{code}");
        }
        for code in [2, 3, 8, 101, 130] {
            assert!(!is_explained(code), "{code}");
        }
    }
}
