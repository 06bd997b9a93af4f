//! The comment on a pull request: one, whoever else writes there and whatever GitHub answers.

use serde_json::json;

use crate::support::workspace::{Ran, Workspace};

use super::hub::{Hub, REPOSITORY};
use super::job::{Event, in_a_job};
use super::log::annotations;

const NUMBER: u64 = 7;

/// A workspace that is a job's checkout, without a runner around it.
fn at(hub: &Hub, event: &Event) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 3, false);
    workspace.write("backfill.yaml", "version: 1\nstate: .backfill\n");
    // The root of the repository.
    workspace.write(".git", "gitdir: elsewhere\n");
    in_a_job(&mut workspace, hub, event);
    workspace
}

fn pull_request() -> Event {
    Event::pull_request(NUMBER, REPOSITORY)
}

fn comment(workspace: &Workspace) -> Ran {
    workspace.run("plan --comment")
}

/// The first line of the comment of this workspace.
fn marker() -> String {
    let hub = Hub::start();
    comment(&at(&hub, &pull_request())).exits(0);
    let comments = hub.comments();
    comments[0].lines().next().expect("a line").to_owned()
}

#[test]
fn it_is_found_among_many_and_that_of_somebody_else_is_left_alone() {
    let hub = Hub::start();
    let forged = format!("{}\n### backfill plan: nothing to worry about", marker());
    {
        let mut world = hub.world();
        world.add_comment(NUMBER, "eve", &forged);
        for n in 0..70 {
            world.add_comment(NUMBER, "bob", &format!("remark {n}"));
        }
        world.add_comment(NUMBER, "another[bot]", &forged);
        world.add_comment(8, "github-actions[bot]", &forged);
    }
    let workspace = at(&hub, &pull_request());
    comment(&workspace).exits(0);
    assert_eq!(
        hub.changes(),
        ["POST /repos/team/backfills/issues/7/comments"]
    );
    workspace.manifest(1, 4, false);
    comment(&workspace).exits(0);
    assert_eq!(
        hub.changes(),
        ["PATCH /repos/team/backfills/issues/comments/74"]
    );
    let comments = hub.comments();
    assert_eq!(comments.len(), 74);
    assert_eq!(comments[0], forged);
    assert_eq!(comments[71], forged);
    assert_eq!(comments[72], forged);
    assert!(comments[73].contains("4 to create"), "{}", comments[72]);
}

#[test]
fn with_a_token_of_a_person_it_is_theirs() {
    let hub = Hub::start();
    hub.world().is_personal = true;
    let workspace = at(&hub, &pull_request());
    comment(&workspace).exits(0);
    comment(&workspace).exits(0);
    assert_eq!(
        hub.changes(),
        ["POST /repos/team/backfills/issues/7/comments"]
    );
    assert_eq!(hub.world().comments[0].login, "alice");
}

#[test]
fn each_config_and_sandbox_has_its_own() {
    let hub = Hub::start();
    let workspace = at(&hub, &pull_request());
    workspace.write("other.yaml", "version: 1\nstate: .backfill\n");
    for line in [
        "plan --comment",
        "plan --comment --config other.yaml",
        "plan --comment --sandbox dev",
        "plan --comment --config ./backfill.yaml",
    ] {
        workspace.run(line).exits(0);
    }
    let firsts: Vec<String> = hub
        .comments()
        .iter()
        .map(|comment| comment.lines().next().expect("a line").to_owned())
        .collect();
    assert_eq!(firsts.len(), 3, "{firsts:?}");
    let ends = [
        "<sub>By <code>backfill&#46;yaml</code></sub>",
        "<sub>By <code>other&#46;yaml</code></sub>",
        "<sub>By <code>backfill&#46;yaml</code>, sandbox `dev`</sub>",
    ];
    for (comment, end) in hub.comments().iter().zip(ends) {
        assert!(comment.trim_end().ends_with(end), "{comment}");
    }
}

#[test]
fn of_two_that_were_written_at_once_one_is_left() {
    let hub = Hub::start();
    let workspace = at(&hub, &pull_request());
    comment(&workspace).exits(0);
    let first = hub.comments().concat();
    hub.world()
        .add_comment(NUMBER, "github-actions[bot]", &first);
    hub.changes();
    comment(&workspace).exits(0);
    assert_eq!(
        hub.changes(),
        ["DELETE /repos/team/backfills/issues/comments/2"]
    );
    assert_eq!(hub.comments(), [first]);
}

#[test]
fn an_answer_that_is_lost_writes_no_second_one() {
    for status in [500, 502, 504] {
        let hub = Hub::start();
        hub.world().lost_answers = vec![status];
        comment(&at(&hub, &pull_request())).exits(0);
        assert_eq!(hub.comments().len(), 1);
        assert_eq!(hub.changes().len(), 1);
    }
}

#[test]
fn a_read_that_fails_is_sent_again() {
    let hub = Hub::start();
    hub.world().refusals = vec![502, 503];
    comment(&at(&hub, &pull_request())).exits(0);
    assert_eq!(hub.comments().len(), 1);
}

#[test]
fn from_a_fork_the_plan_is_in_the_summary_and_that_is_no_failure() {
    let hub = Hub::start();
    hub.world().is_read_only = true;
    let workspace = at(&hub, &Event::pull_request(NUMBER, "eve/backfills"));
    let ran = comment(&workspace).exits(0);
    let said = annotations(&ran.stderr);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].name, "notice");
    assert!(said[0].message.contains("fork"), "{said:?}");
    assert!(
        workspace
            .read("summary.md")
            .contains("### backfill plan: 3 to create")
    );
    assert_eq!(hub.comments(), [""; 0]);
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let hub = Hub::start();
    hub.world().is_read_only = true;
    let workspace = at(&hub, &pull_request());
    // The check is about the plan, which stands.
    let ran = comment(&workspace).exits(0);
    let said = annotations(&ran.stderr);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].name, "warning");
    for text in [
        "HTTP 403: Resource not accessible by integration (request id ABCD:1234)",
        "permissions: pull-requests: write",
        "may show the plan of an earlier commit",
    ] {
        assert!(said[0].message.contains(text), "{}", ran.stderr);
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
    // The plan itself is shown all the same.
    assert!(ran.stdout.contains("Plan: 3 to create"), "{}", ran.stdout);
    assert!(
        workspace
            .read("summary.md")
            .contains("### backfill plan: 3 to create")
    );
    hub.world().is_read_only = false;
    let mut workspace = at(&hub, &pull_request());
    workspace.set("GITHUB_TOKEN", "ghs_of_another");
    let ran = comment(&workspace).exits(0);
    assert!(
        ran.stderr.contains("HTTP 401: Bad credentials"),
        "{}",
        ran.stderr
    );
    // GitHub does not say that a permission is missing.
    assert!(!ran.stderr.contains("permissions:"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("ghs_of_another"), "{}", ran.stderr);
}

#[test]
fn where_the_config_breaks_no_plan_of_an_earlier_commit_stays() {
    let hub = Hub::start();
    let workspace = at(&hub, &pull_request());
    comment(&workspace).exits(0);
    workspace.run("plan --comment --sandbox dev").exits(0);
    hub.world().add_comment(NUMBER, "bob", "looks fine");
    workspace.write("backfill.yaml", "version: 1\nstaet: .backfill\n");
    comment(&workspace).exits(3);
    let comments = hub.comments();
    for superseded in &comments[..2] {
        assert!(
            superseded.starts_with("<!-- aep-backfill plan "),
            "{superseded}"
        );
        assert!(superseded.contains("could not do its work"), "{superseded}");
        assert!(superseded.contains("staet"), "{superseded}");
        assert!(!superseded.contains("to create"), "{superseded}");
    }
    assert_eq!(comments[2], "looks fine");
    // Mended, the plan comes back.
    workspace.write("backfill.yaml", "version: 1\nstate: .backfill\n");
    comment(&workspace).exits(0);
    assert!(hub.comments()[0].contains("3 to create"));
    assert_eq!(hub.comments().len(), 3);
}

#[test]
fn a_config_that_is_wrong_from_the_start_is_told_in_a_comment_and_at_its_line() {
    let right = "version: 1\nstate: .backfill\n";
    for (config, line, message) in [
        (
            "version: 1\nstate: .backfill\nstate: .other\n",
            "3",
            "`state` is written twice in one mapping: keep one of the two",
        ),
        (
            "version: 1\nstate: .backfill\nlimits: { perFlow: many }\n",
            "3",
            "expected a whole number, 0 or more",
        ),
        (
            "version: 1\nstate: s3:bucket\n",
            "2",
            "the state cannot be kept in `s3:bucket`",
        ),
        ("state: .backfill\n", "1", "does not say its version"),
    ] {
        let hub = Hub::start();
        let workspace = at(&hub, &pull_request());
        workspace.write("backfill.yaml", config);
        hub.world().changed = Some(vec!["src/main.rs"]);
        comment(&workspace).exits(3);
        assert_eq!(hub.comments(), [""; 0], "it is about something else");

        hub.world().changed = Some(vec!["backfill.yaml"]);
        let ran = comment(&workspace).exits(3);
        let said = annotations(&ran.stderr);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].name, "error");
        assert_eq!(said[0].property("file"), "backfill.yaml");
        assert_eq!(said[0].property("line"), line, "{said:?}");
        assert!(said[0].message.contains(message), "{said:?}");
        let comments = hub.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        assert!(comments[0].starts_with("<!-- aep-backfill plan "));
        assert!(
            comments[0].contains("could not do its work"),
            "{comments:?}"
        );
        // Mended, the comment has the plan, whatever names the sandbox.
        for mended in [right.to_owned(), format!("{right}sandbox: prod\n")] {
            workspace.write("backfill.yaml", &mended);
            comment(&workspace).exits(0);
            let comments = hub.comments();
            assert_eq!(comments.len(), 1, "{comments:?}");
            assert!(comments[0].contains("3 to create"), "{comments:?}");
            workspace.write("backfill.yaml", config);
            comment(&workspace).exits(3);
        }
    }
    // Where the environment names the sandbox, the comment is that one's.
    let hub = Hub::start();
    let mut workspace = at(&hub, &pull_request());
    workspace.set("AEP_SANDBOX_NAME", "prod");
    for (config, code) in [("version: 1\nstaet: x\n", 3), (right, 0)] {
        workspace.write("backfill.yaml", config);
        comment(&workspace).exits(code);
        assert_eq!(hub.comments().len(), 1, "{:?}", hub.comments());
    }
}

#[test]
fn it_says_since_which_commit_and_an_equal_plan_of_another_changes_nothing() {
    let hub = Hub::start();
    let mut event = pull_request();
    let mut workspace = at(&hub, &event);
    workspace.set("GITHUB_SERVER_URL", "https://github.example");
    workspace.set("GITHUB_RUN_ID", "42");
    for commit in [
        "0123456789abcdef0123456789abcdef01234567",
        "fedcba9876543210",
    ] {
        event.payload["pull_request"]["head"]["sha"] = json!(commit);
        workspace.write("event.json", &event.payload.to_string());
        comment(&workspace).exits(0);
    }
    assert_eq!(hub.changes().len(), 1);
    let comment = hub.comments().concat();
    let last = comment.lines().last().expect("a line");
    assert_eq!(
        last,
        "<sub>So since commit <code>0123456</code> \
         ([run](https://github.example/team/backfills/actions/runs/42))</sub>"
    );
}

#[test]
fn what_is_wrong_with_the_plan_does_not_hide_what_is_wrong_with_the_comment() {
    let hub = Hub::start();
    hub.world().refusals = vec![500; 3];
    let workspace = at(&hub, &pull_request());
    workspace.write("manifests/wrong.yaml", "x: 1\n");
    let ran = comment(&workspace).exits(3);
    for text in ["could not comment", "HTTP 500", "in the manifests"] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
}

#[test]
fn where_nothing_says_where_the_state_is_a_job_plans_nothing() {
    let hub = Hub::start();
    let mut workspace = at(&hub, &pull_request());
    workspace.write("backfill.yaml", "version: 1\n");
    let ran = workspace.run("plan").exits(3);
    assert!(
        ran.stderr.contains("state: git:backfill-state"),
        "{}",
        ran.stderr
    );
    workspace.run("plan --state .backfill").exits(0);
    let ran = workspace
        .run("apply --state .backfill --yes --emulator")
        .exits(0);
    assert_eq!(annotations(&ran.stderr), []);
    workspace.sign_in("http://127.0.0.1:9");
    let ran = workspace
        .run("apply --state .backfill --yes --limit 0")
        .exits(0);
    let said = annotations(&ran.stderr);
    assert_eq!(said[0].name, "warning");
    assert!(said[0].message.contains("gone with this job"), "{said:?}");
}

#[test]
fn a_job_about_no_pull_request_says_so() {
    let hub = Hub::start();
    for event in [Event::push("0"), Event::schedule()] {
        let ran = comment(&at(&hub, &event)).exits(0);
        let said = annotations(&ran.stderr);
        assert!(said[0].message.contains("no pull request"), "{said:?}");
    }
    assert_eq!(hub.changes(), [""; 0]);
    // A comment on a pull request may start a job, too.
    let issue = json!({ "number": NUMBER, "pull_request": { "url": "x" } });
    let event = Event {
        name: "issue_comment",
        payload: json!({ "action": "created", "issue": issue }),
        reference: "refs/heads/main".to_owned(),
    };
    comment(&at(&hub, &event)).exits(0);
    assert_eq!(hub.comments().len(), 1);
}

#[test]
fn outside_of_a_job_it_says_what_is_missing() {
    let hub = Hub::start();
    for name in [
        "GITHUB_API_URL",
        "GITHUB_EVENT_PATH",
        "GITHUB_REPOSITORY",
        "GITHUB_TOKEN",
    ] {
        let mut workspace = at(&hub, &pull_request());
        workspace.set(name, "");
        let ran = comment(&workspace).exits(3);
        let said = format!("{name} is not set");
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    }
    let mut workspace = at(&hub, &pull_request());
    workspace.set("GITHUB_API_URL", "http://github.example");
    let ran = comment(&workspace).exits(3);
    assert!(ran.stderr.contains("not an https:// URL"), "{}", ran.stderr);
    assert_eq!(hub.changes(), [""; 0]);
}

#[test]
fn fifty_thousand_runs_are_told_whole_in_the_comment_and_in_the_summary() {
    let hub = Hub::start();
    let workspace = at(&hub, &pull_request());
    std::fs::remove_file(workspace.path().join("manifests/flow-1.yaml")).expect("it was there");
    for n in 0..50 {
        workspace.write(
            &format!("manifests/flow-{n:02}.yaml"),
            &format!(
                "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nreason: a test\nranges:\n\
                 - {{ from: 2020-01-01, to: 2020-02-11T16:00Z, every: 1 hour }}\n",
                crate::support::workspace::flow(n)
            ),
        );
    }
    let output = workspace.path().join("output");
    let mut workspace = workspace;
    workspace.set("GITHUB_OUTPUT", &output.display().to_string());
    comment(&workspace).exits(0);
    let summary = workspace.read("summary.md");
    assert!(summary.len() < 1 << 20, "{}", summary.len());
    let comment = hub.comments().concat();
    assert!(comment.chars().count() < 65_536, "{}", comment.len());
    for text in [&comment, &summary] {
        assert!(text.contains("### backfill plan: 500 to create, 0 unchanged, 49500 held back"));
        assert!(!text.contains("Not listed here"), "something is left out");
        let told: usize = text
            .lines()
            .filter(|line| line.starts_with(['+', '~']))
            // Windows that follow each other, or a run by itself.
            .map(|line| match line[2..].split_once(" × ") {
                Some((runs, _)) => runs.trim().parse().expect("a number"),
                None => 1,
            })
            .sum();
        assert_eq!(told, 50_000);
        for n in 0..50 {
            assert!(
                text.contains(&format!("manifests/flow-{n:02}.yaml:7")),
                "{n}"
            );
        }
    }
}

#[test]
fn with_the_token_of_an_app_it_is_the_apps_whether_or_not_the_app_can_be_asked_for() {
    for is_without_graphql in [false, true] {
        let hub = Hub::start();
        {
            let mut world = hub.world();
            world.app = Some("acme-data[bot]");
            world.is_without_graphql = is_without_graphql;
            world.add_comment(NUMBER, "eve", &format!("{}\n### a plan of eve", marker()));
        }
        let workspace = at(&hub, &pull_request());
        comment(&workspace).exits(0);
        workspace.manifest(1, 4, false);
        comment(&workspace).exits(0);
        workspace.write("backfill.yaml", "version: 1\nstaet: .backfill\n");
        comment(&workspace).exits(3);
        let comments = hub.comments();
        assert_eq!(comments.len(), 2, "{comments:?}");
        assert!(comments[0].ends_with("a plan of eve"), "{}", comments[0]);
        assert!(
            comments[1].contains("could not do its work"),
            "{}",
            comments[1]
        );
        assert!(!comments[1].contains("to create"), "{}", comments[1]);
    }
}

#[test]
fn a_conversation_that_is_locked_is_no_mistake_of_the_plan() {
    let hub = Hub::start();
    hub.world().closed = Some((403, "Unable to create comment because issue is locked."));
    let workspace = at(&hub, &pull_request());
    let ran = comment(&workspace).exits(0);
    let found = annotations(&ran.stderr);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].name, "notice");
    assert!(
        found[0].message.contains("is locked"),
        "{}",
        found[0].message
    );
    assert!(
        !ran.stderr.contains("pull-requests: write"),
        "{}",
        ran.stderr
    );
    // A broken config is still the mistake that it is.
    workspace.write("backfill.yaml", "version: 1\nstaet: .backfill\n");
    let ran = comment(&workspace).exits(3);
    assert!(
        !ran.stderr.contains("comment on the pull request"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_sandbox_that_the_config_names_no_longer_leaves_no_plan_behind() {
    let hub = Hub::start();
    let workspace = at(&hub, &pull_request());
    let config = |sandbox: &str| {
        let text = format!("version: 1\nstate: .backfill\nsandbox: {sandbox}\n");
        workspace.write("backfill.yaml", &text);
    };
    config("stage");
    comment(&workspace).exits(0);
    // A job of its own, beside it.
    workspace.run("plan --comment --sandbox dev").exits(0);
    config("next");
    comment(&workspace).exits(0);
    let comments = hub.comments();
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[0].contains("sandbox `dev`"), "{}", comments[0]);
    assert!(comments[1].contains("sandbox `next`"), "{}", comments[1]);
}

#[test]
fn a_pull_request_that_changes_nothing_of_it_gets_no_comment_and_one_that_did_is_kept_up_to_date() {
    let hub = Hub::start();
    hub.world().changed = Some(vec!["src/main.rs", "manifests-old/a.yaml"]);
    let workspace = at(&hub, &pull_request());
    comment(&workspace).exits(0);
    assert_eq!(hub.changes(), [""; 0]);
    for about in [
        "manifests/deep/a.yaml",
        "backfill.yaml",
        ".github/workflows/plan.yml",
    ] {
        let hub = Hub::start();
        hub.world().changed = Some(vec!["src/main.rs", about]);
        comment(&at(&hub, &pull_request())).exits(0);
        assert_eq!(hub.comments().len(), 1, "{about}");
    }
    // What it wanted is taken out of the pull request again.
    hub.world().changed = None;
    comment(&workspace).exits(0);
    assert!(hub.comments()[0].contains("3 to create"));
    hub.world().changed = Some(vec!["src/main.rs"]);
    workspace.manifest(1, 2, false);
    comment(&workspace).exits(0);
    assert!(
        hub.comments()[0].contains("2 to create"),
        "{}",
        hub.comments()[0]
    );
}

#[test]
fn a_pull_request_that_takes_the_last_manifest_away_updates_its_comment_and_is_no_failure() {
    let hub = Hub::start();
    let workspace = at(&hub, &pull_request());
    comment(&workspace).exits(0);
    assert!(hub.comments()[0].contains("3 to create"));
    let manifests = workspace.path().join("manifests");
    std::fs::remove_dir_all(&manifests).expect("it is there");
    let ran = comment(&workspace).exits(0);
    assert!(
        ran.stderr
            .contains("`manifests` does not exist: nothing is wanted"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("::warning"), "{}", ran.stderr);
    assert!(
        hub.comments()[0].contains("0 to create"),
        "{}",
        hub.comments()[0]
    );
    std::fs::create_dir(&manifests).expect("there was room");
    comment(&workspace).exits(0);
    workspace.run("plan").exits(0);
    // What is not there where a person says is a slip.
    workspace.run("plan --comment manifests").exits(3);
    assert!(
        hub.comments()[0].contains("holds no manifest"),
        "{}",
        hub.comments()[0]
    );
}

#[test]
fn a_pull_request_of_a_repository_without_manifests_is_not_kept_from_merging() {
    let hub = Hub::start();
    hub.world().changed = Some(vec!["src/main.rs"]);
    let workspace = at(&hub, &pull_request());
    std::fs::remove_dir_all(workspace.path().join("manifests")).expect("it is there");
    comment(&workspace).exits(0);
    assert_eq!(hub.changes(), [""; 0]);
}
