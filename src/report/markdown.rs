//! A report as Markdown: for a comment on a pull request, an issue, the summary of a step.
//!
//! It takes how many bytes it may have and stays below by leaving out rows first, then flows, and says
//! how many; the verdict and the notes always stay. What may be text from elsewhere stands in `<pre>`
//! or `<code>` with all that could be markup spelled as entities: there it forms no table, link, tag or
//! mention.

use std::fmt::{Display, Write};

use super::bar::legend;
use super::blocks::{Block, Flow, Report, Table};
use super::terminal::{columns, notes};
use super::{number, plain, window, wrap};
use crate::run::{FlowRef, Sandbox};

/// How many rows of a flow can have room in any page.
pub(super) const MOST_ROWS: usize = 1_500;
/// How many characters a line of a block has, where it can be broken.
pub(super) const LINE: usize = 100;
/// How many bytes a table has at the most, where flows come after it.
const TABLE: usize = 8_000;
/// How many bytes are kept for what is said about what is left out.
const RESERVED: usize = 2_000;
/// How many bytes the rows of a flow have at least, or they are left out.
const LEAST: usize = 500;

/// `report` in at most `most` bytes.
#[must_use]
pub(crate) fn markdown(report: &Report, most: usize) -> String {
    let mut text = format!("### backfill {}\n\n", report.title);
    let flows: Vec<&Flow> = report.flows().collect();
    let notes: usize = report.blocks.iter().map(note_length).sum();
    let reserved = notes + RESERVED;
    let room = |text: &str| most.saturating_sub(text.len() + reserved);
    let mut has_flows = !flows.is_empty();
    let mut unlisted = 0;
    for block in &report.blocks {
        match block {
            Block::Note(note) => {
                let _ = write!(text, "{note}\n\n");
            }
            Block::Table(table) => {
                let share = if has_flows {
                    TABLE.min(room(&text))
                } else {
                    room(&text)
                };
                match section(table, share) {
                    Some(section) => text.push_str(&section),
                    None => unlisted += table.rows.len() + table.left_out,
                }
            }
            Block::Fields(fields) => {
                let lines = fields
                    .iter()
                    .map(|(name, value)| told(&format!("{name}: {value}"), ""));
                text.push_str(&pre(lines, room(&text)).0);
            }
            Block::Code(code) => {
                let lines = code.lines().map(|line| format!("{line}\n"));
                text.push_str(&pre(lines, room(&text)).0);
            }
            Block::Flow(_) if std::mem::take(&mut has_flows) => {
                text.push_str(&key_to_bars(&flows));
                let (table, shown) = flow_table(&flows, room(&text));
                text.push_str(&table);
                let lists = flow_lists(&flows, shown, room(&text));
                text.push_str(&lists);
            }
            Block::Flow(_) => {}
        }
    }
    text + &more(unlisted, "lines")
}

fn note_length(block: &Block) -> usize {
    match block {
        Block::Note(note) => note.len() + "\n\n".len(),
        _ => 0,
    }
}

/// What bars show, and how windows are written.
fn key_to_bars(flows: &[&Flow]) -> String {
    let legend: Vec<String> = legend(flows.iter().map(|flow| &flow.bar))
        .into_iter()
        .map(|(mark, meaning)| format!("`{mark}` {meaning}"))
        .collect();
    format!(
        "Windows are `[start, end)` in UTC: the end is exclusive. In the bars: {}.\n\n",
        legend.join(", ")
    )
}

/// The flows in at most `most` bytes, those that need a person first, and how many of them are shown;
/// the rest is added up. A column is left out where no flow has any.
fn flow_table(flows: &[&Flow], most: usize) -> (String, usize) {
    let mut words: Vec<&str> = Vec::new();
    for (_, word) in flows.iter().flat_map(|flow| &flow.counts) {
        if !words.contains(word) {
            words.push(word);
        }
    }
    let counts = |flows: &[&Flow]| -> String {
        let mut cells = String::new();
        for word in &words {
            let of_word = flows.iter().flat_map(|flow| &flow.counts);
            let number: usize = of_word.filter(|(_, of)| of == word).map(|it| it.0).sum();
            let _ = write!(cells, " {number} |");
        }
        cells
    };
    let mut text = format!("| flow | {} |\n", words.join(" | "));
    let _ = writeln!(text, "| --- |{}", " --: |".repeat(words.len()));
    let mut order = flows.to_vec();
    order.sort_by_key(|flow| !flow.needs_attention);
    let mut shown = 0;
    for flow in &order {
        let line = format!("| {} |{}\n", flow_cell(flow), counts(&[flow]));
        if text.len() + line.len() > most {
            break;
        }
        text.push_str(&line);
        shown += 1;
    }
    let rest = &order[shown..];
    if !rest.is_empty() {
        let more = number(rest.len(), "more flow");
        let _ = writeln!(
            text,
            "| … and {more}, left out for want of room |{}",
            counts(rest)
        );
    }
    (text + "\n", shown)
}

fn flow_cell(flow: &Flow) -> String {
    let FlowRef { sandbox, id } = &flow.id;
    format!(
        "{} `{sandbox}`<br>`{id}`<br>`{}`<br>`{}`",
        code(&flow.name, 60),
        flow.bar.text(),
        window(flow.span)
    )
}

/// The rows of the flows, folded but where a person has to look. An equal share for each; what one does
/// not need goes to those after it. Where flows had to be left out, no list has a place.
fn flow_lists(flows: &[&Flow], shown: usize, most: usize) -> String {
    let listed: Vec<&&Flow> = flows
        .iter()
        .filter(|flow| !flow.table.rows.is_empty() || !flow.notes.is_empty())
        .collect();
    let (mut text, mut runs_left_out, mut flows_left_out) = (String::new(), 0, 0);
    for (n, flow) in listed.iter().enumerate() {
        let share = most.saturating_sub(text.len()) / (listed.len() - n);
        let (list, left_out) = if share < LEAST || shown < flows.len() {
            let runs = flow.table.rows.iter().map(|row| row.runs + row.skipped);
            (String::new(), runs.sum::<usize>() + flow.table.left_out)
        } else {
            flow_list(flow, share)
        };
        text.push_str(&list);
        runs_left_out += left_out;
        flows_left_out += usize::from(left_out > 0);
    }
    if runs_left_out > 0 {
        let _ = write!(
            text,
            "Not listed here, for want of room: {} of {}. `--verbose` lists all.\n\n",
            number(runs_left_out, "run"),
            number(flows_left_out, "flow")
        );
    }
    text
}

fn flow_list(flow: &Flow, most: usize) -> (String, usize) {
    let open = if flow.needs_attention { " open" } else { "" };
    let head = format!(
        "<details{open}><summary>{}: {}</summary>\n\n",
        code(&flow.name, 60),
        code(&flow.describe_counts(), 300)
    );
    let tail = "</details>\n\n";
    let room = most.saturating_sub(head.len() + tail.len() + 60);
    let (block, left_out) = rows(&flow.notes, &flow.table, room);
    let more = more(left_out, "runs");
    (format!("{head}{block}{more}{tail}"), left_out)
}

/// A table under its heading, in at most `most` bytes; `None` where not even that has room.
fn section(table: &Table, most: usize) -> Option<String> {
    let rest = table.rest.split(',').next().unwrap_or_default();
    let heading = match (&table.heading, &table.flow) {
        (Some(text), _) => format!("**{text}**\n\n"),
        (None, Some((name, FlowRef { sandbox, id }))) => {
            format!("**{}** `{sandbox}` `{id}`\n\n", code(name, 60))
        }
        (None, None) => String::new(),
    };
    let room = most.checked_sub(heading.len() + rest.len() + 40)?;
    let (block, left_out) = rows(&[], table, room);
    Some(format!("{heading}{block}{}", more(left_out, rest)))
}

pub(super) fn more(left_out: usize, what: &str) -> String {
    match left_out {
        0 => String::new(),
        number => format!("… and {number} more {what}\n\n"),
    }
}

/// The rows in columns under `notes`, and how many runs have no room. Those that need a person least go
/// first.
fn rows(above: &[String], table: &Table, most: usize) -> (String, usize) {
    let mut cells: Vec<Vec<String>> = Vec::with_capacity(table.rows.len());
    if !table.head.is_empty() {
        let mut head: Vec<String> = table.head.iter().map(|it| (*it).to_owned()).collect();
        if table.rows.iter().any(|row| row.run_id.is_some()) {
            head.push("RUN ID".to_owned());
        }
        cells.push(head);
    }
    let number_of_heads = cells.len();
    cells.extend(table.rows.iter().map(|row| {
        let mut cells = row.cells.clone();
        if let (Some(sign), Some(first)) = (row.sign(), cells.first_mut()) {
            *first = format!("{sign} {first}");
        }
        cells.extend(row.run_id.clone());
        cells
    }));
    let (lines, last_column) = columns("", &cells);
    let entry = |at: usize| {
        let line = wrap(
            &lines[number_of_heads + at],
            &" ".repeat(last_column),
            LINE.max(last_column * 2),
        );
        let mut entry = line.join("\n") + "\n";
        for note in notes(&table.rows, at) {
            entry.push_str(&told(note, "      "));
        }
        html(&entry)
    };
    let entries: Vec<String> = (0..table.rows.len()).map(entry).collect();
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|at| !table.rows[*at].is_urgent());
    let above = above.iter().map(|note| told(note, ""));
    let heads = lines[..number_of_heads]
        .iter()
        .map(|line| format!("{line}\n"));
    let head: String = above.chain(heads).map(|line| html(&line)).collect();
    let mut size = "<pre>\n</pre>\n\n".len() + head.len();
    let fitting = order.iter().take_while(|at| {
        size += entries[**at].len();
        size <= most
    });
    let mut shown: Vec<usize> = fitting.copied().collect();
    shown.sort_unstable();
    let left_out = |at: usize| table.rows[at].runs + table.rows[at].skipped;
    let all: usize = (0..entries.len()).map(left_out).sum::<usize>() + table.left_out;
    if shown.is_empty() && (all > 0 || head.is_empty()) {
        return (String::new(), all);
    }
    let told: usize = shown.iter().map(|at| table.rows[*at].runs).sum();
    let block: String = shown.iter().map(|at| entries[*at].as_str()).collect();
    (format!("<pre>\n{head}{block}</pre>\n\n"), all - told)
}

/// What is to be known of the line before it, in lines of a width that pages show whole.
fn told(text: &str, indent: &str) -> String {
    let lines = wrap(&format!("{indent}{text}"), indent, LINE);
    lines.join("\n") + "\n"
}

/// A block of as many `lines` as fit into `most` bytes, and how many do not.
pub(super) fn pre(lines: impl Iterator<Item = String>, most: usize) -> (String, usize) {
    let (mut block, mut left_out) = (String::new(), 0);
    for line in lines.map(|line| html(&line)) {
        if left_out > 0 || block.len() + line.len() + 20 > most {
            left_out += 1;
        } else {
            block.push_str(&line);
        }
    }
    if block.is_empty() {
        return (block, left_out);
    }
    (format!("<pre>\n{block}</pre>\n\n"), left_out)
}

/// Whose result it is, for a page that has several: the path of a config, and a sandbox.
#[must_use]
pub(crate) fn scope_markdown(config: &str, sandbox: Option<&Sandbox>) -> String {
    let sandbox = sandbox.map_or_else(String::new, |sandbox| format!(", sandbox `{sandbox}`"));
    format!("\n<sub>By {}{sandbox}</sub>\n", code(config, 200))
}

/// Text within a `<pre>` block.
fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Text from elsewhere as code within a line of Markdown: at most `most` characters of it.
///
/// Backticks would not do: in a table, a backslash before a `|` cannot be written in them.
fn code(text: &(impl Display + ?Sized), most: usize) -> String {
    let mut shown = "<code>".to_owned();
    for c in plain(text, most).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '-' | '/' | ',') {
            let _ = write!(shown, "&#{};", u32::from(c));
            if c == '@' {
                // What follows is no part of a mention or a mail address.
                shown.push_str("<!-- -->");
            }
        } else {
            shown.push(c);
        }
    }
    shown.push_str("</code>");
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::blocks::Row;

    #[test]
    fn what_stands_above_rows_is_escaped_once() {
        let table = Table {
            head: &["A & B"],
            rows: vec![Row::new(["<x>".to_owned()])],
            ..Table::default()
        };
        let (block, left_out) = rows(&["1 < 2".to_owned()], &table, 1_000);
        assert_eq!(
            (block.as_str(), left_out),
            ("<pre>\n1 &lt; 2\nA &amp; B\n&lt;x&gt;\n</pre>\n\n", 0)
        );
    }
}
