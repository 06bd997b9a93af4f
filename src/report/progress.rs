//! The progress display on a terminal: one bar in all, and one for each active flow up to eight.
//!
//! What the bars say is [`frame`], a function of the [`Board`] and the time; the rest of this file
//! only hands it to indicatif.

use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::board::{LaneBoard, LaneState};
use super::lines::wall_clock;
use super::{Board, plural};

/// How many flows have a bar of their own.
const BARS: usize = 8;
/// How wide a flow's name is shown.
const NAME: usize = 24;

/// What the display shows at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Frame {
    lanes: Vec<Bar>,
    total: Bar,
}

#[derive(Debug, Clone, PartialEq)]
struct Bar {
    name: String,
    done: usize,
    wanted: usize,
    note: String,
}

fn frame(board: &Board, now: Instant) -> Frame {
    let active: Vec<&LaneBoard> = board
        .lanes()
        .iter()
        .filter(|lane| lane.is_active())
        .collect();
    let lanes = active
        .iter()
        .take(BARS)
        .map(|lane| lane_bar(lane))
        .collect();
    let mut notes = Vec::new();
    if board.is_stopping() {
        notes.push("stopping".to_owned());
    } else if let Some(until) = board.held_until(now) {
        notes.push(format!("throttled until {}", wall_clock(until)));
    } else {
        if let Some(rate) = board.rate(now) {
            notes.push(format!("{rate:.1}/s"));
        }
        if let Some(eta) = board.eta(now) {
            notes.push(format!("{} left", duration(eta)));
        }
    }
    if active.len() > BARS {
        let more = active.len() - BARS;
        notes.push(format!("{more} more flow{}", plural(more)));
    }
    Frame {
        lanes,
        total: Bar {
            name: "in all".to_owned(),
            done: board.done(),
            wanted: board.wanted(),
            note: notes.join(", "),
        },
    }
}

fn lane_bar(lane: &LaneBoard) -> Bar {
    let mut notes = Vec::new();
    match lane.state {
        LaneState::Checking => notes.push("checking".to_owned()),
        LaneState::Settling(believed) => {
            notes.push(format!("settling, until {}", wall_clock(believed)));
        }
        LaneState::Open | LaneState::Blocked => {}
    }
    if lane.adopted > 0 {
        notes.push(format!("{} adopted", lane.adopted));
    }
    if lane.rejected > 0 {
        notes.push(format!("{} rejected", lane.rejected));
    }
    Bar {
        name: lane.name.clone(),
        done: lane.done(),
        wanted: lane.wanted,
        note: notes.join(", "),
    }
}

/// `1h02m`, `3m20s`, `12s`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs().max(1);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

/// The display. Dropping it takes the bars away.
pub struct Progress {
    bars: MultiProgress,
    lanes: Vec<ProgressBar>,
    total: ProgressBar,
    style: ProgressStyle,
    shown: usize,
}

impl Progress {
    /// A display on standard error.
    ///
    /// # Panics
    /// Never: the template is a constant, and a test draws it.
    #[must_use]
    pub fn new(colour: bool) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term(Term::stderr(), 15));
        let width = Term::stderr().size().1;
        // Name, counts and a note leave this much for the bar itself.
        let bar = usize::from(width).saturating_sub(NAME + 46).clamp(6, 40);
        let (fill, rest) = if colour { ("green", "dim") } else { ("", "") };
        let template = format!(
            "{{prefix:{NAME}!}} {{bar:{bar}.{fill}/{rest}}} {{pos:>5}}/{{len:5}} {{wide_msg}}"
        );
        let style = ProgressStyle::with_template(&template)
            .expect("a constant template")
            .progress_chars("█▌░");
        let total = bars.add(ProgressBar::new(0).with_style(style.clone()));
        Self {
            bars,
            lanes: Vec::new(),
            total,
            style,
            shown: 0,
        }
    }

    /// Shows where `board` stands.
    pub fn draw(&mut self, board: &Board, now: Instant) {
        let Frame { lanes, total } = frame(board, now);
        while self.lanes.len() < lanes.len() {
            let bar = ProgressBar::new(0).with_style(self.style.clone());
            self.lanes.push(self.bars.insert_before(&self.total, bar));
        }
        while self.lanes.len() > lanes.len() {
            if let Some(bar) = self.lanes.pop() {
                bar.finish_and_clear();
                self.bars.remove(&bar);
            }
        }
        for (bar, shown) in self.lanes.iter().zip(&lanes) {
            set(bar, shown);
        }
        set(&self.total, &total);
        self.shown = lanes.len();
    }

    /// Writes a line above the bars.
    pub fn print(&self, line: &str) {
        // A terminal that is gone is no reason to stop.
        let _ = self.bars.println(line);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = self.bars.clear();
    }
}

fn set(bar: &ProgressBar, shown: &Bar) {
    let Bar {
        name,
        done,
        wanted,
        note,
    } = shown;
    bar.set_length(*wanted as u64);
    bar.set_position(*done as u64);
    bar.set_prefix(console::truncate_str(name, NAME, "…").into_owned());
    bar.set_message(note.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, FlowLane};

    fn started(flows: usize, each: usize) -> Board {
        let lanes = (0..flows)
            .map(|n| FlowLane {
                name: format!("flow-{n}").into(),
                sandbox: "prod".parse().expect("a sandbox"),
                flow_id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
                    .parse()
                    .expect("a flow"),
                to_create: each,
                in_doubt: 0,
            })
            .collect();
        let mut board = Board::default();
        board.fold(&Event::Started { lanes }, Instant::now());
        board
    }

    #[tokio::test]
    async fn at_most_eight_flows_have_a_bar_and_the_rest_is_counted() {
        let board = started(11, 3);
        let frame = frame(&board, Instant::now());
        assert_eq!(frame.lanes.len(), 8);
        assert_eq!(frame.total.note, "3 more flows");
        assert_eq!((frame.total.done, frame.total.wanted), (0, 33));
        assert_eq!(frame.lanes[0].note, "checking");
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_waits_for_is_said() {
        let mut board = started(1, 3);
        let now = Instant::now();
        let until = now + Duration::from_secs(60);
        board.fold(&Event::Throttled { until, rate: 2.5 }, now);
        assert!(
            frame(&board, now)
                .total
                .note
                .starts_with("throttled until "),
            "{:?}",
            frame(&board, now)
        );
        let later = until + Duration::from_secs(1);
        assert_eq!(frame(&board, later).total.note, "");
    }

    #[tokio::test]
    async fn the_display_draws_where_there_is_no_terminal() {
        let board = started(9, 1);
        let mut progress = Progress::new(true);
        progress.draw(&board, Instant::now());
        progress.draw(&started(1, 1), Instant::now());
    }

    #[test]
    fn durations_are_short() {
        let shown = |s| duration(Duration::from_secs(s));
        assert_eq!(shown(0), "1s");
        assert_eq!(shown(200), "3m20s");
        assert_eq!(shown(3720), "1h02m");
    }
}
