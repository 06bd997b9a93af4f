//! The event that started a job, as far as it names a pull request.
//!
//! Takes the JSON that `GITHUB_EVENT_PATH` names: the payload of the webhook of the same name,
//! <https://docs.github.com/webhooks/webhook-events-and-payloads>.

use serde::Deserialize;

/// What is read of the payload.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WorkflowEvent {
    pull_request: Option<Pull>,
    issue: Option<Issue>,
}

/// The pull request that a job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Whether it comes from another repository: then the job's token may only read.
    pub is_from_a_fork: bool,
    /// Its latest commit when the job began, where the event tells.
    pub commit: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Pull {
    number: u64,
    head: Option<Side>,
    base: Option<Side>,
}

#[derive(Debug, Clone, Deserialize)]
struct Side {
    sha: Option<String>,
    /// `null` where it was deleted meanwhile.
    repo: Option<Repo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Repo {
    full_name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Issue {
    number: u64,
    /// There if the issue is a pull request.
    pull_request: Option<serde::de::IgnoredAny>,
}

impl WorkflowEvent {
    /// Reads the payload.
    ///
    /// # Errors
    /// When it is not one.
    pub(crate) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The pull request that it names, if it does: events of `pull_request` name one, and comments
    /// on one.
    #[must_use]
    pub(crate) fn pull_request(&self) -> Option<PullRequest> {
        let Self {
            pull_request,
            issue,
        } = self;
        if let Some(Pull { number, head, base }) = pull_request {
            let repo = |side: &Option<Side>| side.as_ref().and_then(|side| side.repo.clone());
            let commit = head.as_ref().and_then(|head| head.sha.clone());
            let is_one =
                |sha: &String| sha.len() >= 7 && sha.chars().all(|c| c.is_ascii_hexdigit());
            let (head, base) = (repo(head), repo(base));
            return Some(PullRequest {
                number: *number,
                is_from_a_fork: head.is_none() || head != base,
                commit: commit.filter(is_one),
            });
        }
        issue
            .as_ref()
            .filter(|issue| issue.pull_request.is_some())
            .map(|issue| PullRequest {
                number: issue.number,
                is_from_a_fork: false,
                commit: None,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pull_request(payload: &serde_json::Value) -> Option<PullRequest> {
        let event = WorkflowEvent::read(payload.to_string().as_bytes()).expect("a payload");
        event.pull_request()
    }

    #[test]
    fn a_pull_request_is_from_a_fork_unless_both_sides_are_one_repository() {
        let of = |head: serde_json::Value| {
            let base = json!({ "repo": { "full_name": "team/backfills" } });
            pull_request(&json!({ "action": "opened", "number": 7,
                "pull_request": { "number": 7, "head": head, "base": base } }))
        };
        for (head, is_from_a_fork) in [
            (json!({ "repo": { "full_name": "team/backfills" } }), false),
            (json!({ "repo": { "full_name": "eve/backfills" } }), true),
            (json!({ "repo": null }), true),
        ] {
            let number = 7;
            let expected = PullRequest {
                number,
                is_from_a_fork,
                commit: None,
            };
            assert_eq!(of(head), Some(expected));
        }
    }

    #[test]
    fn other_events_name_none_but_a_comment_on_one() {
        assert_eq!(pull_request(&json!({ "ref": "refs/heads/main" })), None);
        assert_eq!(pull_request(&json!({ "schedule": "17 3 * * *" })), None);
        assert_eq!(pull_request(&json!({ "issue": { "number": 3 } })), None);
        let comment = json!({ "issue": { "number": 3, "pull_request": { "url": "x" } } });
        assert_eq!(pull_request(&comment).map(|it| it.number), Some(3));
        assert!(WorkflowEvent::read(b"[").is_err());
    }
}
