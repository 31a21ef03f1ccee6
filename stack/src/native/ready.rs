//! Waits until a service answers a real request, for as long as it makes sense to wait.

use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;

use super::service::Running;
use crate::ask::Asker;
use crate::error::{StackError, Trouble};

/// A cold Python on a busy machine compiles and imports for seconds.
const DEADLINE: Duration = Duration::from_mins(1);
/// One question: longer than any healthy answer, short enough to see a dead service soon.
const QUESTION: Duration = Duration::from_secs(3);
/// Between two questions, growing from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// What is said when the answer came from somebody else.
const STRANGER: &str = "another program answers at its port";

/// Whether a service came too late to its port: between our letting go of it and its binding, another took it.
pub(super) fn lost_its_port(trouble: &Trouble) -> bool {
    // As the system, gunicorn and ourselves put it.
    let signs = ["ddress already in use", "Connection in use", STRANGER];
    signs.iter().any(|sign| trouble.why.contains(sign) || trouble.tail.contains(sign))
}

/// Waits for a 200.
pub(super) fn wait(asker: &Asker, running: &Running, cancel: &Cancel) -> Result<(), StackError> {
    let started = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let why = match ask(asker, running, QUESTION, cancel) {
            Ok(()) if running.holds_its_port() => return Ok(()),
            Ok(()) => STRANGER.to_owned(),
            Err(why) => why,
        };
        if cancel.is_set() {
            return Err(StackError::Cancelled);
        }
        let ended = running.service.exit_status().map(|exit| format!("it ended with {exit}"));
        let hopeless = ended.or_else(|| running.has_given_up().then(|| "it cannot start".to_owned()));
        if hopeless.is_some() || started.elapsed() >= DEADLINE {
            let why = hopeless.unwrap_or(why);
            return Err(StackError::NotReady(trouble(running, started.elapsed(), why)));
        }
        if cancel.sleep(pause) {
            return Err(StackError::Cancelled);
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Whether it runs and answers now.
pub(super) fn check(asker: &Asker, running: &Running, cancel: &Cancel) -> Result<(), StackError> {
    let ended = running.service.exit_status().map(|exit| Err(format!("it ended with {exit}")));
    let answer = ended.unwrap_or_else(|| ask(asker, running, QUESTION * 2, cancel));
    answer.map_err(|why| StackError::Unhealthy(trouble(running, Duration::ZERO, why)))
}

fn ask(asker: &Asker, running: &Running, deadline: Duration, cancel: &Cancel) -> Result<(), String> {
    let reply = asker.get(&running.ready, None, deadline, cancel)?;
    if reply.status == 200 { Ok(()) } else { Err(format!("it answered with status {}", reply.status)) }
}

fn trouble(running: &Running, waited: Duration, why: String) -> Box<Trouble> {
    let (log, tail) = running.last_words();
    Box::new(Trouble { service: running.name, url: running.ready.clone(), waited, why, log, tail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_port_is_told_from_other_trouble() {
        let trouble = |why: &str, tail: &str| Trouble {
            service: "gunicorn",
            url: "http://127.0.0.1:1/".parse().unwrap(),
            waited: Duration::ZERO,
            why: why.to_owned(),
            log: "/log".into(),
            tail: tail.to_owned(),
        };
        assert!(lost_its_port(&trouble(STRANGER, "")));
        assert!(lost_its_port(&trouble("", "[ERROR] Connection in use: ('127.0.0.1', 18081)")));
        assert!(lost_its_port(&trouble("", "bind() to 127.0.0.1:1 failed (98: Address already in use)")));
        assert!(lost_its_port(&trouble(
            "",
            "cannot listen on 127.0.0.1:1: Address already in use (os error 98)"
        )));
        assert!(!lost_its_port(&trouble("it ended with exit code 3", "no such table: books")));
    }
}
