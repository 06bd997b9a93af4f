use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;
use crate::api::RunTimes;
use crate::run::Rerun;
use crate::run::{ByteCounts, RecordCounts, RunStatus};
use crate::state::Entry;

const DELAY: Duration = Duration::from_secs(300);
const INTENT: i64 = 1_700_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn server(second: i64) -> ClockedTime {
    ClockedTime {
        local: Some(at(second)),
        service: Some(at(second)),
    }
}

fn window(n: i64) -> Window {
    let at = |s| UnixSeconds::new(s).expect("in range");
    Window::new(at(n * 100), at(n * 100 + 100)).expect("a window")
}

fn identity(n: i64) -> RunIdentity {
    RunIdentity {
        flow: crate::fixture::flow().into(),
        window: window(n),
        rerun: Rerun::FIRST,
    }
}

fn run(id: &str, window_evidence: WindowEvidence, created: i64) -> FlowRun {
    FlowRun {
        id: id.parse().expect("a run id"),
        flow_id: Some(identity(1).flow.id),
        created_at: Some(at(created)),
        created_client: Some("our-key".into()),
        created_by: None,
        window_evidence,
        status: RunStatus::Scheduled,
        records: RecordCounts::default(),
        bytes: ByteCounts::default(),
        times: RunTimes::default(),
        etag: None,
        errors: Vec::new(),
        diagnostics: Vec::new(),
    }
}

/// A state in which run 1 is in doubt and run 2 was created, as `taken`.
fn state() -> State {
    let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
    for entry in [
        Entry::Intent {
            run: (&identity(1)).into(),
            at: server(INTENT),
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        },
        Entry::Doubt {
            key: identity(1).key(),
            reason: "reset".to_owned(),
            at: server(INTENT + 10),
        },
        Entry::Intent {
            run: (&identity(2)).into(),
            at: server(INTENT),
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        },
        Entry::Created {
            key: identity(2).key(),
            run_id: "taken".parse().expect("a run id"),
            etag: None,
            at: at(INTENT + 1),
        },
    ] {
        state.fold(entry).expect("legal");
    }
    state
}

fn case(listed: Vec<FlowRun>) -> Case {
    Case::of(&state(), identity(1).key(), Ok(listed)).expect("it is in doubt")
}

#[test]
fn what_may_be_the_run_is_younger_than_the_intent_and_on_no_record() {
    let case = case(vec![
        run("new", WindowEvidence::Missing, INTENT + 1),
        run("taken", WindowEvidence::Params(window(2)), INTENT + 1),
        run("old", WindowEvidence::Params(window(1)), INTENT - 3600),
    ]);
    let ids: Vec<String> = case
        .candidates
        .iter()
        .flatten()
        .map(|run| run.id.to_string())
        .collect();
    assert_eq!(ids, ["new"]);
    assert_eq!(Case::of(&state(), identity(2).key(), Ok(Vec::new())), None);
}

#[test]
fn a_run_is_adopted_only_where_nothing_speaks_against_it() {
    let case = case(Vec::new());
    let adopt = |run: &FlowRun| case.check_adoption(&state(), &run.id, Some(run));
    let id = |text: &str| text.parse::<RunId>().expect("a run id");
    for fits in [
        run("a", WindowEvidence::Params(window(1)), INTENT + 1),
        run("a", WindowEvidence::CopyActivity(window(1)), INTENT + 1),
        run("a", WindowEvidence::Params(window(1)), INTENT - 3600),
        run("a", WindowEvidence::Missing, INTENT + 1),
    ] {
        assert_eq!(adopt(&fits), Ok(()), "{fits:?}");
    }
    let other: FlowId = "00000000-0000-4000-8000-000000000000"
        .parse()
        .expect("a flow");
    let of_another = FlowRun {
        flow_id: Some(other),
        ..run("a", WindowEvidence::Params(window(1)), INTENT + 1)
    };
    for (run, objection) in [
        (
            of_another,
            Objection::OtherFlow {
                run_id: id("a"),
                flow_id: other,
            },
        ),
        (
            run("a", WindowEvidence::Params(window(2)), INTENT + 1),
            Objection::OtherWindow {
                run_id: id("a"),
                window: window(2),
            },
        ),
        (
            run("a", WindowEvidence::Invalid, INTENT + 1),
            Objection::Nonsense(id("a")),
        ),
        (
            run("a", WindowEvidence::Missing, INTENT - 3600),
            Objection::Older(id("a")),
        ),
        (
            run("taken", WindowEvidence::Params(window(1)), INTENT + 1),
            Objection::Claimed {
                run_id: id("taken"),
                other: identity(2).key(),
            },
        ),
    ] {
        assert_eq!(adopt(&run), Err(objection));
    }
    assert_eq!(
        case.check_adoption(&state(), &id("gone"), None),
        Err(Objection::NoSuchRun(id("gone")))
    );
}

#[test]
fn absence_needs_lists_without_the_window_and_the_settle_delay() {
    let late = server(INTENT + 311);
    assert_eq!(case(Vec::new()).check_absence(late, DELAY), Ok(()));
    let silent = run("a", WindowEvidence::Missing, INTENT + 1);
    assert_eq!(case(vec![silent]).check_absence(late, DELAY), Ok(()));

    let shown = run("a", WindowEvidence::Params(window(1)), INTENT + 1);
    assert_eq!(
        case(vec![shown.clone()]).check_absence(late, DELAY),
        Err(Objection::Shown(shown.id))
    );
    let soon = server(INTENT + 40);
    for early in [
        soon,
        ClockedTime {
            local: late.local,
            ..soon
        }, // one of the clocks has stepped
        ClockedTime {
            service: late.service,
            ..soon
        },
    ] {
        assert_eq!(
            case(Vec::new()).check_absence(early, DELAY),
            Err(Objection::TooEarly {
                age: Duration::from_secs(30),
                delay: DELAY
            })
        );
    }
}

#[test]
fn a_request_that_was_cut_short_may_have_left_late() {
    let mut case = case(Vec::new());
    if let Fate::InDoubt(in_doubt) = &mut case.fate {
        in_doubt.doubt = None;
    }
    let now = |after| {
        let time = at(INTENT).saturating_add(SignedDuration::from_secs(after));
        let time = time.expect("in range");
        server(time.as_second())
    };
    assert!(case.check_absence(now(400), DELAY).is_err());
    assert_eq!(case.check_absence(now(420), DELAY), Ok(()));
}
