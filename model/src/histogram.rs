//! Latency histograms: mergeable, bounded, exact to three digits. The only file that knows HdrHistogram.
//!
//! Range 1 µs to one hour; longer values are clamped to one hour. Percentiles are always read from a merged histogram,
//! never averaged.

use std::time::Duration;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::Micros;

const HIGHEST_US: u64 = 3_600_000_000;

/// A latency histogram in microseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyHistogram(Histogram<u64>);

/// Why a stored histogram could not be read.
#[derive(Debug, Error)]
#[error("stored histogram is damaged: {0}")]
pub struct DamagedHistogram(String);

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl LatencyHistogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("constant bounds are valid"))
    }
    /// Records one duration; below 1 µs counts as 1 µs.
    pub fn record(&mut self, value: Micros) {
        self.0.saturating_record(value.get().clamp(1, HIGHEST_US));
    }
    /// Records one duration.
    pub fn record_duration(&mut self, value: Duration) {
        self.record(Micros::from_duration(value));
    }
    /// Adds all of `other`; exact.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all kneepoint histograms have the same bounds");
    }
    /// Removes all values and keeps the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }
    /// Number of values.
    pub fn count(&self) -> u64 {
        self.0.len()
    }
    /// True when nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The value at or below which `quantile` (0 to 1) of the values lie; zero when empty.
    pub fn quantile(&self, quantile: f64) -> Micros {
        if self.is_empty() { Micros(0) } else { Micros(self.0.value_at_quantile(quantile)) }
    }
    /// Number of values at or below `value`.
    pub fn count_at_or_below(&self, value: Micros) -> u64 {
        self.0.count_between(0, value.get())
    }
    /// Count, mean, percentiles and maximum.
    pub fn quantiles(&self) -> Quantiles {
        if self.is_empty() {
            return Quantiles::default();
        }
        Quantiles {
            count: self.count(),
            mean: Micros(self.0.mean().round() as u64),
            p50: self.quantile(0.50),
            p90: self.quantile(0.90),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: Micros(self.0.max()),
        }
    }
    /// The shortest; zero when empty.
    pub fn min(&self) -> Micros {
        if self.is_empty() { Micros(0) } else { Micros(self.0.min()) }
    }
    /// The longest; zero when empty.
    pub fn max(&self) -> Micros {
        Micros(self.0.max())
    }
    /// The sum of all values, exact to three digits.
    pub fn sum(&self) -> Micros {
        Micros((self.0.mean() * self.count() as f64).round() as u64)
    }
    /// The values that occur, ascending, with their counts.
    pub fn values(&self) -> impl Iterator<Item = (Micros, u64)> {
        self.0.iter_recorded().map(|step| (Micros(step.value_iterated_to()), step.count_at_value()))
    }
    /// Points (quantile, value) for a percentile curve, denser towards the tail; empty when nothing was recorded.
    pub fn curve(&self) -> Vec<(f64, Micros)> {
        if self.is_empty() {
            return Vec::new();
        }
        self.0
            .iter_quantiles(5)
            .map(|step| (step.quantile_iterated_to(), Micros(step.value_iterated_to())))
            .collect()
    }
    /// HdrHistogram V2 deflate, base64: the payload of an interval log line.
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.0, &mut bytes).expect("writing to memory does not fail");
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }
    /// Reads what [`Self::to_base64`] (or any V2 writer) wrote. Values are re-recorded within our own bounds.
    pub fn from_base64(text: &str) -> Result<Self, DamagedHistogram> {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text.trim())
            .map_err(|e| DamagedHistogram(e.to_string()))?;
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|e| DamagedHistogram(e.to_string()))?;
        let mut histogram = Self::new();
        for step in read.iter_recorded() {
            let value = step.value_iterated_to().clamp(1, HIGHEST_US);
            histogram.0.saturating_record_n(value, step.count_since_last_iteration());
        }
        Ok(histogram)
    }
}

/// The figures quoted of a latency histogram, all in microseconds; all zero when `count` is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Number of values behind the figures.
    pub count: u64,
    /// Arithmetic mean of all values.
    pub mean: Micros,
    /// The median: half of the values are at or below it.
    pub p50: Micros,
    /// 90 % of the values are at or below it.
    pub p90: Micros,
    /// 95 % of the values are at or below it.
    pub p95: Micros,
    /// 99 % of the values are at or below it.
    pub p99: Micros,
    /// 99.9 % of the values are at or below it.
    pub p999: Micros,
    /// The largest value.
    pub max: Micros,
}

/// One line of an HdrHistogram interval log: `Tag=…,start,length,max,base64` (times in seconds, max in ms).
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalLine {
    /// The series; without comma, space or line break.
    pub tag: String,
    /// Seconds since the start of the log.
    pub start_s: f64,
    /// Length of the interval in seconds.
    pub length_s: f64,
    /// The values of the interval.
    pub histogram: LatencyHistogram,
}

impl IntervalLine {
    /// The comment lines that open a log whose time zero is `start`.
    pub fn header(start: crate::units::UnixMillis) -> String {
        let seconds = start.as_f64() / 1000.0;
        format!(
            "#[Histogram log format version 1.3]\n#[StartTime: {seconds:.3} (seconds since epoch)]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
        )
    }
    /// The line, without its line break.
    pub fn format(&self) -> String {
        let tag: String = self
            .tag
            .chars()
            .map(|c| if c == ',' || c.is_whitespace() || c.is_control() { '_' } else { c })
            .collect();
        format!(
            "Tag={tag},{:.3},{:.3},{:.3},{}",
            self.start_s,
            self.length_s,
            self.histogram.quantile(1.0).as_millis(),
            self.histogram.to_base64()
        )
    }
    /// Reads one line; `None` for comments, headings and a last line cut short.
    pub fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("Tag=")?;
        let mut fields = rest.splitn(5, ',');
        let tag = fields.next()?.to_owned();
        let start_s = fields.next()?.parse().ok()?;
        let length_s = fields.next()?.parse().ok()?;
        let _max = fields.next()?;
        let histogram = LatencyHistogram::from_base64(fields.next()?).ok()?;
        Some(Self { tag, start_s, length_s, histogram })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram_of(values: &[u64]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new();
        for &value in values {
            histogram.record(Micros(value));
        }
        histogram
    }

    #[test]
    fn an_empty_histogram_has_only_zeros() {
        assert_eq!(LatencyHistogram::new().quantiles(), Quantiles::default());
        assert!(LatencyHistogram::new().curve().is_empty());
    }

    #[test]
    fn quantiles_are_within_three_digits() {
        let quantiles = histogram_of(&(1..=10_000).collect::<Vec<_>>()).quantiles();
        assert!(quantiles.p99.get().abs_diff(9_900) <= 10, "{quantiles:?}");
        assert!(quantiles.p50.get().abs_diff(5_000) <= 5);
    }

    #[test]
    fn an_incomplete_line_is_not_parsed() {
        let line = IntervalLine {
            tag: "a b,c".into(),
            start_s: 1.0,
            length_s: 1.0,
            histogram: histogram_of(&[5, 70, 900]),
        };
        let text = line.format();
        assert_eq!(IntervalLine::parse(&text).expect("whole line").histogram, line.histogram);
        assert_eq!(IntervalLine::parse(&text).expect("whole line").tag, "a_b_c");
        assert!(IntervalLine::parse(&text[..text.len() / 2]).is_none());
    }

    proptest! {
        #[test]
        fn merging_is_exact_in_any_order(a in prop::collection::vec(1u64..10_000_000, 0..50), b in prop::collection::vec(1u64..10_000_000, 0..50)) {
            let whole = histogram_of(&[a.clone(), b.clone()].concat());
            let (mut left, mut right) = (histogram_of(&a), histogram_of(&b));
            left.merge(&histogram_of(&b));
            right.merge(&histogram_of(&a));
            prop_assert_eq!(&left, &whole);
            prop_assert_eq!(&right, &whole);
        }

        #[test]
        fn storing_loses_nothing(values in prop::collection::vec(1u64..4_000_000_000, 0..80)) {
            let whole = histogram_of(&values);
            prop_assert_eq!(LatencyHistogram::from_base64(&whole.to_base64()).expect("own format"), whole);
        }
    }
}
