//! Tells the program which commit and which target it is built for; `backfill --version -v` prints both.
//!
//! The commit is that of `BACKFILL_COMMIT`, of the package's `.cargo_vcs_info.json`, or of the package's own
//! git repository, in this order; a build without any of them knows none, and goes on.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sets the commit.
const VARIABLE: &str = "BACKFILL_COMMIT";
/// Where `cargo package` writes the commit that a package was made from.
const PACKAGED: &str = ".cargo_vcs_info.json";
/// What git keeps in a file or a folder that moves with HEAD, beside the ref of the branch.
const MOVES_WITH_HEAD: [&str; 3] = ["HEAD", "logs/HEAD", "reftable/tables.list"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    // At least one line of this kind: without any, each changed file of the package would count.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let commit = match env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => Some(hash(&text).ok_or_else(|| {
            format!(
                "{VARIABLE} must be a whole commit hash, 40 or 64 hexadecimal digits, not `{text}`"
            )
        })?),
        _ => packaged_commit(&folder).or_else(|| git_commit(&folder)),
    };
    let commit = commit.as_deref().unwrap_or("unknown");
    println!("cargo::rustc-env=BACKFILL_BUILD_COMMIT={commit}");
    println!(
        "cargo::rustc-env=BACKFILL_BUILD_TARGET={}",
        env::var("TARGET")?
    );
    Ok(())
}

/// The text, if it is the whole hash of a commit.
fn hash(text: &str) -> Option<String> {
    let is_whole = [40, 64].contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit());
    is_whole.then(|| text.to_ascii_lowercase())
}

/// The commit of a package from a registry.
fn packaged_commit(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(PACKAGED)).ok()?;
    println!("cargo::rerun-if-changed={PACKAGED}");
    // {"git": {"sha1": "…"}, "path_in_vcs": ""}
    let (_, after) = text.split_once("\"sha1\"")?;
    hash(after.split('"').nth(1)?)
}

/// The commit that is checked out, if the package is the whole of a git repository's work tree: one that
/// lies in another project's repository, as a copy, is not of that project's commit.
fn git_commit(folder: &Path) -> Option<String> {
    let top = git(folder, &["rev-parse", "--show-toplevel"])?;
    if fs::canonicalize(top).ok()? != fs::canonicalize(folder).ok()? {
        return None;
    }
    let mut files: Vec<PathBuf> = MOVES_WITH_HEAD
        .iter()
        .filter_map(|name| git_file(folder, name))
        .collect();
    // No branch is checked out where a tag or a commit is.
    if let Some(branch) = git(folder, &["symbolic-ref", "--quiet", "HEAD"]) {
        files.extend(git_file(folder, &branch).or_else(|| git_file(folder, "packed-refs")));
    }
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    hash(&git(folder, &["rev-parse", "--verify", "HEAD"])?)
}

/// Where git keeps the file of this name, if it is there: cargo builds anew each time for one that is not.
fn git_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(git(folder, &["rev-parse", "--git-path", name])?);
    path.exists().then_some(path)
}

/// What git prints, without its line break; nothing if there is no git, or it refuses.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder);
    // A git hook that builds names the repository that it is of.
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
    ] {
        command.env_remove(variable);
    }
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim_end_matches(['\r', '\n']);
    (!text.is_empty()).then(|| text.to_owned())
}
