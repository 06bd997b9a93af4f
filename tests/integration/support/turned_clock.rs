//! A machine whose clock is turned, also while the program runs: the real binary is given calls of
//! the C library that add what a file says to the time of day. Monotonic clocks go on untouched, as
//! they do where somebody sets the clock.
//!
//! Where no such library can be built, the test says that it was skipped.

use std::path::PathBuf;

use super::machine::preloaded;
use super::workspace::Workspace;

/// The time of day, and as many seconds as the file says that `TURNED_CLOCK` names.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long turned(void) {
    char text[32] = {0};
    const char *path = getenv("TURNED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? atol(text) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += turned();
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (out) *out = exact.tv_sec;
    return exact.tv_sec;
}
"#;

/// The clock of a workspace's machine.
pub(crate) struct TurnedClock(PathBuf);

impl TurnedClock {
    /// Every command of the workspace is on this clock from now on, which is right at first; an
    /// emulator that was started before is not. `None` where that cannot be done.
    pub(crate) fn of(workspace: &mut Workspace) -> Option<Self> {
        if !preloaded(workspace, "a clock that is turned", "turned", LIBRARY) {
            return None;
        }
        let clock = Self(workspace.path().join("turned-by"));
        clock.turn(0);
        let library = workspace.path().join("turned.so");
        for (name, path) in [("LD_PRELOAD", &library), ("TURNED_CLOCK", &clock.0)] {
            workspace.set(name, path.to_str().expect("UTF-8"));
        }
        Some(clock)
    }

    /// From now on the clock is ahead of the right time by so many seconds; negative: behind.
    pub(crate) fn turn(&self, seconds: i64) {
        // In one step: a program must not read half of it.
        let new = self.0.with_extension("new");
        std::fs::write(&new, seconds.to_string()).expect("writable");
        std::fs::rename(&new, &self.0).expect("the same folder");
    }
}

#[test]
fn the_program_is_on_the_clock_that_is_turned() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let Some(clock) = TurnedClock::of(&mut workspace) else {
        return;
    };
    workspace.run("validate").exits(0);
    // Twenty years ago a window of 2022 was in the future.
    clock.turn(-20 * 366 * 86_400);
    let ran = workspace.run("validate").exits(3);
    assert!(ran.stderr.contains("future"), "{}", ran.stderr);
}
