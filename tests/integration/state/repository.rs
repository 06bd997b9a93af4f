//! A bare repository, and workspaces that have it for their remote.

use std::time::Duration;

use aep_backfill::store::{StateBackend, git_branch};

use crate::support::git::git;
use crate::support::workspace::Workspace;

/// The branch of the state.
pub(super) const BRANCH: &str = "backfill-state";

pub(super) struct Repository {
    bare: tempfile::TempDir,
}

impl Repository {
    pub(super) fn new() -> Self {
        let bare = tempfile::tempdir().expect("a folder");
        git(bare.path(), "init --quiet --bare");
        Self { bare }
    }

    /// A workspace that is a clone of it.
    pub(super) fn workspace(&self) -> Workspace {
        let mut workspace = Workspace::new();
        git(workspace.path(), "init --quiet");
        let remote = format!("remote add origin {}", self.bare.path().display());
        git(workspace.path(), &remote);
        workspace.write("backfill.yaml", "version: 1\nlease: 10 seconds\n");
        // Where git is: the environment is empty otherwise.
        workspace.set("PATH", &std::env::var("PATH").expect("a path"));
        workspace
    }

    /// What the commits of the branch say, the first one first, each in a line.
    pub(super) fn history(&self) -> String {
        git(
            self.bare.path(),
            &format!("log --reverse --format=%s {BRANCH}"),
        )
    }

    pub(super) fn remove(self) {
        self.bare.close().expect("ours");
    }
}

/// The state on the branch, as one who works in the workspace sees it.
pub(super) fn branch(workspace: &Workspace) -> impl StateBackend + use<> {
    let lease = Duration::from_secs(10);
    git_branch(workspace.path().to_owned(), BRANCH.to_owned(), lease)
}
