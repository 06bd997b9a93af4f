//! `plan`: what apply would do.

use insta::assert_snapshot;

use crate::workspace::Workspace;

#[test]
fn totals_come_first_and_long_lists_are_folded() {
    let workspace = Workspace::new();
    workspace.manifest(1, 12, true);
    workspace.manifest(2, 1, false);
    let ran = workspace.run("plan").exits(0);
    assert_snapshot!(ran.stdout, @r#"
    Plan: 13 to create, 0 unchanged.
    Windows are [start, end) in UTC: the end is exclusive.

    flow-1  prod  00000000-0000-4000-8000-000000000001  (table by updatedAt)
      + 4d4f984b3f12  [2022-01-01, 2022-01-02)  manifests/flow-1.yaml:8
      + cd29ae00fb88  [2022-01-02, 2022-01-03)  manifests/flow-1.yaml:9
      + ff68f2d88ff5  [2022-01-03, 2022-01-04)  manifests/flow-1.yaml:10
      + ebf151fae2fb  [2022-01-04, 2022-01-05)  manifests/flow-1.yaml:11
      + 561babee384e  [2022-01-05, 2022-01-06)  manifests/flow-1.yaml:12
      + 87041b325c21  [2022-01-06, 2022-01-07)  manifests/flow-1.yaml:13
        … 5 more, shown by --verbose
      + d95efaa36c59  [2022-01-12, 2022-01-13)  manifests/flow-1.yaml:19

    flow-2  prod  00000000-0000-4000-8000-000000000002  (files)
      + 0e3ba89a459d  [2022-01-01, 2022-01-02)  manifests/flow-2.yaml:7
    "#);
    let all = workspace.run("plan --verbose").exits(0);
    assert_eq!(
        all.stdout
            .lines()
            .filter(|line| line.starts_with("  + "))
            .count(),
        13
    );
}

#[test]
fn apply_as_a_dry_run_is_the_plan() {
    let workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    let plan = workspace.run("plan --format json").exits(0);
    let dry = workspace.run("apply --dry-run --format json").exits(0);
    assert_eq!(plan.stdout, dry.stdout);
    assert!(
        !workspace.path().join(".backfill").exists(),
        "a plan writes nothing"
    );
}

#[test]
fn a_selection_narrows_the_plan() {
    let workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.manifest(2, 3, false);
    let flow = crate::workspace::flow(2);
    let plan = workspace
        .run(&format!("plan --flow {flow} --limit 2 --format json"))
        .exits(0)
        .json();
    assert_eq!(plan["summary"]["create"], 2);
    assert_eq!(plan["summary"]["heldBack"], 1);
    let key = plan["runs"][0]["key"].as_str().expect("a key").to_owned();
    let one = workspace
        .run(&format!("plan --only {} --format json", &key[..12]))
        .exits(0)
        .json();
    assert_eq!(one["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["runs"][0]["key"], key);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1500, false);
    let mut plan = workspace
        .command(["plan", "--verbose", "--max-new", "5000"])
        .spawn()
        .expect("the binary runs");
    drop(plan.stdout.take());
    let output = plan.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
}
