//! Columns that line up, and tables of runs.

use std::io::{self, Write};

use console::{Alignment, measure_text_width, pad_str};

pub(crate) use crate::report::terminal::Layout;
use crate::run::RunId;

/// Writes `rows` as left-aligned columns, two spaces apart, each line after `indent`.
pub(in crate::report) fn columns<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(console::measure_text_width(cell));
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&console::pad_str(
                cell,
                width,
                console::Alignment::Left,
                None,
            ));
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What is known of a run besides its line.
pub(in crate::report) struct Details<'a> {
    pub(in crate::report) run_id: Option<&'a RunId>,
    /// Lines below it.
    pub(in crate::report) more: Vec<String>,
}

/// Writes a line for each of `rows`. The ids of the runs are the last column where there is room
/// for it, else lines of their own if everything is to be shown.
pub(in crate::report) fn write_runs<const N: usize>(
    out: &mut dyn Write,
    head: [&str; N],
    rows: &[[String; N]],
    details: &[Details<'_>],
    layout: Layout,
) -> io::Result<()> {
    let Layout { verbose, width, .. } = layout;
    let mut all = vec![head.map(ToOwned::to_owned)];
    all.extend_from_slice(rows);
    let text = columns("  ", &all);
    let lines: Vec<&str> = text.lines().collect();
    let id = |details: &Details<'_>| details.run_id.map_or(1, |id| id.to_string().len());
    let line = lines.iter().map(|line| measure_text_width(line)).max();
    let line = line.unwrap_or(0);
    let ids = details.iter().map(id).max().unwrap_or(0);
    let has_room = width.is_none_or(|width| line + 2 + ids <= width);
    let beside =
        |text: &str, id: &str| format!("{}  {id}", pad_str(text, line, Alignment::Left, None));

    let mut lines = lines.into_iter();
    let head = lines.next().unwrap_or_default();
    if has_room {
        writeln!(out, "{}", beside(head, "RUN ID"))?;
    } else {
        writeln!(out, "{head}")?;
    }
    for (text, Details { run_id, more }) in lines.zip(details) {
        if has_room {
            writeln!(
                out,
                "{}",
                beside(text, &run_id.map_or("-".to_owned(), RunId::to_string))
            )?;
        } else {
            writeln!(out, "{text}")?;
            if let Some(id) = run_id.filter(|_| verbose) {
                writeln!(out, "      run id {id}")?;
            }
        }
        for more in more {
            writeln!(out, "      {more}")?;
        }
    }
    if !has_room && !verbose {
        writeln!(
            out,
            "  run ids: shown by --verbose, or where there are more columns"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(ToOwned::to_owned));
        assert_eq!(columns("  ", &rows), "  a    bb\n  ccc  d\n");
    }
}
