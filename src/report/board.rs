//! The board: events folded into the counts that a display shows.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::plain;
use crate::engine::{Event, FlowLane, LaneId};

/// Where an apply stands.
#[derive(Debug, Clone, Default)]
pub struct Board {
    lanes: Vec<LaneBoard>,
    started: Option<Instant>,
    held_until: Option<Instant>,
    stopping: bool,
    /// For how long something could be sent until `at`: not while all flows settle, nor while the
    /// service asks to wait.
    sending_for: Duration,
    at: Option<Instant>,
    /// After how much of that time each of the last creations was seen, oldest first.
    recent: VecDeque<Duration>,
}

/// Where one flow stands.
#[derive(Debug, Clone)]
pub(super) struct LaneBoard {
    pub(super) name: String,
    pub(super) wanted: usize,
    pub(super) created: usize,
    pub(super) adopted: usize,
    pub(super) rejected: usize,
    pub(super) in_doubt: usize,
    pub(super) state: LaneState,
}

/// What a flow is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneState {
    /// Being checked.
    Checking,
    /// Sending.
    Open,
    /// A run of it is looked for; when it will be believed absent.
    Settling(Instant),
    /// Nothing is sent to it.
    Blocked,
}

impl LaneBoard {
    pub(super) fn done(&self) -> usize {
        self.created + self.adopted + self.rejected
    }

    pub(super) fn is_active(&self) -> bool {
        self.done() < self.wanted && self.state != LaneState::Blocked
    }
}

impl Board {
    /// Takes one event in.
    pub fn fold(&mut self, event: &Event, now: Instant) {
        self.sending_for = self.sending_for(now);
        self.at = Some(now);
        match event {
            Event::Started { lanes } => {
                self.started = Some(now);
                self.lanes = lanes.iter().map(LaneBoard::new).collect();
            }
            Event::Prepared { lane } => self.lane(*lane).state = LaneState::Open,
            Event::Blocked { lane, .. } => self.lane(*lane).state = LaneState::Blocked,
            Event::Created { lane, .. } => {
                self.lane(*lane).created += 1;
                let now = self.sending_for;
                self.recent.push_back(now);
                while self.recent.front().is_some_and(|first| {
                    now.saturating_sub(*first) > Duration::from_secs(10) && self.recent.len() > 20
                }) {
                    self.recent.pop_front();
                }
            }
            Event::Adopted { lane, .. } => {
                let lane = self.lane(*lane);
                lane.adopted += 1;
                lane.settled();
            }
            Event::Rejected { lane, .. } => self.lane(*lane).rejected += 1,
            Event::InDoubt { lane, .. } => self.lane(*lane).in_doubt += 1,
            Event::NotCreated { lane, .. } => self.lane(*lane).settled(),
            Event::Settling { lane, believed, .. } => {
                self.lane(*lane).state = LaneState::Settling(*believed);
            }
            Event::Throttled { until, .. } => self.held_until = Some(*until),
            Event::Stopping => self.stopping = true,
            Event::Sending { .. } | Event::NotSent { .. } | Event::Unclear { .. } => {}
        }
    }

    /// The label of a flow.
    #[must_use]
    pub fn name(&self, lane: LaneId) -> &str {
        self.lanes.get(lane).map_or("", |lane| &lane.name)
    }

    /// How many runs have come to an end.
    #[must_use]
    pub fn done(&self) -> usize {
        self.lanes.iter().map(LaneBoard::done).sum()
    }

    /// How many there are.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.lanes.iter().map(|lane| lane.wanted).sum()
    }

    pub(super) fn lanes(&self) -> &[LaneBoard] {
        &self.lanes
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Until when the service asked to wait, if that is still to come.
    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| now < *until)
    }

    /// For how long something could be sent so far.
    fn sending_for(&self, now: Instant) -> Duration {
        let is_open = |lane: &LaneBoard| lane.is_active() && lane.state == LaneState::Open;
        match self.at {
            Some(at) if self.lanes.iter().any(is_open) => {
                let since = self.held_until.map_or(at, |until| until.max(at));
                self.sending_for + now.saturating_duration_since(since)
            }
            _ => self.sending_for,
        }
    }

    /// Creations per second of late, while something could be sent.
    pub(super) fn rate(&self, now: Instant) -> Option<f64> {
        let first = *self.recent.front()?;
        let span = self.sending_for(now).saturating_sub(first).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
        let number = self.recent.len() as f64;
        (span > 0.2).then(|| number / span)
    }

    /// How long the rest will take: at the rate of late, and with the waits that are known. Each
    /// flow that settles waits for itself, and what the service asks to wait is waited by all.
    pub(super) fn eta(&self, now: Instant) -> Option<Duration> {
        let rate = self.rate(now)?;
        #[expect(clippy::cast_precision_loss, reason = "only shown, in whole seconds")]
        let sending = |runs: usize| Duration::from_secs_f64((runs as f64 / rate).min(1e7));
        let active = self.lanes.iter().filter(|lane| lane.is_active());
        let (mut left, mut longest) = (0, Duration::ZERO);
        for lane in active {
            let runs = lane.wanted - lane.done();
            left += runs;
            if let LaneState::Settling(believed) = lane.state {
                let wait = believed.saturating_duration_since(now);
                longest = longest.max(wait + sending(runs));
            }
        }
        let held = self
            .held_until(now)
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        (left > 0).then(|| held + sending(left).max(longest))
    }

    fn lane(&mut self, id: LaneId) -> &mut LaneBoard {
        &mut self.lanes[id]
    }
}

impl LaneBoard {
    fn new(lane: &FlowLane) -> Self {
        Self {
            name: plain(&lane.name, 60),
            wanted: lane.to_create + lane.in_doubt,
            created: 0,
            adopted: 0,
            rejected: 0,
            in_doubt: lane.in_doubt,
            state: LaneState::Checking,
        }
    }

    fn settled(&mut self) {
        self.in_doubt = self.in_doubt.saturating_sub(1);
        if self.in_doubt == 0 && matches!(self.state, LaneState::Settling(_)) {
            self.state = LaneState::Open;
        }
    }
}
