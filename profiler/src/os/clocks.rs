//! Clocks and kernel units. The only file with `unsafe`: the CPU clock of another process and two `sysconf` calls.
//!
//! The CPU clock of a process counts nanoseconds and includes ended threads; `/proc/PID/stat` has the same figure
//! truncated to 10 ms, `/proc/PID/schedstat` only the first thread. Source: clock_getcpuclockid(3), and
//! `MAKE_PROCESS_CPUCLOCK` with `CPUCLOCK_SCHED` in include/linux/posix-timers_types.h.
#![expect(
    unsafe_code,
    reason = "clock_gettime on another process's clock and sysconf have no safe form; each call is audited here"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kneepoint_model::units::UnixMillis;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// CPU time of a process including ended threads; `None` when it has ended.
pub(crate) fn process_cpu(pid: u32) -> Option<Duration> {
    const CPUCLOCK_SCHED: libc::clockid_t = 2;
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0)?;
    let clock = (!pid << 3) | CPUCLOCK_SCHED;
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spec` is a valid, writable timespec for the whole call; a clock that does not exist is an error return.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut spec) } != 0;
    if failed {
        return None;
    }
    Some(Duration::new(u64::try_from(spec.tv_sec).ok()?, u32::try_from(spec.tv_nsec).ok()?))
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu() -> Duration {
    to_duration(clock_gettime(ClockId::ThreadCPUTime))
}

/// Time since boot including suspended time: the clock of a process's start time.
pub(crate) fn since_boot() -> Duration {
    to_duration(clock_gettime(ClockId::Boottime))
}

/// Current time on the clock of the run folder.
pub(crate) fn unix_ms() -> UnixMillis {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

fn to_duration(spec: Timespec) -> Duration {
    Duration::new(u64::try_from(spec.tv_sec).unwrap_or(0), u32::try_from(spec.tv_nsec).unwrap_or(0))
}

/// Units in which the kernel counts memory and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KernelUnits {
    /// Bytes per page.
    pub(crate) page: u64,
    /// Microseconds per clock tick of `/proc`.
    pub(crate) tick_us: u64,
}

impl KernelUnits {
    /// Reads the units of this machine.
    pub(crate) fn detect() -> Self {
        // SAFETY: sysconf takes and returns a plain number; it touches no memory of this process.
        let (page, hz) = unsafe { (libc::sysconf(libc::_SC_PAGESIZE), libc::sysconf(libc::_SC_CLK_TCK)) };
        let known = |value: libc::c_long, otherwise| {
            u64::try_from(value).ok().filter(|n| *n > 0).unwrap_or(otherwise)
        };
        Self { page: known(page, 4096), tick_us: 1_000_000 / known(hz, 100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_clock_agrees_with_the_standard_one_and_a_missing_process_has_none() {
        let end = std::time::Instant::now() + Duration::from_millis(30);
        while std::time::Instant::now() < end {}
        let ours = process_cpu(std::process::id()).expect("we are alive");
        let standard = to_duration(clock_gettime(ClockId::ProcessCPUTime));
        assert!(ours >= Duration::from_millis(10) && ours <= standard, "{ours:?} {standard:?}");
        assert!(standard.saturating_sub(ours) < Duration::from_millis(500), "{ours:?} {standard:?}");
        assert_eq!(process_cpu(0), None);
        assert_eq!(process_cpu(u32::MAX), None);
    }

    #[test]
    fn sizes_are_sensible() {
        let units = KernelUnits::detect();
        assert!(units.page.is_power_of_two() && units.page >= 4096, "{units:?}");
        assert!((1_000..=10_000).contains(&units.tick_us), "{units:?}");
    }
}
