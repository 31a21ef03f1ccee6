//! `--otlp`: what load looks like while it runs, to a collector of OpenTelemetry metrics, by OTLP over HTTP.
//!
//! A collector is a guest: it may be slow, absent or wrong, and the run goes on as without it. Sending is another thread's
//! work, from a bounded queue, with a deadline for each request; what went wrong is said once and counted.

mod address;
mod buckets;
mod metrics;
mod queue;
mod send;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kneepoint_model::live::LiveSecond;
use reqwest::header::HeaderMap;
use url::Url;

use self::queue::Queue;
use self::send::Sender;

pub(crate) use self::address::{endpoint, headers};

/// What is still to be sent at the end of the run is waited for so long.
const PATIENCE: Duration = Duration::from_secs(4);
/// The last of a phase is tried so often; any other once, since the next one has everything that it has.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// Sends until it is finished.
pub(crate) struct Exporter {
    queue: Arc<Queue>,
    tally: Arc<Tally>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What came of it.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    failed: AtomicU64,
    /// Gave way because the collector was slow.
    skipped: AtomicU64,
    /// The first failure, until it was told.
    complaint: Mutex<Option<String>>,
}

impl Exporter {
    /// Starts the thread that sends.
    pub(crate) fn start(collector: Url, headers: HeaderMap) -> Result<Self, String> {
        let (queue, tally) = (Arc::<Queue>::default(), Arc::<Tally>::default());
        let mut sender = Sender::new(collector, headers)?;
        let (work, account) = (Arc::clone(&queue), Arc::clone(&tally));
        let body = move || {
            while let Some((second, run)) = work.next() {
                account.count(sender.send_one(&second, &run));
            }
        };
        let thread = std::thread::Builder::new().name("otlp".to_owned()).spawn(body);
        let thread = Mutex::new(Some(thread.map_err(|error| error.to_string())?));
        Ok(Self { queue, tally, thread })
    }

    /// Gives it a second to send; never waits.
    pub(crate) fn put(&self, second: LiveSecond, run: Arc<str>) {
        if !self.queue.put((second, run)) {
            self.tally.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The first thing that went wrong, once.
    pub(crate) fn complaint(&self) -> Option<String> {
        let mut complaint = self.tally.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        complaint
            .take()
            .map(|why| format!("metrics do not reach the collector: {why}; the run goes on without"))
    }

    /// Sends what is left, within a few seconds, and says what came of it; `None` when it was finished before.
    pub(crate) fn finish(&self) -> Option<Ending> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.queue.close();
        let until = Instant::now() + PATIENCE;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Some(Ending {
            sent: count(&self.tally.sent),
            failed: count(&self.tally.failed),
            skipped: count(&self.tally.skipped),
            is_whole: thread.is_finished(),
        })
    }
}

/// How the sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    sent: u64,
    failed: u64,
    skipped: u64,
    /// False when the collector was waited for in vain.
    is_whole: bool,
}

impl Ending {
    /// Whether everything arrived.
    pub(crate) const fn is_good(&self) -> bool {
        self.failed == 0 && self.skipped == 0 && self.is_whole
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let rest = if self.is_whole { "" } else { "; the rest was given up at the end of the run" };
        format!(
            "OTLP: {} requests with metrics arrived, {} failed, {} were left out because the collector was slow{rest}",
            self.sent, self.failed, self.skipped
        )
    }
}

impl Tally {
    fn count(&self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => {
                if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                    *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                }
            }
        }
    }
}

impl Sender {
    /// One second, and the last of a phase more than once where that helps.
    fn send_one(&mut self, second: &LiveSecond, run: &str) -> Result<(), String> {
        let request = metrics::request(second, run);
        let mut outcome = self.send(&request);
        for _ in 1..if second.is_last() { TRIES } else { 1 } {
            if outcome.is_ok() {
                break;
            }
            std::thread::sleep(BETWEEN_TRIES);
            outcome = self.send(&request);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_says_what_got_lost() {
        let good = Ending { sent: 9, failed: 0, skipped: 0, is_whole: true };
        assert!(good.is_good() && good.words().contains("9 requests with metrics arrived"));
        for bad in
            [Ending { failed: 1, ..good }, Ending { skipped: 2, ..good }, Ending { is_whole: false, ..good }]
        {
            assert!(!bad.is_good(), "{}", bad.words());
        }
    }

    #[test]
    fn only_the_first_failure_is_told() {
        let tally = Tally::default();
        for why in ["refused", "answered 500"] {
            tally.count(Err(why.to_owned()));
        }
        tally.count(Ok(()));
        assert_eq!(tally.complaint.lock().expect("lock").as_deref(), Some("refused"));
        assert_eq!((tally.sent.into_inner(), tally.failed.into_inner()), (1, 2));
    }
}
