//! Results as Markdown: for a comment on a pull request, an issue, the summary of a step.
//!
//! Totals first, then what is wrong, then flow by flow. Each takes how many bytes it may have and
//! stays below by leaving out lists first, then flows, and says how many. Text from elsewhere stands
//! in `<pre>` or `<code>` with all that could be markup spelled as entities: there it forms no table,
//! link, tag or mention.

mod apply;
mod failure;
mod plan;
mod table;
mod text;

use std::fmt::{Display, Write};

pub(super) use apply::{applied_markdown, describe_ending};
pub(crate) use failure::{FailureView, failure_markdown};
pub(super) use plan::{plan_markdown, problem_line};
pub(super) use text::{
    audit_markdown, doctor_markdown, retried_markdown, retry_plan_markdown, status_markdown,
};

use super::bar::{Bar, Cell, legend};
use super::{plain, plural, wrap};
use crate::run::Sandbox;

/// How many characters a bar has.
const BAR: usize = 40;
/// How many characters a line of a block has, where it can be broken.
const LINE: usize = 100;
/// How many bytes a list of what is wrong may have at the most: there are other things to say.
const SECTION: usize = 8_000;

/// What bars show, and how windows are written; some states may have another word here.
fn key_to_bars<'b>(bars: impl Iterator<Item = &'b Bar>, words: &[(Cell, &str)]) -> String {
    let legend: Vec<String> = legend(bars)
        .into_iter()
        .map(|(mark, meaning)| {
            let word = words.iter().find(|(cell, _)| cell.mark() == mark);
            format!("`{mark}` {}", word.map_or(meaning, |(_, word)| word))
        })
        .collect();
    format!(
        "Windows are `[start, end)` in UTC: the end is exclusive. In the bars: {}.\n\n",
        legend.join(", ")
    )
}

/// Whose result it is, for a page that has several: the path of a config, and a sandbox.
#[must_use]
pub(crate) fn scope_markdown(config: &str, sandbox: Option<&Sandbox>) -> String {
    let sandbox = sandbox.map_or_else(String::new, |sandbox| format!(", sandbox `{sandbox}`"));
    format!("\n<sub>By {}{sandbox}</sub>\n", code(config, 200))
}

/// What is to be known of the line before it, in lines of a width that pages show whole.
fn told(reason: &str) -> String {
    let lines = wrap(&format!("      {reason}"), "      ", LINE);
    lines.join("\n") + "\n"
}

/// A list of what is wrong, under a heading, in at most `most` bytes; nothing where there is none.
fn section(
    heading: &str,
    what: &str,
    entries: impl Iterator<Item = String>,
    number: usize,
    most: usize,
) -> String {
    if number == 0 {
        return String::new();
    }
    let (block, left_out) = pre(entries, number, most);
    format!("{heading}\n\n{block}{}", more(left_out, what))
}

fn more(left_out: usize, what: &str) -> String {
    match left_out {
        0 => String::new(),
        number => format!("… and {number} more {what}{}\n\n", plural(number)),
    }
}

/// A block of as many `entries` as fit into `most` bytes, and how many of `number` do not.
fn pre(entries: impl Iterator<Item = String>, number: usize, most: usize) -> (String, usize) {
    let (begin, end) = ("<pre>\n", "</pre>\n\n");
    let mut block = begin.to_owned();
    let mut shown = 0;
    for entry in entries {
        let entry = html(&entry);
        if block.len() + entry.len() + end.len() > most {
            break;
        }
        block.push_str(&entry);
        shown += 1;
    }
    if shown == 0 {
        return (String::new(), number);
    }
    block.push_str(end);
    (block, number - shown)
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
