//! Where a result goes, and writing it: standard output, and files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use super::WriteResult;
use crate::report::{columns, fitting};
use crate::store::durable;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// For a comment: never more than 60,000 characters; on failure, what is wrong
    Markdown,
    /// For people, with annotations for GitHub Actions (which writes them in any form)
    Github,
}

/// Where a result goes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ResultArgs {
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) format: Format,
    /// Also write the result to this file, as JSON, even on failure; a dry run writes the plan
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// The file for the page, of verbs that have one.
    #[arg(skip)]
    pub(crate) html: Option<PathBuf>,
}

impl From<Format> for ResultArgs {
    fn from(format: Format) -> Self {
        Self {
            format,
            ..Self::default()
        }
    }
}

/// Writes text for people to standard output: on a terminal, lines that are longer than it is wide
/// are broken at blanks, so that no id is torn.
pub(crate) fn text(write: impl FnOnce(&mut dyn Write) -> WriteResult) -> WriteResult {
    let term = console::Term::stdout();
    if columns(&term).is_none() {
        return raw(write);
    }
    let mut text = Vec::new();
    write(&mut text)?;
    raw(|out| {
        for line in String::from_utf8_lossy(&text).lines() {
            for line in fitting(&term, line) {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    })
}

/// Writes to standard output what a program reads, or what is copied: to the letter.
pub(crate) fn raw(write: impl FnOnce(&mut dyn Write) -> WriteResult) -> WriteResult {
    // Standard output itself writes line by line.
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    write(&mut out)?;
    out.flush()
}

/// Writes a file whole, or not at all; over one that exists, or that a link leads to, only if it
/// `replaces` that. A pipe, a device and what `/dev/stdout` stands for are written to, and stay what they are.
pub(crate) fn file(path: &Path, bytes: &[u8], replaces: bool) -> WriteResult {
    let is_special = |there: fs::Metadata| !there.is_file() && !there.is_dir();
    if path.starts_with("/dev") || fs::metadata(path).is_ok_and(is_special) {
        return File::options().append(true).open(path)?.write_all(bytes);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty());
    let mut beside = durable::unfinished(folder.unwrap_or(Path::new(".")))?;
    beside.write_all(bytes)?;
    if let Ok(there) = fs::metadata(&target) {
        beside.as_file().set_permissions(there.permissions())?;
    }
    durable::sync(beside.as_file())?;
    if replaces {
        durable::replace(beside, &target)?;
    } else {
        beside.persist_noclobber(&target)?;
    }
    Ok(())
}

/// Writes one JSON document to standard output.
pub(crate) fn json(document: &impl Serialize) -> WriteResult {
    raw(|out| {
        serde_json::to_writer_pretty(&mut *out, document)?;
        writeln!(out)
    })
}

#[cfg(all(test, unix))] // links, permissions and devices of Unix
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_is_followed_and_stays_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("real"), "old").expect("writable");
        symlink("real", at("link")).expect("a link");
        file(&at("link"), b"new", true).expect("written");
        assert_eq!(fs::read(at("real")).expect("readable"), b"new");
        assert!(
            fs::symlink_metadata(at("link"))
                .expect("there")
                .is_symlink()
        );
        let again = file(&at("link"), b"x", false).map_err(|error| error.kind());
        assert_eq!(again, Err(io::ErrorKind::AlreadyExists));
    }

    #[test]
    fn a_file_keeps_its_permissions() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        fs::write(&path, "old").expect("writable");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("ours");
        file(&path, b"new", true).expect("written");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn a_pipe_and_a_device_are_written_to_and_a_folder_is_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo runs").success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe)
        });
        file(&pipe, b"through", true).expect("written");
        assert_eq!(reader.join().expect("no panic").expect("read"), b"through");
        assert!(fs::metadata(&pipe).expect("there").file_type().is_fifo());
        file(Path::new("/dev/null"), b"nothing", true).expect("written");
        let device = fs::metadata("/dev/null").expect("there");
        assert!(device.file_type().is_char_device());
        assert!(file(folder.path(), b"x", true).is_err());
        let full = file(Path::new("/dev/full"), b"x", true);
        assert!(full.is_err() || !Path::new("/dev/full").exists());
    }
}
