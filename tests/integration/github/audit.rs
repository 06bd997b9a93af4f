//! The issue of the audit: opened when something differs, kept up to date, closed when nothing does.

use crate::support::by_hand::{ByHand, day};
use crate::support::emulated::Emulated;
use crate::support::workspace::Workspace;

use super::hub::Hub;
use super::job::{Event, in_a_job};
use super::log::annotations;

/// A job that audits a manifest of so many windows, and the service that it asks.
fn nightly(hub: &Hub, days: usize) -> (Emulated, Workspace) {
    let mut workspace = Workspace::new();
    workspace.manifest(1, days, false);
    let service = Emulated::start(&workspace, "{ scheduledFor: 0, runsFor: 0 }");
    workspace.sign_in(&service.url);
    in_a_job(&mut workspace, hub, &Event::schedule());
    workspace.set("BACKFILL_STATE", ".backfill");
    workspace.set("AEP_SANDBOX_NAME", "prod");
    (service, workspace)
}

/// How many issues are open.
fn open(hub: &Hub) -> usize {
    let world = hub.world();
    world.issues.iter().filter(|issue| issue.is_open).count()
}

#[test]
fn one_issue_says_what_differs_and_is_closed_when_nothing_does() {
    let hub = Hub::start();
    let (service, workspace) = nightly(&hub, 3);
    workspace.run("apply --yes").exits(0);
    let audit = |workspace: &Workspace| workspace.run("audit --issue --report audit.json");

    // Nothing differs, and nothing is opened; other people's issues are theirs.
    {
        let mut world = hub.world();
        for n in 0..40 {
            world.add_issue("bob", &format!("idea {n}"), "");
        }
        world.add_issue("bob", "a pull request", "").is_pull_request = true;
    }
    audit(&workspace).exits(0);
    assert_eq!(hub.changes(), [""; 0]);
    assert!(
        workspace
            .read("summary.md")
            .contains("### backfill audit: nothing differs")
    );

    // Somebody creates a window by hand that no manifest wants.
    ByHand::at(&service).create(1, day(3));
    let ran = audit(&workspace).exits(5);
    assert_eq!(hub.changes(), ["POST /repos/team/backfills/issues"]);
    let issue = hub.world().issues.last().expect("it was opened").clone();
    assert_eq!(issue.title, "backfill audit: something differs in prod");
    assert!(
        issue.body.contains("### backfill audit: 1 unknown"),
        "{}",
        issue.body
    );
    let found = annotations(&ran.stderr);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].property("file"), "manifests/flow-1.yaml");
    assert_eq!(found[0].property("line"), "7");
    assert_eq!(found[0].property("title"), "unknown");
    assert!(workspace.read("audit.json").contains("\"audit/v1\""));

    // The next night finds the same, and says nothing more.
    audit(&workspace).exits(5);
    assert_eq!(hub.changes(), [""; 0]);

    // Then more differs.
    ByHand::at(&service).create(1, day(4));
    audit(&workspace).exits(5);
    let path = format!("PATCH /repos/team/backfills/issues/{}", issue.number);
    assert_eq!(hub.changes(), [path.as_str()]);
    let updated = hub.world().issues.last().expect("it").clone();
    assert!(
        updated.body.contains("### backfill audit: 2 unknown"),
        "{}",
        updated.body
    );

    // A manifest that wants the windows makes it right: they are adopted.
    workspace.manifest(1, 5, false);
    workspace.run("apply --yes").exits(0);
    audit(&workspace).exits(0);
    assert_eq!(hub.changes(), [path.as_str()]);
    let closed = hub.world().issues.last().expect("it").clone();
    assert!(!closed.is_open);
    assert!(
        closed.body.contains("### backfill audit: nothing differs"),
        "{}",
        closed.body
    );
    assert_eq!(open(&hub), 41);
}

#[test]
fn with_the_token_of_an_app_there_is_one_issue_night_after_night() {
    for is_without_graphql in [false, true] {
        let hub = Hub::start();
        {
            let mut world = hub.world();
            world.app = Some("acme-data[bot]");
            world.is_without_graphql = is_without_graphql;
        }
        let (service, workspace) = nightly(&hub, 3);
        workspace.run("apply --yes").exits(0);
        ByHand::at(&service).create(1, day(3));
        for _ in 0..3 {
            workspace.run("audit --issue").exits(5);
        }
        assert_eq!((open(&hub), hub.world().issues.len()), (1, 1));
        workspace.manifest(1, 4, false);
        workspace.run("apply --yes").exits(0);
        workspace.run("audit --issue").exits(0);
        assert_eq!(open(&hub), 0);
    }
}

#[test]
fn a_repository_without_issues_is_no_failure_of_the_audit() {
    let hub = Hub::start();
    hub.world().closed = Some((410, "Issues are disabled for this repo"));
    let (service, workspace) = nightly(&hub, 1);
    ByHand::at(&service).create(1, day(3));
    let ran = workspace.run("audit --issue").exits(5);
    assert!(ran.stderr.contains("::notice"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("issues: write"), "{}", ran.stderr);
}
