//! `doctor`: a set-up that works, and a dozen that would not. Each fault is named on one line, with
//! its exit code, and nothing is sent but reads and a request for a token.

mod connection;
mod flows;
mod state;

use aep_backfill::emulator::RequestKind;

use crate::support::by_hand::{ByHand, day};
use crate::support::emulated::Emulated;
use crate::support::workspace::{Ran, Workspace};

/// A workspace of one flow of files, and an emulator under `scenario` that it signs in to.
fn at(scenario: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, false);
    workspace.write("backfill.yaml", "version: 1\n");
    let emulated = Emulated::start(&workspace, scenario);
    workspace.sign_in_with_secret(&emulated.url);
    (workspace, emulated)
}

/// Runs the doctor, which must end with `code` and send nothing that changes anything.
#[track_caller]
fn examined(workspace: &Workspace, emulated: &Emulated, code: i32) -> Ran {
    let before = emulated.ledger().stored;
    let ran = workspace.run("doctor").exits(code);
    let json = workspace.run("doctor --format json").exits(code).json();
    assert_eq!(json["exitCode"], code);
    let ledger = emulated.ledger();
    assert_eq!(ledger.stored, before, "nothing was created");
    for kind in [RequestKind::Action, RequestKind::Other] {
        assert_eq!(ledger.arrivals_of(kind).count(), 0, "{kind:?}");
    }
    assert_eq!(
        ledger.creates,
        before.len() as u64,
        "only those made by hand"
    );
    ran
}

/// The line that begins with `sign` and has `words`.
#[track_caller]
fn has_line(ran: &Ran, sign: char, words: &[&str]) {
    let begins = format!("  {sign} ");
    let is_it =
        |line: &str| line.starts_with(&begins) && words.iter().all(|word| line.contains(word));
    assert!(ran.stdout.lines().any(is_it), "{words:?}\n{}", ran.stdout);
}

/// The lines that begin with `sign`.
fn lines(ran: &Ran, sign: char) -> Vec<&str> {
    let begins = format!("  {sign} ");
    let lines = ran.stdout.lines();
    lines.filter(|line| line.starts_with(&begins)).collect()
}

#[test]
fn a_set_up_that_works_is_told_so_and_what_the_service_does_is_learnt() {
    let (workspace, emulated) = at("scheduledFor: 0\nrunsFor: 0\n");
    let by_hand = ByHand::at(&emulated);
    for n in 0..3 {
        by_hand.create(1, day(n));
    }
    let ran = examined(&workspace, &emulated, 0);
    assert_eq!(lines(&ran, '✗'), [""; 0]);
    let text = ran.stdout.replace(&emulated.url, "URL");
    let answered = text.find("answered in ").expect("how long it took");
    let end = answered + text[answered..].find(" ms").expect("a time");
    let text = format!("{}TIME{}", &text[..answered + 12], &text[end..]);
    insta::assert_snapshot!(text, @r"
    Settings:
      ✓ config     backfill.yaml
      ✓ variables  set: AEP_ORG_ID, AEP_CLIENT_ID, AEP_CLIENT_SECRET, AEP_SCOPES, AEP_ENDPOINT, AEP_IMS_ENDPOINT
      ✓ manifests  1 manifest, 2 runs

    Service:
      ✓ endpoint      URL, this machine, no TLS, no proxy, answered in TIME ms
      ✓ clock         the same as the service's
      ✓ sign-in       OAuth server-to-server: good for 23 h 59 min
      ✓ sandbox prod  the organization and the sandbox are accepted

    Flows:
      ✓ flow-1  in prod, scheduled once, enabled, reads files

    What the service does:
      ✓ lists         filtered by flow: 3 runs in 1 list
      ✓ windows       shown: 3 of 3 in params
      ✓ times         times in params are in seconds, as strings
      ✓ whose runs    none of 3 runs is by this API key
      ✓ lost answers  settled by the window that lists show of each run, 5 min after the request

    State:
      ✓ place    .backfill: none yet, the first apply begins it
      ✓ writing  the folder may be written to

    It works here: 0 faults, 0 notices, 15 fine.
    ");
    assert_eq!(
        emulated.ledger().tokens_issued,
        2,
        "one for each of two runs"
    );
}

#[test]
fn the_emulator_that_is_built_in_is_a_set_up_that_works() {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.manifest(2, 3, true);
    workspace.write("backfill.yaml", "version: 1\n");
    let ran = workspace.run("doctor --emulator").exits(0);
    has_line(&ran, '✓', &["endpoint", "nothing reaches Adobe"]);
    workspace.run("apply --yes --emulator").exits(0);
    let json = workspace
        .run("doctor --emulator --format json")
        .exits(0)
        .json();
    assert_eq!(json["settling"], "byWindow");
    assert_eq!(json["summary"]["fault"], 0);
    let clients = json["findings"].as_array().expect("findings");
    let clients = clients.iter().find(|it| it["check"] == "clients");
    assert_eq!(clients.expect("whose runs they are")["mark"], "fine");
}

#[test]
fn a_config_that_is_wrong_hides_nothing_else_that_can_be_told() {
    let (mut workspace, emulated) = at("");
    workspace.write("backfill.yaml", "version: 1\nlimits: { rate: fast }\n");
    workspace.set("AEP_CLIENT_SECERT", "hidden");
    let ran = examined(&workspace, &emulated, 3);
    has_line(&ran, '✗', &["settings", "`fast` is not a rate"]);
    has_line(&ran, '!', &["not known, and not read: AEP_CLIENT_SECERT"]);
    assert!(!ran.stdout.contains("hidden"));
}

#[test]
fn manifests_that_are_wrong_do_not_keep_the_others_from_being_looked_at() {
    let (workspace, emulated) = at("");
    workspace.write("manifests/wrong.yaml", "version: 1\nflowId: 7\n");
    let ran = examined(&workspace, &emulated, 3);
    has_line(&ran, '✗', &["manifests", "error"]);
    has_line(&ran, '✓', &["flow-1", "scheduled once"]);
    has_line(&ran, '✓', &["place", ".backfill"]);
}
