//! Labels for the results of rungs: throughputs, effects, bottlenecks, reasons for missing values.

use kneepoint_analysis::ladder::{
    Change, Counter, Effect, LimitKind, LimitingFactor, RungResult, RungState, Throughput,
};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::{Bytes, PerSecond, Ratio};

use crate::format::{MAX_TEXT, number};

/// A throughput with its interval.
pub(super) fn throughput(found: &Throughput) -> String {
    match found {
        Throughput::Between { sustained, violated, .. } => {
            format!("{} (violated at {})", request_rate(*sustained), request_rate(*violated))
        }
        Throughput::AtLeast { sustained, .. } => {
            format!("at least {} (met at every tested rate)", request_rate(*sustained))
        }
        Throughput::None { .. } => "no valid value".to_owned(),
    }
}

/// Requests per second, with the precision of the rate search.
pub(super) fn request_rate(rate: PerSecond) -> String {
    if rate.0 >= 100.0 { format!("{:.0}/s", rate.0) } else { rate.to_string() }
}

/// A factor with a multiplication sign, e.g. `× 1.32`.
pub(super) fn factor(ratio: f64) -> String {
    format!("× {}", number(ratio, if ratio >= 10.0 { 1 } else { 2 }))
}

/// An effect with its interval, or what is ruled out.
pub(super) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Seen { ratio: Some(ratio), low: Some(low), high: Some(high) } => {
            format!("{} ({} to {})", factor(*ratio), number(*low, 2), number(*high, 2))
        }
        Effect::Seen { low: Some(low), .. } => format!("at least {}", factor(*low)),
        Effect::Seen { high: Some(high), .. } => format!("at most {}", factor(*high)),
        Effect::NotSeen { low, high } => {
            let ruled_out = match (low, high) {
                (Some(low), Some(high)) => {
                    format!("; below {} or above {} is ruled out", factor(*low), factor(*high))
                }
                (Some(low), None) => format!("; below {} is ruled out", factor(*low)),
                (None, Some(high)) => format!("; above {} is ruled out", factor(*high)),
                (None, None) => String::new(),
            };
            format!("no effect seen{ruled_out}")
        }
        Effect::Seen { .. } | Effect::Unknown { .. } => "not compared".to_owned(),
    }
}

/// The bottleneck of a rung in a few words.
pub(super) fn bottleneck(limiting: &LimitingFactor) -> String {
    let tier = limiting.tier.map_or("no tier", kneepoint_model::tier::Tier::name);
    match limiting.limit {
        LimitKind::Generator => "load generator".to_owned(),
        LimitKind::Quota => {
            let machine = limiting
                .machine
                .as_deref()
                .map_or_else(|| "(unknown)".to_owned(), |machine| sanitize(machine, MAX_TEXT));
            format!("{tier}: CPU quota of machine {machine}")
        }
        LimitKind::Host => format!("{tier}: CPU of the host"),
        LimitKind::OneCore => format!("{tier}: one process on one core"),
        LimitKind::Workers if tier == "server" => "server: all workers busy on CPU".to_owned(),
        LimitKind::Workers => format!("server: all workers wait for {tier}"),
        LimitKind::Nothing => "no saturated resource".to_owned(),
        LimitKind::Unknown => "unknown".to_owned(),
    }
}

/// Why a rung has no throughput; `None` if it has one.
pub(super) fn missing_reason(rung: &RungResult) -> Option<String> {
    match &rung.state {
        RungState::Measured => None,
        RungState::NoFigure { why } => Some(format!("no throughput at SLO: {}.", sanitize(why, MAX_TEXT))),
        RungState::Failed { reason } => Some(format!(
            "could not be measured: {}. Fix: {}",
            sanitize(&reason.why, MAX_TEXT).trim_end_matches('.'),
            sanitize(&reason.fix, MAX_TEXT)
        )),
        RungState::CutOff { why } => Some(format!(
            "interrupted ({}); partial values are shown but not compared.",
            sanitize(why, MAX_TEXT)
        )),
        RungState::NotReached => Some("not reached before the end of the ladder run.".to_owned()),
    }
}

/// A changed counter with its value before and after.
pub(super) fn counter_change(change: &Change) -> String {
    let name = match change.counter {
        Counter::Statements => "statements per request",
        Counter::Bytes => "bytes per request",
        Counter::ProxyHit => "proxy cache hit ratio",
        Counter::AppHit => "application cache hit ratio",
        Counter::Memory => "memory",
    };
    let value = |value: Option<f64>| match (value, change.counter) {
        (None, _) => "not reported".to_owned(),
        (Some(value), Counter::Statements) => number(value, 2),
        (Some(value), Counter::Bytes | Counter::Memory) => Bytes(value.max(0.0).round() as u64).to_string(),
        (Some(value), Counter::ProxyHit | Counter::AppHit) => Ratio(value).to_string(),
    };
    format!("{name}: {} → {}", value(change.from), value(change.to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_have_an_interval_or_are_not_seen() {
        let seen = Effect::Seen { ratio: Some(2.0), low: Some(1.82), high: Some(2.2) };
        assert_eq!(effect(&seen), "× 2 (1.82 to 2.2)");
        assert_eq!(effect(&Effect::Seen { ratio: None, low: Some(1.8), high: None }), "at least × 1.8");
        assert_eq!(
            effect(&Effect::NotSeen { low: Some(0.95), high: Some(1.1) }),
            "no effect seen; below × 0.95 or above × 1.1 is ruled out"
        );
        assert_eq!(effect(&Effect::NotSeen { low: None, high: None }), "no effect seen");
    }
}
