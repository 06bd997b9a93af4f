//! Why GitHub could not be read or written.

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitHubError {
    /// What the environment says cannot be used.
    #[error("{0}")]
    Setup(String),
    /// No answer came.
    #[error("GitHub cannot be reached: {0}")]
    Unreachable(String),
    /// The answer was a refusal.
    #[error("GitHub answered HTTP {status}: {message}{}", request_id.as_ref().map_or_else(String::new, |id| format!(" (request id {id})")))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// GitHub's message.
        message: String,
        /// `x-github-request-id`.
        request_id: Option<String>,
    },
    /// GitHub wants no more requests for a while.
    #[error("GitHub limits how often it is asked: {0}")]
    Limited(String),
    /// The answer is not what GitHub documents.
    #[error("GitHub's answer is not understood: {0}")]
    NotUnderstood(String),
}

/// Whether GitHub's message says that the token lacks a permission. A 404, or a 403 of another kind, does not.
pub(super) fn is_about_a_permission(message: &str) -> bool {
    message.starts_with("Resource not accessible by")
}

impl GitHubError {
    /// Whether GitHub says that the token lacks a permission.
    #[must_use]
    pub(crate) fn lacks_a_permission(&self) -> bool {
        matches!(self, Self::Refused { status: 403, message, .. } if is_about_a_permission(message))
    }

    /// Whether what was to be changed is not there, or no more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 404 | 410,
                ..
            }
        )
    }

    /// Whether what was sent may have been carried out all the same.
    pub(super) fn may_have_arrived(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::NotUnderstood(_) | Self::Refused { status: 500.., .. }
        )
    }

    /// Whether the token may not do this: GitHub also says that there is no such thing.
    #[must_use]
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 403 | 404,
                ..
            }
        )
    }

    /// Whether the conversation is locked, the repository archived, or issues are turned off: nobody's
    /// mistake, and no permission helps.
    #[must_use]
    pub(crate) fn is_closed_to_all(&self) -> bool {
        match self {
            Self::Refused { status: 410, .. } => true,
            Self::Refused {
                status: 403 | 422,
                message,
                ..
            } => message
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| word == "locked" || word == "archived"),
            _ => false,
        }
    }
}
