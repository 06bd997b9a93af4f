//! `backfill rehearse`: the user's own manifests against the emulator, under faults and under
//! `kill -9` of this very program; then the emulator's own count decides. How, is `crate::rehearse`'s.

use std::io;
use std::time::Instant;

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::emulator::{read_scenario, seeds};
use crate::cli::failure::{Failure, chain};
use crate::cli::output::Format;
use crate::cli::present::present;
use crate::cli::signals::Signals;
use crate::emulator::{EmulatedOutcome, Emulator, Options, Scenario};
use crate::rehearse::{Aborted, Draws, Folder, KillLoop, Rehearsal, RehearsalCounts, judge};
use crate::run::DesiredRun;

/// Flags of `rehearse`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    /// What goes wrong: calm, busy, storm, or a YAML file
    ///
    /// Only these three names are scenarios; `./storm` is a file.
    #[arg(long, value_name = "NAME|FILE", default_value = "storm")]
    scenario: String,
    /// How many applies to kill in the middle of their work
    #[arg(long, value_name = "N", default_value_t = 10)]
    kills: u32,
    /// The seed of faults and kills, in place of the scenario's own
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Keep the folder with state, journal, ledger and output, even if all went well
    #[arg(long)]
    keep: bool,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: Format,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let checked = flags.paths.desired(context)?;
    let mut scenario = read_scenario(&flags.scenario)?;
    scenario.seed = flags.seed.unwrap_or(scenario.seed);
    let emulator = Emulator::start(Options {
        flows: seeds(&checked.manifests),
        scenario: scenario.clone(),
        ..Options::default()
    })
    .await?;
    let result = rehearse(context, flags, &checked.runs, &emulator, &scenario).await;
    emulator.stop().await;
    let rehearsal = result?;
    Ok(present(context, &rehearsal, exit_of(&rehearsal.summary)))
}

/// Runs the applies, then has the ledger judge.
async fn rehearse(
    context: &Context,
    flags: &Flags,
    wanted: &[DesiredRun],
    emulator: &Emulator,
    scenario: &Scenario,
) -> Result<Rehearsal, Failure> {
    let begun = Instant::now();
    // Before there is a folder that an interrupt would leave behind.
    let signals = Signals::listen()?;
    let paths = flags.paths.as_given(&context.project);
    let folder = Folder::make(context, &paths, emulator, scenario)
        .map_err(|error| unexpected("could not make a folder for the rehearsal", &error))?;
    let mut kill_loop = KillLoop {
        emulator,
        folder: &folder,
        draws: Draws {
            seed: scenario.seed,
            flows: flows_of(wanted),
        },
        wanted: wanted.len(),
        kills_asked: flags.kills,
        shows_lines: context.shows_bars() || context.shows_lines(),
        signals,
        kills: 0,
        applies: 0,
        retries: 0,
    };
    let ended = match kill_loop.apply().await {
        Ok((last, code)) if lets_runs_fail(scenario) => {
            let retried = kill_loop.retry().await;
            retried.map(|retry_code| (last, code, retry_code))
        }
        applied => applied.map(|(last, code)| (last, code, 0)),
    };
    let KillLoop {
        kills,
        applies,
        retries,
        ..
    } = kill_loop;
    let (last, code, retry_code) = match ended {
        Ok(ended) => ended,
        Err(aborted) => return Err(aborted_failure(&aborted, folder, emulator, flags.keep)),
    };
    let ledger = emulator.ledger();
    let (summary, windows) = judge(wanted, &ledger.stored, &last);
    let message = match (code, retry_code, last.why()) {
        (0, 0, _) => None,
        (0, code, _) => Some(format!("exit code {code}, of the last retry")),
        (code, _, Some(why)) => Some(format!("exit code {code}: {why}")),
        (code, _, None) => Some(format!("exit code {code}")),
    };
    let kept = if flags.keep || !windows.is_empty() {
        let kept = folder.keep(&ledger);
        let kept = kept.map_err(|error| unexpected("could not write the ledger", &error))?;
        Some(kept.to_string_lossy().into_owned())
    } else {
        None
    };
    Ok(Rehearsal {
        format: "rehearse/v1",
        scenario: flags.scenario.clone(),
        seed: scenario.seed,
        summary,
        kills,
        kills_asked: flags.kills,
        applies,
        retries,
        requests: ledger.requests,
        faults: ledger.faults,
        seconds: begun.elapsed().as_secs_f64(),
        windows,
        message,
        kept,
        exit_code: exit_of(&summary).code(),
    })
}

fn lets_runs_fail(scenario: &Scenario) -> bool {
    let weight = scenario.outcomes.get(&EmulatedOutcome::Failed);
    weight.is_some_and(|weight| *weight > 0)
}

/// How many flows have a run that is wanted.
fn flows_of(wanted: &[DesiredRun]) -> usize {
    let flows = wanted.chunk_by(|a, b| a.identity.flow == b.identity.flow);
    flows.count()
}

/// What ended a rehearsal early; an end that nothing explains leaves its evidence.
fn aborted_failure(why: &Aborted, folder: Folder, emulator: &Emulator, keep: bool) -> Failure {
    let (failure, keep) = match why {
        Aborted::Interrupted { .. } => (Failure::new(Exit::Interrupted, why.to_string()), keep),
        Aborted::Start(_) => (Failure::new(Exit::Unexpected, chain(why)), keep),
        Aborted::Code { .. } | Aborted::Died { .. } => {
            let failure = Failure::new(Exit::Unexpected, why.to_string());
            (failure.details(folder.last_lines()), true)
        }
    };
    if !keep {
        return failure;
    }
    match folder.keep(&emulator.ledger()) {
        Ok(path) => failure.hint(format!(
            "state, journal, ledger and output are in {}",
            path.display()
        )),
        Err(error) => failure.hint(format!("its evidence could not be kept: {error}")),
    }
}

/// A run that is lost, doubled or unwanted is a defect of this program: unexpected.
fn exit_of(counts: &RehearsalCounts) -> Exit {
    if counts.doubled + counts.lost + counts.unwanted > 0 {
        Exit::Unexpected
    } else if counts.in_doubt > 0 {
        Exit::InDoubt
    } else if counts.left > 0 {
        Exit::Rejected
    } else {
        Exit::Success
    }
}

fn unexpected(what: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Unexpected, format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_beats_what_is_in_doubt_and_that_beats_what_is_left() {
        let fine = RehearsalCounts::default();
        assert_eq!(exit_of(&fine), Exit::Success);
        let left = RehearsalCounts { left: 1, ..fine };
        assert_eq!(exit_of(&left), Exit::Rejected);
        let in_doubt = RehearsalCounts {
            in_doubt: 1,
            ..left
        };
        assert_eq!(exit_of(&in_doubt), Exit::InDoubt);
        for wrong in [
            RehearsalCounts {
                lost: 1,
                ..in_doubt
            },
            RehearsalCounts {
                doubled: 1,
                ..in_doubt
            },
            RehearsalCounts {
                unwanted: 1,
                ..in_doubt
            },
        ] {
            assert_eq!(exit_of(&wrong), Exit::Unexpected);
        }
    }
}
