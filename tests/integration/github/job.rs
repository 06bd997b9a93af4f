//! A job, played as a runner plays it: checkout, the composite action's own scripts, files for
//! outputs and summaries, and the signals of a cancellation.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation>

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hub::{Hub, REPOSITORY};
use super::log::outputs;
use super::workflow::{JobStatus, Names, Step, action, expand, holds, job};
use crate::support::emulated::signal;
use crate::support::git::git;
use crate::support::release::archive;
use crate::support::workspace::Workspace;

/// Where the repository of the product is, with the action.
const PRODUCT: &str = env!("CARGO_MANIFEST_DIR");
/// How the workflows of a user's repository name the action.
pub(crate) const ACTION: &str = "team/backfill@0123456789abcdef0123456789abcdef01234567";

/// A bare repository with `main`, and a developer's clone of it.
pub(crate) struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    /// A new one, with what `init` writes and this config.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        git(
            folder.path(),
            "init --quiet --bare --initial-branch=main remote.git",
        );
        git(folder.path(), "init --quiet --initial-branch=main clone");
        let repository = Self { folder };
        let clone = repository.clone();
        let url = repository.url();
        git(&clone, &format!("remote add origin {url}"));
        let binary = assert_cmd::cargo::cargo_bin!("backfill");
        let ran = Command::new(binary)
            .args(["init", "--action", ACTION])
            .current_dir(&clone)
            .env_clear()
            .output();
        assert!(ran.expect("the binary runs").status.success());
        fs::remove_file(clone.join("manifests/example.yaml")).expect("it was written");
        let written = fs::read_to_string(clone.join("backfill.yaml")).expect("written");
        assert!(
            written.contains("\nstate: git:backfill-state\n"),
            "{written}"
        );
        repository.write("backfill.yaml", &(written + config));
        repository.commit("main", "first files");
        repository
    }

    fn url(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    pub(crate) fn clone(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.clone().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    /// Commits everything and pushes it to `branch`; gives the commit.
    pub(crate) fn commit(&self, branch: &str, message: &str) -> String {
        let clone = self.clone();
        git(&clone, "add --all");
        git(
            &clone,
            &format!(
                "commit --quiet --allow-empty -m {}",
                message.replace(' ', "-")
            ),
        );
        git(
            &clone,
            &format!("push --quiet origin HEAD:refs/heads/{branch}"),
        );
        self.head()
    }

    fn head(&self) -> String {
        git(&self.clone(), "rev-parse HEAD").trim().to_owned()
    }
}

/// What started a job.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) payload: Value,
    pub(crate) reference: String,
}

impl Event {
    /// A push to a pull request of a branch of the same repository, or of a fork.
    pub(crate) fn pull_request(number: u64, head: &str) -> Self {
        let side = |repository: &str| {
            json!({ "ref": "x", "sha": "0", "repo": { "full_name": repository,
                "fork": repository != REPOSITORY } })
        };
        Self {
            name: "pull_request",
            payload: json!({ "action": "synchronize", "number": number,
                "pull_request": { "number": number, "state": "open", "draft": false,
                    "head": side(head), "base": side(REPOSITORY) },
                "repository": { "full_name": REPOSITORY }, "sender": { "login": "alice" } }),
            reference: format!("refs/pull/{number}/merge"),
        }
    }

    pub(crate) fn push(sha: &str) -> Self {
        Self {
            name: "push",
            payload: json!({ "ref": "refs/heads/main", "after": sha, "before": "0", "forced": false,
                "repository": { "full_name": REPOSITORY }, "pusher": { "name": "alice" } }),
            reference: "refs/heads/main".to_owned(),
        }
    }

    /// Started by hand, with these inputs; GitHub's API takes any text for them.
    pub(crate) fn dispatch(inputs: &[(&str, &str)]) -> Self {
        let inputs: serde_json::Map<String, Value> = inputs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        Self {
            name: "workflow_dispatch",
            payload: json!({ "inputs": inputs, "ref": "refs/heads/main",
                "repository": { "full_name": REPOSITORY }, "sender": { "login": "eve" } }),
            reference: "refs/heads/main".to_owned(),
        }
    }

    pub(crate) fn schedule() -> Self {
        Self {
            name: "schedule",
            payload: json!({ "schedule": "23 4 * * *", "repository": { "full_name": REPOSITORY } }),
            reference: "refs/heads/main".to_owned(),
        }
    }
}

/// Has all commands of `workspace` run in a job, as far as they see it: without a runner around it.
pub(crate) fn in_a_job(workspace: &mut Workspace, hub: &Hub, event: &Event) {
    let payload = workspace.write("event.json", &event.payload.to_string());
    let summary = workspace.path().join("summary.md");
    for (name, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", hub.url().as_str()),
        ("GITHUB_EVENT_NAME", event.name),
        ("GITHUB_EVENT_PATH", &payload.display().to_string()),
        ("GITHUB_REPOSITORY", REPOSITORY),
        ("GITHUB_STEP_SUMMARY", &summary.display().to_string()),
        ("GITHUB_TOKEN", "ghs_of_the_job"),
    ] {
        workspace.set(name, value);
    }
}

/// A job of a workflow of the repository, about to run.
pub(crate) struct Job<'w> {
    pub(crate) repository: &'w Repository,
    pub(crate) hub: &'w Hub,
    /// The workflow's file.
    pub(crate) workflow: &'static str,
    pub(crate) event: Event,
    pub(crate) sha: String,
    pub(crate) attempt: u32,
    /// What the job's machine has in its environment besides.
    pub(crate) machine: Vec<(&'static str, String)>,
}

/// What a job came to.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// The exit code of the step that ran the program; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
    pub(crate) summary: String,
    pub(crate) outputs: BTreeMap<String, String>,
    /// The files that were kept, by name.
    pub(crate) artifacts: BTreeMap<String, String>,
    /// How long the program went on after it was told to stop.
    pub(crate) stopped_after: Duration,
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.log);
        self
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }
}

/// How the runner ends a step while it works.
pub(crate) enum Cancel<'c> {
    Never,
    /// When this comes back: as if somebody had cancelled the job.
    When(&'c dyn Fn()),
    /// When this comes back: as if the machine were gone.
    LostWhen(&'c dyn Fn()),
}

/// The machine that a job runs on, gone with it.
struct Machine {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    names: Names,
}

impl Job<'_> {
    pub(crate) fn run(&self) -> Ran {
        self.run_until(&Cancel::Never)
    }

    pub(crate) fn run_until(&self, cancel: &Cancel<'_>) -> Ran {
        let path = format!(".github/workflows/backfill-{}.yml", self.workflow);
        let shown = format!("show {}:{path}", self.sha);
        let text = git(&self.repository.bare(), &shown);
        let (steps, condition) = job(&text);
        let mut machine = self.machine();
        assert!(
            holds(condition.as_deref(), JobStatus::Success, &machine.names),
            "the job is skipped"
        );
        let mut ran = Ran::default();
        let mut status = JobStatus::Success;
        for step in steps {
            if !holds(step.condition.as_deref(), status, &machine.names) {
                continue;
            }
            let uses = step.uses.as_deref().expect("all steps use something");
            if uses.starts_with("actions/checkout@") {
                self.check_out(&machine, &step);
            } else if uses.starts_with("actions/upload-artifact@") {
                keep(&machine, &step, &mut ran);
            } else {
                let (owner, commit) = ACTION.split_once('@').expect("a constant");
                let expected = format!("{owner}/.github/actions/backfill@{commit}");
                assert_eq!(uses, expected);
                if step.may_fail {
                    let before = (ran.code, ran.outputs.clone());
                    Self::act(&mut machine, &step, owner, &Cancel::Never, &mut ran);
                    (ran.code, ran.outputs) = before;
                    continue;
                }
                Self::act(&mut machine, &step, owner, cancel, &mut ran);
                status = match (cancel, ran.code) {
                    (Cancel::Never, Some(0)) => JobStatus::Success,
                    (Cancel::Never, _) => JobStatus::Failure,
                    _ => JobStatus::Cancelled,
                };
            }
        }
        ran
    }

    /// The environment that a runner makes, and what expressions see of it.
    fn machine(&self) -> Machine {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name).display().to_string();
        for name in ["work", "temp", "home"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        fs::write(place("event.json"), self.event.payload.to_string()).expect("written");
        let mut environment: Vec<(String, String)> = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_ACTION_REPOSITORY", String::new()),
            ("GITHUB_ACTOR", "alice".to_owned()),
            ("GITHUB_API_URL", self.hub.url()),
            ("GITHUB_EVENT_NAME", self.event.name.to_owned()),
            ("GITHUB_EVENT_PATH", place("event.json")),
            ("GITHUB_REF", self.event.reference.clone()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GITHUB_RUN_ATTEMPT", self.attempt.to_string()),
            ("GITHUB_RUN_ID", "7000000001".to_owned()),
            ("GITHUB_SERVER_URL", self.hub.url()),
            ("GITHUB_SHA", self.sha.clone()),
            ("GITHUB_WORKSPACE", place("work")),
            ("HOME", place("home")),
            ("PATH", std::env::var("PATH").expect("a path")),
            ("RUNNER_ARCH", "X64".to_owned()),
            ("RUNNER_OS", "Linux".to_owned()),
            ("RUNNER_TEMP", place("temp")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let machine = self.machine.iter();
        environment.extend(machine.map(|(name, value)| ((*name).to_owned(), value.clone())));
        let names = [
            ("github.event.pull_request.number", "7"),
            ("github.ref", &self.event.reference),
            ("github.run_attempt", &self.attempt.to_string()),
            ("github.token", "ghs_of_the_job"),
            ("runner.temp", &place("temp")),
            ("vars.AEP_ORG_ID", "5C13@AdobeOrg"),
            ("vars.AEP_CLIENT_ID", "our-key"),
            ("vars.AEP_SCOPES", "openid"),
            ("vars.AEP_SANDBOX_NAME", "prod"),
            ("secrets.AEP_CLIENT_SECRET", "our-secret-of-the-environment"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let inputs = &self.event.payload["inputs"];
        let given = inputs
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let value = value.as_str().expect("a text");
                (format!("inputs.{name}"), value.to_owned())
            });
        let json = serde_json::to_string_pretty(inputs).expect("JSON");
        let json = [("toJSON(github.event.inputs)".to_owned(), json)];
        let names = names.into_iter().chain(given).chain(json).collect();
        Machine {
            folder,
            environment,
            names,
        }
    }

    /// As the action of that name does it: the one commit, on no branch.
    fn check_out(&self, machine: &Machine, step: &Step) {
        let credentials = step
            .with
            .iter()
            .find(|(name, _)| name == "persist-credentials");
        let keeps = credentials.is_some_and(|(_, value)| value == "true");
        assert!(
            keeps,
            "the state could not be read from a private repository"
        );
        let work = machine.folder.path().join("work");
        git(&work, "init --quiet");
        git(
            &work,
            &format!("remote add origin {}", self.repository.url()),
        );
        git(
            &work,
            &format!("fetch --quiet --depth=1 origin {}", self.sha),
        );
        git(&work, "checkout --quiet --detach FETCH_HEAD");
    }

    /// The composite action: its steps, with its inputs.
    fn act(machine: &mut Machine, step: &Step, owner: &str, cancel: &Cancel<'_>, ran: &mut Ran) {
        let folder = Path::new(PRODUCT).join(".github/actions/backfill");
        let text = fs::read_to_string(folder.join("action.yml")).expect("the action");
        let (steps, inputs, results) = action(&text);
        let mut inner = machine.names.clone();
        // Its inputs are its own.
        inner.retain(|name, _| !name.starts_with("inputs."));
        inner.insert("github.action_repository".to_owned(), owner.to_owned());
        for (name, default) in &inputs {
            let given = step.with.iter().find(|(known, _)| known == name);
            let value = given.map_or(default, |(_, value)| value);
            let value = expand(value, &machine.names);
            inner.insert(format!("inputs.{name}"), value);
        }
        for (name, _) in &step.with {
            assert!(
                inputs.iter().any(|(known, _)| known == name),
                "no input `{name}`"
            );
        }
        let env = |env: &[(String, String)], names: &Names| -> Vec<(String, String)> {
            let expanded = env
                .iter()
                .map(|(name, value)| (name.clone(), expand(value, names)));
            expanded.collect()
        };
        let outer = env(&step.env, &machine.names);
        for step in &steps {
            let number = ran.log.len();
            let place = |name: &str| machine.folder.path().join(format!("{name}-{number}"));
            let files = ["output", "summary", "path", "script"].map(place);
            let [output, summary, path, script] = &files;
            let run = step.run.as_deref().expect("a shell's step");
            for file in [output, summary, path] {
                fs::write(file, "").expect("written");
            }
            fs::write(script, expand(run, &inner)).expect("written");
            let directory = expand(&step.working_directory, &inner);
            let shown = |path: &Path| path.display().to_string();
            let child = Command::new("bash")
                .args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
                .arg(script)
                .current_dir(machine.folder.path().join("work").join(directory))
                .env_clear()
                .envs(machine.environment.clone())
                .envs(outer.clone())
                .envs(env(&step.env, &inner))
                .env("GITHUB_ACTION_PATH", shown(&folder))
                .env("GITHUB_OUTPUT", shown(output))
                .env("GITHUB_STEP_SUMMARY", shown(summary))
                .env("GITHUB_PATH", shown(path))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("bash runs");
            let never = Cancel::Never;
            let is_program = step.id == "run";
            let (code, log) = watch(child, if is_program { cancel } else { &never }, ran);
            ran.log.push_str(&log);
            ran.code = code;
            let read = |path: &PathBuf| fs::read_to_string(path).expect("text");
            ran.summary.push_str(&read(summary));
            for (name, value) in outputs(&read(output)) {
                inner.insert(format!("steps.{}.outputs.{name}", step.id), value);
            }
            for folder in read(path).lines() {
                let known = machine
                    .environment
                    .iter_mut()
                    .find(|(name, _)| name == "PATH");
                let (_, value) = known.expect("there is one");
                *value = format!("{folder}:{value}");
            }
            if code != Some(0) {
                break;
            }
        }
        for (name, value) in results {
            ran.outputs.insert(name, expand(&value, &inner));
        }
    }
}

/// Waits for a step's process, and ends it when that is due.
fn watch(mut child: Child, cancel: &Cancel<'_>, ran: &mut Ran) -> (Option<i32>, String) {
    let mut readers = Vec::new();
    let out = child.stdout.take().expect("piped");
    let err = child.stderr.take().expect("piped");
    readers.push(read_to_end(out));
    readers.push(read_to_end(err));
    match cancel {
        Cancel::Never => {}
        Cancel::When(wait) => {
            wait();
            let start = Instant::now();
            signal(&child, "INT");
            // The process that got the signal, whatever it runs, is given so long.
            if !ends_within(&mut child, Duration::from_millis(7_500)) {
                signal(&child, "TERM");
                if !ends_within(&mut child, Duration::from_millis(2_500)) {
                    signal(&child, "KILL");
                }
            }
            ran.stopped_after = start.elapsed();
        }
        Cancel::LostWhen(wait) => {
            wait();
            signal(&child, "KILL");
        }
    }
    let code = child.wait().expect("it ends").code();
    let log = readers
        .into_iter()
        .map(|reader| reader.join().expect("it reads"));
    (code, log.collect())
}

fn ends_within(child: &mut Child, length: Duration) -> bool {
    let start = Instant::now();
    loop {
        if child.try_wait().expect("a child").is_some() {
            return true;
        }
        if start.elapsed() > length {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read_to_end(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("text");
        text
    })
}

/// As the action of that name does it: a file that is not archived is called as it is.
fn keep(machine: &Machine, step: &Step, ran: &mut Ran) {
    let with = |name: &str| {
        let found = step.with.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| expand(value, &machine.names))
    };
    let path = with("path").expect("a path is given");
    let name = if with("archive").as_deref() == Some("false") {
        let name = Path::new(&path).file_name().expect("a file");
        name.to_string_lossy().into_owned()
    } else {
        with("name").expect("a name is given")
    };
    if let Ok(text) = fs::read_to_string(path) {
        ran.artifacts.insert(name, text);
    }
}

/// Has `hub` offer a release of the program that is tested, packed as releases are.
pub(crate) fn publish(hub: &Hub) {
    hub.world().releases.clone_from(release());
}

/// A release of the program that is tested: the paths of its files, the archive last, and their bytes.
pub(crate) fn release() -> &'static Vec<(String, Vec<u8>)> {
    static RELEASE: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    RELEASE.get_or_init(|| {
        let (name, bytes) = archive();
        let sum = Sha256::digest(bytes)
            .iter()
            .fold(String::new(), |sum, byte| format!("{sum}{byte:02x}"));
        let (owner, _) = ACTION.split_once('@').expect("a constant");
        let root = format!("/{owner}/releases/download/v{}", env!("CARGO_PKG_VERSION"));
        vec![
            (
                format!("{root}/SHA256SUMS"),
                format!("{sum}  {name}\n").into_bytes(),
            ),
            (format!("{root}/{name}"), bytes.clone()),
        ]
    })
}
