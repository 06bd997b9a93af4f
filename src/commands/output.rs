//! Standard output: the result, as text or JSON; and a result that goes into a file.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use super::actions::Actions;
use super::context::Context;
use super::failure::Failure;
use super::{Exit, Written};
use crate::report::fold;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// The same, where there may be something to annotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AnnotatedFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For people, and annotations for GitHub Actions, where they are written anyway
    Github,
}

/// Writes text for people to standard output: on a terminal, lines that are longer than it is wide
/// are broken at blanks, so that no id is torn.
pub(super) fn text(write: impl FnOnce(&mut dyn Write) -> Written) -> Written {
    let Some((_, columns)) = console::Term::stdout().size_checked() else {
        return raw(write);
    };
    let mut text = Vec::new();
    write(&mut text)?;
    raw(|out| {
        for line in String::from_utf8_lossy(&text).lines() {
            for line in fold(line, usize::from(columns)) {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    })
}

/// Writes to standard output what a program reads, or what is copied: to the letter.
pub(super) fn raw(write: impl FnOnce(&mut dyn Write) -> Written) -> Written {
    let mut out = io::stdout().lock();
    write(&mut out)?;
    out.flush()
}

/// Writes a file whole, or not at all; over one that exists only if it `replaces` that.
pub(super) fn file(path: &Path, bytes: &[u8], replaces: bool) -> Written {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    // Hidden: a file that is not whole is no manifest, and no state.
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666)); // less the umask
    }
    let mut beside = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    beside.write_all(bytes)?;
    beside.as_file().sync_all()?;
    if replaces {
        beside.persist(path)?;
    } else {
        beside.persist_noclobber(path)?;
    }
    Ok(())
}

/// Writes the report that `--report` asks for.
pub(super) fn report(
    context: &Context,
    path: &Path,
    document: &impl Serialize,
) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(document)?;
        text.push(b'\n');
        file(path, &text, true)
    };
    write().map_err(|error| {
        Failure::new(
            Exit::Unexpected,
            format!("could not write the report {}: {error}", path.display()),
        )
    })?;
    context.actions.report_written(path);
    Ok(())
}

/// How `verb` ends, where something beside its work has failed, too: the work comes first, and the
/// other is said.
pub(super) fn also<T>(
    actions: &Actions,
    verb: &str,
    work: Result<T, Failure>,
    beside: Result<(), Failure>,
) -> Result<T, Failure> {
    match (work, beside) {
        (Ok(done), beside) => beside.map(|()| done),
        (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(beside)) => {
            beside.tell(verb, actions);
            beside.report();
            Err(failure)
        }
    }
}

/// Writes one JSON document to standard output.
pub(super) fn json(document: &impl Serialize) -> Written {
    raw(|out| {
        serde_json::to_writer_pretty(&mut *out, document)?;
        writeln!(out)
    })
}
