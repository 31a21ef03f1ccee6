//! Agreement of a verdict with the result known before.

use kneepoint_model::experiment::{Agreement, Expected, Judged, Judgement, Scale, Signal};

/// Compares the sign of a verdict with the expected one. `size` is the effect known before, as a ratio (with / without) or
/// a difference: when it is smaller than the smallest effect visible now, "no effect" does not contradict it.
pub fn check_agreement(expected: Expected, size: Option<f64>, signal: Signal, judged: &Judged) -> Agreement {
    match (expected, judged.judgement) {
        (Expected::Unknown, _) => Agreement::NothingKnown,
        (_, Judgement::Invalid) => Agreement::CannotTell,
        (Expected::Helps, Judgement::Helps)
        | (Expected::Hurts, Judgement::Hurts)
        | (Expected::NoEffect, Judgement::NoEffectSeen) => Agreement::Agrees,
        (Expected::Helps | Expected::Hurts, Judgement::NoEffectSeen) => {
            let before = size.map(|size| magnitude(signal, size));
            match (before, judged.smallest_seen) {
                (Some(before), Some(seen)) if before >= seen => Agreement::Differs,
                _ => Agreement::CannotTell,
            }
        }
        _ => Agreement::Differs,
    }
}

/// The size of an effect without its sign: a share for ratios.
fn magnitude(signal: Signal, size: f64) -> f64 {
    match signal.scale() {
        Scale::Ratio if size > 0.0 => size.ln().abs().exp_m1(),
        Scale::Ratio => 0.0,
        Scale::Difference => size.abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(judgement: Judgement, smallest_seen: Option<f64>) -> Judged {
        Judged { judgement, effect: None, smallest_seen, why: vec!["because".to_owned()] }
    }

    #[test]
    fn the_same_sign_agrees_and_another_does_not() {
        let cpu = Signal::CpuPerRequest;
        let agrees =
            |expected, judgement| check_agreement(expected, Some(0.5), cpu, &judged(judgement, None));
        assert_eq!(agrees(Expected::Helps, Judgement::Helps), Agreement::Agrees);
        assert_eq!(agrees(Expected::Hurts, Judgement::Helps), Agreement::Differs);
        assert_eq!(agrees(Expected::NoEffect, Judgement::Hurts), Agreement::Differs);
        assert_eq!(agrees(Expected::Unknown, Judgement::Helps), Agreement::NothingKnown);
        assert_eq!(agrees(Expected::Helps, Judgement::Invalid), Agreement::CannotTell);
    }

    #[test]
    fn an_effect_too_small_to_see_is_no_contradiction() {
        let cpu = Signal::CpuPerRequest;
        let seen = |size, smallest| {
            check_agreement(Expected::Helps, size, cpu, &judged(Judgement::NoEffectSeen, Some(smallest)))
        };
        // ×0.95 before is 5 %; now 12 % would have been needed, or only 3 %.
        assert_eq!(seen(Some(0.95), 0.12), Agreement::CannotTell);
        assert_eq!(seen(Some(0.95), 0.03), Agreement::Differs);
        assert_eq!(seen(None, 0.03), Agreement::CannotTell);
    }
}
