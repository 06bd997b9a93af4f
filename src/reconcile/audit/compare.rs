//! The comparison: every run and every record of a flow is accounted for, or is a finding.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::denial::contradicted;
use super::overlap::GuardedWindows;
use super::{Audit, Fact, Finding, FlowListing, Trace};
use crate::api::{ApiError, FlowRun, WindowEvidence};
use crate::reconcile::matching::{
    CreatorAttribution, Existing, IntentMatch, RunsByWindow, SoughtRun,
};
use crate::run::{DesiredRun, FlowRef, Key, Rerun, RunId, RunIdentity, RunStatus, Window};
use crate::state::{ClockedTime, Fate, InDoubt, Record, State};

/// What we have, beside what the sandbox shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuditInput<'a> {
    /// The state, read after the flows were looked at: what was listed then has its intent in it.
    pub state: Option<&'a State>,
    /// What the manifests want.
    pub wanted: &'a [DesiredRun],
    /// The `createdClient` of the runs that we create.
    pub api_key: &'a str,
    /// The present.
    pub now: Timestamp,
    /// How long after a request its run may still appear in a list.
    pub settle_delay: SignedDuration,
}

/// Compares the state with what was seen of each flow. No flow is in `looks` twice.
#[must_use]
pub(crate) fn compare(input: AuditInput<'_>, looks: &[FlowListing]) -> Audit {
    let mut of_flow: HashMap<&FlowRef, Vec<&Record>> = HashMap::new();
    let mut claims: HashMap<&RunId, &Record> = HashMap::new();
    for record in input.state.into_iter().flat_map(State::records) {
        let identity = &record.identity;
        of_flow.entry(&*identity.flow).or_default().push(record);
        for run_id in record.run_ids() {
            claims.insert(run_id, record);
        }
    }
    let mut wanted: HashMap<&FlowRef, Vec<&DesiredRun>> = HashMap::new();
    for run in input.wanted {
        wanted.entry(&*run.identity.flow).or_default().push(run);
    }

    let mut audit = Audit {
        flows: looks.len(),
        ..Audit::default()
    };
    let mut misfiled = HashSet::new();
    for look in looks {
        let flow = &look.flow;
        let mut records = of_flow.remove(flow).unwrap_or_default();
        records.sort_by(|a, b| a.identity.cmp(&b.identity));
        audit.records += records.len();
        let mut facts = match &look.seen {
            Err(error) => vec![Fact::Unreadable {
                why: error.to_string(),
                refused: matches!(error, ApiError::Refused(_)),
            }],
            Ok(runs) => {
                audit.runs += runs.len();
                let comparison = Comparison {
                    input,
                    flow,
                    records: &records,
                    claims: &claims,
                    wanted: wanted.get(&flow).map_or(&[], Vec::as_slice),
                    misfiled: &mut misfiled,
                    facts: Vec::new(),
                    too_new: 0,
                };
                let (facts, too_new) = comparison.facts(runs);
                audit.too_new += too_new;
                facts
            }
        };
        facts.sort_by_key(|fact| (fact.kind(), fact.window()));
        audit.findings.extend(facts.into_iter().map(|fact| Finding {
            flow: look.flow.clone(),
            name: look.name.clone(),
            fact,
        }));
    }
    audit.elsewhere = of_flow.values().map(Vec::len).sum();
    audit
}

/// What there is of one window.
#[derive(Default)]
struct AtWindow<'a> {
    /// The runs that show it, oldest first.
    runs: Vec<&'a FlowRun>,
    records: Vec<&'a Record>,
}

/// What the next apply does with the runs that no record stands for.
#[derive(Default)]
struct NextApply<'a> {
    /// What the windows of the runs tell of each record in doubt.
    of_intent: HashMap<Key, IntentMatch<'a>>,
    /// The runs by which a doubt is settled.
    settled: HashSet<RunId>,
    /// The runs that are adopted for a wanted run.
    adopted: HashMap<&'a RunId, Key>,
}

struct Comparison<'a, 'b> {
    input: AuditInput<'a>,
    flow: &'b FlowRef,
    /// The records of the flow.
    records: &'b [&'a Record],
    /// The records of all flows, by the run they stand for.
    claims: &'b HashMap<&'a RunId, &'a Record>,
    wanted: &'b [&'a DesiredRun],
    /// Runs that are known to differ from their records: told once.
    misfiled: &'b mut HashSet<RunId>,
    facts: Vec<Fact>,
    /// Records too new for a list to show.
    too_new: usize,
}

impl Comparison<'_, '_> {
    /// What differs, and how many records are too new to be missed.
    fn facts(mut self, runs: &[FlowRun]) -> (Vec<Fact>, usize) {
        self.recorded(runs);
        let mut windows: BTreeMap<Window, AtWindow<'_>> = BTreeMap::new();
        let mut silent: Vec<&FlowRun> = Vec::new();
        for run in runs {
            if run.flow_id.is_some_and(|flow_id| flow_id != self.flow.id) {
                continue; // found by the id on record, which `recorded` has judged
            }
            match (run.window_evidence, self.claims.contains_key(&run.id)) {
                (WindowEvidence::Params(window) | WindowEvidence::CopyActivity(window), _) => {
                    windows.entry(window).or_default().runs.push(run);
                }
                (WindowEvidence::Invalid | WindowEvidence::Missing, true) => {}
                (WindowEvidence::Invalid | WindowEvidence::Missing, false) => silent.push(run),
            }
        }
        for record in self.records {
            let at = windows.entry(record.identity.window).or_default();
            at.records.push(record);
        }
        let shown = windows.values().flat_map(|at| at.runs.iter().copied());
        let next = self.next_apply(runs, shown);
        let guarded = GuardedWindows::of(self.records, self.wanted);
        for (window, mut at) in windows {
            at.runs.sort_by_key(|run| (run.created_at, run.id.clone()));
            self.window(window, &at, &silent, &next, &guarded);
        }
        let unknown = silent.into_iter().map(|run| Fact::Unknown {
            run: run.clone(),
            wanted: None,
        });
        self.facts.extend(unknown);
        (self.facts, self.too_new)
    }

    /// The records whose runs are known by id, each with its run; those of other flows too, where
    /// their run is seen in this one.
    fn recorded(&mut self, runs: &[FlowRun]) {
        let by_id: HashMap<&RunId, &FlowRun> = runs.iter().map(|run| (&run.id, run)).collect();
        let succeeded = self.succeeded(&by_id);
        for record in self.records {
            let Fate::Created { run_id, at, .. } = &record.fate else {
                continue;
            };
            let RunIdentity { window, rerun, .. } = &record.identity;
            // Its data came with a later rerun, which is what those who were told of it ask for.
            let is_made_good = succeeded.get(window).is_some_and(|later| later > rerun);
            let Some(run) = by_id.get(run_id).copied() else {
                if self.is_too_new(*at) {
                    self.too_new += 1;
                } else if !is_made_good {
                    self.facts.push(Fact::Vanished(Record::clone(record)));
                }
                continue;
            };
            if matches!(run.status, RunStatus::Failed | RunStatus::Partial) && !is_made_good {
                // One that was retried may be listed as it was before.
                let is_old = record.is_of_attempt_before(&run.seen(self.input.now));
                if is_old && self.is_too_new(*at) {
                    self.too_new += 1;
                } else {
                    self.facts.push(Fact::Failed {
                        record: Record::clone(record),
                        run: run.clone(),
                    });
                }
            }
            if shows_another(run, record) && self.misfiled.insert(run.id.clone()) {
                self.facts.push(Fact::Differs {
                    record: Record::clone(record),
                    run: run.clone(),
                });
            }
        }
        for run in runs {
            let Some(record) = self.claims.get(&run.id) else {
                continue;
            };
            let is_here = *record.identity.flow == *self.flow;
            if !is_here && self.misfiled.insert(run.id.clone()) {
                self.facts.push(Fact::Differs {
                    record: Record::clone(record),
                    run: run.clone(),
                });
            }
        }
    }

    /// The last rerun of each window that has succeeded.
    fn succeeded(&self, by_id: &HashMap<&RunId, &FlowRun>) -> HashMap<Window, Rerun> {
        let mut succeeded = HashMap::new();
        // By their identities: a later rerun comes later.
        for record in self.records {
            let run = record.fate.run_id().and_then(|id| by_id.get(id).copied());
            if let Some(run) = run
                && run.status == RunStatus::Success
                && !shows_another(run, record)
            {
                let RunIdentity { window, rerun, .. } = record.identity;
                succeeded.insert(window, rerun);
            }
        }
        succeeded
    }

    /// Whether a list need not show yet what was sent or recorded then.
    fn is_too_new(&self, at: Timestamp) -> bool {
        self.input.now.duration_since(at) < self.input.settle_delay
    }

    fn window(
        &mut self,
        window: Window,
        at: &AtWindow<'_>,
        silent: &[&FlowRun],
        next: &NextApply<'_>,
        guarded: &GuardedWindows<'_>,
    ) {
        let AtWindow { runs, records } = at;
        let claim = |run: &FlowRun| self.claims.get(&run.id).copied();
        let free: Vec<&FlowRun> = runs
            .iter()
            .copied()
            .filter(|run| claim(run).is_none() && !next.settled.contains(&run.id))
            .collect();
        let adopted = &next.adopted;

        let mut facts = Vec::new();
        for record in records {
            if let Fate::InDoubt(in_doubt) = &record.fate {
                let InDoubt { intent, doubt, .. } = &**in_doubt;
                // An apply may be at work, and its request on its way.
                if doubt.is_none() && self.is_too_new(intent.time()) {
                    self.too_new += 1;
                    continue;
                }
                let trace = trace(next.of_intent.get(&record.identity.key()), *intent, silent);
                let record = Record::clone(record);
                facts.push(Fact::InDoubt { record, trace });
            }
        }
        let mut contradicting = HashSet::new();
        for run in &free {
            if let Some((record, denial)) = contradicted(run, records) {
                contradicting.insert(&run.id);
                facts.push(Fact::Contradiction {
                    record: record.clone(),
                    denial,
                    run: FlowRun::clone(run),
                });
            }
        }
        // A run that a record of another window stands for is one too many here as well.
        let is_stray = |run: &FlowRun| {
            claim(run).is_some_and(|record| {
                (record.identity.flow.id, record.identity.window) != (self.flow.id, window)
            })
        };
        // What has ingested nothing is none too many.
        let counts = |run: &FlowRun| !run.status.is_retriable();
        let is_beyond = free
            .iter()
            .any(|run| counts(run) && !adopted.contains_key(&run.id))
            || runs.iter().any(|run| counts(run) && is_stray(run));
        if is_beyond && runs.iter().filter(|run| counts(run)).count() > 1 {
            let runs = runs.iter().map(|run| {
                let key = claim(run).map(|record| record.identity.key());
                (FlowRun::clone(run), key)
            });
            facts.push(Fact::Doubled {
                window,
                runs: runs.collect(),
            });
        } else {
            let is_on_record = runs.iter().any(|run| claim(run).is_some());
            for run in free {
                let wanted = adopted.get(&run.id).copied();
                let is_harmless = run.status.is_retriable() && is_on_record && wanted.is_none();
                if is_harmless || contradicting.contains(&run.id) {
                    continue;
                }
                let with = guarded.overlapped_by(run);
                let run = FlowRun::clone(run);
                facts.push(if with.is_empty() || wanted.is_some() {
                    Fact::Unknown { run, wanted }
                } else {
                    Fact::Overlap { run, with }
                });
            }
        }
        self.facts.append(&mut facts);
    }

    /// What the next apply settles and adopts, by the rule that it goes by itself: of the windows
    /// with a run that stays in doubt it adopts none.
    fn next_apply<'r>(
        &self,
        runs: &[FlowRun],
        shown: impl Iterator<Item = &'r FlowRun> + Clone,
    ) -> NextApply<'r> {
        let mut claimed: HashSet<RunId> = HashSet::new();
        let mut created: HashSet<RunId> = HashSet::new();
        for run in runs {
            if let Some(record) = self.claims.get(&run.id) {
                claimed.insert(run.id.clone());
                if matches!(record.fate, Fate::Created { adopted: None, .. }) {
                    created.insert(run.id.clone());
                }
            }
        }
        let mut next = NextApply::default();
        let mut undecided: HashSet<Window> = HashSet::new();
        let (doubts, intents): (Vec<&RunIdentity>, Vec<SoughtRun>) = self
            .records
            .iter()
            .filter_map(|record| match &record.fate {
                Fate::InDoubt(in_doubt) => {
                    let sought = SoughtRun {
                        window: record.identity.window,
                        rerun: record.identity.rerun,
                        intent: in_doubt.intent,
                        is_retry: in_doubt.retry.is_some(),
                    };
                    Some((&record.identity, sought))
                }
                _ => None,
            })
            .unzip();
        let found =
            RunsByWindow::new(shown.clone(), &claimed).of_intents(&intents, self.input.api_key);
        for (identity, found) in doubts.into_iter().zip(found) {
            if let IntentMatch::Run(run, _) = &found {
                next.settled.insert(run.id.clone());
            } else {
                undecided.insert(identity.window);
            }
            next.of_intent.insert(identity.key(), found);
        }
        claimed.extend(next.settled.iter().cloned());
        let may_exist: HashSet<Key> = self
            .records
            .iter()
            .filter(|record| record.fate.may_exist())
            .map(|record| record.identity.key())
            .collect();
        let wanted = self.wanted.iter().copied().filter(|wanted| {
            !may_exist.contains(&wanted.key()) && !undecided.contains(&wanted.identity.window)
        });
        let clients = CreatorAttribution::learn(self.input.api_key, runs, &created);
        next.adopted = RunsByWindow::new(shown, &claimed)
            .wanted(wanted, clients)
            .into_iter()
            .filter_map(|(wanted, existing)| match existing {
                Existing::Run(run, _) => Some((&run.id, wanted.key())),
                Existing::InTheWay(..) => None,
            })
            .collect();
        next
    }
}

/// What could close a doubt.
fn trace(found: Option<&IntentMatch<'_>>, intent: ClockedTime, silent: &[&FlowRun]) -> Trace {
    match found {
        Some(IntentMatch::Run(run, _)) => return Trace::Shown(run.id.clone()),
        Some(IntentMatch::CannotTell(run)) => return Trace::Unclear(run.id.clone()),
        Some(IntentMatch::None) | None => {}
    }
    let silent: Vec<RunId> = silent
        .iter()
        .filter(|run| run.window_evidence == WindowEvidence::Missing && run.may_be_since(intent))
        .map(|run| run.id.clone())
        .collect();
    if silent.is_empty() {
        Trace::Nothing
    } else {
        Trace::Silent(silent)
    }
}

/// Whether the run is of another flow than its record, or of another window, where it shows one.
fn shows_another(run: &FlowRun, record: &Record) -> bool {
    let other_flow = run
        .flow_id
        .is_some_and(|flow_id| flow_id != record.identity.flow.id);
    let other_window = match run.window_evidence {
        WindowEvidence::Params(window) | WindowEvidence::CopyActivity(window) => {
            window != record.identity.window
        }
        WindowEvidence::Invalid => true,
        WindowEvidence::Missing => false,
    };
    other_flow || other_window
}
