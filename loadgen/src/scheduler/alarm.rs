//! An alarm clock for the open model: one absolute timerfd in the reactor, for arrivals and think times alike.
//!
//! tokio's own timers round up to the next millisecond, which would put 0.65 ms on every response time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use super::reactor;

/// The clock. Must be created in a tokio runtime whose I/O driver is enabled.
pub(crate) struct AlarmClock {
    fd: AsyncFd<OwnedFd>,
    /// The same moment on both clocks: `Instant` is CLOCK_MONOTONIC on Linux, but does not expose its value.
    anchor: (Instant, Duration),
    sleepers: Mutex<BinaryHeap<Reverse<Sleeper>>>,
    earlier: Notify,
}

struct Sleeper {
    at: Instant,
    waker: Waker,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl Eq for Sleeper {}
impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl AlarmClock {
    pub(crate) fn new() -> std::io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let now = clock_gettime(ClockId::Monotonic);
        let since_boot = Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
        Ok(Self {
            fd: reactor::watch(fd)?,
            anchor: (Instant::now(), since_boot),
            sleepers: Mutex::default(),
            earlier: Notify::new(),
        })
    }

    /// Wakes all sleepers that are due, and returns when the next one is.
    pub(crate) fn wake_due(&self, now: Instant) -> Option<Instant> {
        let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        while sleepers.peek().is_some_and(|Reverse(sleeper)| sleeper.at <= now) {
            if let Some(Reverse(sleeper)) = sleepers.pop() {
                sleeper.waker.wake();
            }
        }
        sleepers.peek().map(|Reverse(sleeper)| sleeper.at)
    }

    /// Waits until `at`, or until a sleeper with an earlier alarm is added. For the dispatcher only.
    pub(crate) async fn wait_until(&self, at: Instant) -> std::io::Result<()> {
        let after = at.saturating_duration_since(self.anchor.0);
        let absolute = (self.anchor.1 + after).max(Duration::from_nanos(1));
        let it_value =
            Timespec { tv_sec: absolute.as_secs() as i64, tv_nsec: i64::from(absolute.subsec_nanos()) };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
        tokio::select! {
            biased;
            ready = self.fd.readable() => {
                let mut ready = ready?;
                let mut expirations = [0_u8; 8];
                // Nothing to read means that the timer was set again meanwhile, which is as good a reason to return.
                let _ = rustix::io::read(self.fd.get_ref(), &mut expirations);
                ready.clear_ready();
            }
            () = self.earlier.notified() => {}
        }
        Ok(())
    }

    /// Sleeps until `at`. Needs a dispatcher that calls [`AlarmClock::wake_due`].
    pub(crate) async fn sleep_until(&self, at: Instant) {
        Sleep { alarm: self, at, asleep: false }.await;
    }
}

struct Sleep<'a> {
    alarm: &'a AlarmClock,
    at: Instant,
    asleep: bool,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        if !self.asleep {
            self.asleep = true;
            let sleeper = Sleeper { at: self.at, waker: context.waker().clone() };
            let mut sleepers = self.alarm.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
            let first = sleepers.peek().is_none_or(|Reverse(other)| other.at > self.at);
            sleepers.push(Reverse(sleeper));
            drop(sleepers);
            if first {
                self.alarm.earlier.notify_one();
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn sleepers_wake_in_order_and_not_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let alarm = Arc::new(AlarmClock::new().expect("timerfd"));
            let start = Instant::now();
            let woken = Arc::new(Mutex::new(Vec::new()));
            for ms in [9_u64, 3, 6] {
                let (alarm, woken) = (Arc::clone(&alarm), Arc::clone(&woken));
                tokio::spawn(async move {
                    let at = start + Duration::from_millis(ms);
                    alarm.sleep_until(at).await;
                    assert!(Instant::now() >= at);
                    woken.lock().expect("lock").push(ms);
                });
            }
            while woken.lock().expect("lock").len() < 3 {
                assert!(start.elapsed() < Duration::from_secs(2), "an alarm was missed");
                let next = alarm.wake_due(Instant::now());
                let limit = start + Duration::from_secs(2);
                alarm.wait_until(next.unwrap_or(limit).min(limit)).await.expect("clock");
            }
            assert_eq!(*woken.lock().expect("lock"), [3, 6, 9]);
        });
    }
}
