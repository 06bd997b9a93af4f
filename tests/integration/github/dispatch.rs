//! A workflow that somebody starts by hand, or through GitHub's API, with any text for its inputs: what they
//! say is a value, never a flag.

use serde_yaml::Value;

use crate::support::emulated::{Emulated, assert_each_once};
use crate::support::workspace::{Workspace, flow};

use super::job::Event;
use super::log::annotations;
use super::story::Team;

const WORKFLOWS: [(&str, &str); 4] = [
    ("plan", include_str!("../../../.github/workflows/plan.yml")),
    (
        "apply",
        include_str!("../../../.github/workflows/apply.yml"),
    ),
    (
        "follow",
        include_str!("../../../.github/workflows/follow.yml"),
    ),
    (
        "audit",
        include_str!("../../../.github/workflows/audit.yml"),
    ),
];

/// A service of somebody else, who would like to have the token.
fn thief() -> Emulated {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    Emulated::start(&workspace, "")
}

#[test]
fn an_input_narrows_what_is_sent_and_becomes_no_flag_whatever_stands_in_it() {
    let team = Team::new();
    team.want(0, "2022-01-04");
    team.want(1, "2022-01-04");
    let sha = team.repository.commit("main", "six days");
    let thief = thief();
    let id = flow(1);
    let endpoint = format!("--endpoint={}", thief.url);
    let dispatch =
        |workflow, inputs: &[(&str, &str)]| team.job(workflow, Event::dispatch(inputs), &sha).run();
    for (workflow, input, value) in [
        ("apply", "flow", &*format!("{id}\n{endpoint}")),
        ("apply", "flow", &format!("{id}\r{endpoint}")),
        ("apply", "flow", &format!("{id} {endpoint}")),
        ("apply", "flow", &endpoint),
        ("apply", "flow", &format!("\"{id}\"")),
        ("apply", "flow", "$(touch pwned)"),
        ("apply", "limit", &format!("1\n{endpoint}")),
        ("apply", "limit", "1\n--no-preflight\n--state=git:other"),
        ("apply", "limit", "-1"),
        ("apply", "max-new", "a[$(touch pwned)]"),
        ("apply", "max-new", "--no-preflight"),
        ("follow", "flow", &format!("{id}\n{endpoint}")),
        ("follow", "limit", "'1'"),
    ] {
        let ran = dispatch(workflow, &[(input, value)]).exits(3);
        let said = annotations(&ran.log);
        let message = &said[0].message;
        let is_told = message.contains("control character") || message.contains(input);
        assert!(is_told, "{value:?}: {message}");
    }
    assert!(thief.ledger().arrivals.is_empty());
    assert_eq!(team.service.ledger().creates, 0);

    let ran = dispatch(
        "apply",
        &[("flow", &id), ("limit", "2"), ("dry-run", "false")],
    )
    .exits(0);
    assert_eq!(ran.output("created_count"), "2");
    let ran = dispatch("apply", &[("flow", ""), ("limit", ""), ("max-new", "3")]).exits(0);
    assert_eq!(ran.output("created_count"), "3");
    assert_each_once(&team.service, 5);
}

#[test]
fn a_workflow_of_an_earlier_version_passes_on_no_line_break_either() {
    let team = Team::new();
    team.want(1, "2022-01-04");
    let path = ".github/workflows/backfill-apply.yml";
    let text = std::fs::read_to_string(team.repository.clone().join(path)).expect("it is there");
    let typed = "          flow: ${{ inputs.flow }}\n";
    assert!(text.contains(typed), "{text}");
    let text = text.replace(typed, "");
    let text = text.replace(
        "            --yes\n",
        "            --yes\n            --flow=${{ inputs.flow }}\n",
    );
    team.repository.write(path, &text);
    let sha = team.repository.commit("main", "an old workflow");
    let dispatch = |flow: &str| {
        let event = Event::dispatch(&[("flow", flow), ("note", r"C:\new")]);
        team.job("apply", event, &sha).run()
    };
    let id = flow(1);
    let thief = thief();
    for separator in ["\n", "\r\n", "\u{b}", "\u{7f}", "\\\n"] {
        let ran = dispatch(&format!("{id}{separator}--endpoint={}", thief.url)).exits(3);
        let said = annotations(&ran.log);
        assert!(said[0].message.contains("control character"), "{said:?}");
    }
    assert!(thief.ledger().arrivals.is_empty());
    let ran = dispatch(&id).exits(0);
    assert_eq!(ran.output("created_count"), "3");
}

#[test]
fn no_input_of_a_dispatch_is_part_of_a_list_or_decides_where_anything_goes() {
    let mut seen = 0;
    for (name, text) in WORKFLOWS {
        let workflow: Value = serde_yaml::from_str(text).expect("a workflow");
        for (key, value) in texts(&workflow["jobs"]) {
            for expression in expressions(value) {
                if !expression.contains("inputs.") {
                    continue;
                }
                seen += 1;
                let is_value = ["flow", "limit", "max-new"].contains(&key)
                    && value == format!("${{{{ inputs.{key} }}}}");
                // A switch: what is typed decides whether, and a constant what.
                let is_switch = expression.split_once(" && '").is_some_and(|(input, rest)| {
                    input.starts_with("inputs.") && rest.ends_with("' || ''")
                });
                assert!(is_value || is_switch, "{name}: {key}: {expression}");
            }
        }
    }
    assert!(seen >= 8, "{seen}");
}

/// All texts of a value, each with the name of its field.
fn texts(value: &Value) -> Vec<(&str, &str)> {
    match value {
        Value::Mapping(mapping) => mapping
            .iter()
            .flat_map(|(key, value)| {
                let key = key.as_str().unwrap_or_default();
                match value {
                    Value::String(text) => vec![(key, text.as_str())],
                    value => texts(value),
                }
            })
            .collect(),
        Value::Sequence(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// What stands between `${{` and `}}`.
fn expressions(text: &str) -> Vec<&str> {
    let parts = text.split("${{").skip(1);
    parts
        .map(|part| part.split_once("}}").expect("a whole expression").0.trim())
        .collect()
}
