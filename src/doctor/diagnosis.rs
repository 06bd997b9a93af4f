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
    Fault(Trouble),
}

/// What is wrong, gravest first: each keeps more of the others from being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum Trouble {
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
    /// That all is well.
    pub(crate) fn fine(
        area: Area,
        check: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            area,
            check,
            subject: subject.into(),
            mark: Mark::Fine,
            message: message.into(),
            advice: None,
        }
    }

    /// That something is to be known.
    pub(crate) fn notice(
        area: Area,
        check: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            mark: Mark::Notice,
            ..Self::fine(area, check, subject, message)
        }
    }

    /// That something would not work.
    pub(crate) fn fault(
        trouble: Trouble,
        area: Area,
        check: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            mark: Mark::Fault(trouble),
            ..Self::fine(area, check, subject, message)
        }
    }

    /// With what to do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl Diagnosis {
    /// The findings that something would not work.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Finding> {
        let is_fault = |finding: &&Finding| matches!(finding.mark, Mark::Fault(_));
        self.findings.iter().filter(is_fault)
    }

    /// The gravest trouble.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let troubles = self
            .findings
            .iter()
            .filter_map(|finding| match finding.mark {
                Mark::Fault(trouble) => Some(trouble),
                Mark::Fine | Mark::Notice => None,
            });
        troubles.min()
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

    #[test]
    fn the_gravest_trouble_decides() {
        let fault = |trouble| Finding::fault(trouble, Area::Service, "a", "a", "a");
        let diagnosis = Diagnosis {
            findings: vec![fault(Trouble::WouldNotWork), fault(Trouble::SignIn)],
            settling: Settling::Unknown,
        };
        assert_eq!(diagnosis.trouble(), Some(Trouble::SignIn));
        assert_eq!(Diagnosis::default().trouble(), None);
        let order = [
            Trouble::Settings,
            Trouble::SignIn,
            Trouble::Unreachable,
            Trouble::State,
            Trouble::WouldNotWork,
        ];
        assert!(order.is_sorted());
    }
}
