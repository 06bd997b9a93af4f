//! Identifiers, each its own type: a run id cannot be passed where a flow id is wanted.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the 8-4-4-4-12 hexadecimal form of a UUID.
    #[error("`{0}` is not a flow id: expected a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de")]
    FlowId(String),
    /// Sandbox names are lower case, digits and hyphens.
    #[error("`{0}` is not a sandbox name: expected lower-case letters, digits and hyphens")]
    Sandbox(String),
    /// Empty, or with characters that could break out of a URL path or a header.
    #[error("`{0}` is not a run id: expected letters, digits, `-`, `_`, `.` or `:`")]
    RunId(String),
    /// Not letters and digits before `@AdobeOrg`.
    #[error(
        "`{0}` is not an organization id: expected something like 5C1328435BF324E90A49402A@AdobeOrg"
    )]
    OrganizationId(String),
}

/// The id of a dataflow, `flowId` on the wire: a UUID, always shown in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowId(Uuid);

impl FromStr for FlowId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // `Uuid` also reads braced, `urn:` and unhyphenated forms, which the API does not.
        if text.len() != 36 {
            return Err(IdError::FlowId(text.to_owned()));
        }
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| IdError::FlowId(text.to_owned()))
    }
}

impl FlowId {
    /// The id as it is written.
    pub(super) fn ascii(self) -> [u8; 36] {
        let mut text = [0; 36];
        self.0.as_hyphenated().encode_lower(&mut text);
        text
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// The id of a flow run as the service gave it: opaque, safe in a URL path, ordered as its text is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(RunIdText);

/// How an id is kept. Nearly all ids are UUIDs: as a number, a million of them need no allocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RunIdText {
    /// A UUID that is written hyphenated and in lower case.
    Uuid(Uuid),
    Other(Arc<str>),
}

/// The name of a sandbox, `x-sandbox-name` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sandbox(String);

/// The id of an IMS organization, `x-gw-ims-org-id` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrganizationId(String);

fn is_run_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text != "."
        && text != ".."
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

fn is_sandbox(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_organization(text: &str) -> bool {
    let name = text.strip_suffix("@AdobeOrg").unwrap_or_default();
    (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

macro_rules! text_id {
    ($name:ident, $is_valid:path, $error:path) => {
        impl $name {
            /// The id as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                if $is_valid(&text) {
                    Ok(Self(text))
                } else {
                    Err($error(text))
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

impl FromStr for RunId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // Only what is shown again to the letter is kept as a number.
        if text.len() == 36
            && let Ok(uuid) = Uuid::try_parse(text)
            && !text.bytes().any(|byte| byte.is_ascii_uppercase())
        {
            return Ok(Self(RunIdText::Uuid(uuid)));
        }
        if is_run_id(text) {
            Ok(Self(RunIdText::Other(text.into())))
        } else {
            Err(IdError::RunId(text.to_owned()))
        }
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// Reads a string and parses it where it stands: no copy is made of it.
pub(super) fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            RunIdText::Uuid(uuid) => uuid.as_hyphenated().fmt(f),
            RunIdText::Other(text) => f.write_str(text),
        }
    }
}

impl Ord for RunId {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (RunIdText::Uuid(a), RunIdText::Uuid(b)) => a.cmp(b),
            (RunIdText::Other(a), RunIdText::Other(b)) => a.cmp(b),
            _ => self.to_string().cmp(&other.to_string()),
        }
    }
}

impl PartialOrd for RunId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

text_id!(Sandbox, is_sandbox, IdError::Sandbox);
text_id!(OrganizationId, is_organization, IdError::OrganizationId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_id_is_lowered_and_only_the_hyphenated_form_is_read() {
        let id: FlowId = "3ABEA21C-7E36-4BE1-BEC1-D3BAD0E3E0DE"
            .parse()
            .expect("a uuid");
        assert_eq!(id.to_string(), "3abea21c-7e36-4be1-bec1-d3bad0e3e0de");
        for bad in [
            "",
            "3abea21c7e364be1bec1d3bad0e3e0de",
            "{3abea21c-7e36-4be1-bec1-d3bad0e3e0de}",
            "3abea21c-7e36-4be1-bec1-d3bad0e3e0dg",
        ] {
            assert!(bad.parse::<FlowId>().is_err(), "{bad:?} was read");
        }
    }

    #[test]
    fn a_sandbox_name_is_lower_case() {
        assert!("prod".parse::<Sandbox>().is_ok());
        for bad in ["", "Prod", "my sandbox", "a\nb", "prod\r\nx-evil: 1"] {
            assert!(bad.parse::<Sandbox>().is_err(), "{bad:?} was read");
        }
    }

    #[test]
    fn an_organization_id_ends_as_all_do() {
        assert!(
            "5C1328435BF324E90A49402A@AdobeOrg"
                .parse::<OrganizationId>()
                .is_ok()
        );
        for bad in ["", "5C13", "@AdobeOrg", "a b@AdobeOrg", "x@AdobeOrg\r\n"] {
            assert!(bad.parse::<OrganizationId>().is_err(), "{bad:?} was read");
        }
    }

    #[test]
    fn a_run_id_is_shown_to_the_letter_and_ordered_as_its_text_is() {
        let texts = [
            "01",
            "65B7CFCC-6b2e-47c8-8194-13005b792752",
            "65b7cfcc-6b2e-47c8-8194-13005b792752",
            "65b7cfcc6b2e47c8819413005b792752",
            "65b7cfcd-6b2e-47c8-8194-13005b792752",
            "run-1",
        ];
        let ids = texts.map(|text| text.parse::<RunId>().expect("a run id"));
        assert_eq!(ids.each_ref().map(ToString::to_string), texts);
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_run_id_cannot_leave_its_place_in_a_url() {
        assert!(
            "65b7cfcc-6b2e-47c8-8194-13005b792752"
                .parse::<RunId>()
                .is_ok()
        );
        for bad in ["", "..", "a/b", "a?b", "a b", "a%2f", "a#b"] {
            assert!(bad.parse::<RunId>().is_err(), "{bad:?} was read");
        }
    }
}
