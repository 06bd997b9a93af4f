//! The whole story, from an empty repository to a job that was cancelled and run again.

use crate::support::emulated::{Emulated, assert_each_once, wait_for_creates};
use crate::support::git::git;
use crate::support::workspace::{Workspace, flow};

use super::hub::Hub;
use super::job::{Cancel, Event, Job, Ran, Repository, publish};
use super::log::annotations;

/// Fast, but not so fast that a job cannot be cancelled half-way.
const CONFIG: &str = "limits: { rate: 10/s }\nlease: 10 seconds\nsettleDelay: 2 seconds\n";
const NUMBER: u64 = 7;

/// A team's repository on GitHub, and the service that its jobs talk to.
pub(super) struct Team {
    pub(super) hub: Hub,
    pub(super) service: Emulated,
    pub(super) repository: Repository,
}

impl Team {
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// The same, with a service that behaves so.
    fn with(scenario: &str) -> Self {
        let hub = Hub::start();
        publish(&hub);
        let flows = Workspace::new();
        for n in 0..3 {
            flows.manifest(n, 1, n % 2 == 0);
        }
        Self {
            service: Emulated::start(&flows, scenario),
            repository: Repository::new(CONFIG),
            hub,
        }
    }

    /// Writes the manifest of the `n`-th flow: so many days from 2022 on.
    pub(super) fn want(&self, n: usize, to: &str) {
        self.repository
            .write(&format!("manifests/flow-{n}.yaml"), &manifest(n, to));
    }

    pub(super) fn job(&self, workflow: &'static str, event: Event, sha: &str) -> Job<'_> {
        let url = &self.service.url;
        Job {
            repository: &self.repository,
            hub: &self.hub,
            workflow,
            event,
            sha: sha.to_owned(),
            attempt: 1,
            machine: vec![
                ("AEP_ENDPOINT", url.clone()),
                ("AEP_IMS_ENDPOINT", url.clone()),
            ],
        }
    }

    fn plan(&self, sha: &str) -> Ran {
        let event = Event::pull_request(NUMBER, super::hub::REPOSITORY);
        self.job("plan", event, sha).run()
    }

    fn apply(&self, sha: &str) -> Job<'_> {
        self.job("apply", Event::push(sha), sha)
    }

    /// The one comment there is.
    #[track_caller]
    fn comment(&self) -> String {
        let comments = self.hub.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        comments.concat()
    }

    /// How many runs the state on the branch has.
    fn recorded(&self) -> usize {
        let state = git(&self.repository.bare(), "show backfill-state:state.jsonl");
        state.lines().count() - 1
    }
}

fn manifest(n: usize, to: &str) -> String {
    let source = if n.is_multiple_of(2) {
        "source: table\ndeltaColumn: { name: updatedAt }"
    } else {
        "source: file"
    };
    format!(
        "version: 1\nflowId: {}\n{source}\nreason: Restated after the migration\n\
         ranges:\n  - from: 2022-01-01\n    to: {to}\n    every: 1 day\n",
        flow(n)
    )
}

#[test]
fn from_a_branch_with_a_manifest_to_a_job_that_was_cancelled_and_run_again() {
    let team = Team::new();
    reviewed(&team);
    merged(&team);
    cancelled_and_run_again(&team);
}

#[test]
fn a_scheduled_job_runs_failed_runs_again_and_waits_until_the_data_is_there() {
    let team = Team::with(
        "scheduledFor: 0.2\nrunsFor: 0.3\noutcomesExact: true\nbadAttempts: 1\n\
         outcomes: { success: 3, failed: 2 }\n",
    );
    team.want(1, "2022-01-06");
    let sha = team.repository.commit("main", "five days");
    let ran = team.apply(&sha).run().exits(0);
    assert_eq!(ran.output("created_count"), "5");

    let follow = || team.job("follow", Event::schedule(), &sha).run();
    // What was not over when the job began is waited for; what had failed is run again.
    let mut retried = 0;
    for nights in 0.. {
        assert!(nights < 4, "it does not end");
        let ran = follow();
        let number = |name| ran.output(name).parse::<usize>().expect("a number");
        retried += number("retried_count");
        assert!(
            ran.summary.contains("### backfill retry: "),
            "{}",
            ran.summary
        );
        if ran.output("exit_code") == "0" {
            assert_eq!((number("failed_count"), number("unfinished_count")), (0, 0));
            let page = &ran.artifacts["backfill-status-1.html"];
            assert!(
                page.contains("<h1>Finished: the data of all 5 windows is there</h1>"),
                "{page}"
            );
            break;
        }
        // Those that were waited for have failed, and are run again the next time.
        assert_eq!(ran.output("exit_code"), "5", "{}", ran.log);
        // One that had failed before the job began was run again at once.
        assert!((1..=2).contains(&number("failed_count")), "{}", ran.log);
    }
    assert_eq!(retried, 2);
    assert_eq!(team.service.ledger().ends["success"], 5);
    assert_eq!(team.recorded(), 5);
}

/// A branch adds a manifest, and a mistake that is mended.
fn reviewed(team: &Team) {
    // A branch adds a manifest: the plan is a comment, and nothing is sent.
    team.want(0, "2022-01-06");
    let sha = team.repository.commit("accounts", "add accounts");
    let ran = team.plan(&sha).exits(0);
    assert_eq!(annotations(&ran.log), []);
    let comment = team.comment();
    assert!(comment.starts_with("<!-- aep-backfill plan "), "{comment}");
    assert!(
        comment.contains("\n### backfill plan: 5 to create, 0 unchanged\n"),
        "{comment}"
    );
    assert!(ran.summary.contains("### backfill plan: 5 to create"));
    assert_eq!(ran.output("has_changes"), "true");
    assert_eq!(ran.output("create_count"), "5");
    assert_eq!(ran.output("created_count"), "");
    assert_eq!(ran.output("exit_code"), "0");
    assert_eq!(ran.output("plan_digest").len(), 64);
    assert!(comment.contains(ran.output("plan_digest")));
    assert_eq!(
        team.hub.changes(),
        ["POST /repos/team/backfills/issues/7/comments"]
    );

    // Once more, and nothing new: the comment is not touched.
    team.plan(&sha).exits(0);
    assert_eq!(team.hub.changes(), [""; 0]);

    // A mistake is shown on its line, and in place of the plan that no longer holds.
    let wrong = manifest(0, "2022-01-06").replace("every: 1 day", "every: 1 dya");
    team.repository.write("manifests/flow-0.yaml", &wrong);
    let sha = team.repository.commit("accounts", "a slip");
    let ran = team.plan(&sha).exits(3);
    let found = annotations(&ran.log);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].name, "error");
    assert_eq!(found[0].property("file"), "manifests/flow-0.yaml");
    assert_eq!(found[0].property("line"), "9");
    assert!(
        found[0].message.contains("`1 dya` is not a length of time"),
        "{found:?}"
    );
    let comment = team.comment();
    assert!(comment.contains("could not do its work"), "{comment}");
    assert!(comment.contains("manifests/flow-0.yaml:9"), "{comment}");
    assert!(!comment.contains("to create"), "{comment}");
    assert_eq!(ran.output("exit_code"), "3");

    // Mended, it is a plan again, in the same comment.
    team.want(0, "2022-01-06");
    let sha = team.repository.commit("accounts", "mended");
    team.plan(&sha).exits(0);
    assert!(team.comment().contains("### backfill plan: 5 to create"));
    assert_eq!(team.service.ledger().creates, 0);
}

/// Two merges, each of which creates what is new.
fn merged(team: &Team) {
    // Merged: the runs are created, and the state is on its branch.
    let sha = team.repository.commit("main", "merge accounts");
    let ran = team.apply(&sha).run().exits(0);
    assert_each_once(&team.service, 5);
    assert_eq!(team.recorded(), 5);
    assert_eq!(ran.output("created_count"), "5");
    assert_eq!(ran.output("remaining_count"), "0");
    assert!(
        ran.summary
            .contains("### backfill apply: Done: 5 created\n"),
        "{}",
        ran.summary
    );
    assert!(ran.log.contains("::group::The plan"), "{}", ran.log);
    let report = &ran.artifacts["backfill-apply-1"];
    assert!(report.contains("\"created\": 5"), "{report}");
    let page = &ran.artifacts["backfill-apply-1.html"];
    assert!(page.contains("windows are done</h1>"), "{page}");
    assert_eq!(
        ran.output("report_path").split('/').next_back(),
        Some("backfill-apply.json")
    );

    // A second merge creates what is new, and nothing else.
    team.want(0, "2022-01-08");
    team.want(1, "2022-01-04");
    let sha = team.repository.commit("main", "more days");
    let ran = team.apply(&sha).run().exits(0);
    assert_eq!(ran.output("create_count"), "5");
    assert_eq!(ran.output("created_count"), "5");
    assert_each_once(&team.service, 10);
}

/// A third merge, whose job is cancelled half-way, and run again when `main` has gone on.
fn cancelled_and_run_again(team: &Team) {
    // The third is cancelled half-way.
    team.want(1, "2022-02-20");
    team.want(2, "2022-02-20");
    let old = team.repository.commit("main", "many days");
    let half = || wait_for_creates(&team.service, 40);
    let ran = team.apply(&old).run_until(&Cancel::When(&half)).exits(130);
    assert!(ran.stopped_after.as_secs() < 10, "{:?}", ran.stopped_after);
    let created = usize::try_from(team.service.ledger().creates).expect("few");
    assert!((40..107).contains(&created), "{created}");
    assert!(
        ran.summary.contains("### backfill apply: Interrupted: "),
        "{}",
        ran.summary
    );
    assert_eq!(ran.output("exit_code"), "130");
    assert!(ran.artifacts["backfill-apply-1"].contains("\"interrupted\""));

    // Meanwhile there is a newer commit; the job of the old one is run again.
    team.repository.write("README.md", "ours\n");
    team.repository.commit("main", "a newer commit");
    let again = Job {
        attempt: 2,
        ..team.apply(&old)
    };
    let ran = again.run().exits(0);
    let rest = (107 - created).to_string();
    assert_eq!(ran.output("created_count"), rest);
    assert_each_once(&team.service, 107);
    assert_eq!(team.recorded(), 107);
    assert!(ran.artifacts.contains_key("backfill-apply-2"));

    // The branch's plan has nothing to do any more.
    let ran = team.plan(&old).exits(0);
    assert_eq!(ran.output("has_changes"), "false");
    assert!(
        team.comment()
            .contains("### backfill plan: 0 to create, 107 unchanged")
    );
}

#[test]
fn a_machine_that_is_lost_holds_the_next_job_up_and_doubles_nothing() {
    let team = Team::new();
    team.want(0, "2022-02-01");
    team.want(1, "2022-02-01");
    let sha = team.repository.commit("main", "two months");
    let half = || wait_for_creates(&team.service, 20);
    let ran = team.apply(&sha).run_until(&Cancel::LostWhen(&half));
    assert_eq!(ran.code, None);
    assert_eq!(ran.summary, "");

    // Nobody runs it again; by night the schedule does, and waits for what is left of the lease.
    let ran = team.job("apply", Event::schedule(), &sha).run().exits(0);
    assert!(ran.log.contains("taken over"), "{}", ran.log);
    assert_each_once(&team.service, 62);
    assert_eq!(team.recorded(), 62);
    let ran = team.job("apply", Event::schedule(), &sha).run().exits(0);
    assert!(
        ran.log.contains("Nothing to do: 0 created, 62 unchanged."),
        "{}",
        ran.log
    );
}
