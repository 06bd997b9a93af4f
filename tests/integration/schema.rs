//! `schema`: what editors check by, held against what `validate` accepts.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use aep_backfill::manifest::{Checked, Rules, Sources, check, json_schema};
use aep_backfill::run::UnixSeconds;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::workspace::Workspace;

const COMMITTED: &str = include_str!("../../manifests/schema.json");

#[test]
fn the_committed_schema_is_the_one_that_is_printed() {
    let ran = Workspace::new().run("schema").exits(0);
    assert!(
        ran.stdout == COMMITTED,
        "manifests/schema.json is stale: cargo run -- schema > manifests/schema.json"
    );
}

#[test]
fn the_schema_is_a_draft_07_schema() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    jsonschema::meta::validate(&schema).expect("it keeps to its own schema");
}

#[test]
fn a_schema_in_the_folder_is_not_taken_for_a_manifest() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("manifests/schema.json", COMMITTED);
    let ran = workspace.run("validate").exits(0);
    assert!(ran.stdout.starts_with("1 file"), "{}", ran.stdout);
}

fn fits(document: &Value) -> bool {
    static JUDGE: LazyLock<Validator> =
        LazyLock::new(|| jsonschema::draft7::new(&json_schema()).expect("a schema"));
    JUDGE.is_valid(document)
}

fn checked(name: &str, text: &[u8]) -> Checked {
    let mut rules = Rules::at(UnixSeconds::new(1_764_000_000).expect("in range"));
    rules.default_sandbox = Some("prod".parse().expect("a name"));
    check(&Sources::from_texts([(name, text)]), &rules)
}

/// The `.yaml` and `.yml` files of a folder of this repository; none if it is not there.
fn manifests_in(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "yml"))
        .collect();
    files.sort();
    files
}

/// The documents of a file, as any reader of YAML 1.2 would see them.
fn documents(text: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(text).ok()?;
    let options = serde_saphyr::options! { strict_booleans: true };
    let text = text.trim_start_matches('\u{feff}');
    serde_saphyr::from_multiple_with_options(text, options).ok()
}

#[test]
fn every_manifest_that_is_accepted_fits_the_schema() {
    let mut seen = 0;
    for folder in ["manifests", "tests/fixtures/good"] {
        for path in manifests_in(folder) {
            let text = std::fs::read(&path).expect("it can be read");
            let name = path.display().to_string();
            let checked = checked(&name, &text);
            assert!(!checked.has_errors(), "{name}: {:?}", checked.problems);
            for document in documents(&text).expect(&name) {
                assert!(fits(&document), "{name}: {document}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 3, "{seen}");
}

/// What a schema can tell: fields, types, sets of values, and the form of ids.
const STRUCTURAL: [&str; 8] = [
    "BF006", "BF007", "BF008", "BF009", "BF010", "BF011", "BF013", "BF037",
];

#[test]
fn a_manifest_whose_structure_is_wrong_does_not_fit() {
    let (mut slipped, mut judged) = (Vec::new(), 0);
    let files = manifests_in("tests/fixtures/bad");
    for path in &files {
        let text = std::fs::read(path).expect("it can be read");
        let name = path.display().to_string();
        let problems = checked(&name, &text).problems;
        let codes: Vec<_> = problems.iter().map(|problem| problem.rule.code()).collect();
        let is_structural = codes.iter().any(|code| STRUCTURAL.contains(code));
        if let (true, Some(documents)) = (is_structural, documents(&text)) {
            judged += 1;
            if documents.iter().all(fits) {
                slipped.push((name, codes));
            }
        }
    }
    assert!(files.is_empty() || judged >= 20, "{judged}");
    assert!(slipped.is_empty(), "these fit: {slipped:#?}");
}

/// A manifest with every field there is.
fn complete() -> Value {
    json!({
        "version": 1,
        "flowId": "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
        "name": "accounts",
        "sandbox": "prod",
        "source": "table",
        "deltaColumn": { "name": "DOB", "dateFormat": "yyyy-MM-dd", "timezone": "UTC" },
        "reason": "Restate accounts after the migration",
        "allowFuture": false,
        "overlap": "allow",
        "runs": [{
            "windowStartTime": 1_651_584_991,
            "windowEndTime": "2022-05-03T13:52:36Z",
            "startTime": "2026-12-01T02:00:00Z",
            "rerun": 2,
        }],
        "ranges": [{
            "from": "2022-01-01",
            "to": "2022-02-01",
            "every": "1 day",
            "timezone": "Europe/Madrid",
            "except": ["2022-01-15"],
            "startTime": "2026-12-01T02:00:00Z",
            "rerun": 2,
        }],
    })
}

/// A manifest of several flows, with every field that they have.
fn complete_list() -> Value {
    let mut document = complete();
    let fields = document.as_object_mut().expect("a mapping");
    fields.remove("flowId");
    fields.remove("name");
    document["flows"] = json!([
        {
            "flowId": "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
            "name": "accounts",
            "source": "table",
            "deltaColumn": { "name": "updatedAt", "dateFormat": "yyyy-MM-dd", "timezone": "UTC" },
        },
        { "flowId": "5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4" },
    ]);
    document
}

/// Holds the two judges against each other. JSON is YAML, so both read the same text.
#[track_caller]
fn both_agree(document: &Value) {
    let text = document.to_string();
    let problems = checked("manifest.yaml", text.as_bytes()).problems;
    let codes: Vec<_> = problems.iter().map(|problem| problem.rule.code()).collect();
    let has_errors = problems.iter().any(|p| p.severity().as_str() == "error");
    if !has_errors {
        assert!(fits(document), "accepted, but it does not fit: {text}");
    }
    if codes.iter().any(|code| STRUCTURAL.contains(code)) {
        assert!(!fits(document), "it fits, but has {codes:?}: {text}");
    }
}

#[test]
fn reader_and_schema_agree_on_every_field_left_out_mistyped_or_of_another_type() {
    let one = ["", "/deltaColumn", "/runs/0", "/ranges/0"];
    let list = ["", "/flows/0", "/flows/0/deltaColumn", "/flows/1"];
    let tried = changes_agree(&complete(), &one) + changes_agree(&complete_list(), &list);
    assert!(tried > 700, "{tried}");
}

/// Holds the judges against each other on `complete`, and on each change of one field of its
/// mappings; gives how many these were.
fn changes_agree(complete: &Value, pointers: &[&str]) -> usize {
    let mut tried = 0;
    let mut try_ = |document: &Value| {
        both_agree(document);
        tried += 1;
    };
    try_(complete);
    assert!(fits(complete), "{complete}");
    let others = [
        json!(null),
        json!(true),
        json!(1),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(""),
        json!(" "),
        json!("file"),
        json!("Prod"),
        json!("1"),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "unknown": 1 }),
    ];
    for &pointer in pointers {
        let mapping = complete.pointer(pointer).expect(pointer);
        for field in mapping.as_object().expect("a mapping").keys() {
            let mut document = complete.clone();
            let change = |document: &mut Value, value: Option<&Value>, name: &str| {
                let mapping = document.pointer_mut(pointer).expect(pointer);
                let mapping = mapping.as_object_mut().expect("a mapping");
                let old = mapping.remove(field);
                if let Some(value) = value.or(old.as_ref().filter(|_| name != *field)) {
                    mapping.insert(name.to_owned(), value.clone());
                }
            };
            change(&mut document, None, field);
            try_(&document);
            for other in &others {
                let mut document = complete.clone();
                change(&mut document, Some(other), field);
                try_(&document);
            }
            let mut document = complete.clone();
            change(&mut document, None, &format!("{field}s"));
            try_(&document);
        }
    }
    tried
}

#[test]
fn source_and_delta_column_go_together() {
    for (source, has_column) in [
        ("table", true),
        ("table", false),
        ("file", true),
        ("file", false),
    ] {
        let mut document = complete();
        document["source"] = json!(source);
        if !has_column {
            document
                .as_object_mut()
                .expect("a mapping")
                .remove("deltaColumn");
        }
        both_agree(&document);
        assert_eq!(fits(&document), (source == "table") == has_column);
    }
}

#[test]
fn source_and_delta_column_go_together_in_a_list_too() {
    let of = |source: Option<&str>, has_column: bool| {
        let mut flow = json!({});
        if let Some(source) = source {
            flow["source"] = json!(source);
        }
        if has_column {
            flow["deltaColumn"] = json!({ "name": "DOB" });
        }
        flow
    };
    let ways: Vec<Value> = [None, Some("table"), Some("file")]
        .into_iter()
        .flat_map(|source| [of(source, false), of(source, true)])
        .collect();
    let mut good = 0;
    for own in &ways {
        for first in &ways {
            for second in &ways {
                let mut document = complete_list();
                let fields = document.as_object_mut().expect("a mapping");
                fields.remove("source");
                fields.remove("deltaColumn");
                fields.extend(own.as_object().expect("a mapping").clone());
                for (at, flow) in [first, second].into_iter().enumerate() {
                    let mut flow = flow.clone();
                    flow["flowId"] = document["flows"][at]["flowId"].clone();
                    document["flows"][at] = flow;
                }
                both_agree(&document);
                let checked = checked("manifest.yaml", document.to_string().as_bytes());
                assert_eq!(fits(&document), !checked.has_errors(), "{document}");
                good += usize::from(fits(&document));
            }
        }
    }
    // Of 216.
    assert_eq!(good, 56);
}
