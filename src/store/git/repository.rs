//! The repository that a folder is in, and the system's `git` in it.
//!
//! Nothing here depends on where in the repository the folder is, nor on what the environment says of
//! a repository: a hook, `git rebase --exec` and `git -c alias` set `GIT_DIR` and its like for their
//! own repository. Every command runs in one place, the folder where the repository begins, with the
//! git directory that all its worktrees share.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::{StoreError, failed};

/// Who makes the commits; whose work they record stands in their messages.
const NAME: &str = "backfill";
const EMAIL: &str = "backfill@localhost";
/// How long one call of git may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a call is made that a signal has ended: Ctrl-C reaches git too.
const CALLS: u32 = 3;
/// What is tried when the repository cannot be found.
const FINDING: &str = "look into this repository";
/// What is said where there is no git.
const NO_GIT: &str = "it is not installed here, or not on the PATH; of the container images only those \
                      whose tag ends with -ci have it";

/// Variables that choose a repository, or a part of one: those that `git rev-parse --local-env-vars`
/// lists, but for the ones that carry settings, and what limits the search or hides refs and objects.
const LOCATING: [&str; 14] = [
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];
/// Variables that name a file of settings, perhaps from the current folder.
const SETTINGS: [&str; 2] = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"];

/// The repository that a folder is in, found when it is first needed.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    folder: PathBuf,
    found: Arc<OnceCell<FoundRepository>>,
}

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FoundRepository {
    /// The git directory that all worktrees share.
    common: PathBuf,
    /// Where its work tree begins, which remotes' relative paths are relative to; the git directory
    /// itself, where there is none.
    root: PathBuf,
}

impl Repository {
    /// That of `folder`, which may be anywhere in it.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            found: Arc::default(),
        }
    }

    /// The one line that git prints.
    pub(super) async fn line(
        &self,
        action: &'static str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<String, StoreError> {
        let printed = self.done(action, arguments, input).await?;
        Ok(String::from_utf8_lossy(&printed).trim_end().to_owned())
    }

    /// What git prints, if it does what it is asked for.
    pub(super) async fn done(
        &self,
        action: &'static str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let output = self.git(arguments, input).await?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(failed(action, &words(&output)))
    }

    /// How one call of git ends.
    pub(super) async fn git(&self, arguments: &[&str], input: &[u8]) -> Result<Output, StoreError> {
        self.git_within(TIMEOUT, arguments, input).await
    }

    /// The same, with a limit on how long it may take.
    pub(super) async fn git_within(
        &self,
        timeout: Duration,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Output, StoreError> {
        let found = self.found.get_or_try_init(|| find(&self.folder)).await?;
        let git_dir = git_dir(&found.common);
        let arguments: Vec<&OsStr> = [git_dir.as_os_str()]
            .into_iter()
            .chain(arguments.iter().map(OsStr::new))
            .collect();
        call_until_it_ends(&found.root, timeout, &arguments, input).await
    }
}

/// Finds the repository that `folder` is in; in none, the one that `GIT_DIR` names.
async fn find(folder: &Path) -> Result<FoundRepository, StoreError> {
    // A path with no part is the current folder.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let folder =
        std::path::absolute(folder).map_err(|error| failed(FINDING, &error.to_string()))?;
    let common = ["rev-parse", "--git-common-dir"].map(OsStr::new);
    let output = call_until_it_ends(&folder, TIMEOUT, &common, b"").await?;
    if output.status.success() {
        return locate(&folder, &folder.join(path_of(&output.stdout))).await;
    }
    let Some(named) = path_in("GIT_DIR") else {
        return Err(failed(FINDING, &words(&output)));
    };
    let named = git_dir(&named);
    let common = [
        &named,
        OsStr::new("rev-parse"),
        OsStr::new("--git-common-dir"),
    ];
    let output = call_until_it_ends(&folder, TIMEOUT, &common, b"").await?;
    if !output.status.success() {
        return Err(failed(FINDING, &words(&output)));
    }
    let found = locate(&folder, &folder.join(path_of(&output.stdout))).await?;
    Ok(match path_in("GIT_WORK_TREE") {
        Some(root) => FoundRepository { root, ..found },
        None => found,
    })
}

/// The path that a variable names; a relative one is relative to the current folder.
fn path_in(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|named| !named.is_empty())?;
    std::path::absolute(named).ok()
}

fn git_dir(path: &Path) -> OsString {
    let mut argument = OsString::from("--git-dir=");
    argument.push(path);
    argument
}

/// Where the work tree of the git directory `common` begins, found from `folder`.
async fn locate(folder: &Path, common: &Path) -> Result<FoundRepository, StoreError> {
    let common = common.to_owned();
    let git_dir = git_dir(&common);
    let setting = |name| {
        [
            &git_dir,
            OsStr::new("config"),
            OsStr::new("--get"),
            OsStr::new(name),
        ]
    };
    // A submodule's work tree is elsewhere, and its git directory says where.
    let set = call_until_it_ends(folder, TIMEOUT, &setting("core.worktree"), b"").await?;
    if set.status.success() {
        let root = common.join(path_of(&set.stdout));
        return Ok(FoundRepository { common, root });
    }
    if common.file_name() == Some(OsStr::new(".git")) {
        let root = common.parent().unwrap_or(&common).to_owned();
        return Ok(FoundRepository { common, root });
    }
    // Bare, or a git directory that was laid somewhere else and does not know its work tree.
    let top = ["rev-parse", "--show-toplevel"].map(OsStr::new);
    let bare = call_until_it_ends(folder, TIMEOUT, &setting("core.bare"), b"").await?;
    let root = if bare.stdout.starts_with(b"true") {
        common.clone()
    } else {
        let top = call_until_it_ends(folder, TIMEOUT, &top, b"").await?;
        if top.status.success() {
            path_of(&top.stdout)
        } else {
            common.clone()
        }
    };
    Ok(FoundRepository { common, root })
}

/// The path on the line that git printed.
fn path_of(printed: &[u8]) -> PathBuf {
    let line = printed.strip_suffix(b"\n").unwrap_or(printed);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(OsStr::from_bytes(line))
    }
    #[cfg(windows)]
    {
        PathBuf::from(String::from_utf8_lossy(line).into_owned())
    }
}

async fn call_until_it_ends(
    folder: &Path,
    timeout: Duration,
    arguments: &[&OsStr],
    input: &[u8],
) -> Result<Output, StoreError> {
    let mut calls = 1;
    loop {
        let output = call(folder, timeout, arguments, input).await?;
        if output.status.code().is_some() || calls == CALLS {
            return Ok(output);
        }
        calls += 1;
    }
}

async fn call(
    folder: &Path,
    timeout: Duration,
    arguments: &[&OsStr],
    input: &[u8],
) -> Result<Output, StoreError> {
    let run = async {
        let mut git = command(folder, arguments).spawn()?;
        let stdin = git.stdin.take();
        let feed = async {
            // A git that does not read to the end says why it ended.
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(input).await;
            }
        };
        let (output, ()) = futures::join!(git.wait_with_output(), feed);
        output
    };
    match tokio::time::timeout(timeout, run).await {
        Ok(Ok(output)) => Ok(output),
        // A folder that is not there is told with the same error.
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {
            Err(failed("run git", NO_GIT))
        }
        Ok(Err(error)) => Err(failed("run git", &error.to_string())),
        Err(_) => Err(failed(
            "reach the remote",
            "git did not come to an end in time",
        )),
    }
}

/// A git that runs in `folder`, whatever the environment says of repositories.
fn command(folder: &Path, arguments: &[&OsStr]) -> Command {
    let mut git = Command::new("git");
    git.args(["-c", "maintenance.auto=false", "-c", "gc.auto=0"])
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        // A folder that is mounted by itself, as into a container, is still the repository's.
        .env("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1")
        // What is read is what was written.
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .envs([("GIT_AUTHOR_NAME", NAME), ("GIT_AUTHOR_EMAIL", EMAIL)])
        .envs([("GIT_COMMITTER_NAME", NAME), ("GIT_COMMITTER_EMAIL", EMAIL)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(windows)]
    {
        // Elsewhere a git that Ctrl-C has ended is called again. Here nothing tells it from one that failed,
        // so Ctrl-C does not reach it.
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        git.creation_flags(CREATE_NEW_PROCESS_GROUP);
    }
    for name in LOCATING {
        git.env_remove(name);
    }
    if std::env::var_os("GIT_QUARANTINE_PATH").is_some() {
        // In a hook that judges a push: the objects of that push are none of ours.
        git.env_remove("GIT_ALTERNATE_OBJECT_DIRECTORIES");
    }
    for name in SETTINGS {
        if let Some(named) = path_in(name) {
            git.env(name, named);
        }
    }
    git
}

/// What git said, in one line, without the credentials that may stand in a remote's URL.
pub(super) fn words(output: &Output) -> String {
    let said = [&output.stderr[..], &output.stdout[..]].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    without_credentials(&lines.join("; "))
}

fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c == '/' || c.is_whitespace());
        let (authority, rest) = part.split_at(end.unwrap_or(part.len()));
        clean.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                clean.push_str("***@");
                clean.push_str(host);
            }
            None => clean.push_str(authority),
        }
        clean.push_str(rest);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_is_shown_without_credentials() {
        for (said, shown) in [
            (
                "unable to access 'https://x:token@host/a.git/': no",
                "unable to access 'https://***@host/a.git/': no",
            ),
            ("https://token@host", "https://***@host"),
            (
                "ssh://git@host:22/a; then https://a:b@c/ and done",
                "ssh://***@host:22/a; then https://***@c/ and done",
            ),
            ("nobody@example.org: no URL", "nobody@example.org: no URL"),
        ] {
            assert_eq!(without_credentials(said), shown);
        }
    }
}
