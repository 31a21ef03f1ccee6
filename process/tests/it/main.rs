//! Integration tests with real processes, in one binary.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod run;
mod service;
mod watchdog;

use std::thread;
use std::time::{Duration, Instant};

/// Polls until `condition` holds; fails the test after 8 s.
fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_up_to(8, what, condition);
}

/// Polls until `condition` holds; fails the test after `seconds`.
fn wait_up_to(seconds: u64, what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !condition() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
