//! Kinds of requests: the words that fault rules and the ledger share.
//!
//! A kind is a name without the ids of a path. The router gives every request exactly one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestKind {
    /// `POST /runs`
    CreateRun,
    /// `GET /runs`
    ListRuns,
    /// `GET /runs/{id}`
    GetRun,
    /// `POST /runs/{id}/action`
    Action,
    /// `GET /flows`
    ListFlows,
    /// `GET /flows/{id}`
    GetFlow,
    /// `GET /flowSpecs`
    ListFlowSpecs,
    /// `GET /flowSpecs/{id}`
    GetFlowSpec,
    /// `GET /sourceConnections`
    ListSourceConnections,
    /// `GET /sourceConnections/{id}`
    GetSourceConnection,
    /// `POST /ims/token/v3`
    Token,
    /// Anything else.
    Other,
}

impl RequestKind {
    const ALL: [Self; 12] = [
        Self::CreateRun,
        Self::ListRuns,
        Self::GetRun,
        Self::Action,
        Self::ListFlows,
        Self::GetFlow,
        Self::ListFlowSpecs,
        Self::GetFlowSpec,
        Self::ListSourceConnections,
        Self::GetSourceConnection,
        Self::Token,
        Self::Other,
    ];

    /// The kind's name in scenarios and in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateRun => "createRun",
            Self::ListRuns => "listRuns",
            Self::GetRun => "getRun",
            Self::Action => "action",
            Self::ListFlows => "listFlows",
            Self::GetFlow => "getFlow",
            Self::ListFlowSpecs => "listFlowSpecs",
            Self::GetFlowSpec => "getFlowSpec",
            Self::ListSourceConnections => "listSourceConnections",
            Self::GetSourceConnection => "getSourceConnection",
            Self::Token => "token",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which requests a fault rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Target {
    /// Every request, tokens included.
    #[default]
    Any,
    /// Requests of one kind.
    Only(RequestKind),
}

impl Target {
    pub(super) fn covers(self, kind: RequestKind) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == kind,
        }
    }
}

/// A name that is no kind of request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a kind of request: expected any, {names}",
    names = RequestKind::ALL.map(RequestKind::name).join(", ")
)]
pub struct UnknownTarget(String);

impl TryFrom<String> for Target {
    type Error = UnknownTarget;

    fn try_from(name: String) -> Result<Self, UnknownTarget> {
        if name == "any" {
            return Ok(Self::Any);
        }
        RequestKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .map(Self::Only)
            .ok_or(UnknownTarget(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_scenarios_are_those_in_the_ledger() {
        for kind in RequestKind::ALL {
            let name = serde_json::to_value(kind).expect("a name");
            assert_eq!(name, kind.name());
            assert_eq!(
                Target::try_from(kind.name().to_owned()),
                Ok(Target::Only(kind))
            );
        }
    }

    #[test]
    fn an_unknown_kind_is_refused_with_the_list_of_known_ones() {
        let error = Target::try_from("createRuns".to_owned()).expect_err("no such kind");
        assert!(error.to_string().contains("any, createRun, listRuns"));
    }
}
