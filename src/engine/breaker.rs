//! The circuit breaker: many rejections in a row mean that something is wrong with all of them.

/// Counts rejections in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    most: u32,
    in_a_row: u32,
}

impl Breaker {
    /// Trips at `most` rejections in a row.
    pub(super) fn new(most: u32) -> Self {
        Self { most, in_a_row: 0 }
    }

    /// A run was created.
    pub(super) fn accepted(&mut self) {
        self.in_a_row = 0;
    }

    /// A run was rejected; tells whether that was one too many.
    pub(super) fn rejected(&mut self) -> bool {
        self.in_a_row += 1;
        self.in_a_row >= self.most
    }

    /// How many in a row there were.
    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rejections_in_a_row_trip_it() {
        let mut breaker = Breaker::new(3);
        assert!(!breaker.rejected());
        assert!(!breaker.rejected());
        breaker.accepted();
        assert!(!breaker.rejected());
        assert!(!breaker.rejected());
        assert!(breaker.rejected());
    }
}
