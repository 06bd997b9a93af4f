//! A place for a state, in memory. It never waits.

use std::sync::{Arc, Mutex};

use aep_backfill::state::Holder;
use aep_backfill::store::{
    BackendGuard, Contents, StateBackend, StateFile, StoreError, WriteAccess,
};
use futures::future::{BoxFuture, FutureExt, ready};

/// Two files in memory.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Files>>);

/// The bytes of both.
#[derive(Clone)]
pub struct Files {
    pub state: Vec<u8>,
    pub journal: Vec<u8>,
}

impl Memory {
    /// A place that holds these.
    #[must_use]
    pub fn new(state: &[u8], journal: &[u8]) -> Self {
        Self(Arc::new(Mutex::new(Files {
            state: state.to_vec(),
            journal: journal.to_vec(),
        })))
    }

    /// What it holds now.
    #[must_use]
    pub fn files(&self) -> Files {
        self.0.lock().expect("nothing panics here").clone()
    }

    fn contents(&self) -> Contents {
        let Files { state, journal } = self.files();
        Contents {
            state: Some(StateFile::Bytes(state)),
            journal: Some(journal),
        }
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Files),
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        change(&mut self.0.lock().expect("nothing panics here"));
        ready(Ok(())).boxed()
    }
}

impl StateBackend for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn read(&self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        ready(Ok(self.contents())).boxed()
    }

    fn holder(&self) -> BoxFuture<'_, Result<Option<Holder>, StoreError>> {
        ready(Ok(None)).boxed()
    }

    fn check_write(&self, _: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>> {
        ready(Ok(WriteAccess::Permission)).boxed()
    }

    fn unlock<'a>(&'a self, _: &'a Holder) -> BoxFuture<'a, Result<bool, StoreError>> {
        ready(Ok(false)).boxed()
    }

    fn lock(&self, _: Holder) -> BoxFuture<'_, Result<Box<dyn BackendGuard>, StoreError>> {
        let held: Box<dyn BackendGuard> = Box::new(self.clone());
        ready(Ok(held)).boxed()
    }
}

impl BackendGuard for Memory {
    fn read(&mut self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        ready(Ok(self.contents())).boxed()
    }

    fn cut_journal(&mut self, whole: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        let whole = usize::try_from(whole).expect("it fits in memory");
        self.change(|files| files.journal.truncate(whole))
    }

    fn append(&mut self, lines: Vec<u8>, _: String) -> BoxFuture<'_, Result<(), StoreError>> {
        self.change(|files| files.journal.extend(lines))
    }

    fn start(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        what: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.replace(state, journal, what)
    }

    fn replace(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        _: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.change(|files| *files = Files { state, journal })
    }
}
