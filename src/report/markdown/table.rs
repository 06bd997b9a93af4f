//! The table of flows: each with its bar, and with numbers of which a column is left out where no flow
//! has any.

use std::fmt::Write;

use super::code;
use crate::report::bar::Bar;
use crate::report::{number, window};
use crate::run::{FlowRef, Window};
use crate::untrusted::Untrusted;

/// A flow in a table.
#[derive(Debug)]
pub(super) struct FlowRow<'a, const N: usize> {
    pub(super) name: &'a Untrusted,
    pub(super) flow: &'a FlowRef,
    /// What its bar spans.
    pub(super) span: Window,
    pub(super) bar: Bar,
    /// How many of its runs are what, by the table's words.
    pub(super) counts: [usize; N],
}

/// The flows in at most `most` bytes, and how many of them are shown; the rest is added up.
pub(super) fn table<const N: usize>(
    words: [&str; N],
    rows: &[FlowRow<'_, N>],
    most: usize,
) -> (String, usize) {
    let sum = |rows: &[FlowRow<'_, N>]| {
        let mut sum = [0; N];
        for row in rows {
            for (sum, count) in sum.iter_mut().zip(row.counts) {
                *sum += count;
            }
        }
        sum
    };
    let is_used = sum(rows).map(|count| count > 0);
    let cells = |texts: [String; N]| -> String {
        let mut cells = String::new();
        for (text, _) in texts.into_iter().zip(is_used).filter(|(_, used)| *used) {
            let _ = write!(cells, " {text} |");
        }
        cells
    };
    let counts = |counts: [usize; N]| cells(counts.map(|count| count.to_string()));

    let mut text = format!("| flow |{}\n", cells(words.map(ToOwned::to_owned)));
    let _ = writeln!(text, "| --- |{}", cells(words.map(|_| "--:".to_owned())));
    let mut shown = 0;
    for row in rows {
        let line = format!("| {} |{}\n", flow_cell(row), counts(row.counts));
        if text.len() + line.len() > most {
            break;
        }
        text.push_str(&line);
        shown += 1;
    }
    let rest = &rows[shown..];
    if !rest.is_empty() {
        let _ = writeln!(
            text,
            "| … and {}, left out for want of room |{}",
            number(rest.len(), "more flow"),
            counts(sum(rest))
        );
    }
    (text + "\n", shown)
}

fn flow_cell<const N: usize>(row: &FlowRow<'_, N>) -> String {
    let FlowRow {
        name,
        flow: FlowRef { sandbox, id },
        span,
        bar,
        counts: _,
    } = row;
    format!(
        "{} `{sandbox}`<br>`{id}`<br>`{}`<br>`{}`",
        code(name, 60),
        bar.text(),
        window(*span)
    )
}
