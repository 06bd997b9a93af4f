//! `plan`: what apply would do.

use insta::assert_snapshot;

use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

#[test]
fn totals_come_first_and_long_lists_are_folded() {
    let workspace = Workspace::new();
    workspace.manifest(1, 12, true);
    workspace.manifest(2, 1, false);
    let ran = workspace.run("plan").exits(0);
    assert_snapshot!(ran.stdout, @"
    Plan: 13 to create, 0 unchanged.
    Forecast: 13 requests at 5/s in 3 s.
    Windows are [start, end) in UTC: the end is exclusive.
    Bars: + new

    flow-1  prod  00000000-0000-4000-8000-000000000001  (table by updatedAt)
      [++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++)
      2022-01-01                                                          2022-01-13
      12 to create
      + 12 × 1 day  [2022-01-01, 2022-01-13)  manifests/flow-1.yaml:8-19

    flow-2  prod  00000000-0000-4000-8000-000000000002  (files)
      [++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++)
      2022-01-01                                                          2022-01-02
      1 to create
      + 0e3ba89a459d  [2022-01-01, 2022-01-02)  manifests/flow-2.yaml:7
    ");
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
    for verb in ["plan", "apply --dry-run"] {
        workspace.run(&format!("{verb} --report r.json")).exits(0);
        assert_eq!(workspace.read("r.json"), plan.stdout);
        let less = format!("{verb} --report r.json --limit 1");
        workspace.run(&less).exits(0);
        assert_ne!(workspace.read("r.json"), plan.stdout);
    }
    workspace.write("manifests/wrong.yaml", "x: 1\n");
    workspace.run("plan --report r.json").exits(3);
    let why = workspace.read("r.json");
    for text in [
        "\"format\": \"plan/v2\"",
        "\"exitCode\": 3",
        "in the manifests",
    ] {
        assert!(why.contains(text), "{why}");
    }
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
    let flow = crate::support::workspace::flow(2);
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

#[test]
fn one_run_is_explained_down_to_the_text_that_is_hashed() {
    let workspace = Workspace::new();
    workspace.manifest(1, 3, true);
    let ran = workspace.run("plan --explain 4d4f984b").exits(0);
    let (before, after) = ran.stdout.split_once(r#""startTime":""#).expect("a body");
    let (start, after) = after.split_once('"').expect("its end");
    let age = jiff::Timestamp::now().as_second() - start.parse::<i64>().expect("seconds");
    assert!((0..60).contains(&age), "{start}");
    let shown = format!(r#"{before}"startTime":"NOW"{after}"#);
    assert_snapshot!(shown, @r#"
    key        4d4f984b3f12db2bd71c228fb75b2fdecf69212b333087dca1495315ff6e83a5
    action     create it
    because    the state does not know this key
    flow       flow-1  prod  00000000-0000-4000-8000-000000000001
    window     [2022-01-01, 2022-01-02) in UTC, the end exclusive
    rerun      1, the first time
    asked for  manifests/flow-1.yaml:8
    start      when it is sent
    source     table, rows told apart by updatedAt
    order      the oldest window of the flow first
    overlap    not allowed

    The key is the SHA-256 of these lines, each ended by a line feed:

    aep-backfill/v1
    sandbox=prod
    flowId=00000000-0000-4000-8000-000000000001
    windowStartTime=1640995200
    windowEndTime=1641081600
    rerun=1

    The request for it, for a support ticket, with what is secret as variables.
      Leave it to `backfill apply` to send it: what is sent by hand is on no record.

    curl -X POST 'https://platform.adobe.io/data/foundation/flowservice/runs' \
      -H "Authorization: Bearer $AEP_ACCESS_TOKEN" \
      -H "x-api-key: ${AEP_API_KEY:-$AEP_CLIENT_ID}" \
      -H "x-gw-ims-org-id: $AEP_ORG_ID" \
      -H 'x-sandbox-name: prod' \
      -H 'Content-Type: application/json' \
      --data '{"flowId":"00000000-0000-4000-8000-000000000001","params":{"startTime":"NOW","windowStartTime":"1640995200","windowEndTime":"1641081600","deltaColumn":{"name":"updatedAt"}}}'
    "#);

    // The first run carries the column; one that exists is sent no more.
    workspace
        .run("apply --emulator --yes --only 4d4f984b")
        .exits(0);
    let known = workspace.run("plan --emulator --explain 4d4f984b").exits(0);
    assert!(!known.stdout.contains("curl"), "{}", known.stdout);
    let next = workspace
        .run("plan --emulator --explain cd29ae00fb88")
        .exits(0);
    assert!(next.stdout.contains("curl -X POST"), "{}", next.stdout);
    assert!(!next.stdout.contains("deltaColumn"), "{}", next.stdout);

    let ran = workspace.run("plan --explain 00000000").exits(3);
    assert_snapshot!(ran.stderr, @r#"
    error: no run has a key that begins with `00000000`
    hint: keys are those of the manifests that are read, and of the state; `backfill plan --verbose` and `backfill state list` show them
    "#);
    workspace
        .run("plan --explain 4d4f984b --format json")
        .exits(3);
}

#[test]
fn a_beginning_of_several_keys_is_not_guessed() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1300, false);
    let plan = workspace
        .run("plan --max-new 5000 --format json")
        .exits(0)
        .json();
    let mut beginnings: Vec<&str> = plan["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| &run["key"].as_str().expect("a key")[..4])
        .collect();
    beginnings.sort_unstable();
    let twice = beginnings
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .expect("1300 keys, 65536 beginnings")[0];
    let ran = workspace.run(&format!("plan --explain {twice}")).exits(3);
    assert!(
        ran.stderr
            .contains(&format!("`{twice}` is the beginning of ")),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("give more digits"), "{}", ran.stderr);
}

#[test]
fn a_limit_that_holds_runs_back_is_named_with_how_to_change_it() {
    let workspace = Workspace::new();
    workspace.manifest(1, 3, true);
    workspace.write(
        "backfill.yaml",
        "version: 1\nlimits: { newRunsPerApply: 2 }\n",
    );
    let ran = workspace.run("plan").exits(0);
    assert_snapshot!(ran.stdout, @"
    Plan: 2 to create, 0 unchanged, 1 held back by a limit.
    Warning: 1 held back by limits.newRunsPerApply (2) until the next apply; to
             create more at a time, raise it in backfill.yaml, or once with
             --max-new.
    Forecast: 3 requests at 5/s in 1 s; limits.newRunsPerApply makes 2 applies of
              it, with the time between them on top.
    Windows are [start, end) in UTC: the end is exclusive.
    Bars: + new  ~ held back

    flow-1  prod  00000000-0000-4000-8000-000000000001  (table by updatedAt)
      [+++++++++++++++++++++++++++++++++++++++++++++++++++~~~~~~~~~~~~~~~~~~~~~~~~~)
      2022-01-01                                                          2022-01-04
      2 to create, 1 held back by a limit
      + 4d4f984b3f12  [2022-01-01, 2022-01-02)  manifests/flow-1.yaml:8
      + cd29ae00fb88  [2022-01-02, 2022-01-03)  manifests/flow-1.yaml:9
    ");
    let json = workspace.run("plan --format json").exits(0);
    assert_eq!(json.json()["limit"]["name"], "limits.newRunsPerApply");
    assert_eq!(json.json()["limit"]["newRuns"], 2);
    assert!(
        json.stderr
            .starts_with("warning: 1 held back by limits.newRunsPerApply (2)")
    );
    let ran = workspace.run("plan --explain ff68f2d88ff5").exits(0);
    assert!(
        ran.stdout
            .contains("action     none now: created by a later apply"),
        "{}",
        ran.stdout
    );
    let ran = workspace.run("plan --limit 1").exits(0);
    assert!(
        ran.stdout.contains("2 held back by --limit (1)"),
        "{}",
        ran.stdout
    );
}

#[test]
fn where_there_is_no_plan_its_comment_says_why() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let manifest = workspace.read("manifests/flow-1.yaml");
    let slip = manifest.replace("source: file", "source: fiel");
    workspace.write("manifests/flow-1.yaml", &slip);
    let ran = workspace.run("plan --format markdown").exits(3);
    assert_snapshot!(ran.stdout, @"
    ### backfill plan could not do its work

    <pre>
    error: 1 error in the manifests; nothing was sent
    </pre>

    **1 error in the manifests**

    <pre>
    manifests/flow-1.yaml:4  BF009
          `source` takes `table` or `file`, not `fiel`
          help: databases and warehouses are `table`, storages are `file`
    </pre>
    ");
    // Not even the config can be read.
    workspace.write("backfill.yaml", "version: 2\n");
    let ran = workspace.run("plan --format markdown").exits(3);
    let first = "### backfill plan could not do its work\n\n<pre>\nerror: ";
    assert!(ran.stdout.starts_with(first), "{}", ran.stdout);
    assert!(ran.stdout.contains("backfill.yaml"), "{}", ran.stdout);
    // Other forms have their result there, or nothing.
    assert_eq!(workspace.run("plan").exits(3).stdout, "");
}

#[test]
fn a_plan_for_a_comment_has_the_warnings_too() {
    let workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    let manifest = workspace.read("manifests/flow-1.yaml");
    let last = manifest.lines().last().expect("a window").to_owned();
    workspace.write("manifests/flow-1.yaml", &format!("{manifest}{last}\n"));
    let ran = workspace.run("plan --format markdown").exits(0);
    assert_snapshot!(ran.stdout, @"
    ### backfill plan: 2 to create, 0 unchanged

    Forecast: 2 requests at 5/s in 1 s.

    **1 warning**

    <pre>
    manifests/flow-1.yaml:9  BF032
          the window [2022-01-02T00:00:00Z, 2022-01-03T00:00:00Z) is asked for twice; it is run once
          help: remove one; to run a window again on purpose, write `rerun: 2`
    </pre>

    Windows are `[start, end)` in UTC: the end is exclusive. In the bars: `+` new.

    | flow | to create |
    | --- | --: |
    | <code>flow-1</code> `prod`<br>`00000000-0000-4000-8000-000000000001`<br>`++++++++++++++++++++++++++++++++++++++++`<br>`[2022-01-01, 2022-01-03)` | 2 |

    <details><summary><code>flow-1</code>: <code>2 to create</code></summary>

    <pre>
    + 4d4f984b3f12  [2022-01-01, 2022-01-02)  manifests/flow-1.yaml:7
    + cd29ae00fb88  [2022-01-02, 2022-01-03)  manifests/flow-1.yaml:8
    </pre>

    </details>

    Digest of this plan: `b3d71c4fb9bcce5c0ca79b078166edf4f9e2f85088667f5b064683af1ba0cbff`
    ");
}

#[test]
fn a_flow_or_a_key_that_names_nothing_is_refused_and_not_a_plan_with_nothing_to_do() {
    let workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    workspace.manifest(2, 1, false);
    let plan = workspace
        .run("plan --emulator --format json")
        .exits(0)
        .json();
    let key = plan["runs"][0]["key"].as_str().expect("a key");
    let (one, other) = (flow(1), flow(2));
    let nobody = flow(7);
    for (flags, why) in [
        (
            format!("--flow {nobody}"),
            format!("the manifests want no run of the flow {nobody}"),
        ),
        (
            format!("--flow {one} --flow {nobody}"),
            format!("of the flow {nobody}"),
        ),
        (
            "--only ffffffff".to_owned(),
            "has a key that begins with ffffffff".to_owned(),
        ),
        (
            format!("--flow {other} --only {key}"),
            "has a key that begins as is asked".to_owned(),
        ),
    ] {
        for verb in ["plan --emulator", "apply --emulator --yes"] {
            let ran = workspace.run(&format!("{verb} {flags}")).exits(3);
            assert!(ran.stderr.contains(&why), "{verb} {flags}: {}", ran.stderr);
        }
    }
    let ran = workspace
        .run(&format!("plan --emulator --flow {one} --only {key}"))
        .exits(0);
    assert!(ran.stdout.contains("1 to create"), "{}", ran.stdout);

    workspace
        .run(&format!("apply --emulator --yes --flow {one}"))
        .exits(0);
    workspace
        .run(&format!("state list --emulator --flow {one}"))
        .exits(0);
    let ran = workspace
        .run(&format!("state list --emulator --flow {other}"))
        .exits(3);
    assert!(ran.stderr.contains("no run of the flow"), "{}", ran.stderr);
    // What is on record, and in no manifest any more, is named as well.
    workspace.manifest(1, 1, false);
    let gone = plan["runs"][1]["key"].as_str().expect("a key");
    workspace
        .run(&format!("plan --emulator --only {gone}"))
        .exits(0);
}

#[test]
fn a_start_time_that_has_passed_is_warned_of_and_what_is_sent_is_shown() {
    let workspace = Workspace::new();
    let manifest = |start: &str| {
        format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nreason: a test\n\
             ranges:\n  - from: 2022-01-01\n    to: 2022-01-02\n    every: 1 day\n    startTime: {start}\n",
            crate::support::workspace::flow(1)
        )
    };
    workspace.write("manifests/a.yaml", &manifest("2024-01-01"));
    let warning = "the `startTime` 2024-01-01T00:00:00Z has passed";
    for line in ["validate", "plan", "apply --dry-run"] {
        let ran = workspace.run(line).exits(0);
        assert!(ran.stderr.contains(warning), "{line}: {}", ran.stderr);
    }
    let comment = workspace.run("plan --format markdown").exits(0).stdout;
    assert!(comment.contains(warning), "{comment}");
    let annotated = workspace.run("plan --format github").exits(0).stderr;
    assert!(annotated.contains(warning), "{annotated}");
    let plan = workspace.run("plan --format json").exits(0).json();
    let run = &plan["runs"][0];
    assert_eq!(run["startTime"], 1_704_067_200);
    assert_eq!(run["startsWhenSent"], true);
    let key = run["key"].as_str().expect("a key");
    let shown = workspace
        .run(&format!("plan --explain {key}"))
        .exits(0)
        .stdout;
    let said = "start      when it is sent: its startTime 2024-01-01 has passed";
    assert!(shown.contains(said), "{shown}");
    assert!(!shown.contains("1704067200"), "{shown}");

    workspace.write("manifests/a.yaml", &manifest("2100-01-01"));
    let ran = workspace.run("plan --format json").exits(0);
    assert_eq!(ran.stderr, "");
    assert!(ran.json()["runs"][0].get("startsWhenSent").is_none());
    let shown = workspace
        .run(&format!("plan --explain {key}"))
        .exits(0)
        .stdout;
    assert!(shown.contains("start      2100-01-01\n"), "{shown}");

    // What exists has begun, whenever that was asked for.
    workspace.write("manifests/a.yaml", &manifest("2024-01-01"));
    workspace.run("apply --emulator --yes").exits(0);
    let plan = workspace
        .run("plan --emulator --format json")
        .exits(0)
        .json();
    assert!(plan["runs"][0].get("startsWhenSent").is_none(), "{plan}");
}

#[test]
fn where_the_last_manifest_was_taken_away_nothing_is_wanted_and_what_is_recorded_is_told() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    let service = Emulated::start(&workspace, "");
    workspace.sign_in(&service.url);
    workspace.run("apply --yes").exits(0);
    std::fs::remove_dir_all(workspace.path().join("manifests")).expect("it is there");
    let ran = workspace.run("plan").exits(0);
    let nothing = "warning: `manifests` does not exist: nothing is wanted\n";
    assert_eq!(ran.stderr, nothing);
    for text in [
        "Plan: 0 to create, 0 unchanged, 2 no longer in a manifest.\n",
        "2 runs in the state, but in no manifest (nothing is done about that):\n",
    ] {
        assert!(ran.stdout.contains(text), "{}", ran.stdout);
    }
    let json = workspace.run("plan --format json").exits(0).json();
    assert_eq!(json["orphaned"].as_array().map(Vec::len), Some(2));
    for line in [
        "plan --online --detailed-exitcode",
        "apply --yes",
        "apply --dry-run",
        "retry --yes",
        "status",
        "audit",
    ] {
        let ran = workspace.run(line).exits(0);
        assert!(ran.stderr.contains("nothing is wanted"), "{}", ran.stderr);
    }
    // What is named, and is not there, is a slip.
    workspace.run("plan manifests").exits(3);

    // So is a folder that has nothing: no config, no state.
    let elsewhere = Workspace::new();
    std::fs::remove_dir_all(elsewhere.path().join("manifests")).expect("it is there");
    let ran = elsewhere.run("plan").exits(3);
    assert!(
        ran.stderr.contains("`manifests` does not exist"),
        "{}",
        ran.stderr
    );
    elsewhere.write("backfill.yaml", "version: 1\n");
    let ran = elsewhere.run("plan").exits(0);
    assert!(ran.stdout.contains("0 to create"), "{}", ran.stdout);
}
