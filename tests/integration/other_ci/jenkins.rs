//! The example for Jenkins, from a pull request to a state with its runs.

use super::archive::Archive;
use super::jenkinsfile::{Build, Built, StageStatus};
use super::team::{Team, example};
use crate::support::emulated::assert_each_once;

use StageStatus::{Failure, Success, Unstable};

const FILE: &str = "Jenkinsfile";

struct World {
    team: Team,
    archive: Archive,
}

impl World {
    fn new(limits: &str) -> Self {
        Self {
            team: Team::new(FILE, &example(FILE), limits),
            archive: Archive::serve(),
        }
    }

    fn build(
        &self,
        branch: &'static str,
        sha: &str,
        variables: &[(&'static str, &'static str)],
    ) -> Build<'_> {
        Build {
            team: &self.team,
            archive: &self.archive,
            file: example(FILE),
            branch,
            sha: sha.to_owned(),
            is_by_timer: false,
            variables: variables.to_vec(),
        }
    }

    fn by_night(&self, sha: &str) -> Build<'_> {
        Build {
            is_by_timer: true,
            ..self.build("main", sha, &[])
        }
    }
}

fn stages(built: &Built) -> Vec<(&str, StageStatus)> {
    let stages = built.stages.iter();
    stages
        .map(|(name, status)| (name.as_str(), *status))
        .collect()
}

#[test]
fn a_pull_request_plans_and_keeps_the_markdown_also_of_a_mistake() {
    let world = World::new("");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("accounts", "add accounts");
    let built = world.build("", &sha, &[]).run();
    assert_eq!(stages(&built), [("Plan", Success)], "{}", built.log);
    let plan = built.artifact("backfill-plan.md");
    assert!(plan.starts_with("### backfill plan: 5 to create"), "{plan}");
    assert!(built.artifact("backfill-plan.html").contains("</html>"));

    world.team.slip(0);
    let sha = world.team.commit("accounts", "a slip");
    let built = world.build("", &sha, &[]).run();
    assert_eq!(stages(&built), [("Plan", Failure)], "{}", built.log);
    let plan = built.artifact("backfill-plan.md");
    assert!(plan.contains("manifests/flow-0.yaml:8"), "{plan}");
    // A branch that is no pull request has nothing to do, whatever it is asked for.
    for task in ["apply", "follow", "audit"] {
        let built = world.build("accounts", &sha, &[("TASK", task)]).run();
        assert_eq!(stages(&built), [], "{}", built.log);
    }
    assert_eq!(world.team.service.ledger().creates, 0);
}

#[test]
fn a_merge_creates_each_run_once_and_pushes_the_state() {
    let world = World::new("");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "add accounts");
    let built = world.build("main", &sha, &[]).run();
    assert_eq!(stages(&built), [("Apply", Success)], "{}", built.log);
    assert_each_once(&world.team.service, 5);
    assert_eq!(world.team.recorded(), 5);
    assert!(
        built
            .artifact("backfill-apply.json")
            .contains("\"created\": 5")
    );
    let page = "(https://ci.acme.com/job/backfills/job/main/42/)";
    assert!(
        world.team.history().contains(page),
        "{}",
        world.team.history()
    );

    // By night there is nothing to do, and all is in order.
    let built = world.by_night(&sha).run();
    let night = [("Apply", Success), ("Follow", Success), ("Audit", Success)];
    assert_eq!(stages(&built), night, "{}", built.log);
    assert!(
        built.log.contains("Nothing to do: 0 created, 5 unchanged."),
        "{}",
        built.log
    );
    assert!(built.artifact("backfill-status.html").contains("</html>"));
    assert!(
        built
            .artifact("backfill-audit.json")
            .contains("\"exitCode\": 0")
    );
    assert_eq!(world.team.service.ledger().creates, 5);
}

#[test]
fn what_a_limit_leaves_over_is_unstable_and_comes_with_the_next_apply() {
    let world = World::new(", newRunsPerApply: 3");
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "add accounts");
    for (variables, status, created) in [
        (&[] as &[_], Unstable, 3),
        (&[("LIMIT", "1")], Unstable, 4),
        (&[], Success, 5),
    ] {
        let built = world.build("main", &sha, variables).run();
        assert_eq!(stages(&built), [("Apply", status)], "{}", built.log);
        assert_each_once(&world.team.service, created);
    }
}

#[test]
fn a_mistake_that_was_merged_and_an_archive_with_another_sum_send_nothing() {
    let world = World::new("");
    world.team.slip(0);
    let sha = world.team.commit("main", "a slip");
    let built = world.build("main", &sha, &[]).run();
    assert_eq!(stages(&built), [("Apply", Failure)], "{}", built.log);
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "mended");
    let other = [("BACKFILL_SHA256", "00")];
    let built = world.build("main", &sha, &other).run();
    assert_eq!(stages(&built), [("Apply", Failure)], "{}", built.log);
    assert_eq!(world.team.service.ledger().creates, 0);
}

#[test]
fn a_reviewed_apply_sends_the_plan_that_was_approved() {
    let world = World::new("");
    let reviewed = [("BACKFILL_APPLY", "reviewed")];
    world.team.want(0, "2022-01-06");
    let sha = world.team.commit("main", "add accounts");
    let built = world.build("main", &sha, &reviewed).run();
    let all = [("Plan", Success), ("Approve", Success), ("Apply", Success)];
    assert_eq!(stages(&built), all, "{}", built.log);
    assert!(
        built
            .artifact("backfill-apply.json")
            .contains("\"reviewed\": {")
    );
    assert_each_once(&world.team.service, 5);

    // By night nobody approves, and nothing is applied.
    world.team.want(1, "2022-01-06");
    let sha = world.team.commit("main", "add orders");
    let night = Build {
        variables: reviewed.to_vec(),
        ..world.by_night(&sha)
    };
    let built = night.run();
    assert_eq!(stages(&built)[0].0, "Follow", "{}", built.log);
    assert_eq!(world.team.service.ledger().creates, 5);
}
