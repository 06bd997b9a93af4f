//! `state move`: the state to another place, so that at every moment one of the two can be used and
//! never both.
//!
//! Both places are held. The state is written there, read back and compared; only then does a mark
//! take its place here. A move that was cut short in between is told by its copy, which no apply has
//! held since, and is run again.

use std::collections::BTreeMap;
use std::path::Path;

use super::{hold, is_in_doubt, missing, outlast};
use crate::cli::Exit;
use crate::cli::ask::confirm;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::signals::Signals;
use crate::cli::state_location::StateLocation;
use crate::cli::{config, output};
use crate::report::{number, plain};
use crate::state::{Fate, FormatError, Moved, State};
use crate::store::{FoundState, Inspected, LockedBackend, StateBackend, load};

/// Flags of `state move`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 it is moved, or the answer was no; 3 the other place is no place or the same, or nobody \
can be asked here and --yes is missing; 8 there is no state, the other place has one of its own, one \
of them is held by somebody else, or cannot be used.")]
pub(super) struct Flags {
    /// Where to: a folder, git:BRANCH of this repository's remote, or a prefix in a bucket
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// Do not ask for confirmation; needed where nobody can answer
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let (from, to) = (
        context.kept(),
        StateLocation::read(&flags.to, Path::new(""))?,
    );
    if context.emulator {
        return Err(Failure::usage(
            "the emulator keeps its state beside its runs; it cannot be moved",
        ));
    }
    if to.is(from) {
        return Err(
            Failure::usage(format!("the state is kept in {from} already"))
                .hint("name another place with --to"),
        );
    }
    let (here, there) = (context.place()?, to.place(context.config.lease())?);
    let mut signals = Signals::listen()?;
    let mut left = hold(context, here.as_ref()).await?;
    let result = match left.found() {
        FoundState::Nothing => Err(missing(context)),
        FoundState::Moved(moved) if names(moved, &to) => {
            find_again(context, moved, there.as_ref()).await
        }
        FoundState::Moved(Moved { to, .. }) => {
            let moved = FormatError::Moved { to: to.clone() };
            Err(Failure::state(&here.name(), &moved.into()))
        }
        FoundState::State(Inspected { state, .. }) => {
            let state = state.clone();
            move_there(
                context,
                flags,
                state,
                &mut left,
                there.as_ref(),
                &mut signals,
            )
            .await
        }
    };
    left.release().await;
    result
}

/// The name of a place as it holds in every folder: a mark is read in others than this one.
fn lasting_name(to: &str) -> String {
    match StateLocation::read(to, Path::new("")) {
        Ok(kept) => kept.absolute().to_string(),
        Err(_) => to.to_owned(),
    }
}

/// Whether a mark says that its state went to this place.
fn names(moved: &Moved, to: &StateLocation) -> bool {
    StateLocation::read(&moved.to, Path::new("")).is_ok_and(|named| named.is(to))
}

/// Nothing is left to do, if the state that was moved is where it was moved to.
async fn find_again(
    context: &Context,
    moved: &Moved,
    there: &dyn StateBackend,
) -> Result<Exit, Failure> {
    let (from, to) = (context.kept(), there.name());
    let state = load(there, context.organization.as_ref())
        .await
        .map_err(|error| Failure::state(&to, &error))?;
    let is_same = |state: &State| state.lineage == moved.lineage && state.serial >= moved.serial;
    if !state.as_ref().is_some_and(is_same) {
        return Err(Failure::new(
            Exit::State,
            format!("the state in {from} was moved to {to}, and is not there any more"),
        )
        .hint("if there is a copy that was pulled, `backfill state push` puts it back there"));
    }
    output::text(|out| {
        writeln!(out, "The state in {from} was moved to {to} before.")?;
        out.write_all(advice(context, &to).as_bytes())
    })?;
    Ok(Exit::Success)
}

/// Holds the other place as well, and moves `state` there.
async fn move_there(
    context: &Context,
    flags: &Flags,
    state: State,
    left: &mut LockedBackend,
    there: &dyn StateBackend,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let mut reached = hold(context, there).await?;
    let result = move_held(context, flags, state, left, &mut reached, there, signals).await;
    reached.release().await;
    result
}

async fn move_held(
    context: &Context,
    flags: &Flags,
    state: State,
    left: &mut LockedBackend,
    reached: &mut LockedBackend,
    there: &dyn StateBackend,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let (from, to) = (context.kept(), there.name());
    check_room(reached.found(), &state, from).map_err(|why| {
        Failure::new(
            Exit::State,
            format!("could not move the state from {from} to {to}: {why}"),
        )
        .hint("nothing was changed; name a place without a state with --to")
    })?;
    let runs = number(state.len(), "run");
    let question = format!("Move {runs} from {from} to {to}?");
    if !confirm(context, flags.yes, "move the state", &question, signals).await? {
        output::text(|out| writeln!(out, "Nothing was moved."))?;
        return Ok(Exit::Success);
    }
    let failure = |error| Failure::state(&to, &error);
    let written = reached
        .replace(state, format!("Moved from {from}"))
        .await
        .map_err(failure)?;
    let read = load(there, context.organization.as_ref())
        .await
        .map_err(failure)?;
    if read.as_ref() != Some(&written) {
        return Err(Failure::new(
            Exit::State,
            format!("what was written to {to} does not read back as it was written"),
        )
        .hint(format!("nothing was changed in {from}: the state is there")));
    }
    if read.is_some_and(|read| read.records().any(is_in_doubt)) {
        outlast(&from.to_string(), left, signals).await?;
    }
    let marked = left.leave(lasting_name(&to), written.serial).await;
    marked.map_err(|error| {
        Failure::state(&from.to_string(), &error)
            .hint(format!("move again before anybody uses the copy in {to}"))
    })?;
    output::text(|out| {
        writeln!(
            out,
            "Moved {runs} from {from} to {to}; it was read back and compared."
        )?;
        out.write_all(advice(context, &to).as_bytes())
    })?;
    Ok(Exit::Success)
}

/// Whether the other place can take `state`, which is in `from`; or what is in the way.
fn check_room(found: &FoundState, state: &State, from: &StateLocation) -> Result<(), String> {
    match found {
        FoundState::Nothing => Ok(()),
        FoundState::Moved(moved) if moved.lineage == state.lineage && names(moved, from) => Ok(()),
        FoundState::Moved(moved) => Err(format!(
            "a state was there that was moved to {}",
            plain(&moved.to, 300)
        )),
        FoundState::State(Inspected { state: other, .. }) if other.lineage != state.lineage => {
            Err("another state is there".to_owned())
        }
        FoundState::State(Inspected { state: copy, .. }) => {
            // What a move that was cut short has left: no apply has held it since.
            if copy.folded == 0 && knows_all(state, copy) {
                Ok(())
            } else {
                Err("a copy of it is there that was used since, or has more on record".to_owned())
            }
        }
    }
}

/// Whether `state` knows every run that may exist by what `copy` says.
fn knows_all(state: &State, copy: &State) -> bool {
    copy.records().all(|record| match &record.fate {
        Fate::Created { run_id, .. } => state.claim(run_id) == Some(&record.identity),
        Fate::InDoubt(_) => state.get(&record.identity).is_some(),
        Fate::Rejected { .. } | Fate::NotCreated(_) => true,
    })
}

/// What is to be written where the place of the state is named.
fn advice(context: &Context, place: &str) -> String {
    // A config's paths are relative to the config.
    let place = if context.project.is_here() {
        place
    } else {
        &lasting_name(place)
    };
    let line = serde_yaml::to_string(&BTreeMap::from([("state", place)]));
    format!(
        "Name that place from now on, in {} and wherever else one is named:\n\n{}",
        config::DEFAULT,
        line.expect("a text is YAML")
    )
}
