//! The `backfill` process.

fn main() {}
