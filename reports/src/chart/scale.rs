//! Scales: the position of a value on an axis, and the values of the ticks.
//!
//! *Nines* is the axis of percentile curves: each step to the right adds a nine (90 %, 99 %, 99.9 %), as in the plots of
//! HdrHistogram.

use crate::chart::label::{Unit, tick_label};

/// Maps values to the interval from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Linear from the first to the second value.
    Linear(f64, f64),
    /// Logarithmic from the first to the second value, both above zero.
    Log(f64, f64),
    /// Quantiles from 0 to this many nines.
    Nines(f64),
}

impl Scale {
    /// Linear from zero to a round number at or above `top`; never an empty range.
    pub(crate) fn from_zero(top: f64, unit: Unit) -> Self {
        let top = if top.is_finite() && top > 0.0 { top } else { 1.0 };
        let step = round_step(top, 4, unit);
        Self::Linear(0.0, (top / step - 1e-9).ceil().max(1.0) * step)
    }

    /// Logarithmic around the values, ends rounded to 1 or 3 times a power of ten; never an empty range.
    pub(crate) fn decades(low: f64, high: f64) -> Self {
        let low = if low.is_finite() && low > 0.0 { low } else { 1.0 };
        let high = if high.is_finite() && high > low { high } else { low * 10.0 };
        Self::Log(half_decade_below(low), half_decade_above(high))
    }

    /// Position of a value, clamped to 0..=1.
    pub(crate) fn place(self, value: f64) -> f64 {
        let raw = match self {
            Self::Linear(from, to) => (value - from) / (to - from),
            Self::Log(from, to) => (value.max(from) / from).ln() / (to / from).ln(),
            Self::Nines(nines) => nines_of(value) / nines,
        };
        if raw.is_finite() { raw.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Tick values with their labels in ascending order, approximately `about` of them.
    pub(crate) fn ticks(self, about: usize, unit: Unit) -> Vec<(f64, String)> {
        match self {
            Self::Linear(from, to) => {
                let step = round_step(to - from, about, unit);
                let first = (from / step - 1e-9).ceil() as i64;
                let last = (to / step + 1e-9).floor() as i64;
                (first..=last).map(|n| n as f64 * step).map(|at| (at, tick_label(at, unit))).collect()
            }
            Self::Log(from, to) => {
                let first = (from.log10() - 1e-9).floor() as i32;
                (first..=to.log10().ceil() as i32)
                    .flat_map(|power| [1.0, 3.0].map(|n| n * 10f64.powi(power)))
                    .filter(|at| (from * 0.99..=to * 1.01).contains(at))
                    .map(|at| (at, tick_label(at, unit)))
                    .collect()
            }
            Self::Nines(nines) => std::iter::once((0.0, "0 %".to_owned()))
                .chain(std::iter::once((0.5, "50 %".to_owned())))
                .chain((1..=nines.floor() as i32).map(|n| {
                    let quantile = 1.0 - 10f64.powi(-n);
                    (quantile, format!("{:.*} %", usize::try_from(n - 2).unwrap_or(0), quantile * 100.0))
                }))
                .collect(),
        }
    }
}

fn nines_of(quantile: f64) -> f64 {
    -(1.0 - quantile.clamp(0.0, 1.0)).max(1e-12).log10()
}

fn half_decade_below(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    if value >= decade * 3.0 { decade * 3.0 } else { decade }
}

fn half_decade_above(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    if value <= decade * 1.0001 {
        decade
    } else if value <= decade * 3.0 {
        decade * 3.0
    } else {
        decade * 10.0
    }
}

/// A round step that divides `span` into approximately `about` intervals.
fn round_step(span: f64, about: usize, unit: Unit) -> f64 {
    let rough = (span / about.max(1) as f64).max(f64::MIN_POSITIVE);
    match unit {
        Unit::Clock if rough > 1.0 => {
            const CLOCK: [f64; 12] =
                [2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
            CLOCK.into_iter().find(|&s| s >= rough * 0.999).unwrap_or((rough / 3600.0).ceil() * 3600.0)
        }
        Unit::Bytes | Unit::ByteRate => {
            let power = 1024f64.powf((rough.ln() / 1024f64.ln()).floor().max(0.0));
            // Sizes have ticks at powers of two.
            2f64.powi((rough / power * 0.999).log2().ceil().max(0.0) as i32) * power
        }
        Unit::Count => round_up(rough).max(1.0),
        _ => round_up(rough),
    }
}

fn round_up(rough: f64) -> f64 {
    let decade = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|n| n * decade)
        .find(|&s| s >= rough * 0.999)
        .unwrap_or(decade * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, about: usize, unit: Unit) -> Vec<String> {
        scale.ticks(about, unit).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_have_units() {
        assert_eq!(
            labels(Scale::Linear(0.0, 60.0), 6, Unit::Clock),
            ["0 s", "10 s", "20 s", "30 s", "40 s", "50 s", "60 s"]
        );
        assert_eq!(labels(Scale::from_zero(1.7, Unit::Cores), 4, Unit::Cores), ["0", "0.5", "1", "1.5", "2"]);
        assert_eq!(
            labels(Scale::decades(900.0, 25_000.0), 4, Unit::Latency),
            ["300 µs", "1 ms", "3 ms", "10 ms", "30 ms"]
        );
        assert_eq!(labels(Scale::Nines(3.0), 4, Unit::Share), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(
            labels(Scale::from_zero(300e6, Unit::Bytes), 3, Unit::Bytes),
            ["0 B", "128 MiB", "256 MiB", "384 MiB"]
        );
    }

    #[test]
    fn one_more_nine_is_one_step_further() {
        let scale = Scale::Nines(4.0);
        for (quantile, place) in [(0.0, 0.0), (0.9, 0.25), (0.99, 0.5), (0.9999, 1.0), (1.0, 1.0)] {
            assert!((scale.place(quantile) - place).abs() < 1e-6, "{quantile}");
        }
    }

    #[test]
    fn extreme_values_still_have_a_position() {
        for scale in [
            Scale::from_zero(0.0, Unit::Count),
            Scale::decades(0.0, f64::NAN),
            Scale::from_zero(f64::INFINITY, Unit::Bytes),
        ] {
            for value in [0.0, -1.0, 1e300, f64::NAN] {
                assert!((0.0..=1.0).contains(&scale.place(value)), "{scale:?} {value}");
            }
            assert!(!scale.ticks(4, Unit::Count).is_empty());
        }
    }
}
