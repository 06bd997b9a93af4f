//! `backfill man FOLDER`: a manual page for each command.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;

use super::Cli;
use crate::cli::failure::Failure;
use crate::cli::{Exit, output};
use crate::report::{number, plain};

/// Flags of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Where the pages are written, such as /usr/local/share/man/man1; those of another version are
    /// replaced
    folder: PathBuf,
}

pub(super) fn run(flags: &Flags) -> Result<Exit, Failure> {
    let Flags { folder } = flags;
    let shown = folder.display().to_string();
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .and_then(|()| fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>());
    let files = written.map_err(|error| {
        Failure::new(
            Exit::Unexpected,
            format!(
                "could not write the pages into {}: {error}",
                plain(&shown, 300)
            ),
        )
    })?;
    let is_page = |name: &str| name.starts_with("backfill") && name.ends_with(".1");
    let pages = files
        .iter()
        .filter(|file| file.file_name().to_str().is_some_and(is_page))
        .count();
    output::text(|out| {
        let pages = number(pages, "page");
        writeln!(
            out,
            "Wrote {pages} into {}: `man backfill`.",
            plain(&shown, 300)
        )
    })?;
    Ok(Exit::Success)
}
