//! How far a rehearsal is: a bar on a terminal, a line for each apply elsewhere.

use std::fmt;
use std::io::{self, Write};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::apply_process::Ended;
use super::kill::{Kill, KillTrigger};
use crate::cli::context::Context;

/// Where a rehearsal stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RehearsalProgress {
    /// How many applies were killed.
    pub(crate) kills: u32,
    /// How many are to be.
    pub(crate) kills_asked: u32,
    /// How many were started.
    pub(crate) applies: u32,
    /// How many runs exist.
    pub(crate) created: usize,
    pub(crate) wanted: usize,
}

/// The display. Dropping it takes a bar away.
pub(crate) struct RehearsalDisplay {
    bar: Option<ProgressBar>,
    lines: bool,
}

impl RehearsalDisplay {
    /// In the form that was asked for.
    pub(crate) fn new(context: &Context) -> Self {
        let bar = context.shows_bars().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} created  {msg}");
            let style = style.expect("a constant template").progress_chars("█▌░");
            let target = ProgressDrawTarget::term(Term::stderr(), 15);
            ProgressBar::with_draw_target(Some(0), target).with_style(style)
        });
        Self {
            bar,
            lines: context.shows_lines(),
        }
    }

    /// Moves the bar.
    pub(crate) fn draw(&self, standing: &RehearsalProgress) {
        if let Some(bar) = &self.bar {
            let RehearsalProgress {
                kills,
                kills_asked,
                applies,
                created,
                wanted,
            } = *standing;
            bar.set_length(wanted as u64);
            bar.set_position(created as u64);
            bar.set_message(format!("{kills} of {kills_asked} kills, apply {applies}"));
        }
    }

    /// Tells of an apply that has ended.
    pub(crate) fn tell(&self, standing: &RehearsalProgress, kill: Option<&Kill>, ended: Ended) {
        self.draw(standing);
        if self.lines {
            // Nobody is left to tell that standard error cannot be written.
            let _ = writeln!(io::stderr().lock(), "{}", line(standing, kill, ended));
        }
    }
}

impl Drop for RehearsalDisplay {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(standing: &RehearsalProgress, kill: Option<&Kill>, ended: Ended) -> String {
    let RehearsalProgress {
        kills,
        kills_asked,
        applies,
        created,
        wanted,
    } = standing;
    let what = match (ended, kill) {
        (Ended::Killed, Some(kill)) => {
            format!("killed {kill} ({} of {kills_asked})", kills + 1)
        }
        (Ended::Exited(0), _) => "done".to_owned(),
        (Ended::Exited(code), _) => format!("ended with exit code {code}"),
        (Ended::Killed | Ended::Interrupted, _) => "interrupted".to_owned(),
        (Ended::Died(status), _) => format!("ended from outside: {status}"),
    };
    format!("apply {applies:<4} {created}/{wanted} created  {what}")
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            moment,
            most_creates,
        } = self;
        match moment {
            KillTrigger::Create(n) => write!(f, "at create {n}"),
            KillTrigger::Request(n) => write!(f, "at request {n} or create {most_creates}"),
            KillTrigger::Time(time) => {
                write!(
                    f,
                    "after {} ms or at create {most_creates}",
                    time.as_millis()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_ended_an_apply_and_how_far_all_is() {
        let standing = RehearsalProgress {
            kills: 2,
            kills_asked: 10,
            applies: 5,
            created: 24,
            wanted: 80,
        };
        let kill = Kill {
            moment: KillTrigger::Request(14),
            most_creates: 16,
        };
        assert_eq!(
            line(&standing, Some(&kill), Ended::Killed),
            "apply 5    24/80 created  killed at request 14 or create 16 (3 of 10)"
        );
        assert_eq!(
            line(&standing, None, Ended::Exited(6)),
            "apply 5    24/80 created  ended with exit code 6"
        );
    }
}
