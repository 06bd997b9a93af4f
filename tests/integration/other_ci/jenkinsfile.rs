//! A build of a Jenkinsfile, as a controller and its agents make it: which stages there are, the scripts of
//! their `sh` steps, and how each ends.
//!
//! Nothing here is Groovy but the little that the example uses. Of the code around a script it knows by its text
//! what an exit code means: what it does not find there is a panic, so that a test cannot pass by not looking.
//! <https://www.jenkins.io/doc/book/pipeline/syntax/>

use std::fs;
use std::path::Path;

use super::archive::{Archive, sum};
use super::machine::{Machine, keep};
use super::team::Team;

/// What a build is about.
#[derive(Clone)]
pub(crate) struct Build<'t> {
    pub(crate) team: &'t Team,
    pub(crate) archive: &'t Archive,
    pub(crate) file: String,
    /// The branch, or the empty text in a pull request.
    pub(crate) branch: &'static str,
    pub(crate) sha: String,
    pub(crate) is_by_timer: bool,
    /// What is otherwise than the file says, parameters among it.
    pub(crate) variables: Vec<(&'static str, &'static str)>,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StageStatus {
    Success,
    Unstable,
    Failure,
}

/// What a build came to.
pub(crate) struct Built {
    /// The stages that ran.
    pub(crate) stages: Vec<(String, StageStatus)>,
    pub(crate) log: String,
    archived: tempfile::TempDir,
}

impl Built {
    #[track_caller]
    pub(crate) fn artifact(&self, name: &str) -> String {
        fs::read_to_string(self.archived.path().join(name)).expect(name)
    }
}

impl Build<'_> {
    pub(crate) fn run(&self) -> Built {
        let mut built = Built {
            stages: Vec::new(),
            log: String::new(),
            archived: tempfile::tempdir().expect("a folder"),
        };
        let install = scripts(block(&self.file, "void install()")).concat();
        let stages = block(&self.file, "\n  stages");
        let mut rest = stages;
        while let Some((_, after)) = rest.split_once("\n    stage('") {
            let (name, after) = after.split_once("')").expect("a name");
            let stage = block(after, "");
            rest = after;
            if !self.holds_all(block(stage, "\n      when")) {
                continue;
            }
            let status = self.stage(stage, &install, &mut built);
            built.stages.push((name.to_owned(), status));
            if status == StageStatus::Failure {
                break;
            }
        }
        built
    }

    fn stage(&self, stage: &str, install: &str, built: &mut Built) -> StageStatus {
        if stage.contains("\n      input {") {
            assert!(!stage.contains("agent {"), "a machine would wait");
            return StageStatus::Success;
        }
        let machine = Machine::new();
        machine.check_out(&self.team.url(), &self.sha);
        let set = self.environment(stage, &machine);
        let work = machine.place("work");
        let steps = block(stage, "\n      steps");
        assert!(steps.trim_start().starts_with("install()"), "{steps}");
        if steps.contains("unstash 'plan'") {
            keep(
                built.archived.path(),
                &["backfill-plan.json".to_owned()],
                &work,
            );
        }
        let mut status = StageStatus::Success;
        for script in [install.to_owned()].into_iter().chain(scripts(steps)) {
            assert!(
                script.starts_with("#!/bin/sh -eu\n"),
                "else it is traced: {script}"
            );
            let ran = machine.run("sh -eu", &script, &set);
            built.log.push_str(&ran.stdout);
            built.log.push_str(&ran.stderr);
            let code = ran.code.expect("it was not killed");
            // What the step, or the code around it, makes of the exit code.
            let unstable = format!("if (code == {code}) {{\n");
            status = if code == 0 {
                status
            } else if steps.contains("returnStatus: true") && steps.contains(&unstable) {
                let after = steps.split_once(&unstable).expect("it is there").1;
                assert!(after.trim_start().starts_with("unstable("), "{after}");
                StageStatus::Unstable
            } else {
                let is_told = !steps.contains("returnStatus: true")
                    || steps.contains("} else if (code != 0) {\n");
                assert!(is_told, "the exit code is forgotten: {steps}");
                StageStatus::Failure
            };
            if status == StageStatus::Failure {
                break;
            }
        }
        let post = block(stage, "\n      post");
        let (_, names) = post
            .split_once("archiveArtifacts artifacts: '")
            .expect("files are kept");
        let (names, _) = names.split_once('\'').expect("whole");
        let names: Vec<&str> = names.split(", ").collect();
        assert!(post.trim_start().starts_with("always {"), "also on failure");
        archive(&work, &names, built.archived.path());
        status
    }

    fn environment(&self, stage: &str, machine: &Machine) -> Vec<(String, String)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let place = |name: &str| machine.place(name).display().to_string();
        let mut set = vec![
            own(
                "BUILD_URL",
                "https://ci.acme.com/job/backfills/job/main/42/",
            ),
            own("JENKINS_URL", "https://ci.acme.com/"),
            own("LIMIT", ""),
            own("WORKSPACE", &place("work")),
            own("WORKSPACE_TMP", &place("temp")),
            own("BACKFILL_ARCHIVE", &self.archive.url()),
            own("BACKFILL_SHA256", &sum()),
            own("BACKFILL_APPLY", &self.variable("BACKFILL_APPLY")),
        ];
        let given = self.variables.iter();
        set.extend(given.map(|(name, value)| own(name, value)));
        let settings = self.team.settings();
        set.extend(settings.iter().map(|(name, value)| own(name, value)));
        for credential in ["aep-client-secret", "aep-client-secret-audit"] {
            // The folder of the project of pull requests has none.
            let line = format!("AEP_CLIENT_SECRET = credentials('{credential}')");
            if stage.contains(&line) {
                assert_eq!(self.branch, "main");
                set.push(own("AEP_CLIENT_SECRET", "our-secret"));
            }
        }
        set
    }

    fn variable(&self, name: &str) -> String {
        let given = self.variables.iter().find(|(known, _)| *known == name);
        given.map_or_else(
            || {
                let line = format!("\n    {name} = '");
                let (_, value) = self.file.split_once(&line).expect("the file has it");
                value.split('\'').next().expect("a value").to_owned()
            },
            |(_, value)| (*value).to_owned(),
        )
    }

    /// Whether all conditions of a block hold.
    fn holds_all(&self, conditions: &str) -> bool {
        self.conditions(conditions).into_iter().all(|holds| holds)
    }

    fn conditions(&self, text: &str) -> Vec<bool> {
        let mut held = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let line = rest.lines().next().expect("a line").trim();
            let inner = line.ends_with('{').then(|| block(rest, ""));
            held.push(match (line, inner) {
                ("anyOf {", Some(inner)) => self.conditions(inner).into_iter().any(|holds| holds),
                ("allOf {", Some(inner)) => self.holds_all(inner),
                ("not {", Some(inner)) => !self.holds_all(inner),
                ("not { triggeredBy 'TimerTrigger' }", None) => !self.is_by_timer,
                ("triggeredBy 'TimerTrigger'", None) => self.is_by_timer,
                ("beforeAgent true" | "beforeInput true", None) => true,
                ("branch 'main'", None) => self.branch == "main",
                ("changeRequest()", None) => self.branch.is_empty(),
                ("environment name: 'BACKFILL_APPLY', value: 'reviewed'", None) => {
                    self.variable("BACKFILL_APPLY") == "reviewed"
                }
                (line, None) => {
                    let task = line
                        .strip_prefix("expression { params.TASK == '")
                        .and_then(|line| line.strip_suffix("' }"));
                    let given = self.variables.iter().find(|(name, _)| *name == "TASK");
                    let chosen = given.map_or("apply", |(_, value)| *value);
                    task.unwrap_or_else(|| panic!("not understood: {line}")) == chosen
                }
                (line, Some(_)) => panic!("not understood: {line}"),
            });
            let end = inner.map_or(line.len(), |inner| {
                let start = inner.as_ptr() as usize - rest.as_ptr() as usize;
                start + inner.len() + 1
            });
            rest = rest[end..].trim_start();
        }
        held
    }
}

/// What is between the braces that follow `heading`. Texts with three quotes may hold others.
fn block<'t>(text: &'t str, heading: &str) -> &'t str {
    let at = text
        .find(heading)
        .unwrap_or_else(|| panic!("no `{heading}` in {text}"));
    let open = at + text[at..].find('{').expect("a block");
    let mut depth = 0;
    let mut at = open;
    loop {
        let rest = &text[at..];
        if let Some(quoted) = rest.strip_prefix("'''") {
            at += 6 + quoted.find("'''").expect("a whole text");
            continue;
        }
        match rest.chars().next().expect("the block ends") {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        at += rest.chars().next().map_or(0, char::len_utf8);
        if depth == 0 {
            return &text[open + 1..at - 1];
        }
    }
}

/// The scripts of the `sh` steps, as Groovy reads its texts.
pub(crate) fn scripts(text: &str) -> Vec<String> {
    let parts = text.split("'''").skip(1).step_by(2);
    parts
        .map(|script| {
            let known = script.replace("\\\\", "");
            assert!(
                !known.contains('\\'),
                "Groovy would read it otherwise: {script}"
            );
            script.replace("\\\\", "\\")
        })
        .collect()
}

/// Copies the files whose names fit one of `names`, each a beginning and `*`.
fn archive(from: &Path, names: &[&str], to: &Path) {
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("readable");
        let name = entry.file_name().to_string_lossy().into_owned();
        let fits = |glob: &&str| name.starts_with(glob.strip_suffix('*').expect("a glob"));
        if names.iter().any(fits) {
            fs::copy(entry.path(), to.join(name)).expect("it can be copied");
        }
    }
}
