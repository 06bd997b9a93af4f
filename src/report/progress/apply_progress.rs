//! What an apply has come to so far: events folded into the counts that a display shows.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{ActiveRuns, Event, FlowEvent, FlowIndex, FlowStarted, RunOutcome};
use crate::reconcile::status::Status;
use crate::report::plain;
use crate::run::{Key, RunId, RunIdentity, RunStatus, WindowStatus};

/// Where an apply stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct ApplyProgress {
    flows: Vec<FlowProgress>,
    started: Option<Instant>,
    held_until: Option<Instant>,
    stopping: bool,
    /// For how long something could be sent until `at`: not while all flows settle, nor while the
    /// service asks to wait.
    is_retry: bool,
    sending_for: Duration,
    at: Option<Instant>,
    /// After how much of that time each of the last creations was seen, oldest first.
    recent: VecDeque<Duration>,
}

/// Where one flow stands.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct FlowProgress {
    pub(in crate::report) name: String,
    pub(in crate::report) wanted: usize,
    pub(in crate::report) created: usize,
    pub(in crate::report) adopted: usize,
    pub(in crate::report) rejected: usize,
    pub(in crate::report) in_doubt: BTreeSet<Key>,
    /// How many runs are followed that existed before; `None` where runs are not followed.
    pub(in crate::report) to_follow: Option<usize>,
    /// Runs that were followed to their end.
    pub(in crate::report) finished: usize,
    /// Those of them that failed.
    pub(in crate::report) failed: usize,
    pub(in crate::report) state: FlowState,
    /// Those that are followed and have not finished.
    pub(in crate::report) running: BTreeSet<RunId>,
    /// The runs that others wait for (`maxActiveRuns`), while they do.
    pub(in crate::report) waits_for: Option<ActiveRuns>,
    /// Whether what was told of these last is worth a line: it is the first, or others run.
    pub(in crate::report) is_wait_news: bool,
    /// When something happened last.
    pub(in crate::report) since: Option<Instant>,
}

/// What a flow is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::report) enum FlowState {
    /// Being checked.
    #[default]
    Checking,
    /// Sending.
    Open,
    /// A run of it is looked for; when it will be believed absent.
    Settling(Instant),
    /// Nothing is sent to it.
    Blocked,
}

impl FlowProgress {
    pub(in crate::report) fn done(&self) -> usize {
        self.created + self.adopted + self.rejected
    }

    /// Whether something of it is still to be sent.
    pub(in crate::report) fn is_sending(&self) -> bool {
        self.done() < self.wanted && self.state != FlowState::Blocked
    }

    /// How many runs are followed in all; none where runs are not.
    pub(in crate::report) fn followed(&self) -> usize {
        let created = self.created + self.adopted;
        self.to_follow.map_or(0, |before| before + created)
    }

    /// How many of them have not finished.
    pub(in crate::report) fn unfinished(&self) -> usize {
        self.followed().saturating_sub(self.finished)
    }

    pub(in crate::report) fn is_active(&self) -> bool {
        self.is_sending() || self.unfinished() > 0
    }

    /// Whether something of it is waited for.
    pub(in crate::report) fn is_waiting(&self) -> bool {
        self.is_sending() || !self.running.is_empty()
    }
}

impl ApplyProgress {
    /// Where the runs of a status stand: nothing is sent, all are followed.
    pub(crate) fn of_status(status: &Status) -> Self {
        let flows = status
            .rows
            .chunk_by(|a, b| a.identity.flow == b.identity.flow);
        let flows = flows.map(|rows| {
            let finished = rows.iter().filter(|row| !row.is_unfinished()).count();
            let failed = rows
                .iter()
                .filter(|row| row.status() == WindowStatus::Failed);
            FlowProgress {
                name: plain(&rows[0].name, 60),
                to_follow: Some(rows.len()),
                finished,
                failed: failed.count(),
                state: FlowState::Open,
                ..FlowProgress::default()
            }
        });
        Self {
            flows: flows.collect(),
            ..Self::default()
        }
    }

    /// Takes one event in.
    pub(crate) fn fold(&mut self, event: &Event, now: Instant) {
        self.sending_for = self.sending_for(now);
        self.at = Some(now);
        match event {
            Event::Started { flows, is_retry } => {
                self.is_retry = *is_retry;
                self.started = Some(now);
                self.flows = flows.iter().map(FlowProgress::new).collect();
                for flow in &mut self.flows {
                    flow.since = Some(now);
                }
            }
            Event::Flow(flow, event) => self.fold_flow(*flow, event),
            Event::Throttled { until, .. } => self.held_until = Some(*until),
            Event::Stopping => self.stopping = true,
            Event::Deadline => {}
        }
    }

    fn fold_flow(&mut self, id: FlowIndex, event: &FlowEvent) {
        let flow = &mut self.flows[id];
        flow.since = self.at;
        match event {
            FlowEvent::Prepared => flow.state = FlowState::Open,
            FlowEvent::Blocked(_) => flow.state = FlowState::Blocked,
            FlowEvent::Outcome(run, outcome) => match outcome {
                RunOutcome::Created(run_id) => {
                    flow.created += 1;
                    flow.waits_for = None;
                    flow.follow(run_id);
                    let now = self.sending_for;
                    self.recent.push_back(now);
                    while self.recent.front().is_some_and(|first| {
                        now.saturating_sub(*first) > Duration::from_secs(10)
                            && self.recent.len() > 20
                    }) {
                        self.recent.pop_front();
                    }
                }
                RunOutcome::Adopted(run_id, _) => {
                    flow.adopted += 1;
                    flow.follow(run_id);
                    flow.settled(run);
                }
                RunOutcome::Rejected(_) => flow.rejected += 1,
                RunOutcome::InDoubt(_) => {
                    flow.in_doubt.insert(run.key());
                }
                RunOutcome::Unchanged | RunOutcome::Remaining(_) => {}
            },
            FlowEvent::NotCreated(run) => flow.settled(run),
            FlowEvent::Settling { believed, .. } => flow.state = FlowState::Settling(*believed),
            FlowEvent::Ended { run_id, seen, .. } => {
                flow.running.remove(run_id);
                flow.finished += 1;
                flow.failed += usize::from(seen.status == RunStatus::Failed);
            }
            FlowEvent::Waiting(active) => {
                let others = flow.waits_for.as_ref().map(|before| &before.others);
                flow.is_wait_news = others != Some(&active.others);
                flow.waits_for = Some(active.clone());
            }
            FlowEvent::NotFollowed(_) => flow.running.clear(),
            FlowEvent::Sending(_) | FlowEvent::NotSent(..) => {}
        }
    }

    /// Whether failed runs are run again.
    pub(in crate::report) fn is_retry(&self) -> bool {
        self.is_retry
    }

    /// Whether what was told last of the runs that a flow waits for is worth a line.
    pub(in crate::report) fn is_wait_news(&self, flow: FlowIndex) -> bool {
        self.flows.get(flow).is_some_and(|flow| flow.is_wait_news)
    }

    /// The label of a flow.
    #[must_use]
    pub(crate) fn name(&self, flow: FlowIndex) -> &str {
        self.flows.get(flow).map_or("", |flow| &flow.name)
    }

    /// How many runs have come to an end.
    #[must_use]
    pub(crate) fn done(&self) -> usize {
        self.flows.iter().map(FlowProgress::done).sum()
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn wanted(&self) -> usize {
        self.flows.iter().map(|flow| flow.wanted).sum()
    }

    pub(in crate::report) fn flows(&self) -> &[FlowProgress] {
        &self.flows
    }

    pub(in crate::report) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Until when the service asked to wait, if that is still to come.
    pub(in crate::report) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| now < *until)
    }

    /// For how long something could be sent so far.
    fn sending_for(&self, now: Instant) -> Duration {
        let is_open = |flow: &FlowProgress| flow.is_sending() && flow.state == FlowState::Open;
        match self.at {
            Some(at) if self.flows.iter().any(is_open) => {
                let since = self.held_until.map_or(at, |until| until.max(at));
                self.sending_for + now.saturating_duration_since(since)
            }
            _ => self.sending_for,
        }
    }

    /// Creations per second of late, while something could be sent.
    pub(in crate::report) fn rate(&self, now: Instant) -> Option<f64> {
        let first = *self.recent.front()?;
        let span = self.sending_for(now).saturating_sub(first).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
        let number = self.recent.len() as f64;
        (span > 0.2).then(|| number / span)
    }

    /// How long the rest will take: at the rate of late, and with the waits that are known. Each
    /// flow that settles waits for itself, and what the service asks to wait is waited by all.
    pub(in crate::report) fn eta(&self, now: Instant) -> Option<Duration> {
        let rate = self.rate(now)?;
        #[expect(clippy::cast_precision_loss, reason = "only shown, in whole seconds")]
        let sending = |runs: usize| Duration::from_secs_f64((runs as f64 / rate).min(1e7));
        let active = self.flows.iter().filter(|flow| flow.is_sending());
        let (mut left, mut longest) = (0, Duration::ZERO);
        for flow in active {
            let runs = flow.wanted - flow.done();
            left += runs;
            if let FlowState::Settling(believed) = flow.state {
                let wait = believed.saturating_duration_since(now);
                longest = longest.max(wait + sending(runs));
            }
        }
        let held = self
            .held_until(now)
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        (left > 0).then(|| held + sending(left).max(longest))
    }

    /// When something happened last.
    pub(in crate::report) fn last_event(&self) -> Option<Instant> {
        self.at
    }
}

impl FlowProgress {
    fn new(flow: &FlowStarted) -> Self {
        let FlowStarted {
            name,
            flow: _,
            to_create,
            in_doubt,
            to_follow,
        } = flow;
        Self {
            name: plain(name, 60),
            wanted: to_create + in_doubt.len(),
            in_doubt: in_doubt.iter().copied().collect(),
            to_follow: to_follow.as_ref().map(Vec::len),
            running: to_follow.iter().flatten().cloned().collect(),
            ..Self::default()
        }
    }

    /// A run exists now: it is followed, if runs are.
    fn follow(&mut self, run_id: &RunId) {
        if self.to_follow.is_some() {
            self.running.insert(run_id.clone());
        }
    }

    fn settled(&mut self, run: &RunIdentity) {
        self.in_doubt.remove(&run.key());
        if self.in_doubt.is_empty() && matches!(self.state, FlowState::Settling(_)) {
            self.state = FlowState::Open;
        }
    }
}
