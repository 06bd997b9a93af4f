//! When an apply is killed: a draw from the seed, paced so that all kills are made before the
//! work is done.
//!
//! Pure: takes how much is missing and how many kills are left, gives a [`Kill`]. What makes a
//! moment hostile is the requests that are on their way in it, so most moments are arrivals at the
//! emulator; the rest is time, which also meets what needs no request.

use std::fmt;
use std::time::Duration;

use crate::emulator::{Arrived, draw};

/// The longest that a kill by time waits; a settle delay passes in less.
const LONGEST: Duration = Duration::from_secs(3);
/// The shortest: about when the process has begun.
const SHORTEST: Duration = Duration::from_millis(2);

/// When one apply is killed: at its moment, or as soon as it has sent too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kill {
    pub(crate) moment: KillTrigger,
    /// No more creates than this arrive before, whatever the moment.
    pub(crate) most_creates: u64,
}

/// A moment in the life of an apply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum KillTrigger {
    /// When its n-th request to create arrives, before that is answered.
    Create(u64),
    /// When its n-th request of any kind arrives: a token, a flow, a list.
    Request(u64),
    /// This long after it was started.
    Time(Duration),
}

/// What kills are drawn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    pub(crate) seed: u64,
    /// How many flows the manifests have: an apply reads each of them before it sends.
    pub(crate) flows: usize,
}

impl Draws {
    /// When the `n`-th apply is killed, while `missing` runs do not exist yet and `kills` are to
    /// be made, this one included.
    pub(crate) fn kill(self, n: u32, missing: usize, kills: u32) -> Kill {
        let share = |what: &str| draw(self.seed, format_args!("kill/{n}/{what}"));
        // A share for each kill and one for the apply that is to finish. Requests that are on their
        // way together arrive together: the pace is kept by looking anew each time.
        let allowed = missing as u64 / (u64::from(kills) + 1);
        // A list or two, and the flow itself; where nothing may be created, not even those.
        let reads = if allowed == 0 {
            3
        } else {
            4 + 3 * self.flows as u64
        };
        let moment = match share("which") {
            which if which < 0.45 && allowed > 0 => {
                KillTrigger::Create(upto(2 * allowed, share("n")))
            }
            which if which < 0.8 => KillTrigger::Request(upto(reads, share("n"))),
            // Evenly over orders of magnitude: as often in the first 10 ms as between 1 s and 3 s.
            _ => {
                let factor = LONGEST.as_secs_f64() / SHORTEST.as_secs_f64();
                KillTrigger::Time(SHORTEST.mul_f64(factor.powf(share("n"))))
            }
        };
        Kill {
            moment,
            most_creates: (2 * allowed).max(1),
        }
    }
}

impl Kill {
    /// Whether the moment has come, after `arrived` of the apply's own requests; time is
    /// somebody else's.
    pub(crate) fn is_due(&self, arrived: Arrived) -> bool {
        let Arrived { requests, creates } = arrived;
        let has_come = match self.moment {
            KillTrigger::Create(n) => creates >= n,
            KillTrigger::Request(n) => requests >= n,
            KillTrigger::Time(_) => false,
        };
        has_come || creates >= self.most_creates
    }

    /// After how long it is killed in any case.
    pub(crate) fn at_latest(&self) -> Option<Duration> {
        match self.moment {
            KillTrigger::Time(time) => Some(time),
            KillTrigger::Create(_) | KillTrigger::Request(_) => None,
        }
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.most_creates;
        match self.moment {
            KillTrigger::Create(n) => write!(f, "at create {n}"),
            KillTrigger::Request(n) => write!(f, "at request {n} or create {most}"),
            KillTrigger::Time(time) => {
                write!(f, "after {} ms or at create {most}", time.as_millis())
            }
        }
    }
}

/// A number from 1 to `most`, by `share` of it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of requests are far below 2^52, and a share is not negative"
)]
fn upto(most: u64, share: f64) -> u64 {
    1 + ((most as f64 * share) as u64).min(most.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: Draws = Draws { seed: 1, flows: 50 };

    #[test]
    fn an_apply_may_create_its_share_of_what_is_missing_on_average() {
        let mut allowed = Vec::new();
        for n in 0..2_000 {
            let kill = DRAWS.kill(n, 2_010, 200);
            assert_eq!(kill.most_creates, 20);
            if let KillTrigger::Create(k) = kill.moment {
                assert!((1..=20).contains(&k), "{k}");
                allowed.push(k);
            }
        }
        let mean = allowed.iter().sum::<u64>() / allowed.len() as u64;
        assert!((9..=11).contains(&mean), "{mean}");
    }

    #[test]
    fn where_more_kills_than_runs_are_left_an_apply_is_killed_at_its_first_create_at_the_latest() {
        for n in 0..200 {
            let kill = DRAWS.kill(n, 3, 10);
            assert!(!matches!(kill.moment, KillTrigger::Create(_)));
            let first = Arrived {
                requests: 1,
                creates: 1,
            };
            assert!(kill.is_due(first));
        }
    }

    #[test]
    fn every_kind_of_moment_comes_up_and_the_same_seed_draws_the_same() {
        let kills: Vec<Kill> = (0..100).map(|n| DRAWS.kill(n, 2_000, 200)).collect();
        let count = |is: fn(&KillTrigger) -> bool| kills.iter().filter(|k| is(&k.moment)).count();
        assert!(count(|m| matches!(m, KillTrigger::Create(_))) > 25);
        assert!(count(|m| matches!(m, KillTrigger::Request(_))) > 20);
        assert!(count(|m| matches!(m, KillTrigger::Time(_))) > 8);
        let again: Vec<Kill> = (0..100).map(|n| DRAWS.kill(n, 2_000, 200)).collect();
        assert_eq!(kills, again);
        let other = Draws { seed: 2, flows: 50 };
        assert_ne!(
            kills[0..5],
            [0, 1, 2, 3, 4].map(|n| other.kill(n, 2_000, 200))
        );
    }

    #[test]
    fn a_kill_is_due_when_its_request_arrives_and_not_before() {
        let kill = Kill {
            moment: KillTrigger::Request(5),
            most_creates: 2,
        };
        let at = |requests, creates| kill.is_due(Arrived { requests, creates });
        assert!(!at(4, 1));
        assert!(at(5, 0));
        assert!(at(4, 2));
        assert_eq!(kill.at_latest(), None);
    }
}
