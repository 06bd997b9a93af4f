//! Ctrl-C, SIGTERM and SIGHUP, which a terminal that is closed sends: the first asks to stop, the second
//! leaves at once. SIGQUIT leaves at once, as the system has it.
//!
//! On Windows it is Ctrl-C, Ctrl-Break, a console that is closed and a system that shuts down. The latter
//! two give 5 seconds.

use std::pin::pin;

use tokio::sync::mpsc;

use super::exit::Exit;
use super::failure::Failure;

/// The signals of this process, in order.
pub(crate) struct Signals(mpsc::UnboundedReceiver<()>);

impl Signals {
    /// Listens from now on; without listeners the system would end the process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Self::listeners().map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                format!("could not listen for signals: {error}"),
            )
        })
    }

    fn listeners() -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            // Started by `nohup`, it goes on without its terminal.
            let mut hangup = if is_hangup_ignored() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            };
            tokio::spawn(async move {
                loop {
                    let hung_up = async {
                        match &mut hangup {
                            Some(hangup) => hangup.recv().await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hung_up => {}
                    }
                    if sender.send(()).is_err() {
                        return;
                    }
                }
            });
        }
        #[cfg(windows)]
        {
            use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
            let (mut c, mut pause) = (ctrl_c()?, ctrl_break()?);
            let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        _ = c.recv() => {}
                        _ = pause.recv() => {}
                        _ = close.recv() => {}
                        _ = shutdown.recv() => {}
                    }
                    if sender.send(()).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self(receiver))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for `work`, which is short and leaves the state held if it is cut short: the first
    /// signal lets it come to its end.
    ///
    /// # Errors
    /// With the second signal.
    pub(crate) async fn outlast<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let mut work = pin!(work);
        tokio::select! {
            done = &mut work => return Ok(done),
            () = self.next() => {}
        }
        tokio::select! {
            done = &mut work => Ok(done),
            () = self.next() => Err(Failure::new(Exit::Interrupted, "interrupted twice")),
        }
    }
}

/// Whether this process was started with SIGHUP ignored. Where the system does not say, it was not.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    use std::sync::OnceLock;
    // Asked once: a listener of ours changes it.
    static IGNORED: OnceLock<bool> = OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // A bit for each signal, from 1.
        ignored.is_some_and(|mask| mask & 1 != 0)
    })
}
