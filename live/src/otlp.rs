//! `--otlp`: figures of load to a collector of OpenTelemetry metrics, by OTLP over HTTP, while the load runs.
//!
//! The collector may be slow, absent or wrong without any effect on the run: a thread of its own sends from a bounded
//! queue, with a deadline for each request. The first failure becomes a warning; all are counted.

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

use self::queue::SendQueue;
use self::send::Sender;

pub use self::address::{headers_from_env, metrics_endpoint};

/// Longest wait at the end of the run for requests that are still to be sent.
const FINISH_TIMEOUT: Duration = Duration::from_secs(4);
/// Attempts for the last request of a phase. Others are sent once: counts are cumulative, so the next one covers them.
const MAX_ATTEMPTS: u32 = 3;
const RETRY_DELAY: Duration = Duration::from_millis(300);

/// The sending thread and its counts; runs until [`Exporter::finish`].
pub struct Exporter {
    queue: Arc<SendQueue>,
    counts: Arc<ExportCounts>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Requests by result.
#[derive(Default)]
struct ExportCounts {
    sent: AtomicU64,
    failed: AtomicU64,
    /// Dropped from the queue because the collector was slow.
    skipped: AtomicU64,
    /// Taken by the first call of [`Exporter::take_warning`].
    first_failure: Mutex<Option<String>>,
}

impl Exporter {
    /// Starts the sending thread.
    ///
    /// # Errors
    /// The HTTP client or the thread cannot be created.
    pub fn start(collector: Url, headers: HeaderMap) -> Result<Self, String> {
        let (queue, counts) = (Arc::<SendQueue>::default(), Arc::<ExportCounts>::default());
        let mut sender = Sender::new(collector, headers)?;
        let (work, results) = (Arc::clone(&queue), Arc::clone(&counts));
        let body = move || {
            while let Some((second, run)) = work.wait_next() {
                results.record(sender.send_one(&second, &run));
            }
        };
        let thread = std::thread::Builder::new().name("otlp".to_owned()).spawn(body);
        let thread = Mutex::new(Some(thread.map_err(|error| error.to_string())?));
        Ok(Self { queue, counts, thread })
    }

    /// Queues one second of load of the run named `run`; never blocks.
    pub fn push(&self, second: LiveSecond, run: Arc<str>) {
        if !self.queue.push((second, run)) {
            self.counts.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A warning about the first failure; `None` when there was none or it was returned before.
    pub fn take_warning(&self) -> Option<String> {
        let mut first_failure = self.counts.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first_failure
            .take()
            .map(|why| format!("metrics do not reach the collector: {why}; the run goes on without them"))
    }

    /// Sends what is still queued, for a few seconds at most. `None` when it was finished before.
    pub fn finish(&self) -> Option<ExportSummary> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.queue.close();
        let until = Instant::now() + FINISH_TIMEOUT;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Some(ExportSummary {
            sent: load(&self.counts.sent),
            failed: load(&self.counts.failed),
            skipped: load(&self.counts.skipped),
            is_complete: thread.is_finished(),
        })
    }
}

/// What arrived at the collector over a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportSummary {
    sent: u64,
    failed: u64,
    skipped: u64,
    /// False when requests were still queued after [`FINISH_TIMEOUT`].
    is_complete: bool,
}

impl ExportSummary {
    /// True when every request arrived.
    pub const fn is_successful(&self) -> bool {
        self.failed == 0 && self.skipped == 0 && self.is_complete
    }

    /// One line for the console.
    pub fn describe(&self) -> String {
        let rest =
            if self.is_complete { "" } else { "; the remaining ones were given up at the end of the run" };
        format!(
            "OTLP: {} requests with metrics arrived, {} failed, {} were dropped because the collector was slow{rest}",
            self.sent, self.failed, self.skipped
        )
    }
}

impl ExportCounts {
    fn record(&self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => {
                if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                    *self.first_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                }
            }
        }
    }
}

impl Sender {
    /// Sends one second of load; retries only the last request of a phase.
    fn send_one(&mut self, second: &LiveSecond, run: &str) -> Result<(), String> {
        let request = metrics::export_request(second, run);
        let mut outcome = self.send(&request);
        for _ in 1..if second.is_last() { MAX_ATTEMPTS } else { 1 } {
            if outcome.is_ok() {
                break;
            }
            std::thread::sleep(RETRY_DELAY);
            outcome = self.send(&request);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_reports_what_got_lost() {
        let good = ExportSummary { sent: 9, failed: 0, skipped: 0, is_complete: true };
        assert!(good.is_successful() && good.describe().contains("9 requests with metrics arrived"));
        for bad in [
            ExportSummary { failed: 1, ..good },
            ExportSummary { skipped: 2, ..good },
            ExportSummary { is_complete: false, ..good },
        ] {
            assert!(!bad.is_successful(), "{}", bad.describe());
        }
    }

    #[test]
    fn only_the_first_failure_is_kept() {
        let counts = ExportCounts::default();
        for why in ["refused", "answered 500"] {
            counts.record(Err(why.to_owned()));
        }
        counts.record(Ok(()));
        assert_eq!(counts.first_failure.lock().expect("lock").as_deref(), Some("refused"));
        assert_eq!((counts.sent.into_inner(), counts.failed.into_inner()), (1, 2));
    }
}
