//! The wish to stop, as everything that waits sees it.

use tokio::sync::watch;

/// The end that asks.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// The end that is asked. Clones see the same wish.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A stopper, and what it stops.
    #[must_use]
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Asks everyone to stop.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until it is asked for; for ever, if nobody is left to ask.
    pub(crate) async fn requested(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
