//! Converts a latency histogram to an exponential histogram of OTLP. Pure.
//!
//! Bucket `i` holds values in `(base^i, base^(i+1)]` with `base = 2^(2^-scale)` (OpenTelemetry metrics data model,
//! "Exponential Histogram"). With scale 5 a bucket is 2.2 % wide; the source histograms are exact to 0.1 %, so a value lies in its
//! bucket or at most that far outside. The count is exact; sum, minimum and maximum are to 0.1 %.

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::units::Micros;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

/// 32 buckets for each doubling.
const SCALE: i32 = 5;

/// One data point with values in seconds; `start` and `time` are in nanoseconds since 1970.
pub(super) fn histogram_point(
    histogram: &LatencyHistogram,
    attributes: Vec<KeyValue>,
    (start, time): (u64, u64),
) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: histogram.count(),
        sum: Some(histogram.sum().as_secs()),
        scale: SCALE,
        positive: Some(bucket_counts(histogram.values())),
        min: Some(histogram.min().as_secs()),
        max: Some(histogram.max().as_secs()),
        ..ExponentialHistogramDataPoint::default()
    }
}

/// Counts by bucket, from values in ascending order.
fn bucket_counts(values: impl Iterator<Item = (Micros, u64)>) -> Buckets {
    let mut buckets = Buckets::default();
    for (value, count) in values {
        let index = bucket_index(value.as_secs());
        if buckets.bucket_counts.is_empty() {
            buckets.offset = index;
        }
        let at = usize::try_from(index - buckets.offset).unwrap_or_default();
        if buckets.bucket_counts.len() <= at {
            buckets.bucket_counts.resize(at + 1, 0);
        }
        buckets.bucket_counts[at] += count;
    }
    buckets
}

/// Index of the bucket that holds a positive value.
fn bucket_index(seconds: f64) -> i32 {
    (seconds.log2() * f64::from(1 << SCALE)).ceil() as i32 - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn powers_of_two_close_their_buckets() {
        // base^32 = 2: one second ends bucket -1, two seconds end bucket 31.
        assert_eq!((bucket_index(1.0), bucket_index(2.0), bucket_index(0.5)), (-1, 31, -33));
        assert_eq!(bucket_index(1.000_1), 0);
    }

    #[test]
    fn an_empty_histogram_has_no_buckets() {
        let point = histogram_point(&LatencyHistogram::new(), Vec::new(), (1, 2));
        assert_eq!((point.count, point.positive), (0, Some(Buckets::default())));
    }

    proptest! {
        #[test]
        fn every_value_is_counted_in_a_bucket_that_holds_it(values in prop::collection::vec(1u64..3_000_000_000, 1..60)) {
            let mut histogram = LatencyHistogram::new();
            for value in &values {
                histogram.record(Micros(*value));
            }
            let point = histogram_point(&histogram, Vec::new(), (1, 2));
            let buckets = point.positive.expect("buckets");
            prop_assert_eq!(buckets.bucket_counts.iter().sum::<u64>(), values.len() as u64);
            prop_assert_eq!(point.count, values.len() as u64);
            // Any quantile read from the buckets is right to within one bucket and 0.1 %.
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let base = 2_f64.powf(1.0 / 32.0);
            let mut seen = 0;
            for (n, count) in buckets.bucket_counts.iter().enumerate() {
                let upper = base.powi(buckets.offset + n as i32 + 1);
                for _ in 0..*count {
                    let value = sorted[seen] as f64 / 1e6;
                    prop_assert!(value <= upper * 1.002 && value >= upper / base * 0.998, "{} in ({}, {}]", value, upper / base, upper);
                    seen += 1;
                }
            }
            let sum: f64 = values.iter().map(|value| *value as f64 / 1e6).sum();
            prop_assert!((point.sum.expect("a sum") - sum).abs() <= sum * 0.002 + 1e-6);
        }
    }
}
