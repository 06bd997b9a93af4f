//! The project folder: the one that has the config, whatever folder of it the command is run in.
//!
//! `backfill.yaml` is looked for in the current folder and in those above it, up to the root of the
//! repository; outside a repository, up to the root of the file system. The default manifests, the
//! default state and every relative path in the config are relative to where it is found, so that one
//! config is one state. Paths are given as they would be typed in the current folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config;

/// Where manifests are beside the config, unless said otherwise.
const MANIFESTS: &str = "manifests";
/// Where the state is, unless said otherwise.
const STATE: &str = ".backfill";

/// The folder that relative paths are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// The config, or where it would be.
    config: PathBuf,
    /// Whether the config was named or found.
    has_config: bool,
    /// The folder of the config; empty, if that is the current one.
    folder: PathBuf,
    /// The folder of the default state.
    state_folder: PathBuf,
}

impl Project {
    /// The project of the config `named`, or of the one that is found from the current folder.
    pub(crate) fn find(named: Option<&Path>) -> Self {
        if let Some(config) = named {
            return Self::of_config(config.to_owned());
        }
        let here = std::env::current_dir().unwrap_or_default();
        match find_above(&here, config::DEFAULT, is_there) {
            Some(above) => Self::of_config(above.join(config::DEFAULT)),
            None => Self {
                config: config::DEFAULT.into(),
                has_config: false,
                folder: PathBuf::new(),
                state_folder: folder_of_state(&here),
            },
        }
    }

    fn of_config(config: PathBuf) -> Self {
        let folder = config.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            config,
            has_config: true,
            state_folder: folder.clone(),
            folder,
        }
    }

    /// The config, or where it would be.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The config, if it was named or found.
    pub(crate) fn found_config(&self) -> Option<&Path> {
        self.has_config.then_some(&self.config)
    }

    /// The folder that paths in the config are relative to; empty, if that is the current one.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the folder is the current one.
    pub(crate) fn is_here(&self) -> bool {
        let real = |folder: &Path| fs::canonicalize(folder).ok();
        self.folder.as_os_str().is_empty() || real(&self.folder) == real(Path::new("."))
    }

    /// The manifests that are read where none are named.
    pub(crate) fn manifests(&self) -> PathBuf {
        self.folder.join(MANIFESTS)
    }

    /// The folder of the state where none is named.
    pub(crate) fn state(&self) -> PathBuf {
        self.state_folder.join(STATE)
    }
}

/// Where the default state is without a config: in the nearest folder that has one already, else in
/// the repository's root, else here.
fn folder_of_state(here: &Path) -> PathBuf {
    let root = |folder: &Path, _: &str| is_there(folder, ".git");
    find_above(here, STATE, holds_state)
        .or_else(|| find_above(here, "", root))
        .unwrap_or_default()
}

/// The nearest folder from `here` up that `has` an entry of this name, no further than the root of the
/// repository; as it would be typed here.
fn find_above(here: &Path, name: &str, has: impl Fn(&Path, &str) -> bool) -> Option<PathBuf> {
    let mut typed = PathBuf::new();
    for folder in here.ancestors() {
        if has(folder, name) {
            return Some(typed);
        }
        if is_there(folder, ".git") {
            return None;
        }
        typed.push("..");
    }
    None
}

/// Whether there is anything of this name, a link that leads nowhere included: passing over it would
/// mean something else than what was written.
fn is_there(folder: &Path, name: &str) -> bool {
    match folder.join(name).symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn holds_state(folder: &Path, name: &str) -> bool {
    is_state(&folder.join(name))
}

/// Whether a state is kept in the folder.
pub(crate) fn is_state(folder: &Path) -> bool {
    is_there(folder, "state.jsonl") || is_there(folder, "journal.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        folder
    }

    #[test]
    fn a_name_is_looked_for_upwards_to_the_root_of_the_repository() {
        let folder = folder(&[
            "backfill.yaml",
            "team/.git/HEAD",
            "team/deploy/backfill.yaml",
            "team/deploy/manifests/crm/a.yaml",
            "team/src/a",
            "loose/src/a",
        ]);
        for (here, found) in [
            ("team/deploy", Some("")),
            ("team/deploy/manifests", Some("..")),
            ("team/deploy/manifests/crm", Some("../..")),
            ("team/src", None),
            ("team", None),
            ("loose/src", Some("../..")),
        ] {
            let here = folder.path().join(here);
            let above = find_above(&here, config::DEFAULT, is_there);
            assert_eq!(above, found.map(PathBuf::from), "{}", here.display());
        }
    }

    #[test]
    fn without_a_config_one_repository_has_one_default_state() {
        let folder = folder(&[
            "team/.git/HEAD",
            "team/old/.backfill/journal.jsonl",
            "team/old/manifests/a.yaml",
            "team/new/manifests/a.yaml",
            "loose/manifests/a.yaml",
        ]);
        for (here, state) in [
            ("team", ""),
            ("team/new", ".."),
            ("team/new/manifests", "../.."),
            ("team/old", ""),
            ("team/old/manifests", ".."),
            ("loose/manifests", ""),
        ] {
            let here = folder.path().join(here);
            assert_eq!(
                folder_of_state(&here),
                Path::new(state),
                "{}",
                here.display()
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_config_that_is_a_link_to_nowhere_is_found() {
        let folder = folder(&["backfill.yaml", "deploy/manifests/a.yaml"]);
        let deploy = folder.path().join("deploy");
        std::os::unix::fs::symlink("gone.yaml", deploy.join("backfill.yaml")).expect("a link");
        let above = find_above(&deploy, config::DEFAULT, is_there);
        assert_eq!(above, Some(PathBuf::new()));
    }

    #[test]
    fn what_a_config_names_is_beside_it() {
        for (config, manifests, state) in [
            ("backfill.yaml", "manifests", ".backfill"),
            ("../other.yaml", "../manifests", "../.backfill"),
            (
                "deploy/backfill.yaml",
                "deploy/manifests",
                "deploy/.backfill",
            ),
        ] {
            let project = Project::find(Some(Path::new(config)));
            assert_eq!(project.manifests(), Path::new(manifests));
            assert_eq!(project.state(), Path::new(state));
        }
    }
}
