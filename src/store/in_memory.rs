//! A copy of a state in memory: what is appended is remembered as long as the copy lives, and kept
//! nowhere. To find out what an apply would record, without recording it.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{BackendGuard, Contents, StoreError};

/// A place that keeps nothing.
pub(super) struct InMemory;

type Written<'a> = BoxFuture<'a, Result<(), StoreError>>;

fn nothing<'a>() -> Written<'a> {
    async { Ok(()) }.boxed()
}

impl BackendGuard for InMemory {
    fn read(&mut self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        async { Ok(Contents::default()) }.boxed()
    }

    fn cut_journal(&mut self, _: u64) -> Written<'_> {
        nothing()
    }

    fn append(&mut self, _: Vec<u8>, _: String) -> Written<'_> {
        nothing()
    }

    fn start(&mut self, _: Vec<u8>, _: Vec<u8>, _: String) -> Written<'_> {
        nothing()
    }

    fn replace(&mut self, _: Vec<u8>, _: Vec<u8>, _: String) -> Written<'_> {
        nothing()
    }
}
