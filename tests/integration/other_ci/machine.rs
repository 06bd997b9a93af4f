//! The machine of a job: a folder that is gone with it, the tools that the job's image has, and a shell.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::git::git;
use crate::support::workspace::Ran;

pub(crate) struct Machine {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Machine {
    /// One with an empty folder for the checkout, and a `curl` that keeps what it was called with.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["bin", "home", "temp", "work"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let path = std::env::var("PATH").expect("a path");
        let mut machine = Self {
            folder,
            environment: Vec::new(),
        };
        machine.set(
            "PATH",
            &format!("{}:{path}", machine.place("bin").display()),
        );
        machine.set("HOME", &machine.place("home").display().to_string());
        machine.set("CI", "true");
        let real = std::env::split_paths(&path)
            .map(|folder| folder.join("curl"))
            .find(|file| file.exists())
            .expect("curl is installed");
        machine.tool(
            "curl",
            &format!(
                "printf '%s\\n' \"$*\" >>{}\nexec {} \"$@\"",
                machine.place("calls").display(),
                real.display()
            ),
        );
        machine
    }

    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets a variable for all scripts from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Has a folder searched for programs before all others, as a step asks for it.
    pub(crate) fn prepend_path(&mut self, folder: &str) {
        let known = self.environment.iter().find(|(name, _)| name == "PATH");
        let (_, path) = known.expect("there is one").clone();
        self.set("PATH", &format!("{folder}:{path}"));
    }

    /// Puts the program that is tested on the path.
    pub(crate) fn has_backfill(&self) {
        let binary = assert_cmd::cargo::cargo_bin!("backfill");
        symlink(binary, self.place("bin/backfill")).expect("a link");
    }

    /// Puts a tool on the path: a script for a shell.
    pub(crate) fn tool(&self, name: &str, script: &str) {
        let file = self.place("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("set");
    }

    /// Checks out one commit, on no branch and without the history, as all three systems do.
    pub(crate) fn check_out(&self, url: &str, sha: &str) {
        let work = self.place("work");
        git(&work, "init --quiet");
        git(&work, &format!("remote add origin {url}"));
        git(&work, &format!("fetch --quiet --depth=1 origin {sha}"));
        git(&work, "checkout --quiet --detach FETCH_HEAD");
    }

    /// Runs `script` in the checkout by `shell`, its flags included.
    pub(crate) fn run(&self, shell: &str, script: &str, set: &[(String, String)]) -> Ran {
        let file = self.place("script");
        fs::write(&file, script).expect("written");
        let mut words = shell.split(' ');
        let output = Command::new(words.next().expect("a shell"))
            .args(words)
            .arg(&file)
            .current_dir(self.place("work"))
            .env_clear()
            .envs(self.environment.iter().cloned())
            .envs(set.iter().cloned())
            .stdin(Stdio::null())
            .output();
        let ran = Ran::of(output.expect("the shell is installed"));
        // What anybody on the machine sees of it.
        let calls = fs::read_to_string(self.place("calls")).unwrap_or_default();
        for (name, value) in self.environment.iter().chain(set) {
            let is_secret = name.contains("TOKEN") || name.contains("SECRET");
            if is_secret {
                assert!(!calls.contains(value.as_str()), "{name} is in {calls}");
                let said = [&ran.stdout, &ran.stderr];
                assert!(
                    said.iter().all(|text| !text.contains(value.as_str())),
                    "{name}: {ran:?}"
                );
            }
        }
        ran
    }
}

/// Copies the files of `names` that are in `from`.
pub(crate) fn keep(from: &Path, names: &[String], to: &Path) {
    for name in names {
        let file = from.join(name);
        if file.exists() {
            fs::copy(&file, to.join(name)).expect("it can be copied");
        }
    }
}
