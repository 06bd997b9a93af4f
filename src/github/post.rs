//! A comment or an issue, and who wrote it.

use serde::Deserialize;
use serde_json::Value;

/// A comment, or an issue, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Post {
    /// A comment's id.
    pub(super) id: u64,
    /// An issue's number.
    pub(super) number: Option<u64>,
    pub(super) body: Option<String>,
    user: Option<User>,
    /// There if an issue is a pull request.
    pub(super) pull_request: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct User {
    login: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Post {
    /// Who wrote it, if that is known.
    pub(super) fn author(&self) -> Option<Author> {
        let user = self.user.as_ref()?;
        Some(Author::User(user.login.clone()))
    }
}

/// The account of every job's own token.
pub(super) const JOBS: &str = "github-actions[bot]";
/// What the name of an app's account ends with.
pub(super) const BOT: &str = "[bot]";

/// Whose posts are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Author {
    /// This account's.
    User(String),
    /// A job's token is no user; what it writes is that of the app that all jobs have.
    Job,
    /// Some app's, and it cannot be told which: a post with our marker by any app of the repository. No
    /// user is one, and only who administers the repository adds one.
    SomeApp,
}

impl Author {
    /// Whether it wrote `post`: a comment with our marker that somebody else wrote is not ours, and
    /// they could change it after us.
    pub(super) fn wrote(&self, post: &Post) -> bool {
        post.user.as_ref().is_some_and(|user| match self {
            Self::User(login) => user.login == *login,
            Self::Job => user.kind == "Bot" && user.login == JOBS,
            Self::SomeApp => user.kind == "Bot",
        })
    }
}
