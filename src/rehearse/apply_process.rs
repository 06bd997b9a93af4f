//! One process of `backfill`: from its start to its own end, or to the moment at which it is killed.

use std::future::pending;
use std::io;
use std::process::ExitStatus;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::sleep;

use super::kill::Kill;
use crate::cli::signals::Signals;
use crate::emulator::Arrived;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By us.
    Killed,
    /// By itself, with this exit code.
    Exited(i32),
    /// By somebody else.
    Died(ExitStatus),
    /// By us, because the user wants all of it to end.
    Interrupted,
}

/// Starts `command` and sees it to its end; `arrived` tells of requests.
pub(crate) async fn run_until(
    mut command: Command,
    kill: Option<Kill>,
    arrived: watch::Receiver<Arrived>,
    signals: &mut Signals,
) -> io::Result<Ended> {
    let before = *arrived.borrow();
    let mut child = command.spawn()?;
    tokio::select! {
        status = child.wait() => {
            let status = status?;
            Ok(status.code().map_or(Ended::Died(status), Ended::Exited))
        }
        () = due(kill, before, arrived) => end(&mut child).await,
        () = signals.next() => {
            end(&mut child).await?;
            Ok(Ended::Interrupted)
        }
    }
}

/// Waits until `kill` is due.
async fn due(kill: Option<Kill>, before: Arrived, mut arrived: watch::Receiver<Arrived>) {
    let Some(kill) = kill else {
        return pending().await;
    };
    let is_due = |now: &Arrived| {
        kill.is_due(Arrived {
            requests: now.requests - before.requests,
            creates: now.creates - before.creates,
        })
    };
    let at_latest = async {
        match kill.at_latest() {
            Some(time) => sleep(time).await,
            None => pending().await,
        }
    };
    tokio::select! {
        Ok(_) = arrived.wait_for(is_due) => {}
        () = at_latest => {}
    }
}

/// Kills the child, which may have ended by itself meanwhile.
async fn end(child: &mut Child) -> io::Result<Ended> {
    child.start_kill()?;
    let status = child.wait().await?;
    // Where there are signals, one that was killed has no code; elsewhere killing sets it to 1.
    let killed = if cfg!(unix) { None } else { Some(1) };
    Ok(match status.code() {
        code if code == killed => Ended::Killed,
        Some(code) => Ended::Exited(code),
        None => Ended::Died(status),
    })
}
