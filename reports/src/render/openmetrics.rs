//! Load phases as OpenMetrics 1.0 text, for a Prometheus that stores results of many runs (`promtool tsdb
//! create-blocks-from openmetrics`, or the textfile collector of node_exporter).

use std::fmt::Write as _;

use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::LoadPhase;

/// All phases, one series per endpoint. Without timestamps: the reader assigns one to the whole run.
pub fn openmetrics(phases: &[LoadPhase]) -> String {
    let mut out = String::new();
    family(
        &mut out,
        "kneepoint_requests",
        "counter",
        None,
        "Completed requests in the measured window, by outcome.",
    );
    for (phase, endpoint) in endpoints(phases) {
        for (outcome, count) in &endpoint.outcomes {
            let labels = labels(&phase.name, &endpoint.name);
            let _ = writeln!(
                out,
                "kneepoint_requests_total{{{labels},outcome=\"{}\"}} {count}",
                escape_label(outcome.label())
            );
        }
    }
    let times = [
        ("kneepoint_response_seconds", "Response time: from the intended start to the last byte."),
        ("kneepoint_service_seconds", "Service time: from sending to the last byte."),
        ("kneepoint_ttfb_seconds", "Time to first byte: from sending to the first byte."),
    ];
    for (at, (name, help)) in times.into_iter().enumerate() {
        family(&mut out, name, "summary", Some("seconds"), help);
        for (phase, endpoint) in endpoints(phases) {
            let quantiles = [&endpoint.response_us, &endpoint.service_us, &endpoint.ttfb_us][at];
            summary(&mut out, name, &labels(&phase.name, &endpoint.name), quantiles);
        }
    }
    family(&mut out, "kneepoint_offered_rate", "gauge", None, "Intended requests per second (open model).");
    for phase in phases {
        if let Some(rate) = phase.offered_rps {
            let _ =
                writeln!(out, "kneepoint_offered_rate{{phase=\"{}\"}} {}", escape_label(&phase.name), rate.0);
        }
    }
    family(&mut out, "kneepoint_achieved_rate", "gauge", None, "Completed requests per second.");
    for phase in phases {
        let _ = writeln!(
            out,
            "kneepoint_achieved_rate{{phase=\"{}\"}} {}",
            escape_label(&phase.name),
            phase.achieved_rps.0
        );
    }
    family(&mut out, "kneepoint_valid", "gauge", None, "1 if the measurement is valid, else 0.");
    for phase in phases {
        let valid = u8::from(phase.validity.valid);
        let _ = writeln!(out, "kneepoint_valid{{phase=\"{}\"}} {valid}", escape_label(&phase.name));
    }
    out.push_str("# EOF\n");
    out
}

fn endpoints(
    phases: &[LoadPhase],
) -> impl Iterator<Item = (&LoadPhase, &kneepoint_model::load::EndpointStats)> {
    phases.iter().flat_map(|phase| phase.endpoints.iter().map(move |endpoint| (phase, endpoint)))
}

fn family(out: &mut String, name: &str, kind: &str, unit: Option<&str>, help: &str) {
    let _ = writeln!(out, "# TYPE {name} {kind}");
    if let Some(unit) = unit {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
    let _ = writeln!(out, "# HELP {name} {help}");
}

fn summary(out: &mut String, name: &str, labels: &str, q: &Quantiles) {
    if q.count == 0 {
        return;
    }
    for (quantile, time) in
        [("0.5", q.p50), ("0.9", q.p90), ("0.95", q.p95), ("0.99", q.p99), ("0.999", q.p999), ("1", q.max)]
    {
        let _ = writeln!(out, "{name}{{{labels},quantile=\"{quantile}\"}} {}", time.as_secs());
    }
    let _ = writeln!(out, "{name}_count{{{labels}}} {}", q.count);
    let _ = writeln!(out, "{name}_sum{{{labels}}} {}", q.mean.as_secs() * q.count as f64);
}

fn labels(phase: &str, endpoint: &str) -> String {
    format!("phase=\"{}\",endpoint=\"{}\"", escape_label(phase), escape_label(endpoint))
}

/// Escapes a label value.
fn escape_label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_cannot_end_a_label() {
        assert_eq!(escape_label("GET /\"}\n\\"), "GET /\\\"}\\n\\\\");
        assert_eq!(openmetrics(&[]).lines().last(), Some("# EOF"));
    }
}
