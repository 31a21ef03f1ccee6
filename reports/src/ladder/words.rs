//! Words for what was found of rungs: throughputs, effects, limits, what is missing.

use kneepoint_analysis::ladder::{
    Change, Counter, Effect, LimitKind, LimitingFactor, RungResult, RungState, Throughput,
};
use kneepoint_model::units::{Bytes, PerSecond, Ratio};

use crate::format::{clean, number};

/// A throughput with its interval.
pub(super) fn throughput(found: &Throughput) -> String {
    match found {
        Throughput::Between { sustained: kept, violated: broken, .. } => {
            format!("{} (kept; broken at {})", requests(*kept), requests(*broken))
        }
        Throughput::AtLeast { sustained: kept, .. } => {
            format!("at least {} (nothing tried broke it)", requests(*kept))
        }
        Throughput::None { .. } => "no figure".to_owned(),
    }
}

/// Requests a second, as precise as a search can be.
pub(super) fn requests(rate: PerSecond) -> String {
    if rate.0 >= 100.0 { format!("{:.0}/s", rate.0) } else { rate.to_string() }
}

/// A factor.
pub(super) fn factor(ratio: f64) -> String {
    format!("× {}", number(ratio, if ratio >= 10.0 { 1 } else { 2 }))
}

/// An effect and its interval.
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

/// What ends a rung, in a few words.
pub(super) fn limit(limiting: &LimitingFactor) -> String {
    let tier = limiting.tier.map_or("no tier", kneepoint_model::tier::Tier::name);
    match limiting.limit {
        LimitKind::Generator => "the load generator".to_owned(),
        LimitKind::Quota => {
            let machine = limiting.machine.as_deref().map_or_else(|| "a machine".to_owned(), clean);
            format!("{tier}, by the CPU of machine {machine}")
        }
        LimitKind::Host => format!("{tier}, by the CPU of the one machine"),
        LimitKind::OneCore => format!("{tier}, one process on one core"),
        LimitKind::Workers if tier == "server" => "server, all its workers computing".to_owned(),
        LimitKind::Workers => format!("server, all its workers waiting for {tier}"),
        LimitKind::Nothing => "nothing was full".to_owned(),
        LimitKind::Unknown => "cannot be told".to_owned(),
    }
}

/// Why a rung has no figure; `None` when it has.
pub(super) fn missing(rung: &RungResult) -> Option<String> {
    match &rung.state {
        RungState::Measured => None,
        RungState::NoFigure { why } => Some(format!("no throughput at the promise, because {}.", clean(why))),
        RungState::Failed { reason } => Some(format!(
            "could not be measured here: {}. What mends it: {}",
            clean(&reason.why).trim_end_matches('.'),
            clean(&reason.fix)
        )),
        RungState::CutOff { why } => Some(format!(
            "the climb ended in the middle of it ({}); what there is is shown and not compared.",
            clean(why)
        )),
        RungState::NotReached => Some("the climb ended before it.".to_owned()),
    }
}

/// A counter that changed.
pub(super) fn change(change: &Change) -> String {
    let name = match change.counter {
        Counter::Statements => "statements a request",
        Counter::Bytes => "bytes a request",
        Counter::ProxyHit => "answered by the proxy's cache",
        Counter::AppHit => "hits in the application's cache",
        Counter::Memory => "memory",
    };
    let value = |value: Option<f64>| match (value, change.counter) {
        (None, _) => "not said".to_owned(),
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
    fn effects_are_said_with_their_interval_or_as_none() {
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
