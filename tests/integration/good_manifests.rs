//! Manifests that are right, and the windows they expand to.
//!
//! `tests/fixtures/good/windows.py` computes the windows by other means: Python's `zoneinfo`, the
//! zone data of a package, and steps written from the contract. Its output, `windows.json`, is
//! what the program is held to. The two zone databases should be of one version; where they are
//! not, a rule for the future may differ (Casablanca's are decided a year at a time), and the
//! remedy is to run the script again with the package of the version compiled in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use aep_backfill::manifest::{Rules, Severity, Sources, check, render_all};
use aep_backfill::run::UnixSeconds;
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Expected {
    fixtures: BTreeMap<String, Expansion>,
}

/// A start and an end.
type Pair = (i64, i64);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expansion {
    count: usize,
    /// Of all, as lines of `start end`.
    sha256: String,
    #[serde(default)]
    windows: Vec<Pair>,
    #[serde(default)]
    first: Vec<Pair>,
    #[serde(default)]
    last: Vec<Pair>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/good")
}

fn expected() -> Expected {
    let text = fs::read_to_string(folder().join("windows.json")).expect("it is there");
    serde_json::from_str(&text).expect("windows of fixtures")
}

fn fixtures() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder()).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let manifests = paths.filter(|path| path.extension().is_some_and(|ext| ext == "yaml"));
    manifests
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

/// The windows of a manifest without an error, in order.
fn expand(name: &str, text: &str) -> Vec<Pair> {
    let sources = Sources::from_texts([(name, text)]);
    // 2026-01-01.
    let now = UnixSeconds::new(1_767_225_600).expect("in range");
    let checked = check(&sources, &Rules::at(now));
    let errors: Vec<_> = checked
        .problems
        .iter()
        .filter(|problem| problem.severity() == Severity::Error)
        .cloned()
        .collect();
    assert!(
        !checked.has_errors(),
        "{}",
        render_all(&errors, &sources, false)
    );
    let windows = checked.runs.iter().map(|run| run.identity.window);
    let mut windows: Vec<_> = windows.map(|w| (w.start().get(), w.end().get())).collect();
    windows.sort_unstable();
    windows
}

fn digest(windows: &[Pair]) -> String {
    let mut lines = String::new();
    for (start, end) in windows {
        writeln!(lines, "{start} {end}").expect("a string");
    }
    let mut hex = String::new();
    for byte in Sha256::digest(lines) {
        write!(hex, "{byte:02x}").expect("a string");
    }
    hex
}

#[test]
fn every_fixture_expands_to_the_windows_that_python_computes() {
    let Expected {
        fixtures: mut expected,
    } = expected();
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20, "only {}", fixtures.len());
    for (name, text) in fixtures {
        let Expansion {
            count,
            sha256,
            windows,
            first,
            last,
        } = expected.remove(&name).expect(&name);
        let found = expand(&name, &text);
        if windows.is_empty() {
            assert!(
                found.starts_with(&first),
                "{name} begins with {:?}",
                &found[..3]
            );
            assert!(
                found.ends_with(&last),
                "{name} ends with {:?}",
                found.last()
            );
        } else {
            assert_eq!(found, windows, "{name}");
        }
        assert_eq!(found.len(), count, "{name}");
        assert_eq!(digest(&found), sha256, "{name}");
    }
    let left: Vec<_> = expected.keys().collect();
    assert!(left.is_empty(), "windows of no fixture: {left:?}");
}

#[test]
fn the_fixtures_cover_twelve_zones_until_2030() {
    let mut zones = BTreeSet::new();
    for (name, text) in fixtures() {
        let mut named = text
            .lines()
            .filter_map(|line| line.split_once("timezone: "));
        let Some((_, zone)) = named.next() else {
            continue;
        };
        let windows = expand(&name, &text);
        let (first, last) = (windows[0].0, windows[windows.len() - 1].1);
        // 2015-01-06 and 2030-12-28.
        if first < 1_420_502_400 && last > 1_924_646_400 {
            zones.insert(zone.to_owned());
        }
    }
    assert!(zones.len() >= 12, "{zones:?}");
}
