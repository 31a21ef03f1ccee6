//! Texts for the numbers of experiments.

use kneepoint_model::experiment::{Effect, Scale, Signal};
use kneepoint_model::metric::Unit;
use kneepoint_model::text::plural;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};

/// A value of a signal with its unit.
pub fn format_value(signal: Signal, value: f64) -> String {
    match signal.unit() {
        Unit::Time => Micros(value.max(0.0).round() as u64).to_string(),
        Unit::Bytes => Bytes(value.max(0.0).round() as u64).to_string(),
        Unit::PerSecond => PerSecond(value).to_string(),
        Unit::Ratio => Ratio(value).to_string(),
        Unit::Count => format_number(value),
    }
}

/// An effect in one text: both values, the change, and its confidence interval.
pub fn describe_effect(signal: Signal, effect: &Effect) -> String {
    let (without, with) = (format_value(signal, effect.without), format_value(signal, effect.with));
    let by = match signal.scale() {
        Scale::Ratio => format!(
            "×{} ({} interval ×{} to ×{})",
            format_factor(effect.estimate),
            effect.confidence,
            format_factor(effect.low),
            format_factor(effect.high)
        ),
        Scale::Difference => format!(
            "{} ({} interval {} to {})",
            format_signed(signal, effect.estimate),
            effect.confidence,
            format_signed(signal, effect.low),
            format_signed(signal, effect.high)
        ),
    };
    let pairs = plural(effect.pairs, "pair");
    format!("{}: {without} without, {with} with it; {by} over {pairs}", signal.label())
}

/// The size of the smallest visible effect, e.g. `4.2 %`.
pub fn describe_min_effect(signal: Signal, size: f64) -> String {
    match signal.scale() {
        Scale::Ratio => Ratio(size).to_string(),
        Scale::Difference => format_value(signal, size),
    }
}

/// A factor with about three significant digits: `0.069`, `1.95`, `512`.
pub(super) fn format_factor(value: f64) -> String {
    let places = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 0.1 => 2,
        v if v >= 0.01 => 3,
        _ => 5,
    };
    format!("{value:.places$}")
}

fn format_signed(signal: Signal, value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    match signal.unit() {
        Unit::Ratio => format!("{sign}{}", Ratio(value.abs())),
        _ => format!("{sign}{}", format_number(value.abs())),
    }
}

fn format_number(value: f64) -> String {
    let text = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_have_three_significant_digits() {
        let shown: Vec<String> = [512.4, 13.04, 1.951, 0.894, 0.0689, 0.001_02].map(format_factor).into();
        assert_eq!(shown, ["512", "13.0", "1.95", "0.89", "0.069", "0.00102"]);
    }

    #[test]
    fn an_effect_is_one_text() {
        let effect = Effect {
            without: 12_060.0,
            with: 12.0,
            estimate: 0.000_995,
            low: 0.000_98,
            high: 0.001_01,
            confidence: Ratio(0.990_23),
            pairs: 10,
            half_width: 0.015,
        };
        assert_eq!(
            describe_effect(Signal::CpuPerRequest, &effect),
            "CPU per request: 12.1 ms without, 12 µs with it; ×0.00100 (99.0 % interval ×0.00098 to ×0.00101) over 10 pairs"
        );
        let effect = Effect { without: 26.0, with: 2.0, estimate: -24.0, low: -24.0, high: -24.0, ..effect };
        assert_eq!(
            describe_effect(Signal::StatementsPerRequest, &effect),
            "statements per request: 26 without, 2 with it; −24 (99.0 % interval −24 to −24) over 10 pairs"
        );
        assert_eq!(describe_min_effect(Signal::CpuPerRequest, 0.042), "4.2 %");
        assert_eq!(describe_min_effect(Signal::NotModifiedShare, 0.05), "5.0 %");
    }
}
