//! What is said of a change of the stack under load: the claim is that nobody is lost, so one is enough to refute it.

use kneepoint_model::experiment::{EffectAssessment, EffectVerdict, RolloutResult};

use super::words::plural;

/// Fewer requests than this show nothing.
const LEAST_REQUESTS: u64 = 100;

/// The verdict on a careful manoeuvre, with a crude restart for contrast.
pub fn manoeuvre_verdict(careful: &RolloutResult, crude: &RolloutResult) -> EffectAssessment {
    let said = |result: &RolloutResult| {
        format!(
            "{}: {} of {} lost",
            result.rollout.name(),
            result.lost,
            plural(result.requests, "request", "requests")
        )
    };
    let mut why = vec![format!("{}; {}", said(careful), said(crude))];
    let trouble = careful.trouble.as_ref().or(crude.trouble.as_ref());
    let judgement = if let Some(trouble) = trouble {
        why.push(trouble.clone());
        EffectVerdict::Invalid
    } else if careful.requests.min(crude.requests) < LEAST_REQUESTS {
        why.push(format!("at least {LEAST_REQUESTS} requests are needed"));
        EffectVerdict::Invalid
    } else if careful.lost > 0 {
        why.push("the claim is that nobody notices, and some did".to_owned());
        EffectVerdict::Hurts
    } else if crude.lost > 0 {
        EffectVerdict::Helps
    } else {
        why.push("the crude restart lost nobody either".to_owned());
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

    fn made(manoeuvre: Rollout, lost: u64) -> RolloutResult {
        RolloutResult {
            rollout: manoeuvre,
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
    fn one_lost_visitor_refutes_the_claim() {
        let said = |careful, crude| {
            let careful = made(Rollout::RollingRestart, careful);
            manoeuvre_verdict(&careful, &made(Rollout::RestartHard, crude)).verdict
        };
        assert_eq!(
            (said(0, 60), said(1, 60), said(0, 0)),
            (EffectVerdict::Helps, EffectVerdict::Hurts, EffectVerdict::NoEffectSeen)
        );
        let trouble =
            RolloutResult { trouble: Some("nginx did not reload".into()), ..made(Rollout::BlueGreen, 0) };
        assert_eq!(
            manoeuvre_verdict(&trouble, &made(Rollout::RestartHard, 9)).verdict,
            EffectVerdict::Invalid
        );
    }
}
