//! The README's table of rules is the program's own.

use std::fmt::Write;

use aep_backfill::manifest::Rule;

#[test]
fn the_readme_lists_every_rule_as_it_is() {
    let readme = include_str!("../../README.md").replace("\r\n", "\n");
    let (_, after) = readme.split_once("<!-- rules -->\n").expect("it begins");
    let (table, _) = after.split_once("<!-- /rules -->").expect("it ends");
    let mut expected = "| code | | rule |\n|---|---|---|\n".to_owned();
    for rule in Rule::ALL {
        let (code, severity) = (rule.code(), rule.severity().as_str());
        writeln!(expected, "| {code} | {severity} | {} |", rule.description()).expect("a string");
    }
    assert!(
        table == expected,
        "between the markers belongs:\n{expected}"
    );
}
