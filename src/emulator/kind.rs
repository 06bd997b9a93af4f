//! Kinds of requests: the one table of what a method and a path mean, in the words that fault rules
//! and the ledger share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where Adobe serves the Flow Service.
pub(super) const BASE: &str = "/data/foundation/flowservice";

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
    /// `GET /flowSpecs/{id}`
    GetFlowSpec,
    /// `POST /ims/token/v3`
    Token,
    /// Anything else: nothing deletes or cancels a run.
    Other,
}

impl RequestKind {
    /// What `method` asks for at `path`, and the id in it, which is empty where there is none.
    pub(super) fn of<'path>(method: &str, path: &'path str) -> (Self, &'path str) {
        if method == "POST" && path == "/ims/token/v3" {
            return (Self::Token, "");
        }
        // Adobe's tutorial sends to `/runs/`.
        let path = path.strip_prefix(BASE).unwrap_or_default();
        let path: Vec<_> = path.trim_end_matches('/').split('/').skip(1).collect();
        match (method, path.as_slice()) {
            ("POST", ["runs"]) => (Self::CreateRun, ""),
            ("GET", ["runs"]) => (Self::ListRuns, ""),
            ("GET", ["runs", id]) => (Self::GetRun, id),
            ("POST", ["runs", id, "action"]) => (Self::Action, id),
            ("GET", ["flows"]) => (Self::ListFlows, ""),
            ("GET", ["flows", id]) => (Self::GetFlow, id),
            ("GET", ["flowSpecs", id]) => (Self::GetFlowSpec, id),
            _ => (Self::Other, ""),
        }
    }

    /// Whether it makes a run.
    pub(super) fn makes_a_run(self) -> bool {
        matches!(self, Self::CreateRun | Self::Action)
    }
}

/// The name in scenarios and in the ledger.
impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_a_path_are_one_kind_of_request() {
        let of = |method, path: &str| {
            let path = format!("{BASE}{path}");
            let (kind, id) = RequestKind::of(method, &path);
            format!("{kind} {id}")
        };
        assert_eq!(of("POST", "/runs/"), "createRun ");
        assert_eq!(of("GET", "/runs"), "listRuns ");
        assert_eq!(of("GET", "/runs/a"), "getRun a");
        assert_eq!(of("POST", "/runs/a/action"), "action a");
        assert_eq!(of("DELETE", "/runs/a"), "other ");
        assert_eq!(of("GET", ""), "other ");
        assert_eq!(
            RequestKind::of("POST", "/ims/token/v3").0,
            RequestKind::Token
        );
        assert_eq!(RequestKind::of("GET", "/runs").0, RequestKind::Other);
    }
}
