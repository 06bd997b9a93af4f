//! A team's repository outside GitHub, and the service that its jobs talk to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::emulated::Emulated;
use crate::support::git::git;
use crate::support::workspace::{Workspace, flow};

/// A file of `docs/ci`.
pub(crate) fn example(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/ci")
        .join(name);
    fs::read_to_string(file).expect("the example is there")
}

/// A bare repository with `main`, a developer's clone of it, and the emulator.
pub(crate) struct Team {
    folder: tempfile::TempDir,
    pub(crate) service: Emulated,
}

impl Team {
    /// One that has `pipeline` in the file of that name, and `limits` in its config.
    pub(crate) fn new(name: &str, pipeline: &str, limits: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let flows = Workspace::new();
        for n in 0..3 {
            flows.manifest(n, 1, false);
        }
        let team = Self {
            service: Emulated::start(&flows, ""),
            folder,
        };
        git(
            team.folder.path(),
            "init --quiet --bare --initial-branch=main remote.git",
        );
        git(
            team.folder.path(),
            "init --quiet --initial-branch=main clone",
        );
        git(&team.clone(), &format!("remote add origin {}", team.url()));
        team.write(name, pipeline);
        team.write(
            "backfill.yaml",
            &format!(
                "version: 1\nsandbox: prod\nstate: git:backfill-state\nsettleDelay: 2 seconds\n\
                 lease: 10 seconds\nlimits: {{ rate: 100/s{limits} }}\n"
            ),
        );
        team.commit("main", "first files");
        team
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    fn clone(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.clone().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    /// Writes the manifest of the `n`-th flow: a window for each day from 2022-01-01 up to `to`.
    pub(crate) fn want(&self, n: usize, to: &str) {
        let manifest = manifest(n, to);
        self.write(&format!("manifests/flow-{n}.yaml"), &manifest);
    }

    /// Writes one that has a mistake.
    pub(crate) fn slip(&self, n: usize) {
        let manifest = manifest(n, "2022-01-06").replace("every: 1 day", "every: 1 dya");
        self.write(&format!("manifests/flow-{n}.yaml"), &manifest);
    }

    /// Commits everything and pushes it to `branch`; gives the commit.
    pub(crate) fn commit(&self, branch: &str, message: &str) -> String {
        let clone = self.clone();
        git(&clone, "add --all");
        let message = message.replace(' ', "-");
        git(
            &clone,
            &format!("commit --quiet --allow-empty -m {message}"),
        );
        git(
            &clone,
            &format!("push --quiet origin HEAD:refs/heads/{branch}"),
        );
        git(&clone, "rev-parse HEAD").trim().to_owned()
    }

    /// How many runs the state on its branch has.
    pub(crate) fn recorded(&self) -> usize {
        let state = git(&self.bare(), "show backfill-state:state.jsonl");
        state.lines().count() - 1
    }

    /// What the history of the state says.
    pub(crate) fn history(&self) -> String {
        git(&self.bare(), "log --format=%B backfill-state")
    }

    /// What jobs know of the organization, and where the service is.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let url = &self.service.url;
        vec![
            ("AEP_CLIENT_ID", "our-key".to_owned()),
            ("AEP_ENDPOINT", url.clone()),
            ("AEP_IMS_ENDPOINT", url.clone()),
            ("AEP_ORG_ID", "5C13@AdobeOrg".to_owned()),
            ("AEP_SCOPES", "openid".to_owned()),
        ]
    }
}

fn manifest(n: usize, to: &str) -> String {
    format!(
        "version: 1\nflowId: {}\nsource: file\nreason: Restated after the migration\n\
         ranges:\n  - from: 2022-01-01\n    to: {to}\n    every: 1 day\n",
        flow(n)
    )
}
