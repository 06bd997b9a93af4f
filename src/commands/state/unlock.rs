//! `state unlock`: the hold on a state, ended by a person who knows that its holder is gone.
//!
//! A wrong answer to that doubles no run: the old holder can write no more, so it sends on no new
//! intent, and the next holder waits for what it may still send on those that it has made.

use crate::cli::Exit;
use crate::cli::ask::{ask, check_can_ask};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::lock::holder;
use crate::cli::output;
use crate::cli::present::layout;
use crate::cli::signals::Signals;
use crate::report::{self, plain};
use crate::state::Holder;
use crate::store::{StateBackend, StoreError};

/// Flags of `state unlock`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nobody holds the state; 3 nobody can be asked here, and --yes is missing; 8 it is \
still held, by a process on a folder or by somebody who has just written to it, or it cannot be \
reached.")]
pub(super) struct Flags {
    /// Do not ask for confirmation; needed where nobody can answer
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let place = context.place()?;
    let name = place.name();
    let failure = |error: StoreError| context.unusable(&error);
    let is_leased = place.lease().is_some();
    if is_leased && let Some(who) = place.holder().await.map_err(failure)? {
        return unlock(context, flags, place.as_ref(), &who).await;
    }
    if context.inspect().await?.is_none() {
        output::text(|out| report::write_report(out, &report::no_state(&name), layout(context)))?;
        return Ok(Exit::Success);
    }
    if !is_leased {
        // The lock is the system's: it is free as soon as its process is gone.
        drop(place.lock(holder()).await.map_err(|error| match error {
            StoreError::Locked(_) => {
                failure(error).hint("if it hangs, end it there: its lock ends with it")
            }
            _ => failure(error),
        })?);
    }
    output::text(|out| writeln!(out, "Nobody holds the state in {name}."))?;
    Ok(Exit::Success)
}

async fn unlock(
    context: &Context,
    flags: &Flags,
    place: &dyn StateBackend,
    who: &Holder,
) -> Result<Exit, Failure> {
    output::text(|out| {
        writeln!(
            out,
            "The state in {} is held by {}.",
            place.name(),
            plain(&who.to_string(), 300)
        )
    })?;
    let question = "Unlock it? That is right only if that process is gone.";
    check_can_ask(context, flags.yes, "unlock the state", "add --yes")?;
    if !flags.yes && !ask(question, &mut Signals::listen()?).await? {
        output::text(|out| writeln!(out, "It was not unlocked."))?;
        return Ok(Exit::Success);
    }
    end(place, who).await?;
    output::text(|out| {
        writeln!(
            out,
            "Unlocked. The next apply may take it at once; it first waits for what the old holder \
             may still send."
        )
    })?;
    Ok(Exit::Success)
}

/// Ends the hold of `who`, and of nobody else.
async fn end(place: &dyn StateBackend, who: &Holder) -> Result<(), Failure> {
    let unlocked = place.unlock(who).await;
    if unlocked.map_err(|error| Failure::state(&place.name(), &error))? {
        return Ok(());
    }
    Err(Failure::new(
        Exit::State,
        format!(
            "the state in {} was not unlocked: meanwhile it has changed hands, or its holder has \
             written to it",
            place.name()
        ),
    )
    .hint("see who holds it now: `backfill state unlock`"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::store::Local;

    #[tokio::test]
    async fn a_state_that_has_changed_hands_is_not_unlocked() {
        let folder = tempfile::tempdir().expect("a folder");
        // A folder is never held by the one who is named.
        let place = Local::new(folder.path().to_owned());
        let who = Holder {
            host: "here".to_owned(),
            pid: 7,
            ci_run: None,
            since: Timestamp::UNIX_EPOCH,
        };
        let failure = end(&place, &who).await.expect_err("it is another's");
        assert_eq!(failure.exit, Exit::State);
        let message = failure.message;
        assert!(message.contains("it has changed hands"), "{message}");
    }
}
