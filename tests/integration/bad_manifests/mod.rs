//! One mistake each: a fixture of `tests/fixtures/bad`, and what a user sees of it.
//!
//! A fixture is a file, or a folder where the mistake takes two files. Its test lies in the file
//! of its subject, with the whole message as an inline snapshot. The tests here see to it that no
//! fixture is without a snapshot, and no rule without a fixture.

mod civil_times;
mod every;
mod fields;
mod flows;
mod text;
mod times;
mod together;
mod types;
mod values;
mod windows;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aep_backfill::manifest::{Checked, Rule, Rules, Sources, check, render_all};
use aep_backfill::run::UnixSeconds;

/// 2026-01-01, and nothing required.
fn rules() -> Rules {
    Rules::at(UnixSeconds::new(1_767_225_600).expect("in range"))
}

/// What a user sees of the fixture `name`.
fn seen(name: &str) -> String {
    seen_under(name, &rules())
}

/// The same, where the config asks for more.
#[track_caller]
fn seen_under(name: &str, rules: &Rules) -> String {
    let (sources, checked) = checked(name, rules);
    let drawn = render_all(&checked.problems, &sources, false);
    assert_eq!(
        checked.problems.len(),
        1,
        "a fixture has one mistake\n{drawn}"
    );
    drawn
}

fn checked(name: &str, rules: &Rules) -> (Sources, Checked) {
    let file = folder().join(format!("{name}.yaml"));
    let files = if file.is_file() {
        vec![file]
    } else {
        names_in(&folder().join(name))
    };
    let sources = Sources::from_texts(files.iter().map(|file| {
        let name = file.strip_prefix(folder()).expect("it lies there");
        let name = name.to_string_lossy().replace('\\', "/");
        (name, fs::read(file).expect("a fixture"))
    }));
    let checked = check(&sources, rules);
    (sources, checked)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad")
}

fn names_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of fixtures");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    names.sort();
    names
}

fn fixtures() -> Vec<String> {
    let names = names_in(&folder()).into_iter();
    names
        .map(|path| {
            let stem = path.file_stem().expect("a name");
            stem.to_str().expect("of plain letters").to_owned()
        })
        .collect()
}

#[test]
fn every_fixture_has_its_snapshot() {
    let tests = [
        include_str!("civil_times.rs"),
        include_str!("every.rs"),
        include_str!("fields.rs"),
        include_str!("flows.rs"),
        include_str!("text.rs"),
        include_str!("times.rs"),
        include_str!("together.rs"),
        include_str!("types.rs"),
        include_str!("values.rs"),
        include_str!("windows.rs"),
    ];
    let fixtures = fixtures();
    assert!(fixtures.len() >= 60, "only {}", fixtures.len());
    for name in fixtures {
        let quoted = format!("\"{name}\"");
        let count: usize = tests.iter().map(|test| test.matches(&quoted).count()).sum();
        assert_eq!(count, 1, "snapshots of {name}");
    }
}

#[test]
fn every_rule_has_a_fixture() {
    let strict = Rules {
        window_min_seconds: Some(900),
        window_max_seconds: Some(30 * 86_400),
        reason_required: true,
        ..rules()
    };
    let mut broken = BTreeSet::new();
    for name in fixtures() {
        for rules in [&rules(), &strict] {
            let (_, checked) = checked(&name, rules);
            broken.extend(checked.problems.iter().map(|problem| problem.rule));
        }
    }
    let never: Vec<_> = Rule::ALL.iter().filter(|r| !broken.contains(r)).collect();
    assert!(never.is_empty(), "{never:?}");
}
