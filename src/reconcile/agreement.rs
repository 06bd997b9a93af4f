//! What an apply adopts and what an audit says of it, in the same worlds: they agree.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;
use proptest::prelude::*;
use uuid::Uuid;

use super::audit::{AuditInput, Fact, FindingKind, FlowListing, Trace, compare};
use super::import::gather;
use super::matching::CreatorAttribution;
use super::preflight::{Found, existing};
use super::settle::{FlowContext, OpenIntent, Reading, recognise};
use crate::api::{FlowRun, WindowEvidence};
use crate::fixture::{INTENT, OURS, at, desired, run, window};
use crate::run::{DesiredRun, FlowId, FlowRef, Key, Rerun, RunId, RunIdentity, Window};
use crate::state::{ClockedTime, Entry, Evidence, Fate, Refusal, State};

fn flow_ref() -> FlowRef {
    FlowRef {
        sandbox: "prod".parse().expect("a sandbox"),
        id: flow(),
    }
}

fn flow() -> FlowId {
    "00000000-0000-4000-8000-000000000001"
        .parse()
        .expect("a flow")
}

fn shown(id: &str, n: i64, created: i64, client: Option<&str>) -> FlowRun {
    FlowRun {
        flow_id: Some(flow()),
        created_client: client.map(Into::into),
        ..run(id, WindowEvidence::Params(window(n)), created, OURS)
    }
}

fn identity(n: i64, rerun: u32) -> RunIdentity {
    RunIdentity {
        flow: flow_ref().into(),
        window: window(n),
        rerun: Rerun::new(rerun).expect("not 0"),
    }
}

/// A state, a list and what is wanted, of one flow.
#[derive(Debug)]
struct FlowFixture {
    state: State,
    runs: Vec<FlowRun>,
    wanted: Vec<DesiredRun>,
}

impl FlowFixture {
    fn new() -> Self {
        Self {
            state: State::new("5C13@AdobeOrg".parse().expect("an organization")),
            runs: Vec::new(),
            wanted: Vec::new(),
        }
    }

    fn step(&mut self, entry: Entry) {
        self.state.fold(entry).expect("a legal step");
    }

    /// An intent; `is_known`: the service's clock was.
    fn intent(&mut self, identity: &RunIdentity, is_known: bool) {
        self.step(Entry::Intent {
            run: identity.into(),
            at: ClockedTime {
                local: Some(at(INTENT)),
                service: is_known.then(|| at(INTENT)),
            },
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        });
    }

    fn created(&mut self, identity: &RunIdentity, run_id: &str) {
        self.intent(identity, true);
        self.step(Entry::Created {
            key: identity.key(),
            run_id: run_id.parse().expect("a run id"),
            etag: None,
            at: at(INTENT + 1),
        });
    }

    fn adopted(&mut self, identity: &RunIdentity, run_id: &str) {
        self.step(Entry::Adopted {
            run: identity.into(),
            run_id: run_id.parse().expect("a run id"),
            evidence: Evidence::Params,
            at: at(INTENT + 1),
        });
    }

    fn rejected(&mut self, identity: &RunIdentity) {
        self.intent(identity, true);
        self.step(Entry::Rejected {
            key: identity.key(),
            refusal: Refusal {
                status: 400,
                code: None,
                message: "no".into(),
                request_id: None,
            },
            at: at(INTENT + 1),
        });
    }

    fn facts(&self) -> Vec<Fact> {
        let input = AuditInput {
            state: Some(&self.state),
            wanted: &self.wanted,
            api_key: OURS,
            now: at(INTENT + 10_000),
            settle_delay: SignedDuration::from_secs(300),
        };
        let look = FlowListing {
            flow: flow_ref(),
            name: "a flow".into(),
            seen: Ok(self.runs.clone()),
        };
        let findings = compare(input, &[look]).findings;
        findings.into_iter().map(|finding| finding.fact).collect()
    }

    /// What the next apply puts on record, in its steps: what is in doubt is settled, then what
    /// exists for a wanted run is adopted.
    fn apply(&self) -> (HashMap<RunId, Key>, HashMap<RunId, Key>) {
        let records: Vec<_> = self.state.records().collect();
        let mut claimed = HashSet::new();
        let mut created = HashSet::new();
        for record in &records {
            if let Fate::Created {
                run_id, adopted, ..
            } = &record.fate
            {
                claimed.insert(run_id.clone());
                if adopted.is_none() {
                    created.insert(run_id.clone());
                }
            }
        }
        let doubts: Vec<_> = records
            .iter()
            .filter_map(|record| match &record.fate {
                Fate::InDoubt(in_doubt) => Some((&record.identity, in_doubt.intent)),
                _ => None,
            })
            .collect();
        let open: Vec<OpenIntent> = doubts
            .iter()
            .map(|(identity, intent)| OpenIntent {
                window: identity.window,
                rerun: identity.rerun,
                intent: *intent,
                until: Some(at(INTENT + 600)),
                order: None,
                retry: None,
            })
            .collect();
        let around = FlowContext {
            claimed: &claimed,
            api_key: OURS,
            in_flight: false,
        };
        let readings = recognise(&open, &self.runs, around);
        let mut settled = HashMap::new();
        let mut in_doubt = HashSet::new();
        for ((identity, _), reading) in doubts.into_iter().zip(readings) {
            if let Reading::Found(id, _) = reading {
                claimed.insert(id.clone());
                settled.insert(id, identity.key());
            } else {
                in_doubt.insert(identity.window);
            }
        }
        let clients = CreatorAttribution::learn(OURS, &self.runs, &created);
        let waiting = self.wanted.iter().filter(|run| {
            let record = self.state.get(&run.identity);
            record.is_none_or(|record| !record.fate.may_exist())
        });
        let adopted = existing(waiting, &self.runs, &claimed, &in_doubt, clients)
            .into_iter()
            .filter_map(|(run, found)| match found {
                Found::Run(id, _) => Some((id, run.key())),
                Found::InTheWay(_) => None,
            })
            .collect();
        (settled, adopted)
    }
}

#[test]
fn a_run_of_an_unnamed_client_beside_a_recorded_one_is_adopted_and_not_called_doubled() {
    let mut world = FlowFixture::new();
    world.created(&identity(1, 1), "a");
    world.wanted.push(desired(identity(1, 2)));
    world.runs = vec![
        shown("a", 1, INTENT, Some(OURS)),
        shown("b", 1, INTENT + 9, None),
    ];
    let (_, adopted) = world.apply();
    let b: RunId = "b".parse().expect("a run id");
    assert_eq!(adopted, HashMap::from([(b, identity(1, 2).key())]));
    let facts = world.facts();
    assert!(
        matches!(&facts[..], [Fact::Unknown { run, wanted: Some(key) }]
            if run.id.to_string() == "b" && *key == identity(1, 2).key()),
        "{facts:?}"
    );
}

#[test]
fn where_the_field_does_not_hold_our_key_a_further_run_is_adopted_and_not_called_doubled() {
    let mut world = FlowFixture::new();
    world.created(&identity(1, 1), "a");
    world.wanted.push(desired(identity(1, 2)));
    world.runs = vec![
        shown("a", 1, INTENT, Some("a-project")),
        shown("b", 1, INTENT + 9, Some("a-project")),
    ];
    assert_eq!(world.apply().1.len(), 1);
    assert!(matches!(
        &world.facts()[..],
        [Fact::Unknown {
            wanted: Some(_),
            ..
        }]
    ));
}

#[test]
fn a_run_beside_the_one_that_settles_a_doubt_is_the_next_rerun_to_both() {
    let mut world = FlowFixture::new();
    world.intent(&identity(1, 1), true);
    world.wanted.push(desired(identity(1, 2)));
    world.runs = vec![
        shown("a", 1, INTENT + 1, Some(OURS)),
        shown("b", 1, INTENT + 9, Some(OURS)),
    ];
    let (settled, adopted) = world.apply();
    assert_eq!((settled.len(), adopted.len()), (1, 1));
    let kinds: Vec<FindingKind> = world.facts().iter().map(Fact::kind).collect();
    assert_eq!(kinds, [FindingKind::InDoubt, FindingKind::Unknown]);
}

#[test]
fn a_run_that_may_be_the_one_in_doubt_is_not_adopted_as_another_rerun() {
    let mut world = FlowFixture::new();
    world.intent(&identity(1, 2), false);
    world.wanted.push(desired(identity(1, 1)));
    world.runs = vec![shown("a", 1, INTENT + 1, Some(OURS))];
    let (settled, adopted) = world.apply();
    assert_eq!((settled.len(), adopted.len()), (0, 0));
    let facts = world.facts();
    assert!(
        matches!(
            &facts[..],
            [
                Fact::InDoubt {
                    trace: Trace::Unclear(_),
                    ..
                },
                Fact::Unknown { wanted: None, .. }
            ]
        ),
        "{facts:?}"
    );
}

/// What became of a rerun: nothing is known of it, or it is created or adopted, and listed or not,
/// or in doubt by one clock or the other, or refused. And whether it is wanted.
type Step = (u8, bool);
/// A run that no record stands for: when it was created, and by whom.
type Free = (i64, u8);

fn world(windows: &[(Vec<Step>, Vec<Free>)]) -> FlowFixture {
    let mut world = FlowFixture::new();
    for (n, (reruns, others)) in windows.iter().enumerate() {
        let n = i64::try_from(n).expect("few");
        for ((fate, is_wanted), rerun) in reruns.iter().zip(1..) {
            let identity = identity(n, rerun);
            let id = format!("on-record-{n}-{rerun}");
            let time = INTENT + i64::from(rerun);
            match fate {
                1 => {
                    world.created(&identity, &id);
                    world.runs.push(shown(&id, n, time, Some(OURS)));
                }
                2 => {
                    world.adopted(&identity, &id);
                    world.runs.push(shown(&id, n, time, Some("exc_app")));
                }
                3 => world.created(&identity, &id),
                4 => world.intent(&identity, true),
                5 => world.intent(&identity, false),
                6 => world.rejected(&identity),
                7 => {
                    world.created(&identity, &id);
                    world.runs.push(shown(&id, n, time, Some("a-project")));
                }
                _ => {}
            }
            if *is_wanted {
                world.wanted.push(desired(identity));
            }
        }
        for (at, (created, client)) in others.iter().enumerate() {
            let client = [Some(OURS), Some("exc_app"), None][usize::from(*client)];
            let id = format!("free-{n}-{at}");
            world.runs.push(shown(&id, n, INTENT + created, client));
        }
    }
    world
}

fn worlds() -> impl Strategy<Value = FlowFixture> {
    let step = (0..8u8, any::<bool>());
    let others = prop::collection::vec((-7200..900i64, 0..3u8), 0..4);
    let one = (prop::collection::vec(step, 0..4), others);
    prop::collection::vec(one, 1..4).prop_map(|windows| world(&windows))
}

proptest! {
    #[test]
    fn an_apply_and_an_audit_agree_about_every_run_that_no_record_stands_for(world in worlds()) {
        let (settled, adopted) = world.apply();
        let facts = world.facts();
        let mut told: HashMap<RunId, Key> = HashMap::new();
        let mut traced: HashMap<RunId, Key> = HashMap::new();
        let mut beyond: HashSet<Window> = HashSet::new();
        for fact in &facts {
            match fact {
                Fact::Unknown { run, wanted } => {
                    prop_assert!(!settled.contains_key(&run.id), "settled, and unknown");
                    prop_assert_eq!(wanted.as_ref(), adopted.get(&run.id));
                    told.extend(wanted.map(|key| (run.id.clone(), key)));
                }
                Fact::Doubled { window, runs } => {
                    // Only where a run is left that the apply does not take.
                    prop_assert!(runs.iter().any(|(run, key)| key.is_none()
                        && !adopted.contains_key(&run.id)
                        && !settled.contains_key(&run.id)));
                    beyond.insert(*window);
                }
                Fact::InDoubt { record, trace: Trace::Shown(id) } => {
                    traced.insert(id.clone(), record.identity.key());
                }
                _ => {}
            }
        }
        prop_assert_eq!(&traced, &settled);
        // Of a doubled window all runs are told at once.
        let is_beyond = |id: &RunId| world.runs.iter().any(|run| {
            run.id == *id && run.window_evidence.window().is_some_and(|window| beyond.contains(&window))
        });
        for (id, key) in &adopted {
            // A run that contradicts a record is told as that.
            let contradicts = facts.iter().any(|fact| matches!(fact, Fact::Contradiction { run, .. } if run.id == *id));
            prop_assert!(told.get(id) == Some(key) || is_beyond(id) || contradicts);
        }
    }

    #[test]
    fn a_manifest_of_what_was_imported_finds_each_run_as_what_it_was_imported_as(
        runs in prop::collection::vec((0..3i64, 0..50i64, 0..3u8), 0..12),
    ) {
        let mut world = FlowFixture::new();
        for (at, (n, created, client)) in runs.iter().enumerate() {
            let client = [Some(OURS), Some("exc_app"), None][usize::from(*client)];
            world.runs.push(shown(&format!("r{at}"), *n, INTENT + created, client));
        }
        // A manifest from before, and a state that was lost since.
        let imported = gather(&flow_ref(), &world.runs, None).runs;
        world.wanted = imported.iter().map(|run| desired(run.identity.clone())).collect();
        let expected: HashMap<RunId, Key> = imported
            .iter()
            .map(|run| (run.run.id.clone(), run.identity.key()))
            .collect();
        prop_assert_eq!(world.apply().1, expected);
        prop_assert!(world.facts().iter().all(|fact| fact.kind() == FindingKind::Unknown));
    }
}
