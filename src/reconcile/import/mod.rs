//! Runs that people created by hand, turned into a manifest and entries of the state.
//!
//! [`gather`] takes what a flow lists and what the state has of it, and says which run becomes
//! which rerun of its window; [`ManifestDraft`] is the manifest that wants exactly these. Both are
//! pure. What cannot be told is left out and named: a run without a window, and the runs of a
//! window with one in doubt, which settling decides.

mod draft;
mod name;
mod ranges;
mod source;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::api::FlowRun;
use crate::reconcile::matching::RunsByWindow;
use crate::run::{FlowRef, Rerun, RunIdentity, RunStatus, Window};
use crate::state::{Entry, Evidence, Fate, State};

pub(crate) use draft::{FlowDraft, ManifestDraft};
pub(crate) use name::file_stems;
pub(crate) use source::{Undecided, source_of};

/// A flow of an import, with its manifest.
#[derive(Debug, Clone)]
pub(crate) struct ImportedFlow {
    pub flow: FlowRef,
    /// Its label.
    pub name: String,
    pub gathered: FlowImport,
    /// `None` where there is no run to want.
    pub manifest: Option<ImportedManifest>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportedManifest {
    /// Its path, as it is shown.
    pub path: String,
    /// Whether the file was there before, and held the same.
    pub was_there: bool,
    pub text: String,
}

/// What is imported of one flow, and what is not.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlowImport {
    /// The runs that the manifest wants, by window and rerun.
    pub runs: Vec<ImportedRun>,
    /// Runs without a window, oldest first: nobody can tell which they are.
    pub silent: Vec<FlowRun>,
    /// Runs of windows with one in doubt, oldest first: settling tells which run that is.
    pub in_doubt: Vec<FlowRun>,
    /// Runs that are on record for another flow.
    pub elsewhere: Vec<FlowRun>,
}

/// A run that the manifest wants.
#[derive(Debug, Clone)]
pub(crate) struct ImportedRun {
    /// Which run it is.
    pub identity: RunIdentity,
    pub run: FlowRun,
    /// How its window was recognised; `None` where it was on record before.
    pub adopt: Option<Evidence>,
}

impl FlowImport {
    /// How many runs are put on record.
    pub(crate) fn adopted(&self) -> usize {
        let runs = self.runs.iter();
        runs.filter(|kept| kept.adopt.is_some()).count()
    }

    /// The runs that failed, or some of whose records did.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &ImportedRun> {
        let is_failed =
            |kept: &&ImportedRun| matches!(kept.run.status, RunStatus::Failed | RunStatus::Partial);
        self.runs.iter().filter(is_failed)
    }

    /// The windows with more than one run, and how many each has.
    pub(crate) fn doubled(&self) -> impl Iterator<Item = (Window, usize)> {
        let mut times: BTreeMap<Window, usize> = BTreeMap::new();
        for kept in &self.runs {
            *times.entry(kept.identity.window).or_default() += 1;
        }
        times.into_iter().filter(|(_, times)| *times > 1)
    }

    /// Whether every run of the flow is on record, as far as can be told.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        let left_out = [&self.silent, &self.in_doubt, &self.elsewhere];
        left_out.into_iter().all(Vec::is_empty)
    }

    /// What the manifest wants, by window and rerun.
    #[must_use]
    pub(crate) fn windows(&self) -> Vec<(Window, Rerun)> {
        let identities = self.runs.iter().map(|kept| &kept.identity);
        identities.map(|run| (run.window, run.rerun)).collect()
    }

    /// The entries that put on record what is not yet.
    #[must_use]
    pub(crate) fn entries(&self, at: Timestamp) -> Vec<Entry> {
        self.runs
            .iter()
            .filter_map(
                |ImportedRun {
                     identity,
                     run,
                     adopt,
                 }| {
                    Some(Entry::Adopted {
                        run: identity.into(),
                        run_id: run.id.clone(),
                        evidence: adopt.clone()?,
                        at,
                    })
                },
            )
            .collect()
    }
}

/// Which of `runs`, the whole list of a flow, is which run.
///
/// The n-th run of a window is its rerun n, in the order of creation; those on record stay what
/// they are, and the others get the numbers that are free. A rejected request, and one that came
/// to nothing, leave theirs free: no run stands for them.
#[must_use]
pub(crate) fn gather(flow: &FlowRef, runs: &[FlowRun], state: Option<&State>) -> FlowImport {
    let mut taken: HashSet<(Window, Rerun)> = HashSet::new();
    let mut doubts: HashSet<Window> = HashSet::new();
    for record in state.into_iter().flat_map(|state| state.of_flow(flow)) {
        let identity = &record.identity;
        match &record.fate {
            Fate::Created { .. } => {
                taken.insert((identity.window, identity.rerun));
            }
            Fate::InDoubt(_) => {
                doubts.insert(identity.window);
            }
            Fate::Rejected { .. } | Fate::NotCreated(_) => {}
        }
    }

    let shared = Arc::new(flow.clone());
    let mut gathered = FlowImport::default();
    let mut free: Vec<&FlowRun> = Vec::new();
    let mut runs: Vec<&FlowRun> = runs.iter().collect();
    runs.sort_by_key(|run| (run.created_at, run.id.clone()));
    for run in runs {
        if let Some(identity) = state.and_then(|state| state.claim(&run.id)) {
            let record = state.and_then(|state| state.get(identity));
            let is_replaced = record.is_some_and(|it| it.fate.run_id() != Some(&run.id));
            if is_replaced {
                // A retry took its place, or may have.
            } else if *identity.flow == *flow {
                gathered.runs.push(ImportedRun {
                    identity: identity.clone(),
                    run: run.clone(),
                    adopt: None,
                });
            } else {
                gathered.elsewhere.push(run.clone());
            }
            continue;
        }
        match run.window_evidence.window() {
            None => gathered.silent.push(run.clone()),
            Some(window) if doubts.contains(&window) => gathered.in_doubt.push(run.clone()),
            Some(_) => free.push(run),
        }
    }
    let none = HashSet::new();
    for (window, rerun, run, evidence) in RunsByWindow::new(free, &none).numbered(&taken) {
        gathered.runs.push(ImportedRun {
            identity: RunIdentity {
                flow: Arc::clone(&shared),
                window,
                rerun,
            },
            run: run.clone(),
            adopt: Some(evidence),
        });
    }
    gathered.runs.sort_by(|a, b| a.identity.cmp(&b.identity));
    gathered
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::api::{RunTimes, WindowEvidence};
    use crate::run::{ByteCounts, RecordCounts, RunStatus};
    use crate::run::{FlowId, UnixSeconds};
    use crate::state::ClockedTime;

    fn flow(n: u8) -> FlowId {
        format!("00000000-0000-4000-8000-0000000000{n:02x}")
            .parse()
            .expect("a flow")
    }

    fn flow_ref(n: u8) -> FlowRef {
        FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: flow(n),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn window(n: i64) -> Window {
        let at = |s| UnixSeconds::new(s).expect("in range");
        Window::new(at(n * 100), at(n * 100 + 100)).expect("a window")
    }

    fn identity(flow_number: u8, n: i64, rerun: u32) -> RunIdentity {
        RunIdentity {
            flow: flow_ref(flow_number).into(),
            window: window(n),
            rerun: Rerun::new(rerun).expect("not 0"),
        }
    }

    fn run(id: &str, window_evidence: WindowEvidence, created: i64) -> FlowRun {
        FlowRun {
            id: id.parse().expect("a run id"),
            flow_id: Some(flow(1)),
            created_at: Some(at(created)),
            created_client: None,
            created_by: None,
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

    fn shown(id: &str, n: i64, created: i64) -> FlowRun {
        run(id, WindowEvidence::Params(window(n)), created)
    }

    fn state(entries: Vec<Entry>) -> State {
        let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
        for entry in entries {
            state.fold(entry).expect("a legal step");
        }
        state
    }

    fn adopted(identity: &RunIdentity, run_id: &str) -> Entry {
        Entry::Adopted {
            run: identity.into(),
            run_id: run_id.parse().expect("a run id"),
            evidence: Evidence::Params,
            at: at(0),
        }
    }

    fn intent(identity: &RunIdentity) -> Entry {
        Entry::Intent {
            run: identity.into(),
            at: ClockedTime {
                local: Some(at(0)),
                service: Some(at(0)),
            },
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        }
    }

    /// Which runs are kept as what, and whether they are new.
    fn kept(runs: &[FlowRun], state: Option<&State>) -> Vec<(String, i64, u32, bool)> {
        gather(&flow_ref(1), runs, state)
            .runs
            .into_iter()
            .map(
                |ImportedRun {
                     identity,
                     run,
                     adopt,
                 }| {
                    let n = identity.window.start().get() / 100;
                    (run.id.to_string(), n, identity.rerun.get(), adopt.is_some())
                },
            )
            .collect()
    }

    fn is(id: &str, n: i64, rerun: u32, new: bool) -> (String, i64, u32, bool) {
        (id.to_owned(), n, rerun, new)
    }

    #[test]
    fn the_nth_run_of_a_window_is_its_rerun_n_in_the_order_of_creation() {
        let runs = [
            shown("later", 1, 20),
            run("other", WindowEvidence::CopyActivity(window(0)), 30),
            shown("first", 1, 10),
        ];
        assert_eq!(
            kept(&runs, None),
            [
                is("other", 0, 1, true),
                is("first", 1, 1, true),
                is("later", 1, 2, true)
            ]
        );
    }

    #[test]
    fn what_is_on_record_stays_what_it_is_and_the_others_get_free_numbers() {
        let state = state(vec![
            adopted(&identity(1, 1, 2), "b"),
            adopted(&identity(1, 1, 3), "not-listed"),
        ]);
        let runs = [shown("a", 1, 10), shown("b", 1, 20), shown("c", 1, 30)];
        assert_eq!(
            kept(&runs, Some(&state)),
            [
                is("a", 1, 1, true),
                is("b", 1, 2, false),
                is("c", 1, 4, true)
            ]
        );
        let again = gather(&flow_ref(1), &runs, Some(&state));
        assert_eq!(again.entries(at(1)).len(), 2);
    }

    #[test]
    fn a_run_stands_for_a_request_that_was_believed_to_have_come_to_nothing() {
        let gone = identity(1, 1, 1);
        let state = state(vec![
            intent(&gone),
            Entry::NotCreated {
                key: gone.key(),
                evidence: Evidence::Lists {
                    readings: 2,
                    runs: 0,
                },
                at: at(5),
            },
        ]);
        let runs = [shown("a", 1, 10)];
        assert_eq!(kept(&runs, Some(&state)), [is("a", 1, 1, true)]);
    }

    #[test]
    fn the_runs_of_a_window_in_doubt_are_left_to_settling() {
        let state = state(vec![
            adopted(&identity(1, 1, 1), "known"),
            intent(&identity(1, 1, 2)),
            intent(&identity(2, 2, 1)),
        ]);
        let runs = [shown("known", 1, 10), shown("it", 1, 20), shown("b", 2, 30)];
        let gathered = gather(&flow_ref(1), &runs, Some(&state));
        let in_doubt: Vec<String> = gathered
            .in_doubt
            .iter()
            .map(|run| run.id.to_string())
            .collect();
        assert_eq!(in_doubt, ["it"]);
        assert_eq!(
            kept(&runs, Some(&state)),
            [is("known", 1, 1, false), is("b", 2, 1, true)],
            "a doubt of another flow is not in the way"
        );
    }

    #[test]
    fn runs_without_a_window_and_runs_of_other_flows_records_are_named_and_left_out() {
        let state = state(vec![
            adopted(&identity(2, 1, 1), "strayed"),
            adopted(&identity(1, 9, 1), "silent-but-known"),
        ]);
        let runs = [
            run("silent", WindowEvidence::Missing, 1),
            run("nonsense", WindowEvidence::Invalid, 2),
            run("silent-but-known", WindowEvidence::Missing, 3),
            shown("strayed", 1, 4),
        ];
        let gathered = gather(&flow_ref(1), &runs, Some(&state));
        let ids = |runs: &[FlowRun]| -> Vec<String> {
            runs.iter().map(|run| run.id.to_string()).collect()
        };
        assert_eq!(ids(&gathered.silent), ["silent", "nonsense"]);
        assert_eq!(ids(&gathered.elsewhere), ["strayed"]);
        assert_eq!(
            kept(&runs, Some(&state)),
            [is("silent-but-known", 9, 1, false)]
        );
    }
}
