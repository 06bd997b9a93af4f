//! Asking a person before something is done.

use std::io::{self, Write};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::signals::Signals;

/// Whether to do it: `yes` was typed, or a person says so. `what` completes "whether to …".
pub(crate) async fn confirm(
    context: &Context,
    yes: bool,
    what: &str,
    question: &str,
    signals: &mut Signals,
) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !context.interactive {
        return Err(
            Failure::usage(format!("nobody can be asked here whether to {what}")).hint("add --yes"),
        );
    }
    ask(question, signals).await
}

/// Asks; anything but yes is no.
///
/// # Errors
/// When a signal comes before the answer, or there is nobody to ask.
pub(crate) async fn ask(question: &str, signals: &mut Signals) -> Result<bool, Failure> {
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = answer => {
            let answer = answer.map_err(io::Error::from)??;
            Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
        }
        () = signals.next() => {
            writeln!(err)?;
            Err(Failure::new(Exit::Interrupted, "interrupted; nothing was done"))
        }
    }
}
