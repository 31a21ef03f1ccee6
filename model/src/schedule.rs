//! How many visitors come, and when: the offered rate over the length of an open phase. Pure.
//!
//! The rate is a line of stages, in each of which it goes evenly from one value to another. Arrivals follow in closed form:
//! the i-th is due when the area under that line has reached i, computed for each i by itself, so that nothing adds up.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::crowd::AnyStage;
use crate::histogram::Quantiles;
use crate::units::{Micros, PerSecond, Span};

/// The highest rate that is understood.
const HIGHEST: f64 = 1_000_000.0;
/// The shortest stage.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// A stretch of an open phase in which the rate of arrivals goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadStage {
    /// Arrivals (journeys) per second at its beginning.
    pub from: PerSecond,
    /// Arrivals per second at its end.
    pub to: PerSecond,
    /// How long it lasts.
    pub length_us: Micros,
}

/// A stage that is not one, with a valid example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}; write `hold 20/s for 30s` or `ramp 20/s to 80/s over 1m`")]
pub struct StageError {
    text: String,
    why: &'static str,
}

impl LoadStage {
    /// One rate all along.
    pub const fn hold(rate: PerSecond, length: Micros) -> Self {
        Self { from: rate, to: rate, length_us: length }
    }

    /// The mean rate.
    pub const fn mean(&self) -> PerSecond {
        PerSecond(f64::midpoint(self.from.0, self.to.0))
    }

    /// The length.
    pub const fn length(&self) -> Duration {
        Duration::from_micros(self.length_us.0)
    }
}

impl FromStr for LoadStage {
    type Err = StageError;

    /// `hold 20/s for 30s`, `ramp 20/s to 80/s over 1m`.
    fn from_str(text: &str) -> Result<Self, StageError> {
        let refuse = |why| StageError { text: text.to_owned(), why };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, to, length) = match words.as_slice() {
            ["hold", rate, "for", length] => (*rate, *rate, *length),
            ["ramp", from, "to", to, "over", length] => (*from, *to, *length),
            _ => return Err(refuse("is not a stage")),
        };
        let rate = |text| rate(text).ok_or_else(|| refuse("has a rate that is not one (0 to 1000000/s)"));
        let length = length.parse::<Span>().ok().filter(|length| length.0 >= SHORTEST);
        let Span(length) = length.ok_or_else(|| refuse("has a length that is not one (1ms to 24 hours)"))?;
        Ok(Self { from: rate(from)?, to: rate(to)?, length_us: Micros::from_duration(length) })
    }
}

impl fmt::Display for LoadStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.length().as_secs_f64();
        if self.from == self.to {
            write!(f, "hold {}/s for {seconds}s", self.from.0)
        } else {
            write!(f, "ramp {}/s to {}/s over {seconds}s", self.from.0, self.to.0)
        }
    }
}

fn rate(text: &str) -> Option<PerSecond> {
    let number: f64 = text.strip_suffix("/s")?.parse().ok()?;
    (0.0..=HIGHEST).contains(&number).then_some(PerSecond(number))
}

/// The rate over time, made ready to answer when an arrival is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    stages: Vec<Reached>,
}

/// A stage, with what came before it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reached {
    stage: LoadStage,
    /// Arrivals before it, and up to its end.
    arrivals: (f64, f64),
    /// Its beginning, in seconds from the start.
    starts: f64,
}

impl Schedule {
    /// One stage after the other.
    pub fn new(stages: &[LoadStage]) -> Self {
        let (mut arrivals, mut starts) = (0.0, 0.0);
        let reached = stages.iter().map(|stage| {
            let seconds = stage.length().as_secs_f64();
            let own =
                Reached { stage: *stage, arrivals: (arrivals, arrivals + stage.mean().0 * seconds), starts };
            (arrivals, starts) = (own.arrivals.1, starts + seconds);
            own
        });
        Self { stages: reached.collect() }
    }

    /// Arrivals in all: the area under the rate.
    pub fn arrivals(&self) -> f64 {
        self.stages.last().map_or(0.0, |last| last.arrivals.1)
    }

    /// The highest rate that is reached.
    pub fn peak(&self) -> PerSecond {
        let rates = self.stages.iter().flat_map(|own| [own.stage.from.0, own.stage.to.0]);
        PerSecond(rates.fold(0.0, f64::max))
    }

    /// When so many arrivals are expected to have come, in seconds from the start; `None` when that is never.
    ///
    /// Within a stage the count after `t` seconds is `from·t + a·t²/2` with the acceleration `a = (to - from) / length`. Its
    /// inverse is written as `2n / (from + √(from² + 2·a·n))`, which loses no digits where the rate hardly changes.
    pub fn when(&self, arrivals: f64) -> Option<f64> {
        let at = self.stages.partition_point(|stage| stage.arrivals.1 <= arrivals);
        let Reached { stage, arrivals: (before, _), starts } = self.stages.get(at)?;
        let (n, seconds) = ((arrivals - before).max(0.0), stage.length().as_secs_f64());
        let (from, to) = (stage.from.0, stage.to.0);
        let root = (to - from).mul_add(2.0 * n / seconds, from * from).max(0.0).sqrt();
        let within = if n > 0.0 { 2.0 * n / (from + root) } else { 0.0 };
        Some(starts + within.min(seconds))
    }
}

/// One stage of a phase, as it went. A request belongs to the stage in which it was due, whenever it ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageStats {
    /// What was wanted.
    pub stage: AnyStage,
    /// Requests per second that became due in it.
    pub offered_rps: PerSecond,
    /// Requests that were due in it and ended.
    pub requests: u64,
    /// Of those, not `ok`.
    pub errors: u64,
    /// From the intended start; successes and failures alike.
    pub response_us: Quantiles,
    /// From the moment of sending.
    pub service_us: Quantiles,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage(from: f64, to: f64, seconds: f64) -> LoadStage {
        let length_us = Micros::from_duration(Duration::from_secs_f64(seconds));
        LoadStage { from: PerSecond(from), to: PerSecond(to), length_us }
    }

    /// The area under the rate up to `t`, summed forwards: what `when` must undo.
    fn area(stages: &[LoadStage], t: f64) -> f64 {
        let mut left = t;
        let mut sum = 0.0;
        for stage in stages {
            let (from, to, seconds) = (stage.from.0, stage.to.0, stage.length().as_secs_f64());
            let part = left.clamp(0.0, seconds);
            sum += from * part + (to - from) / seconds * part * part / 2.0;
            left -= part;
        }
        sum
    }

    #[test]
    fn a_constant_rate_is_a_division() {
        let schedule = Schedule::new(&[stage(3000.0, 3000.0, 10_000.0)]);
        for i in [0.0, 1.0, 2.0, 2_999_999.0, 29_999_999.0] {
            let due = schedule.when(i).unwrap();
            assert!((due - i / 3000.0).abs() < 1e-9, "{i}: {due}");
        }
        assert_eq!(schedule.when(30_000_000.0), None);
    }

    #[test]
    fn a_ramp_from_nothing_follows_the_square_root() {
        let schedule = Schedule::new(&[stage(0.0, 100.0, 10.0)]);
        assert!((schedule.arrivals() - 500.0).abs() < 1e-9);
        assert_eq!(schedule.when(0.0), Some(0.0));
        assert!(
            (schedule.when(125.0).unwrap() - 5.0).abs() < 1e-12,
            "a quarter of the visitors in half of the time"
        );
        assert_eq!(schedule.when(500.0), None);
    }

    #[test]
    fn a_rest_of_no_visitors_is_stepped_over() {
        let schedule = Schedule::new(&[stage(10.0, 10.0, 1.0), stage(0.0, 0.0, 5.0), stage(10.0, 10.0, 1.0)]);
        assert!((schedule.when(9.0).unwrap() - 0.9).abs() < 1e-12);
        assert!((schedule.when(10.0).unwrap() - 6.0).abs() < 1e-12);
        assert_eq!(Schedule::new(&[stage(0.0, 0.0, 5.0)]).when(0.0), None);
    }

    #[test]
    fn stages_are_read_and_written() {
        for (text, same) in [
            ("hold 20/s for 30s", stage(20.0, 20.0, 30.0)),
            ("ramp 0.5/s  to 80/s over 1m", stage(0.5, 80.0, 60.0)),
            ("ramp 80/s to 0/s over 500ms", stage(80.0, 0.0, 0.5)),
        ] {
            let read: LoadStage = text.parse().unwrap();
            assert_eq!(read, same);
            assert_eq!(read.to_string().parse::<LoadStage>(), Ok(same));
        }
        for (text, why) in [
            (
                "20/s for 30s",
                "`20/s for 30s` is not a stage; write `hold 20/s for 30s` or `ramp 20/s to 80/s over 1m`",
            ),
            ("hold 20 for 30s", "has a rate that is not one"),
            ("hold -1/s for 30s", "has a rate that is not one"),
            ("hold NaN/s for 30s", "has a rate that is not one"),
            ("hold 20/s for 30", "has a length that is not one"),
            ("hold 20/s for 0s", "has a length that is not one"),
            ("hold 20/s for 25h", "has a length that is not one"),
        ] {
            let error = text.parse::<LoadStage>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    prop_compose! {
        fn any_stage()(from in 0.0..500.0f64, to in 0.0..500.0f64, ms in 10u64..60_000) -> LoadStage {
            stage(from, to, Duration::from_millis(ms).as_secs_f64())
        }
    }

    proptest! {
        #[test]
        fn arrivals_are_due_when_the_area_says_so(
            stages in prop::collection::vec(any_stage(), 1..6),
            shares in prop::collection::vec(0.0..1.0f64, 1..40),
        ) {
            let schedule = Schedule::new(&stages);
            let mut counts: Vec<f64> = shares.iter().map(|share| share * schedule.arrivals()).collect();
            counts.sort_by(f64::total_cmp);
            let times: Vec<f64> = counts.iter().filter_map(|n| schedule.when(*n)).collect();
            prop_assert!(times.is_sorted());
            for (n, t) in counts.iter().zip(&times) {
                prop_assert!((area(&stages, *t) - n).abs() < 1e-6 * schedule.arrivals().max(1.0), "{} at {}", n, t);
            }
        }

        #[test]
        fn any_text_is_a_stage_or_an_error(text: String) {
            let _ = text.parse::<LoadStage>();
        }
    }
}
