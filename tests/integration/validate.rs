//! `validate`: the manifests and nothing else.

use insta::assert_snapshot;

use crate::workspace::Workspace;

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
      = help: there is one digit too many, as in an example of Adobe's documentation; did you mean 1651585956, which is 2022-05-03T13:52:36Z?

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
