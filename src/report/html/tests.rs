use std::sync::Arc;

use serde_json::Value;

use super::document::hash;
use super::*;
use crate::fixture::{at, desired, flow};
use crate::plan::diff;
use crate::reconcile::status::{RunListing, StatusRow};
use crate::report::FailureView;
use crate::report::ProblemCounts;
use crate::run::{Counted, DesiredRun, Request, Rerun, RunIdentity, RunStatus, UnixSeconds};
use crate::state::{Entry, Evidence, LastSeen};

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{2028}&\"'`";
/// 2022-01-01.
const START: i64 = 1_640_995_200;

/// So many windows of an hour, all of a flow and a manifest of this name.
fn hours(number: i64, name: &str) -> Vec<DesiredRun> {
    let at = |hour: i64| UnixSeconds::new(START + hour * 3_600).expect("in range");
    let flow = Arc::new(flow());
    let run = |hour| RunIdentity {
        flow: Arc::clone(&flow),
        window: Window::new(at(hour), at(hour + 1)).expect("a window"),
        rerun: Rerun::FIRST,
    };
    let request = Arc::new(Request {
        manifest: name.into(),
        name: name.into(),
        ..Request::clone(&desired(run(0)).request)
    });
    (0..number)
        .map(|hour| DesiredRun {
            request: Arc::clone(&request),
            ..desired(run(hour))
        })
        .collect()
}

fn seen(n: i64, status: RunStatus, message: &str) -> LastSeen {
    LastSeen {
        status,
        records: RecordCounts {
            input: Some(123_456),
            output: Some(123_000 + n.unsigned_abs() % 400),
            failed: Some(n.unsigned_abs() % 3),
        },
        bytes: ByteCounts::default(),
        started_at: Some(at(1_700_000_000 + n)),
        updated_at: None,
        ended_at: Some(at(1_700_000_060 + n * 7)),
        code: Some("CONNECTOR-2001-500".into()),
        message: Some(message.into()),
        at: at(1_700_001_000),
    }
}

/// A state in which these exist, each as `last` says.
fn state(runs: &[DesiredRun], last: impl Fn(i64) -> LastSeen) -> State {
    let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
    for (n, run) in (0..).zip(runs) {
        let run_id = format!("{n:08x}-93e1-4b58-8d5c-0c7f1e2d3a4b");
        let run_id: crate::run::RunId = run_id.parse().expect("an id");
        let adopted = Entry::Adopted {
            run: (&run.identity).into(),
            run_id: run_id.clone(),
            evidence: Evidence::Params,
            at: at(1_700_000_000),
        };
        let seen = Entry::Seen {
            run: (&run.identity).into(),
            run_id,
            seen: last(n),
            etag: None,
        };
        for entry in [adopted, seen] {
            state.fold(entry).expect("a legal step");
        }
    }
    state
}

fn page_of(plan: &Plan, state: &State) -> String {
    page(&PageSource {
        verb: "plan",
        plan,
        state: Some(state),
        forecast: None,
        status: None,
        blocked: &[],
        applied: None,
        now: at(1_700_000_100),
    })
}

/// The text of the element that begins with `begin`.
fn element<'p>(page: &'p str, begin: &str, end: &str) -> &'p str {
    let (_, after) = page.split_once(begin).expect(begin);
    after.split_once(end).expect(end).0
}

fn data_of(page: &str) -> Value {
    let json = element(
        page,
        "<script id=\"data\" type=\"application/json\">",
        "</script>",
    );
    serde_json::from_str(json).expect("the data is JSON")
}

#[test]
fn nothing_from_outside_leaves_its_place() {
    let runs = hours(3, HOSTILE);
    let last = |n| {
        let status = [
            RunStatus::Failed,
            RunStatus::Unknown(HOSTILE.into()),
            RunStatus::Partial,
        ];
        let mut seen = seen(
            n,
            status[usize::try_from(n).expect("small")].clone(),
            HOSTILE,
        );
        seen.code = Some(HOSTILE.into());
        seen
    };
    let state = state(&runs, last);
    let page = page_of(&diff(runs, Some(&state)), &state);
    assert!(!page.contains("<img"), "an element came of a name");
    assert_eq!(page.matches("<script").count(), 2, "the data and our own");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains('\u{2028}'));
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
    let json = element(
        &page,
        "<script id=\"data\" type=\"application/json\">",
        "</script>",
    );
    assert!(!json.contains(['<', '>', '&']), "{json}");
    let flow = &data_of(&page)["flows"][0][0];
    // As it is, but for what hides.
    assert_eq!(flow, &HOSTILE.replace('\u{2028}', "\\u{2028}"));
}

#[test]
fn the_policy_lets_nothing_act_but_the_style_and_the_script_of_the_page() {
    let runs = hours(2, "flow");
    let state = state(&[], |n| seen(n, RunStatus::Success, ""));
    let page = page_of(&diff(runs, Some(&state)), &state);
    let style = element(&page, "<style>", "</style>");
    let script = element(&page, "<script>", "</script>");
    assert!(style.len() > 1_000 && script.len() > 1_000);
    let policy = format!(
        "content=\"default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'\"",
        hash(style),
        hash(script)
    );
    assert!(page.contains(&policy), "{policy}");
    for word in [
        "http://",
        "https://",
        "url(",
        "@import",
        " style=",
        " onclick",
        "innerHTML",
    ] {
        let without_names = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!without_names.contains(word), "{word}");
    }
}

#[test]
fn a_page_of_50_000_windows_is_below_8_mb() {
    let runs = hours(50_000, "flow");
    // Each has said something else.
    let last = |n: i64| {
        let message = format!("Error {n} occurred while copying data: {}", "x".repeat(250));
        seen(n, RunStatus::Partial, &message)
    };
    let state = state(&runs, last);
    let page = page_of(&diff(runs, Some(&state)), &state);
    assert!(page.len() < 8_000_000, "{} bytes", page.len());
    assert!(
        page.len() > 4_000_000,
        "{} bytes: where are the details?",
        page.len()
    );
    let data = data_of(&page);
    assert_eq!(
        data["columns"]["runId"].as_array().map(Vec::len),
        Some(50_000)
    );
    assert_eq!(
        data["columns"]["length"],
        serde_json::json!({ "repeat": [[3_600, 50_000]] })
    );
}

#[test]
fn a_flow_that_cannot_be_sent_to_needs_a_person_and_what_is_done_of_it_does_not() {
    let runs = hours(4, "orders");
    let state = state(&runs[..1], |n| seen(n, RunStatus::Success, ""));
    let plan = diff(runs, Some(&state));
    let blocked = [BlockedFlow {
        flow: flow(),
        name: "orders".into(),
        runs: 3,
        reason: crate::reconcile::Blocked::Disabled("disabled".into()),
    }];
    let facts = Facts::new(Some(&state), None, None, at(0)).with_blocked(&blocked);
    let windows = facts.windows(&plan);
    let problems = problems::problems(&windows);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].status, WindowStatus::Blocked);
    assert_eq!(problems[0].number, 3);
    assert_eq!(problems[0].note, "the flow is disabled; enable it first");
    assert_eq!(windows[0].status, WindowStatus::Success);
}

#[test]
fn what_a_list_has_just_said_counts_more_than_what_was_recorded() {
    let runs = hours(3, "flow");
    let state = state(&runs, |n| seen(n, RunStatus::InProgress, ""));
    let row = |run: &DesiredRun, seen| StatusRow {
        identity: run.identity.clone(),
        key: run.key(),
        name: "flow".into(),
        run_id: state
            .get(&run.identity)
            .and_then(|it| it.fate.run_id().cloned()),
        attempt: 1,
        seen,
    };
    let mut listed = crate::fixture::run("a", crate::api::WindowEvidence::Missing, 0, "us");
    listed.status = RunStatus::Success;
    let status = Status {
        rows: vec![
            row(&runs[0], RunListing::Run(Box::new(listed))),
            row(&runs[1], RunListing::NotListed),
            row(&runs[2], RunListing::NotRead),
        ],
        ..Status::default()
    };
    let plan = diff(runs, Some(&state));
    let facts = Facts::new(Some(&state), Some(&status), None, at(1_700_000_100));
    let statuses: Vec<WindowStatus> = facts.windows(&plan).iter().map(|it| it.status).collect();
    assert_eq!(
        statuses,
        [
            WindowStatus::Success,
            WindowStatus::NotListed,
            WindowStatus::InProgress
        ]
    );
}

#[test]
fn a_failure_says_what_went_wrong_without_a_script() {
    let page = failure_page(
        FailureView {
            verb: "plan",
            message: "2 errors in the manifests\n<b>second</b>",
            details: &["a <detail>".to_owned()],
            hints: &["try `backfill validate`".to_owned()],
            problems: &[],
            unlisted: ProblemCounts::default(),
        },
        at(1_700_000_000),
    );
    for text in [
        "<h1>backfill plan could not do its work</h1>",
        "&lt;b&gt;second&lt;/b&gt;",
        "a &lt;detail&gt;",
        "try <code>backfill validate</code>",
        "script-src 'none'",
        "2023-11-14 22:13 UTC",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    assert!(!page.contains("<script"));
}

#[test]
fn the_script_finds_what_it_looks_for_and_each_status_has_its_looks() {
    let runs = hours(1, "flow");
    let state = state(&runs, |n| seen(n, RunStatus::Failed, "no"));
    let page = page_of(&diff(runs, Some(&state)), &state);
    let mut asked = 0;
    for part in page.split("by(\"").skip(1) {
        let (id, _) = part.split_once('"').expect("an id ends");
        asked += 1;
        let is_there = page.contains(&format!(" id=\"{id}\""));
        let is_made = page.contains(&format!("{{ id: \"{id}\""));
        assert!(is_there || is_made, "{id}");
    }
    assert!(asked > 20, "only {asked} were seen");
    for status in WindowStatus::ALL {
        let status = *status;
        let class = format!(".s-{}", status.word());
        let looks = page.split(&class).skip(1);
        let is_there = looks.into_iter().any(|after| after.starts_with([' ', ',']));
        assert!(is_there, "{class}");
    }
}

#[test]
fn windows_that_share_a_code_are_one_reason_told_by_stretches() {
    let runs = hours(10, "flow");
    let last = |n| match n {
        5 => seen(n, RunStatus::Success, ""),
        9 => seen(n, RunStatus::Partial, "some"),
        _ => seen(n, RunStatus::Failed, if n == 0 { "first" } else { "other" }),
    };
    let state = state(&runs, last);
    let plan = diff(runs, Some(&state));
    let windows = Facts::new(Some(&state), None, None, at(0)).windows(&plan);
    let problems = problems(&windows);
    let told: Vec<_> = problems
        .iter()
        .map(|it| (it.status, it.number, it.note))
        .collect();
    assert_eq!(
        told,
        [
            (WindowStatus::Failed, 8, "first"),
            (WindowStatus::Partial, 1, "some")
        ]
    );
    assert!(problems[0].has_other_notes && !problems[1].has_other_notes);
    let stretches: Vec<String> = problems[0].flows[0].told().collect();
    assert_eq!(
        stretches,
        [
            "[2022-01-01 00:00, 05:00) · 5 windows",
            "[2022-01-01 06:00, 09:00) · 3 windows"
        ]
    );
}
