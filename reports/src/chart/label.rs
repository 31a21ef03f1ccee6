//! Words for the numbers of a chart: short beside a tick, precise enough in a sentence.

use kneepoint_model::units::{Bytes, Ratio};

/// What the numbers of an axis are; decides steps and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds since the start of the run.
    Clock,
    /// A duration in microseconds.
    Latency,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    ByteRate,
    /// A share; 1 is all.
    Share,
    /// CPU cores.
    Cores,
    /// Things.
    Count,
}

/// A value in the few words that fit beside a tick.
pub(crate) fn label(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Clock if value >= 120.0 && (value % 60.0).abs() < 1e-9 => format!("{} min", value / 60.0),
        Unit::Clock => format!("{} s", short(value)),
        Unit::Latency if value == 0.0 => "0".to_owned(),
        Unit::Latency if value < 1_000.0 => format!("{} µs", short(value)),
        Unit::Latency if value < 1_000_000.0 => format!("{} ms", short(value / 1_000.0)),
        Unit::Latency => format!("{} s", short(value / 1_000_000.0)),
        Unit::Share => format!("{} %", short(value * 100.0)),
        Unit::Bytes => size(value),
        Unit::ByteRate => format!("{}/s", size(value)),
        Unit::Cores | Unit::Count => thousands(value),
    }
}

fn size(value: f64) -> String {
    const NAMES: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut name = 0;
    while value >= 1024.0 && name + 1 < NAMES.len() {
        value /= 1024.0;
        name += 1;
    }
    format!("{} {}", short(value), NAMES[name])
}

fn thousands(value: f64) -> String {
    if value >= 10_000.0 { format!("{}k", short(value / 1_000.0)) } else { short(value) }
}

/// A value in a sentence: as precise as a reader can use.
pub(crate) fn said(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => Bytes(value.max(0.0) as u64).to_string(),
        Unit::ByteRate => format!("{}/s", Bytes(value.max(0.0) as u64)),
        Unit::Share => Ratio(value).to_string(),
        Unit::Cores => format!("{} cores", short((value * 100.0).round() / 100.0)),
        Unit::Clock | Unit::Latency | Unit::Count => label(value, unit),
    }
}

/// At most three decimals, and no zeros at the end.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short_and_sentences_are_precise() {
        assert_eq!(label(1_500_000.0, Unit::Latency), "1.5 s");
        assert_eq!(label(15_000.0, Unit::Count), "15k");
        assert_eq!(label(1_572_864.0, Unit::ByteRate), "1.5 MiB/s");
        assert_eq!(said(1.8349, Unit::Cores), "1.83 cores");
        assert_eq!(said(0.042, Unit::Share), "4.2 %");
    }
}
