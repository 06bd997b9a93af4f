//! The windows of the page: for each its status, what is known of its run, and why it stands where it
//! does.
//!
//! Joins what there is still to do (a plan), what is remembered (the state), and what the verb has just
//! learnt: lists of the service, or what became of each run of an apply. Decides nothing anew.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;

use crate::engine::{Applied, LeftReason, RunOutcome};
use crate::plan::{Action, Known, Limit, Plan, PlannedRun};
use crate::reconcile::Blocked;
use crate::reconcile::status::{RunListing, Status, StatusRow};
use crate::report::outcome::{BlockedFlow, describe_left};
use crate::report::plain;
use crate::report::reason::{
    describe_absence, describe_fate, describe_found, describe_paused, reasons,
};
use crate::run::{DesiredRun, FlowRef, RunId, RunIdentity, RunStatus, WindowStatus};
use crate::state::{Fate, LastSeen, Record, Refusal, State};

/// How much of what was said is shown.
const MOST_SAID: usize = 700;

/// A window of the page.
#[derive(Debug)]
pub(super) struct PageWindow<'a> {
    pub(super) identity: &'a RunIdentity,
    /// Who asks for it; `None` where no manifest does.
    pub(super) desired: Option<&'a DesiredRun>,
    pub(super) status: WindowStatus,
    /// Adobe's code of its error, or nothing. Harmless, as the note is.
    pub(super) code: String,
    /// What was said, or why it stands where it does.
    pub(super) note: String,
    /// The request that was refused, for a support ticket; or nothing.
    pub(super) request_id: String,
    pub(super) run_id: Option<RunId>,
    /// Which attempt it is, from 1.
    pub(super) attempt: usize,
    pub(super) seen: Option<Cow<'a, LastSeen>>,
}

/// What is known besides a plan.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    state: Option<&'a State>,
    listed: HashMap<&'a RunIdentity, &'a StatusRow>,
    outcomes: HashMap<&'a RunIdentity, &'a RunOutcome>,
    blocked: HashMap<&'a FlowRef, &'a Blocked>,
    now: Timestamp,
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        state: Option<&'a State>,
        status: Option<&'a Status>,
        applied: Option<&'a Applied>,
        now: Timestamp,
    ) -> Self {
        let rows = status.into_iter().flat_map(|status| &status.rows);
        let runs = applied.into_iter().flat_map(|applied| &applied.runs);
        let changed = runs.filter(|(_, outcome)| *outcome != RunOutcome::Unchanged);
        Self {
            state,
            listed: rows.map(|row| (&row.identity, row)).collect(),
            outcomes: changed
                .map(|(run, outcome)| (&run.identity, outcome))
                .collect(),
            blocked: HashMap::new(),
            now,
        }
    }

    /// The same, and that nothing can be sent to these flows.
    pub(super) fn with_blocked(self, blocked: &'a [BlockedFlow]) -> Self {
        let reason = |it: &'a BlockedFlow| (&it.flow, &it.reason);
        Self {
            blocked: blocked.iter().map(reason).collect(),
            ..self
        }
    }

    /// Every window of `plan`, by sandbox, flow, window and rerun.
    pub(super) fn windows(&self, plan: &'a Plan) -> Vec<PageWindow<'a>> {
        let limit = plan.limit();
        let mut windows: Vec<PageWindow<'a>> = plan
            .runs()
            .iter()
            .map(|planned| self.planned(planned, None))
            .chain(plan.held_back().iter().map(|it| self.planned(it, limit)))
            .chain(plan.orphaned().iter().map(|known| self.orphaned(known)))
            .collect();
        windows.sort_by(|a, b| a.identity.cmp(b.identity));
        windows
    }

    fn planned(&self, planned: &'a PlannedRun, limit: Option<Limit>) -> PageWindow<'a> {
        let mut window = self.window(&planned.run.identity, planned.status());
        window.desired = Some(&planned.run);
        let record = self.record(window.identity);
        let known = planned.known.as_deref();
        match planned.action {
            Action::Create => {
                if let Some(Fate::NotCreated(absence)) = record.map(|record| &record.fate) {
                    window.note = describe_absence(absence);
                }
            }
            // What blocks it is put over it.
            Action::Retry | Action::Blocked => {}
            Action::Again => {
                if let Some(Fate::Rejected { refusal, .. }) = known.map(|known| &known.fate) {
                    window.refused(refusal);
                }
            }
            Action::Unchanged => {
                window.run_id = record.and_then(|record| record.fate.run_id().cloned());
                window.saw(record.and_then(|it| it.last_seen()).map(Cow::Borrowed));
            }
            Action::Adopt => {
                window.run_id = known.and_then(|known| known.fate.run_id().cloned());
                window.note = known.map_or_else(String::new, describe_found);
            }
            Action::Paused => window.note = describe_paused(&planned.run.request),
            Action::Settle | Action::Unreviewed | Action::Wait | Action::Conflict => {
                window.note = reasons(planned).join("; ");
            }
        }
        if let Some(limit) = limit {
            // What was rejected stays that: its reason matters more than the limit.
            if window.status == WindowStatus::New {
                window.status = WindowStatus::HeldBack;
                window.note = format!("held back by {} ({})", limit.name(), limit.most());
            }
        }
        self.overlay(&mut window);
        window
    }

    fn orphaned(&self, known: &'a Known) -> PageWindow<'a> {
        let mut window = self.window(&known.identity, known.status());
        window.run_id = known.fate.run_id().cloned();
        window.saw(known.last_seen.as_ref().map(Cow::Borrowed));
        self.overlay(&mut window);
        if matches!(known.fate, Fate::InDoubt(_)) {
            window.status = WindowStatus::InDoubt;
            window.note = describe_fate(&known.fate);
        } else {
            // How its run ended is no matter of the manifests; its code and its message stay.
            let ended = format!("its run: {}", window.status.label());
            window.note = match window.note.as_str() {
                "" => ended,
                note => format!("{ended}; {note}"),
            };
            window.status = WindowStatus::Orphaned;
        }
        window
    }

    fn record(&self, identity: &RunIdentity) -> Option<&'a Record> {
        self.state.and_then(|state| state.get(identity))
    }

    fn window(&self, identity: &'a RunIdentity, status: WindowStatus) -> PageWindow<'a> {
        PageWindow {
            identity,
            desired: None,
            status,
            code: String::new(),
            note: String::new(),
            request_id: String::new(),
            run_id: None,
            attempt: self.record(identity).map_or(1, Record::attempt),
            seen: None,
        }
    }

    /// Puts what the verb has learnt over what was remembered.
    fn overlay(&self, window: &mut PageWindow<'a>) {
        if let Some(row) = self.listed.get(window.identity) {
            match &row.seen {
                RunListing::Run(run) => window.saw(Some(Cow::Owned(run.seen(self.now)))),
                RunListing::RunsAgain => {
                    window.status = WindowStatus::Scheduled;
                    window.note = "it was retried, and the list shows it as it was before".into();
                }
                RunListing::NotListed if row.run_id.is_some() => {
                    window.status = WindowStatus::NotListed;
                }
                RunListing::Sending => {
                    window.status = WindowStatus::Scheduled;
                    window.note = "it is being sent".into();
                }
                // As it was last recorded.
                RunListing::NotListed | RunListing::NotRead | RunListing::Rejected(_) => {}
            }
        }
        if let Some(why) = self.blocked.get(&*window.identity.flow) {
            window.block(why);
        }
        match self.outcomes.get(window.identity) {
            None | Some(RunOutcome::Unchanged) => {}
            Some(RunOutcome::Created(run_id) | RunOutcome::Adopted(run_id, _)) => {
                if window.run_id.is_none() {
                    window.status = WindowStatus::Created;
                    window.run_id = Some(run_id.clone());
                }
            }
            Some(RunOutcome::Rejected(refusal)) => {
                window.status = WindowStatus::Rejected;
                window.refused(refusal);
            }
            Some(RunOutcome::InDoubt(doubt)) => {
                window.status = WindowStatus::InDoubt;
                window.note = plain(doubt, MOST_SAID);
            }
            Some(RunOutcome::Remaining(LeftReason::Blocked(why))) => window.block(why),
            Some(RunOutcome::Remaining(left)) => {
                if let LeftReason::InTheWay(_) = left {
                    window.status = WindowStatus::Conflict;
                } else if window.status == WindowStatus::New
                    && !matches!(left, LeftReason::Interrupted | LeftReason::Ended)
                {
                    window.status = WindowStatus::HeldBack;
                }
                window.note = plain(&describe_left(left), MOST_SAID);
            }
        }
    }
}

impl<'a> PageWindow<'a> {
    /// Its run exists, and was seen so.
    fn saw(&mut self, seen: Option<Cow<'a, LastSeen>>) {
        self.status = WindowStatus::Created;
        let Some(seen) = seen else { return };
        self.status = WindowStatus::from(&seen.status);
        self.code = seen
            .code
            .as_ref()
            .map_or_else(String::new, |it| plain(it, 80));
        self.note = match (&seen.message, &seen.status) {
            (Some(message), _) => plain(message, MOST_SAID),
            (None, RunStatus::Unknown(word)) => {
                format!("the service calls it `{}`", plain(word, 40))
            }
            (None, _) => String::new(),
        };
        self.seen = Some(seen);
    }

    /// Nothing can be sent to its flow, if it is to be sent.
    fn block(&mut self, why: &Blocked) {
        if matches!(self.status, WindowStatus::New | WindowStatus::HeldBack) {
            self.status = WindowStatus::Blocked;
            self.note = plain(why, MOST_SAID);
        }
    }

    fn refused(&mut self, refusal: &Refusal) {
        let Refusal {
            status,
            code,
            message,
            request_id,
        } = refusal;
        self.code = code.as_ref().map_or_else(String::new, |it| plain(it, 80));
        self.note = format!("HTTP {status}: {}", plain(message, MOST_SAID));
        self.request_id = request_id
            .as_ref()
            .map_or_else(String::new, |it| plain(it, 100));
    }
}
