//! Why a state cannot be used, and what a person can do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::run::OrganizationId;
use crate::state::{FoldError, FormatError, Holder};

/// Why the state cannot be read, held or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds it.
    #[error("it is held by {}", .0.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string))]
    Locked(Option<Holder>),
    /// It cannot be locked at all.
    #[error("cannot lock {}: {source}", path.display())]
    NoLock {
        /// The lock file.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// Another hand was at a file of it while it was held.
    #[error("{} was changed, replaced or removed while this command held it", .0.display())]
    Changed(PathBuf),
    /// It was taken over, or written to without a hold on it.
    #[error("it was taken over by {}", .0.as_ref().map_or_else(|| "somebody else".to_owned(), ToString::to_string))]
    Fenced(Option<Holder>),
    /// A remote place refused, or did not answer.
    #[error("cannot {action}: {said}")]
    Remote {
        /// What was tried.
        action: &'static str,
        /// What came back.
        said: String,
        /// Whether the same may go well a little later; a refusal does not.
        may_pass: bool,
    },
    /// The repository has no remote that is meant.
    #[error("cannot find the remote: {0}")]
    NoRemote(&'static str),
    /// A store without what keeps two holders apart.
    #[error("cannot keep two applies apart there: {0}")]
    NoConditionalWrites(String),
    /// A commit of a state's branch holds neither file of a state, or other files than were read
    /// from it.
    #[error(
        "its commit {0} does not hold what each commit of a state holds, or holds something else \
         than was read from it"
    )]
    Unread(String),
    /// A write takes longer than anything may be sent on an intent that it brings.
    #[error(
        "a write to it takes {} s, and with a lease of {} s nothing can be sent that late",
        took.as_secs(),
        lease.as_secs()
    )]
    TooSlow {
        /// How long the last write took.
        took: Duration,
        /// How long the lease lasts.
        lease: Duration,
    },
    /// A file of it cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// What is stored is not a state.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It belongs to another organization.
    #[error("it belongs to the organization {found}, not to {wanted}")]
    ForeignOrganization {
        /// Whose it is.
        found: OrganizationId,
        /// Whose was asked for.
        wanted: OrganizationId,
    },
    /// An entry that would have made the journal unreadable was not written.
    #[error("an entry does not follow from those before it: {0}")]
    Illegal(#[from] FoldError),
    /// An earlier write failed, so what is on the disk is not known.
    #[error("an earlier write to it failed")]
    Failed,
}

impl StoreError {
    /// Whether the same may go well a little later: a holder may let go, and a remote that did not
    /// answer may answer; one that refuses will not.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Locked(_) | Self::Remote { may_pass: true, .. })
    }

    /// What a person can do about it, where the state is kept in `place`.
    pub(crate) fn hints(&self, place: &str) -> Vec<&'static str> {
        match self {
            Self::Locked(_) => vec!["wait for it to end; nothing was sent by this command"],
            Self::NoLock { .. } => vec![
                "without a lock two applies at once could not be kept apart; keep the state on \
                 another file system, with --state FOLDER",
            ],
            Self::Fenced(_) => vec![
                "nothing was sent that is not recorded; let the other one end, and apply again",
            ],
            Self::NoRemote(_) => vec![
                "the state is kept on a branch of the remote `origin`: add one with `git remote add \
                 origin URL`; or keep the state on this machine, with `state: .backfill` in \
                 backfill.yaml",
            ],
            Self::Io { source, .. } | Self::Read { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                vec![
                    "give this user the right to read and write there, or name another place with \
                     --state",
                ]
            }
            Self::Remote { .. } => vec![
                if place.starts_with("git:") {
                    "it is your own git that reads the branch and pushes to it, in the repository of \
                     the config or of the current folder: `git ls-remote` and `git push --dry-run` \
                     tell more; a job of GitHub Actions needs `contents: write` to push, and no rule \
                     that protects the branch from it"
                } else {
                    "docs/state.md, \"Where the state is kept\", says where bucket, credentials, \
                     region and endpoint are looked for"
                },
                "nothing was sent that is not recorded; the next apply goes on from there",
            ],
            Self::NoConditionalWrites(_) => vec![
                "the server must create an object only if there is none (`If-None-Match: *`), as S3, \
                 Azure, Google Cloud Storage, R2 and MinIO do; or keep the state on git:BRANCH",
            ],
            Self::Unread(_) => vec![
                "nothing was sent, and nothing was written: `git log` of the branch shows the \
                 commits that hold state.jsonl; docs/troubleshooting.md says how to go on from one",
                "only where no commit of it ever held a state.jsonl, delete the branch and apply \
                 again",
            ],
            Self::TooSlow { .. } => vec!["raise `lease` in the config"],
            Self::Changed(_) => vec![
                "nothing was sent that is not recorded; find out what else writes there (another \
                 tool, a checkout, a sync client), then see `backfill state verify`",
            ],
            Self::Format(FormatError::Newer { .. } | FormatError::NewerLine { .. }) => {
                vec!["use the version of backfill that wrote it, or a newer one"]
            }
            Self::Format(FormatError::Moved { .. }) => {
                vec!["name that with --state, or as `state` in backfill.yaml"]
            }
            Self::Format(_) => vec![
                "nothing was changed; restore both files from the same copy, if there is one",
                "without a copy, wait until the settle delay has passed since the last request and \
                 the last startTime, and move both away: the next apply adopts the runs that are \
                 listed with their windows, and knows of no others",
            ],
            Self::ForeignOrganization { .. } => {
                vec!["name another state with --state, or another organization"]
            }
            Self::Io { .. } => vec![
                "nothing was sent that is not recorded; the next apply goes on where this ended",
            ],
            Self::Read { .. } | Self::Illegal(_) | Self::Failed => Vec::new(),
        }
    }
}
