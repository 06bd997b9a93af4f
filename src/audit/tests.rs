//! Audits of model worlds: a state of some steps, a list of some runs, and what differs as data.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;
use crate::api::{RecordCounts, RunStatus, Shows};
use crate::run::{DesiredRun, Origin, Rerun, RunIdentity, Source, UnixSeconds};
use crate::state::{Clock, Entry, Evidence, Fate, Moment, State};

const OURS: &str = "our-key";
const THEIRS: &str = "exc_app";
/// When every request of these worlds was sent.
const SENT: i64 = 1_700_000_000;
const SETTLE: i64 = 300;
const FLOW: u8 = 1;
const OTHER_FLOW: u8 = 2;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn flow(n: u8) -> FlowId {
    format!("00000000-0000-4000-8000-0000000000{n:02x}")
        .parse()
        .expect("a flow")
}

fn window(n: i64) -> Window {
    let at = |s| UnixSeconds::new(s).expect("in range");
    Window::new(at(n * 100), at(n * 100 + 100)).expect("a window")
}

fn identity(n: i64, rerun: u32) -> RunIdentity {
    RunIdentity {
        sandbox: "prod".parse().expect("a sandbox"),
        flow_id: flow(FLOW),
        window: window(n),
        rerun: Rerun::new(rerun).expect("not 0"),
    }
}

fn run(id: &str, shows: Shows, created: i64, client: &str) -> FlowRun {
    FlowRun {
        id: id.parse().expect("a run id"),
        flow_id: Some(flow(FLOW)),
        created_at: Some(at(created)),
        created_client: Some(client.to_owned()),
        created_by: Some("someone@example.com".to_owned()),
        shows,
        status: RunStatus::Success,
        records: RecordCounts::default(),
        errors: Vec::new(),
    }
}

/// A run of the `n`-th window, in `params`.
fn shown(id: &str, n: i64, created: i64, client: &str) -> FlowRun {
    run(id, Shows::Params(window(n)), created, client)
}

struct World {
    state: State,
    wanted: Vec<DesiredRun>,
    runs: Vec<FlowRun>,
    now: i64,
}

impl World {
    fn new() -> Self {
        Self {
            state: State::new("5C13@AdobeOrg".parse().expect("an organization")),
            wanted: Vec::new(),
            runs: Vec::new(),
            now: SENT + 10_000,
        }
    }

    fn step(&mut self, entry: Entry) {
        self.state.fold(entry).expect("a legal step");
    }

    fn intent(mut self, identity: &RunIdentity) -> Self {
        self.step(Entry::Intent {
            run: identity.into(),
            at: Moment {
                time: at(SENT),
                clock: Clock::Server,
            },
            session: Uuid::nil(),
        });
        self
    }

    fn created(self, identity: &RunIdentity, run_id: &str) -> Self {
        let mut world = self.intent(identity);
        world.step(Entry::Created {
            key: identity.key(),
            run_id: run_id.parse().expect("a run id"),
            at: at(SENT + 1),
        });
        world
    }

    fn rejected(self, identity: &RunIdentity) -> Self {
        let mut world = self.intent(identity);
        world.step(Entry::Rejected {
            key: identity.key(),
            refusal: refusal(),
            at: at(SENT + 1),
        });
        world
    }

    fn absent(self, identity: &RunIdentity) -> Self {
        let mut world = self.intent(identity);
        world.step(Entry::NotCreated {
            key: identity.key(),
            evidence: Evidence::Lists {
                readings: 2,
                runs: 0,
            },
            at: at(SENT + 600),
        });
        world
    }

    fn wants(mut self, identity: RunIdentity) -> Self {
        self.wanted.push(DesiredRun {
            key: identity.key(),
            identity,
            start_time: None,
            source: Arc::new(Source::File),
            name: "a flow".into(),
            overlap_allowed: false,
            origin: Origin {
                manifest: "manifests/a.yaml".into(),
                line: 1,
            },
        });
        self
    }

    fn lists(mut self, runs: impl IntoIterator<Item = FlowRun>) -> Self {
        self.runs.extend(runs);
        self
    }

    fn audit(self) -> Audit {
        let Self {
            state,
            wanted,
            runs,
            now,
        } = self;
        let look = look(FLOW, Seen::Runs(runs));
        compare(books(Some(&state), &wanted, now), &[look])
    }

    fn facts(self) -> Vec<Fact> {
        let findings = self.audit().findings;
        findings.into_iter().map(|finding| finding.fact).collect()
    }

    fn kinds(self) -> Vec<Kind> {
        self.facts().iter().map(Fact::kind).collect()
    }
}

fn refusal() -> Refusal {
    Refusal {
        status: 400,
        code: None,
        message: "no".to_owned(),
        request_id: None,
    }
}

fn look(n: u8, seen: Seen) -> Look {
    Look {
        sandbox: "prod".parse().expect("a sandbox"),
        flow_id: flow(n),
        name: "a flow".into(),
        seen,
    }
}

fn books<'a>(state: Option<&'a State>, wanted: &'a [DesiredRun], now: i64) -> Books<'a> {
    Books {
        state,
        wanted,
        api_key: OURS,
        now: at(now),
        settle_delay: SignedDuration::from_secs(SETTLE),
    }
}

#[test]
fn what_agrees_is_no_finding() {
    let world = World::new()
        .created(&identity(1, 1), "a")
        .created(&identity(1, 2), "b")
        .absent(&identity(2, 1))
        .rejected(&identity(3, 1))
        .wants(identity(1, 1))
        .lists([shown("a", 1, SENT, OURS), shown("b", 1, SENT, OURS)]);
    let audit = world.audit();
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
    assert_eq!((audit.flows, audit.runs, audit.records), (1, 2, 4));
}

#[test]
fn a_run_that_no_record_stands_for_is_unknown_and_says_whose_it_is() {
    let facts = World::new().lists([shown("a", 1, SENT, THEIRS)]).facts();
    let [Fact::Unknown { run, wanted: None }] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert_eq!(run.created_client.as_deref(), Some(THEIRS));
    assert_eq!(run.created_by.as_deref(), Some("someone@example.com"));
    for silent in [Shows::Nothing, Shows::Nonsense] {
        let world = World::new().lists([run_of(silent)]);
        assert_eq!(world.kinds(), [Kind::Unknown]);
    }
}

fn run_of(shows: Shows) -> FlowRun {
    run("a", shows, SENT, THEIRS)
}

#[test]
fn without_a_state_everything_is_unknown() {
    let runs = vec![shown("a", 1, SENT, OURS), shown("b", 2, SENT, OURS)];
    let audit = compare(books(None, &[], SENT), &[look(FLOW, Seen::Runs(runs))]);
    assert_eq!(audit.count(Kind::Unknown), 2);
    assert_eq!(audit.findings.len(), 2);
}

#[test]
fn an_unknown_run_of_a_wanted_window_is_adopted_by_the_next_apply() {
    let wanted = |world: World| match &world.facts()[..] {
        [Fact::Unknown { wanted, .. }] => *wanted,
        facts => panic!("{facts:?}"),
    };
    let first = identity(1, 1);
    let by_hand = World::new().lists([shown("a", 1, SENT, THEIRS)]);
    assert_eq!(wanted(by_hand.wants(first.clone())), Some(first.key()));
    let other = World::new().lists([shown("a", 1, SENT, THEIRS)]);
    assert_eq!(wanted(other.wants(identity(2, 1))), None);
    // Beside a recorded run, one of another client was not meant as the rerun that is wanted.
    let again = identity(1, 2);
    let kinds = World::new()
        .created(&first, "a")
        .wants(again.clone())
        .lists([shown("a", 1, SENT, OURS), shown("b", 1, SENT + 9, THEIRS)])
        .kinds();
    assert_eq!(kinds, [Kind::Doubled]);
    let ours = World::new()
        .created(&first, "a")
        .wants(again.clone())
        .lists([shown("a", 1, SENT, OURS), shown("b", 1, SENT + 9, OURS)]);
    assert_eq!(wanted(ours), Some(again.key()));
}

#[test]
fn a_window_with_more_runs_than_reruns_is_doubled() {
    let first = identity(1, 1);
    let facts = World::new()
        .created(&first, "ours")
        .lists([
            shown("theirs", 1, SENT + 9, THEIRS),
            shown("ours", 1, SENT, OURS),
        ])
        .facts();
    let [
        Fact::Doubled {
            window: which,
            runs,
        },
    ] = &facts[..]
    else {
        panic!("{facts:?}");
    };
    assert_eq!(*which, window(1));
    let of: Vec<_> = runs
        .iter()
        .map(|(run, key)| (run.id.as_str(), *key))
        .collect();
    assert_eq!(of, [("ours", Some(first.key())), ("theirs", None)]);

    let by_hand = || {
        World::new().lists([
            shown("a", 1, SENT, THEIRS),
            run("b", Shows::CopyActivity(window(1)), SENT + 9, THEIRS),
        ])
    };
    assert_eq!(by_hand().kinds(), [Kind::Doubled]);
    assert_eq!(by_hand().wants(identity(1, 1)).kinds(), [Kind::Doubled]);
    let both = by_hand().wants(identity(1, 1)).wants(identity(1, 2));
    assert_eq!(both.kinds(), [Kind::Unknown; 2], "two reruns are wanted");
}

#[test]
fn a_record_whose_run_is_nowhere_has_vanished_unless_it_is_too_new_to_be_missed() {
    let facts = World::new().created(&identity(1, 1), "a").facts();
    assert!(
        matches!(&facts[..], [Fact::Vanished(record)] if record.identity == identity(1, 1)),
        "{facts:?}"
    );
    let mut world = World::new().created(&identity(1, 1), "a");
    world.now = SENT + SETTLE;
    let audit = world.audit();
    assert_eq!((audit.findings.len(), audit.too_new), (0, 1));
}

#[test]
fn a_run_that_was_rejected_and_is_listed_all_the_same_is_a_contradiction() {
    let facts = World::new()
        .rejected(&identity(1, 1))
        .lists([shown("a", 1, SENT, OURS)])
        .facts();
    let [Fact::Contradiction { denial, run, .. }] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert!(matches!(denial, Denial::Rejected { .. }));
    assert_eq!(run.id.as_str(), "a");
    let old = World::new()
        .rejected(&identity(1, 1))
        .lists([shown("a", 1, SENT - 3600, OURS)]);
    assert_eq!(old.kinds(), [Kind::Unknown], "it is older than the request");
}

#[test]
fn a_run_that_was_found_not_to_exist_and_is_listed_later_is_a_contradiction() {
    let since = |created, client| {
        World::new()
            .absent(&identity(1, 1))
            .lists([shown("a", 1, created, client)])
            .kinds()
    };
    assert_eq!(since(SENT + 1, OURS), [Kind::Contradiction]);
    assert_eq!(since(SENT + 1, THEIRS), [Kind::Contradiction]);
    assert_eq!(since(SENT - 3600, OURS), [Kind::Unknown]);
}

#[test]
fn a_run_that_shows_up_after_its_window_was_sent_again_is_a_contradiction_and_a_doubling() {
    let first = identity(1, 1);
    let facts = World::new()
        .absent(&first)
        .created(&first, "second")
        .lists([
            shown("second", 1, SENT + 700, OURS),
            shown("late", 1, SENT + 1, OURS),
        ])
        .facts();
    let [
        Fact::Contradiction {
            denial: Denial::Absent(_),
            run,
            ..
        },
        Fact::Doubled { runs, .. },
    ] = &facts[..]
    else {
        panic!("{facts:?}");
    };
    assert_eq!(run.id.as_str(), "late");
    assert_eq!(runs.len(), 2);
}

#[test]
fn a_recorded_run_that_shows_another_window_or_flow_differs() {
    let kinds = |run: FlowRun| {
        World::new()
            .created(&identity(1, 1), "a")
            .lists([run])
            .kinds()
    };
    assert_eq!(kinds(shown("a", 2, SENT, OURS)), [Kind::Differs]);
    assert_eq!(
        kinds(run("a", Shows::Nonsense, SENT, OURS)),
        [Kind::Differs]
    );
    let elsewhere = FlowRun {
        flow_id: Some(flow(OTHER_FLOW)),
        ..shown("a", 1, SENT, OURS)
    };
    assert_eq!(kinds(elsewhere), [Kind::Differs]);
    assert_eq!(kinds(run("a", Shows::Nothing, SENT, OURS)), []);
}

#[test]
fn a_window_that_was_run_for_another_ones_record_is_doubled_too() {
    let kinds = World::new()
        .created(&identity(1, 1), "a")
        .created(&identity(2, 1), "b")
        .lists([shown("a", 1, SENT, OURS), shown("b", 1, SENT, OURS)])
        .kinds();
    assert_eq!(kinds, [Kind::Doubled, Kind::Differs]);
}

#[test]
fn a_run_on_record_for_another_flow_is_told_once_from_whichever_side() {
    let world = World::new().created(&identity(1, 1), "a");
    let stray = FlowRun {
        flow_id: Some(flow(OTHER_FLOW)),
        ..shown("a", 1, SENT, OURS)
    };
    let listed = look(OTHER_FLOW, Seen::Runs(vec![stray.clone()]));
    let found = look(FLOW, Seen::Runs(vec![stray]));
    let books = books(Some(&world.state), &[], world.now);
    for looks in [
        vec![listed.clone()],
        vec![found.clone(), listed.clone()],
        vec![listed, found],
    ] {
        let audit = compare(books, &looks);
        assert_eq!(audit.findings.len(), 1, "{:?}", audit.findings);
        assert_eq!(audit.count(Kind::Differs), 1);
    }
}

#[test]
fn a_run_in_doubt_says_what_could_tell() {
    let trace = |runs: &[FlowRun]| {
        let world = World::new().intent(&identity(1, 1)).lists(runs.to_vec());
        let traces: Vec<Trace> = world
            .facts()
            .into_iter()
            .filter_map(|fact| match fact {
                Fact::InDoubt { trace, .. } => Some(trace),
                _ => None,
            })
            .collect();
        let [trace] = &traces[..] else {
            panic!("{traces:?}");
        };
        trace.clone()
    };
    let id = |id: &str| -> RunId { id.parse().expect("a run id") };
    let theirs = shown("theirs", 1, SENT + 1, THEIRS);
    let ours = shown("ours", 1, SENT + 2, OURS);
    let old = shown("old", 1, SENT - 3600, OURS);
    let silent = run("silent", Shows::Nothing, SENT + 1, OURS);
    assert_eq!(trace(&[]), Trace::Nothing);
    assert_eq!(trace(std::slice::from_ref(&old)), Trace::Nothing);
    assert_eq!(
        trace(std::slice::from_ref(&theirs)),
        Trace::Shown(id("theirs"))
    );
    assert_eq!(trace(&[theirs, ours]), Trace::Shown(id("ours")));
    assert_eq!(trace(&[old, silent]), Trace::Silent(vec![id("silent")]));
}

#[test]
fn a_run_that_will_settle_a_doubt_is_no_other_finding() {
    let world = World::new()
        .intent(&identity(1, 1))
        .lists([shown("a", 1, SENT + 1, OURS)]);
    assert_eq!(world.kinds(), [Kind::InDoubt]);
    let two = World::new()
        .intent(&identity(1, 1))
        .lists([shown("a", 1, SENT + 1, OURS), shown("b", 1, SENT + 2, OURS)]);
    assert_eq!(two.kinds(), [Kind::Doubled, Kind::InDoubt]);
}

#[test]
fn recorded_runs_that_failed_since_are_told() {
    for status in [RunStatus::Failed, RunStatus::PartialSuccess] {
        let failed = FlowRun {
            status,
            ..shown("a", 1, SENT, OURS)
        };
        let world = World::new().created(&identity(1, 1), "a").lists([failed]);
        assert_eq!(world.kinds(), [Kind::Failed]);
    }
}

#[test]
fn a_flow_that_cannot_be_looked_at_does_not_hide_the_others() {
    let world = World::new().created(&identity(1, 1), "a");
    let looks = [
        look(FLOW, Seen::Refused("HTTP 404".to_owned())),
        look(
            OTHER_FLOW,
            Seen::Runs(vec![FlowRun {
                flow_id: Some(flow(OTHER_FLOW)),
                ..shown("b", 1, SENT, THEIRS)
            }]),
        ),
    ];
    let audit = compare(books(Some(&world.state), &[], world.now), &looks);
    assert_eq!(audit.count(Kind::Unreadable), 1);
    assert_eq!(
        audit.count(Kind::Vanished),
        0,
        "nothing is known of its run"
    );
    assert_eq!(audit.count(Kind::Unknown), 1);
    assert!(!audit.is_unanswered());
    let silent = [look(FLOW, Seen::Unanswered("no answer".to_owned()))];
    assert!(compare(books(None, &[], world.now), &silent).is_unanswered());
}

#[test]
fn records_of_flows_that_were_not_looked_at_are_counted() {
    let world = World::new().created(&identity(1, 1), "a");
    let audit = compare(books(Some(&world.state), &[], world.now), &[]);
    assert_eq!((audit.elsewhere, audit.findings.len()), (1, 0));
}

#[test]
fn the_worst_of_a_flow_comes_first() {
    let kinds = World::new()
        .created(&identity(1, 1), "gone")
        .rejected(&identity(2, 1))
        .intent(&identity(3, 1))
        .lists([
            shown("unknown", 0, SENT, THEIRS),
            shown("there", 2, SENT, OURS),
            shown("one", 4, SENT, THEIRS),
            shown("two", 4, SENT, THEIRS),
        ])
        .kinds();
    assert_eq!(
        kinds,
        [
            Kind::Contradiction,
            Kind::Doubled,
            Kind::Vanished,
            Kind::InDoubt,
            Kind::Unknown
        ]
    );
    assert!(Kind::ALL.is_sorted());
}

#[test]
fn an_adopted_run_is_compared_like_one_that_was_created() {
    let mut world = World::new();
    let identity = identity(1, 1);
    world.step(Entry::Adopted {
        run: (&identity).into(),
        run_id: "a".parse().expect("a run id"),
        evidence: Evidence::Params,
        at: at(SENT),
    });
    let is_created = |record: &Record| matches!(record.fate, Fate::Created { .. });
    let facts = world.lists([shown("a", 3, SENT, OURS)]).facts();
    assert!(
        matches!(&facts[..], [Fact::Differs { record, .. }] if is_created(record)),
        "{facts:?}"
    );
}
