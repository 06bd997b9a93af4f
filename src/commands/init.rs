//! `backfill init`: the first files of a repository of manifests.
//!
//! The workflows are this product's own, without what is right for its own repository alone: what we
//! run is what a user gets. Asks nothing and overwrites nothing. The example manifest is valid, so that everything can be
//! tried at once with `--emulator`; its flow id is all zeros, which no flow of the service has, so
//! that applying it by accident creates nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::schema;
use crate::cli::actions::repository;
use crate::cli::failure::Failure;
use crate::cli::{Exit, config, output};
use crate::file_text::text_of;
use crate::manifest::{FindError, read_paths};

/// Where manifests go.
const FOLDER: &str = "manifests";
const EXAMPLE: &str = "manifests/example.yaml";
const SCHEMA: &str = "manifests/schema.json";
const GITIGNORE: &str = ".gitignore";
/// What git must not keep: the state of this machine.
const STATE: &str = ".backfill/";

/// The folder of the workflows, at the root of a repository: GitHub looks nowhere else.
const WORKFLOWS: &str = ".github/workflows";
const WORKFLOW_TEXTS: [(&str, &str); 4] = [
    (
        ".github/workflows/backfill-plan.yml",
        include_str!("../../.github/workflows/plan.yml"),
    ),
    (
        ".github/workflows/backfill-apply.yml",
        include_str!("../../.github/workflows/apply.yml"),
    ),
    (
        ".github/workflows/backfill-follow.yml",
        include_str!("../../.github/workflows/follow.yml"),
    ),
    (
        ".github/workflows/backfill-audit.yml",
        include_str!("../../.github/workflows/audit.yml"),
    ),
];
/// How our own workflows name the action that runs this program.
const OWN_ACTION: &str = "./.github/actions/backfill";
/// Where the action is in its repository.
const ACTION_FOLDER: &str = ".github/actions/backfill";
/// What ends a line that is right for our own repository alone.
const OURS: &str = "# only in this repository";
/// The repository and commit of the release that this program was built for, if it was.
const RELEASED: Option<&str> = option_env!("BACKFILL_ACTION");
/// A placeholder in a workflow that says what to put there.
const UNKNOWN_ACTION: &str = "OWNER/REPOSITORY@COMMIT";

/// Flags of `init`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The action that the workflows use, with its commit [default: that of this release]
    #[arg(long, value_name = "OWNER/REPOSITORY@COMMIT", value_parser = action)]
    action: Option<String>,
}

fn action(text: &str) -> Result<String, String> {
    let is_name = |name: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !name.is_empty() && name.chars().all(allowed)
    };
    let parts = text
        .split_once('@')
        .and_then(|(repository, commit)| Some((repository.split_once('/')?, commit)));
    let is_one =
        parts.is_some_and(|((owner, name), commit)| [owner, name, commit].into_iter().all(is_name));
    if is_one {
        Ok(text.to_owned())
    } else {
        Err("expected OWNER/REPOSITORY@COMMIT".to_owned())
    }
}

const CONFIG_TEXT: &str = include_str!("init/backfill.yaml");
const EXAMPLE_TEXT: &str = include_str!("init/example.yaml");
/// Lines of the config about the state, as they are and as a repository needs them.
const LOCAL_STATE: &str = "\
# Where it is remembered which runs were created. Keep this folder. In jobs of GitHub
# Actions, and to share it: a branch of the repository, git:backfill-state.
#state: .backfill
";
const BRANCH_STATE: &str = "\
# Where it is remembered which runs were created: a branch of this repository's remote, so that all
# machines and jobs know the same. Alone, on one machine, a folder will do: .backfill
state: git:backfill-state
";
const GITIGNORE_TEXT: &str = "# The state of runs created from this machine, and of rehearsals.\n\
     .backfill/\n";

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileOutcome {
    Written,
    /// It was there, and holds what would have been written.
    Same,
    /// It was there, and was left as it is.
    Left,
    /// There are manifests already; an example would be in their way.
    NotNeeded,
    /// It belongs where the repository begins, and that is not here.
    Elsewhere,
}

/// How a workflow names the action at `action`.
fn uses(action: &str) -> String {
    let (repository, commit) = action
        .split_once('@')
        .expect("it was checked, or is a constant");
    format!("{repository}/{ACTION_FOLDER}@{commit}")
}

/// A workflow of ours as one of somebody else's, who uses the action at `action`.
fn workflow(text: &str, action: Option<&str>) -> String {
    let mut uses = uses(action.unwrap_or(UNKNOWN_ACTION));
    if action.is_some() && action == RELEASED {
        uses.push_str(concat!(" # v", env!("CARGO_PKG_VERSION")));
    }
    text.lines()
        .filter(|line| !line.ends_with(OURS))
        .map(|line| line.replace(OWN_ACTION, &uses) + "\n")
        // The files of a user's repository have names that say whose they are.
        .map(|line| line.replace(".github/workflows/", ".github/workflows/backfill-"))
        .collect()
}

/// The config; in a repository the state is on a branch of it, where every machine finds it.
fn config_text() -> String {
    let is_in_a_repository = repository().join(".git").exists();
    if is_in_a_repository {
        CONFIG_TEXT.replace(LOCAL_STATE, BRANCH_STATE)
    } else {
        CONFIG_TEXT.to_owned()
    }
}

/// Whether this folder lies in a repository, but not where that begins.
fn is_below_a_repository() -> bool {
    let root = repository();
    root.join(".git").exists() && !Path::new(".git").exists()
}

pub(super) fn run(flags: &Flags) -> Result<Exit, Failure> {
    let released = RELEASED.filter(|released| action(released).is_ok());
    let known = flags.action.as_deref().or(released);
    let workflows = WORKFLOW_TEXTS.map(|(name, text)| (name, workflow(text, known)));
    let config = config_text();
    let has_manifests = holds_manifests(Path::new(FOLDER));
    fs::create_dir_all(FOLDER).map_err(|error| could_not(FOLDER, &error))?;
    let schema = schema::text();
    let mut made = Vec::new();
    for (name, text) in [
        (config::DEFAULT, config.as_str()),
        (EXAMPLE, EXAMPLE_TEXT),
        (SCHEMA, schema.as_str()),
        (GITIGNORE, GITIGNORE_TEXT),
    ] {
        let is_needed = name != EXAMPLE || !has_manifests || Path::new(EXAMPLE).exists();
        let what = if is_needed {
            write_new(Path::new(name), text).map_err(|error| could_not(name, &error))?
        } else {
            FileOutcome::NotNeeded
        };
        made.push((name, what));
    }
    if is_below_a_repository() {
        made.extend(WORKFLOW_TEXTS.map(|(name, _)| (name, FileOutcome::Elsewhere)));
    } else {
        fs::create_dir_all(WORKFLOWS).map_err(|error| could_not(WORKFLOWS, &error))?;
        for (name, text) in &workflows {
            let what = write_new(Path::new(name), text).map_err(|error| could_not(name, &error))?;
            made.push((name, what));
        }
    }
    let other = flags
        .action
        .as_deref()
        .map(|action| other_action(&made, action));
    output::text(|out| tell(out, &made, known, &other.unwrap_or_default()))?;
    Ok(Exit::Success)
}

/// The workflows that were left as they are, and use another action than `action`, which was asked for.
fn other_action<'m>(made: &[(&'m str, FileOutcome)], action: &str) -> Vec<&'m str> {
    let uses = uses(action);
    let is_other = |name: &&str| !fs::read_to_string(name).is_ok_and(|text| text.contains(&uses));
    let left = made
        .iter()
        .filter(|(name, what)| *what == FileOutcome::Left && name.starts_with(WORKFLOWS));
    left.map(|(name, _)| *name).filter(is_other).collect()
}

fn tell(
    out: &mut dyn Write,
    made: &[(&str, FileOutcome)],
    action: Option<&str>,
    other_action: &[&str],
) -> io::Result<()> {
    let width = made.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    for (name, what) in made {
        let said = match what {
            FileOutcome::Written => "written",
            FileOutcome::Same => "already there, the same",
            FileOutcome::Left => "already there, left as it is",
            FileOutcome::NotNeeded => "not written: there are manifests already",
            FileOutcome::Elsewhere => "not written: it belongs where the repository begins",
        };
        writeln!(out, "{name:<width$}{said}")?;
    }
    let is = |name, what| made.contains(&(name, what));
    let mut steps = Vec::new();
    if let Some(action) = action.filter(|_| !other_action.is_empty()) {
        let files = other_action
            .iter()
            .filter_map(|path| path.rsplit('/').next());
        steps.push(format!(
            "These workflows are left as they are, and do not use the action that you named. Put\n   \
             `{}`\n   \
             into their `uses:`, or remove them and run this again:\n   {}.",
            uses(action),
            files.collect::<Vec<_>>().join(", ")
        ));
    }
    if is(GITIGNORE, FileOutcome::Left) && !ignores_state() {
        steps.push(format!(
            "Add the line `{STATE}` to {GITIGNORE}: the state stays out of git."
        ));
    }
    if is(SCHEMA, FileOutcome::Left) {
        steps.push(format!(
            "{SCHEMA} is of another version: `backfill schema > {SCHEMA}`."
        ));
    }
    if !is(EXAMPLE, FileOutcome::NotNeeded) {
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
        "Set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES; then `backfill doctor`,\n   \
         `backfill plan`, and `backfill apply --limit 1` for the first run."
            .to_owned(),
    );
    let (plan_workflow, _) = WORKFLOW_TEXTS[0];
    if is(plan_workflow, FileOutcome::Written) {
        steps.push(
            "On GitHub: docs/github.md of backfill says what else the workflows need there."
                .to_owned(),
        );
        if action.is_none() {
            steps.push(format!(
                "They use the action of {UNKNOWN_ACTION}, for this build is no release. Put in\n   \
                 place of that the one you trust, or remove them and let `backfill init --action` write them."
            ));
        }
    }
    writeln!(out, "\nNext:")?;
    for (number, step) in (1..).zip(steps) {
        writeln!(out, "{number}. {step}")?;
    }
    Ok(())
}

/// Writes a file that does not exist; one that does is not touched, whatever it is.
fn write_new(path: &Path, text: &str) -> io::Result<FileOutcome> {
    match File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            Ok(FileOutcome::Written)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_same = fs::read(path).is_ok_and(|found| found == text.as_bytes());
            Ok(if is_same {
                FileOutcome::Same
            } else {
                FileOutcome::Left
            })
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
    let Ok(bytes) = fs::read(GITIGNORE) else {
        return false;
    };
    text_of(&bytes).is_ok_and(|text| {
        text.lines()
            .any(|line| line.trim().trim_matches('/') == folder)
    })
}

fn could_not(name: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Unexpected, format!("could not write {name}: {error}"))
}
