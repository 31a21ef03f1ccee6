//! What the generator's own threads cost: CPU and run-queue wait from `/proc/self/task/<tid>/schedstat`.
//!
//! Format (kernel Documentation/scheduler/sched-stats.rst): time on the CPU, time waiting for one (both ns), timeslices.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kneepoint_model::load::GeneratorHealth;
use kneepoint_model::units::{Micros, PerSecond, Ratio};

/// Threads that belong to the generator.
#[derive(Default)]
pub(crate) struct Threads(Mutex<Vec<i32>>);

impl Threads {
    /// Counts the calling thread from now on.
    pub(crate) fn enter(&self) {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(tid);
    }

    /// Reads the present account of each; threads that are gone are left out.
    pub(crate) fn read(&self) -> Account {
        let tids = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = |tid: i32| {
            let text = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).ok()?;
            Some((tid, parse(&text)?))
        };
        Account(tids.into_iter().filter_map(read).collect())
    }
}

/// CPU and run-queue wait by thread, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account(BTreeMap<i32, (Duration, Duration)>);

fn parse(text: &str) -> Option<(Duration, Duration)> {
    let mut fields = text.split_ascii_whitespace().map(|field| field.parse().ok().map(Duration::from_nanos));
    Some((fields.next()??, fields.next()??))
}

/// The difference between two accounts.
pub(crate) fn health(before: &Account, after: &Account, length: Duration, requests: u64) -> GeneratorHealth {
    let (mut cpu, mut queue, mut busiest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for (tid, (cpu_after, queue_after)) in &after.0 {
        let (cpu_before, queue_before) = before.0.get(tid).copied().unwrap_or_default();
        let own = cpu_after.saturating_sub(cpu_before);
        cpu += own;
        queue += queue_after.saturating_sub(queue_before);
        busiest = busiest.max(own);
    }
    let seconds = length.as_secs_f64();
    GeneratorHealth {
        cpu_us: Micros::from_duration(cpu),
        busiest_thread: Ratio(if seconds > 0.0 { busiest.as_secs_f64() / seconds } else { 0.0 }),
        run_queue_us: Micros::from_duration(queue),
        requests_per_cpu_second: PerSecond::of(requests, cpu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_subtracted_thread_by_thread() {
        let account = |entries: &[(i32, u64, u64)]| {
            let entry = |(tid, cpu, queue): &(i32, u64, u64)| {
                (*tid, (Duration::from_millis(*cpu), Duration::from_millis(*queue)))
            };
            Account(entries.iter().map(entry).collect())
        };
        let before = account(&[(1, 100, 10), (2, 50, 0)]);
        let after = account(&[(1, 600, 30), (2, 150, 5), (3, 20, 1)]);
        let health = health(&before, &after, Duration::from_secs(1), 310);
        assert_eq!((health.cpu_us, health.run_queue_us), (Micros(620_000), Micros(26_000)));
        assert!((health.busiest_thread.0 - 0.5).abs() < 1e-9);
        assert!((health.requests_per_cpu_second.0 - 500.0).abs() < 1e-6);
    }

    #[test]
    fn the_kernel_format_is_read_and_own_work_is_seen() {
        assert_eq!(parse("1500000 2000 7\n"), Some((Duration::from_micros(1500), Duration::from_micros(2))));
        assert_eq!(parse("x"), None);
        let threads = Threads::default();
        threads.enter();
        assert_eq!(threads.read().0.len(), 1);
    }
}
