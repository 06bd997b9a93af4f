//! The reader of an apply's events: bars on a terminal, lines elsewhere.

use std::io::{self, Write};
use std::time::Duration;

use console::Term;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::context::Context;
use crate::engine::Event;
use crate::report::{ApplyProgress, ProgressDisplay, fitting, line};

/// How often a display moves when nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// Shows events until the engine has no more.
pub(crate) async fn watch(context: &Context, mut events: UnboundedReceiver<Event>) {
    let lines = context.shows_lines();
    let mut display = context
        .shows_bars()
        .then(|| ProgressDisplay::new(context.colour.1));
    let mut progress = ApplyProgress::default();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let event = tokio::select! {
            event = events.recv() => match event {
                Some(event) => event,
                None => return,
            },
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
                for line in said.iter().flat_map(|said| fitting(&Term::stderr(), said)) {
                    let _ = writeln!(io::stderr().lock(), "{line}");
                }
            }
            None => {}
        }
    }
}

fn needs_a_person(event: &Event) -> bool {
    matches!(
        event,
        Event::Blocked { .. }
            | Event::InTheWay { .. }
            | Event::Rejected { .. }
            | Event::InDoubt { .. }
            | Event::Unclear { .. }
            | Event::NotFollowed { .. }
            | Event::Waiting { .. }
            | Event::Deadline
            | Event::Stopping
    )
}
