//! The progress display on a terminal: one bar in all, and one for each active flow up to eight.
//!
//! What it says is [`frame`], a function of the [`ApplyProgress`], the time and the terminal's width; the
//! rest of this file only hands its lines to indicatif.

#[cfg(test)]
mod tests;

use console::{Alignment, Style, Term, measure_text_width, pad_str, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::apply_progress::{FlowProgress, FlowState};
use crate::report::{ApplyProgress, columns, duration, fold, plural};

/// How many flows have a bar of their own.
const BARS: usize = 8;
/// The most columns that a flow's name takes.
const MOST_NAME: usize = 24;
/// The most that a bar takes.
const MOST_BAR: usize = 40;
/// Fewer say nothing: then there is none.
const LEAST_BAR: usize = 6;
/// What the last line is about.
const TOTAL: &str = "in all";
/// How many columns a terminal has that does not say.
const WIDTH: usize = 80;

/// A line with a bar.
#[derive(Debug)]
struct ProgressRow<'a> {
    name: &'a str,
    done: usize,
    wanted: usize,
    /// What matters most first: those that have no room are left out.
    notes: Vec<String>,
}

/// How many columns each part of a line takes.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: usize,
    bar: usize,
    /// Digits of each of the two numbers.
    digits: usize,
    notes: usize,
}

/// What the display shows: lines of at most `width` columns.
fn frame(progress: &ApplyProgress, now: Instant, width: usize, colour: bool) -> Vec<String> {
    let active: Vec<&FlowProgress> = progress
        .flows()
        .iter()
        .filter(|flow| flow.is_active())
        .collect();
    let mut rows: Vec<ProgressRow> = active
        .iter()
        .take(BARS)
        .map(|flow| flow_row(flow, now))
        .collect();
    let is_sending = progress.flows().iter().any(FlowProgress::is_sending);
    let followed: usize = progress.flows().iter().map(FlowProgress::followed).sum();
    rows.push(if !is_sending && followed > 0 {
        let unfinished: usize = progress.flows().iter().map(FlowProgress::unfinished).sum();
        let failed = progress.flows().iter().map(|flow| flow.failed).sum();
        let stopping = progress.is_stopping().then(|| "stopping".to_owned());
        ProgressRow {
            name: TOTAL,
            done: followed - unfinished,
            wanted: followed,
            notes: stopping.into_iter().chain(follow_notes(failed)).collect(),
        }
    } else {
        ProgressRow {
            name: TOTAL,
            done: progress.done(),
            wanted: progress.wanted(),
            notes: total_notes(progress, now),
        }
    });
    let columns = Columns::of(progress, width);
    let mut lines: Vec<String> = rows.iter().map(|row| row.line(columns, colour)).collect();
    let more = active.len().saturating_sub(BARS);
    if more > 0 {
        lines.insert(BARS, format!("and {more} more flow{}", plural(more)));
    }
    for line in &mut lines {
        if measure_text_width(line) > width {
            *line = truncate_str(line, width, "…").into_owned();
        }
    }
    lines
}

fn total_notes(progress: &ApplyProgress, now: Instant) -> Vec<String> {
    if progress.is_stopping() {
        return vec!["stopping".to_owned()];
    }
    let held = progress.held_until(now).map(|until| {
        format!(
            "throttled, {} left",
            duration(until.saturating_duration_since(now))
        )
    });
    let rate = progress.rate(now).map(|rate| format!("{rate:.1}/s"));
    let eta = progress
        .eta(now)
        .map(|eta| format!("{} left", duration(eta)));
    match held {
        Some(held) => vec![held],
        None => rate.into_iter().chain(eta).collect(),
    }
}

/// That it is about runs that are followed, and how many failed.
fn follow_notes(failed: usize) -> impl Iterator<Item = String> {
    let failed = (failed > 0).then(|| format!("{failed} failed"));
    std::iter::once("finished".to_owned()).chain(failed)
}

fn flow_row(flow: &FlowProgress, now: Instant) -> ProgressRow<'_> {
    if !flow.is_sending() && flow.followed() > 0 {
        return ProgressRow {
            name: &flow.name,
            done: flow.followed() - flow.unfinished(),
            wanted: flow.followed(),
            notes: follow_notes(flow.failed).collect(),
        };
    }
    let mut notes = Vec::new();
    match flow.state {
        FlowState::Checking => notes.push("checking".to_owned()),
        FlowState::Settling(believed) if believed > now => {
            let left = duration(believed.saturating_duration_since(now));
            notes.push(format!("settling, {left} left"));
        }
        FlowState::Settling(_) => notes.push("settling".to_owned()),
        FlowState::Open | FlowState::Blocked => {}
    }
    if flow.rejected > 0 {
        notes.push(format!("{} rejected", flow.rejected));
    }
    if flow.adopted > 0 {
        notes.push(format!("{} adopted", flow.adopted));
    }
    if flow.failed > 0 {
        notes.push(format!("{} failed", flow.failed));
    }
    ProgressRow {
        name: &flow.name,
        done: flow.done(),
        wanted: flow.wanted,
        notes,
    }
}

impl Columns {
    /// The parts, a blank between them, in `width` columns. They follow from the width and from what
    /// does not change during an apply, so that nothing moves.
    fn of(progress: &ApplyProgress, width: usize) -> Self {
        let names = progress
            .flows()
            .iter()
            .map(|flow| measure_text_width(&flow.name));
        let name = names.max().unwrap_or(0).max(TOTAL.len());
        let followed = progress.flows().iter().map(FlowProgress::followed).sum();
        let digits = progress.wanted().max(followed).max(1).ilog10() as usize + 1;
        let room = width.saturating_sub(2 * digits + "/".len() + 4);
        let name = name.min(MOST_NAME).min((room / 4).max(8));
        let notes = (room / 2).clamp(20, 46);
        let bar = room.saturating_sub(name + notes).min(MOST_BAR);
        let bar = if bar < LEAST_BAR { 0 } else { bar };
        Self {
            name,
            bar,
            digits,
            notes: room.saturating_sub(name + bar),
        }
    }
}

impl ProgressRow<'_> {
    fn line(&self, columns: Columns, colour: bool) -> String {
        let Columns {
            name,
            bar,
            digits,
            notes,
        } = columns;
        let shown = without_middle(self.name, name);
        let mut line = pad_str(&shown, name, Alignment::Left, None).into_owned();
        if bar > 0 {
            line.push(' ');
            line.push_str(&draw_bar(self.done, self.wanted, bar, colour));
        }
        let Self { done, wanted, .. } = self;
        let counts = format!(" {done:>digits$}/{wanted:<digits$}");
        line.push_str(&counts);
        let mut said = String::new();
        for note in &self.notes {
            let between = if said.is_empty() { "" } else { ", " };
            if measure_text_width(&said) + between.len() + measure_text_width(note) > notes {
                break;
            }
            said.push_str(between);
            said.push_str(note);
        }
        if !said.is_empty() {
            line.push_str("  ");
            line.push_str(&said);
        }
        line.truncate(line.trim_end().len());
        line
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

/// A bar of `width` columns, filled by half columns.
fn draw_bar(done: usize, wanted: usize, width: usize, colour: bool) -> String {
    let halves = 2 * width;
    let filled = (done.min(wanted) * halves).checked_div(wanted).unwrap_or(0);
    let full = "█".repeat(filled / 2);
    let half = if filled % 2 == 1 { "▌" } else { "" };
    let rest = "░".repeat(width - filled / 2 - filled % 2);
    let style = Style::new().force_styling(colour);
    let done = style.clone().green().apply_to(full + half);
    format!("{done}{}", style.dim().apply_to(rest))
}

/// How many columns standard error's terminal has now: a person may change it.
#[must_use]
pub(crate) fn terminal_width() -> usize {
    columns(&Term::stderr()).unwrap_or(WIDTH)
}

/// The display. Dropping it takes the lines away.
pub(crate) struct ProgressDisplay {
    display: MultiProgress,
    lines: Vec<ProgressBar>,
    style: ProgressStyle,
    colour: bool,
}

impl ProgressDisplay {
    /// A display on standard error.
    ///
    /// # Panics
    /// Never: the template is a constant, and a test draws it.
    #[must_use]
    pub(crate) fn new(colour: bool) -> Self {
        let target = ProgressDrawTarget::term(Term::stderr(), 15);
        Self {
            display: MultiProgress::with_draw_target(target),
            lines: Vec::new(),
            style: ProgressStyle::with_template("{msg}").expect("a constant template"),
            colour,
        }
    }

    /// Shows where `progress` stands.
    pub(crate) fn draw(&mut self, progress: &ApplyProgress, now: Instant) {
        let frame = frame(progress, now, terminal_width(), self.colour);
        while self.lines.len() < frame.len() {
            let line = ProgressBar::new(0).with_style(self.style.clone());
            self.lines.push(self.display.add(line));
        }
        while self.lines.len() > frame.len() {
            if let Some(line) = self.lines.pop() {
                line.finish_and_clear();
                self.display.remove(&line);
            }
        }
        for (line, shown) in self.lines.iter().zip(frame) {
            line.set_message(shown);
        }
    }

    /// Writes a line above the display, broken at blanks where it is wider than the terminal.
    pub(crate) fn print(&self, line: &str) {
        // A terminal that is gone is no reason to stop.
        let _ = self
            .display
            .println(fold(line, terminal_width()).join("\n"));
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        let _ = self.display.clear();
    }
}
