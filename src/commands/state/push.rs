//! `state push`: a state that a person has pulled, and perhaps edited, takes the place of the one
//! that is there; or, where there is none, becomes the state.
//!
//! What was recorded after it was pulled would be lost: then it is refused. All that changes is shown
//! before it is written, first of all the runs that could be created twice.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use crate::cli::Exit;
use crate::cli::ask::{ask, check_can_ask};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::input::read_text;
use crate::cli::lock::holder;
use crate::cli::output;
use crate::cli::present::layout;
use crate::cli::signals::Signals;
use crate::report::{self, number, plain};
use crate::state::{Fate, FormatError, Record, State, decode_edited};
use crate::store::{Inspected, LockedBackend, StateBackend, StoreError};

/// Flags of `state push`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 the state is what the file says, or the answer was no; 3 the file is wrong, or nobody \
can be asked here and --yes is missing; 8 the state has changed since it was pulled, is another one, \
is held by somebody else, or cannot be used.")]
pub(super) struct Flags {
    /// The file, as `state pull` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Do not ask for confirmation; needed where nobody can answer
    #[arg(short, long)]
    yes: bool,
}

/// A file that was read.
struct Pushed {
    /// Its name, as messages show it.
    name: String,
    state: State,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let pushed = Pushed::read(context, &flags.file)?;
    let place = context.place()?;
    let mut signals = Signals::listen()?;
    let mut held = hold(context, place.as_ref()).await?;
    let result = push(context, flags, pushed, &mut held, &mut signals).await;
    held.release().await;
    result
}

impl Pushed {
    fn read(context: &Context, path: &Path) -> Result<Self, Failure> {
        let name = plain(&path.display().to_string(), 300);
        let text = read_text("", path)?;
        let state = decode_edited(text.as_bytes()).map_err(|error| refuse(&name, error))?;
        match &context.organization {
            Some(wanted) if *wanted != state.organization => Err(Failure::usage(format!(
                "{name}, line 1: it belongs to the organization {}, not to {wanted}",
                state.organization
            ))),
            _ => Ok(Self { name, state }),
        }
    }
}

/// What is wrong with the file called `name`.
fn refuse(name: &str, error: FormatError) -> Failure {
    match error {
        FormatError::Damaged { line, what, .. } | FormatError::NewerLine { line, what, .. } => {
            let failure = Failure::usage(format!("{name}, line {line}: {}", plain(&what, 300)));
            if line == 1 {
                failure.hint("leave the first line as it was pulled")
            } else {
                failure
            }
        }
        FormatError::Read(error) => Failure::usage(format!("{name}: {error}")),
        FormatError::Newer { found, known, .. } => Failure::usage(format!(
            "{name}, line 1: it has the format `{}`; this version reads up to `{known}`",
            plain(&found, 100)
        )),
        FormatError::Moved { to } => Failure::usage(format!(
            "{name}, line 1: it is no state, but the mark of one that was moved to {}",
            plain(&to, 300)
        )),
        FormatError::Apart(what) => Failure::usage(format!("{name}: {what}")),
    }
}

async fn push(
    context: &Context,
    flags: &Flags,
    pushed: Pushed,
    held: &mut LockedBackend,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let place = context.location.to_string();
    let Pushed { name, state: new } = pushed;
    let nothing = State::new(new.organization.clone());
    let old = held.found().map(|found| &found.state);
    if let Some(old) = old {
        check_succession(&place, old, &name, &new)?;
    }
    let changes = old.unwrap_or(&nothing).changes_to(&new);
    if old.is_some() && changes.is_empty() {
        output::text(|out| {
            writeln!(
                out,
                "Nothing to push: the state in {place} is what {name} says."
            )
        })?;
        return Ok(Exit::Success);
    }
    if !context.quiet {
        output::text(|out| {
            if old.is_none() {
                writeln!(
                    out,
                    "There is no state in {place}: that of {name} becomes it."
                )?;
            }
            report::write_report(out, &report::changes(&changes), layout(context))
        })?;
    }
    let question = format!("Push {name} to {place}?");
    check_can_ask(context, flags.yes, "push the file", "add --yes")?;
    if !flags.yes && !ask(&question, signals).await? {
        output::text(|out| writeln!(out, "Nothing was pushed."))?;
        return Ok(Exit::Success);
    }
    let what = format!("Pushed by hand: {}", report::count_changes(&changes));
    // What is in doubt cannot come to life later than the next holder thinks. Who held the place that a
    // state comes from is not known to the one that it goes to.
    let mut doubts_before = changes.iter().filter_map(|change| change.old);
    let last_send = if doubts_before.any(is_in_doubt) {
        held.last_send()
    } else {
        let is_from_elsewhere = old.is_none() && new.records().any(is_in_doubt);
        is_from_elsewhere.then(|| Instant::now() + context.config.lease() / 2)
    };
    if let Some(end) = last_send {
        outlast(context, end, held, signals).await?;
    }
    let written = held
        .replace(new, what)
        .await
        .map_err(|error| context.unusable(&error))?;
    output::text(|out| {
        writeln!(
            out,
            "Pushed: the state in {place} has {}, at serial {}.",
            number(written.len(), "run"),
            written.serial
        )
    })?;
    Ok(Exit::Success)
}

/// Whether `new` was made of nothing but `old`.
fn check_succession(place: &str, old: &State, name: &str, new: &State) -> Result<(), Failure> {
    let refused = |why: String| Failure::new(Exit::State, format!("could not push {name}: {why}"));
    if old.lineage != new.lineage {
        return Err(refused(format!(
            "the state in {place} is another one, of the lineage {}; the file's is {}",
            old.lineage, new.lineage
        ))
        .hint("name the place that it was pulled from with --state, or one without a state"));
    }
    if old.organization != new.organization {
        return Err(Failure::usage(format!(
            "{name}, line 1: it belongs to the organization {}, the state in {place} to {}",
            new.organization, old.organization
        )));
    }
    let where_they_are = if old.serial != new.serial {
        format!("it is at serial {}, the file at {}", old.serial, new.serial)
    } else if old.folded != new.folded {
        format!(
            "it is at entry {} of the journal, the file at {}",
            old.folded, new.folded
        )
    } else {
        return Ok(());
    };
    Err(refused(format!(
        "the state in {place} has changed since it was pulled: {where_they_are}"
    ))
    .hint("pull again, and edit that"))
}

/// Takes hold of `place` to replace what is there.
async fn hold(context: &Context, place: &dyn StateBackend) -> Result<LockedBackend, Failure> {
    let name = place.name();
    let failure = |error: &StoreError| Failure::state(&name, error);
    let held = LockedBackend::open(place, context.organization.as_ref(), holder())
        .await
        .map_err(|error| match (&error, place.lease()) {
            (StoreError::Locked(_), Some(_)) => failure(&error).hint(format!(
                "if it is gone, `backfill state unlock --state {name}` ends its hold"
            )),
            _ => failure(&error),
        })?;
    if let Some(Inspected { torn, .. }) = held.found()
        && *torn > 0
    {
        let _ = writeln!(
            io::stderr(),
            "note: the journal ends in {} of an entry that was never finished; nothing depends on \
             them",
            number(*torn, "byte")
        );
    }
    Ok(held)
}

/// Keeps hold of a place until nothing is sent any more by those who held the state before.
async fn outlast(
    context: &Context,
    end: Instant,
    held: &mut LockedBackend,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let wait = end.saturating_duration_since(Instant::now());
    let _ = writeln!(
        io::stderr(),
        "note: runs are in doubt; waiting {:.0} s, for as long as a process that held this state \
         before may still send",
        wait.as_secs_f64().ceil()
    );
    tokio::select! {
        kept = held.keep_until(end) => kept.map_err(|error| context.unusable(&error)),
        () = signals.next() => {
            let message = "interrupted; nothing was pushed";
            Err(Failure::new(Exit::Interrupted, message))
        }
    }
}

fn is_in_doubt(record: &Record) -> bool {
    matches!(record.fate, Fate::InDoubt { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_of_the_state_that_is_there_succeeds_it() {
        let old = State::new("5C13@AdobeOrg".parse().expect("an organization"));
        let refused = |new: &State| {
            let failure = check_succession(".backfill", &old, "edit.jsonl", new).err()?;
            Some((failure.exit, failure.message))
        };
        assert_eq!(refused(&old), None);
        let mut new = old.clone();
        new.serial = 7;
        let (exit, message) = refused(&new).expect("another serial");
        assert_eq!(exit, Exit::State);
        assert!(
            message.ends_with("it is at serial 0, the file at 7"),
            "{message}"
        );
        let mut new = old.clone();
        new.folded = 7;
        assert_eq!(refused(&new).map(|(exit, _)| exit), Some(Exit::State));
        let new = State::new(old.organization.clone());
        assert_eq!(refused(&new).map(|(exit, _)| exit), Some(Exit::State));
        let mut new = old.clone();
        new.organization = "OTHER@AdobeOrg".parse().expect("an organization");
        let (exit, message) = refused(&new).expect("another organization");
        assert_eq!(exit, Exit::Usage);
        assert_eq!(
            message,
            "edit.jsonl, line 1: it belongs to the organization OTHER@AdobeOrg, the state in \
             .backfill to 5C13@AdobeOrg"
        );
    }
}
