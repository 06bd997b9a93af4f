//! A pipeline of GitLab, as a server and a runner make it of `.gitlab-ci.yml`: which jobs there are, with
//! which variables, and how each ends.
//!
//! Only what the example uses is understood; anything else is a panic, so that a test cannot pass by not
//! looking. <https://docs.gitlab.com/ci/yaml/>

use std::fs;

use serde_yaml::Value;

use super::machine::{Machine, keep};
use super::notes::TOKEN;
use super::team::Team;
use crate::support::workspace::Ran;

/// What a pipeline is about.
#[derive(Clone)]
pub(crate) struct Pipeline<'t> {
    pub(crate) team: &'t Team,
    /// The URL of the API.
    pub(crate) api: String,
    pub(crate) file: String,
    pub(crate) source: &'static str,
    /// The branch; that of a merge request, if it is of one.
    pub(crate) branch: &'static str,
    pub(crate) sha: String,
    /// What the push or the merge request changes.
    pub(crate) changed: Vec<&'static str>,
    /// Variables of the project, the schedule or the person who started it.
    pub(crate) variables: Vec<(&'static str, &'static str)>,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobStatus {
    Success,
    /// It failed in a way that is allowed.
    Warning,
    Failed,
}

/// Where the artifacts of a pipeline's jobs are.
pub(crate) struct Artifacts(tempfile::TempDir);

impl Artifacts {
    pub(crate) fn none() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("written");
    }
}

type Pairs = Vec<(String, String)>;

impl Pipeline<'_> {
    /// The jobs of the pipeline in the order of their stages, and when each starts: `on_success`,
    /// `manual` or `always`.
    pub(crate) fn jobs(&self) -> Vec<(String, String)> {
        let file = self.parsed();
        let variables = self.variables(&file);
        if !self.applies(&file["workflow"]["rules"], &variables) {
            return Vec::new();
        }
        let stages = texts(&file["stages"]);
        let mut jobs = Vec::new();
        for (name, job) in file.as_mapping().expect("a mapping") {
            let name = text(name);
            if ["stages", "workflow", "default", "variables"].contains(&name.as_str()) {
                continue;
            }
            let stage = text(&job["stage"]);
            let stage = stages.iter().position(|known| *known == stage);
            if let Some(when) = self.when(&job["rules"], &variables) {
                jobs.push((stage.expect("a known stage"), (name, when)));
            }
        }
        jobs.sort();
        jobs.into_iter().map(|(_, job)| job).collect()
    }

    /// Runs one of the jobs, which finds the artifacts that it needs and leaves its own.
    pub(crate) fn run(&self, name: &str, artifacts: &Artifacts) -> (JobStatus, Ran) {
        let file = self.parsed();
        let job = &file[name];
        let mut set = self.variables(&file);
        let own = job.get("variables").map(pairs).unwrap_or_default();
        let is_empty = own.contains(&("GIT_STRATEGY".to_owned(), "none".to_owned()));
        set.extend(own);
        set.extend(self.secrets(job));

        let machine = Machine::new();
        // With a shell of its own: the image of the program has bash, others have that of busybox.
        let shell = if job.get("image").is_some() {
            machine.tool("apk", "[ \"$*\" = 'add --no-cache --quiet curl jq' ]");
            "sh"
        } else {
            machine.has_backfill();
            "bash"
        };
        let work = machine.place("work");
        if !is_empty {
            machine.check_out(&self.team.url(), &self.sha);
        }
        set.push(("CI_PROJECT_DIR".to_owned(), work.display().to_string()));
        for needed in job.get("needs").map(needs).unwrap_or_default() {
            keep(artifacts.0.path(), &paths(&file[needed.as_str()]), &work);
        }
        // As a runner begins its scripts.
        let preamble = "if set -o | grep pipefail >/dev/null; then set -o pipefail; fi\n\
                        set -o errexit\nset +o noclobber\n";
        let script = preamble.to_owned() + &texts(&job["script"]).join("\n");
        let ran = machine.run(shell, &script, &set);
        if let Some(kept) = job.get("artifacts") {
            assert_eq!(text(&kept["when"]), "always");
            keep(&work, &paths(job), artifacts.0.path());
        }
        let code = ran.code.expect("it was not killed");
        let allowed = job
            .get("allow_failure")
            .map(|allowed| texts(&allowed["exit_codes"]));
        let status = match code {
            0 => JobStatus::Success,
            code if allowed.is_some_and(|allowed| allowed.contains(&code.to_string())) => {
                JobStatus::Warning
            }
            _ => JobStatus::Failed,
        };
        (status, ran)
    }

    fn parsed(&self) -> Value {
        serde_yaml::from_str(&self.file).expect("YAML")
    }

    fn variables(&self, file: &Value) -> Pairs {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut set = pairs(&file["variables"]);
        set.extend([
            own("CI_API_V4_URL", &format!("{}/api/v4", self.api)),
            own("CI_COMMIT_SHORT_SHA", &self.sha[..8]),
            own("CI_DEFAULT_BRANCH", "main"),
            own(
                "CI_JOB_URL",
                "https://gitlab.acme.com/team/backfills/-/jobs/42",
            ),
            own("CI_PIPELINE_SOURCE", self.source),
            own(
                "CI_PIPELINE_URL",
                "https://gitlab.acme.com/team/backfills/-/pipelines/41",
            ),
            own("CI_PROJECT_ID", "42"),
            own("GITLAB_CI", "true"),
            own("GITLAB_USER_LOGIN", "alice"),
        ]);
        set.push(match self.source {
            "merge_request_event" => own("CI_MERGE_REQUEST_IID", "3"),
            _ => own("CI_COMMIT_BRANCH", self.branch),
        });
        let given = self.variables.iter();
        set.extend(given.map(|(name, value)| own(name, value)));
        let settings = self.team.settings();
        set.extend(settings.iter().map(|(name, value)| own(name, value)));
        set
    }

    /// What only some jobs get: protected variables on the protected branch, in their environment.
    fn secrets(&self, job: &Value) -> Pairs {
        let is_protected = self.source != "merge_request_event" && self.branch == "main";
        let environment = job.get("environment").map(|one| text(&one["name"]));
        match environment.as_deref() {
            Some("backfill" | "backfill-audit") if is_protected => {
                vec![("AEP_CLIENT_SECRET".to_owned(), "our-secret".to_owned())]
            }
            _ => Vec::new(),
        }
    }

    fn applies(&self, rules: &Value, variables: &Pairs) -> bool {
        self.when(rules, variables).is_some()
    }

    /// When something with these rules is to be, if it is: the first rule that fits decides.
    fn when(&self, rules: &Value, variables: &Pairs) -> Option<String> {
        let rules = rules.as_sequence().expect("rules");
        let rule = rules.iter().find(|rule| self.fits(rule, variables))?;
        let when = rule.get("when").map_or("on_success".to_owned(), text);
        (when != "never").then_some(when)
    }

    fn fits(&self, rule: &Value, variables: &Pairs) -> bool {
        for (name, value) in rule.as_mapping().expect("a rule") {
            let is = match text(name).as_str() {
                "if" => holds(&text(value), variables),
                // Without a push nothing is compared, and everything counts as changed.
                "changes" => {
                    !["push", "merge_request_event"].contains(&self.source)
                        || texts(value).iter().any(|glob| self.is_changed(glob))
                }
                "when" => true,
                other => panic!("a rule's `{other}` is not known"),
            };
            if !is {
                return false;
            }
        }
        true
    }

    fn is_changed(&self, glob: &str) -> bool {
        let folder = glob.strip_suffix("**/*");
        let fits = |file: &str| folder.map_or(file == glob, |folder| file.starts_with(folder));
        self.changed.iter().any(|file| fits(file))
    }
}

/// Whether an expression of a rule holds: `&&` binds more than `||`.
fn holds(expression: &str, variables: &Pairs) -> bool {
    let value = |word: &str| -> String {
        let word = word.trim();
        if let Some(name) = word.strip_prefix('$') {
            // The last that was set counts.
            let found = variables.iter().rev().find(|(known, _)| known == name);
            return found.map_or_else(String::new, |(_, value)| value.clone());
        }
        let text = word
            .strip_prefix('"')
            .and_then(|word| word.strip_suffix('"'));
        text.unwrap_or_else(|| panic!("not understood: {word}"))
            .to_owned()
    };
    let term = |term: &str| {
        if let Some((one, other)) = term.split_once("==") {
            value(one) == value(other)
        } else if let Some((one, other)) = term.split_once("!=") {
            value(one) != value(other)
        } else {
            !value(term).is_empty()
        }
    };
    expression
        .split("||")
        .any(|part| part.split("&&").all(term))
}

/// The jobs whose artifacts a job needs.
fn needs(value: &Value) -> Vec<String> {
    let needed = value.as_sequence().expect("needs").iter();
    needed
        .map(|one| one.get("job").map_or_else(|| text(one), text))
        .collect()
}

fn paths(job: &Value) -> Vec<String> {
    texts(&job["artifacts"]["paths"])
}

/// Variables with their values; one may have its value among other things.
fn pairs(value: &Value) -> Pairs {
    let variables = value.as_mapping().expect("variables").iter();
    variables
        .map(|(name, value)| {
            (
                text(name),
                value.get("value").map_or_else(|| text(value), text),
            )
        })
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Sequence(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        other => panic!("no text: {other:?}"),
    }
}

/// A pipeline of a merge request whose project has a token for notes.
pub(crate) fn merge_request<'t>(team: &'t Team, api: &str, file: &str, sha: &str) -> Pipeline<'t> {
    Pipeline {
        team,
        api: api.to_owned(),
        file: file.to_owned(),
        source: "merge_request_event",
        branch: "accounts",
        sha: sha.to_owned(),
        changed: vec!["manifests/flow-0.yaml"],
        variables: vec![("BACKFILL_NOTES_TOKEN", TOKEN)],
    }
}

#[test]
fn expressions_of_rules_are_read_as_gitlab_reads_them() {
    let variables = vec![
        ("A".to_owned(), "x".to_owned()),
        ("B".to_owned(), String::new()),
    ];
    for (expression, expected) in [
        ("$A == \"x\"", true),
        ("$A != \"x\" || $A", true),
        ("$A == \"x\" && $B", false),
        ("$B == \"y\" || $A == \"x\" && $C == \"\"", true),
        ("$A == $C", false),
    ] {
        assert_eq!(holds(expression, &variables), expected, "{expression}");
    }
}
