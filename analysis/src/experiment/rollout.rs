//! The verdict on a rollout under load. The claim is that no request is lost, so one lost request refutes it.

use kneepoint_model::experiment::{Judged, Judgement, ManoeuvreResult};

use super::format::plural;

/// Minimum number of requests for a verdict.
const MIN_REQUESTS: u64 = 100;

/// The verdict on a careful rollout, with a hard restart for comparison.
pub fn rollout_verdict(careful: &ManoeuvreResult, crude: &ManoeuvreResult) -> Judged {
    let lost = |result: &ManoeuvreResult| {
        format!(
            "{}: {} of {} lost",
            result.manoeuvre.name(),
            result.lost,
            plural(result.requests, "request", "requests")
        )
    };
    let mut why = vec![format!("{}; {}", lost(careful), lost(crude))];
    let trouble = careful.trouble.as_ref().or(crude.trouble.as_ref());
    let judgement = if let Some(trouble) = trouble {
        why.push(trouble.clone());
        Judgement::Invalid
    } else if careful.requests.min(crude.requests) < MIN_REQUESTS {
        why.push(format!("at least {MIN_REQUESTS} requests are needed"));
        Judgement::Invalid
    } else if careful.lost > 0 {
        why.push("the claim is that no request is lost, but some were".to_owned());
        Judgement::Hurts
    } else if crude.lost > 0 {
        Judgement::Helps
    } else {
        why.push("the hard restart lost no request either".to_owned());
        Judgement::NoEffectSeen
    };
    Judged { judgement, effect: None, smallest_seen: None, why }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kneepoint_model::experiment::Manoeuvre;
    use kneepoint_model::histogram::Quantiles;
    use kneepoint_model::units::{Micros, PerSecond};

    use super::*;

    fn result(manoeuvre: Manoeuvre, lost: u64) -> ManoeuvreResult {
        ManoeuvreResult {
            manoeuvre,
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
            let careful = result(Manoeuvre::RollingRestart, careful);
            rollout_verdict(&careful, &result(Manoeuvre::RestartHard, crude)).judgement
        };
        assert_eq!(
            (verdict(0, 60), verdict(1, 60), verdict(0, 0)),
            (Judgement::Helps, Judgement::Hurts, Judgement::NoEffectSeen)
        );
        let trouble = ManoeuvreResult {
            trouble: Some("nginx did not reload".into()),
            ..result(Manoeuvre::BlueGreen, 0)
        };
        assert_eq!(
            rollout_verdict(&trouble, &result(Manoeuvre::RestartHard, 9)).judgement,
            Judgement::Invalid
        );
    }
}
