//! Names of files from names of flows: a stem that every file system takes, and no two alike.

use std::collections::HashMap;

use crate::run::FlowId;

/// A stem is no longer than so many characters.
const LONGEST: usize = 60;
/// Names that Windows keeps for itself, whatever follows a dot.
const KEPT_BY_WINDOWS: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A stem for each flow: its name made safe, else its id. Where two come out alike, both get
/// their ids behind it, so that the order of the flows decides nothing.
#[must_use]
pub(crate) fn file_stems(flows: &[(FlowId, Option<&str>)]) -> Vec<String> {
    let stems: Vec<String> = flows
        .iter()
        .map(|(id, name)| name.and_then(stem).unwrap_or_else(|| id.to_string()))
        .collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for stem in &stems {
        *times.entry(stem).or_default() += 1;
    }
    stems
        .iter()
        .zip(flows)
        .map(|(stem, (id, _))| match times.get(stem.as_str()) {
            Some(1) => stem.clone(),
            _ => format!("{stem}-{id}"),
        })
        .collect()
}

/// `CRM: Accounts (EU)` is `crm-accounts-eu`; `None` where nothing is left.
fn stem(name: &str) -> Option<String> {
    let mut stem = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            stem.push(c);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    let cut: String = stem.chars().take(LONGEST).collect();
    let stem = cut.trim_end_matches('-');
    let word = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    match stem {
        "" => None,
        _ if KEPT_BY_WINDOWS.contains(&word) => Some(format!("flow-{stem}")),
        _ => Some(stem.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(first: char) -> FlowId {
        format!("{first}abea21c-7e36-4be1-bec1-d3bad0e3e0de")
            .parse()
            .expect("a flow")
    }

    #[test]
    fn a_name_becomes_a_stem_that_every_file_system_takes() {
        for (name, expected) in [
            ("CRM: Accounts (EU)", Some("crm-accounts-eu")),
            ("../../etc/passwd", Some("etc-passwd")),
            (".hidden", Some("hidden")),
            ("Kunden – Übersicht", Some("kunden-übersicht")),
            ("a\u{1b}[2J\u{202e}b\nc", Some("a-2j-b-c")),
            ("COM1", Some("flow-com1")),
            ("nul", Some("flow-nul")),
            ("///", None),
            ("", None),
        ] {
            assert_eq!(stem(name).as_deref(), expected, "{name:?}");
        }
        let long = stem(&"x-".repeat(100)).expect("a stem");
        assert!(long.chars().count() <= LONGEST && !long.ends_with('-'));
    }

    #[test]
    fn flows_of_one_name_have_files_of_their_own_in_any_order() {
        let [a, b] = [flow('3'), flow('5')];
        let both = [(a, Some("CRM")), (b, Some("crm"))];
        assert_eq!(file_stems(&both), [format!("crm-{a}"), format!("crm-{b}")]);
        assert_eq!(file_stems(&both[..1]), ["crm"]);
        assert_eq!(file_stems(&[(a, None)]), [a.to_string()]);
    }
}
