//! Asking a person before something is done.

use std::io::{self, Write};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::signals::Signals;

/// That somebody agrees already, or can be asked; `what` completes "whether to …".
///
/// # Errors
/// When neither is so; the error advises `instead`.
pub(crate) fn check_can_ask(
    context: &Context,
    agreed: bool,
    what: &str,
    instead: &str,
) -> Result<(), Failure> {
    if agreed || context.interactive {
        return Ok(());
    }
    Err(Failure::usage(format!("nobody can be asked here whether to {what}")).hint(instead))
}

/// Asks; anything but yes is no.
///
/// # Errors
/// When a signal comes before the answer.
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
