//! Asking a person before something is done.

use std::io::{self, Write};

use super::context::Context;
use super::failure::Failure;

/// Whether to do it: `yes` was typed, or a person says so. `what` completes "whether to …".
pub(super) fn confirm(
    context: &Context,
    yes: bool,
    what: &str,
    question: &str,
) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !context.interactive {
        return Err(
            Failure::usage(format!("nobody can be asked here whether to {what}")).hint("add --yes"),
        );
    }
    ask(question)
}

/// Asks; anything but yes is no.
pub(super) fn ask(question: &str) -> Result<bool, Failure> {
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}
