//! A report as lines of a terminal, a log or a file: wrapped, in columns, long lists folded.

use std::io::{self, Write};

use console::{Alignment, measure_text_width, pad_str};

use super::bar::{Cell, coloured, legend};
use super::blocks::{Block, Flow, Layout, Report, Row, Table};
use super::window;
use super::wrap::wrap;
use crate::doctor::Mark;
use crate::run::UnixSeconds;

/// Writes a report.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_report(out: &mut dyn Write, report: &Report, layout: Layout) -> io::Result<()> {
    if !report.verdict.is_empty() {
        paragraph(out, &report.verdict, layout)?;
    }
    let mut needs_legend = report.flows().next().is_some();
    let mut before: Option<&Block> = None;
    for block in &report.blocks {
        let follows = match block {
            // Rows without a heading belong to the fields above them.
            Block::Table(Table {
                heading: None,
                flow: None,
                ..
            }) => matches!(before, Some(Block::Fields(_))),
            Block::Note(_) => matches!(before, None | Some(Block::Note(_))),
            // Each begins with an empty line; the legend is above the first.
            Block::Flow(_) => !needs_legend || !matches!(before, Some(Block::Table(_))),
            Block::Table(_) | Block::Fields(_) | Block::Code(_) => false,
        };
        let is_top = before.is_none() && report.verdict.is_empty();
        if !follows && !is_top {
            writeln!(out)?;
        }
        before = Some(block);
        match block {
            Block::Note(text) => paragraph(out, text, layout)?,
            Block::Table(table) => {
                if let Some(heading) = &table.heading {
                    paragraph(out, &format!("{heading}:"), layout)?;
                }
                if let Some((name, flow)) = &table.flow {
                    let name = (!name.is_empty()).then(|| console::style(name).bold());
                    let name = name.map_or_else(String::new, |name| format!("{name}  "));
                    writeln!(out, "{name}{flow}")?;
                }
                write_table(out, table, layout)?;
            }
            Block::Flow(flow) => {
                if std::mem::take(&mut needs_legend) {
                    write_legend(out, report, layout)?;
                }
                write_flow(out, flow, layout)?;
            }
            Block::Fields(fields) => write_fields(out, fields, layout)?,
            Block::Code(text) => writeln!(out, "{text}")?,
        }
    }
    Ok(())
}

/// A paragraph; lines after the first stand under what follows its label, if it begins with one.
fn paragraph(out: &mut dyn Write, text: &str, layout: Layout) -> io::Result<()> {
    let label = text.split_once(": ").map(|(label, _)| label);
    let label = label.filter(|label| label.len() <= 10 && !label.contains(' '));
    let indent = label.map_or(2, |label| label.len() + 2);
    lines(out, text, indent, layout)
}

fn lines(out: &mut dyn Write, text: &str, indent: usize, layout: Layout) -> io::Result<()> {
    for line in wrap(text, &" ".repeat(indent), layout.columns()) {
        // A mark and its meaning stay on one line.
        writeln!(out, "{}", line.replace('\u{a0}', " "))?;
    }
    Ok(())
}

fn write_legend(out: &mut dyn Write, report: &Report, layout: Layout) -> io::Result<()> {
    let notice = "Windows are [start, end) in UTC: the end is exclusive.";
    writeln!(out, "{notice}")?;
    let legend: Vec<String> = legend(report.flows().map(|flow| &flow.bar))
        .into_iter()
        .map(|(mark, meaning)| format!("{mark} {meaning}").replace(' ', "\u{a0}"))
        .collect();
    paragraph(out, &format!("Bars: {}", legend.join("  ")), layout)
}

fn write_flow(out: &mut dyn Write, flow: &Flow, layout: Layout) -> io::Result<()> {
    let about = match flow.about.as_str() {
        "" => String::new(),
        about => format!("  ({about})"),
    };
    let name = console::style(&flow.name).bold();
    writeln!(out, "\n{name}  {}{about}", flow.id)?;
    writeln!(out, "  [{})", flow.bar.coloured())?;
    let (start, end) = (date(flow.span.start()), date(flow.span.end()));
    let room = flow.bar.cells.len() + "[)".len();
    let end_width = room.saturating_sub(start.len());
    if end_width > end.len() {
        writeln!(out, "  {start}{end:>end_width$}")?;
    } else {
        writeln!(out, "  {}", window(flow.span))?;
    }
    for note in std::iter::once(&flow.describe_counts()).chain(&flow.notes) {
        lines(out, &format!("  {note}"), 4, layout)?;
    }
    write_table(out, &flow.table, layout)
}

fn write_table(out: &mut dyn Write, table: &Table, layout: Layout) -> io::Result<()> {
    let rows = &table.rows;
    let mut cells: Vec<Vec<String>> = Vec::with_capacity(rows.len() + 1);
    if !table.head.is_empty() && !rows.is_empty() {
        cells.push(table.head.iter().map(|name| (*name).to_owned()).collect());
    }
    cells.extend(rows.iter().map(|row| row.cells.clone()));
    for (cells, row) in cells.iter_mut().rev().zip(rows.iter().rev()) {
        if let (Some(sign), Some(first)) = (row.sign(), cells.first_mut()) {
            *first = format!("{sign} {first}");
        }
    }
    let (text, last_column) = columns("  ", &cells);
    let mut lines = text.iter();
    let ids = RunIds::new(rows, &text, layout);
    if cells.len() > rows.len() {
        let head = lines.next().map_or("", String::as_str);
        writeln!(out, "{}", ids.beside(head, Some("RUN ID")))?;
    }
    let last_skip = rows.iter().rposition(|row| row.skipped > 0);
    for (at, (row, line)) in rows.iter().zip(lines).enumerate() {
        if row.skipped > 0 {
            let how = if last_skip == Some(at) && table.left_out == 0 {
                ", shown by --verbose"
            } else {
                ""
            };
            writeln!(out, "    … {} more{how}", row.skipped)?;
        }
        let mut lines = match layout.width {
            Some(width) if row.run_id.is_none() && last_column <= width / 2 => {
                wrap(line, &" ".repeat(last_column), width)
            }
            _ => vec![ids.beside(line, row.run_id.as_deref())],
        };
        if let (Some(sign), Some(first)) = (row.sign(), lines.first_mut()) {
            // Only now: a colour has characters, and no width.
            *first = first.replacen(sign, &coloured_sign(row, sign), 1);
        }
        for line in lines {
            writeln!(out, "{line}")?;
        }
        if let Some(run_id) = row.run_id.as_ref().filter(|_| ids.are_below) {
            writeln!(out, "      run id {run_id}")?;
        }
        for note in notes(rows, at) {
            for line in wrap(&format!("      {note}"), "      ", layout.columns()) {
                writeln!(out, "{line}")?;
            }
        }
    }
    if table.left_out > 0 {
        writeln!(out, "    … and {} more {}", table.left_out, table.rest)?;
    }
    if ids.are_hidden {
        let how = "run ids: shown by --verbose, or where there are more columns";
        writeln!(out, "  {how}")?;
    }
    Ok(())
}

fn coloured_sign(row: &Row, sign: char) -> String {
    let shown = console::style(sign);
    match (row.status, row.check) {
        (Some(status), _) => coloured(Cell::Windows(status), 1).to_string(),
        (None, Some(Mark::Fine)) => shown.green().to_string(),
        (None, Some(Mark::Notice)) => shown.yellow().bold().to_string(),
        (None, Some(Mark::Fault(_))) => shown.red().bold().to_string(),
        (None, None) => shown.to_string(),
    }
}

/// The lines beneath a row: none where those of the next row are the same.
pub(super) fn notes(rows: &[Row], at: usize) -> &[String] {
    let row = &rows[at];
    match rows.get(at + 1) {
        Some(next) if next.skipped == 0 && next.notes == row.notes => &[],
        _ => &row.notes,
    }
}

/// Where the ids of runs stand: in a column of their own where there is room, else below each run if
/// everything is to be shown.
struct RunIds {
    /// How wide the columns before them are; `None` where they are no column.
    column: Option<usize>,
    are_below: bool,
    are_hidden: bool,
}

impl RunIds {
    fn new(rows: &[Row], lines: &[String], layout: Layout) -> Self {
        let width = |text: &String| measure_text_width(text);
        let ids = rows.iter().filter_map(|row| row.run_id.as_ref()).map(width);
        let Some(id) = ids.max() else {
            return Self {
                column: None,
                are_below: false,
                are_hidden: false,
            };
        };
        let line = lines.iter().map(width).max().unwrap_or_default();
        let has_room = layout.width.is_none_or(|width| line + 2 + id <= width);
        Self {
            column: has_room.then_some(line),
            are_below: !has_room && layout.verbose,
            are_hidden: !has_room && !layout.verbose,
        }
    }

    fn beside(&self, line: &str, id: Option<&str>) -> String {
        match (self.column, id) {
            (Some(width), Some(id)) => {
                format!("{}  {id}", pad_str(line, width, Alignment::Left, None))
            }
            _ => line.to_owned(),
        }
    }
}

fn write_fields(
    out: &mut dyn Write,
    fields: &[(&'static str, String)],
    layout: Layout,
) -> io::Result<()> {
    let width = fields.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default() + 2;
    for (name, value) in fields {
        lines(out, &format!("{name:width$}{value}"), width, layout)?;
    }
    Ok(())
}

/// Rows as left-aligned columns, two spaces apart, each line after `indent`; and where the last of the
/// columns begins.
pub(super) fn columns(indent: &str, rows: &[Vec<String>]) -> (Vec<String>, usize) {
    let mut widths = vec![0; rows.iter().map(Vec::len).max().unwrap_or_default()];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(measure_text_width(cell));
        }
    }
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| pad_str(cell, *width, Alignment::Left, None))
            .collect();
        format!("{indent}{}", cells.join("  ").trim_end())
    };
    let last = widths.len().saturating_sub(1);
    let before = widths[..last].iter().map(|width| width + 2);
    (
        rows.iter().map(line).collect(),
        indent.len() + before.sum::<usize>(),
    )
}

/// A time under a bar: the date alone where a day begins.
pub(crate) fn date(time: UnixSeconds) -> String {
    let text = time.to_string();
    match text.strip_suffix("T00:00:00Z") {
        Some(date) => date.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &Table, layout: Layout) -> String {
        let mut out = Vec::new();
        write_table(&mut out, table, layout).expect("memory");
        String::from_utf8(out).expect("text")
    }

    fn row<const N: usize>(cells: [&str; N]) -> Row {
        Row::new(cells.map(ToOwned::to_owned))
    }

    #[test]
    fn a_paragraph_goes_on_under_what_follows_its_label() {
        let shown = |text: &str| {
            let mut out = Vec::new();
            let layout = Layout {
                width: Some(20),
                ..Layout::default()
            };
            paragraph(&mut out, text, layout).expect("memory");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(
            shown("Plan: 13 to create, 3 more"),
            "Plan: 13 to create,\n      3 more\n"
        );
        assert_eq!(
            shown("Nothing: is so long: a label"),
            "Nothing: is so long:\n         a label\n"
        );
        assert_eq!(
            shown("No label at all is here"),
            "No label at all is\n  here\n"
        );
    }

    #[test]
    fn the_ids_of_runs_are_a_column_where_there_is_room_and_lines_where_all_is_asked_for() {
        let table = Table {
            head: &["KEY", "STATUS"],
            rows: vec![
                Row {
                    run_id: Some("65b7cfcc-6b2e-47c8-8194-13005b792752".to_owned()),
                    notes: vec!["X-1 why".to_owned()],
                    ..row(["k1", "success"])
                },
                Row {
                    run_id: Some("-".to_owned()),
                    ..row(["k2", "in doubt"])
                },
            ],
            ..Table::default()
        };
        let written = |width, verbose| {
            let layout = Layout {
                verbose,
                width,
                is_markdown: false,
            };
            written(&table, layout)
        };
        insta::assert_snapshot!(written(None, false), @r"
          KEY  STATUS    RUN ID
          k1   success   65b7cfcc-6b2e-47c8-8194-13005b792752
              X-1 why
          k2   in doubt  -
        ");
        assert_eq!(written(Some(53), false), written(None, false));
        insta::assert_snapshot!(written(Some(52), false), @r"
          KEY  STATUS
          k1   success
              X-1 why
          k2   in doubt
          run ids: shown by --verbose, or where there are more columns
        ");
        insta::assert_snapshot!(written(Some(52), true), @r"
          KEY  STATUS
          k1   success
              run id 65b7cfcc-6b2e-47c8-8194-13005b792752
              X-1 why
          k2   in doubt
              run id -
        ");
    }

    #[test]
    fn what_several_rows_have_in_common_stands_under_the_last_of_them() {
        let told = |key| row([key]).with_notes(vec!["the same".to_owned()]);
        let table = Table {
            rows: vec![
                told("a"),
                told("b"),
                Row {
                    skipped: 3,
                    ..told("c")
                },
            ],
            ..Table::default()
        };
        assert_eq!(
            written(&table, Layout::default()),
            "  a\n  b\n      the same\n    … 3 more, shown by --verbose\n  c\n      the same\n"
        );
    }
}
