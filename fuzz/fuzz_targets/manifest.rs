//! Any byte string given as a manifest gives problems or runs, never a panic or a hang.
//!
//! `.ci/fuzz 60 manifest` runs it for a minute.

#![no_main]

use aep_backfill::manifest::{Rules, Sources, check, render_all};
use aep_backfill::run::UnixSeconds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // 2026-01-01.
    let now = UnixSeconds::new(1_767_225_600).expect("in range");
    let rules = Rules {
        window_min_seconds: Some(60),
        window_max_seconds: Some(366 * 86_400),
        reason_required: true,
        ..Rules::at(now)
    };
    let sources = Sources::from_texts([("x.yaml", bytes)]);
    let checked = check(&sources, &rules);
    assert!(!checked.problems.is_empty() || !checked.runs.is_empty());
    let again = check(&sources, &rules);
    assert_eq!(checked, again, "the same text means the same");
    let drawn = render_all(&checked.problems, &sources, false);
    assert!(!drawn.contains('\u{1b}'), "nothing can steer a terminal");
});
