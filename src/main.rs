//! The `backfill` process: a runtime around [`aep_backfill::commands::run`].

use std::process::ExitCode;

use aep_backfill::commands::{Exit, run};

fn main() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Runtime::new() else {
        return ExitCode::from(Exit::Unexpected.code());
    };
    let exit = runtime.block_on(run(std::env::args_os()));
    // A write that hangs must not hold up a process that was told to leave at once.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
