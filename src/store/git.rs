//! A branch of the repository's remote: each version of the state is a commit, and a push that is
//! not forced is the compare-and-swap.
//!
//! Everything is done by the system's `git` in the user's repository, so that its credentials, its
//! ssh keys and what a CI job has configured work here too. Only objects are written to it, and by
//! a push what is known of the remote's branch: work tree, index and branches are left alone.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::remote::{Change, Lease, Leased, Remote, Snapshot, Step, Swap, Tries};
use super::{Contents, Place, StoreError};

const STATE: &str = "state.jsonl";
const JOURNAL: &str = "journal.jsonl";
const LOCK: &str = "lock";
/// Who makes the commits; whose work they record stands in their messages.
const NAME: &str = "backfill";
const EMAIL: &str = "backfill@localhost";
/// How long one call of git may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to bring the branch here: a repository that is whole has all of it.
const FETCH: Duration = Duration::from_secs(10 * 60);
/// How often a call is made that a signal has ended: Ctrl-C reaches git too.
const CALLS: u32 = 3;
/// How often a branch is read that moves while it is.
const READS: u32 = 5;

/// A branch of the remote of the repository in `folder`, held by leases that last so long.
#[must_use]
pub fn git_branch(folder: PathBuf, branch: String, lease: Duration) -> impl Place {
    Leased::new(Branch::new(folder, branch), lease)
}

/// See the module's front door.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    folder: PathBuf,
    branch: String,
}

/// The name of a commit or of a file's bytes.
pub(super) type Oid = String;

impl Remote for Branch {
    type Version = Oid;

    fn name(&self) -> String {
        format!("git:{}", self.branch)
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Snapshot<Oid>>, StoreError>> {
        async {
            let remote = self.remote().await?;
            for _ in 0..READS {
                let Some(tip) = self.tip(&remote).await? else {
                    return Ok(None);
                };
                if self.fetch(&remote, &tip).await? {
                    return Ok(Some(self.snapshot(tip).await?));
                }
            }
            Err(failed(
                "read the branch",
                "the branch moves faster than it can be read",
            ))
        }
        .boxed()
    }

    fn check_exclusion<'a>(&'a self, _: &'a Oid) -> BoxFuture<'a, Result<(), StoreError>> {
        // That a push which is not forced does not overwrite another is git's own promise.
        async { Ok(()) }.boxed()
    }

    fn swap<'a>(
        &'a self,
        from: Option<&'a Oid>,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Swap<Oid>, StoreError>> {
        async move {
            let commit = self.commit(from, change).await?;
            let remote = self.remote().await?;
            let refspec = format!("{commit}:refs/heads/{}", self.branch);
            // The user's settings may add to a push: tags, submodules, signatures, options.
            let no_mirror = format!("remote.{remote}.mirror=false");
            let push = [
                &["-c", "push.pushOption=", "-c", &no_mirror][..],
                &["push", "--quiet", "--no-verify", "--no-follow-tags"],
                &["--recurse-submodules=no", "--no-signed"],
                &[&remote, &refspec],
            ]
            .concat();
            let mut tries = Tries::new(Duration::from_secs(1));
            loop {
                let trouble = match self.git(&push, b"").await {
                    Ok(output) if output.status.success() => return Ok(Swap::Won(commit)),
                    Ok(output) => failed("push to the branch", &words(&output)),
                    Err(error) => error,
                };
                // A push may have arrived though its answer did not; the branch itself tells.
                match self.tip(&remote).await {
                    Ok(Some(tip)) if tip == commit => return Ok(Swap::Won(commit)),
                    Ok(tip) if tip.as_ref() != from => return Ok(Swap::Lost),
                    Ok(_) | Err(_) if tries.are_over() || !trouble.may_pass() => {
                        return Err(trouble);
                    }
                    Ok(_) | Err(_) => {}
                }
                tries.next().await;
            }
        }
        .boxed()
    }
}

impl Branch {
    pub(super) fn new(folder: PathBuf, branch: String) -> Self {
        Self { folder, branch }
    }

    /// The remote's name: `origin`, or the only one there is.
    async fn remote(&self) -> Result<String, StoreError> {
        let remotes = self
            .done("look into this repository", &["remote"], b"")
            .await?;
        let remotes = String::from_utf8_lossy(&remotes).into_owned();
        let remotes: Vec<&str> = remotes.lines().collect();
        match remotes[..] {
            _ if remotes.contains(&"origin") => Ok("origin".to_owned()),
            [only] => Ok(only.to_owned()),
            [] => Err(refused("find the remote", "this repository has no remote")),
            _ => Err(refused(
                "find the remote",
                "none of this repository's remotes is named `origin`",
            )),
        }
    }

    /// The branch's latest commit, as the remote has it.
    async fn tip(&self, remote: &str) -> Result<Option<Oid>, StoreError> {
        let name = format!("refs/heads/{}", self.branch);
        let listed = self
            .done("read the branch", &["ls-remote", remote, &name], b"")
            .await?;
        let listed = String::from_utf8_lossy(&listed);
        Ok(listed
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .find(|(_, found)| *found == name)
            .map(|(oid, _)| oid.to_owned()))
    }

    /// Brings the commit here; `false` where the branch has moved on without it.
    async fn fetch(&self, remote: &str, commit: &Oid) -> Result<bool, StoreError> {
        if self.has(commit).await? {
            return Ok(true);
        }
        let shallow = self
            .done(
                "look into this repository",
                &["rev-parse", "--is-shallow-repository"],
                b"",
            )
            .await?;
        // A repository that is whole stays whole.
        let depth: &[&str] = if shallow.starts_with(b"true") {
            &["--depth=1"]
        } else {
            &[]
        };
        // By its own name: the branch may have moved on. Where a server does not give what it was
        // not asked for by a branch, that one.
        let branch = format!("refs/heads/{}", self.branch);
        let mut trouble = None;
        for wanted in [commit, &branch] {
            // Nor do the user's settings add to a fetch.
            let arguments = [
                &["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"][..],
                &["--no-prune", "--no-recurse-submodules", "--refmap="],
                depth,
                &[remote, wanted],
            ]
            .concat();
            let fetched = self.git_within(FETCH, &arguments, b"").await?;
            if self.has(commit).await? {
                return Ok(true);
            }
            trouble = Some(fetched);
        }
        match trouble {
            Some(fetched) if !fetched.status.success() => {
                Err(failed("read the branch", &words(&fetched)))
            }
            _ => Ok(false),
        }
    }

    async fn has(&self, commit: &Oid) -> Result<bool, StoreError> {
        let tree = format!("{commit}^{{tree}}");
        Ok(self
            .git(&["cat-file", "-e", &tree], b"")
            .await?
            .status
            .success())
    }

    async fn snapshot(&self, commit: Oid) -> Result<Snapshot<Oid>, StoreError> {
        let mut snapshot = Snapshot {
            contents: Contents::default(),
            lease: None,
            version: commit,
        };
        for (name, oid) in self.files(&snapshot.version).await? {
            let bytes = self.blob(&oid).await?;
            match name.as_str() {
                STATE => snapshot.contents.state = Some(bytes),
                JOURNAL => snapshot.contents.journal = Some(bytes),
                LOCK => {
                    let lease: Lease = serde_json::from_slice(&bytes).map_err(|error| {
                        failed(
                            "read the branch",
                            &format!("its file `lock` is damaged: {error}"),
                        )
                    })?;
                    snapshot.lease = Some(lease);
                }
                _ => {}
            }
        }
        Ok(snapshot)
    }

    /// The files of a commit, by name: those of a state, and nothing else.
    async fn files(&self, commit: &Oid) -> Result<Vec<(String, Oid)>, StoreError> {
        let action = "read the branch";
        let listed = self.done(action, &["ls-tree", "-z", commit], b"").await?;
        let listed = String::from_utf8_lossy(&listed);
        let entries = listed.split_terminator('\0').map(|entry| {
            let file = entry.split_once('\t').and_then(|(about, name)| {
                let oid = about.strip_prefix("100644 blob ")?;
                let is_ours = [STATE, JOURNAL, LOCK].contains(&name);
                is_ours.then(|| (name.to_owned(), oid.to_owned()))
            });
            file.ok_or_else(|| {
                let name = entry.split_once('\t').map_or(entry, |(_, name)| name);
                failed(
                    "use the branch",
                    &format!("it holds `{name}`, and a state's branch holds a state alone"),
                )
            })
        });
        entries.collect()
    }

    async fn blob(&self, oid: &Oid) -> Result<Vec<u8>, StoreError> {
        self.done("read the branch", &["cat-file", "blob", oid], b"")
            .await
    }

    /// Makes a commit after `from` here; nobody sees it before it is pushed.
    async fn commit(&self, from: Option<&Oid>, change: &Change) -> Result<Oid, StoreError> {
        let Change { step, lease, what } = change;
        let mut files = match from {
            Some(from) => self.files(from).await?,
            None => Vec::new(),
        };
        // Without a lease nobody holds it.
        files.retain(|(name, _)| name != LOCK);
        let mut written: Vec<(&str, Cow<'_, [u8]>)> = Vec::new();
        match step {
            Step::Lease => {}
            Step::Append(lines) => {
                let before = files.iter().find(|(name, _)| name == JOURNAL);
                let mut journal = match before {
                    Some((_, oid)) => self.blob(oid).await?,
                    None => Vec::new(),
                };
                journal.extend_from_slice(lines);
                written.push((JOURNAL, journal.into()));
            }
            Step::Replace { state, journal } => {
                written.push((STATE, state.into()));
                written.push((JOURNAL, journal.into()));
            }
        }
        if let Some(lease) = lease {
            let lease = serde_json::to_vec(lease).expect("a lease has string keys");
            written.push((LOCK, lease.into()));
        }
        for (name, bytes) in written {
            let oid = self
                .line(
                    "write to this repository",
                    &["hash-object", "-w", "--stdin"],
                    &bytes,
                )
                .await?;
            files.retain(|(known, _)| known != name);
            files.push((name.to_owned(), oid));
        }
        let mut tree = Vec::new();
        for (name, oid) in &files {
            tree.extend_from_slice(format!("100644 blob {oid}\t{name}\0").as_bytes());
        }
        let tree = self
            .line("write to this repository", &["mktree", "-z"], &tree)
            .await?;
        let mut arguments = vec!["commit-tree", &tree];
        if let Some(from) = from {
            arguments.extend(["-p", from]);
        }
        self.line("write to this repository", &arguments, what.as_bytes())
            .await
    }

    /// The one line that git prints.
    async fn line(
        &self,
        action: &'static str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<String, StoreError> {
        let printed = self.done(action, arguments, input).await?;
        Ok(String::from_utf8_lossy(&printed).trim_end().to_owned())
    }

    /// What git prints, if it does what it is asked for.
    async fn done(
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

    async fn git(&self, arguments: &[&str], input: &[u8]) -> Result<Output, StoreError> {
        self.git_within(PATIENCE, arguments, input).await
    }

    async fn git_within(
        &self,
        patience: Duration,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Output, StoreError> {
        let mut calls = 1;
        loop {
            let output = self.call(patience, arguments, input).await?;
            if output.status.code().is_some() || calls == CALLS {
                return Ok(output);
            }
            calls += 1;
        }
    }

    async fn call(
        &self,
        patience: Duration,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Output, StoreError> {
        let run = async {
            let mut git = Command::new("git")
                .args(["-c", "maintenance.auto=false", "-c", "gc.auto=0"])
                .args(arguments)
                .current_dir(&self.folder)
                .env("LC_ALL", "C")
                .env("GIT_TERMINAL_PROMPT", "0")
                .envs([("GIT_AUTHOR_NAME", NAME), ("GIT_AUTHOR_EMAIL", EMAIL)])
                .envs([("GIT_COMMITTER_NAME", NAME), ("GIT_COMMITTER_EMAIL", EMAIL)])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let stdin = git.stdin.take();
            let feed = async {
                // Whoever does not read to the end says why it ended.
                if let Some(mut stdin) = stdin {
                    let _ = stdin.write_all(input).await;
                }
            };
            let (output, ()) = futures::join!(git.wait_with_output(), feed);
            output
        };
        match tokio::time::timeout(patience, run).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(failed("run git", &error.to_string())),
            Err(_) => Err(failed(
                "reach the remote",
                "git did not come to an end in time",
            )),
        }
    }
}

fn failed(action: &'static str, said: &str) -> StoreError {
    StoreError::Remote {
        action,
        said: said.to_owned(),
        may_pass: !REFUSALS.iter().any(|words| said.contains(words)),
    }
}

fn refused(action: &'static str, said: &str) -> StoreError {
    StoreError::Remote {
        action,
        said: said.to_owned(),
        may_pass: false,
    }
}

/// What git says where a rule, a permission or the setup is against it, however often it is tried.
const REFUSALS: [&str; 9] = [
    "declined",
    "denied",
    "returned error: 401",
    "returned error: 403",
    "Authentication failed",
    "could not read Username",
    "Repository not found",
    "does not appear to be a git repository",
    "not a git repository",
];

/// What git said, in one line, without the credentials that may stand in a remote's URL.
fn words(output: &Output) -> String {
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
