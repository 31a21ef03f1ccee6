//! What is said of a change of the stack under load: the claim is that nobody is lost, so one is enough to refute it.

use kneepoint_model::experiment::{Judged, Judgement, ManoeuvreResult};

use super::format::plural;

/// Fewer requests than this show nothing.
const LEAST_REQUESTS: u64 = 100;

/// The verdict on a careful manoeuvre, with a crude restart for contrast.
pub fn manoeuvre_verdict(careful: &ManoeuvreResult, crude: &ManoeuvreResult) -> Judged {
    let said = |result: &ManoeuvreResult| {
        format!(
            "{}: {} of {} lost",
            result.manoeuvre.name(),
            result.lost,
            plural(result.requests, "request", "requests")
        )
    };
    let mut why = vec![format!("{}; {}", said(careful), said(crude))];
    let trouble = careful.trouble.as_ref().or(crude.trouble.as_ref());
    let judgement = if let Some(trouble) = trouble {
        why.push(trouble.clone());
        Judgement::Invalid
    } else if careful.requests.min(crude.requests) < LEAST_REQUESTS {
        why.push(format!("at least {LEAST_REQUESTS} requests are needed"));
        Judgement::Invalid
    } else if careful.lost > 0 {
        why.push("the claim is that nobody notices, and some did".to_owned());
        Judgement::Hurts
    } else if crude.lost > 0 {
        Judgement::Helps
    } else {
        why.push("the crude restart lost nobody either".to_owned());
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

    fn made(manoeuvre: Manoeuvre, lost: u64) -> ManoeuvreResult {
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
    fn one_lost_visitor_refutes_the_claim() {
        let said = |careful, crude| {
            let careful = made(Manoeuvre::RollingRestart, careful);
            manoeuvre_verdict(&careful, &made(Manoeuvre::RestartHard, crude)).judgement
        };
        assert_eq!(
            (said(0, 60), said(1, 60), said(0, 0)),
            (Judgement::Helps, Judgement::Hurts, Judgement::NoEffectSeen)
        );
        let trouble =
            ManoeuvreResult { trouble: Some("nginx did not reload".into()), ..made(Manoeuvre::BlueGreen, 0) };
        assert_eq!(
            manoeuvre_verdict(&trouble, &made(Manoeuvre::RestartHard, 9)).judgement,
            Judgement::Invalid
        );
    }
}
