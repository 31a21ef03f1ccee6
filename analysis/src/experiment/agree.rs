//! Agreement of a verdict with the result known before.

use kneepoint_model::experiment::{Agreement, EffectAssessment, EffectVerdict, Expected, Scale, Signal};

/// Compares the sign of a verdict with the expected one. `size` is the effect known before, as a ratio (with / without) or
/// a difference: when it is smaller than the smallest effect visible now, "no effect" does not contradict it.
pub fn check_agreement(
    expected: Expected,
    size: Option<f64>,
    signal: Signal,
    judged: &EffectAssessment,
) -> Agreement {
    match (expected, judged.verdict) {
        (Expected::Unknown, _) => Agreement::NothingKnown,
        (_, EffectVerdict::Invalid) => Agreement::CannotTell,
        (Expected::Helps, EffectVerdict::Helps)
        | (Expected::Hurts, EffectVerdict::Hurts)
        | (Expected::NoEffect, EffectVerdict::NoEffectSeen) => Agreement::Agrees,
        (Expected::Helps | Expected::Hurts, EffectVerdict::NoEffectSeen) => {
            let before = size.map(|size| magnitude(signal, size));
            match (before, judged.smallest_detectable) {
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

    fn judged(judgement: EffectVerdict, smallest_detectable: Option<f64>) -> EffectAssessment {
        EffectAssessment {
            verdict: judgement,
            effect: None,
            smallest_detectable,
            why: vec!["because".to_owned()],
        }
    }

    #[test]
    fn the_same_sign_agrees_and_another_does_not() {
        let cpu = Signal::CpuPerRequest;
        let agrees =
            |expected, judgement| check_agreement(expected, Some(0.5), cpu, &judged(judgement, None));
        assert_eq!(agrees(Expected::Helps, EffectVerdict::Helps), Agreement::Agrees);
        assert_eq!(agrees(Expected::Hurts, EffectVerdict::Helps), Agreement::Differs);
        assert_eq!(agrees(Expected::NoEffect, EffectVerdict::Hurts), Agreement::Differs);
        assert_eq!(agrees(Expected::Unknown, EffectVerdict::Helps), Agreement::NothingKnown);
        assert_eq!(agrees(Expected::Helps, EffectVerdict::Invalid), Agreement::CannotTell);
    }

    #[test]
    fn an_effect_too_small_to_see_is_no_contradiction() {
        let cpu = Signal::CpuPerRequest;
        let seen = |size, smallest| {
            check_agreement(Expected::Helps, size, cpu, &judged(EffectVerdict::NoEffectSeen, Some(smallest)))
        };
        // ×0.95 before is 5 %; now 12 % would have been needed, or only 3 %.
        assert_eq!(seen(Some(0.95), 0.12), Agreement::CannotTell);
        assert_eq!(seen(Some(0.95), 0.03), Agreement::Differs);
        assert_eq!(seen(None, 0.03), Agreement::CannotTell);
    }
}
