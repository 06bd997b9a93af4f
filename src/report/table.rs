//! Columns that line up.

/// Writes `rows` as left-aligned columns, two spaces apart, each line after `indent`.
pub(super) fn columns<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(ToOwned::to_owned));
        assert_eq!(columns("  ", &rows), "  a    bb\n  ccc  d\n");
    }
}
