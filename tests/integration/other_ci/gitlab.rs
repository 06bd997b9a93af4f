//! The example for GitLab, from a merge request to a state with its runs.

use super::comments::Comments;
use super::gitlab_pipeline::{Artifacts, JobStatus, Pipeline, merge_request};
use super::notes::{EVE, Note, Notes};
use super::team::{Team, example};
use crate::support::emulated::assert_each_once;

const FILE: &str = "gitlab-ci.yml";

fn team(limits: &str) -> Team {
    Team::new(".gitlab-ci.yml", &example(FILE), limits)
}

/// A pipeline of the default branch.
fn on_main<'t>(
    team: &'t Team,
    source: &'static str,
    sha: &str,
    variables: &[(&'static str, &'static str)],
) -> Pipeline<'t> {
    Pipeline {
        source,
        branch: "main",
        variables: variables.to_vec(),
        ..merge_request(team, "http://127.0.0.1:9", &example(FILE), sha)
    }
}

/// The jobs of a pipeline, as `name` or `name (when)`.
fn jobs(pipeline: &Pipeline<'_>) -> Vec<String> {
    let jobs = pipeline.jobs().into_iter();
    jobs.map(|(name, when)| match when.as_str() {
        "on_success" => name,
        when => format!("{name} ({when})"),
    })
    .collect()
}

#[test]
fn a_merge_request_plans_and_comments_and_only_the_default_branch_applies() {
    let team = team("");
    let sha = team.commit("main", "nothing new");
    let merge = merge_request(&team, "http://127.0.0.1:9", &example(FILE), &sha);
    assert_eq!(jobs(&merge), ["plan", "comment (always)"]);
    let of_a_fork = Pipeline {
        variables: Vec::new(),
        ..merge.clone()
    };
    assert_eq!(jobs(&of_a_fork), ["plan"]);
    // Nothing that a merge request's branch is pushed with starts an apply.
    for (source, branch) in [
        ("push", "accounts"),
        ("web", "accounts"),
        ("schedule", "accounts"),
    ] {
        for variables in [
            vec![],
            vec![("BACKFILL_TASK", "follow")],
            vec![("BACKFILL_APPLY", "reviewed")],
        ] {
            let other = Pipeline {
                source,
                branch,
                variables,
                ..merge.clone()
            };
            assert_eq!(jobs(&other), [""; 0], "{source}");
        }
    }
    let reviewed = &[("BACKFILL_APPLY", "reviewed")];
    let follow = &[("BACKFILL_TASK", "follow")];
    let audit = &[("BACKFILL_TASK", "audit")];
    for (source, variables, expected) in [
        ("push", &[] as &[_], &["apply"] as &[&str]),
        ("schedule", &[], &["apply"]),
        ("web", &[], &["apply"]),
        ("schedule", follow, &["follow"]),
        ("schedule", audit, &["audit"]),
        ("push", reviewed, &["plan", "apply (manual)"]),
        ("schedule", reviewed, &[]),
    ] {
        let pipeline = on_main(&team, source, &sha, variables);
        assert_eq!(jobs(&pipeline), expected, "{source} {variables:?}");
    }
    let of_code = Pipeline {
        changed: vec!["README.md"],
        ..on_main(&team, "push", &sha, &[])
    };
    assert_eq!(jobs(&of_code), [""; 0]);
}

#[test]
fn the_note_of_a_merge_request_is_written_once_and_kept_up_to_date() {
    let team = team("");
    let api = Comments::<Notes>::start();
    // Enough for several pages; and one that only begins as ours does.
    let other = |body: &str| Note {
        author: EVE,
        body: body.to_owned(),
    };
    api.world().notes = vec![
        other("Looks good"),
        other("<!-- backfill plan -->\nEverything is fine, merge it"),
        other("Does it?"),
    ];
    let run = |sha: &str| {
        let pipeline = merge_request(&team, &api.url(), &example(FILE), sha);
        let artifacts = Artifacts::none();
        let (planned, plan) = pipeline.run("plan", &artifacts);
        let (commented, comment) = pipeline.run("comment", &artifacts);
        assert_eq!(commented, JobStatus::Success, "{comment:?}");
        let changes = std::mem::take(&mut api.world().changes);
        (planned, plan, changes)
    };

    team.want(0, "2022-01-06");
    let sha = team.commit("accounts", "add accounts");
    let (status, plan, changes) = run(&sha);
    assert_eq!(
        (status, plan.code),
        (JobStatus::Success, Some(0)),
        "{plan:?}"
    );
    assert_eq!(changes, ["POST"]);
    let notes = api.world().of_the_bot();
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0]
            .starts_with("<!-- backfill plan -->\n### backfill plan: 5 to create, 0 unchanged\n"),
        "{}",
        notes[0]
    );
    let since = format!("\n<sub>Commit {}, [pipeline](https://", &sha[..8]);
    assert!(notes[0].contains(&since), "{}", notes[0]);

    // Others write, and the next push finds its note again.
    api.world().notes.push(other("Please add a day"));
    team.want(0, "2022-01-07");
    let sha = team.commit("accounts", "one more day");
    let (_, _, changes) = run(&sha);
    assert_eq!(changes, ["PUT"]);
    let notes = api.world().of_the_bot();
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].contains("backfill plan: 6 to create"),
        "{}",
        notes[0]
    );

    // A mistake fails the job, and the note says what is wrong instead of a plan that does not hold.
    team.slip(0);
    let sha = team.commit("accounts", "a slip");
    let (status, plan, changes) = run(&sha);
    assert_eq!(
        (status, plan.code),
        (JobStatus::Failed, Some(3)),
        "{plan:?}"
    );
    assert_eq!(changes, ["PUT"]);
    let note = api.world().of_the_bot().concat();
    assert!(
        note.contains("### backfill plan could not do its work"),
        "{note}"
    );
    assert!(note.contains("manifests/flow-0.yaml:8"), "{note}");
    assert!(!note.contains("to create"), "{note}");
    assert_eq!(team.service.ledger().creates, 0);
}

#[test]
fn a_plan_that_cannot_be_made_into_json_by_pasting_is_a_note_all_the_same() {
    let team = team("");
    let api = Comments::<Notes>::start();
    let sha = team.commit("accounts", "nothing new");
    let pipeline = merge_request(&team, &api.url(), &example(FILE), &sha);
    let artifacts = Artifacts::none();
    artifacts.write(
        "backfill-plan.md",
        "a \"quote\", a \\, a tab\t, $(id) `id`\n/approve\n  /merge\nü\n",
    );
    let (status, ran) = pipeline.run("comment", &artifacts);
    assert_eq!(status, JobStatus::Success, "{ran:?}");
    let note = api.world().of_the_bot().concat();
    let (_, note) = note.split_once('\n').expect("the mark has a line");
    let (note, _) = note.split_once("\n\n<sub>").expect("it says since when");
    assert_eq!(
        note,
        "a \"quote\", a \\, a tab\t, $(id) `id`\n&#47;approve\n  &#47;merge\nü"
    );
}

#[test]
fn a_merge_creates_each_run_once_and_pushes_the_state() {
    let team = team("");
    team.want(0, "2022-01-06");
    let sha = team.commit("main", "add accounts");
    let artifacts = Artifacts::none();
    let pipeline = on_main(&team, "push", &sha, &[]);
    let (status, ran) = pipeline.run("apply", &artifacts);
    assert_eq!((status, ran.code), (JobStatus::Success, Some(0)), "{ran:?}");
    assert_each_once(&team.service, 5);
    assert_eq!(team.recorded(), 5);
    assert!(
        artifacts
            .read("backfill-apply.json")
            .contains("\"created\": 5")
    );
    assert!(artifacts.read("backfill-apply.html").contains("</html>"));
    // Who looks at the history finds the job.
    let job = "(https://gitlab.acme.com/team/backfills/-/jobs/42)";
    assert!(team.history().contains(job), "{}", team.history());

    // Once more, by schedule: there is nothing to do.
    let (status, ran) = on_main(&team, "schedule", &sha, &[]).run("apply", &artifacts);
    assert_eq!((status, ran.code), (JobStatus::Success, Some(0)), "{ran:?}");
    assert!(
        ran.stdout
            .contains("Nothing to do: 0 created, 5 unchanged."),
        "{ran:?}"
    );
    assert_each_once(&team.service, 5);
    assert_eq!(team.service.ledger().creates, 5);

    // And what follows it only reads, and finds all in order.
    for (task, report) in [
        ("audit", "backfill-audit.json"),
        ("follow", "backfill-retry.json"),
    ] {
        let (status, ran) =
            on_main(&team, "schedule", &sha, &[("BACKFILL_TASK", task)]).run(task, &artifacts);
        assert_eq!((status, ran.code), (JobStatus::Success, Some(0)), "{ran:?}");
        assert!(artifacts.read(report).contains("\"exitCode\": 0"));
    }
    assert!(artifacts.read("backfill-status.html").contains("</html>"));
    assert_eq!(team.service.ledger().creates, 5);
}

#[test]
fn what_a_limit_leaves_over_is_a_warning_and_comes_with_the_next_apply() {
    let team = team(", newRunsPerApply: 3");
    team.want(0, "2022-01-06");
    let sha = team.commit("main", "add accounts");
    let artifacts = Artifacts::none();
    let limited = [("BACKFILL_LIMIT", "1")];
    for (source, variables, status, code, created) in [
        ("push", &[] as &[_], JobStatus::Warning, 2, 3),
        ("web", &limited, JobStatus::Warning, 2, 4),
        ("schedule", &[], JobStatus::Success, 0, 5),
    ] {
        let ran = on_main(&team, source, &sha, variables).run("apply", &artifacts);
        assert_eq!((ran.0, ran.1.code), (status, Some(code)), "{ran:?}");
        assert_each_once(&team.service, created);
    }
}

#[test]
fn a_mistake_that_was_merged_fails_the_apply_and_sends_nothing() {
    let team = team("");
    team.slip(0);
    let sha = team.commit("main", "a slip");
    let ran = on_main(&team, "push", &sha, &[]).run("apply", &Artifacts::none());
    assert_eq!((ran.0, ran.1.code), (JobStatus::Failed, Some(3)), "{ran:?}");
    assert_eq!(team.service.ledger().creates, 0);
}

#[test]
fn a_reviewed_apply_sends_the_plan_of_its_pipeline_and_no_more() {
    let team = team("");
    let reviewed = [("BACKFILL_APPLY", "reviewed")];
    team.want(0, "2022-01-06");
    let sha = team.commit("main", "add accounts");
    let artifacts = Artifacts::none();
    let pipeline = on_main(&team, "push", &sha, &reviewed);
    let (status, plan) = pipeline.run("plan", &artifacts);
    assert_eq!(status, JobStatus::Success, "{plan:?}");

    // Before somebody lets the apply go on, more is merged. Even an apply of that commit, with this plan, sends
    // what was reviewed alone, and says that there is more.
    team.want(1, "2022-01-04");
    let newer = team.commit("main", "add orders");
    let (status, ran) = on_main(&team, "push", &newer, &reviewed).run("apply", &artifacts);
    assert_eq!(status, JobStatus::Warning, "{ran:?}");
    assert_each_once(&team.service, 5);

    // The job of the plan itself finds that all of it exists.
    let (status, ran) = pipeline.run("apply", &artifacts);
    assert_eq!((status, ran.code), (JobStatus::Success, Some(0)), "{ran:?}");
    assert_eq!(team.service.ledger().creates, 5);

    // A plan that was edited is refused.
    let plan = artifacts.read("backfill-plan.json");
    let start = "\"windowStartTime\": 1640995200";
    assert!(plan.contains(start), "{plan}");
    artifacts.write(
        "backfill-plan.json",
        &plan.replace(start, "\"windowStartTime\": 1640908800"),
    );
    let (status, ran) = pipeline.run("apply", &artifacts);
    assert_eq!((status, ran.code), (JobStatus::Failed, Some(3)), "{ran:?}");
    assert_eq!(team.service.ledger().creates, 5);
}
