//! The `backfill` process: a runtime around [`aep_backfill::commands::run`].

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use aep_backfill::commands::{Exit, run};

/// Files and sockets that an apply has open at once. Where the runtime finds too few of them for itself,
/// it panics; an emulator that cannot accept a connection leaves its client waiting.
const DESCRIPTORS: usize = 48;

fn main() -> ExitCode {
    if jiff::Timestamp::try_from(SystemTime::now()).is_err() {
        return not_started("the clock of this machine is far off", "set it");
    }
    let runtime = match spare_descriptors().and_then(|()| tokio::runtime::Runtime::new()) {
        Ok(runtime) => runtime,
        Err(error) => {
            let hint = "`ulimit -n` shows how many files and sockets may be open at once";
            return not_started(&error.to_string(), hint);
        }
    };
    let args: Vec<OsString> = std::env::args_os().collect();
    let exit = run(&args, &runtime);
    // A write that hangs must not hold up a process that was told to leave at once.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

fn not_started(why: &str, hint: &str) -> ExitCode {
    // Nobody is left to tell that it cannot be written.
    let _ = writeln!(
        io::stderr().lock(),
        "error: could not start: {why}\nhint: nothing was done; {hint}"
    );
    ExitCode::from(Exit::Unexpected.code())
}

/// Whether so many more can be opened.
fn spare_descriptors() -> io::Result<()> {
    let null = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let opened: io::Result<Vec<_>> = (0..DESCRIPTORS)
        .map(|_| std::fs::File::open(null))
        .collect();
    opened.map(drop)
}
