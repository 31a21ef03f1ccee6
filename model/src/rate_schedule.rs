//! The offered rate over the length of an open phase, and when each arrival is due. Pure.
//!
//! The rate is a line of segments, in each of which it goes evenly from one value to another. Arrivals follow in closed form:
//! the i-th is due when the area under that line has reached i, computed for each i separately, so that no error accumulates.

use crate::load_segment::RateSegment;
use crate::units::PerSecond;

/// The offered rate over time, prepared for computing arrival times.
#[derive(Debug, Clone, PartialEq)]
pub struct RateSchedule {
    segments: Vec<PlacedSegment>,
}

/// A segment with its place in the schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PlacedSegment {
    segment: RateSegment,
    /// Arrivals before it, and up to its end.
    arrivals: (f64, f64),
    /// Its beginning, in seconds from the start.
    starts: f64,
}

impl RateSchedule {
    /// The segments follow each other without a gap.
    pub fn new(segments: &[RateSegment]) -> Self {
        let (mut arrivals, mut starts) = (0.0, 0.0);
        let placed = segments.iter().map(|segment| {
            let seconds = segment.length().as_secs_f64();
            let current = PlacedSegment {
                segment: *segment,
                arrivals: (arrivals, arrivals + segment.mean().0 * seconds),
                starts,
            };
            (arrivals, starts) = (current.arrivals.1, starts + seconds);
            current
        });
        Self { segments: placed.collect() }
    }

    /// All arrivals together: the area under the rate.
    pub fn arrivals(&self) -> f64 {
        self.segments.last().map_or(0.0, |last| last.arrivals.1)
    }

    /// The highest rate that is reached.
    pub fn peak(&self) -> PerSecond {
        let rates = self.segments.iter().flat_map(|placed| [placed.segment.from.0, placed.segment.to.0]);
        PerSecond(rates.fold(0.0, f64::max))
    }

    /// The time at which this number of arrivals is reached, in seconds from the start; `None` when the schedule has fewer.
    ///
    /// Within a segment the count after `t` seconds is `from·t + a·t²/2` with the acceleration `a = (to - from) / length`. Its
    /// inverse is written as `2n / (from + √(from² + 2·a·n))`, which loses no digits where the rate hardly changes.
    pub fn arrival_time(&self, arrivals: f64) -> Option<f64> {
        let at = self.segments.partition_point(|placed| placed.arrivals.1 <= arrivals);
        let PlacedSegment { segment, arrivals: (before, _), starts } = self.segments.get(at)?;
        let (n, seconds) = ((arrivals - before).max(0.0), segment.length().as_secs_f64());
        let (from, to) = (segment.from.0, segment.to.0);
        let root = (to - from).mul_add(2.0 * n / seconds, from * from).max(0.0).sqrt();
        let within = if n > 0.0 { 2.0 * n / (from + root) } else { 0.0 };
        Some(starts + within.min(seconds))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::units::Micros;

    fn segment(from: f64, to: f64, seconds: f64) -> RateSegment {
        let length_us = Micros::from_duration(Duration::from_secs_f64(seconds));
        RateSegment { from: PerSecond(from), to: PerSecond(to), length_us }
    }

    /// The area under the rate up to `t`, summed forwards: the inverse of `arrival_time`.
    fn area(segments: &[RateSegment], t: f64) -> f64 {
        let mut remaining = t;
        let mut sum = 0.0;
        for segment in segments {
            let (from, to, seconds) = (segment.from.0, segment.to.0, segment.length().as_secs_f64());
            let part = remaining.clamp(0.0, seconds);
            sum += from * part + (to - from) / seconds * part * part / 2.0;
            remaining -= part;
        }
        sum
    }

    #[test]
    fn a_constant_rate_is_a_division() {
        let schedule = RateSchedule::new(&[segment(3000.0, 3000.0, 10_000.0)]);
        for i in [0.0, 1.0, 2.0, 2_999_999.0, 29_999_999.0] {
            let due = schedule.arrival_time(i).unwrap();
            assert!((due - i / 3000.0).abs() < 1e-9, "{i}: {due}");
        }
        assert_eq!(schedule.arrival_time(30_000_000.0), None);
    }

    #[test]
    fn a_ramp_from_nothing_follows_the_square_root() {
        let schedule = RateSchedule::new(&[segment(0.0, 100.0, 10.0)]);
        assert!((schedule.arrivals() - 500.0).abs() < 1e-9);
        assert_eq!(schedule.arrival_time(0.0), Some(0.0));
        assert!(
            (schedule.arrival_time(125.0).unwrap() - 5.0).abs() < 1e-12,
            "a quarter of the users in half of the time"
        );
        assert_eq!(schedule.arrival_time(500.0), None);
    }

    #[test]
    fn a_segment_without_arrivals_is_skipped() {
        let schedule =
            RateSchedule::new(&[segment(10.0, 10.0, 1.0), segment(0.0, 0.0, 5.0), segment(10.0, 10.0, 1.0)]);
        assert!((schedule.arrival_time(9.0).unwrap() - 0.9).abs() < 1e-12);
        assert!((schedule.arrival_time(10.0).unwrap() - 6.0).abs() < 1e-12);
        assert_eq!(RateSchedule::new(&[segment(0.0, 0.0, 5.0)]).arrival_time(0.0), None);
    }

    prop_compose! {
        fn any_segment()(from in 0.0..500.0f64, to in 0.0..500.0f64, ms in 10u64..60_000) -> RateSegment {
            segment(from, to, Duration::from_millis(ms).as_secs_f64())
        }
    }

    proptest! {
        #[test]
        fn arrivals_are_due_when_the_area_reaches_their_number(
            segments in prop::collection::vec(any_segment(), 1..6),
            shares in prop::collection::vec(0.0..1.0f64, 1..40),
        ) {
            let schedule = RateSchedule::new(&segments);
            let mut counts: Vec<f64> = shares.iter().map(|share| share * schedule.arrivals()).collect();
            counts.sort_by(f64::total_cmp);
            let times: Vec<f64> = counts.iter().filter_map(|n| schedule.arrival_time(*n)).collect();
            prop_assert!(times.is_sorted());
            for (n, t) in counts.iter().zip(&times) {
                prop_assert!((area(&segments, *t) - n).abs() < 1e-6 * schedule.arrivals().max(1.0), "{} at {}", n, t);
            }
        }
    }
}
