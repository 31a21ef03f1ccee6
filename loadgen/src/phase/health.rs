//! The cost of the generator's own threads: CPU and run-queue wait from `/proc/self/task/<tid>/schedstat`.
//!
//! Format (kernel Documentation/scheduler/sched-stats.rst): time on the CPU, time waiting for one (both ns), timeslices.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kneepoint_model::load::GeneratorHealth;
use kneepoint_model::units::{Micros, PerSecond, Ratio};

/// The threads of the generator.
#[derive(Default)]
pub(crate) struct GeneratorThreads(Mutex<Vec<(i32, ThreadRole)>>);

/// What a thread does. Only waits of generator threads are seen as latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadRole {
    Generator,
    Collector,
}

impl GeneratorThreads {
    /// Includes the calling thread from now on.
    pub(crate) fn register_current(&self, role: ThreadRole) {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((tid, role));
    }

    /// Reads the times of each thread; threads that have ended are left out.
    pub(crate) fn snapshot(&self) -> CpuSnapshot {
        let tids = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = |(tid, role): (i32, ThreadRole)| {
            let text = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).ok()?;
            let mut ran = parse_schedstat(&text)?;
            if role == ThreadRole::Collector {
                (ran.queued, ran.slices) = (Duration::ZERO, 0);
            }
            Some((tid, ran))
        };
        CpuSnapshot(tids.into_iter().filter_map(read).collect())
    }
}

/// CPU and run-queue wait by thread, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CpuSnapshot(BTreeMap<i32, ThreadTimes>);

/// Times of one thread since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct ThreadTimes {
    cpu: Duration,
    queued: Duration,
    slices: u64,
}

fn parse_schedstat(text: &str) -> Option<ThreadTimes> {
    let mut fields = text.split_ascii_whitespace().map(|field| field.parse::<u64>().ok());
    let (cpu, queued, slices) = (fields.next()??, fields.next()??, fields.next()??);
    Some(ThreadTimes { cpu: Duration::from_nanos(cpu), queued: Duration::from_nanos(queued), slices })
}

/// Cost of the generator, and its mean wait for a core per wake-up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct GeneratorCost {
    pub(crate) health: GeneratorHealth,
    pub(crate) wake_wait: Micros,
}

/// The difference between two snapshots.
pub(crate) fn generator_cost(
    before: &CpuSnapshot,
    after: &CpuSnapshot,
    length: Duration,
    requests: u64,
) -> GeneratorCost {
    let (mut cpu, mut queue, mut busiest, mut slices) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    for (tid, now) in &after.0 {
        let then = before.0.get(tid).copied().unwrap_or_default();
        let cpu_time = now.cpu.saturating_sub(then.cpu);
        cpu += cpu_time;
        queue += now.queued.saturating_sub(then.queued);
        slices += now.slices.saturating_sub(then.slices);
        busiest = busiest.max(cpu_time);
    }
    let seconds = length.as_secs_f64();
    let health = GeneratorHealth {
        cpu_us: Micros::from_duration(cpu),
        busiest_thread: Ratio(if seconds > 0.0 { busiest.as_secs_f64() / seconds } else { 0.0 }),
        run_queue_us: Micros::from_duration(queue),
        requests_per_cpu_second: PerSecond::from_count(requests, cpu),
    };
    let wake_wait = Micros(u64::try_from(queue.as_micros()).unwrap_or(u64::MAX) / slices.max(1));
    GeneratorCost { health, wake_wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_subtracted_thread_by_thread() {
        let snapshot = |entries: &[(i32, u64, u64)]| {
            let entry = |(tid, cpu, queue): &(i32, u64, u64)| {
                let (cpu, queued) = (Duration::from_millis(*cpu), Duration::from_millis(*queue));
                (*tid, ThreadTimes { cpu, queued, slices: queue * 2 })
            };
            CpuSnapshot(entries.iter().map(entry).collect())
        };
        let before = snapshot(&[(1, 100, 10), (2, 50, 0)]);
        let after = snapshot(&[(1, 600, 30), (2, 150, 5), (3, 20, 1)]);
        let cost = generator_cost(&before, &after, Duration::from_secs(1), 310);
        let health = cost.health;
        assert_eq!(cost.wake_wait, Micros(500));
        assert_eq!((health.cpu_us, health.run_queue_us), (Micros(620_000), Micros(26_000)));
        assert!((health.busiest_thread.0 - 0.5).abs() < 1e-9);
        assert!((health.requests_per_cpu_second.0 - 500.0).abs() < 1e-6);
    }

    #[test]
    fn the_kernel_format_is_parsed_and_the_own_thread_is_counted() {
        let ran =
            ThreadTimes { cpu: Duration::from_micros(1500), queued: Duration::from_micros(2), slices: 7 };
        assert_eq!(parse_schedstat("1500000 2000 7\n"), Some(ran));
        assert_eq!(parse_schedstat("x"), None);
        let threads = GeneratorThreads::default();
        threads.register_current(ThreadRole::Generator);
        assert_eq!(threads.snapshot().0.len(), 1);
    }
}
