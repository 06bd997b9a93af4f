//! Chance that repeats: draws and made-up ids, each a hash of a seed and of what it is about.
//!
//! A draw takes no state and leaves none, so the same scenario decides the same way whatever
//! the order in which connections are served, and after a restart.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A number in `[0, 1)`, always the same for the same seed and subject.
pub(crate) fn draw(seed: u64, subject: impl fmt::Display) -> f64 {
    let digest = Sha256::digest(format!("{seed}/{subject}").as_bytes());
    // 32 bits are exact in an f64 and finer than any share a scenario can mean.
    let bits = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// A UUID that belongs to `subject`: the id of a thing that the emulator makes up.
pub(super) fn uuid_of(subject: impl fmt::Display) -> Uuid {
    let digest = Sha256::digest(subject.to_string().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_subject_draw_the_same_number() {
        assert!((draw(1, "a") - draw(1, "a")).abs() < f64::EPSILON);
        assert!((draw(1, "a") - draw(2, "a")).abs() > f64::EPSILON);
        assert_eq!(uuid_of("a"), uuid_of("a"));
    }

    #[test]
    fn draws_are_spread_evenly() {
        let below = (0..10_000).filter(|n| draw(7, n) < 0.05).count();
        assert!((400..600).contains(&below), "{below} of 10,000 below 5 %");
    }
}
