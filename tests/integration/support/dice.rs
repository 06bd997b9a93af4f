//! Chance that a test can repeat, and how much of it.

/// Whether tests of many kills run whole, as they do in CI, and not in small.
pub(crate) fn is_whole() -> bool {
    std::env::var_os("BACKFILL_TEST_WHOLE").is_some()
}

/// How many storms of a kind are gone through, each with a seed of its own, where somebody asks for some.
pub(crate) fn storms() -> Option<u64> {
    let asked = std::env::var("BACKFILL_TEST_STORMS").ok()?;
    Some(asked.parse().expect("a number"))
}

/// Numbers that look random and are the same every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
