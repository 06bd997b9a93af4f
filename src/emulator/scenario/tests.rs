use super::*;

#[test]
fn an_empty_scenario_is_the_calm_one() {
    for text in ["", "# nothing\n", "{}"] {
        assert_eq!(
            Scenario::read("scenario.yaml", text),
            Ok(Scenario::default()),
            "{text:?}"
        );
    }
}

#[test]
fn the_example_in_the_manual_is_read_and_names_every_knob() {
    let page = include_str!("../../../docs/rehearsal.md");
    let (_, after) = page.split_once("```yaml\n").expect("an example");
    let (yaml, _) = after.split_once("```").expect("its end");
    let scenario = Scenario::of(yaml);
    assert_eq!(scenario.faults.len(), 19);
    assert_eq!(scenario.flows.len(), 4);
    // The error for an unknown knob lists those that there are.
    let error = Scenario::read("scenario.yaml", "unknown: 1").expect_err("no such knob");
    let (_, knobs) = error
        .message()
        .split_once("expected one of ")
        .expect("knobs");
    for knob in knobs.split(", ") {
        let is_named = |line: &str| line.starts_with(&format!("{knob}:"));
        assert!(yaml.lines().any(is_named), "{knob}");
    }
}

#[test]
fn a_mistake_is_named_with_its_line_and_column() {
    let read = |text| Scenario::read("scenario.yaml", text);
    let error = read("seed: 1\nlistedAftr: 2\n").expect_err("no such knob");
    assert_eq!(error.position(), Some((2, 1)));
    assert!(error.message().contains("listedAftr"), "{error}");
    let error = read("seed: 1\nlistedAfter: soon\n").expect_err("no time");
    assert_eq!(error.position(), Some((2, 14)));
    for bad in [
        "seed: -1",
        "outcomes: { failed: -1 }",
        "pageSizeMax: 0",
        "listedAfter: soon",
    ] {
        assert!(read(bad).is_err(), "{bad} was read");
    }
}
