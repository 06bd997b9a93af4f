//! "Did you mean": the known word that is nearest to a misspelled one.

use strsim::osa_distance;

/// The candidate that differs from `word` by a slip or two of the hand, or only in case or
/// hyphens.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    // A word longer than any name is no slip, and would only cost time.
    if word.len() > 64 {
        return None;
    }
    let word = plain(word);
    let allowed = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        // Each letter more or less is a slip of its own.
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed + 2)
        .map(|candidate| (osa_distance(&word, &plain(candidate)), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace(['-', '_', ' '], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        let fields = ["flowId", "windowStartTime", "windowEndTime", "rerun"];
        for (word, meant) in [
            ("flowid", "flowId"),
            ("flow_id", "flowId"),
            ("windowStratTime", "windowStartTime"),
            ("reurn", "rerun"),
        ] {
            assert_eq!(nearest(word, fields), Some(meant), "{word}");
        }
    }

    #[test]
    fn a_word_too_far_from_all_is_no_slip() {
        let fields = ["flowId", "windowStartTime"];
        assert_eq!(nearest("windowStrat", fields), None);
        assert_eq!(nearest("schedule", fields), None);
    }
}
