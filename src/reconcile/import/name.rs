//! Names of files from names of flows: a stem that every file system takes, and no two alike.

use std::collections::HashMap;

use crate::run::FlowId;

/// A stem is no longer than so many characters.
const LONGEST: usize = 60;
/// Names that Windows keeps for itself, whatever follows a dot.
const KEPT_BY_WINDOWS: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A stem for each file of flows, which have ids and perhaps names: the name made safe, else the id;
/// of several flows that of the first in order, and how many more. Where two files come out alike, both
/// get an id behind it, so that the order of the flows decides nothing.
#[must_use]
pub(crate) fn file_stems(files: &[Vec<(FlowId, Option<&str>)>]) -> Vec<String> {
    let named: Vec<(String, Option<FlowId>)> = files.iter().map(|flows| of_file(flows)).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for (stem, _) in &named {
        *times.entry(stem).or_default() += 1;
    }
    named
        .iter()
        .map(|(stem, id)| match (times.get(stem.as_str()), id) {
            (Some(2..), Some(id)) => format!("{stem}-{id}"),
            _ => stem.clone(),
        })
        .collect()
}

/// The stem of a file, and the id of the flow that it is called by.
fn of_file(flows: &[(FlowId, Option<&str>)]) -> (String, Option<FlowId>) {
    let stems = flows.iter().map(|(id, name)| (name.and_then(stem), *id));
    let Some((stem, id)) = stems.min_by_key(|(stem, id)| (stem.is_none(), stem.clone(), *id))
    else {
        return (String::new(), None);
    };
    let stem = stem.unwrap_or_else(|| id.to_string());
    match flows.len() - 1 {
        0 => (stem, Some(id)),
        more => (format!("{stem}-and-{more}-more"), Some(id)),
    }
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
        let both = [vec![(a, Some("CRM"))], vec![(b, Some("crm"))]];
        assert_eq!(file_stems(&both), [format!("crm-{a}"), format!("crm-{b}")]);
        assert_eq!(file_stems(&both[..1]), ["crm"]);
        assert_eq!(file_stems(&[vec![(a, None)]]), [a.to_string()]);
    }

    #[test]
    fn a_file_of_several_flows_is_called_by_the_first_of_them() {
        let [a, b, c] = ['3', '5', '7'].map(flow);
        let flows = vec![(b, Some("Orders")), (a, Some("Contacts")), (c, None)];
        assert_eq!(file_stems(&[flows]), ["contacts-and-2-more"]);
        let flows = vec![(b, Some("Orders")), (a, Some("Contacts"))];
        let alike = vec![(c, Some("contacts and 1 more"))];
        assert_eq!(
            file_stems(&[flows, alike]),
            [
                format!("contacts-and-1-more-{a}"),
                format!("contacts-and-1-more-{c}"),
            ]
        );
    }
}
