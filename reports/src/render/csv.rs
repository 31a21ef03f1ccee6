//! Load phases as CSV (RFC 4180), for spreadsheets and notebooks.

use std::fmt::Write as _;

use kneepoint_model::load::LoadPhase;

/// One row per second of each phase; seconds of the warm-up are included and marked.
pub fn seconds_csv(phases: &[LoadPhase]) -> String {
    let mut out =
        "phase,at_ms,warmup,requests,errors,started,in_flight,p50_us,p95_us,p99_us,max_us\n".to_owned();
    for phase in phases {
        for second in &phase.seconds {
            let _ = writeln!(
                out,
                "{},{},{},{},{},{},{},{},{},{},{}",
                text_field(&phase.name),
                second.at_ms.get(),
                second.warmup,
                second.requests,
                second.errors,
                second.started,
                second.in_flight,
                second.p50_us.get(),
                second.p95_us.get(),
                second.p99_us.get(),
                second.max_us.get(),
            );
        }
    }
    out
}

/// One row per endpoint of each phase.
pub fn endpoints_csv(phases: &[LoadPhase]) -> String {
    let mut out = "phase,endpoint,requests,errors,p50_us,p90_us,p95_us,p99_us,p999_us,max_us,service_p95_us,ttfb_p95_us,\
        wire_bytes,body_bytes,undecoded_bytes,redirects\n"
        .to_owned();
    for phase in phases {
        for endpoint in &phase.endpoints {
            let q = &endpoint.response_us;
            let _ = writeln!(
                out,
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                text_field(&phase.name),
                text_field(&endpoint.name),
                endpoint.requests,
                endpoint.errors,
                q.p50.get(),
                q.p90.get(),
                q.p95.get(),
                q.p99.get(),
                q.p999.get(),
                q.max.get(),
                endpoint.service_us.p95.get(),
                endpoint.ttfb_us.p95.get(),
                endpoint.wire_bytes.get(),
                endpoint.body_bytes.get(),
                endpoint.undecoded_bytes.get(),
                endpoint.redirects,
            );
        }
    }
    out
}

/// Quotes a text field and prevents spreadsheets from reading it as a formula.
fn text_field(text: &str) -> String {
    let formula_like = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula_like { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_never_formulas() {
        assert_eq!(text_field("GET /a,b\"c"), "\"GET /a,b\"\"c\"");
        assert_eq!((text_field("=1+1").as_str(), text_field("GET /").as_str()), ("'=1+1", "GET /"));
        assert!(seconds_csv(&[]).ends_with("max_us\n") && endpoints_csv(&[]).ends_with("redirects\n"));
    }
}
