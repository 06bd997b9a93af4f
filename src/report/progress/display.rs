//! The progress display on a terminal: one bar in all, and one for each active flow up to eight.
//!
//! What the bars say are [`rows`], a function of the [`ApplyProgress`] and the time; indicatif draws them.

#[cfg(test)]
mod tests;

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::apply_progress::{FlowProgress, FlowState};
use crate::report::{ApplyProgress, columns, duration, fold, number};

/// How many flows have a bar of their own.
const BARS: usize = 8;
/// The most columns that a flow's name takes.
const MOST_NAME: usize = 24;
/// How many columns a terminal has that does not say.
const WIDTH: usize = 80;

/// What a bar says.
#[derive(Debug)]
struct ProgressRow<'a> {
    name: &'a str,
    done: usize,
    wanted: usize,
    /// What matters most first: what has no room is cut off.
    notes: Vec<String>,
}

/// The active flows, and at the end all of them.
fn rows(progress: &ApplyProgress, now: Instant) -> Vec<ProgressRow<'_>> {
    let flows = progress.flows();
    let active = || flows.iter().filter(|flow| flow.is_active());
    let mut rows: Vec<ProgressRow<'_>> = active().take(BARS).map(|it| flow_row(it, now)).collect();
    let followed: usize = flows.iter().map(FlowProgress::followed).sum();
    let is_followed = followed > 0 && !flows.iter().any(FlowProgress::is_sending);
    let (done, wanted) = if is_followed {
        let unfinished: usize = flows.iter().map(FlowProgress::unfinished).sum();
        (followed - unfinished, followed)
    } else {
        (progress.done(), progress.wanted())
    };
    let mut notes = if progress.is_stopping() {
        vec!["stopping".to_owned()]
    } else if is_followed {
        follow_notes(flows.iter().map(|flow| flow.failed).sum())
    } else {
        pace_notes(progress, now)
    };
    let more = active().count().saturating_sub(BARS);
    notes.extend((more > 0).then(|| format!("and {}", number(more, "more flow"))));
    rows.push(ProgressRow {
        name: "in all",
        done,
        wanted,
        notes,
    });
    rows
}

fn pace_notes(progress: &ApplyProgress, now: Instant) -> Vec<String> {
    let left = |time| format!("{} left", duration(time));
    if let Some(until) = progress.held_until(now) {
        let held = left(until.saturating_duration_since(now));
        return vec![format!("throttled, {held}")];
    }
    let rate = progress.rate(now).map(|rate| format!("{rate:.1}/s"));
    rate.into_iter()
        .chain(progress.eta(now).map(left))
        .collect()
}

fn follow_notes(failed: usize) -> Vec<String> {
    let failed = (failed > 0).then(|| format!("{failed} failed"));
    let finished = "finished".to_owned();
    std::iter::once(finished).chain(failed).collect()
}

fn flow_row(flow: &FlowProgress, now: Instant) -> ProgressRow<'_> {
    if !flow.is_sending() && flow.followed() > 0 {
        return ProgressRow {
            name: &flow.name,
            done: flow.followed() - flow.unfinished(),
            wanted: flow.followed(),
            notes: follow_notes(flow.failed),
        };
    }
    let state = match flow.state {
        FlowState::Checking => Some("checking".to_owned()),
        FlowState::Settling(believed) if believed > now => {
            let left = duration(believed.saturating_duration_since(now));
            Some(format!("settling, {left} left"))
        }
        FlowState::Settling(_) => Some("settling".to_owned()),
        FlowState::Open | FlowState::Blocked => None,
    };
    let counts = [
        (flow.rejected, "rejected"),
        (flow.adopted, "adopted"),
        (flow.failed, "failed"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{count} {what}"));
    ProgressRow {
        name: &flow.name,
        done: flow.done(),
        wanted: flow.wanted,
        notes: state.into_iter().chain(counts).collect(),
    }
}

/// `name` in at most `width` columns. Names of one kind differ at their ends, so the middle goes.
fn without_middle(name: &str, width: usize) -> String {
    if measure_text_width(name) <= width {
        return name.to_owned();
    }
    let begin = truncate_str(name, width / 2, "");
    let room = width.saturating_sub(measure_text_width(&begin) + 1);
    let mut end = name.len();
    for (at, _) in name.char_indices().rev() {
        if measure_text_width(&name[at..]) > room {
            break;
        }
        end = at;
    }
    format!("{begin}…{}", &name[end..])
}

/// How many columns standard error's terminal has now: a person may change it.
fn terminal_width() -> usize {
    columns(&Term::stderr()).unwrap_or(WIDTH)
}

/// The display. Dropping it takes the bars away.
pub(crate) struct ProgressDisplay {
    display: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl ProgressDisplay {
    /// On the terminal of standard error.
    #[must_use]
    pub(crate) fn new() -> Self {
        let target = ProgressDrawTarget::term(Term::stderr(), 15);
        Self {
            display: MultiProgress::with_draw_target(target),
            bars: Vec::new(),
        }
    }

    /// Shows where `progress` stands.
    pub(crate) fn draw(&mut self, progress: &ApplyProgress, now: Instant) {
        let rows = rows(progress, now);
        let digits = rows.iter().map(|row| row.wanted).max().unwrap_or(0);
        let digits = digits.max(1).ilog10() + 1;
        let bar = (terminal_width() / 4).clamp(8, 40);
        let template = format!(
            "{{prefix}} {{bar:{bar}.green/dim}} {{pos:>{digits}}}/{{len:<{digits}}}  {{wide_msg}}"
        );
        let style = ProgressStyle::with_template(&template).expect("a right template");
        let style = style.progress_chars("█▌░");
        let names = rows.iter().map(|row| measure_text_width(row.name));
        let name = names.max().unwrap_or(0).min(MOST_NAME);
        while self.bars.len() < rows.len() {
            self.bars.push(self.display.add(ProgressBar::new(0)));
        }
        for bar in self.bars.drain(rows.len()..) {
            bar.finish_and_clear();
            self.display.remove(&bar);
        }
        for (bar, row) in self.bars.iter().zip(rows) {
            let shown = without_middle(row.name, name);
            bar.set_style(style.clone());
            bar.set_prefix(pad_str(&shown, name, Alignment::Left, None).into_owned());
            bar.set_length(row.wanted as u64);
            bar.set_position(row.done as u64);
            bar.set_message(row.notes.join(", "));
        }
    }

    /// Prints a line above the bars.
    pub(crate) fn print(&self, line: &str) {
        let lines = fold(line, terminal_width());
        // A terminal that is gone is no reason to stop.
        let _ = self.display.println(lines.join("\n"));
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        let _ = self.display.clear();
    }
}
