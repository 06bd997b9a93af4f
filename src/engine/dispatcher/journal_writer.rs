//! The journal's writer: what has happened and the intents of what goes next, one append at a time.
//!
//! News of a fact are told, and a run is handed back to be sent, only once the append that has them is
//! durable.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::scheduler::Reserved;
use crate::engine::send::IntentDeadlines;
use crate::engine::{Event, Events};
use crate::run::UnixSeconds;
use crate::state::{ClockedTime, Entry, Retry, State};
use crate::store::{Appended, Appending, LockedStore, StoreError};

/// After so many appends in a row that took longer than an intent lives, an apply ends.
const MOST_TOO_SLOW: u32 = 3;

/// Owns the store: it alone appends to the journal and emits events.
pub(super) struct JournalWriter {
    store: LockedStore,
    events: Events,
    /// How long requests leave on an intent.
    life: IntentDeadlines,
    /// What has happened and is neither written nor told yet: a fact, if it is one, and the news of it.
    pending: Vec<(Option<Entry>, Option<Event>)>,
    /// What is being written.
    writing: Option<Write>,
    /// How many intents were made.
    intents: u64,
    /// How many appends in a row took longer than an intent lives.
    too_slow: u32,
}

/// What is being written, and what waits for it to be durable.
struct Write {
    appending: Appending,
    events: Vec<Event>,
    reserved: Vec<Reserved>,
}

impl JournalWriter {
    pub(super) fn new(store: LockedStore, events: Events) -> Self {
        Self {
            life: IntentDeadlines::of(store.lease()),
            store,
            events,
            pending: Vec::new(),
            writing: None,
            intents: 0,
            too_slow: 0,
        }
    }

    /// What is recorded, of what is written or being written.
    pub(super) fn state(&self) -> &State {
        self.store.state()
    }

    /// The session of this process, as its intents name it.
    pub(super) fn session(&self) -> Uuid {
        self.store.session()
    }

    /// How long the last append took.
    pub(super) fn took(&self) -> Duration {
        self.store.took()
    }

    /// How long requests leave on an intent.
    pub(super) fn life(&self) -> IntentDeadlines {
        self.life
    }

    /// When the hold on the state must be renewed, if it must.
    pub(super) fn renewal(&self) -> Option<Instant> {
        self.store.renewal()
    }

    /// Whether an append is under way.
    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Writes a fact with the next append, and tells the news of it once it is durable; what is no fact
    /// is told after all that happened before it.
    pub(super) fn record(&mut self, entry: Option<Entry>, event: Option<Event>) {
        self.pending.push((entry, event));
    }

    /// Tells of something now.
    pub(super) fn emit(&self, event: Event) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(event);
    }

    /// Begins to write what has happened and the intents of `reserved`, made at `at`, or else that
    /// the state is still held if that is due. Nothing else may be under way.
    pub(super) fn begin(
        &mut self,
        reserved: Vec<Reserved>,
        at: ClockedTime,
        is_in_order: bool,
    ) -> Result<(), StoreError> {
        let session = self.store.session();
        let (entries, events): (Vec<_>, Vec<_>) = self.pending.drain(..).unzip();
        let mut entries: Vec<Entry> = entries.into_iter().flatten().collect();
        let events: Vec<Event> = events.into_iter().flatten().collect();
        for Reserved { run, retry_of, .. } in &reserved {
            self.intents += 1;
            // A run that runs again does so at once.
            let asked = run.start_time.filter(|_| retry_of.is_none());
            entries.push(Entry::Intent {
                run: (&run.identity).into(),
                at,
                session,
                start_time: later_start(asked, at),
                order: is_in_order.then_some(self.intents),
                retry: retry_of.clone().map(|run_id| Retry {
                    run_id,
                    by: self.store.holder().to_owned(),
                }),
            });
        }
        if entries.is_empty() {
            for event in events {
                self.emit(event);
            }
            if self.renewal().is_some_and(|at| at <= Instant::now()) {
                self.writing = Some(Write {
                    appending: self.store.begin_renewal()?,
                    events: Vec::new(),
                    reserved: Vec::new(),
                });
            }
            return Ok(());
        }
        self.writing = Some(Write {
            appending: self.store.begin_append(&entries)?,
            events,
            reserved,
        });
        Ok(())
    }

    /// The end of what is being written; never, if nothing is.
    pub(super) async fn written(&mut self) -> Appended {
        match &mut self.writing {
            Some(write) => (&mut write.appending).await,
            None => std::future::pending().await,
        }
    }

    /// What was being written is durable: tells of it, and gives the runs whose intents are. Else
    /// nothing more may leave.
    pub(super) fn finish(&mut self, appended: Appended) -> Result<Vec<Reserved>, StoreError> {
        let write = self.writing.take();
        self.store.end_append(appended)?;
        self.check_pace()?;
        let Some(Write {
            events, reserved, ..
        }) = write
        else {
            return Ok(Vec::new());
        };
        for event in events {
            self.emit(event);
        }
        Ok(reserved)
    }

    /// Fails where intents are too old for anything to be sent as soon as they are written, and not
    /// only once.
    fn check_pace(&mut self) -> Result<(), StoreError> {
        let took = self.store.took();
        if took < self.life.begins {
            self.too_slow = 0;
            return Ok(());
        }
        self.too_slow += 1;
        match self.store.lease() {
            Some(lease) if self.too_slow == MOST_TOO_SLOW => {
                Err(StoreError::TooSlow { took, lease })
            }
            _ => Ok(()),
        }
    }

    /// Takes the runs whose intents are being written and that `which` names: they do not leave.
    pub(super) fn withdraw(&mut self, which: impl Fn(&Reserved) -> bool) -> Vec<Reserved> {
        let Some(write) = &mut self.writing else {
            return Vec::new();
        };
        write.reserved.extract_if(.., |one| which(one)).collect()
    }

    /// Folds the journal and lets go of the state.
    pub(super) async fn close(&mut self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

/// When a run that is sent now begins, if that may be later by the service's clock.
fn later_start(asked: Option<UnixSeconds>, now: ClockedTime) -> Option<UnixSeconds> {
    let seconds = UnixSeconds::new(now.time().as_second()).ok()?;
    match now.service {
        Some(_) => asked.filter(|asked| *asked > seconds),
        // By our own clock even now may be later.
        None => Some(asked.map_or(seconds, |asked| asked.max(seconds))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::sync::mpsc;

    use super::*;
    use crate::engine::flow_queue::tests::run;
    use crate::state::{Fate, Holder};
    use crate::store::{Local, SuspendAwareInstant};

    #[test]
    fn a_start_that_may_be_later_by_the_services_clock_is_kept_with_the_intent() {
        let seconds = |n| UnixSeconds::new(n).expect("in range");
        let now = Timestamp::from_second(1_000).ok();
        let server = ClockedTime {
            local: now,
            service: now,
        };
        let local = ClockedTime {
            service: None,
            ..server
        };
        assert_eq!(later_start(None, server), None);
        assert_eq!(later_start(Some(seconds(900)), server), None);
        assert_eq!(
            later_start(Some(seconds(1_100)), server),
            Some(seconds(1_100))
        );
        // Our clock may be ahead, and with it the time that is sent.
        assert_eq!(later_start(None, local), Some(seconds(1_000)));
        assert_eq!(later_start(Some(seconds(900)), local), Some(seconds(1_000)));
        assert_eq!(
            later_start(Some(seconds(1_100)), local),
            Some(seconds(1_100))
        );
    }

    async fn writer(folder: &tempfile::TempDir) -> (JournalWriter, mpsc::UnboundedReceiver<Event>) {
        let place = Local::new(folder.path().to_owned());
        let organization = "5C13@AdobeOrg".parse().expect("an organization");
        let holder = Holder {
            host: "here".to_owned(),
            pid: 1,
            ci_run: None,
            since: Timestamp::UNIX_EPOCH,
        };
        let opened = LockedStore::open(&place, &organization, holder).await;
        let (events, seen) = mpsc::unbounded_channel();
        (
            JournalWriter::new(opened.expect("it is free").store, events),
            seen,
        )
    }

    fn reserved(day: i64) -> Reserved {
        Reserved {
            flow: 0,
            run: run(day),
            retry_of: None,
            intent: SuspendAwareInstant::now(),
        }
    }

    fn now() -> ClockedTime {
        ClockedTime {
            local: Some(Timestamp::now()),
            service: Some(Timestamp::now()),
        }
    }

    #[tokio::test]
    async fn news_are_told_and_runs_given_back_only_once_they_are_durable() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, mut seen) = writer(&folder).await;
        writer.begin(vec![reserved(1)], now(), true).expect("begun");
        let appended = writer.written().await;
        assert_eq!(writer.finish(appended).expect("durable").len(), 1);

        let created = Entry::Created {
            key: run(1).key(),
            run_id: "r".parse().expect("a run id"),
            etag: None,
            at: Timestamp::now(),
        };
        writer.record(Some(created), Some(Event::Deadline));
        writer.begin(vec![reserved(2)], now(), true).expect("begun");
        assert!(writer.is_writing() && seen.try_recv().is_err());
        let appended = writer.written().await;
        assert!(seen.try_recv().is_err(), "not before it is known");
        let durable = writer.finish(appended).expect("durable");
        assert_eq!(durable[0].run, run(2));
        assert_eq!(seen.try_recv(), Ok(Event::Deadline));
        let order = |day| match writer.state().get(&run(day).identity).map(|it| &it.fate) {
            Some(Fate::InDoubt(in_doubt)) => in_doubt.order,
            _ => None,
        };
        assert_eq!((order(1), order(2)), (None, Some(2)));
    }

    #[tokio::test]
    async fn a_run_that_is_withdrawn_while_its_intent_is_written_is_recorded_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, _seen) = writer(&folder).await;
        let both = vec![reserved(1), reserved(2)];
        writer.begin(both, now(), true).expect("begun");
        let back = writer.withdraw(|one| one.run == run(2));
        assert_eq!(back.len(), 1);
        let not_sent = Entry::NotSent {
            key: back[0].run.key(),
            reason: String::new(),
            at: Timestamp::now(),
        };
        writer.record(Some(not_sent), None);
        let appended = writer.written().await;
        assert_eq!(writer.finish(appended).expect("durable").len(), 1);
        assert!(
            writer.state().get(&run(2).identity).is_some(),
            "an open intent"
        );
        writer.begin(Vec::new(), now(), true).expect("begun");
        let appended = writer.written().await;
        writer.finish(appended).expect("durable");
        assert!(
            writer.state().get(&run(2).identity).is_none(),
            "it was not sent"
        );
        assert!(writer.state().get(&run(1).identity).is_some());
    }

    #[tokio::test]
    async fn with_nothing_to_write_news_are_told_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, mut seen) = writer(&folder).await;
        writer.record(None, Some(Event::Stopping));
        writer.begin(Vec::new(), now(), true).expect("begun");
        assert!(!writer.is_writing());
        assert_eq!(seen.try_recv(), Ok(Event::Stopping));
    }
}
