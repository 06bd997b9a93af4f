//! Audits of model worlds: a state of some steps, a list of some runs, and what differs as data.

mod records;
mod runs;

use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::api::{RunTimes, WindowEvidence};
use crate::fixture::{OURS, at, desired, window};
use crate::run::{ByteCounts, RecordCounts, RunStatus};
use crate::run::{DesiredRun, FlowId, FlowRef, Rerun, RunIdentity};
use crate::state::{ClockedTime, Entry, Evidence, Refusal, State};

const THEIRS: &str = "exc_app";
/// When every request of these worlds was sent.
const SENT: i64 = 1_700_000_000;
const SETTLE: i64 = 300;
const FLOW: u8 = 1;
const OTHER_FLOW: u8 = 2;

fn flow(n: u8) -> FlowId {
    format!("00000000-0000-4000-8000-0000000000{n:02x}")
        .parse()
        .expect("a flow")
}

fn identity(n: i64, rerun: u32) -> RunIdentity {
    RunIdentity {
        flow: FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: flow(FLOW),
        }
        .into(),
        window: window(n),
        rerun: Rerun::new(rerun).expect("not 0"),
    }
}

fn run(id: &str, window_evidence: WindowEvidence, created: i64, client: &str) -> FlowRun {
    FlowRun {
        id: id.parse().expect("a run id"),
        flow_id: Some(flow(FLOW)),
        created_at: Some(at(created)),
        created_client: Some(client.into()),
        created_by: Some("someone@example.com".into()),
        window_evidence,
        status: RunStatus::Success,
        records: RecordCounts::default(),
        bytes: ByteCounts::default(),
        times: RunTimes::default(),
        etag: None,
        errors: Vec::new(),
        diagnostics: Vec::new(),
    }
}

/// A run of the `n`-th window, in `params`.
fn shown(id: &str, n: i64, created: i64, client: &str) -> FlowRun {
    run(id, WindowEvidence::Params(window(n)), created, client)
}

struct AuditFixture {
    state: State,
    wanted: Vec<DesiredRun>,
    runs: Vec<FlowRun>,
    now: i64,
}

impl AuditFixture {
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
            at: ClockedTime {
                local: Some(at(SENT)),
                service: Some(at(SENT)),
            },
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        });
        self
    }

    fn created(self, identity: &RunIdentity, run_id: &str) -> Self {
        let mut world = self.intent(identity);
        world.step(Entry::Created {
            key: identity.key(),
            run_id: run_id.parse().expect("a run id"),
            etag: None,
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
        self.wanted.push(desired(identity));
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
        let look = look(FLOW, Ok(runs));
        compare(input(Some(&state), &wanted, now), &[look])
    }

    fn facts(self) -> Vec<Fact> {
        let findings = self.audit().findings;
        findings.into_iter().map(|finding| finding.fact).collect()
    }

    fn kinds(self) -> Vec<FindingKind> {
        self.facts().iter().map(Fact::kind).collect()
    }
}

fn refusal() -> Refusal {
    Refusal {
        status: 400,
        code: None,
        message: "no".into(),
        request_id: None,
    }
}

fn look(n: u8, seen: Result<Vec<FlowRun>, ApiError>) -> FlowListing {
    FlowListing {
        flow: FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: flow(n),
        },
        name: "a flow".into(),
        seen,
    }
}

fn input<'a>(state: Option<&'a State>, wanted: &'a [DesiredRun], now: i64) -> AuditInput<'a> {
    AuditInput {
        state,
        wanted,
        api_key: OURS,
        now: at(now),
        settle_delay: SignedDuration::from_secs(SETTLE),
    }
}

#[test]
fn what_agrees_is_no_finding() {
    let world = AuditFixture::new()
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
fn without_a_state_everything_is_unknown() {
    let runs = vec![shown("a", 1, SENT, OURS), shown("b", 2, SENT, OURS)];
    let audit = compare(input(None, &[], SENT), &[look(FLOW, Ok(runs))]);
    assert_eq!(audit.counts().of(FindingKind::Unknown), 2);
    assert_eq!(audit.findings.len(), 2);
}

#[test]
fn a_flow_that_cannot_be_looked_at_does_not_hide_the_others() {
    let world = AuditFixture::new().created(&identity(1, 1), "a");
    let looks = [
        look(
            FLOW,
            Err(ApiError::Refused(Refusal {
                status: 404,
                code: None,
                message: "no such flow".into(),
                request_id: None,
            })),
        ),
        look(
            OTHER_FLOW,
            Ok(vec![FlowRun {
                flow_id: Some(flow(OTHER_FLOW)),
                ..shown("b", 1, SENT, THEIRS)
            }]),
        ),
    ];
    let audit = compare(input(Some(&world.state), &[], world.now), &looks);
    assert_eq!(audit.counts().of(FindingKind::Unreadable), 1);
    assert_eq!(
        audit.counts().of(FindingKind::Vanished),
        0,
        "nothing is known of its run"
    );
    assert_eq!(audit.counts().of(FindingKind::Unknown), 1);
    assert!(!audit.is_unanswered());
    let silent = [look(
        FLOW,
        Err(ApiError::Unreachable("no answer".to_owned())),
    )];
    assert!(compare(input(None, &[], world.now), &silent).is_unanswered());
}

#[test]
fn records_of_flows_that_were_not_looked_at_are_counted() {
    let world = AuditFixture::new().created(&identity(1, 1), "a");
    let audit = compare(input(Some(&world.state), &[], world.now), &[]);
    assert_eq!((audit.elsewhere, audit.findings.len()), (1, 0));
}

#[test]
fn the_worst_of_a_flow_comes_first() {
    let kinds = AuditFixture::new()
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
            FindingKind::Contradiction,
            FindingKind::Doubled,
            FindingKind::Vanished,
            FindingKind::InDoubt,
            FindingKind::Unknown
        ]
    );
    assert!(FindingKind::ALL.is_sorted());
}
