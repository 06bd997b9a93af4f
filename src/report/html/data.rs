//! The windows of the page as the script reads them: one JSON object, in columns.
//!
//! Windows of a flow are alike, so that a column says how often a value repeats where that is shorter.
//! Texts are written once and numbered. Nothing in the text can end the element that it stands in.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::windows::PageWindow;
use crate::report::plain;
use crate::run::{Counted, FlowRef, WindowStatus};

/// So many bytes of what was said are in a page; of the rest only that it is told elsewhere.
const TEXTS: usize = 1_500_000;
/// What stands for a text beyond that.
const LEFT_OUT: &str = "(left out of this page; the JSON has it)";
/// In a page of more windows than this, those that are fine have no key, run id and counts.
const DETAILED: usize = 60_000;

/// The data of a page.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    /// By their numbers.
    statuses: Vec<StatusText>,
    /// Name, sandbox and id.
    flows: Vec<(String, String, String)>,
    /// Paths, by their numbers.
    manifests: Vec<String>,
    /// What was said, by its number; the first is nothing.
    texts: Vec<String>,
    columns: Columns,
}

/// How a status is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusText {
    word: String,
    label: &'static str,
    meaning: &'static str,
    mark: char,
    needs_attention: bool,
}

/// What there is of each window.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Columns {
    flow: Column<usize>,
    /// In unix seconds, each less the one before.
    start: Column<i64>,
    /// In seconds.
    length: Column<i64>,
    rerun: Column<u32>,
    status: Column<usize>,
    code: Column<usize>,
    note: Column<usize>,
    request_id: Column<String>,
    attempt: Column<usize>,
    input: Column<Option<u64>>,
    output: Column<Option<u64>>,
    failed: Column<Option<u64>>,
    /// When it ended, in unix seconds.
    ended: Column<Option<i64>>,
    /// For how long it worked, in seconds.
    took: Column<Option<u64>>,
    manifest: Column<Option<usize>>,
    line: Column<u32>,
    /// The first digits of its key.
    key: Column<String>,
    run_id: Column<String>,
}

/// A value for each window.
#[derive(Debug)]
struct Column<T>(Vec<(T, u32)>);

impl<T: PartialEq> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut runs: Vec<(T, u32)> = Vec::new();
        for value in values {
            match runs.last_mut() {
                Some((last, times)) if *last == value => *times += 1,
                _ => runs.push((value, 1)),
            }
        }
        Self(runs)
    }
}

/// A list of the values, or `{"repeat": [[value, times], …]}` where that is shorter.
impl<T: Serialize> Serialize for Column<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Repeated<'a, T> {
            repeat: &'a [(T, u32)],
        }
        let number: usize = self.0.iter().map(|(_, times)| *times as usize).sum();
        if self.0.len() * 2 < number {
            return Repeated { repeat: &self.0 }.serialize(serializer);
        }
        let values = self.0.iter();
        serializer.collect_seq(
            values.flat_map(|(value, times)| std::iter::repeat_n(value, *times as usize)),
        )
    }
}

/// Texts and their numbers.
#[derive(Debug)]
struct Texts {
    numbers: HashMap<String, usize>,
    all: Vec<String>,
    bytes: usize,
}

impl Texts {
    fn new() -> Self {
        Self {
            numbers: HashMap::from([(String::new(), 0)]),
            all: vec![String::new()],
            bytes: 0,
        }
    }

    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        if self.bytes + text.len() > TEXTS && text != LEFT_OUT {
            return self.number(LEFT_OUT);
        }
        self.bytes += text.len();
        let number = self.all.len();
        self.all.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

impl Data {
    /// The data of `windows`, which are sorted by flow; `flows` are theirs, with the names.
    pub(super) fn new(flows: &[(&FlowRef, String)], windows: &[PageWindow<'_>]) -> Self {
        let mut statuses = WindowStatus::ALL.to_vec();
        statuses.sort_by_key(|status| status.index());
        let (mut texts, mut manifests) = (Texts::new(), Texts::new());
        Self {
            statuses: statuses.into_iter().map(StatusText::of).collect(),
            flows: flows
                .iter()
                .map(|(flow, name)| (name.clone(), flow.sandbox.to_string(), flow.id.to_string()))
                .collect(),
            columns: Columns::new(flows, windows, &mut texts, &mut manifests),
            texts: texts.all,
            manifests: manifests.all,
        }
    }

    /// As JSON that can stand in a `script` element: no character of it means anything to HTML.
    pub(super) fn json(&self) -> String {
        // Strings and numbers can be written.
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut escaped = String::with_capacity(json.len() + json.len() / 50);
        for c in json.chars() {
            match c {
                '<' => escaped.push_str("\\u003c"),
                '>' => escaped.push_str("\\u003e"),
                '&' => escaped.push_str("\\u0026"),
                '\u{2028}' => escaped.push_str("\\u2028"),
                '\u{2029}' => escaped.push_str("\\u2029"),
                c => escaped.push(c),
            }
        }
        escaped
    }
}

impl StatusText {
    fn of(status: WindowStatus) -> Self {
        Self {
            word: status.word(),
            label: status.label(),
            meaning: status.meaning(),
            mark: status.mark().0,
            needs_attention: status.needs_attention(),
        }
    }
}

impl Columns {
    fn new(
        flows: &[(&FlowRef, String)],
        windows: &[PageWindow<'_>],
        texts: &mut Texts,
        manifests: &mut Texts,
    ) -> Self {
        fn column<'w, T: PartialEq>(
            windows: &'w [PageWindow<'_>],
            value: impl FnMut(&'w PageWindow<'_>) -> T,
        ) -> Column<T> {
            windows.iter().map(value).collect()
        }
        let numbers: HashMap<&FlowRef, usize> = (0..)
            .zip(flows)
            .map(|(at, (flow, _))| (*flow, at))
            .collect();
        let is_short = windows.len() > DETAILED;
        let has_details = |it: &PageWindow<'_>| !is_short || it.status.needs_attention();
        let seen = |it: &PageWindow<'_>| it.seen.as_deref().filter(|_| has_details(it)).cloned();
        let records = |it| seen(it).map(|seen| seen.records).unwrap_or_default();
        let mut before = 0;
        Self {
            flow: column(windows, |it| {
                numbers.get(&*it.identity.flow).copied().unwrap_or(0)
            }),
            start: column(windows, |it| {
                let start = it.identity.window.start().get();
                start - std::mem::replace(&mut before, start)
            }),
            length: column(windows, |it| it.identity.window.seconds()),
            rerun: column(windows, |it| it.identity.rerun.get()),
            status: column(windows, |it| it.status.index()),
            code: column(windows, |it| texts.number(&it.code)),
            note: column(windows, |it| texts.number(&it.note)),
            request_id: column(windows, |it| it.request_id.clone()),
            attempt: column(windows, |it| it.attempt),
            input: column(windows, |it| records(it).input),
            output: column(windows, |it| records(it).output),
            failed: column(windows, |it| records(it).failed),
            ended: column(windows, |it| Some(seen(it)?.finished_at()?.as_second())),
            took: column(windows, |it| Some(seen(it)?.worked()?.as_secs())),
            manifest: column(windows, |it| {
                Some(manifests.number(&plain(&it.desired?.request.manifest, 200)))
            }),
            line: column(windows, |it| it.desired.map_or(0, |run| run.line)),
            key: column(windows, |it| {
                let key = has_details(it).then(|| it.identity.key().short());
                key.unwrap_or_default()
            }),
            run_id: column(windows, |it| {
                let run_id = it.run_id.as_ref().filter(|_| has_details(it));
                run_id.map_or_else(String::new, ToString::to_string)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_tells_a_value_once_where_that_is_shorter() {
        let json = |values: &[u64]| {
            let column: Column<u64> = values.iter().copied().collect();
            serde_json::to_string(&column).expect("JSON")
        };
        assert_eq!(json(&[1, 2, 3]), "[1,2,3]");
        assert_eq!(json(&[7, 7, 7, 7, 7]), r#"{"repeat":[[7,5]]}"#);
        assert_eq!(json(&[7, 7, 8, 9]), "[7,7,8,9]");
        assert_eq!(json(&[]), "[]");
    }

    #[test]
    fn texts_are_written_once_and_no_more_than_fit() {
        let mut texts = Texts::new();
        assert_eq!(texts.number(""), 0);
        assert_eq!(texts.number("a"), 1);
        assert_eq!(texts.number("a"), 1);
        let long = texts.number(&"x".repeat(TEXTS));
        assert_eq!(texts.all[long], LEFT_OUT);
        assert_eq!(texts.number(&"y".repeat(TEXTS)), long);
    }
}
