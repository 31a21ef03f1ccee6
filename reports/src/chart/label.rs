//! Units and number formats of charts: short labels for ticks, precise values for text.

use kneepoint_model::units::{Bytes, Ratio};

/// Unit of an axis; determines tick steps and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds since the start of the run.
    Clock,
    /// A duration in microseconds.
    Latency,
    /// A size in bytes.
    Bytes,
    /// Bytes per second.
    ByteRate,
    /// A share; 1 is 100 %.
    Share,
    /// A number of CPU cores.
    Cores,
    /// A dimensionless count.
    Count,
}

/// A short value for a tick label.
pub(crate) fn tick_label(value: f64, unit: Unit) -> String {
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

/// A value for running text and data tables.
pub(crate) fn format_value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => Bytes(value.max(0.0) as u64).to_string(),
        Unit::ByteRate => format!("{}/s", Bytes(value.max(0.0) as u64)),
        Unit::Share => Ratio(value).to_string(),
        Unit::Cores => format!("{} cores", short((value * 100.0).round() / 100.0)),
        Unit::Clock | Unit::Latency | Unit::Count => tick_label(value, unit),
    }
}

/// At most three decimals, trailing zeros removed.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_labels_are_short_and_values_are_precise() {
        assert_eq!(tick_label(1_500_000.0, Unit::Latency), "1.5 s");
        assert_eq!(tick_label(15_000.0, Unit::Count), "15k");
        assert_eq!(tick_label(1_572_864.0, Unit::ByteRate), "1.5 MiB/s");
        assert_eq!(format_value(1.8349, Unit::Cores), "1.83 cores");
        assert_eq!(format_value(0.042, Unit::Share), "4.2 %");
    }
}
