//! `doctor` in a job: what the job's token may do, as far as reads tell, and where the result is read.

use super::hub::{Hub, REPOSITORY};
use super::job::{Event, in_a_job};
use crate::support::workspace::Workspace;

#[test]
fn a_job_is_told_what_its_token_may_do_and_that_a_rule_protects_the_branch() {
    let hub = Hub::start();
    hub.world().protected = Some("backfill-state");
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\nstate: git:backfill-state\n");
    let event = Event::pull_request(7, REPOSITORY);
    in_a_job(&mut workspace, &hub, &event);
    let ran = workspace.run("doctor").exits(3);
    for line in [
        "  ✓ token   GITHUB_TOKEN reads the repository, as one that may pull",
        "  ! branch  a rule protects the branch backfill-state",
    ] {
        assert!(ran.stdout.lines().any(|it| it == line), "{}", ran.stdout);
    }
    assert_eq!(hub.changes(), [""; 0], "it only reads");

    // Who reads no log finds the same in the summary, and each fault at the job.
    let summary = workspace.read("summary.md");
    assert!(summary.starts_with("### backfill doctor: "), "{summary}");
    assert!(summary.contains("a rule protects the branch"), "{summary}");
    let annotation = "::error title=backfill doctor::sign-in: no organization is known";
    assert!(ran.stderr.contains(annotation), "{}", ran.stderr);
}

#[test]
fn a_token_that_reads_nothing_is_told() {
    let hub = Hub::start();
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\nstate: git:backfill-state\n");
    in_a_job(&mut workspace, &hub, &Event::pull_request(7, REPOSITORY));
    workspace.set("GITHUB_TOKEN", "ghs_of_another");
    let ran = workspace.run("doctor").exits(3);
    let said = "  ! token  GITHUB_TOKEN: ";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(!ran.stdout.contains("ghs_of_another"), "{}", ran.stdout);
}
