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
use crate::rehearse::{
    Aborted, Draws, Folder, KillLoop, LoopResult, Rehearsal, RehearsalCounts, RehearsalDisplay,
    judge,
};
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
    let mut signals = Signals::listen()?;
    let folder = Folder::make(
        context,
        &flags.paths.as_given(&context.project),
        emulator,
        scenario,
    )
    .map_err(|error| unexpected("could not make a folder for the rehearsal", &error))?;
    let flows = flows_of(wanted);
    let course = KillLoop {
        emulator,
        folder: &folder,
        draws: Draws {
            seed: scenario.seed,
            flows,
        },
        wanted: wanted.len(),
        kills: flags.kills,
    };
    let mut display = RehearsalDisplay::new(context);
    let came = match course.run(&mut display, &mut signals).await {
        Ok(came) if lets_runs_fail(scenario) => course
            .retry(&mut display, &mut signals, &came)
            .await
            .map(|(retries, code)| (came, retries, Some(code))),
        came => came.map(|came| (came, 0, None)),
    };
    let (came, retries, last_exit) = match came {
        Ok(came) => came,
        Err(broke_off) => return Err(broken_off(&broke_off, folder, emulator, flags.keep)),
    };
    drop(display);
    let LoopResult {
        kills,
        applies,
        last,
        exit_code,
    } = came;
    let ledger = emulator.ledger();
    let (summary, windows) = judge(wanted, &ledger.stored, &last);
    let message = match (exit_code, last_exit) {
        (0, None | Some(0)) => None,
        (0, Some(code)) => Some(format!("exit code {code}, of the last retry")),
        _ => Some(match last.why() {
            Some(why) => format!("exit code {exit_code}: {why}"),
            None => format!("exit code {exit_code}"),
        }),
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
    wanted
        .chunk_by(|a, b| {
            let (a, b) = (&a.identity, &b.identity);
            a.flow == b.flow
        })
        .count()
}

/// What broke a rehearsal off; an end that nothing explains leaves its evidence.
fn broken_off(why: &Aborted, folder: Folder, emulator: &Emulator, keep: bool) -> Failure {
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
fn exit_of(verdict: &RehearsalCounts) -> Exit {
    let RehearsalCounts {
        wanted: _,
        created: _,
        retried: _,
        doubled,
        lost,
        unwanted,
        in_doubt,
        left,
    } = verdict;
    if doubled + lost + unwanted > 0 {
        Exit::Unexpected
    } else if *in_doubt > 0 {
        Exit::InDoubt
    } else if *left > 0 {
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
