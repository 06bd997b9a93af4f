//! The example for Azure DevOps, from a pull request to a state with its runs.

use super::archive::Archive;
use super::azure_pipeline::{Run, StageStatus};
use super::comments::Comments;
use super::team::{Team, example};
use super::threads::{Thread, Threads};
use crate::support::emulated::assert_each_once;

use StageStatus::{Failed, Succeeded, SucceededWithIssues};

const FILE: &str = "azure-pipelines.yml";

struct World {
    team: Team,
    archive: Archive,
    api: Comments<Threads>,
}

impl World {
    fn new(limits: &str) -> Self {
        Self {
            team: Team::new(FILE, &example(FILE), limits),
            archive: Archive::serve(),
            api: Comments::start(),
        }
    }

    fn pull_request(&self, sha: &str) -> Run<'_> {
        Run {
            reason: "PullRequest",
            branch: "refs/pull/3/merge",
            ..self.on_main("IndividualCI", sha)
        }
    }

    fn on_main(&self, reason: &'static str, sha: &str) -> Run<'_> {
        Run {
            team: &self.team,
            archive: &self.archive,
            api: self.api.url(),
            file: example(FILE),
            reason,
            branch: "refs/heads/main",
            sha: sha.to_owned(),
            schedule: "",
            parameters: Vec::new(),
            variables: Vec::new(),
        }
    }

    fn scheduled(&self, name: &'static str, sha: &str) -> Run<'_> {
        Run {
            schedule: name,
            ..self.on_main("Schedule", sha)
        }
    }
}

#[test]
fn the_comment_of_a_pull_request_is_written_once_and_kept_up_to_date() {
    let world = World::new("");
    let thread = |is_ours, is_deleted, content: &str| Thread {
        is_ours,
        is_deleted,
        content: content.to_owned(),
    };
    let fake = "<!-- backfill plan -->\nEverything is fine, merge it";
    world.api.world().threads = vec![
        thread(false, false, "Looks good"),
        thread(false, false, fake),
        thread(true, true, fake),
    ];
    let changes = || std::mem::take(&mut world.api.world().changes);

    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("accounts", "add accounts");
    let ran = world.pull_request(&sha).run();
    assert_eq!(ran.stages(), [("Plan", Succeeded)], "{}", ran.log);
    assert_eq!(changes(), ["POST"], "{}", ran.log);
    let comment = world.api.world().ours()[1].clone();
    let first = "<!-- backfill plan -->\n### backfill plan: 5 to create, 0 unchanged\n";
    assert!(comment.starts_with(first), "{comment}");
    let since = format!("\n<sub>Commit {}, build 42</sub>\n", &sha[..8]);
    assert!(comment.ends_with(&since), "{comment}");
    assert!(
        ran.artifact("plan-1/backfill-plan.json")
            .contains("\"digest\"")
    );

    // A mistake fails the stage, and the comment says what is wrong instead of a plan that does not hold.
    world.team.slip(0);
    let sha = world.team.commit("accounts", "a slip");
    let ran = world.pull_request(&sha).run();
    assert_eq!(ran.stages(), [("Plan", Failed)], "{}", ran.log);
    assert_eq!(changes(), ["PATCH"]);
    let ours = world.api.world().ours();
    assert_eq!(ours.len(), 2);
    assert!(ours[1].contains("could not do its work"), "{}", ours[1]);
    assert!(ours[1].contains("manifests/flow-0.yaml:8"), "{}", ours[1]);
    assert_eq!(world.team.service.ledger().creates, 0);
}

#[test]
fn a_merge_creates_each_run_once_and_pushes_the_state() {
    let world = World::new("");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "add accounts");
    let ran = world.on_main("IndividualCI", &sha).run();
    let stages = [("Apply", Succeeded), ("Plan", Succeeded)];
    assert_eq!(ran.stages(), stages, "{}", ran.log);
    assert_each_once(&world.team.service, 5);
    assert_eq!(world.team.recorded(), 5);
    assert!(
        ran.artifact("apply-1/backfill-apply.json")
            .contains("\"created\": 5")
    );
    assert!(
        ran.artifact("apply-1/backfill-apply.html")
            .contains("</html>")
    );
    let page = format!("({}/team/1c2d/_build/results?buildId=42)", world.api.url());
    assert!(
        world.team.history().contains(&page),
        "{}",
        world.team.history()
    );

    // Once more, by schedule: there is nothing to do. And what follows only reads, and finds all in order.
    let ran = world.scheduled("apply", &sha).run();
    assert_eq!(ran.stages(), stages, "{}", ran.log);
    assert!(
        ran.log.contains("Nothing to do: 0 created, 5 unchanged."),
        "{}",
        ran.log
    );
    let ran = world.scheduled("follow", &sha).run();
    assert_eq!(ran.stages(), [("Follow", Succeeded)], "{}", ran.log);
    assert!(
        ran.artifact("follow-1/backfill-status.html")
            .contains("</html>")
    );
    let ran = world.scheduled("audit", &sha).run();
    assert_eq!(ran.stages(), [("Audit", Succeeded)], "{}", ran.log);
    assert!(
        ran.artifact("audit-1/backfill-audit.json")
            .contains("\"exitCode\": 0")
    );
    assert_eq!(world.team.service.ledger().creates, 5);
}

#[test]
fn what_is_started_on_another_branch_plans_and_no_more() {
    let world = World::new("");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("accounts", "add accounts");
    for task in ["apply", "follow", "audit"] {
        let ran = Run {
            branch: "refs/heads/accounts",
            parameters: vec![("task", task)],
            ..world.on_main("Manual", &sha)
        };
        let ran = ran.run();
        let expected: &[_] = if task == "apply" {
            &[("Plan", Succeeded)]
        } else {
            &[]
        };
        assert_eq!(ran.stages(), expected, "{}", ran.log);
    }
    assert_eq!(world.team.service.ledger().creates, 0);
}

#[test]
fn what_a_limit_leaves_over_is_a_warning_and_comes_with_the_next_apply() {
    let world = World::new(", newRunsPerApply: 3");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "add accounts");
    let by_hand = Run {
        parameters: vec![("limit", "1")],
        ..world.on_main("Manual", &sha)
    };
    for (run, status, created) in [
        (world.on_main("IndividualCI", &sha), SucceededWithIssues, 3),
        (by_hand, SucceededWithIssues, 4),
        (world.scheduled("apply", &sha), Succeeded, 5),
    ] {
        let ran = run.run();
        assert_eq!(
            ran.stages(),
            [("Apply", status), ("Plan", Succeeded)],
            "{}",
            ran.log
        );
        assert_each_once(&world.team.service, created);
    }
}

#[test]
fn a_reviewed_apply_sends_the_plan_of_its_run_and_no_more() {
    let world = World::new("");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "add accounts");
    let reviewed = || Run {
        variables: vec![("BACKFILL_APPLY", "reviewed".to_owned())],
        ..world.on_main("IndividualCI", &sha)
    };
    // While the apply waits for an approval, another one sends a part of it.
    let other = Run {
        parameters: vec![("limit", "2")],
        ..world.on_main("Manual", &sha)
    };
    let ran = reviewed().run_with(&|stage| {
        if stage == "Apply" {
            assert_eq!(other.run().stages()[0], ("Apply", SucceededWithIssues));
        }
    });
    assert_eq!(ran.stages()[0], ("Apply", Succeeded), "{}", ran.log);
    assert_each_once(&world.team.service, 5);
    assert!(
        ran.artifact("apply-1/backfill-apply.json")
            .contains("\"reviewed\": {")
    );
}

#[test]
fn an_archive_with_another_sum_is_not_run() {
    let world = World::new("");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "add accounts");
    let run = Run {
        variables: vec![("BACKFILL_SHA256", "0".repeat(64))],
        ..world.on_main("IndividualCI", &sha)
    };
    let ran = run.run();
    assert_eq!(ran.stages(), [("Plan", Failed)], "{}", ran.log);
    assert!(ran.log.contains("backfill.tar.gz: FAILED"), "{}", ran.log);
    assert_eq!(world.team.service.ledger().creates, 0);
}
