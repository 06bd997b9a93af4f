//! Why the service gave no answer that can be used.

use super::auth::AuthError;
use crate::state::Refusal;

/// Why a read failed, or a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No token.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The gateway does not accept the credentials.
    #[error("the service refused the credentials: {0}")]
    SignIn(Refusal),
    /// The service refused this request.
    #[error("{0}")]
    Refused(Refusal),
    /// No answer, or only ones that may pass, however often it was asked.
    #[error("the service cannot be reached: {0}")]
    Unreachable(String),
    /// An answer that is not what was asked for.
    #[error("the service's answer is not understood: {0}")]
    NotUnderstood(String),
    /// The client itself could not be made.
    #[error("{0}")]
    Setup(String),
}

impl ApiError {
    /// What to do about it, where it tells.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Auth(error) => Some(error.hint()),
            Self::SignIn(_) => Some(
                "compare AEP_ORG_ID and AEP_API_KEY with the project in Adobe's developer console \
                 that the credential is of",
            ),
            Self::Refused(_) | Self::Unreachable(_) | Self::NotUnderstood(_) | Self::Setup(_) => {
                None
            }
        }
    }

    /// Whether every other flow would meet it too.
    pub(crate) fn is_of_all_flows(&self) -> bool {
        matches!(self, Self::Auth(_) | Self::SignIn(_) | Self::Setup(_))
    }
}
