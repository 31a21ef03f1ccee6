//! The verdict on a rollout under load. The claim is that no request is lost, so one lost request refutes it.

use kneepoint_model::experiment::{EffectAssessment, EffectVerdict, RolloutResult};
use kneepoint_model::text::plural;

/// Minimum number of requests for a verdict.
const MIN_REQUESTS: u64 = 100;

/// The verdict on a careful rollout, with a hard restart for comparison.
pub fn rollout_verdict(careful: &RolloutResult, crude: &RolloutResult) -> EffectAssessment {
    let lost = |result: &RolloutResult| {
        format!("{}: {} of {} lost", result.rollout.name(), result.lost, plural(result.requests, "request"))
    };
    let mut why = vec![format!("{}; {}", lost(careful), lost(crude))];
    let trouble = careful.trouble.as_ref().or(crude.trouble.as_ref());
    let judgement = if let Some(trouble) = trouble {
        why.push(trouble.clone());
        EffectVerdict::Invalid
    } else if careful.requests.min(crude.requests) < MIN_REQUESTS {
        why.push(format!("at least {MIN_REQUESTS} requests are needed"));
        EffectVerdict::Invalid
    } else if careful.lost > 0 {
        why.push("the claim is that no request is lost, but some were".to_owned());
        EffectVerdict::Hurts
    } else if crude.lost > 0 {
        EffectVerdict::Helps
    } else {
        why.push("the hard restart lost no request either".to_owned());
        EffectVerdict::NoEffectSeen
    };
    EffectAssessment { verdict: judgement, effect: None, smallest_detectable: None, why }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kneepoint_model::experiment::Rollout;
    use kneepoint_model::histogram::Quantiles;
    use kneepoint_model::units::{Micros, PerSecond};

    use super::*;

    fn result(rollout: Rollout, lost: u64) -> RolloutResult {
        RolloutResult {
            rollout,
            rate: PerSecond(30.0),
            requests: 480,
            lost,
            how: BTreeMap::new(),
            response_us: Quantiles::default(),
            took_us: Micros(3_000_000),
            trouble: None,
        }
    }

    #[test]
    fn one_lost_request_refutes_the_claim() {
        let verdict = |careful, crude| {
            let careful = result(Rollout::RollingRestart, careful);
            rollout_verdict(&careful, &result(Rollout::RestartHard, crude)).verdict
        };
        assert_eq!(
            (verdict(0, 60), verdict(1, 60), verdict(0, 0)),
            (EffectVerdict::Helps, EffectVerdict::Hurts, EffectVerdict::NoEffectSeen)
        );
        let trouble =
            RolloutResult { trouble: Some("nginx did not reload".into()), ..result(Rollout::BlueGreen, 0) };
        assert_eq!(
            rollout_verdict(&trouble, &result(Rollout::RestartHard, 9)).verdict,
            EffectVerdict::Invalid
        );
    }
}
