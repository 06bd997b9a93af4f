//! What people and programs see: plans, progress, summaries, tables, JSON documents.
//!
//! Takes results and events as values and turns them into text. Sends nothing, stores nothing,
//! decides nothing. Text that comes from a manifest or the service is made harmless before it is
//! shown: see [`plain`].

mod board;
pub mod json;
mod lines;
mod plan;
mod progress;
mod status;
mod summary;
mod table;

pub use board::Board;
pub use lines::line;
pub use plan::write_plan;
pub use progress::Progress;
pub use status::{StatusRow, write_status};
pub use summary::{count, write_summary};

use jiff::Timestamp;

/// `text` with everything spelled out that could act on a terminal or a log, and cut after
/// `most` characters.
#[must_use]
pub fn plain(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == most {
            shown.push('…');
            break;
        }
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// `13:52:36Z`, for waits that end soon.
fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_cannot_act_on_a_terminal_or_a_log() {
        assert_eq!(
            plain("a\u{1b}[2J\n::error::b\u{202e}", 80),
            "a\\u{1b}[2J\\n::error::b\\u{202e}"
        );
        assert_eq!(plain("abcdef", 3), "abc…");
    }
}
