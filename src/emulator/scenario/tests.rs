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
fn the_example_on_the_front_page_is_read() {
    let page = include_str!("../mod.rs");
    let lines: Vec<_> = page
        .lines()
        .skip_while(|line| *line != "//! ```yaml")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!"))
        .collect();
    let yaml = lines.join("\n");
    let scenario = Scenario::of(&yaml);
    assert_eq!(scenario.faults.len(), 19);
    assert_eq!(scenario.flows.len(), 4);
    // A knob that is not in the example is a knob that nobody finds.
    for knob in [
        "seed",
        "organization",
        "tokenLifetime",
        "rateLimit",
        "clockSkew",
        "listedAfter",
        "scheduledFor",
        "runsFor",
        "outcomes",
        "dialect",
        "timestamps",
        "paramsInLists",
        "paramsInRuns",
        "copyWindows",
        "pageSizeMax",
        "pageTokens",
        "flows",
        "faults",
    ] {
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with(&format!(" {knob}:"))),
            "{knob}"
        );
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
