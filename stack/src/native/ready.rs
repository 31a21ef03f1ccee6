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

/// Waits for a 200.
pub(super) fn wait(asker: &Asker, running: &Running, cancel: &Cancel) -> Result<(), StackError> {
    let started = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let why = match ask(asker, running, QUESTION, cancel) {
            Ok(()) => return Ok(()),
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
