//! The coverage bar: a span of time cut into equal buckets, each showing what became of it.
//!
//! Pure: takes windows with their statuses, and a width; gives a status for each character, and the
//! gaps between the windows to the second. Marks differ, so that a bar reads without colour. A bucket
//! with several statuses shows the one that most needs attention.

use crate::run::{Counted, UnixSeconds, Window, WindowStatus};

/// One character of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// Not looked at: only some of the runs are shown.
    NotSelected,
    /// No window covers it.
    Gap,
    Windows(WindowStatus),
}

impl Cell {
    pub(super) fn mark(self) -> char {
        match self {
            Self::NotSelected => ' ',
            Self::Gap => '.',
            Self::Windows(status) => status.mark().0,
        }
    }
}

/// The mark of a status in its colour, repeated.
pub(super) fn coloured(cell: Cell, times: usize) -> console::StyledObject<String> {
    let text = console::style(cell.mark().to_string().repeat(times));
    let Cell::Windows(status) = cell else {
        return text.dim();
    };
    match status {
        WindowStatus::Success | WindowStatus::Created => text,
        WindowStatus::HeldBack
        | WindowStatus::Paused
        | WindowStatus::Blocked
        | WindowStatus::Orphaned => text.dim(),
        WindowStatus::New
        | WindowStatus::InProgress
        | WindowStatus::Scheduled
        | WindowStatus::Unknown
        | WindowStatus::NotListed
        | WindowStatus::NotRead => text.green(),
        WindowStatus::Rejected
        | WindowStatus::InDoubt
        | WindowStatus::Waiting
        | WindowStatus::Empty
        | WindowStatus::Partial => text.yellow(),
        WindowStatus::Conflict | WindowStatus::Failed => text.red(),
    }
}

/// The parts of a legend: the marks that occur in `bars`, each with its meaning.
pub(super) fn legend<'b>(bars: impl Iterator<Item = &'b Bar>) -> Vec<(char, &'static str)> {
    let used: Vec<char> = bars
        .flat_map(|bar| bar.cells.iter().map(|cell| cell.mark()))
        .collect();
    let mut legend: Vec<(char, &'static str)> = Vec::new();
    let marks = WindowStatus::ALL.iter().map(|status| status.mark());
    for (mark, meaning) in marks.chain([('.', "gap")]) {
        if used.contains(&mark) && !legend.contains(&(mark, meaning)) {
            legend.push((mark, meaning));
        }
    }
    legend
}

/// A bar, and what it is too coarse to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    /// A state for each character.
    pub(super) cells: Vec<Cell>,
    /// The stretches between windows, in order.
    pub(super) gaps: Vec<Window>,
}

impl Bar {
    /// The bar of `span` in `width` characters, fewer if it has fewer seconds. Windows are cut at
    /// the span.
    ///
    /// Gaps are shown before windows that are done or new while they are the exception: at most
    /// one for four characters. Where windows lie scattered, they are shown before the gaps.
    pub(super) fn of(span: Window, windows: &[(Window, WindowStatus)], width: usize) -> Self {
        let buckets = Buckets::new(span, width);
        let mut cells = vec![Cell::Gap; buckets.number];
        for (window, status) in windows {
            for shown in &mut cells[buckets.of(*window)] {
                *shown = match *shown {
                    Cell::Windows(other) => Cell::Windows(other.min(*status)),
                    Cell::Gap | Cell::NotSelected => Cell::Windows(*status),
                };
            }
        }
        let gaps = gaps(span, windows);
        if gaps.len() <= buckets.number / 4 {
            for gap in &gaps {
                for shown in &mut cells[buckets.of(*gap)] {
                    if !matches!(shown, Cell::Windows(status) if status.is_stuck()) {
                        *shown = Cell::Gap;
                    }
                }
            }
        }
        Self { cells, gaps }
    }

    /// The bar where only some windows were given: nothing is known of the rest.
    pub(super) fn without_gaps(mut self) -> Self {
        self.gaps.clear();
        for cell in &mut self.cells {
            if *cell == Cell::Gap {
                *cell = Cell::NotSelected;
            }
        }
        self
    }

    /// The bar without colour.
    pub(super) fn text(&self) -> String {
        self.cells.iter().map(|cell| cell.mark()).collect()
    }

    /// The bar in colour.
    pub(super) fn coloured(&self) -> String {
        self.cells
            .chunk_by(|a, b| a == b)
            .map(|same| coloured(same[0], same.len()).to_string())
            .collect()
    }
}

/// Equal parts of a span.
struct Buckets {
    start: i64,
    seconds: i64,
    number: usize,
}

impl Buckets {
    fn new(span: Window, width: usize) -> Self {
        let seconds = span.seconds();
        let most = usize::try_from(seconds).unwrap_or(usize::MAX);
        Self {
            start: span.start().get(),
            seconds,
            number: width.clamp(1, most),
        }
    }

    /// The buckets that share a second with `window`.
    fn of(&self, window: Window) -> std::ops::Range<usize> {
        let number = i64::try_from(self.number).unwrap_or(i64::MAX);
        let within = |time: UnixSeconds| (time.get() - self.start).clamp(0, self.seconds);
        let first = within(window.start()) * number / self.seconds;
        let end = (within(window.end()) * number + self.seconds - 1) / self.seconds;
        let index = |bucket: i64| usize::try_from(bucket).unwrap_or(0).min(self.number);
        index(first)..index(end)
    }
}

/// What of `span` no window covers.
fn gaps(span: Window, windows: &[(Window, WindowStatus)]) -> Vec<Window> {
    let mut sorted: Vec<Window> = windows.iter().map(|(window, _)| *window).collect();
    sorted.sort_unstable();
    let mut gaps = Vec::new();
    let mut covered = span.start();
    for window in sorted {
        // A window that starts earlier than `covered` leaves no gap: that is no window.
        gaps.extend(Window::new(covered, window.start().min(span.end())));
        covered = covered.max(window.end());
    }
    gaps.extend(Window::new(covered, span.end()));
    gaps
}

/// `1 gap: …`, or the number of gaps and the longest of them; nothing where there is none.
pub(super) fn describe_gaps(gaps: &[Window]) -> Option<String> {
    let longest = gaps
        .iter()
        .rev()
        .max_by_key(|gap| gap.seconds())
        .map(|gap| super::window(*gap))?;
    Some(match gaps.len() {
        1 => format!("1 gap: {longest}"),
        number => format!("{number} gaps, the longest {longest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(start: i64, end: i64) -> Window {
        let at = |s| UnixSeconds::new(s).expect("in range");
        Window::new(at(start), at(end)).expect("a window")
    }

    fn bar(end: i64, windows: &[(i64, i64, WindowStatus)], width: usize) -> String {
        let windows: Vec<_> = windows
            .iter()
            .map(|(start, end, cell)| (window(*start, *end), *cell))
            .collect();
        Bar::of(window(0, end), &windows, width).text()
    }

    #[test]
    fn a_single_window_fills_it() {
        assert_eq!(bar(60, &[(0, 60, WindowStatus::New)], 10), "++++++++++");
        assert_eq!(bar(7, &[(0, 7, WindowStatus::New)], 10), "+++++++");
    }

    #[test]
    fn the_end_of_a_window_belongs_to_the_next() {
        let halves = [(0, 50, WindowStatus::Success), (50, 100, WindowStatus::New)];
        assert_eq!(bar(100, &halves, 10), "=====+++++");
        assert_eq!(bar(100, &halves, 2), "=+");
    }

    #[test]
    fn a_bucket_shows_what_most_needs_attention() {
        let worst_first = [
            WindowStatus::Rejected,
            WindowStatus::Conflict,
            WindowStatus::InDoubt,
            WindowStatus::New,
            WindowStatus::HeldBack,
            WindowStatus::Success,
            WindowStatus::Orphaned,
        ];
        for (n, worst) in worst_first.iter().enumerate() {
            let windows: Vec<_> = (0..)
                .zip(&worst_first[n..])
                .map(|(at, cell)| (at * 10, at * 10 + 10, *cell))
                .collect();
            let end = windows.last().map_or(0, |(_, end, _)| *end);
            assert_eq!(bar(end, &windows, 1), worst.mark().0.to_string());
        }
    }

    #[test]
    fn a_missing_second_shows_as_long_as_gaps_are_the_exception() {
        assert_eq!(
            bar(
                100,
                &[(0, 49, WindowStatus::Success), (50, 100, WindowStatus::New)],
                10
            ),
            "====.+++++"
        );
        assert_eq!(
            bar(
                100,
                &[
                    (0, 49, WindowStatus::Conflict),
                    (50, 100, WindowStatus::New)
                ],
                10
            ),
            "!!!!!+++++"
        );
        let scattered: Vec<_> = (0..10)
            .map(|n| (n * 10, n * 10 + 1, WindowStatus::Success))
            .chain([(99, 100, WindowStatus::Success)])
            .collect();
        assert_eq!(bar(100, &scattered, 10), "==========");
    }

    #[test]
    fn windows_are_cut_at_the_span() {
        let windows = [
            (window(0, 60), WindowStatus::Orphaned),
            (window(90, 200), WindowStatus::New),
        ];
        let bar = Bar::of(window(50, 100), &windows, 5);
        assert_eq!(bar.text(), "-...+");
        assert_eq!(bar.gaps, [window(60, 90)]);
    }

    #[test]
    fn the_longest_gap_is_named_and_all_are_counted() {
        let at = |start, end| (window(start, end), WindowStatus::Success);
        let of =
            |windows: &[(Window, WindowStatus)]| describe_gaps(&gaps(window(0, 259_200), windows));
        assert_eq!(of(&[at(0, 259_200)]), None);
        assert_eq!(
            of(&[at(0, 86_400), at(172_800, 259_200)]).as_deref(),
            Some("1 gap: [1970-01-02, 1970-01-03)")
        );
        assert_eq!(
            of(&[at(3600, 86_400), at(172_800, 259_200)]).as_deref(),
            Some("2 gaps, the longest [1970-01-02, 1970-01-03)")
        );
    }

    #[test]
    fn of_windows_that_were_not_asked_for_nothing_is_said() {
        let bar = Bar::of(window(0, 10), &[(window(0, 5), WindowStatus::New)], 10).without_gaps();
        assert_eq!(bar.text(), "+++++     ");
        assert_eq!(describe_gaps(&bar.gaps), None);
    }

    #[test]
    fn the_legend_names_what_occurs() {
        let bar = Bar::of(window(0, 10), &[(window(0, 5), WindowStatus::New)], 10);
        assert_eq!(legend([bar].iter()), [('+', "new"), ('.', "gap")]);
    }

    proptest! {
        #[test]
        fn gaps_and_windows_cover_the_span(
            windows in prop::collection::vec((0..1000i64, 1..50i64), 0..20),
            width in 1..120usize,
        ) {
            let span = window(0, 1050);
            let windows: Vec<_> = windows
                .into_iter()
                .map(|(start, length)| (window(start, start + length), WindowStatus::New))
                .collect();
            let bar = Bar::of(span, &windows, width);
            prop_assert_eq!(bar.cells.len(), width);
            for second in 0..1050 {
                let second = window(second, second + 1);
                let covered = windows.iter().any(|(window, _)| window.overlaps(second));
                let missing = bar.gaps.iter().any(|gap| gap.overlaps(second));
                prop_assert_ne!(covered, missing);
            }
        }
    }
}
