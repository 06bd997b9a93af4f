//! A result as blocks: what the terminal and Markdown both draw, so that a verb says each thing once.
//!
//! A verb gives a [`Report`]; `terminal` and `markdown` write it, each within its bounds. Notes are our
//! own words, and valid Markdown. Whatever may hold words of a manifest or of the service stands in a
//! table, a flow, a field or code, which Markdown shows as text and nothing else.

use super::bar::Bar;
use super::{listed, plain};
use crate::doctor::Mark;
use crate::run::{FlowRef, Window, WindowStatus};
use crate::untrusted::Untrusted;

/// How text is laid out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout {
    /// Whether everything is shown, however long it is.
    pub verbose: bool,
    /// How many columns there are; `None`: as many as it takes.
    pub width: Option<usize>,
    /// Whether it is for Markdown, which has more room, and other things beside it.
    pub is_markdown: bool,
}

impl Layout {
    /// How many columns text has that would be hard to read in longer lines.
    pub(crate) fn columns(self) -> usize {
        self.width.unwrap_or(80).min(120)
    }

    /// How many rows of a long list are shown, where not all are asked for.
    pub(super) fn most(self, most: usize) -> usize {
        if self.verbose || self.is_markdown {
            usize::MAX
        } else {
            most
        }
    }

    /// How many characters the bar of a flow has.
    pub(super) fn bar(self) -> usize {
        if self.is_markdown {
            40 // in a table of flows
        } else {
            self.columns().saturating_sub("  [)".len())
        }
    }
}

/// A result, drawn from the top.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What Markdown has as its heading, after `backfill`: `plan: 3 to create`.
    pub title: String,
    /// The first line in a terminal: `Plan: 3 to create.`
    pub verdict: String,
    pub blocks: Vec<Block>,
}

#[derive(Debug)]
pub(crate) enum Block {
    /// A paragraph of our own words.
    Note(String),
    Table(Table),
    Flow(Box<Flow>),
    /// Names and values, one under the other.
    Fields(Vec<(&'static str, String)>),
    /// Lines that are copied, never broken.
    Code(String),
}

/// Rows that line up.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Our own words above it.
    pub heading: Option<String>,
    /// The flow that it is about, with the manifest's label for it, made harmless.
    pub flow: Option<(String, FlowRef)>,
    /// The names of the columns; empty where they need none.
    pub head: &'static [&'static str],
    pub rows: Vec<Row>,
    /// How many runs, findings or lines are left out after the last row.
    pub left_out: usize,
    /// What they are, and where they can be had: `runs, shown by --verbose`.
    pub rest: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Row {
    /// What became of its windows, where its mark is to be shown.
    pub status: Option<WindowStatus>,
    /// How a check ended, where its sign is to be shown.
    pub check: Option<Mark>,
    /// As many as in every other row of the table.
    pub cells: Vec<String>,
    /// A column of its own where there is room for it; `Some` in every row or in none.
    pub run_id: Option<String>,
    /// Lines beneath it. The same of several rows one after the other stands under the last.
    pub notes: Vec<String>,
    /// How many rows stand for it: a range of windows is one row of many runs.
    pub runs: usize,
    /// How many runs are left out before it.
    pub skipped: usize,
}

/// A flow: its bar, its numbers and its rows.
#[derive(Debug)]
pub(crate) struct Flow {
    /// The manifest's label, made harmless.
    pub name: String,
    pub id: FlowRef,
    /// What it reads: `table by updatedAt`.
    pub about: String,
    pub span: Window,
    pub(super) bar: Bar,
    /// How many of its runs are what; for Markdown's table of flows.
    pub counts: Vec<(usize, &'static str)>,
    /// More than its numbers: what its runs moved; or nothing.
    pub moved: Option<String>,
    /// Sentences about all of it.
    pub notes: Vec<String>,
    pub table: Table,
    /// Whether a person has to look at it.
    pub needs_attention: bool,
}

impl Report {
    /// The result of `verb`, which `verdict` tells without a full stop.
    pub(crate) fn new(verb: &str, label: &str, verdict: &str) -> Self {
        let label = if label.is_empty() {
            String::new()
        } else {
            format!("{label}: ")
        };
        Self {
            title: format!("{verb}: {verdict}"),
            verdict: format!("{label}{verdict}."),
            blocks: Vec::new(),
        }
    }

    /// Blocks alone, for who asks and for no page.
    pub(crate) fn of(blocks: impl Into<Vec<Block>>) -> Self {
        Self {
            blocks: blocks.into(),
            ..Self::default()
        }
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Note(text.into()));
    }

    /// Adds a table, if it has rows.
    pub(crate) fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.blocks.push(Block::Table(table));
        }
    }

    pub(crate) fn add_flows(&mut self, flows: impl IntoIterator<Item = Flow>) {
        let flows = flows.into_iter().map(Box::new);
        self.blocks.extend(flows.map(Block::Flow));
    }

    pub(super) fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Flow(flow) => Some(&**flow),
            _ => None,
        })
    }
}

impl Table {
    /// The first rows; of the others, `rest`, there is only the number.
    pub(crate) fn first(
        most: usize,
        rows: impl IntoIterator<Item = Row>,
        rest: &'static str,
    ) -> Self {
        let mut rows = rows.into_iter();
        Self {
            rows: rows.by_ref().take(most).collect(),
            left_out: rows.count(),
            rest,
            ..Self::default()
        }
    }

    /// The same under a heading of our own words.
    pub(crate) fn under(self, heading: impl Into<String>) -> Self {
        Self {
            heading: Some(heading.into()),
            ..self
        }
    }
}

impl Row {
    pub(crate) fn new<const N: usize>(cells: [String; N]) -> Self {
        Self {
            cells: cells.into(),
            runs: 1,
            ..Self::default()
        }
    }

    /// The character before it.
    pub(super) fn sign(&self) -> Option<char> {
        let check = self.check.map(|mark| match mark {
            Mark::Fine => '✓',
            Mark::Notice => '!',
            Mark::Fault(_) => '✗',
        });
        self.status.map(|status| status.mark().0).or(check)
    }

    /// Whether it is shown before others where there is little room.
    pub(super) fn is_urgent(&self) -> bool {
        self.status.is_some_and(WindowStatus::is_stuck)
            || matches!(self.check, Some(Mark::Fault(_)))
    }

    /// The same row, with lines beneath it.
    pub(crate) fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }
}

impl Flow {
    /// A flow of which `windows` are shown, and no more is known yet; `None` where there are none.
    pub(super) fn new(
        name: &Untrusted,
        id: &FlowRef,
        windows: &[(Window, WindowStatus)],
        layout: Layout,
    ) -> Option<Self> {
        let span = Window::hull(windows.iter().map(|(window, _)| *window))?;
        Some(Self {
            name: plain(name, 60),
            id: id.clone(),
            about: String::new(),
            span,
            bar: Bar::of(span, windows, layout.bar()),
            counts: Vec::new(),
            moved: None,
            notes: Vec::new(),
            table: Table::default(),
            needs_attention: windows.iter().any(|(_, status)| status.is_stuck()),
        })
    }

    /// The same where only some windows of it are known.
    pub(super) fn without_gaps(self) -> Self {
        Self {
            bar: self.bar.without_gaps(),
            ..self
        }
    }

    /// `3 to create, 1 in conflict`, and what they moved.
    pub(super) fn describe_counts(&self) -> String {
        let counts = listed(self.counts.iter().copied());
        match &self.moved {
            Some(moved) => format!("{counts}; {moved}"),
            None => counts,
        }
    }
}

/// Values of one name, which stands before the first.
pub(super) fn under(
    name: &'static str,
    values: impl IntoIterator<Item = String>,
) -> impl Iterator<Item = (&'static str, String)> {
    std::iter::once(name)
        .chain(std::iter::repeat(""))
        .zip(values)
}

/// The rows of `items` where only `most` have room: those that need a person, then the first ones, and
/// always the last; with how many runs are left out before each.
pub(crate) fn choose<T>(
    items: &[T],
    most: usize,
    status: impl Fn(&T) -> WindowStatus,
    runs: impl Fn(&T) -> usize,
) -> Vec<(usize, &T)> {
    let mut is_shown = vec![items.len() <= most; items.len()];
    if let [.., last] = &mut is_shown[..] {
        *last = true;
        let mut room = most.saturating_sub(1);
        for only_urgent in [true, false] {
            for (shown, item) in is_shown.iter_mut().zip(items) {
                if room > 0 && !*shown && (!only_urgent || status(item).is_stuck()) {
                    *shown = true;
                    room -= 1;
                }
            }
        }
    }
    let mut skipped = 0;
    let rows = items.iter().zip(is_shown).filter_map(|(item, shown)| {
        if shown {
            return Some((std::mem::take(&mut skipped), item));
        }
        skipped += runs(item);
        None
    });
    rows.collect()
}
