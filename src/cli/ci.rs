//! The CI job that this process is part of, if it is part of one: its page, who started it, and which
//! folders end with it.
//!
//! Takes what the environment says, which is nobody's promise: whoever shows a page or a name of here
//! escapes it.

use std::path::Path;

use super::environment::variable;

/// A CI system, by what it sets in the environment of a job.
struct System {
    /// The variable that no other system sets.
    mark: &'static str,
    /// The page of a job; `{NAME}` stands for a variable.
    page: &'static str,
    /// Who started the job.
    starter: &'static str,
    /// Folders that are cleared before the next job, or are on a machine that is not there any more.
    /// None where a folder may outlive its job: then a state in it is left to who names it.
    folders: &'static [&'static str],
}

const SYSTEMS: [System; 4] = [
    System {
        mark: "GITHUB_ACTIONS",
        page: "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        starter: "GITHUB_ACTOR",
        folders: &["GITHUB_WORKSPACE", "RUNNER_TEMP"],
    },
    System {
        mark: "GITLAB_CI",
        page: "{CI_JOB_URL}",
        starter: "GITLAB_USER_LOGIN",
        folders: &["CI_BUILDS_DIR", "CI_PROJECT_DIR"],
    },
    System {
        mark: "TF_BUILD",
        page: "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECTID}/_build/results?buildId={BUILD_BUILDID}",
        starter: "BUILD_REQUESTEDFOR",
        folders: &["AGENT_BUILDDIRECTORY", "AGENT_TEMPDIRECTORY"],
    },
    System {
        mark: "JENKINS_URL",
        page: "{BUILD_URL}",
        // Of a plugin that many have; Jenkins itself tells nobody.
        starter: "BUILD_USER_ID",
        folders: &[],
    },
];

/// The page of the CI job that this is part of.
pub(crate) fn ci_run() -> Option<String> {
    page(variable)
}

/// Who started the CI job that this is part of.
pub(crate) fn starter() -> Option<String> {
    present(variable).find_map(|system| variable(system.starter))
}

/// Whether this is a job of GitHub Actions.
pub(crate) fn is_on_github() -> bool {
    is_set(SYSTEMS[0].mark, variable)
}

/// Whether this is a job of a CI system that is known.
pub(crate) fn is_in_a_job() -> bool {
    present(variable).next().is_some()
}

/// Whether a folder goes with this job: it is below that of the checkout, or of what is temporary.
pub(crate) fn goes_with_a_job(folder: &Path) -> bool {
    is_cleared(folder, variable)
}

/// The systems that the environment tells of.
fn present(variable: impl Fn(&str) -> Option<String>) -> impl Iterator<Item = &'static System> {
    let is_there = move |system: &&System| is_set(system.mark, &variable);
    SYSTEMS.iter().filter(is_there)
}

fn is_set(mark: &str, variable: impl Fn(&str) -> Option<String>) -> bool {
    variable(mark).is_some_and(|value| !value.eq_ignore_ascii_case("false"))
}

fn page(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    present(&variable).find_map(|system| expand(system.page, &variable))
}

fn is_cleared(folder: &Path, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_below = |name: &str| variable(name).is_some_and(|root| folder.starts_with(root));
    present(&variable).any(|System { folders, .. }| {
        !folders.is_empty() && (folder.is_relative() || folders.iter().any(|name| is_below(name)))
    })
}

/// `form` with each variable in place of its name; `None` where one is not set.
fn expand(form: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(&variable(name)?);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables with their values.
    type Set = &'static [(&'static str, &'static str)];

    fn of<'v>(set: &'v [(&'v str, &'v str)]) -> impl Fn(&str) -> Option<String> + 'v {
        |name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn each_system_has_a_page_for_its_jobs() {
        let pages: [(Set, Option<&str>); 9] = [
            (
                &[
                    ("GITHUB_ACTIONS", "true"),
                    ("GITHUB_SERVER_URL", "https://github.com"),
                    ("GITHUB_REPOSITORY", "team/backfills"),
                    ("GITHUB_RUN_ID", "42"),
                ],
                Some("https://github.com/team/backfills/actions/runs/42"),
            ),
            (
                &[
                    ("GITLAB_CI", "true"),
                    ("CI_JOB_URL", "https://gitlab.com/team/backfills/-/jobs/42"),
                ],
                Some("https://gitlab.com/team/backfills/-/jobs/42"),
            ),
            (
                &[
                    ("TF_BUILD", "True"),
                    ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/team/"),
                    ("SYSTEM_TEAMPROJECTID", "1c2d"),
                    ("BUILD_BUILDID", "42"),
                ],
                Some("https://dev.azure.com/team/1c2d/_build/results?buildId=42"),
            ),
            (
                &[
                    ("JENKINS_URL", "https://ci.acme.com/"),
                    ("BUILD_URL", "https://ci.acme.com/job/backfills/42/"),
                ],
                Some("https://ci.acme.com/job/backfills/42/"),
            ),
            // A part is missing, or nothing says whose variable it is.
            (&[("GITLAB_CI", "true")], None),
            (
                &[("GITLAB_CI", "false"), ("CI_JOB_URL", "https://x/42")],
                None,
            ),
            (&[("TF_BUILD", "True"), ("BUILD_BUILDID", "42")], None),
            (&[("BUILD_URL", "https://ci.acme.com/job/x/42/")], None),
            (&[("CI", "true")], None),
        ];
        for (set, expected) in pages {
            assert_eq!(page(of(set)).as_deref(), expected, "{set:?}");
        }
    }

    #[test]
    fn a_folder_goes_with_a_job_whose_system_clears_it() {
        let gitlab: Set = &[("GITLAB_CI", "true"), ("CI_PROJECT_DIR", "/builds/team/x")];
        let azure: Set = &[
            ("TF_BUILD", "True"),
            ("AGENT_BUILDDIRECTORY", "/agent/_work/1"),
        ];
        let jenkins: Set = &[("JENKINS_URL", "x"), ("WORKSPACE", "/jenkins/workspace/x")];
        let cases: [(Set, &str, bool); 6] = [
            (gitlab, "/builds/team/x/.backfill", true),
            (gitlab, ".backfill", true),
            (gitlab, "/var/lib/backfill", false),
            (azure, "/agent/_work/1/s/.backfill", true),
            (jenkins, "/jenkins/workspace/x/.backfill", false),
            (&[], ".backfill", false),
        ];
        for (set, folder, expected) in cases {
            assert_eq!(is_cleared(Path::new(folder), of(set)), expected, "{folder}");
        }
    }
}
