//! Plans of model worlds as people see them: text and Markdown.

use std::sync::Arc;

use insta::assert_snapshot;
use jiff::Timestamp;
use uuid::Uuid;

use super::Layout;
use super::plan::PlanView;
use super::view::View;
use crate::plan::{Action, Limit, Plan, Selection, diff};
use crate::run::{
    DesiredRun, FlowRef, Order, Request, Rerun, RunIdentity, Source, UnixSeconds, Window,
};
use crate::state::{ClockedTime, Doubt, Entry, Refusal, State};

/// What a comment has room for.
const MOST: usize = 60_000;
const DAY: i64 = 86_400;
/// 2022-01-01.
const START: i64 = 1_640_995_200;

const HOSTILE: &str =
    "a|b\\|c `d` <script>alert(1)</script>\n@octocat [x](http://evil) www.evil.com #1 </code>";

/// Windows of whole days of a flow, counted from 2022-01-01.
fn days(flow: usize, name: &str, days: std::ops::Range<i64>) -> Vec<DesiredRun> {
    let request = Arc::new(Request {
        manifest: format!("manifests/{name}.yaml").into(),
        name: name.into(),
        source: Arc::new(Source::File),
        overlap_allowed: false,
        order: Order::default(),
        paused: None,
        max_active_runs: None,
    });
    days.map(|day| DesiredRun {
        identity: identity(flow, day, day + 1),
        start_time: None,
        request: Arc::clone(&request),
        line: 7,
    })
    .collect()
}

fn identity(flow: usize, from: i64, to: i64) -> RunIdentity {
    let at = |day| UnixSeconds::new(START + day * DAY).expect("in range");
    RunIdentity {
        flow: FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: format!("00000000-0000-4000-8000-{flow:012x}")
                .parse()
                .expect("a flow"),
        }
        .into(),
        window: Window::new(at(from), at(to)).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

/// A state in which flow 1 has 3 days done, one rejected, one in doubt, and a week in January done.
fn state() -> State {
    let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
    let at: Timestamp = "2026-11-23T10:00:00Z".parse().expect("a time");
    let moment = ClockedTime {
        local: Some(at),
        service: None,
    };
    let mut intend = |run: &RunIdentity, then: Option<Entry>| {
        let intent = Entry::Intent {
            run: run.into(),
            at: moment,
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        };
        for entry in [Some(intent), then].into_iter().flatten() {
            state.fold(entry).expect("a legal step");
        }
    };
    let done = [(0, 1), (1, 2), (2, 3), (20, 27)].map(|(from, to)| identity(1, from, to));
    for run in &done {
        let created = Entry::Created {
            key: run.key(),
            run_id: format!("run-{}", run.key().short()).parse().expect("an id"),
            etag: None,
            at,
        };
        intend(run, Some(created));
    }
    let rejected = identity(1, 3, 4);
    let refusal = Refusal {
        status: 400,
        code: Some("FLOW-1430-400".into()),
        message: "no <b>delta</b> column".into(),
        request_id: Some("abc".into()),
    };
    let key = rejected.key();
    intend(&rejected, Some(Entry::Rejected { key, refusal, at }));
    let doubted = identity(1, 4, 5);
    let Doubt { reason, at } = Doubt {
        reason: "the answer was HTTP 504".to_owned(),
        at: moment,
    };
    let key = doubted.key();
    intend(&doubted, Some(Entry::Doubt { key, reason, at }));
    state
}

/// Every state of a bar at once.
fn varied() -> Plan {
    let runs = [
        days(1, "crm", 0..8),
        days(1, "crm", 10..18),
        days(1, "crm", 26..30),
        days(2, "loyalty", 0..1),
    ]
    .concat();
    diff(runs, Some(&state())).select(&Selection {
        limit: Some(Limit::NewRunsPerApply(13)),
        ..Selection::default()
    })
}

fn plan_markdown(plan: &Plan, most: usize) -> String {
    PlanView::of(plan, None)
        .markdown(most)
        .expect("a plan has one")
}

fn text(plan: &Plan, layout: Layout) -> String {
    let mut out = Vec::new();
    let view = PlanView::of(plan, None);
    view.write_text(&mut out, layout).expect("memory takes it");
    String::from_utf8(out).expect("it is text")
}

#[test]
fn a_plan_in_80_columns() {
    let plan = varied();
    let shown = text(
        &plan,
        Layout {
            verbose: false,
            width: Some(80),
            ..Layout::default()
        },
    );
    assert!(shown.lines().all(|line| line.chars().count() <= 80));
    assert_snapshot!(shown, @"
    Plan: 1 in conflict, 13 to create, 3 unchanged, 1 in doubt, to be settled, 3
          held back by a limit, 1 no longer in a manifest.
    Nothing is sent until the windows in conflict are changed, or their manifest
      says `overlap: allow`.
    Warning: 3 held back by limits.newRunsPerApply (13) until the next apply; to
             create more at a time, raise it in backfill.yaml, or once with
             --max-new.
    Windows are [start, end) in UTC: the end is exclusive.
    Bars: = done  + new  ~ held back  ? in doubt  ! conflict  - done, in no manifest
          . gap

    crm  prod  00000000-0000-4000-8000-000000000001  (files)
      [========~~???+++++++......+++++++++++++++++++......--------------!!!!++~~~~~)
      2022-01-01                                                          2022-01-31
      1 in conflict, 12 to create, 3 unchanged, 1 in doubt, to be settled, 3 held
        back by a limit
      2 gaps, the longest [2022-01-09, 2022-01-11)
      ? 561babee384e  [2022-01-05, 2022-01-06)  manifests/crm.yaml:7
          in doubt since 2026-11-23T10:00:00Z: the answer was HTTP 504
          looked for before anything is sent
      + 3 × 1 day     [2022-01-06, 2022-01-09)  manifests/crm.yaml:7
      + 8 × 1 day     [2022-01-11, 2022-01-19)  manifests/crm.yaml:7
      ! 1da3108b8f70  [2022-01-27, 2022-01-28)  manifests/crm.yaml:7
          overlaps [2022-01-21, 2022-01-28) of key ca5e2f0e6a95
          run run-ca5e2f0e6a95, created 2026-11-23T10:00:00Z
      + aed3355165d3  [2022-01-28, 2022-01-29)  manifests/crm.yaml:7

    loyalty  prod  00000000-0000-4000-8000-000000000002  (files)
      [++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++)
      2022-01-01                                                          2022-01-02
      1 to create
      + 0e3ba89a459d  [2022-01-01, 2022-01-02)  manifests/loyalty.yaml:7

    1 run in the state, but in no manifest (nothing is done about that):
      ca5e2f0e6a95  00000000-0000-4000-8000-000000000001  [2022-01-21, 2022-01-28)
          run run-ca5e2f0e6a95, created 2026-11-23T10:00:00Z
    ");
}

#[test]
fn what_needs_attention_is_not_left_out() {
    // Every other day: no two follow each other.
    let mut runs: Vec<_> = days(1, "crm", 0..400).into_iter().step_by(2).collect();
    runs.extend(days(2, "loyalty", 0..1));
    let shown = text(
        &diff(runs, Some(&state())),
        Layout {
            verbose: false,
            width: Some(80),
            ..Layout::default()
        },
    );
    let in_conflict = shown.lines().filter(|line| line.starts_with("  ! "));
    assert_eq!(in_conflict.count(), 4, "{shown}");
    assert!(shown.contains("    … 5 more\n"), "{shown}");
    assert!(
        shown.contains("    … 185 more, shown by --verbose\n"),
        "{shown}"
    );
}

#[test]
fn windows_that_follow_each_other_are_one_line_unless_each_is_asked_for() {
    let plan = diff(days(1, "crm", 0..400), Some(&state()));
    let layout = |verbose| Layout {
        verbose,
        width: Some(80),
        ..Layout::default()
    };
    let shown = text(&plan, layout(false));
    let lines: Vec<&str> = shown
        .lines()
        .filter(|line| line.contains("  [20") && line.contains("crm.yaml"))
        .collect();
    assert_eq!(
        lines,
        [
            "  x ebf151fae2fb  [2022-01-04, 2022-01-05)  manifests/crm.yaml:7",
            "  ? 561babee384e  [2022-01-05, 2022-01-06)  manifests/crm.yaml:7",
            "  + 15 × 1 day    [2022-01-06, 2022-01-21)  manifests/crm.yaml:7",
            "  ! 7 × 1 day     [2022-01-21, 2022-01-28)  manifests/crm.yaml:7",
            "  + 373 × 1 day   [2022-01-28, 2023-02-05)  manifests/crm.yaml:7",
        ]
    );
    let each = text(&plan, layout(true));
    let runs = each.lines().filter(|line| line.contains("crm.yaml"));
    assert_eq!(runs.count(), 400);
}

#[test]
fn reruns_other_lengths_and_two_in_a_row_are_told_one_by_one() {
    let mut runs = days(1, "crm", 0..2);
    runs.extend(days(1, "crm", 5..9));
    runs[3].identity.rerun = Rerun::new(2).expect("a rerun");
    runs.extend(days(1, "crm", 10..13));
    runs[7].identity.window = identity(1, 11, 14).window;
    runs.truncate(8);
    let layout = Layout {
        verbose: false,
        width: Some(80),
        ..Layout::default()
    };
    let shown = text(&diff(runs, None), layout);
    assert!(!shown.contains(" × "), "{shown}");
}

#[test]
fn many_flows_are_counted_beyond_those_that_need_attention() {
    let mut runs: Vec<_> = (2..102).flat_map(|n| days(n, "quiet", 0..2)).collect();
    runs.extend(days(1, "crm", 3..5));
    let plan = diff(runs, Some(&state()));
    let layout = |verbose| Layout {
        verbose,
        width: Some(80),
        ..Layout::default()
    };
    let shown = text(&plan, layout(false));
    assert_eq!(shown.matches("\nquiet  ").count(), 29);
    assert!(shown.find("\ncrm").expect("it is shown") < shown.find("\nquiet").expect("too"));
    assert!(
        shown.contains("… 71 more flows (142 to create, 0 unchanged), shown by --verbose"),
        "{shown}"
    );
    assert_eq!(text(&plan, layout(true)).matches("\nquiet  ").count(), 100);
}

#[test]
fn a_plan_in_markdown() {
    assert_snapshot!(plan_markdown(&varied(), MOST), @"
    ### backfill plan: 1 in conflict, 13 to create, 3 unchanged, 1 in doubt, to be settled, 3 held back by a limit, 1 no longer in a manifest

    Nothing is sent until the windows in conflict are changed, or their manifest says `overlap: allow`.

    Warning: 3 held back by limits.newRunsPerApply (13) until the next apply; to create more at a time, raise it in backfill.yaml, or once with --max-new.

    **1 run in the state, but in no manifest (nothing is done about that)**

    <pre>
    ca5e2f0e6a95  00000000-0000-4000-8000-000000000001  [2022-01-21, 2022-01-28)
          run run-ca5e2f0e6a95, created 2026-11-23T10:00:00Z
    </pre>

    Windows are `[start, end)` in UTC: the end is exclusive. In the bars: `=` done, `+` new, `~` held back, `?` in doubt, `!` conflict, `-` done, in no manifest, `.` gap.

    | flow | in conflict | to create | unchanged | in doubt, to be settled | held back by a limit |
    | --- | --: | --: | --: | --: | --: |
    | <code>crm</code> `prod`<br>`00000000-0000-4000-8000-000000000001`<br>`====~??+++....++++++++++...-------!!++~~`<br>`[2022-01-01, 2022-01-31)` | 1 | 12 | 3 | 1 | 3 |
    | <code>loyalty</code> `prod`<br>`00000000-0000-4000-8000-000000000002`<br>`++++++++++++++++++++++++++++++++++++++++`<br>`[2022-01-01, 2022-01-02)` | 0 | 1 | 0 | 0 | 0 |

    <details open><summary><code>crm</code>: <code>1 in conflict, 12 to create, 3 unchanged, 1 in doubt, to be settled, 3 held back by a limit</code></summary>

    <pre>
    2 gaps, the longest [2022-01-09, 2022-01-11)
    ~ ebf151fae2fb  [2022-01-04, 2022-01-05)  manifests/crm.yaml:7
          rejected 2026-11-23T10:00:00Z: HTTP 400 FLOW-1430-400: no &lt;b&gt;delta&lt;/b&gt; column (request id abc)
    ? 561babee384e  [2022-01-05, 2022-01-06)  manifests/crm.yaml:7
          in doubt since 2026-11-23T10:00:00Z: the answer was HTTP 504
          looked for before anything is sent
    + 3 × 1 day     [2022-01-06, 2022-01-09)  manifests/crm.yaml:7
    + 8 × 1 day     [2022-01-11, 2022-01-19)  manifests/crm.yaml:7
    ! 1da3108b8f70  [2022-01-27, 2022-01-28)  manifests/crm.yaml:7
          overlaps [2022-01-21, 2022-01-28) of key ca5e2f0e6a95
          run run-ca5e2f0e6a95, created 2026-11-23T10:00:00Z
    + aed3355165d3  [2022-01-28, 2022-01-29)  manifests/crm.yaml:7
    ~ 79e6c2f1c5aa  [2022-01-29, 2022-01-30)  manifests/crm.yaml:7
    ~ f2ed911b8b16  [2022-01-30, 2022-01-31)  manifests/crm.yaml:7
    </pre>

    </details>

    <details><summary><code>loyalty</code>: <code>1 to create</code></summary>

    <pre>
    + 0e3ba89a459d  [2022-01-01, 2022-01-02)  manifests/loyalty.yaml:7
    </pre>

    </details>

    Digest of this plan: `a5a617a707655c949548ce19c38f34f278eb47274ce9512c1e6fa1150ca75dde`
    ");
}

#[test]
fn names_from_a_manifest_are_no_markdown() {
    let mut runs = days(1, HOSTILE, 3..8);
    runs.extend(days(2, HOSTILE, 0..2));
    let shown = plan_markdown(&diff(runs, Some(&state())), MOST);
    assert!(!shown.contains("<script"), "{shown}");
    assert_eq!(shown.matches("<pre>").count(), 3);
    assert_eq!(shown.matches("</pre>").count(), 3);

    let outside: String = shown
        .split("<pre>")
        .map(|part| part.split_once("</pre>").map_or(part, |(_, after)| after))
        .collect();
    for markup in ["@octocat", "http:", "](", "www.", "#1 ", "\\|"] {
        assert!(!outside.contains(markup), "{markup}: {outside}");
    }
    let rows: Vec<&str> = shown
        .lines()
        .filter(|line| line.starts_with("| <"))
        .collect();
    assert_eq!(rows.len(), 2);
    let head = shown.lines().find(|line| line.starts_with("| flow |"));
    let head = head.expect("a head");
    for row in rows {
        assert_eq!(row.matches('|').count(), head.matches('|').count(), "{row}");
        assert_eq!(row.matches('`').count(), 8, "{row}");
        assert_eq!(
            row.matches("<code>").count(),
            row.matches("</code>").count()
        );
    }
}

#[test]
fn a_comment_has_room_for_it_whatever_its_size() {
    let named = |flow: usize| {
        let wide = if flow.is_multiple_of(2) { "|" } else { "漢" };
        format!("{flow}{}", wide.repeat(300))
    };
    let whole = [(1, 25_000), (1000, 50), (7, 3000), (30_000, 1)];
    let small = [(1, 5000), (500, 10), (7, 600), (3000, 1)];
    for (flows, each) in if crate::fixture::is_whole() {
        whole
    } else {
        small
    } {
        let runs: Vec<_> = (1..=flows)
            // Every other day: no two make a stretch.
            .flat_map(|flow| days(flow, &named(flow), 0..2 * each).into_iter().step_by(2))
            .collect();
        let number = runs.len();
        let plan = diff(runs, Some(&state()));
        let shown = plan_markdown(&plan, MOST);
        assert!(shown.len() < 60_000, "{flows}: {}", shown.len());
        assert!(shown.len() > 30_000, "{flows}: {}", shown.len());
        assert!(shown.starts_with("### backfill plan: "));
        assert!(shown.contains(&plan.digest()));

        // What is not shown is counted.
        let rows = shown.lines().filter(|line| line.starts_with("| <")).count();
        let more_flows = number_before(&shown, " more flow").unwrap_or(0);
        assert_eq!(rows + more_flows, flows);
        let listed = shown
            .split("<details")
            .skip(1)
            .flat_map(str::lines)
            .filter(|line| line.contains("  [20"))
            .count();
        let unlisted = number_before(&shown, " runs of ").expect("some are not listed");
        assert_eq!(
            listed + unlisted + plan.totals().actions.of(Action::Unchanged),
            number
        );
    }
}

#[test]
fn fifty_thousand_runs_in_a_row_are_told_whole() {
    for (flows, each, most) in [
        (1, 50_000, MOST),
        (50, 1_000, MOST),
        (50, 1_000, 900_000),
        (500, 100, 900_000),
    ] {
        let runs: Vec<_> = (2..flows + 2)
            .flat_map(|flow| days(flow, "orders", 0..each))
            .collect();
        let plan = diff(runs, None).select(&Selection {
            limit: Some(Limit::NewRunsPerApply(500)),
            ..Selection::default()
        });
        let shown = plan_markdown(&plan, most);
        assert!(shown.len() < most, "{flows}: {}", shown.len());
        assert!(
            shown.starts_with("### backfill plan: 500 to create, 0 unchanged, 49500 held back")
        );
        assert!(!shown.contains("Not listed here"), "{flows}");
        let told: usize = shown
            .lines()
            .filter(|line| line.starts_with(['+', '~']))
            .map(|line| match line[2..].split_once(" × ") {
                Some((runs, _)) => runs.trim().parse().expect("a number"),
                None => 1,
            })
            .sum();
        assert_eq!(told, 50_000, "{flows}");
        let rows = shown.lines().filter(|line| line.starts_with("| <")).count();
        assert_eq!(rows, flows);
    }
}

#[test]
fn a_stretch_tells_its_windows_their_length_and_their_lines() {
    let mut runs = days(2, "orders", 0..200);
    runs.extend(days(2, "orders", 201..400));
    for (n, run) in (0..).zip(&mut runs[..100]) {
        run.line = 10 + n;
    }
    let shown = plan_markdown(&diff(runs, None), 5_000);
    let lines: Vec<&str> = shown.lines().filter(|line| line.starts_with('+')).collect();
    assert_eq!(
        lines,
        [
            "+ 200 × 1 day  [2022-01-01, 2022-07-20)  manifests/orders.yaml:7-109",
            "+ 199 × 1 day  [2022-07-21, 2023-02-05)  manifests/orders.yaml:7",
        ]
    );
}

/// The number in front of the first `text`.
fn number_before(shown: &str, text: &str) -> Option<usize> {
    let before = &shown[..shown.find(text)?];
    before.rsplit(' ').next()?.parse().ok()
}

#[test]
fn conflicts_and_doubts_keep_within_bounds_too() {
    let mut state = state();
    for day in 0..4000 {
        let run = identity(1, 100 + day * 2, 102 + day * 2);
        let key = run.key();
        let intent = Entry::Intent {
            run: (&run).into(),
            at: ClockedTime {
                local: Some(Timestamp::UNIX_EPOCH),
                service: Some(Timestamp::UNIX_EPOCH),
            },
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        };
        let created = Entry::Created {
            key,
            run_id: key.to_string().parse().expect("an id"),
            etag: None,
            at: Timestamp::UNIX_EPOCH,
        };
        // Half of them stay in doubt.
        for entry in [Some(intent), (day < 2000).then_some(created)] {
            entry
                .map_or(Ok(()), |entry| state.fold(entry))
                .expect("a legal step");
        }
    }
    let plan = diff(days(1, HOSTILE, 100..8100), Some(&state));
    assert_eq!(plan.totals().actions.of(Action::Conflict), 4000);
    assert_eq!(plan.totals().actions.of(Action::Wait), 4000);
    let shown = plan_markdown(&plan, MOST);
    assert!(shown.len() < 60_000, "{}", shown.len());
    assert!(
        shown.contains("Not listed here, for want of room: "),
        "{shown}"
    );
}
