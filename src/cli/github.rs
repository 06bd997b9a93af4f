//! `--comment` and `--issue`: a result where people on GitHub read it.
//!
//! Who and where comes from the environment of the job; the token is the job's own. A token that may
//! only read, as that of a pull request from a fork, is no failure: the summary of the step says the
//! same. Nor is a comment that cannot be written: the check is about the plan.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use url::Url;

use super::Exit;
use super::actions::{Actions, locate, repository};
use super::ci::ci_run;
use super::config;
use super::context::Context;
use super::environment::variable;
use super::failure::{Failure, chain};
use crate::file_text::text_of;
use crate::github::{
    CommentWrite, GitHubClient, GitHubConnection, GitHubError, ManagedComment, PullRequest,
    WorkflowEvent, since,
};
use crate::report::{self, Annotation, plain};
use crate::run::Sandbox;

/// Where a repository's workflows are: what they plan may be different then.
const WORKFLOWS: &str = ".github/workflows/";

/// How many bytes a comment or an issue may have: GitHub takes 65,536 characters, and the marker needs
/// some of them.
pub(crate) const ROOM: usize = 60_000;

/// Has the comment of the plan of `manifests` on this job's pull request say `markdown`.
pub(crate) async fn comment(
    context: &Context,
    manifests: &[PathBuf],
    markdown: &str,
) -> Result<(), Failure> {
    let Some(pull) = pull_request()? else {
        let event = variable("GITHUB_EVENT_NAME").unwrap_or_default();
        context.actions.notice(format!(
            "this job is about no pull request (event {event}): no comment was written"
        ));
        return Ok(());
    };
    let client = client()?;
    let Scope { sticky, footer, .. } = Scope::new("plan", context);
    let markdown = format!("{markdown}{footer}{}", since_line(&pull));
    let is_about = is_about(context.project.config(), manifests);
    let written = sticky.comment(&client, pull.number, &markdown, is_about);
    match written.await {
        Ok(written) => say(context, "the comment on the pull request", written),
        Err(error) => tell_uncommented(&context.actions, &pull, &error),
    }
    Ok(())
}

/// Has each comment of a config on this job's pull request say `markdown`, in place of plans that were
/// made when the config could be read; `config` is its path. Where there is none, one is written: by the
/// sandbox that the next plan will have, so that it finds it.
pub(crate) async fn supersede(
    actions: &Actions,
    config: &Path,
    manifests: &[PathBuf],
    sandbox: Option<&Sandbox>,
    markdown: &str,
) -> Result<(), Failure> {
    let Some(pull) = pull_request()? else {
        return Ok(());
    };
    let markdown = format!("{markdown}{}", since_line(&pull));
    let name = locate(&repository(), &config.display().to_string());
    let sticky = ManagedComment::new("plan", &name, sandbox.map_or("", Sandbox::as_str));
    let sticky = if sandbox.is_none() {
        // The config may name one, once it can be read.
        sticky.only()
    } else {
        sticky
    };
    let is_about = is_about(config, manifests);
    let client = client()?;
    let written = sticky.supersede(&client, pull.number, &markdown, is_about);
    if let Err(error) = written.await {
        tell_uncommented(actions, &pull, &error);
    }
    Ok(())
}

/// Whether a file of the repository is one that a plan of this config and these manifests depends on. A
/// plan may be asked for on each pull request: one that changes nothing of it needs no comment.
fn is_about(config: &Path, manifests: &[PathBuf]) -> impl Fn(&str) -> bool + use<> {
    let root = repository();
    let read = manifests.iter().map(PathBuf::as_path);
    let read: Vec<String> = read
        .chain([config])
        .map(|path| locate(&root, &path.display().to_string()))
        .collect();
    move |file| {
        let is_in = |path: &String| {
            let rest = file.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || path.is_empty() || rest.starts_with('/'))
        };
        file.starts_with(WORKFLOWS) || read.iter().any(is_in)
    }
}

/// Says why there is no comment, or an old one: no failure, for the check is about the plan.
fn tell_uncommented(actions: &Actions, pull: &PullRequest, error: &GitHubError) {
    if error.is_closed_to_all() {
        actions.notice(
            "the conversation of the pull request is locked, or the repository archived: what a comment \
             would say is in the summary of this step",
        );
    } else if error.is_forbidden() && pull.is_from_a_fork {
        actions.notice(
            "a pull request from a fork has a token that may only read: what a comment would say is in \
             the summary of this step",
        );
    } else {
        let failure = refused(error, "comment on the pull request", "pull-requests").hint(
            "the summary of this step says the same; a comment that is there may show the plan of an \
             earlier commit",
        );
        let mut warning = failure.message.clone();
        for hint in &failure.hints {
            warning = format!("{warning}; {hint}");
        }
        // Nobody is left to tell that it cannot be written.
        let _ = writeln!(io::stderr().lock(), "warning: {}", plain(&warning, 1_000));
        actions.annotate(|| vec![Annotation::warning(warning)]);
    }
}

/// Since which commit a comment says what it says, and in which run it was written.
fn since_line(pull: &PullRequest) -> String {
    let Some(commit) = &pull.commit else {
        return String::new();
    };
    let run = ci_run().filter(|run| Url::parse(run).is_ok() && !run.contains([')', ' ', '\n']));
    since(&commit[..7], run.as_deref())
}

/// Has the issue of the audit say `markdown`, or closes it where there `is_nothing` to say.
pub(crate) async fn issue(
    context: &Context,
    markdown: &str,
    is_nothing: bool,
) -> Result<(), Failure> {
    let client = client()?;
    let Scope {
        sticky,
        footer,
        title,
    } = Scope::new("audit", context);
    let markdown = format!("{markdown}{footer}");
    let written = match sticky.issue(&client, &title, &markdown, is_nothing).await {
        Err(error) if error.is_closed_to_all() => {
            context.actions.notice(
                "the repository takes no issue, or this one is locked: what the audit found is in \
                 the summary of this step",
            );
            return Ok(());
        }
        written => written.map_err(|error| refused(&error, "open an issue", "issues"))?,
    };
    say(context, "the issue of the audit", written);
    Ok(())
}

fn say(context: &Context, what: &str, written: CommentWrite) {
    let became = match written {
        CommentWrite::Created => "was written",
        CommentWrite::Updated => "was updated",
        CommentWrite::Unchanged => "says the same already",
        CommentWrite::Closed => "was closed",
        CommentWrite::NotNeeded => return,
    };
    context.say(&format!("note: {what} {became}"));
}

fn refused(error: &GitHubError, what: &str, permission: &str) -> Failure {
    let failure = Failure::new(
        Exit::Unexpected,
        format!("could not {what}: {}", chain(error)),
    );
    if error.lacks_a_permission() {
        failure.hint(format!("the job needs `permissions: {permission}: write`"))
    } else {
        failure
    }
}

/// Whose comment or issue it is: a repository may have several configs, and a config several
/// sandboxes.
struct Scope {
    sticky: ManagedComment,
    /// What a reader is told of it.
    footer: String,
    /// What an issue is called.
    title: String,
}

impl Scope {
    fn new(verb: &'static str, context: &Context) -> Self {
        let path = context.project.config().display().to_string();
        let config = locate(&repository(), &path);
        let sandbox = context.sandbox.as_ref();
        let mut title = format!("backfill {verb}: something differs");
        if let Some(sandbox) = sandbox {
            title = format!("{title} in {sandbox}");
        }
        if config != config::DEFAULT {
            title = format!("{title} ({})", plain(&config, 100));
        }
        let sticky = ManagedComment::new(verb, &config, sandbox.map_or("", Sandbox::as_str));
        Self {
            // Whether the config says it, by a sandbox or by none, and not a flag or a variable.
            sticky: if context.config.sandbox.as_ref() == sandbox {
                sticky.only()
            } else {
                sticky
            },
            footer: report::scope_markdown(&config, sandbox),
            title,
        }
    }
}

/// The pull request that the job is about, if it is about one.
fn pull_request() -> Result<Option<PullRequest>, Failure> {
    let path = required("GITHUB_EVENT_PATH")?;
    let wrong =
        |error: String| Failure::usage(format!("could not read the event in {path}: {error}"));
    let payload = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    let payload = text_of(&payload).map_err(|error| wrong(error.to_string()))?;
    let event =
        WorkflowEvent::read(payload.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    Ok(event.pull_request())
}

/// The client of this job's repository.
pub(crate) fn client() -> Result<GitHubClient, Failure> {
    let api = required("GITHUB_API_URL")?;
    let connection = GitHubConnection {
        api: Url::parse(&api).map_err(|_| Failure::usage("GITHUB_API_URL is not a URL"))?,
        repository: required("GITHUB_REPOSITORY")?,
        token: SecretString::from(required("GITHUB_TOKEN")?),
        wait,
    };
    GitHubClient::new(connection).map_err(|error| Failure::usage(chain(&error)))
}

/// Waits, and says so where it is long: a step that says nothing looks as if it hung.
fn wait(length: Duration) -> BoxFuture<'static, ()> {
    let seconds = length.as_secs();
    if seconds > 5 {
        // Nobody is left to tell that it cannot be written.
        let _ = writeln!(
            io::stderr().lock(),
            "note: GitHub limits how often it is asked; it is asked again in {seconds} s"
        );
    }
    Box::pin(tokio::time::sleep(length))
}

fn required(name: &str) -> Result<String, Failure> {
    variable(name).ok_or_else(|| {
        let failure = Failure::usage(format!("{name} is not set"));
        if name == "GITHUB_TOKEN" {
            failure.hint("give it to the step: `env: GITHUB_TOKEN: ${{ github.token }}`")
        } else {
            failure.hint("--comment and --issue are for jobs of GitHub Actions, where it is set")
        }
    })
}
