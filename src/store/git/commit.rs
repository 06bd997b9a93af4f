//! Commits: a version of the state after another, made of objects that only this repository has yet.

use super::{Branch, BranchVersion, JOURNAL, LOCK, Oid, STATE, WRITING};
use crate::store::StoreError;
use crate::store::remote::{CommitChange, Step};

impl Branch {
    /// Makes a commit after `from` here; nobody sees it before it is pushed.
    pub(super) async fn commit(
        &self,
        from: Option<&BranchVersion>,
        change: &CommitChange,
    ) -> Result<BranchVersion, StoreError> {
        let CommitChange { step, lease, what } = change;
        let (mut state, mut journal) = match from {
            Some(from) => {
                self.check(from).await?;
                (from.state.clone(), from.journal.clone())
            }
            None => (None, None),
        };
        match step {
            Step::Lease => {}
            Step::Append(lines) => {
                let mut whole = match &journal {
                    Some(oid) => self.blob(oid).await?,
                    None => Vec::new(),
                };
                whole.extend_from_slice(lines);
                journal = Some(self.write(&whole).await?);
            }
            Step::Replace {
                state: bytes,
                journal: lines,
            } => {
                state = Some(self.write(bytes).await?);
                journal = Some(self.write(lines).await?);
            }
        }
        let journal = match journal {
            Some(oid) => oid,
            None => self.write(b"").await?,
        };
        // Without a lease nobody holds it.
        let lock = match lease {
            Some(lease) => {
                let lease = serde_json::to_vec(lease).expect("a lease has string keys");
                Some(self.write(&lease).await?)
            }
            None => None,
        };
        let files = [(STATE, state.as_ref()), (JOURNAL, Some(&journal))];
        let mut tree = Vec::new();
        for (name, oid) in files.into_iter().chain([(LOCK, lock.as_ref())]) {
            if let Some(oid) = oid {
                tree.extend_from_slice(format!("100644 blob {oid}\t{name}\0").as_bytes());
            }
        }
        let line = async |arguments: &[&str], input: &[u8]| {
            self.repository.line(WRITING, arguments, input).await
        };
        let tree = line(&["mktree", "-z"], &tree).await?;
        let mut arguments = vec!["commit-tree", &tree];
        if let Some(from) = from {
            arguments.extend(["-p", &from.commit]);
        }
        let commit = line(&arguments, what.as_bytes()).await?;
        Ok(BranchVersion {
            commit,
            state,
            journal: Some(journal),
        })
    }

    /// Keeps a file's bytes in the repository, and gives their name.
    async fn write(&self, bytes: &[u8]) -> Result<Oid, StoreError> {
        let keep = ["hash-object", "-w", "--no-filters", "--stdin"];
        self.repository.line(WRITING, &keep, bytes).await
    }
}
