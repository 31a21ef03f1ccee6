//! The times of a phase: its start, its measured part, and the intervals in which it is collected.

use std::time::{Duration, Instant};

use kneepoint_model::units::UnixMillis;

/// When a phase starts, measures and stops: monotonic, with one anchor on the wall clock. The wall clock is read here only,
/// so that setting it during a phase moves no figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) started_ms: UnixMillis,
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

impl Window {
    /// A window that starts `start_delay` from now.
    pub(crate) fn new(start_delay: Duration, warmup: Duration, duration: Duration) -> Self {
        let start = Instant::now() + start_delay;
        let started_ms = UnixMillis(UnixMillis::now().get() + start_delay.as_millis() as u64);
        Self { start, started_ms, from: start + warmup, until: start + warmup + duration }
    }

    /// Whether a request that was due then is in the figures.
    pub(crate) fn measures(&self, due: Instant) -> bool {
        due >= self.from && due < self.until
    }

    /// Wall-clock time of a moment, by the anchor of the phase.
    pub(crate) fn to_ms(self, at: Instant) -> UnixMillis {
        let since = at.saturating_duration_since(self.start);
        UnixMillis(self.started_ms.get() + since.as_millis() as u64)
    }

    /// Ends of the intervals: whole seconds from the start to the measured part, then from there. The last interval of the
    /// warm-up and the last of the phase may be shorter.
    pub(crate) fn ticks(&self) -> Vec<Instant> {
        let mut ticks = Vec::new();
        for (first, last) in [(self.start, self.from), (self.from, self.until)] {
            let mut at = first + Duration::from_secs(1);
            while at < last {
                ticks.push(at);
                at += Duration::from_secs(1);
            }
            if last > first {
                ticks.push(last);
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_interval_straddles_the_beginning_of_the_measured_part() {
        let window = Window::new(Duration::ZERO, Duration::from_millis(1500), Duration::from_millis(2200));
        let offsets: Vec<u128> =
            window.ticks().iter().map(|at| at.duration_since(window.start).as_millis()).collect();
        assert_eq!(offsets, [1000, 1500, 2500, 3500, 3700]);
        assert!(window.measures(window.from) && !window.measures(window.until));
        let none = Window::new(Duration::ZERO, Duration::ZERO, Duration::from_secs(1));
        assert_eq!(none.ticks(), [none.until]);
    }
}
