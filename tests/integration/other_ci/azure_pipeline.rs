//! A run of an Azure pipeline, as a server and an agent make it of `azure-pipelines.yml`: which stages there
//! are, what their steps see, and how each ends.
//!
//! Only what the example uses is understood; anything else is a panic, so that a test cannot pass by not
//! looking. <https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/>

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_yaml::Value;

use super::archive::{Archive, sum};
use super::machine::Machine;
use super::team::Team;
use super::threads::TOKEN;

/// What a run is about.
#[derive(Clone)]
pub(crate) struct Run<'t> {
    pub(crate) team: &'t Team,
    pub(crate) archive: &'t Archive,
    /// The URL of the organization's collection is below it.
    pub(crate) api: String,
    pub(crate) file: String,
    pub(crate) reason: &'static str,
    /// The ref that is built.
    pub(crate) branch: &'static str,
    pub(crate) sha: String,
    /// The name of the schedule, if one started it.
    pub(crate) schedule: &'static str,
    /// What a person chose who started it.
    pub(crate) parameters: Vec<(&'static str, &'static str)>,
    /// Variables that are another than the file says.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StageStatus {
    Succeeded,
    SucceededWithIssues,
    Failed,
    Skipped,
}

use StageStatus::{Failed, Skipped, Succeeded, SucceededWithIssues};

/// What a run came to.
pub(crate) struct Ran {
    stages: BTreeMap<String, StageStatus>,
    pub(crate) log: String,
    artifacts: tempfile::TempDir,
}

impl Ran {
    /// The stages that ran, with how they ended.
    pub(crate) fn stages(&self) -> Vec<(&str, StageStatus)> {
        let stages = self
            .stages
            .iter()
            .map(|(name, status)| (name.as_str(), *status));
        stages.filter(|(_, status)| *status != Skipped).collect()
    }

    #[track_caller]
    pub(crate) fn artifact(&self, name: &str) -> String {
        fs::read_to_string(self.artifacts.path().join(name)).expect(name)
    }
}

type Pairs = Vec<(String, String)>;

impl Run<'_> {
    pub(crate) fn run(&self) -> Ran {
        self.run_with(&|_| {})
    }

    /// The same; between the stages `meanwhile` is done, which gets the name of the next.
    pub(crate) fn run_with(&self, meanwhile: &dyn Fn(&str)) -> Ran {
        let file: Value = serde_yaml::from_str(&self.file).expect("YAML");
        let variables = self.variables(&file);
        let mut ran = Ran {
            stages: BTreeMap::new(),
            log: String::new(),
            artifacts: tempfile::tempdir().expect("a folder"),
        };
        for stage in file["stages"].as_sequence().expect("stages") {
            let name = text(&stage["stage"]);
            let needed: Vec<StageStatus> = match stage.get("dependsOn") {
                None => ran.stages.values().copied().collect(),
                Some(Value::Sequence(none)) if none.is_empty() => Vec::new(),
                Some(one) => vec![ran.stages[&text(one)]],
            };
            let is_well = needed
                .iter()
                .all(|status| matches!(status, Succeeded | SucceededWithIssues));
            let status = if is_true(&stage["condition"], is_well, &variables) {
                meanwhile(&name);
                self.stage(stage, &variables, &mut ran)
            } else {
                Skipped
            };
            ran.stages.insert(name, status);
        }
        ran
    }

    fn stage(&self, stage: &Value, variables: &Pairs, ran: &mut Ran) -> StageStatus {
        let jobs = stage["jobs"].as_sequence().expect("jobs");
        assert_eq!(jobs.len(), 1, "one job");
        let job = &jobs[0];
        let steps = if job.get("deployment").is_some() {
            // Its checks are those of an environment.
            assert!(job.get("environment").is_some());
            &job["strategy"]["runOnce"]["deploy"]["steps"]
        } else {
            &job["steps"]
        };
        let groups = stage.get("variables").and_then(Value::as_sequence);
        let groups: Vec<String> = groups
            .map(|groups| groups.iter().map(|one| text(&one["group"])).collect())
            .unwrap_or_default();
        let mut machine = Machine::new();
        let pipeline = machine.place("pipeline");
        fs::create_dir(&pipeline).expect("a folder");
        let mut status = Succeeded;
        for step in steps.as_sequence().expect("steps") {
            let condition = step.get("condition").unwrap_or(&Value::Null);
            if !is_true(condition, status != Failed, variables) {
                continue;
            }
            let step_status = self.step(step, &groups, variables, &mut machine, ran);
            status = match (status, step_status) {
                (Failed, _) | (_, Failed) => Failed,
                (SucceededWithIssues, _) | (_, SucceededWithIssues) => SucceededWithIssues,
                _ => Succeeded,
            };
        }
        status
    }

    fn step(
        &self,
        step: &Value,
        groups: &[String],
        variables: &Pairs,
        machine: &mut Machine,
        ran: &mut Ran,
    ) -> StageStatus {
        let pipeline = machine.place("pipeline");
        if step.get("checkout").is_some() {
            assert_eq!(text(&step["persistCredentials"]), "true");
            machine.check_out(&self.team.url(), &self.sha);
        } else if let Some(folder) = step.get("publish") {
            let folder =
                text(folder).replace("$(Pipeline.Workspace)", &pipeline.display().to_string());
            let name = text(&step["artifact"]).replace("$(System.JobAttempt)", "1");
            if !Path::new(&folder).exists() {
                return Failed;
            }
            copy(Path::new(&folder), &ran.artifacts.path().join(name));
        } else if let Some(download) = step.get("download") {
            if text(download) == "current" {
                // In a folder for each artifact.
                copy(ran.artifacts.path(), &pipeline);
            }
        } else {
            return self.bash(step, groups, variables, machine, ran);
        }
        Succeeded
    }

    fn bash(
        &self,
        step: &Value,
        groups: &[String],
        variables: &Pairs,
        machine: &mut Machine,
        ran: &mut Ran,
    ) -> StageStatus {
        let mut set: Pairs = variables
            .iter()
            .map(|(name, value)| (name.replace('.', "_").to_uppercase(), value.clone()))
            .collect();
        let place = |name: &str| machine.place(name).display().to_string();
        set.push(("PIPELINE_WORKSPACE".to_owned(), place("pipeline")));
        set.push(("AGENT_BUILDDIRECTORY".to_owned(), place("pipeline")));
        set.push(("AGENT_TEMPDIRECTORY".to_owned(), place("temp")));
        set.push(("TF_BUILD".to_owned(), "True".to_owned()));
        // A secret reaches a step by its `env` alone, and a step of a branch without the checks not at all.
        for (name, value) in step.get("env").map(pairs).unwrap_or_default() {
            let has_group = groups
                .iter()
                .any(|group| ["backfill", "backfill-audit"].contains(&group.as_str()));
            let value = match value.as_str() {
                "$(System.AccessToken)" => TOKEN.to_owned(),
                "$(AEP_CLIENT_SECRET)" if has_group && self.branch == "refs/heads/main" => {
                    "our-secret".to_owned()
                }
                value => self.expanded(value),
            };
            assert!(!value.contains("$("), "not understood: {value}");
            set.push((name, value));
        }
        let said = machine.run("bash --noprofile --norc", &text(&step["bash"]), &set);
        ran.log.push_str(&said.stdout);
        ran.log.push_str(&said.stderr);
        let mut status = if said.code == Some(0) {
            Succeeded
        } else {
            Failed
        };
        for line in said.stdout.lines() {
            let Some((_, command)) = line.split_once("##vso[") else {
                continue;
            };
            match command.split_once(']').expect("a whole command") {
                ("task.prependpath", folder) => machine.prepend_path(folder),
                ("task.uploadsummary", file) => assert!(Path::new(file).exists(), "{file}"),
                ("task.complete result=SucceededWithIssues;", _) if status == Succeeded => {
                    status = SucceededWithIssues;
                }
                other => panic!("not understood: {other:?}"),
            }
        }
        status
    }

    /// All variables, by the names that conditions know.
    fn variables(&self, file: &Value) -> Pairs {
        let mut set: Pairs = [
            ("Build.BuildId", "42"),
            ("Build.CronSchedule.DisplayName", self.schedule),
            ("Build.Reason", self.reason),
            ("Build.Repository.ID", "3e4f"),
            ("Build.Repository.Provider", "TfsGit"),
            ("Build.RequestedFor", "Alice"),
            ("Build.SourceBranch", self.branch),
            ("System.CollectionUri", &format!("{}/team/", self.api)),
            ("System.TeamProjectId", "1c2d"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if self.reason == "PullRequest" {
            for (name, value) in [
                ("System.PullRequest.IsFork", "False"),
                ("System.PullRequest.PullRequestId", "3"),
                ("System.PullRequest.SourceCommitId", &self.sha),
            ] {
                set.push((name.to_owned(), value.to_owned()));
            }
        }
        for variable in file["variables"].as_sequence().expect("variables") {
            let name = text(&variable["name"]);
            let value = self.expanded(&text(&variable["value"]));
            let value = match value
                .strip_prefix("$[")
                .and_then(|rest| rest.strip_suffix(']'))
            {
                Some(expression) => evaluate(expression, true, &set),
                None => value,
            };
            set.push((name, value));
        }
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        set.push(own("BACKFILL_ARCHIVE", &self.archive.url()));
        set.push(own("BACKFILL_SHA256", &sum()));
        let settings = self.team.settings();
        set.extend(settings.iter().map(|(name, value)| own(name, value)));
        let given = self.variables.iter();
        set.extend(given.map(|(name, value)| own(name, value)));
        set
    }

    /// `text` with each parameter in place of its name.
    fn expanded(&self, value: &str) -> String {
        let Some((before, after)) = value.split_once("${{ parameters.") else {
            return value.to_owned();
        };
        let (name, after) = after.split_once(" }}").expect("a whole expression");
        let file: Value = serde_yaml::from_str(&self.file).expect("YAML");
        let parameters = file["parameters"].as_sequence().expect("parameters");
        let known = parameters.iter().find(|one| text(&one["name"]) == name);
        let default = text(&known.expect("a known parameter")["default"]);
        let given = self.parameters.iter().find(|(known, _)| *known == name);
        let value = given.map_or(default, |(_, value)| (*value).to_owned());
        format!("{before}{value}{}", self.expanded(after))
    }
}

fn is_true(condition: &Value, is_well: bool, variables: &Pairs) -> bool {
    match condition {
        Value::Null => is_well,
        condition => evaluate(&text(condition), is_well, variables) == "True",
    }
}

/// The value of an expression, `is_well` being that of `succeeded()`.
fn evaluate(expression: &str, is_well: bool, variables: &Pairs) -> String {
    let expression = expression.trim();
    let said = |is: bool| if is { "True" } else { "False" }.to_owned();
    if let Some(text) = expression.strip_prefix('\'') {
        return text.strip_suffix('\'').expect("a whole text").to_owned();
    }
    if let Some(name) = expression.strip_prefix("variables['") {
        let name = name.strip_suffix("']").expect("a whole name");
        // The last that was set counts.
        let found = variables.iter().rev().find(|(known, _)| known == name);
        return found.map_or_else(String::new, |(_, value)| value.clone());
    }
    let (function, rest) = expression.split_once('(').expect("a call");
    let arguments = rest.strip_suffix(')').expect("a whole call");
    let arguments: Vec<String> = split(arguments)
        .into_iter()
        .map(|argument| evaluate(argument, is_well, variables))
        .collect();
    let is_same = || arguments[0].eq_ignore_ascii_case(&arguments[1]);
    match function {
        "and" => said(arguments.iter().all(|one| one == "True")),
        "or" => said(arguments.iter().any(|one| one == "True")),
        "eq" => said(is_same()),
        "ne" => said(!is_same()),
        "coalesce" => arguments
            .into_iter()
            .find(|one| !one.is_empty())
            .unwrap_or_default(),
        "succeeded" => said(is_well),
        "succeededOrFailed" | "always" => said(true),
        other => panic!("`{other}` is not known"),
    }
}

/// The arguments of a call.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text.trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

/// Copies what is in a folder, its folders included.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("readable").path();
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).expect("it can be copied");
        }
    }
}

fn pairs(value: &Value) -> Pairs {
    let variables = value.as_mapping().expect("variables").iter();
    variables
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => panic!("no text: {other:?}"),
    }
}

#[test]
fn expressions_of_conditions_are_read_as_azure_reads_them() {
    let variables = vec![("Build.Reason".to_owned(), "Schedule".to_owned())];
    for (expression, expected) in [
        (
            "and(succeeded(), eq(variables['Build.Reason'], 'schedule'))",
            "True",
        ),
        (
            "or(ne(variables['Build.Reason'], 'Schedule'), eq(variables['x'], ''))",
            "True",
        ),
        (
            "and(always(), ne(variables['Build.Reason'], 'Schedule'))",
            "False",
        ),
        ("coalesce(variables['x'], 'apply')", "apply"),
    ] {
        assert_eq!(
            evaluate(expression, true, &variables),
            expected,
            "{expression}"
        );
    }
    assert_eq!(evaluate("succeeded()", false, &variables), "False");
}
