//! "Did you mean": the known word that is nearest to a misspelled one.

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
        .map(|candidate| (plain(candidate), candidate))
        // Each letter more or less is a slip of its own.
        .filter(|(plain, _)| plain.len().abs_diff(word.len()) <= allowed)
        .map(|(plain, candidate)| (distance(&word, &plain), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut before = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    let mut row = vec![0; width];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
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
