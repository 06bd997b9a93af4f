//! One mistake each: a fixture of `tests/fixtures/bad`, and what a user sees of it, in the file of the same name in
//! `bad_manifests`.
//!
//! A fixture is a manifest, or a folder where the mistake takes two. A new one gets its snapshot from
//! `INSTA_UPDATE=always cargo test bad_manifests`; read it before it is committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aep_backfill::manifest::{Rule, Rules, Sources, check, render_all};
use aep_backfill::run::UnixSeconds;

/// 2026-01-01; the config asks for what the fixture is about.
fn rules(fixture: &str) -> Rules {
    let mut rules = Rules::at(UnixSeconds::new(1_767_225_600).expect("in range"));
    match fixture {
        "reason-required" => rules.reason_required = true,
        "window-too-short" => rules.window_min_seconds = Some(900),
        "range-of-windows-too-long" => rules.window_max_seconds = Some(30 * 86_400),
        _ => {}
    }
    rules
}

#[test]
fn each_bad_manifest_is_told_its_mistake_and_each_rule_has_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad");
    let mut broken = BTreeSet::new();
    let mut names = BTreeSet::new();
    for path in files_in(&folder) {
        let files = if path.is_dir() {
            files_in(&path)
        } else {
            vec![path.clone()]
        };
        let sources = Sources::from_texts(files.iter().map(|file| {
            let name = file.strip_prefix(&folder).expect("it lies there");
            let name = name.to_string_lossy().replace('\\', "/");
            (name, fs::read(file).expect("a fixture"))
        }));
        let name = stem(&path);
        let problems = check(&sources, &rules(&name)).problems;
        let drawn = render_all(&problems, &sources, false);
        assert_eq!(problems.len(), 1, "a fixture has one mistake\n{drawn}");
        insta::with_settings!({
            snapshot_path => "bad_manifests",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(&*name, drawn);
        });
        broken.extend(problems.iter().map(|problem| problem.rule));
        names.insert(name);
    }
    let never: Vec<_> = Rule::ALL.iter().filter(|r| !broken.contains(r)).collect();
    assert!(never.is_empty(), "no fixture breaks {never:?}");
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/bad_manifests");
    let snapshots: BTreeSet<_> = files_in(&snapshots).iter().map(|path| stem(path)).collect();
    assert_eq!(names, snapshots, "a fixture, or its snapshot, is gone");
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of fixtures");
    let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().expect("a name");
    stem.to_str().expect("of plain letters").to_owned()
}
