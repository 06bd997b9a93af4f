//! The steps of a rehearsal: applies that are killed, then applies until all is done or nothing
//! changes any more; then retries in the same way, where runs fail.

use std::io::{self, Write};
use std::process::ExitStatus;

use super::apply_process::{Ended, run_until};
use super::counts::LastApply;
use super::folder::Folder;
use super::kill::{Draws, Kill};
use crate::cli::Exit;
use crate::cli::signals::Signals;
use crate::emulator::Emulator;

/// How many applies in a row may bring nothing forward before no more are started.
const IDLE: u32 = 3;

/// What applies are started with, and how many were.
pub(crate) struct KillLoop<'a> {
    pub(crate) emulator: &'a Emulator,
    pub(crate) folder: &'a Folder,
    pub(crate) draws: Draws,
    /// How many runs the manifests want.
    pub(crate) wanted: usize,
    /// How many applies are to be killed.
    pub(crate) kills_asked: u32,
    /// Whether a line is shown for each process that has ended.
    pub(crate) shows_lines: bool,
    pub(crate) signals: Signals,
    pub(crate) kills: u32,
    pub(crate) applies: u32,
    pub(crate) retries: u32,
}

/// Why a rehearsal broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Aborted {
    /// The user wished so.
    #[error("interrupted; applies: {applies}, killed: {kills}")]
    Interrupted { kills: u32, applies: u32 },
    /// A process could not be started.
    #[error("could not start an apply")]
    Start(#[from] io::Error),
    /// It ended as no fault of the service or kill may make it end: its state was damaged, it
    /// panicked.
    #[error("{title} ended with exit code {code}, which nothing in a rehearsal explains")]
    Code { title: String, code: i32 },
    /// Somebody else ended it.
    #[error("{title} was ended from outside: {status}")]
    Died { title: String, status: ExitStatus },
}

impl KillLoop<'_> {
    /// Runs applies to their end; gives the report of the last one, and its exit code.
    pub(crate) async fn apply(&mut self) -> Result<(LastApply, i32), Aborted> {
        let mut idle = Idle::default();
        loop {
            self.applies += 1;
            let left = self.kills_asked - self.kills;
            let missing = self.wanted.saturating_sub(self.emulator.stored());
            let kill = (left > 0).then(|| self.draws.kill(self.applies, missing, left));
            let Some(code) = self.run("apply", self.applies, kill, false).await? else {
                self.kills += 1;
                continue;
            };
            let last = self.folder.last_apply();
            let is_done = code == i32::from(Exit::Success.code());
            if is_done || idle.is_over(self.emulator.stored(), last.open()) {
                return Ok((last, code));
            }
        }
    }

    /// Runs failed runs again until none is left that may be, in processes of which the first few are
    /// killed; gives the exit code of the last. For a scenario in which runs fail.
    pub(crate) async fn retry(&mut self) -> Result<i32, Aborted> {
        // Until they have ended none of them has failed.
        self.run("apply", self.applies + 1, None, true).await?;
        // What is killed must not wait for runs: it would be killed there.
        for kills in (1..=self.kills_asked.div_ceil(3)).rev() {
            self.retries += 1;
            let n = self.applies + self.retries;
            let kill = self.draws.kill(n, self.emulator.failed(), kills);
            self.run("retry", self.retries, Some(kill), false).await?;
        }
        let mut idle = Idle::default();
        loop {
            self.retries += 1;
            let code = self.run("retry", self.retries, None, true).await?;
            let failed = self.emulator.failed();
            if let Some(code) = code
                && (failed == 0 || idle.is_over(self.emulator.stored(), failed))
            {
                return Ok(code);
            }
        }
    }

    /// Runs one process, which follows the runs to their end if it `waits`; gives its exit code, where
    /// it was not killed.
    async fn run(
        &mut self,
        verb: &str,
        n: u32,
        kill: Option<Kill>,
        waits: bool,
    ) -> Result<Option<i32>, Aborted> {
        let title = format!("{verb} {n}");
        let plan = kill.map_or_else(String::new, |kill| format!(", to be killed {kill}"));
        let command = self
            .folder
            .command(verb, &format!("{title}{plan}"), waits)?;
        let arrived = self.emulator.arrived();
        let (code, end) = match run_until(command, kill, arrived, &mut self.signals).await? {
            Ended::Killed => (
                None,
                kill.map_or_else(String::new, |kill| format!("killed {kill}")),
            ),
            Ended::Exited(0) => (Some(0), "done".to_owned()),
            Ended::Exited(code) if is_explained(code) => {
                (Some(code), format!("ended with exit code {code}"))
            }
            Ended::Exited(code) if code != i32::from(Exit::Interrupted.code()) => {
                return Err(Aborted::Code { title, code });
            }
            Ended::Exited(_) | Ended::Interrupted => {
                let Self { kills, applies, .. } = *self;
                return Err(Aborted::Interrupted { kills, applies });
            }
            Ended::Died(status) => return Err(Aborted::Died { title, status }),
        };
        if self.shows_lines {
            let (created, wanted) = (self.emulator.stored(), self.wanted);
            // Nobody is left to tell that standard error cannot be written.
            let _ = writeln!(
                io::stderr().lock(),
                "{title:<10} {created}/{wanted} created  {end}"
            );
        }
        Ok(code)
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
