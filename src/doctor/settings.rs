//! The environment: which variables are set, which look like a slip. Values are never looked at
//! here, so that none can be told.

use super::{Area, Check, Finding};
use crate::untrusted::plain;

/// What a client reads.
const KNOWN: [&str; 10] = [
    "AEP_ORG_ID",
    "AEP_CLIENT_ID",
    "AEP_CLIENT_SECRET",
    "AEP_SCOPES",
    "AEP_ACCESS_TOKEN",
    "AEP_API_KEY",
    "AEP_SANDBOX_NAME",
    "AEP_ENDPOINT",
    "AEP_IMS_ENDPOINT",
    "BACKFILL_STATE",
];
/// What the connections of every program follow.
const OF_CONNECTIONS: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// How ours begin.
const PREFIX: &str = "AEP_";

/// The names of variables.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    /// Those with a value.
    pub set: Vec<String>,
    /// Those that are set to nothing.
    pub empty: Vec<String>,
}

impl Variables {
    /// Sorts `(name, whether it has a value)`.
    pub(crate) fn new(all: impl IntoIterator<Item = (String, bool)>) -> Self {
        let mut variables = Self::default();
        for (name, has_value) in all {
            if has_value {
                variables.set.push(name);
            } else {
                variables.empty.push(name);
            }
        }
        variables.set.sort();
        variables.empty.sort();
        variables
    }

    fn is_set(&self, name: &str) -> bool {
        self.set.iter().any(|set| set == name)
    }
}

/// What must come from the environment, for no other place has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// `AEP_ORG_ID`
    pub organization: bool,
    /// A token, or what one is asked for with.
    pub credentials: bool,
}

impl Variables {
    /// The names of what is needed and not set.
    fn missing(&self, needs: Needs) -> Vec<&'static str> {
        let organization = ["AEP_ORG_ID"].into_iter().filter(|_| needs.organization);
        let credentials: &[&str] = match (needs.credentials, self.is_set("AEP_ACCESS_TOKEN")) {
            (false, _) => &[],
            (true, true) if self.is_set("AEP_CLIENT_ID") => &[],
            (true, true) => &["AEP_API_KEY"],
            (true, false) => &["AEP_CLIENT_ID", "AEP_CLIENT_SECRET", "AEP_SCOPES"],
        };
        organization
            .chain(credentials.iter().copied())
            .filter(|name| !self.is_set(name))
            .collect()
    }
}

/// Which variables are set, and which are missing.
pub(crate) fn check_variables(variables: &Variables, needs: Needs) -> Vec<Finding> {
    const AREA: Area = Area::Settings;
    let known = KNOWN.iter().chain(&OF_CONNECTIONS);
    let set: Vec<&str> = known
        .copied()
        .filter(|name| variables.is_set(name))
        .collect();
    let message = if set.is_empty() {
        "none is set".to_owned()
    } else {
        format!("set: {}", set.join(", "))
    };
    let missing = variables.missing(needs);
    let mut findings = vec![if missing.is_empty() {
        Check(AREA, "variables", "variables").fine(message)
    } else {
        let message = format!("{message}; not set: {}", missing.join(", "));
        Check(AREA, "variables", "variables").notice(message)
    }];
    let ours = |names: &[String], is_known: bool| -> Vec<String> {
        let ours = names.iter().filter(|name| name.starts_with(PREFIX));
        ours.filter(|name| KNOWN.contains(&name.as_str()) == is_known)
            .map(|name| plain(name, 60))
            .collect()
    };
    let empty = ours(&variables.empty, true);
    if !empty.is_empty() {
        let message = format!("set to nothing: {}", empty.join(", "));
        findings.push(
            Check(AREA, "emptyVariables", "variables").notice(message).advise(
                "a secret that does not exist, or that a pull request from a fork may not read, is \
                 passed as an empty text",
            ),
        );
    }
    let unknown = ours(&variables.set, false);
    if !unknown.is_empty() {
        let message = format!("not known, and not read: {}", unknown.join(", "));
        findings.push(
            Check(AREA, "unknownVariables", "variables")
                .notice(message)
                .advise("compare the names with docs/commands.md, \"Environment\""),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_and_slips_are_told() {
        let variables = Variables::new(
            [
                ("AEP_ORG_ID", true),
                ("AEP_CLIENT_SECERT", true),
                ("AEP_CLIENT_SECRET", false),
                ("SSL_CERT_FILE", true),
                ("HOME", true),
            ]
            .map(|(name, has_value)| (name.to_owned(), has_value)),
        );
        let findings = check_variables(&variables, Needs::default());
        let messages: Vec<_> = findings.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "set: AEP_ORG_ID, SSL_CERT_FILE",
                "set to nothing: AEP_CLIENT_SECRET",
                "not known, and not read: AEP_CLIENT_SECERT",
            ]
        );
        assert_eq!(
            check_variables(&Variables::default(), Needs::default())[0].message,
            "none is set"
        );
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let needs = Needs {
            organization: true,
            credentials: true,
        };
        let said = |set: &[&str]| {
            let set = set.iter().map(|name| ((*name).to_owned(), true));
            check_variables(&Variables::new(set), needs)[0]
                .message
                .clone()
        };
        assert_eq!(
            said(&[]),
            "none is set; not set: AEP_ORG_ID, AEP_CLIENT_ID, AEP_CLIENT_SECRET, AEP_SCOPES"
        );
        assert_eq!(
            said(&["AEP_ORG_ID", "AEP_ACCESS_TOKEN"]),
            "set: AEP_ORG_ID, AEP_ACCESS_TOKEN; not set: AEP_API_KEY"
        );
        let whole = ["AEP_ORG_ID", "AEP_CLIENT_ID", "AEP_ACCESS_TOKEN"];
        assert!(!said(&whole).contains("not set"), "{}", said(&whole));
    }
}
