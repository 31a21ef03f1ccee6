//! How precisely the open model keeps its schedule. Pure.
//!
//! Each arrival by itself costs the generator a timer and a wake-up, about 35 µs of CPU where cores are shared. That buys a
//! precision of tens of microseconds, and is worth it until the wake-ups alone fill a thread. Beyond that rate, arrivals that
//! are due within a batching window are dispatched together, and the window is part of the result.

use std::time::Duration;

use kneepoint_model::load::Pacing;
use kneepoint_model::units::{Micros, PerSecond};

/// How the open model waits for the next arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PacingMode {
    /// Each arrival by itself, up to 10,000 a second and thread; above that, batched within 200 µs.
    #[default]
    Automatic,
    /// Arrivals that are due within this window are dispatched together; zero dispatches each by itself. At most 10 ms.
    Batched(Duration),
    /// Each by itself, and the thread spins for the last 0.1 ms: for cores that are otherwise idle.
    Spinning,
}

impl PacingMode {
    /// A longer window would be seen in every response time.
    pub const MAX_WINDOW: Duration = Duration::from_millis(10);
    /// Above this rate a thread would do nothing but wake up.
    const MAX_SINGLE_RATE: f64 = 10_000.0;
    const AUTOMATIC_WINDOW: Duration = Duration::from_micros(200);

    /// The decision for a peak rate that is spread over threads.
    pub(crate) fn resolve(self, peak: PerSecond, threads: usize) -> Pacing {
        let window = match self {
            Self::Automatic if peak.0 / threads.max(1) as f64 > Self::MAX_SINGLE_RATE => {
                Self::AUTOMATIC_WINDOW
            }
            Self::Batched(window) => window,
            Self::Automatic | Self::Spinning => Duration::ZERO,
        };
        Pacing { batching_window_us: Micros::from_duration(window), spinning: self == Self::Spinning }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_batched_only_where_single_wake_ups_would_fill_a_thread() {
        let window =
            |mode: PacingMode, peak, threads| mode.resolve(PerSecond(peak), threads).batching_window_us.get();
        assert_eq!(window(PacingMode::Automatic, 10_000.0, 1), 0);
        assert_eq!(window(PacingMode::Automatic, 10_001.0, 1), 200);
        assert_eq!(window(PacingMode::Automatic, 15_000.0, 2), 0);
        assert_eq!(window(PacingMode::Batched(Duration::from_micros(50)), 10.0, 1), 50);
        assert_eq!(
            PacingMode::Spinning.resolve(PerSecond(1e6), 1),
            Pacing { batching_window_us: Micros(0), spinning: true }
        );
    }
}
