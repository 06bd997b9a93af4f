//! The table of checks: what each is about, its name for programs and its subject for people.

use super::diagnosis::{Area, FaultKind, Finding, Mark};

/// A check; what it finds is a [`Finding`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check(Area, &'static str, &'static str);

impl Check {
    pub(crate) const CONFIG: Self = Self(Area::Settings, "config", "config");
    pub(crate) const SETTINGS: Self = Self(Area::Settings, "settings", "settings");
    pub(crate) const VARIABLES: Self = Self(Area::Settings, "variables", "variables");
    pub(super) const EMPTY_VARIABLES: Self = Self(Area::Settings, "emptyVariables", "variables");
    pub(super) const UNKNOWN_VARIABLES: Self =
        Self(Area::Settings, "unknownVariables", "variables");
    pub(crate) const MANIFESTS: Self = Self(Area::Settings, "manifests", "manifests");

    pub(crate) const ENDPOINT: Self = Self(Area::Service, "endpoint", "endpoint");
    pub(crate) const CERTIFICATES: Self = Self(Area::Service, "certificates", "TLS");
    pub(super) const TLS: Self = Self(Area::Service, "tls", "TLS");
    pub(super) const CLOCK: Self = Self(Area::Service, "clock", "clock");
    pub(crate) const SIGN_IN: Self = Self(Area::Service, "signIn", "sign-in");
    pub(super) const SANDBOX: Self = Self(Area::Service, "sandbox", "sandbox");

    pub(crate) const FLOW: Self = Self(Area::Flows, "flow", "flows");

    pub(crate) const LISTS: Self = Self(Area::Behaviour, "lists", "lists");
    pub(super) const FILTER: Self = Self(Area::Behaviour, "filter", "lists");
    pub(super) const PAGES: Self = Self(Area::Behaviour, "pages", "pages");
    pub(super) const WINDOWS: Self = Self(Area::Behaviour, "windows", "windows");
    pub(super) const TIMES: Self = Self(Area::Behaviour, "times", "times");
    pub(super) const CLIENTS: Self = Self(Area::Behaviour, "clients", "whose runs");
    pub(super) const STATUSES: Self = Self(Area::Behaviour, "statuses", "statuses");
    pub(super) const SETTLING: Self = Self(Area::Behaviour, "settling", "lost answers");
    pub(super) const SETTLE_DELAY: Self = Self(Area::Behaviour, "settleDelay", "settle delay");
    pub(super) const LIMITS: Self = Self(Area::Behaviour, "limits", "rate");

    pub(crate) const PLACE: Self = Self(Area::State, "place", "place");
    pub(super) const DOUBTS: Self = Self(Area::State, "doubts", "doubts");
    pub(super) const JOURNAL: Self = Self(Area::State, "journal", "journal");
    pub(super) const HOLDER: Self = Self(Area::State, "holder", "holder");
    pub(crate) const WRITE: Self = Self(Area::State, "write", "writing");

    pub(crate) const TOKEN: Self = Self(Area::GitHub, "token", "token");
    pub(crate) const BRANCH: Self = Self(Area::GitHub, "branch", "branch");

    /// That all is well.
    pub(crate) fn fine(self, message: impl Into<String>) -> Finding {
        self.found(Mark::Fine, message)
    }

    /// That something is to be known.
    pub(crate) fn notice(self, message: impl Into<String>) -> Finding {
        self.found(Mark::Notice, message)
    }

    /// That something would not work.
    pub(crate) fn fault(self, kind: FaultKind, message: impl Into<String>) -> Finding {
        self.found(Mark::Fault(kind), message)
    }

    fn found(self, mark: Mark, message: impl Into<String>) -> Finding {
        let Self(area, check, subject) = self;
        Finding {
            area,
            check,
            subject: subject.to_owned(),
            mark,
            message: message.into(),
            advice: None,
        }
    }
}
