//! Does a verdict agree with what was found before?

use kneepoint_model::experiment::{Agreement, EffectAssessment, EffectVerdict, Expected, Scale, Signal};

/// Compares signs. `size` is what was found before, as a ratio (with / without) or a difference: where it is known and
/// smaller than what would have been seen now, no effect now says nothing against it.
pub fn agreement(
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

/// How large an effect is, whichever way it goes: a share for ratios.
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
        let agrees = |expected, judgement| agreement(expected, Some(0.5), cpu, &judged(judgement, None));
        assert_eq!(agrees(Expected::Helps, EffectVerdict::Helps), Agreement::Agrees);
        assert_eq!(agrees(Expected::Hurts, EffectVerdict::Helps), Agreement::Differs);
        assert_eq!(agrees(Expected::NoEffect, EffectVerdict::Hurts), Agreement::Differs);
        assert_eq!(agrees(Expected::Unknown, EffectVerdict::Helps), Agreement::NothingKnown);
        assert_eq!(agrees(Expected::Helps, EffectVerdict::Invalid), Agreement::CannotTell);
    }

    #[test]
    fn what_could_not_have_been_seen_is_no_contradiction() {
        let cpu = Signal::CpuPerRequest;
        let seen = |size, smallest| {
            agreement(Expected::Helps, size, cpu, &judged(EffectVerdict::NoEffectSeen, Some(smallest)))
        };
        // ×0.95 before is 5 %; now 12 % would have been needed, or only 3 %.
        assert_eq!(seen(Some(0.95), 0.12), Agreement::CannotTell);
        assert_eq!(seen(Some(0.95), 0.03), Agreement::Differs);
        assert_eq!(seen(None, 0.03), Agreement::CannotTell);
    }
}
