//! GitHub: which pull request a job is about, and one comment there, or one issue, that is kept up to
//! date.
//!
//! Takes Markdown and sees to it that it stands in one place: [`ManagedComment`] says which. Knows nothing of
//! plans, and decides nothing about them. A comment is not a run: writing it twice harms nobody, so
//! what may be sent again is sent again, and what was written twice is mended the next time.

mod client;
mod error;
mod event;
mod managed_comment;
mod post;
mod rate_limit;
#[cfg(test)]
mod tests;

pub(crate) use client::{GitHubClient, GitHubConnection};
pub(crate) use error::GitHubError;
pub(crate) use event::{PullRequest, WorkflowEvent};
pub(crate) use managed_comment::{CommentWrite, ManagedComment, since};
