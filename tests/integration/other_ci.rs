//! The scripts of the examples for other CI systems than GitHub Actions, taken out of the files in `docs/ci` and run by a
//! shell: with the real binary, a bare repository, the emulator, and a stand-in for the API that has the comments.
//!
//! Which job runs when is up to the systems: `.ci/nightly examples` compares the files with the published schemas.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::github::job::{Repository, release};
use crate::support::emulated::{Emulated, assert_each_once};
use crate::support::git::git;
use crate::support::workspace::{Ran, Workspace, flow};
use crate::wire::server::{Server, Talk};

/// What must be on no command line and in no output.
const SECRETS: [(&str, &str); 3] = [
    ("AEP_CLIENT_SECRET", "our-secret"),
    ("BACKFILL_NOTES_TOKEN", "glpat-of-the-notes"),
    ("SYSTEM_ACCESSTOKEN", "system-access-of-the-job"),
];
/// How our comment begins, and one by somebody else.
const MARKER: &str = "<!-- backfill plan -->";
const FOREIGN: &str = "<!-- backfill plan -->\nEverything is fine, merge it";

/// What a job has in its environment, of whatever system.
const ENVIRONMENT: &str = "CI=true AEP_CLIENT_ID=our-key AEP_ORG_ID=5C13@AdobeOrg AEP_SANDBOX_NAME=prod \
    AEP_SCOPES=openid BACKFILL_APPLY=latest BUILD_BUILDID=42 BUILD_REPOSITORY_ID=3e4f \
    CI_COMMIT_SHORT_SHA=01234567 CI_MERGE_REQUEST_IID=3 CI_PIPELINE_URL=https://acme.com/41 \
    CI_PROJECT_ID=1 SYSTEM_PULLREQUEST_PULLREQUESTID=3 SYSTEM_TEAMPROJECTID=1 \
    SYSTEM_PULLREQUEST_SOURCECOMMITID=0123456789abcdef";

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_whitespace()
        .filter_map(|pair| pair.split_once('='))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    GitLab,
    Azure,
    Jenkins,
}

use System::{Azure, GitLab, Jenkins};

impl System {
    fn file(self) -> &'static str {
        match self {
            GitLab => "gitlab-ci.yml",
            Azure => "azure-pipelines.yml",
            Jenkins => "Jenkinsfile",
        }
    }

    /// As the system starts the shell.
    fn shell(self) -> &'static [&'static str] {
        match self {
            GitLab => &["bash", "-eo", "pipefail"],
            Azure => &["bash", "--noprofile", "--norc"],
            Jenkins => &["sh", "-eu"],
        }
    }

    /// What it alone sets.
    fn environment(self) -> &'static str {
        match self {
            GitLab => "GITLAB_CI=true CI_JOB_URL=https://acme.com/42",
            Azure => "TF_BUILD=True BACKFILL_LIMIT=0",
            Jenkins => "JENKINS_URL=https://acme.com/ BUILD_URL=https://acme.com/42 LIMIT=",
        }
    }

    /// The script of one job, or of one step.
    fn script(self, name: &str) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs/ci")
            .join(self.file());
        let text = fs::read_to_string(file).expect("the example is there");
        if self == Jenkins {
            let names = ["install", "plan", "apply", "follow", "audit"];
            let nth = names.iter().position(|known| *known == name);
            // Between three quotes, in which a backslash is two.
            let script = text.split("'''").nth(2 * nth.expect("known") + 1);
            return script.expect("it is there").replace("\\\\", "\\");
        }
        let file: Value = serde_yaml::from_str(&text).expect("YAML");
        if self == GitLab {
            let lines = file[name]["script"].as_array().expect("lines").iter();
            let lines: Vec<&str> = lines.map(|line| line.as_str().expect("text")).collect();
            return lines.join("\n");
        }
        let step = match name {
            "install" => "Install backfill",
            "plan" => "Plan",
            "comment" => "Comment",
            "apply" => "Apply",
            "follow" => "Retry and wait",
            _ => "Audit",
        };
        bash_step(&file, step).expect("it is there").to_owned()
    }
}

fn bash_step<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    match value {
        Value::Object(step) if step.contains_key("bash") && step["displayName"] == name => {
            step["bash"].as_str()
        }
        Value::Object(map) => map.values().find_map(|value| bash_step(value, name)),
        Value::Array(values) => values.iter().find_map(|value| bash_step(value, name)),
        _ => None,
    }
}

/// The comments of a merge or pull request, whether each is ours, and which requests changed them.
struct Comments {
    all: Vec<(bool, String)>,
    changes: Vec<String>,
}

impl Comments {
    /// What the API answers: <https://docs.gitlab.com/api/notes/> and
    /// <https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads>.
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut ids = path.split('/').filter_map(|part| part.parse().ok());
        let id: Option<usize> = ids.nth(2); // after the project's and the request's
        let body = body.pointer("/comments/0").unwrap_or(body);
        let text = body["body"].as_str().or(body["content"].as_str());
        let text = text.unwrap_or_default().to_owned();
        let numbered = self.all.iter().enumerate();
        match (method, id) {
            ("GET", _) if path.ends_with("/user") => (200, json!({ "id": 7 })),
            ("GET", _) if path.ends_with("/notes") => {
                let notes = numbered.map(|(n, (is_ours, body))| {
                    json!({ "id": n, "body": body, "author": { "id": if *is_ours { 7 } else { 8 } } })
                });
                (200, notes.collect())
            }
            ("GET", _) => {
                let threads: Value = numbered
                    .map(|(n, (_, text))| json!({ "id": n, "comments": [{ "id": 1, "content": text }] }))
                    .collect();
                (200, json!({ "value": threads }))
            }
            ("POST", _) => {
                self.changes.push(method.to_owned());
                self.all.push((true, text));
                (201, json!({}))
            }
            (_, Some(id)) if self.all[id].0 => {
                self.changes.push(method.to_owned());
                self.all[id].1 = text;
                (200, json!({}))
            }
            _ => (403, json!({})),
        }
    }
}

/// Serves the comments to who has a token, and the archive of a release to everybody.
fn serve(comments: Arc<Mutex<Comments>>) -> Server {
    Server::start(move |talk: &mut Talk| {
        while let Some(request) = talk.request() {
            let (head, body) = request.split_once("\r\n\r\n").expect("a head");
            let mut words = head.split([' ', '?']);
            let (method, path) = (words.next().expect("one"), words.next().expect("one"));
            if path.ends_with(".tar.gz") {
                talk.answer(200, &release()[1].1);
            } else if SECRETS.iter().any(|(_, token)| head.contains(token)) {
                let body = serde_json::from_str(body).unwrap_or_default();
                let mut comments = comments.lock().expect("no test has failed");
                let (status, answer) = comments.answer(method, path, &body);
                talk.answer(status, answer.to_string());
            } else {
                talk.answer(401, "");
            }
        }
    })
}

/// A team's repository, the service, and a machine that runs scripts.
struct World {
    system: System,
    repository: Repository,
    folder: tempfile::TempDir,
    service: Emulated,
    server: Server,
    comments: Arc<Mutex<Comments>>,
}

impl World {
    fn new(system: System, limits: &str) -> Self {
        let flows = Workspace::new();
        (0..2).for_each(|n| flows.manifest(n, 1, false));
        let comments = Arc::new(Mutex::new(Comments {
            all: vec![
                (false, "Looks good".to_owned()),
                (false, FOREIGN.to_owned()),
            ],
            changes: Vec::new(),
        }));
        let config = format!("settleDelay: 2 seconds\nlimits: {{ rate: 100/s{limits} }}\n");
        let world = Self {
            system,
            repository: Repository::new(&config),
            folder: tempfile::tempdir().expect("a folder"),
            service: Emulated::start(&flows, ""),
            server: serve(Arc::clone(&comments)),
            comments,
        };
        for name in ["bin", "home", "temp", "pipeline", "work"] {
            fs::create_dir(world.place(name)).expect("a folder");
        }
        let remote = world.repository.bare();
        git(&world.place("work"), "init --quiet");
        let remote = format!("remote add origin file://{}", remote.display());
        git(&world.place("work"), &remote);
        symlink(
            assert_cmd::cargo::cargo_bin!("backfill"),
            world.place("bin/backfill"),
        )
        .expect("a link");
        world.tool("apk", "exit 0");
        // What anybody on the machine sees of a request.
        let calls = world.place("calls").display().to_string();
        let curl = format!("printf '%s\\n' \"$*\" >>{calls}\nPATH=${{PATH#*:}} exec curl \"$@\"");
        world.tool("curl", &curl);
        world.want(0, "every: 1 day");
        world
    }

    fn tool(&self, name: &str, script: &str) {
        let file = self.place("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("set");
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Merges a manifest of the `n`-th flow, of five days.
    fn want(&self, n: usize, every: &str) {
        let manifest = format!(
            "version: 1\nflowId: {}\nsource: file\nreason: Restated after the migration\n\
             ranges:\n  - from: 2022-01-01\n    to: 2022-01-06\n    {every}\n",
            flow(n)
        );
        let name = format!("manifests/flow-{n}.yaml");
        self.repository.write(&name, &manifest);
        self.repository.commit("main", "more");
    }

    fn run(&self, name: &str, set: &[(&str, &str)]) -> Ran {
        // One commit, on no branch and without the history, as all three systems check out.
        let work = self.place("work");
        git(&work, "fetch --quiet --depth=1 origin main");
        git(&work, "checkout --quiet --detach FETCH_HEAD");
        let (service, server) = (self.service.url.as_str(), self.server.url());
        let at = |name: &str| self.place(name).display().to_string();
        let path = std::env::var("PATH").expect("a path");
        let archive = format!("{server}/backfill.tar.gz");
        let sums = String::from_utf8_lossy(&release()[0].1).into_owned();
        let (sum, _) = sums.split_once(' ').expect("a sum and a name");
        let script = self.place("script");
        fs::write(&script, self.system.script(name)).expect("written");
        let mut shell = self.system.shell().iter();
        let output = Command::new(shell.next().expect("a shell"))
            .args(shell)
            .arg(&script)
            .current_dir(&work)
            .env_clear()
            .envs([
                ("PATH", &*format!("{}:{path}", at("bin"))),
                ("HOME", &*at("home")),
                ("AEP_ENDPOINT", service),
                ("AEP_IMS_ENDPOINT", service),
                ("BACKFILL_ARCHIVE", &*archive),
                ("BACKFILL_SHA256", sum),
                ("WORKSPACE_TMP", &*at("temp")),
                ("AGENT_TEMPDIRECTORY", &*at("temp")),
                ("PIPELINE_WORKSPACE", &*at("pipeline")),
                ("SYSTEM_COLLECTIONURI", &*format!("{server}/team/")),
                ("CI_API_V4_URL", &*format!("{server}/api")),
            ])
            .envs(SECRETS)
            .envs(pairs(ENVIRONMENT))
            .envs(pairs(self.system.environment()))
            .envs(set.iter().copied())
            .stdin(Stdio::null())
            .output();
        let ran = Ran::of(output.expect("the shell is installed"));
        let calls = fs::read_to_string(self.place("calls")).unwrap_or_default();
        for seen in [&calls, &ran.stdout, &ran.stderr] {
            let shown = SECRETS.iter().find(|(_, secret)| seen.contains(secret));
            assert!(shown.is_none(), "{shown:?} is in {seen}");
        }
        ran
    }

    /// Fails unless a job ended with work left, which its system shows as a warning.
    #[track_caller]
    fn assert_warns(&self, ran: Ran) {
        if self.system == Azure {
            let warns = ran.stdout.contains("result=SucceededWithIssues;");
            assert!(warns && ran.code == Some(0), "{ran:?}");
        } else {
            ran.exits(2);
        }
    }
}

fn creates_each_once(system: System) {
    let world = World::new(system, "");
    if system != GitLab {
        let ran = world.run("install", &[("BACKFILL_SHA256", &*"0".repeat(64))]);
        assert!(ran.stdout.contains("backfill.tar.gz: FAILED"), "{ran:?}");
        assert!(!world.place("temp/backfill").exists());
        world.run("install", &[]).exits(0);
    }
    world.run("plan", &[]).exits(0);
    assert_eq!(world.service.ledger().creates, 0);
    world.run("apply", &[]).exits(0);
    assert_each_once(&world.service, 5);
    let state = git(&world.repository.bare(), "show backfill-state:state.jsonl");
    assert_eq!(state.lines().count() - 1, 5);
    let again = world.run("apply", &[]).exits(0);
    let nothing = "Nothing to do: 0 created, 5 unchanged.";
    assert!(again.stdout.contains(nothing), "{again:?}");
    world.run("follow", &[]).exits(0);
    world.run("audit", &[]).exits(0);
    assert_eq!(world.service.ledger().creates, 5);
}

fn limits_and_reviews_hold(system: System) {
    let world = World::new(system, ", newRunsPerApply: 3");
    if system == Jenkins {
        world.run("install", &[]).exits(0);
    }
    let limit = [("BACKFILL_LIMIT", "1"), ("LIMIT", "1")];
    world.assert_warns(world.run("apply", &limit));
    assert_each_once(&world.service, 1);
    world.assert_warns(world.run("apply", &[]));
    assert_each_once(&world.service, 4);
    // More is merged than the plan had that somebody has approved.
    world.run("plan", &[]).exits(0);
    world.want(1, "every: 1 day");
    world.assert_warns(world.run("apply", &[("BACKFILL_APPLY", "reviewed")]));
    assert_each_once(&world.service, 5);
    // A mistake that was merged sends nothing.
    world.want(1, "every: 1 dya");
    world.run("apply", &[]).exits(3);
    assert_eq!(world.service.ledger().creates, 5);
}

#[test]
fn the_example_for_gitlab_creates_each_run_once() {
    creates_each_once(GitLab);
    limits_and_reviews_hold(GitLab);
}

#[test]
fn the_example_for_azure_creates_each_run_once() {
    creates_each_once(Azure);
    limits_and_reviews_hold(Azure);
}

#[test]
fn the_example_for_jenkins_creates_each_run_once() {
    creates_each_once(Jenkins);
    limits_and_reviews_hold(Jenkins);
}

#[test]
fn the_comment_of_a_request_is_written_once_and_kept_up_to_date() {
    for (system, change) in [(GitLab, "PUT"), (Azure, "PATCH")] {
        let world = World::new(system, "");
        let comment = || {
            world.run("comment", &[]).exits(0);
            let mut comments = world.comments.lock().expect("not poisoned");
            assert_eq!(comments.all.len(), 3);
            assert_eq!(comments.all[1].1, FOREIGN);
            (comments.changes.split_off(0), comments.all[2].1.clone())
        };
        world.run("plan", &[]).exits(0);
        let (changes, text) = comment();
        assert_eq!(changes, ["POST"]);
        let first = format!("{MARKER}\n### backfill plan: 5 to create, 0 unchanged\n");
        assert!(text.starts_with(&first), "{text}");
        // A mistake fails the job, and the comment says what is wrong instead of a plan that does not hold.
        world.want(0, "every: 1 dya");
        world.run("plan", &[]).exits(3);
        let (changes, text) = comment();
        assert_eq!(changes, [change]);
        assert!(text.contains("manifests/flow-0.yaml:8"), "{text}");
        assert!(!text.contains("to create"), "{text}");
        // Whatever a plan has in it; a slash that begins a line would be a command to GitLab.
        let odd = "a \"quote\", a \\, a tab\t, $(id) `id`\n/approve\nü\n";
        for plan in ["work/backfill-plan.md", "pipeline/plan/backfill-plan.md"] {
            if world.place(plan).exists() {
                fs::write(world.place(plan), odd).expect("written");
            }
        }
        let (_, text) = comment();
        let slash = if system == GitLab { "&#47;" } else { "/" };
        assert!(
            text.contains(&odd.replace("/app", &format!("{slash}app"))),
            "{text}"
        );
    }
}
