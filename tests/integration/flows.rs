//! A manifest of several flows, through the verbs: each of its flows is one like any other.

use aep_backfill::emulator::RequestKind;
use insta::assert_snapshot;

use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

/// Three flows that want the same `days` windows; the second has a column of its own, the third
/// reads files.
fn list(days: u32, more: &str) -> String {
    format!(
        "version: 1\nflows:\n\
         - flowId: {}\n  name: accounts\n\
         - flowId: {}\n  name: orders\n  deltaColumn: {{ name: updatedAt }}\n\
         - flowId: {}\n  source: file\n\
         sandbox: prod\nsource: table\ndeltaColumn: {{ name: DOB }}\nreason: Load the history\n{more}ranges:\n\
         - from: 2022-01-01\n  to: 2022-01-{:02}\n  every: 1 day\n",
        flow(1),
        flow(2),
        flow(3),
        days + 1
    )
}

fn workspace(days: u32, more: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("manifests/crm.yaml", &list(days, more));
    workspace
}

#[test]
fn each_flow_of_a_list_is_planned_with_its_own_name_and_source() {
    let workspace = workspace(2, "");
    let validated = workspace.run("validate").exits(0);
    assert_snapshot!(validated.stdout, @"1 file, 1 manifest of 3 flows, 6 runs: no errors.");
    let document = workspace.run("validate --format json").exits(0).json();
    assert_eq!(document["summary"]["manifests"], 1);
    assert_eq!(document["summary"]["flows"], 3);
    let plan = workspace.run("plan").exits(0);
    assert_snapshot!(plan.stdout, @"
    Plan: 6 to create, 0 unchanged.
    Forecast: 6 requests at 5/s in 2 s.
    Windows are [start, end) in UTC: the end is exclusive.
    Bars: + new

    accounts  prod  00000000-0000-4000-8000-000000000001  (table by DOB)
      [++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++)
      2022-01-01                                                          2022-01-03
      2 to create
      + 4d4f984b3f12  [2022-01-01, 2022-01-02)  manifests/crm.yaml:15
      + cd29ae00fb88  [2022-01-02, 2022-01-03)  manifests/crm.yaml:15

    orders  prod  00000000-0000-4000-8000-000000000002  (table by updatedAt)
      [++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++)
      2022-01-01                                                          2022-01-03
      2 to create
      + 0e3ba89a459d  [2022-01-01, 2022-01-02)  manifests/crm.yaml:15
      + 9e48a8d8418e  [2022-01-02, 2022-01-03)  manifests/crm.yaml:15

    crm-00000000  prod  00000000-0000-4000-8000-000000000003  (files)
      [++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++)
      2022-01-01                                                          2022-01-03
      2 to create
      + b40b48f87104  [2022-01-01, 2022-01-02)  manifests/crm.yaml:15
      + 36e48fd0ffb4  [2022-01-02, 2022-01-03)  manifests/crm.yaml:15
    ");
    let one = workspace.run(&format!("plan --format json --flow {}", flow(2)));
    let one = one.exits(0).json();
    assert_eq!(one["summary"]["create"], 2);
    assert_eq!(one["runs"][0]["name"], "orders");
    assert_eq!(one["runs"][0]["line"], 15);
}

#[test]
fn a_list_and_manifests_of_its_flows_have_the_same_keys() {
    let keys = |workspace: &Workspace| -> Vec<String> {
        let plan = workspace.run("plan --format json").exits(0).json();
        let runs = plan["runs"].as_array().expect("runs").iter();
        runs.map(|run| run["key"].as_str().expect("a key").to_owned())
            .collect()
    };
    let each = Workspace::new();
    for (n, table) in [(1, true), (2, true), (3, false)] {
        each.manifest(n, 2, table);
    }
    assert_eq!(keys(&workspace(2, "")), keys(&each));
}

#[test]
fn the_flows_of_a_list_are_applied_followed_and_audited() {
    let workspace = workspace(5, "order: newest-first\nmaxActiveRuns: 2\n");
    workspace.write(
        "backfill.yaml",
        "version: 1\nlimits: { rate: 500/s, concurrency: 4 }\n",
    );
    let scenario = "{ scheduledFor: 0, runsFor: 1, outcomes: { success: 1 } }";
    let emulated = Emulated::start(&workspace, scenario);
    let mut workspace = workspace;
    workspace.sign_in(&emulated.url);
    let applied = workspace.run("apply --yes --wait").exits(0);
    assert!(applied.stdout.contains("15 created"), "{}", applied.stdout);
    let ledger = emulated.ledger();
    assert_eq!(ledger.creates, 15);
    let status = workspace.run("status --format json").exits(0).json();
    assert_eq!(status["summary"]["success"], 15, "{status}");
    let audit = workspace.run("audit --format json").exits(0).json();
    assert_eq!(audit["findings"].as_array().map(Vec::len), Some(0));
    // Taken out of the list, with a manifest of its own: nothing is new.
    let two = list(5, "").replace(&format!("- flowId: {}\n  source: file\n", flow(3)), "");
    workspace.write("manifests/crm.yaml", &two);
    workspace.manifest(3, 5, false);
    workspace.run("plan --detailed-exitcode").exits(0);
    assert_eq!(emulated.requests(RequestKind::CreateRun), 15);
}

#[test]
fn a_list_that_is_paused_holds_back_all_of_its_flows() {
    let workspace = workspace(3, "paused: true\n");
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["paused"], 9);
    assert_eq!(plan["summary"]["create"], 0);
}

#[test]
fn a_problem_of_a_listed_flow_is_annotated_at_its_entry() {
    let workspace = workspace(1, "");
    let text = list(1, "").replace("  source: file\n", "  source: fil\n");
    workspace.write("manifests/crm.yaml", &text);
    let ran = workspace.run("validate --format github").exits(3);
    assert_snapshot!(ran.stdout, @"::error file=manifests/crm.yaml,line=9,col=11,title=BF009::`source` takes `table` or `file`, not `fil`%0Ahelp: databases and warehouses are `table`, storages are `file`");
}

#[test]
fn a_list_is_rehearsed() {
    let workspace = workspace(2, "");
    let ran = workspace.run("rehearse --scenario calm --kills 0 --format json");
    let ran = ran.exits(0).json();
    assert_eq!(ran["summary"]["wanted"], 6, "{ran}");
}
