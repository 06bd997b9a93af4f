//! Results as text for people: a file for each verb, and `table` for their columns.

pub(super) mod audit;
pub(super) mod changes;
pub(super) mod doctor;
pub(super) mod explain;
pub(super) mod import;
pub(super) mod resolve;
pub(super) mod state;
pub(super) mod table;

use std::io::{self, Write};

fn write_lines(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
