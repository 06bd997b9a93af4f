//! `backfill init`: the first files of a repository of manifests.
//!
//! Asks nothing and overwrites nothing. The example manifest is valid, so that everything can be
//! tried at once with `--emulator`; its flow id is all zeros, which no flow of the service has, so
//! that applying it by accident creates nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::failure::Failure;
use super::{Exit, config, output, schema};
use crate::manifest::{FindError, read_paths};

/// Where manifests go.
const FOLDER: &str = "manifests";
const EXAMPLE: &str = "manifests/example.yaml";
const SCHEMA: &str = "manifests/schema.json";
const GITIGNORE: &str = ".gitignore";
/// What git must not keep: the state of this machine.
const STATE: &str = ".backfill/";

const CONFIG_TEXT: &str = include_str!("init/backfill.yaml");
const EXAMPLE_TEXT: &str = include_str!("init/example.yaml");
const GITIGNORE_TEXT: &str = "# The state of runs created from this machine, and of rehearsals.\n\
     .backfill/\n";

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Written,
    /// It was there, and holds what would have been written.
    Same,
    /// It was there, and was left as it is.
    Left,
    /// There are manifests already; an example would be in their way.
    NotNeeded,
}

pub(super) fn run() -> Result<Exit, Failure> {
    let has_manifests = holds_manifests(Path::new(FOLDER));
    fs::create_dir_all(FOLDER).map_err(|error| could_not(FOLDER, &error))?;
    let schema = schema::text();
    let mut made = Vec::new();
    for (name, text) in [
        (config::DEFAULT, CONFIG_TEXT),
        (EXAMPLE, EXAMPLE_TEXT),
        (SCHEMA, schema.as_str()),
        (GITIGNORE, GITIGNORE_TEXT),
    ] {
        let is_needed = name != EXAMPLE || !has_manifests || Path::new(EXAMPLE).exists();
        let what = if is_needed {
            write_new(Path::new(name), text).map_err(|error| could_not(name, &error))?
        } else {
            Made::NotNeeded
        };
        made.push((name, what));
    }
    output::text(|out| tell(out, &made))?;
    Ok(Exit::Success)
}

fn tell(out: &mut dyn Write, made: &[(&str, Made)]) -> io::Result<()> {
    for (name, what) in made {
        let said = match what {
            Made::Written => "written",
            Made::Same => "already there, the same",
            Made::Left => "already there, left as it is",
            Made::NotNeeded => "not written: there are manifests already",
        };
        writeln!(out, "{name:<24}{said}")?;
    }
    let is = |name, what| made.contains(&(name, what));
    let mut steps = Vec::new();
    if is(GITIGNORE, Made::Left) && !ignores_state() {
        steps.push(format!(
            "Add the line `{STATE}` to {GITIGNORE}: the state stays out of git."
        ));
    }
    if is(SCHEMA, Made::Left) {
        steps.push(format!(
            "{SCHEMA} is of another version: `backfill schema > {SCHEMA}`."
        ));
    }
    if !is(EXAMPLE, Made::NotNeeded) {
        steps.push("Try it, without an account: `backfill plan --emulator`.".to_owned());
        steps.push(format!(
            "Put your flow, windows and reason into {EXAMPLE}, and give the file a better name."
        ));
    }
    steps.push(format!(
        "Put your organization and sandbox into {}.",
        config::DEFAULT
    ));
    steps.push("Check: `backfill validate`. Rehearse: `backfill rehearse`.".to_owned());
    steps.push(
        "Set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES; then `backfill plan`, and\n   \
         `backfill apply --limit 1` for the first run."
            .to_owned(),
    );
    writeln!(out, "\nNext:")?;
    for (number, step) in (1..).zip(steps) {
        writeln!(out, "{number}. {step}")?;
    }
    Ok(())
}

/// Writes a file that does not exist; one that does is not touched, whatever it is.
fn write_new(path: &Path, text: &str) -> io::Result<Made> {
    match File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            Ok(Made::Written)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_same = fs::read(path).is_ok_and(|found| found == text.as_bytes());
            Ok(if is_same { Made::Same } else { Made::Left })
        }
        Err(error) => Err(error),
    }
}

/// Whether the folder has anything that would be taken for a manifest.
fn holds_manifests(folder: &Path) -> bool {
    !matches!(
        read_paths(&[folder.to_owned()]),
        Err(FindError::Missing(_) | FindError::NoManifest(_))
    )
}

/// Whether a line of `.gitignore` names the state's folder.
fn ignores_state() -> bool {
    let folder = STATE.trim_end_matches('/');
    fs::read_to_string(GITIGNORE).is_ok_and(|text| {
        text.lines()
            .any(|line| line.trim().trim_matches('/') == folder)
    })
}

fn could_not(name: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Unexpected, format!("could not write {name}: {error}"))
}
