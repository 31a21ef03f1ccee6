//! How exactly the open model keeps its time: a decision on numbers.
//!
//! Each arrival by itself costs the generator a timer and a wake-up, about 35 µs of CPU where cores are shared. That buys
//! tens of microseconds of exactness, and is worth it until the wake-ups alone fill a thread. From there on arrivals that are
//! due within a slack go out together, and the slack is part of the result.

use std::time::Duration;

use kneepoint_model::load::Pacing;
use kneepoint_model::units::{Micros, PerSecond};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wake {
    /// Each arrival by itself, up to 10,000 a second and thread; above that, within 200 µs.
    #[default]
    Automatic,
    /// Arrivals go out together when they are due within this; zero is each by itself. At most 10 ms.
    Within(Duration),
    /// Each by itself, and the last tenth of a millisecond is spent looking at the clock: for cores that are spare.
    Spinning,
}

impl Wake {
    /// A longer slack would be seen in every response time.
    pub const MOST: Duration = Duration::from_millis(10);
    /// Above this rate a thread would be busy with waking up.
    const ONE_BY_ONE: f64 = 10_000.0;
    const SLACK: Duration = Duration::from_micros(200);

    /// What it means for a peak rate, spread over threads.
    pub(crate) fn pacing(self, peak: PerSecond, threads: usize) -> Pacing {
        let slack = match self {
            Self::Automatic if peak.0 / threads.max(1) as f64 > Self::ONE_BY_ONE => Self::SLACK,
            Self::Within(slack) => slack,
            Self::Automatic | Self::Spinning => Duration::ZERO,
        };
        Pacing { batching_window_us: Micros::from_duration(slack), spinning: self == Self::Spinning }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_sent_together_only_where_one_by_one_would_fill_a_thread() {
        let slack =
            |wake: Wake, peak, threads| wake.pacing(PerSecond(peak), threads).batching_window_us.get();
        assert_eq!(slack(Wake::Automatic, 10_000.0, 1), 0);
        assert_eq!(slack(Wake::Automatic, 10_001.0, 1), 200);
        assert_eq!(slack(Wake::Automatic, 15_000.0, 2), 0);
        assert_eq!(slack(Wake::Within(Duration::from_micros(50)), 10.0, 1), 50);
        assert_eq!(
            Wake::Spinning.pacing(PerSecond(1e6), 1),
            Pacing { batching_window_us: Micros(0), spinning: true }
        );
    }
}
