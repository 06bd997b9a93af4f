//! The reader of an apply's events: bars on a terminal, lines elsewhere.

use std::io::{self, Write};
use std::time::Duration;

use console::Term;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::context::Context;
use super::silence::Silence;
use crate::engine::{Event, FlowEvent, RunOutcome};
use crate::report::{ApplyProgress, ProgressDisplay, fitting, line, waiting_lines};

/// How often a display moves when nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// Shows events until the engine has no more.
pub(crate) async fn watch(context: &Context, mut events: UnboundedReceiver<Event>) {
    let lines = context.shows_lines();
    let mut display = context.shows_bars().then(ProgressDisplay::new);
    let mut silence = Silence::new();
    let mut progress = ApplyProgress::default();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let event = tokio::select! {
            event = events.recv() => match event {
                Some(event) => event,
                None => return,
            },
            () = sleep_until(silence.ends()), if lines => {
                if silence.is_over() {
                    for line in waiting_lines(&progress, Instant::now()) {
                        say(&line);
                    }
                }
                continue;
            }
            _ = tick.tick(), if display.is_some() => {
                if let Some(display) = &mut display {
                    display.draw(&progress, Instant::now());
                }
                continue;
            }
        };
        progress.fold(&event, Instant::now());
        let said = line(&event, &progress, context.verbose);
        match &display {
            // Bars show the course of things; only what needs a person is worth a line above.
            Some(display) => {
                if let Some(said) = said.filter(|_| context.verbose || needs_a_person(&event)) {
                    display.print(&said);
                }
            }
            None if lines => {
                if let Some(said) = said {
                    silence = Silence::new();
                    say(&said);
                }
            }
            None => {}
        }
    }
}

fn say(line: &str) {
    for line in fitting(&Term::stderr(), line) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

fn needs_a_person(event: &Event) -> bool {
    matches!(
        event,
        Event::Deadline
            | Event::Stopping
            | Event::Flow(
                _,
                FlowEvent::Blocked(_)
                    | FlowEvent::NotFollowed(_)
                    | FlowEvent::Waiting(_)
                    | FlowEvent::Outcome(
                        _,
                        RunOutcome::Rejected(_) | RunOutcome::InDoubt(_) | RunOutcome::Remaining(_)
                    )
            )
    )
}
