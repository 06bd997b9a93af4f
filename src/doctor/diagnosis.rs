//! What the checks found, and what follows from all of it. Its JSON is `doctor/v1`.

use serde::Serialize;

/// What was found, in the order of the checks.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Diagnosis {
    /// How a lost answer would be settled.
    pub settling: Settling,
    /// One for each check.
    pub findings: Vec<Finding>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Finding {
    pub area: Area,
    /// The check, for programs.
    pub check: &'static str,
    /// What was checked, for people: a flow's label, or a word.
    pub subject: String,
    #[serde(flatten)]
    pub mark: Mark,
    /// One sentence without a full stop.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Area {
    /// Config, variables, manifests.
    Settings,
    /// Endpoint, clock, sign-in, sandboxes.
    Service,
    /// The flows of the manifests.
    Flows,
    /// What the service does that is not documented.
    Behaviour,
    /// The place of the state.
    State,
    /// The job that this runs in.
    GitHub,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "mark", content = "trouble", rename_all = "lowercase")]
pub(crate) enum Mark {
    /// As it should be.
    Fine,
    /// Something to know, or what could not be checked.
    Notice,
    /// An apply would not work.
    Fault(FaultKind),
}

/// What is wrong, gravest first: each keeps more of the others from being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum FaultKind {
    /// Flags, variables, config or manifests.
    Settings,
    /// Sign-in or permission.
    SignIn,
    /// The service does not answer.
    Unreachable,
    /// The state cannot be used.
    State,
    /// Something else would not work.
    WouldNotWork,
}

/// How it would be found out whether a run exists whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum Settling {
    /// Nothing to learn from yet.
    #[default]
    Unknown,
    /// By the window that lists show.
    ByWindow,
    /// By the window that a run shows when it is read by its id.
    ByWindowOfEach,
    /// By the order in which our runs were created.
    ByOrder,
    ByPerson,
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CheckCounts {
    pub fault: usize,
    pub notice: usize,
    pub fine: usize,
}

impl Finding {
    /// With what to do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// About this one of several: a flow, a sandbox.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }
}

impl Diagnosis {
    /// The findings that something would not work.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Finding> {
        let is_fault = |finding: &&Finding| matches!(finding.mark, Mark::Fault(_));
        self.findings.iter().filter(is_fault)
    }

    /// The gravest of them.
    pub(crate) fn gravest_fault(&self) -> Option<FaultKind> {
        let kinds = self.findings.iter().map(|finding| finding.mark);
        let kinds = kinds.filter_map(|mark| match mark {
            Mark::Fault(kind) => Some(kind),
            Mark::Fine | Mark::Notice => None,
        });
        kinds.min()
    }

    pub(crate) fn counts(&self) -> CheckCounts {
        let mut counts = CheckCounts::default();
        for finding in &self.findings {
            match finding.mark {
                Mark::Fault(_) => counts.fault += 1,
                Mark::Notice => counts.notice += 1,
                Mark::Fine => counts.fine += 1,
            }
        }
        counts
    }
}

impl Settling {
    /// In a sentence without a full stop.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Unknown => "in a way that shows once the flows have runs",
            Self::ByWindow => "by the window that lists show of each run",
            Self::ByWindowOfEach => {
                "by the window that each run shows when it is read by its id: one request for each"
            }
            Self::ByOrder => {
                "by the order in which our runs were created: their windows are not shown"
            }
            Self::ByPerson => "by a person, with `backfill resolve`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Check;

    #[test]
    fn the_gravest_fault_decides() {
        let fault = |kind| Check::SIGN_IN.fault(kind, "a");
        let diagnosis = Diagnosis {
            findings: vec![fault(FaultKind::WouldNotWork), fault(FaultKind::SignIn)],
            settling: Settling::Unknown,
        };
        assert_eq!(diagnosis.gravest_fault(), Some(FaultKind::SignIn));
        assert_eq!(Diagnosis::default().gravest_fault(), None);
        let order = [
            FaultKind::Settings,
            FaultKind::SignIn,
            FaultKind::Unreachable,
            FaultKind::State,
            FaultKind::WouldNotWork,
        ];
        assert!(order.is_sorted());
    }
}
