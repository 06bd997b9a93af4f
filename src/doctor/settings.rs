//! The environment: which variables are set, which look like a slip. Values are never looked at
//! here, so that no secret can be shown.

use std::collections::BTreeMap;

use super::{Check, Finding};
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
const CONNECTION_VARIABLES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What must come from the environment, for no other place has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// `AEP_ORG_ID`
    pub organization: bool,
    /// A token, or what one is asked for with.
    pub credentials: bool,
}

/// Which of `variables` are set, and which are missing; each name says whether it has a value.
pub(crate) fn check_variables(variables: &BTreeMap<String, bool>, needs: Needs) -> Vec<Finding> {
    let is_set = |name: &&str| variables.get(*name) == Some(&true);
    let known = KNOWN.into_iter().chain(CONNECTION_VARIABLES);
    let set: Vec<&str> = known.filter(is_set).collect();
    let message = if set.is_empty() {
        "none is set".to_owned()
    } else {
        format!("set: {}", set.join(", "))
    };
    let mut needed = Vec::new();
    if needs.organization {
        needed.push("AEP_ORG_ID");
    }
    if needs.credentials && !is_set(&"AEP_ACCESS_TOKEN") {
        needed.extend(["AEP_CLIENT_ID", "AEP_CLIENT_SECRET", "AEP_SCOPES"]);
    } else if needs.credentials && !is_set(&"AEP_CLIENT_ID") {
        needed.push("AEP_API_KEY");
    }
    needed.retain(|name| !is_set(name));
    let mut findings = vec![if needed.is_empty() {
        Check::VARIABLES.fine(message)
    } else {
        let missing = needed.join(", ");
        Check::VARIABLES.notice(format!("{message}; not set: {missing}"))
    }];
    let ours = |has_value: bool, is_known: bool| -> Vec<String> {
        let ours = variables.iter().filter(|(name, value)| {
            **value == has_value
                && name.starts_with("AEP_")
                && KNOWN.contains(&name.as_str()) == is_known
        });
        ours.map(|(name, _)| plain(name, 60)).collect()
    };
    let empty = ours(false, true);
    if !empty.is_empty() {
        let message = format!("set to nothing: {}", empty.join(", "));
        findings.push(Check::EMPTY_VARIABLES.notice(message).advise(
            "a secret that does not exist, or that a pull request from a fork may not read, is \
             passed as an empty text",
        ));
    }
    let unknown = ours(true, false);
    if !unknown.is_empty() {
        let message = format!("not known, and not read: {}", unknown.join(", "));
        let advice = "compare the names with docs/commands.md, \"Environment\"";
        findings.push(Check::UNKNOWN_VARIABLES.notice(message).advise(advice));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_empty_and_unknown_variables_are_named() {
        let variables = [
            ("AEP_ORG_ID", true),
            ("AEP_CLIENT_SECERT", true),
            ("AEP_CLIENT_SECRET", false),
            ("SSL_CERT_FILE", true),
            ("HOME", true),
        ];
        let variables = variables.map(|(name, has_value)| (name.to_owned(), has_value));
        let variables = variables.into();
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
            check_variables(&BTreeMap::new(), Needs::default())[0].message,
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
            check_variables(&set.collect(), needs)[0].message.clone()
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
