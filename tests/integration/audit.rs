//! `audit`: what the sandbox has that the state does not, and the other way round.

use aep_backfill::emulator::RequestKind;
use serde_json::Value;

use crate::support::by_hand::{ByHand, adopted, day, identity, intended, record};
use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

/// Doubts settled before late lists show what they are about.
const HASTY: &str = "version: 1\nsettleDelay: 1 second\nlimits: { rate: 200/s }\n";

fn signed_in(manifests: &[(usize, usize)], scenario: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    for (n, days) in manifests {
        workspace.manifest(*n, *days, false);
    }
    workspace.write("backfill.yaml", HASTY);
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in(&emulated.url);
    (workspace, emulated)
}

fn audit(workspace: &Workspace, code: i32) -> Value {
    workspace.run("audit --format json").exits(code).json()
}

/// What it wrote as one line, wherever a sentence was broken.
fn on_one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// The kinds of the findings, in their order.
fn kinds(audit: &Value) -> Vec<&str> {
    let findings = audit["findings"].as_array().expect("a list");
    findings
        .iter()
        .map(|finding| finding["kind"].as_str().expect("a kind"))
        .collect()
}

#[test]
fn after_an_apply_nothing_differs_and_nothing_was_sent_or_locked() {
    let (workspace, emulated) = signed_in(&[(1, 3), (2, 2)], "");
    workspace.run("apply --yes").exits(0);
    let ran = workspace.run("audit").exits(0);
    assert_eq!(ran.stdout, "2 flows, 5 runs, 5 records: nothing differs.\n");
    let audit = audit(&workspace, 0);
    assert_eq!(audit["format"], "audit/v1");
    assert_eq!(audit["hasState"], true);
    assert_eq!(audit["summary"]["unknown"], 0);
    assert_eq!(audit["exitCode"], 0);
    assert_eq!(emulated.requests(RequestKind::CreateRun), 5);
}

#[test]
fn an_apply_at_the_same_time_is_no_finding() {
    let (workspace, emulated) = signed_in(&[(1, 150), (2, 150)], "");
    let mut apply = workspace
        .command("apply --yes --progress none".split(' '))
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut halfway = 0;
    while apply.try_wait().expect("it was started").is_none() {
        let audit = workspace.run("audit --format json").json();
        for kind in ["unknown", "doubled", "vanished", "contradiction"] {
            assert_eq!(audit["summary"][kind], 0, "{audit}");
        }
        let runs = audit["runs"].as_u64().expect("a number");
        halfway += usize::from((1..300).contains(&runs));
    }
    assert!(halfway > 0, "no audit looked while runs were created");
    audit(&workspace, 0);
    assert_eq!(emulated.requests(RequestKind::CreateRun), 300);
}

#[test]
fn without_a_state_all_that_is_listed_is_unknown_and_none_is_made() {
    let (workspace, emulated) = signed_in(&[(1, 2)], "");
    let theirs = ByHand::at(&emulated).create(1, day(0));
    ByHand::at(&emulated).create(1, day(7));
    let text = on_one_line(&workspace.run("audit").exits(5).stdout);
    for said in [
        "1 flow, 2 runs, 0 records: 2 unknown. There is no state yet",
        &format!("run {theirs}, created "),
        " by exc_app (emulator@techacct.adobe.com), ",
        "the next apply adopts it",
        "no manifest that was read wants its window",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    let audit = audit(&workspace, 5);
    assert_eq!(audit["hasState"], false);
    let found = &audit["findings"][0];
    assert_eq!(found["windowStart"], "2022-01-01T00:00:00Z");
    assert_eq!(found["runs"][0]["runId"], theirs.as_str());
    assert_eq!(found["runs"][0]["createdClient"], "exc_app");
    assert_eq!(found["runs"][0]["ours"], false);
    assert_eq!(
        found["wanted"],
        identity(1, day(0), 1).key().to_string().as_str()
    );
    assert!(audit["findings"][1]["wanted"].is_null());
    assert!(!workspace.path().join(".backfill").exists());
    // What it says of the next apply is true.
    let apply = workspace.run("apply --yes").exits(0);
    assert!(
        apply.stdout.contains("1 created, 1 adopted"),
        "{}",
        apply.stdout
    );
}

#[test]
fn a_window_that_somebody_ran_again_is_doubled() {
    let (workspace, emulated) = signed_in(&[(1, 2)], "");
    workspace.run("apply --yes").exits(0);
    let theirs = ByHand::at(&emulated).create(1, day(1));
    let audit = audit(&workspace, 5);
    assert_eq!(kinds(&audit), ["doubled"]);
    let runs = audit["findings"][0]["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 2);
    assert_eq!(
        (&runs[0]["ours"], &runs[1]["ours"]),
        (&true.into(), &false.into())
    );
    assert!(runs[0]["key"].is_string() && runs[1]["key"].is_null());
    assert_eq!(runs[1]["runId"], theirs.as_str());
    let ran = workspace.run("audit").exits(5);
    assert!(ran.stdout.contains("exc_app"), "{}", ran.stdout);
    assert!(ran.stdout.contains(": not on record"), "{}", ran.stdout);
}

#[test]
fn a_run_that_is_listed_after_it_was_believed_not_to_exist_is_never_silent() {
    let scenario =
        "listedAfter: 15\nfaults: [{ on: createRun, calls: [1], do: { reset: after } }]\n";
    let (workspace, emulated) = signed_in(&[(1, 1)], scenario);
    let apply = workspace.run("apply --yes").exits(0);
    assert_eq!(emulated.ledger().stored.len(), 2, "{}", apply.stdout);
    let audit = loop {
        // Until the second run is old enough to be listed as well.
        let audit = workspace.run("audit --format json").json();
        if audit["runs"] == 2 {
            break audit;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(kinds(&audit), ["contradiction", "doubled"]);
    assert_eq!(audit["exitCode"], 5);
    let found = &audit["findings"][0];
    assert_eq!(found["denial"]["fate"], "notCreated");
    assert_eq!(found["denial"]["evidence"], "lists");
    assert_eq!(
        found["runs"][0]["runId"],
        emulated.ledger().stored[0].run_id.as_str()
    );
    let ran = workspace.run("audit").exits(5);
    assert!(
        ran.stdout.contains("the state says: in doubt since"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_run_that_exists_though_it_was_rejected_is_a_contradiction() {
    let scenario = "faults: [{ on: createRun, calls: [1], do: { status: { code: 400, flowCode: 1444, when: after } } }]";
    let (workspace, _emulated) = signed_in(&[(1, 1)], scenario);
    workspace.run("apply --yes").exits(5);
    let audit = audit(&workspace, 5);
    assert_eq!(kinds(&audit), ["contradiction"]);
    assert_eq!(audit["findings"][0]["denial"]["fate"], "rejected");
    let ran = workspace.run("audit").exits(5);
    assert!(
        ran.stdout.contains("FLOW-1444-400") && ran.stdout.contains("but it exists: run "),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_run_that_is_nowhere_any_more_has_vanished() {
    let (workspace, emulated) = signed_in(&[(1, 2)], "");
    let there = ByHand::at(&emulated).create(1, day(0));
    record(
        &workspace,
        vec![
            adopted(&identity(1, day(0), 1), &there),
            adopted(&identity(1, day(1), 1), "gone"),
            adopted(&identity(9, day(0), 1), "of-another-flow"),
        ],
    );
    let audit = audit(&workspace, 5);
    assert_eq!(kinds(&audit), ["vanished"]);
    assert_eq!(audit["findings"][0]["record"]["known"]["runId"], "gone");
    assert_eq!(audit["notAudited"], 1);
    assert_eq!(
        emulated.requests(RequestKind::GetRun),
        1,
        "it was looked for by its id"
    );
}

#[test]
fn a_run_that_was_recorded_just_now_need_not_be_listed_yet() {
    let (workspace, _emulated) = signed_in(&[(1, 2)], "listedAfter: 3600\n");
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: 200/s }\n");
    workspace.run("apply --yes").exits(0);
    let audit = audit(&workspace, 0);
    assert_eq!(audit["tooNew"], 2);
    let ran = workspace.run("audit").exits(0);
    assert!(
        ran.stdout.contains("2 runs sent or recorded so lately"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_run_on_record_for_another_window_or_flow_differs() {
    let (workspace, emulated) = signed_in(&[(1, 2), (2, 1)], "");
    let by_hand = ByHand::at(&emulated);
    let other_window = by_hand.create(1, day(5));
    let other_flow = by_hand.create(2, day(0));
    record(
        &workspace,
        vec![
            adopted(&identity(1, day(0), 1), &other_window),
            adopted(&identity(1, day(1), 1), &other_flow),
        ],
    );
    let audit = audit(&workspace, 5);
    assert_eq!(kinds(&audit), ["differs", "differs"]);
    let text = on_one_line(&workspace.run("audit").exits(5).stdout);
    for said in [
        "it shows the window [2022-01-06, 2022-01-07)",
        &format!("it is of the flow {}", flow(2)),
        "on record for [2022-01-01, 2022-01-02)",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
}

#[test]
fn a_run_in_doubt_says_since_when_and_what_could_tell() {
    let (workspace, emulated) = signed_in(&[(1, 3)], "");
    let intent = |n| intended(&identity(1, day(n), 1));
    record(&workspace, vec![intent(0), intent(1)]);
    let shown = ByHand::at(&emulated).create(1, day(0));
    ByHand::at(&emulated).create(1, day(2));
    let audit = audit(&workspace, 6);
    assert_eq!(kinds(&audit), ["inDoubt", "inDoubt", "unknown"]);
    assert_eq!(audit["findings"][0]["shown"], shown.as_str());
    assert!(audit["findings"][1]["shown"].is_null());
    let text = on_one_line(&workspace.run("audit").exits(6).stdout);
    for said in [
        "in doubt since 1970-01-01T00:00:00Z: no answer was recorded",
        &format!("the run {shown} shows its window"),
        "no run that is listed can be it",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
}

#[test]
fn runs_that_show_their_window_only_by_themselves_are_asked_for() {
    let (workspace, emulated) =
        signed_in(&[(1, 1)], "{ paramsInLists: false, copyWindows: false }");
    ByHand::at(&emulated).create(1, day(0));
    let found = &audit(&workspace, 5)["findings"][0];
    assert_eq!(found["windowStart"], "2022-01-01T00:00:00Z");
    let (workspace, emulated) = signed_in(
        &[(1, 1)],
        "{ paramsInLists: false, paramsInRuns: false, copyWindows: false }",
    );
    ByHand::at(&emulated).create(1, day(0));
    let found = &audit(&workspace, 5)["findings"][0];
    assert_eq!(found["kind"], "unknown");
    assert!(found["windowStart"].is_null(), "{found}");
}

#[test]
fn recorded_runs_that_failed_are_told_with_their_errors() {
    let scenario = "{ scheduledFor: 0, runsFor: 0, outcomes: { failed: 1 } }";
    let (workspace, _emulated) = signed_in(&[(1, 12)], scenario);
    workspace.run("apply --yes").exits(0);
    let audit = audit(&workspace, 5);
    assert_eq!(audit["summary"]["failed"], 12);
    let ran = workspace.run("audit").exits(5);
    assert!(ran.stdout.contains("CONNECTOR-1001-500"), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains("    … and 2 more findings, shown by --verbose\n"),
        "{}",
        ran.stdout
    );
    let all = workspace.run("audit -v").exits(5).stdout;
    assert_eq!(all.matches("\n  failed   [").count(), 12, "{all}");
}

#[test]
fn after_a_retry_and_a_rerun_have_brought_the_data_nothing_differs_any_more() {
    let scenario = "{ scheduledFor: 0, runsFor: 0, badAttempts: 1, \
                    outcomes: { failed: 1, partialSuccess: 1 }, outcomesExact: true }";
    let (workspace, _emulated) = signed_in(&[(1, 4)], scenario);
    workspace.run("apply --yes").exits(0);
    let audited = audit(&workspace, 5);
    let counts = ["failed", "partial"].map(|kind| audited["summary"][kind].clone());
    assert_eq!(counts, [2, 2]);
    let text = on_one_line(&workspace.run("audit").exits(5).stdout);
    assert!(text.contains("`backfill retry` runs it again"), "{text}");

    workspace.run("retry --yes --wait").exits(0);
    assert_eq!(kinds(&audit(&workspace, 5)), ["partial"; 2]);
    let manifest = workspace.read("manifests/flow-1.yaml");
    let again = manifest.replace(" }\n", ", rerun: 2 }\n");
    workspace.write("manifests/flow-1-again.yaml", &again);
    workspace.run("apply --yes").exits(0);
    audit(&workspace, 0);
}

#[test]
fn a_run_of_somebody_else_that_overlaps_a_window_is_told_with_its_id_and_its_maker() {
    let (workspace, emulated) = signed_in(&[(1, 2)], "");
    workspace.run("apply --yes").exits(0);
    let (start, end) = day(1);
    let theirs = ByHand::at(&emulated).create(1, (start + 43_200, end + 43_200));
    let audited = audit(&workspace, 5);
    assert_eq!(kinds(&audited), ["overlap"]);
    let found = &audited["findings"][0];
    assert_eq!(found["runs"][0]["runId"], theirs.as_str());
    assert_eq!(found["runs"][0]["createdClient"], "exc_app");
    assert_eq!(
        found["overlaps"][0]["key"],
        identity(1, day(1), 1).key().to_string().as_str()
    );
    assert_eq!(found["overlaps"][0]["windowStart"], "2022-01-02T00:00:00Z");
    let text = on_one_line(&workspace.run("audit").exits(5).stdout);
    for said in [
        &*format!("run {theirs}, created "),
        "by exc_app",
        "its window overlaps [2022-01-02, 2022-01-03) of the key ",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
}

#[test]
fn a_flow_that_cannot_be_read_is_told_and_the_others_are_audited() {
    let scenario = format!(
        "flows: [{{ id: {}, absent: true }}, {{ id: {}, absent: true }}]",
        flow(1),
        flow(2)
    );
    let (workspace, emulated) = signed_in(&[(1, 1), (2, 1), (3, 1)], &scenario);
    record(
        &workspace,
        vec![adopted(&identity(2, day(0), 1), "hidden-and-not-gone")],
    );
    ByHand::at(&emulated).create(3, day(0));
    let audit = audit(&workspace, 5);
    assert_eq!(kinds(&audit), ["unreadable", "unreadable", "unknown"]);
    let message = audit["findings"][0]["message"].as_str().expect("a text");
    assert!(message.contains("FLOW-1439-404"), "{message}");
}

#[test]
fn a_service_that_does_not_answer_or_let_in_is_an_error_of_its_own() {
    let forbidden = "faults: [{ on: listRuns, do: { status: { code: 403, flowCode: 2120 } } }]";
    let (workspace, _emulated) = signed_in(&[(1, 1)], forbidden);
    let audited = audit(&workspace, 5);
    assert_eq!(kinds(&audited), ["unreadable"]);
    let (workspace, _emulated) = signed_in(&[(1, 1)], "organization: another\n");
    let ran = workspace.run("audit").exits(4);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    let (workspace, _emulated) = signed_in(
        &[(1, 1), (2, 1)],
        "faults: [{ on: listRuns, calls: [1], do: garbage }]",
    );
    let audited = audit(&workspace, 1);
    assert_eq!(kinds(&audited), ["unreadable"]);
}

#[test]
fn a_state_that_is_damaged_is_said_before_anything_is_compared() {
    let (workspace, _emulated) = signed_in(&[(1, 1)], "");
    workspace.run("apply --yes").exits(0);
    let state = workspace.read(".backfill/state.jsonl");
    workspace.write(
        ".backfill/state.jsonl",
        &state.replace("created", "cre4ted"),
    );
    let ran = workspace.run("audit").exits(8);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
}

#[test]
fn what_the_service_says_cannot_act_on_a_terminal() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let hostile = workspace
        .read("manifests/flow-1.yaml")
        .replace("reason:", "name: \"a\\e[2Jb\"\nreason:");
    workspace.write("manifests/flow-1.yaml", &hostile);
    let scenario = format!("flows: [{{ id: {}, absent: true }}]", flow(1));
    let emulated = Emulated::start(&workspace, &scenario);
    let mut workspace = workspace;
    workspace.sign_in(&emulated.url);
    let ran = workspace.run("audit").exits(5);
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
    assert!(ran.stdout.contains("a\\u{1b}[2Jb"), "{}", ran.stdout);
}
