//! A branch of the repository's remote: each version of the state is a commit, and a push that is
//! not forced is the compare-and-swap.
//!
//! Everything is done by the system's `git` in the user's repository, so that its credentials, its
//! ssh keys and what a CI job has configured work here too. Only objects are written to it, and by
//! a push what is known of the remote's branch: work tree, index and branches are left alone.
//!
//! A commit always holds the journal: an empty one before there is a state. So a commit in which
//! neither file is found was not read as it is, or was written by another hand, and is damage. A
//! commit is made only after one that holds the very files that were read.

mod commit;
mod repository;

use std::path::PathBuf;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use self::repository::{Repository, words};
use super::leased::Leased;
use super::remote::{AcquireAttempts, CommitChange, Lease, Remote, Snapshot, Swap};
use super::{Contents, StateBackend, StateFile, StoreError, WriteAccess};

const STATE: &str = "state.jsonl";
const JOURNAL: &str = "journal.jsonl";
const LOCK: &str = "lock";
/// What is tried when objects are kept.
const WRITING: &str = "write to this repository";
/// How long it may take to bring the branch here: a repository that is whole has all of it.
const FETCH: Duration = Duration::from_secs(10 * 60);
/// How often a branch is read that moves while it is.
const READS: u32 = 5;

/// A branch of the remote of the repository in `folder`, held by leases of this length.
#[must_use]
pub fn git_branch(folder: PathBuf, branch: String, lease: Duration) -> impl StateBackend {
    Leased::new(Branch::new(folder, branch), lease)
}

/// A branch of the remote of a repository.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    repository: Repository,
    branch: String,
}

/// The name of a commit or of a file's bytes.
type Oid = String;

/// A commit, and the files that it was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BranchVersion {
    pub(super) commit: Oid,
    pub(super) state: Option<Oid>,
    pub(super) journal: Option<Oid>,
}

impl Remote for Branch {
    type Version = BranchVersion;

    fn name(&self) -> String {
        format!("git:{}", self.branch)
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Snapshot<BranchVersion>>, StoreError>> {
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

    fn check_write(&self, _: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>> {
        async {
            let remote = self.remote().await?;
            let commit = match self.tip(&remote).await? {
                Some(tip) if self.fetch(&remote, &tip).await? => tip,
                // Any commit would do where there is no branch yet.
                _ => "HEAD".to_owned(),
            };
            if !self.has(&commit).await? {
                return Ok(WriteAccess::NothingToPush);
            }
            self.push(&remote, &commit, &["--dry-run"]).await?;
            Ok(WriteAccess::DryRun)
        }
        .boxed()
    }

    fn check_exclusion<'a>(
        &'a self,
        _: &'a BranchVersion,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        // That a push which is not forced does not overwrite another is git's own promise.
        async { Ok(()) }.boxed()
    }

    fn swap<'a>(
        &'a self,
        from: Option<&'a BranchVersion>,
        change: &'a CommitChange,
    ) -> BoxFuture<'a, Result<Swap<BranchVersion>, StoreError>> {
        async move {
            let made = self.commit(from, change).await?;
            let remote = self.remote().await?;
            let mut tries = AcquireAttempts::new(Duration::from_secs(1));
            loop {
                let trouble = match self.push(&remote, &made.commit, &[]).await {
                    Ok(()) => return Ok(Swap::Won(made)),
                    Err(error) => error,
                };
                // A push may have arrived though its answer did not; the branch itself tells.
                match self.tip(&remote).await {
                    Ok(Some(tip)) if tip == made.commit => return Ok(Swap::Won(made)),
                    Ok(tip) if tip.as_ref() != from.map(|from| &from.commit) => {
                        return Ok(Swap::Lost);
                    }
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
        Self {
            repository: Repository::new(folder),
            branch,
        }
    }

    /// The remote's name: `origin`, or the only one there is.
    async fn remote(&self) -> Result<String, StoreError> {
        let remotes = self
            .repository
            .done("look into this repository", &["remote"], b"")
            .await?;
        let remotes = String::from_utf8_lossy(&remotes).into_owned();
        let remotes: Vec<&str> = remotes.lines().collect();
        match remotes[..] {
            _ if remotes.contains(&"origin") => Ok("origin".to_owned()),
            [only] => Ok(only.to_owned()),
            [] => Err(StoreError::NoRemote("this repository has no remote")),
            _ => Err(StoreError::NoRemote(
                "none of this repository's remotes is named `origin`",
            )),
        }
    }

    /// Pushes `commit` to the branch.
    async fn push(&self, remote: &str, commit: &str, more: &[&str]) -> Result<(), StoreError> {
        let refspec = format!("{commit}:refs/heads/{}", self.branch);
        // The user's settings may add to a push: tags, submodules, signatures, options.
        let no_mirror = format!("remote.{remote}.mirror=false");
        let push = [
            &["-c", "push.pushOption=", "-c", &no_mirror][..],
            &["push", "--quiet", "--no-verify", "--no-follow-tags"],
            &["--recurse-submodules=no", "--no-signed"],
            more,
            &[remote, &refspec],
        ]
        .concat();
        match self.repository.git(&push, b"").await? {
            output if output.status.success() => Ok(()),
            output => Err(failed("push to the branch", &words(&output))),
        }
    }

    /// The branch's latest commit, as the remote has it.
    async fn tip(&self, remote: &str) -> Result<Option<Oid>, StoreError> {
        let name = format!("refs/heads/{}", self.branch);
        let listed = self
            .repository
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
            .repository
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
            let fetched = self.repository.git_within(FETCH, &arguments, b"").await?;
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

    async fn has(&self, commit: &str) -> Result<bool, StoreError> {
        let tree = format!("{commit}^{{tree}}");
        Ok(self
            .repository
            .git(&["cat-file", "-e", &tree], b"")
            .await?
            .status
            .success())
    }

    /// What a commit holds.
    async fn snapshot(&self, commit: Oid) -> Result<Snapshot<BranchVersion>, StoreError> {
        let files = self.files(&commit).await?;
        let named = |wanted| {
            let named = |(name, _): &&(String, Oid)| name == wanted;
            files.iter().find(named).map(|(_, oid)| oid)
        };
        let (state, journal) = (named(STATE), named(JOURNAL));
        if state.is_none() && journal.is_none() {
            return Err(StoreError::Unread(commit));
        }
        let mut contents = Contents::default();
        if let Some(oid) = state {
            contents.state = Some(StateFile::Bytes(self.blob(oid).await?));
        }
        if let Some(oid) = journal {
            let bytes = self.blob(oid).await?;
            // Before there is a state: the journal that each commit holds.
            let is_new = state.is_none() && bytes.is_empty();
            contents.journal = (!is_new).then_some(bytes);
        }
        let lease = match named(LOCK) {
            Some(oid) => Some(self.lease(oid).await?),
            None => None,
        };
        Ok(Snapshot {
            contents,
            lease,
            version: BranchVersion {
                state: state.cloned(),
                journal: journal.cloned(),
                commit,
            },
        })
    }

    async fn lease(&self, oid: &Oid) -> Result<Lease, StoreError> {
        let bytes = self.blob(oid).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            failed(
                "read the branch",
                &format!("its file `lock` is damaged: {error}"),
            )
        })
    }

    /// The files of a commit, by name: those of a state, and nothing else.
    async fn files(&self, commit: &Oid) -> Result<Vec<(String, Oid)>, StoreError> {
        // Without `--full-tree` it would list what lies below the current folder alone.
        let list = ["ls-tree", "-z", "--full-tree", commit];
        let listed = self.repository.done("read the branch", &list, b"").await?;
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

    /// Fails unless `version` has the files of its commit: asked for by name, and not from a list.
    async fn check(&self, version: &BranchVersion) -> Result<(), StoreError> {
        let BranchVersion {
            commit,
            state,
            journal,
        } = version;
        let asked = format!("{commit}:{STATE}\n{commit}:{JOURNAL}\n");
        let arguments = ["cat-file", "--batch-check=%(objectname)"];
        let asked = asked.as_bytes();
        let there = self.repository.done("read the branch", &arguments, asked);
        let there = String::from_utf8_lossy(&there.await?).into_owned();
        // `NAME missing` for what is not there.
        let there: Vec<Option<&str>> = there
            .lines()
            .map(|line| (!line.ends_with(" missing")).then_some(line))
            .collect();
        if there == [state.as_deref(), journal.as_deref()] {
            return Ok(());
        }
        Err(StoreError::Unread(commit.clone()))
    }

    async fn blob(&self, oid: &Oid) -> Result<Vec<u8>, StoreError> {
        let read = ["cat-file", "blob", oid];
        self.repository.done("read the branch", &read, b"").await
    }
}

fn failed(action: &'static str, said: &str) -> StoreError {
    StoreError::Remote {
        action,
        said: said.to_owned(),
        may_pass: !REFUSALS.iter().any(|words| said.contains(words)),
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
