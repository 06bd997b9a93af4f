//! One comment, or one issue, that is kept up to date: found again by a marker that nobody sees.
//!
//! The marker is the first line of what we write, an HTML comment with a hash of whose it is: a
//! reader of the page does not see it, and no name in it can end it early. What somebody else wrote
//! is not ours, even if it begins so.

use sha2::{Digest, Sha256};

use super::client::{Author, Client, GitHubError, Post};
use crate::run::hex;

/// How many digits of the hash are in the marker: enough for all configs of a repository.
const DIGITS: usize = 16;

/// Which comment or issue is meant. See the module's front door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    marker: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was not there.
    Created,
    /// It said something else.
    Updated,
    /// It says the same already.
    Unchanged,
    /// It was there, and is closed now.
    Closed,
    /// It is not there, and need not be.
    NotNeeded,
}

impl Sticky {
    /// The one of a verb, of the config at this path of the repository, and of a sandbox.
    #[must_use]
    pub fn new(verb: &'static str, config: &str, sandbox: &str) -> Self {
        // A length before each: no two triples make one text.
        let text = format!("{}:{config}{}:{sandbox}", config.len(), sandbox.len());
        let mut hash = hex(&Sha256::digest(text));
        hash.truncate(DIGITS);
        Self {
            marker: format!("<!-- aep-backfill {verb} {hash} -->"),
        }
    }

    /// `markdown` with the marker before it.
    fn body(&self, markdown: &str) -> String {
        format!("{}\n{markdown}", self.marker)
    }

    /// Those of `posts` that are this one and that `author` wrote.
    fn find<'p>(&self, posts: &'p [Post], author: &Author) -> Vec<&'p Post> {
        let is_marked = |post: &Post| {
            let first = post.body.as_deref().and_then(|body| body.lines().next());
            first.is_some_and(|line| line.trim_end() == self.marker)
        };
        posts
            .iter()
            .filter(|post| is_marked(post) && author.wrote(post))
            .collect()
    }

    /// Has the comment on the pull request `number` say `markdown`, and no other comment of ours say
    /// anything else.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer.
    pub async fn comment(
        &self,
        client: &Client,
        number: u64,
        markdown: &str,
    ) -> Result<Written, GitHubError> {
        let body = self.body(markdown);
        let author = client.author().await?;
        let comments = client.comments(number).await?;
        let ours = self.find(&comments, &author);
        let Some((first, others)) = ours.split_first() else {
            let created = client.create_comment(number, &body).await;
            let comments = match created {
                Ok(()) => return Ok(Written::Created),
                // It may be there all the same.
                Err(GitHubError::Unreachable(_) | GitHubError::Refused { status: 500.., .. }) => {
                    client.comments(number).await?
                }
                Err(error) => return Err(error),
            };
            return match self.find(&comments, &author)[..] {
                [] => created.map(|()| Written::Created),
                _ => Ok(Written::Created),
            };
        };
        // Two jobs at once may each have found none.
        for other in others {
            client.delete_comment(other.id).await?;
        }
        if says(first, &body) {
            return Ok(Written::Unchanged);
        }
        client.update_comment(first.id, &body).await?;
        Ok(Written::Updated)
    }

    /// Has one open issue say `markdown`; where that `is_settled`, closes it if there is one.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer.
    pub async fn issue(
        &self,
        client: &Client,
        title: &str,
        markdown: &str,
        is_settled: bool,
    ) -> Result<Written, GitHubError> {
        let body = self.body(markdown);
        let author = client.author().await?;
        let issues = client.open_issues().await?;
        let number = |post: &&Post| post.number;
        // Newest first: the oldest one is kept.
        let ours = self.find(&issues, &author);
        let mut numbers = ours.iter().rev().filter_map(number);
        let Some(first) = numbers.next() else {
            if is_settled {
                return Ok(Written::NotNeeded);
            }
            client.create_issue(title, &body).await?;
            return Ok(Written::Created);
        };
        for other in numbers {
            client.update_issue(other, &body, true).await?;
        }
        if !is_settled && ours.last().is_some_and(|post| says(post, &body)) {
            return Ok(Written::Unchanged);
        }
        client.update_issue(first, &body, is_settled).await?;
        Ok(if is_settled {
            Written::Closed
        } else {
            Written::Updated
        })
    }
}

/// Whether it says the same; how lines end, and blanks at the end, are GitHub's business.
fn says(post: &Post, body: &str) -> bool {
    let said = post.body.as_deref().unwrap_or_default();
    said.replace("\r\n", "\n").trim_end() == body.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn post(login: &str, kind: &str, body: &str) -> Post {
        serde_json::from_value(json!({
            "id": 1, "body": body, "user": { "login": login, "type": kind }
        }))
        .expect("a post")
    }

    #[test]
    fn each_verb_config_and_sandbox_has_a_marker_of_its_own() {
        let markers: std::collections::BTreeSet<String> = [
            Sticky::new("plan", "backfill.yaml", "prod"),
            Sticky::new("audit", "backfill.yaml", "prod"),
            Sticky::new("plan", "crm/backfill.yaml", "prod"),
            Sticky::new("plan", "backfill.yaml", "dev"),
            Sticky::new("plan", "backfill.yaml4:prod", ""),
            Sticky::new("plan", "-->", "-->\n<b>"),
        ]
        .map(|sticky| sticky.marker)
        .into();
        assert_eq!(markers.len(), 6);
        for marker in markers {
            assert_eq!(marker.matches("-->").count(), 1, "{marker}");
            assert_eq!(marker.lines().count(), 1, "{marker}");
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_not_ours_even_if_it_begins_so() {
        let sticky = Sticky::new("plan", "backfill.yaml", "prod");
        let body = sticky.body("### a plan");
        let posts = [
            post("eve", "User", &body),
            post("github-actions[bot]", "Bot", &body.replace('\n', "\r\n")),
            post("github-actions[bot]", "Bot", &format!("> {body}")),
            post("github-actions[bot]", "Bot", "something else"),
        ];
        assert_eq!(sticky.find(&posts, &Author::Bot), [&posts[1]]);
        let eve = Author::User("eve".to_owned());
        assert_eq!(sticky.find(&posts, &eve), [&posts[0]]);
        assert!(says(&posts[1], &body));
        assert!(!says(&posts[3], &body));
    }
}
