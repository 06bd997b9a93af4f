//! `validate`: the manifests and nothing else.

use insta::assert_snapshot;

use crate::support::workspace::Workspace;

#[test]
fn problems_of_all_files_are_shown_at_once_with_their_places() {
    let workspace = Workspace::new();
    workspace.write(
        "manifests/a.yaml",
        "version: 1\n\
         flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
         sandbox: prod\n\
         source: file\n\
         reazon: typo\n\
         runs:\n\
         \x20 - { windowStartTime: 1651584991, windowEndTime: 16515859567 }\n",
    );
    workspace.write("manifests/b.yml", "version: 1\nflowId: not-a-flow\n");
    let ran = workspace.run("validate").exits(3);
    assert_eq!(ran.stdout, "");
    assert_snapshot!(ran.stderr, @r#"
    error[BF006]: a manifest has no field `reazon`
     --> manifests/a.yaml:5:1
      |
    4 | source: file
    5 | reazon: typo
      | ^^^^^^
      |
      = help: did you mean `reason`?

    error[BF016]: `16515859567` has 11 digits; unix seconds have 10
     --> manifests/a.yaml:7:51
      |
    6 | runs:
    7 |   - { windowStartTime: 1651584991, windowEndTime: 16515859567 }
      |                                                   ^^^^^^^^^^^
      |
      = help: there is one digit too many, as in an example of Adobe's documentation

    error[BF007]: `source` is missing
     --> manifests/b.yml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: write `source: table` (rows, with a deltaColumn) or `source: file`

    error[BF012]: no sandbox is named
     --> manifests/b.yml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: write `sandbox: NAME` here or in backfill.yaml, or give --sandbox NAME or AEP_SANDBOX_NAME

    error[BF014]: the manifest asks for nothing
     --> manifests/b.yml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: list windows under `runs`, or rules under `ranges`

    error[BF010]: `not-a-flow` is not a flow id: expected a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
     --> manifests/b.yml:2:9
      |
    1 | version: 1
    2 | flowId: not-a-flow
      |         ^^^^^^^^^^
      |
      = help: copy it from the address of the flow's page


    error: 6 errors in the manifests
    "#);
}

#[test]
fn good_manifests_are_counted() {
    let workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.manifest(2, 4, true);
    let ran = workspace.run("validate").exits(0);
    assert_snapshot!(ran.stdout, @r#"2 files, 2 manifests, 7 runs: no errors."#);
}

/// A manifest with a typo and one window twice.
const SLIPS: &str = "version: 1\n\
     flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
     sandbox: prod\n\
     source: file\n\
     reazon: typo\n\
     runs:\n\
     \x20 - { windowStartTime: 1651584991, windowEndTime: 1651585956 }\n\
     \x20 - { windowStartTime: 1651584991, windowEndTime: 1651585956 }\n";

#[test]
fn programs_get_every_problem_with_its_place() {
    let workspace = Workspace::new();
    workspace.write("manifests/a.yaml", SLIPS);
    let ran = workspace.run("validate --format json").exits(3);
    assert_snapshot!(ran.stderr, @"error: 1 error in the manifests");
    assert_snapshot!(ran.stdout, @r#"
    {
      "format": "validate/v1",
      "summary": {
        "files": 1,
        "manifests": 1,
        "flows": 1,
        "runs": 1,
        "errors": 1,
        "warnings": 1
      },
      "problems": [
        {
          "code": "BF006",
          "severity": "error",
          "message": "a manifest has no field `reazon`",
          "hint": "did you mean `reason`?",
          "file": "manifests/a.yaml",
          "line": 5,
          "column": 1,
          "endLine": 5,
          "endColumn": 7,
          "span": {
            "start": 83,
            "end": 89
          },
          "related": []
        },
        {
          "code": "BF032",
          "severity": "warning",
          "message": "the window [2022-05-03T13:36:31Z, 2022-05-03T13:52:36Z) is asked for twice; it is run once",
          "hint": "remove one; to run a window again on purpose, write `rerun: 2`",
          "file": "manifests/a.yaml",
          "line": 8,
          "column": 5,
          "endLine": 8,
          "endColumn": 63,
          "span": {
            "start": 169,
            "end": 227
          },
          "related": [
            {
              "file": "manifests/a.yaml",
              "line": 7,
              "column": 5,
              "endLine": 7,
              "endColumn": 63,
              "span": {
                "start": 106,
                "end": 164
              },
              "label": "asked for here first"
            }
          ]
        }
      ],
      "omitted": {
        "errors": 0,
        "warnings": 0
      },
      "exitCode": 3
    }
    "#);

    let ran = workspace
        .run("validate --format json --max-problems 1")
        .exits(3);
    let document = ran.json();
    assert_eq!(document["problems"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["problems"][0]["severity"], "error");
    assert_eq!(document["omitted"]["warnings"], 1);
}

#[test]
fn a_pull_request_gets_annotations() {
    let workspace = Workspace::new();
    workspace.write("manifests/a, 100%.yaml", SLIPS);
    let ran = workspace.run("validate --format github").exits(3);
    assert_snapshot!(ran.stdout, @r#"
    ::error file=manifests/a%2C 100%25.yaml,line=5,col=1,title=BF006::a manifest has no field `reazon`%0Ahelp: did you mean `reason`?
    ::warning file=manifests/a%2C 100%25.yaml,line=8,col=5,title=BF032::the window [2022-05-03T13:36:31Z, 2022-05-03T13:52:36Z) is asked for twice; it is run once%0Amanifests/a, 100%25.yaml:7: asked for here first%0Ahelp: remove one; to run a window again on purpose, write `rerun: 2`
    "#);

    let workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    let ran = workspace.run("validate --format github").exits(0);
    assert_snapshot!(ran.stdout, @"1 file, 1 manifest, 3 runs: no errors.");
}

#[test]
fn many_problems_are_counted_wherever_manifests_are_read() {
    let workspace = Workspace::new();
    let slips: Vec<_> = (0..150).map(|n| format!("slip{n}: 1\n")).collect();
    workspace.manifest(1, 1, false);
    let good = workspace.read("manifests/flow-1.yaml");
    workspace.write("manifests/flow-1.yaml", &(good + &slips.concat()));
    for verb in ["validate", "plan", "apply --yes --emulator"] {
        let ran = workspace.run(verb).exits(3);
        assert_eq!(ran.stderr.matches("error[BF006]").count(), 100, "{verb}");
        assert!(
            ran.stderr
                .contains("note: 50 errors more, see --max-problems"),
            "{}",
            ran.stderr
        );
        let ran = workspace.run(&format!("{verb} --max-problems 2")).exits(3);
        assert_eq!(ran.stderr.matches("error[BF006]").count(), 2, "{verb}");
    }
}
