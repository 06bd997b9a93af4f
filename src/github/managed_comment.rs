//! One comment, or one issue, that is kept up to date: found again by a marker that nobody sees.
//!
//! The marker is the first line of what we write, an HTML comment with a hash of whose it is: a
//! reader of the page does not see it, and no name in it can end it early. What somebody else wrote
//! is not ours, even if it begins so.

use sha2::{Digest, Sha256};

use super::client::{GitHubClient, TRIES};
use super::error::GitHubError;
use super::post::{Author, Post};
use crate::run::hex;

/// How many digits of each hash are in the marker: enough for all configs of a repository.
const DIGITS: usize = 16;

/// Which comment or issue is meant: its title, and the marker by which it is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManagedComment {
    /// The beginning of the marker: the verb and the config.
    config: String,
    marker: String,
    /// Whether the config has one such post: then those of other sandboxes are of an earlier config.
    is_only: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommentWrite {
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

impl ManagedComment {
    /// The one of a verb, of the config at this path of the repository, and of a sandbox.
    #[must_use]
    pub(crate) fn new(verb: &'static str, config: &str, sandbox: &str) -> Self {
        let digits = |text: &str| {
            let mut hash = hex(&Sha256::digest(text));
            hash.truncate(DIGITS);
            hash
        };
        let config = format!("<!-- aep-backfill {verb} {} ", digits(config));
        Self {
            marker: format!("{config}{} -->", digits(sandbox)),
            config,
            is_only: false,
        }
    }

    /// The only one of its config, which names the sandbox itself, or leaves it to the manifests: what was
    /// written while it said otherwise is deleted. Not so where a flag or a variable names it: there may
    /// be several at once.
    #[must_use]
    pub(crate) fn only(self) -> Self {
        Self {
            is_only: true,
            ..self
        }
    }

    /// `markdown` with the marker before it.
    pub(super) fn body(&self, markdown: &str) -> String {
        let only = if self.is_only { ONLY } else { "" };
        format!("{}\n{only}{markdown}", self.marker)
    }

    /// Those of `posts` that `author` wrote while the config named another sandbox.
    fn outdated<'p>(&self, posts: &'p [Post], author: &Author) -> Vec<&'p Post> {
        let is_outdated = |post: &&Post| {
            marker(post).starts_with(&self.config)
                && marker(post) != self.marker
                && is_only(post)
                && author.wrote(post)
        };
        posts
            .iter()
            .filter(|post| self.is_only && is_outdated(post))
            .collect()
    }

    /// Those of `posts` that are this one and that `author` wrote.
    fn find<'p>(&self, posts: &'p [Post], author: &Author) -> Vec<&'p Post> {
        let of_it = |post: &&Post| marker(post) == self.marker && author.wrote(post);
        posts.iter().filter(of_it).collect()
    }

    /// Has each comment of this config on the pull request `number` say `markdown`, whatever sandbox
    /// it is of: what it said does not hold any more. Where there is none, one is written if the pull
    /// request changes a file that `is_about` it.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer.
    pub(crate) async fn supersede(
        &self,
        client: &GitHubClient,
        number: u64,
        markdown: &str,
        is_about: impl Fn(&str) -> bool,
    ) -> Result<(), GitHubError> {
        let author = client.author().await?;
        let comments = client.comments(number).await?;
        let of_it = |post: &&Post| marker(post).starts_with(&self.config) && author.wrote(post);
        let ours: Vec<&Post> = comments.iter().filter(of_it).collect();
        let mut is_told = false;
        for post in &ours {
            let only = if is_only(post) { ONLY } else { "" };
            let body = format!("{}\n{only}{markdown}", marker(post));
            is_told |= says(post, &body) || client.update_comment(post.id, &body).await?;
        }
        if !is_told && (!ours.is_empty() || changes(client, number, is_about).await) {
            let body = self.body(markdown);
            self.create_comment(client, number, (&author, &comments), &body)
                .await?;
        }
        Ok(())
    }

    /// Has the comment on the pull request `number` say `markdown`, and no other comment of ours say
    /// anything else. Where there is none yet, one is written if the pull request changes a file that
    /// `is_about` it.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer.
    pub(crate) async fn comment(
        &self,
        client: &GitHubClient,
        number: u64,
        markdown: &str,
        is_about: impl Fn(&str) -> bool,
    ) -> Result<CommentWrite, GitHubError> {
        let body = self.body(markdown);
        let author = client.author().await?;
        let comments = client.comments(number).await?;
        let ours = self.find(&comments, &author);
        let outdated = self.outdated(&comments, &author);
        for post in &outdated {
            client.delete_comment(post.id).await?;
        }
        if let Some((first, others)) = ours.split_first() {
            let is_same = says(first, &body);
            let is_there = is_same || client.update_comment(first.id, &body).await?;
            // Two jobs at once may each have found none.
            for other in others {
                client.delete_comment(other.id).await?;
            }
            // Else somebody deleted it since it was listed.
            if is_there {
                return Ok(if is_same {
                    CommentWrite::Unchanged
                } else {
                    CommentWrite::Updated
                });
            }
        } else if outdated.is_empty() && !changes(client, number, is_about).await {
            return Ok(CommentWrite::NotNeeded);
        }
        self.create_comment(client, number, (&author, &comments), &body)
            .await?;
        Ok(CommentWrite::Created)
    }

    /// Writes the comment, which is not among the `comments` of the pull request.
    async fn create_comment(
        &self,
        client: &GitHubClient,
        number: u64,
        (author, comments): (&Author, &[Post]),
        body: &str,
    ) -> Result<(), GitHubError> {
        let list = async || client.comments(number).await;
        let create = async || client.create_comment(number, body).await;
        let created = self.create(client, author, create, list).await?;
        // Now it is known who we are, if not whom we took ourselves for.
        if let Some(writer) = created.author() {
            for earlier in self.find(comments, &writer) {
                if !author.wrote(earlier) {
                    client.delete_comment(earlier.id).await?;
                }
            }
        }
        Ok(())
    }

    /// Creates a post; where it cannot be told whether that arrived, looks, and creates it anew if not.
    async fn create(
        &self,
        client: &GitHubClient,
        author: &Author,
        create: impl AsyncFn() -> Result<Post, GitHubError>,
        list: impl AsyncFn() -> Result<Vec<Post>, GitHubError>,
    ) -> Result<Post, GitHubError> {
        for _ in 1..TRIES {
            match create().await {
                Err(error) if error.may_have_arrived() => {
                    client.pause().await;
                    if let [found, ..] = self.find(&list().await?, author)[..] {
                        return Ok(found.clone());
                    }
                }
                created => return created,
            }
        }
        create().await
    }

    /// Has one open issue say `markdown`; where that `is_settled`, closes it if there is one.
    ///
    /// # Errors
    /// When GitHub refuses, or does not answer.
    pub(crate) async fn issue(
        &self,
        client: &GitHubClient,
        title: &str,
        markdown: &str,
        is_settled: bool,
    ) -> Result<CommentWrite, GitHubError> {
        let body = self.body(markdown);
        let author = client.author().await?;
        let issues = client.open_issues().await?;
        let number = |post: &&Post| post.number;
        // Newest first: the oldest one is kept.
        let ours = self.find(&issues, &author);
        let mut numbers = ours.iter().rev().filter_map(number);
        let first = numbers.next();
        for other in numbers {
            client.update_issue(other, &body, true).await?;
        }
        if let Some(first) = first {
            if !is_settled && ours.last().is_some_and(|post| says(post, &body)) {
                return Ok(CommentWrite::Unchanged);
            }
            let is_there = client.update_issue(first, &body, is_settled).await?;
            if is_settled {
                return Ok(CommentWrite::Closed);
            }
            // Else somebody deleted it since it was listed.
            if is_there {
                return Ok(CommentWrite::Updated);
            }
        } else if is_settled {
            return Ok(CommentWrite::NotNeeded);
        }
        let list = async || client.open_issues().await;
        let create = async || client.create_issue(title, &body).await;
        self.create(client, &author, create, list).await?;
        Ok(CommentWrite::Created)
    }
}

/// Whether the pull request changes a file that `is_about` a comment; where that cannot be told, too: better
/// one too many.
async fn changes(client: &GitHubClient, number: u64, is_about: impl Fn(&str) -> bool) -> bool {
    match client.changed_files(number).await {
        Ok(files) => files.iter().any(|file| is_about(file)),
        Err(_) => true,
    }
}

/// The first line of what a post says.
fn marker(post: &Post) -> &str {
    let first = post.body.as_deref().and_then(|body| body.lines().next());
    first.unwrap_or_default().trim_end()
}

/// The second line of a post that is the only one of its config.
const ONLY: &str = "<!-- the sandbox of the config -->\n";

fn is_only(post: &Post) -> bool {
    let second = post.body.as_deref().and_then(|body| body.lines().nth(1));
    second.is_some_and(|line| line.trim_end() == ONLY.trim_end())
}

/// Whether it says the same, but for [its last line](since); how lines end, and blanks at the end,
/// are GitHub's business.
fn says(post: &Post, body: &str) -> bool {
    let said = post.body.as_deref().unwrap_or_default();
    without_since(&said.replace("\r\n", "\n")) == without_since(body)
}

/// What a last line begins with that tells since when a post says what it says.
const SINCE: &str = "<sub>So since ";

/// A last line that tells since when a post says what it says: it does not count as a change.
#[must_use]
pub(crate) fn since(commit: &str, run: Option<&str>) -> String {
    let run = run.map_or_else(String::new, |url| format!(" ([run]({url}))"));
    format!("{SINCE}commit <code>{commit}</code>{run}</sub>\n")
}

fn without_since(body: &str) -> &str {
    let body = body.trim_end();
    match body.rsplit_once('\n') {
        Some((before, last)) if last.starts_with(SINCE) => before.trim_end(),
        _ => body,
    }
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
            ManagedComment::new("plan", "backfill.yaml", "prod"),
            ManagedComment::new("audit", "backfill.yaml", "prod"),
            ManagedComment::new("plan", "crm/backfill.yaml", "prod"),
            ManagedComment::new("plan", "backfill.yaml", "dev"),
            ManagedComment::new("plan", "backfill.yamlprod", ""),
            ManagedComment::new("plan", "-->", "-->\n<b>"),
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
        let sticky = ManagedComment::new("plan", "backfill.yaml", "prod");
        let body = sticky.body("### a plan");
        let posts = [
            post("eve", "User", &body),
            post("github-actions[bot]", "Bot", &body.replace('\n', "\r\n")),
            post("github-actions[bot]", "Bot", &format!("> {body}")),
            post("github-actions[bot]", "Bot", "something else"),
            post("another[bot]", "Bot", &body),
        ];
        assert_eq!(sticky.find(&posts, &Author::Job), [&posts[1]]);
        let eve = Author::User("eve".to_owned());
        assert_eq!(sticky.find(&posts, &eve), [&posts[0]]);
        assert!(says(&posts[1], &body));
        assert!(!says(&posts[3], &body));
    }

    #[test]
    fn what_an_unknown_app_wrote_is_of_some_app_and_of_no_user() {
        let sticky = ManagedComment::new("audit", "backfill.yaml", "prod");
        let body = sticky.body("### differs");
        let posts = [
            post("eve", "User", &body),
            post("acme-data[bot]", "Bot", &body),
            post("acme-data[bot]", "Bot", "something else"),
        ];
        assert_eq!(sticky.find(&posts, &Author::SomeApp), [&posts[1]]);
    }

    #[test]
    fn the_sandbox_that_a_config_named_before_is_outdated_and_one_that_a_flag_names_is_not() {
        let of = |sandbox| ManagedComment::new("plan", "backfill.yaml", sandbox);
        let by = |sticky: &ManagedComment| {
            post("github-actions[bot]", "Bot", &sticky.body("### a plan"))
        };
        let posts = [
            by(&of("prod").only()),
            by(&of("dev")),
            by(&ManagedComment::new("plan", "other.yaml", "prod").only()),
            by(&of("stage").only()),
        ];
        assert_eq!(
            of("stage").only().outdated(&posts, &Author::Job),
            [&posts[0]]
        );
        assert!(of("stage").outdated(&posts, &Author::Job).is_empty());
    }

    #[test]
    fn since_when_it_is_said_is_no_change() {
        let sticky = ManagedComment::new("plan", "backfill.yaml", "prod");
        let body = |since: &str| sticky.body(&format!("### a plan\n{since}"));
        let said = post("x", "User", &body(&since("0123456", Some("https://x/1"))));
        assert!(says(&said, &body(&since("7654321", None))));
        assert!(says(&said, &body("")));
        assert!(!says(&said, &sticky.body("### another\n")));
    }
}
