//! Failed requests. Errors are fast, so they make every other figure of their endpoint look better than it is.
//!
//! Uses every phase, also invalid ones. Requests that were in flight when the phase ended are not errors of the site.
//! There is no minimum number: every failure counts.

use std::collections::BTreeMap;

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::load::{EndpointStats, LoadPhase};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::run::names;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;

use super::context::evidence;
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Share of failed requests below which the finding is a hint: a single reset in thousands of requests.
pub const STRAY_SHARE: f64 = 0.001;
/// Number of failures from which the finding is never a hint.
pub const STRAY_COUNT: u64 = 10;

#[derive(Default)]
struct Failures {
    count: u64,
    requests: u64,
    outcomes: BTreeMap<Outcome, u64>,
    statuses: BTreeMap<u16, u64>,
    evidence: Vec<Evidence>,
    path: Option<String>,
    route: Option<String>,
}

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let mut by_endpoint: BTreeMap<&str, Failures> = BTreeMap::new();
    for phase in &context.facts.phases {
        for endpoint in &phase.endpoints {
            let failed = count_failures(endpoint);
            if failed > 0 {
                add_failures(by_endpoint.entry(&endpoint.name).or_default(), phase, endpoint, failed);
            }
        }
    }
    RuleOutcome::found(
        by_endpoint.into_iter().map(|(name, failures)| build_finding(context, name, failures)).collect(),
    )
}

/// Failures of the site: all outcomes except success and requests in flight at the end of the phase.
fn count_failures(endpoint: &EndpointStats) -> u64 {
    endpoint.outcomes.iter().filter(|(o, _)| !o.is_ok() && **o != Outcome::Censored).map(|(_, n)| n).sum()
}

fn add_failures(failures: &mut Failures, phase: &LoadPhase, endpoint: &EndpointStats, failed: u64) {
    failures.count += failed;
    failures.requests += endpoint.requests;
    for (outcome, count) in endpoint.outcomes.iter().filter(|(o, _)| !o.is_ok()) {
        *failures.outcomes.entry(*outcome).or_default() += count;
    }
    for (status, count) in endpoint.statuses.iter().filter(|(status, _)| **status >= 400) {
        *failures.statuses.entry(*status).or_default() += count;
    }
    let share = Ratio::from_parts(failed, endpoint.requests).unwrap_or_default();
    failures.evidence.push(evidence(
        format!("{failed} of {} requests failed in the {} phase ({share})", endpoint.requests, phase.name),
        names::load(&phase.name),
    ));
    let exemplar = phase.exemplars.iter().find(|e| e.endpoint == endpoint.name && !e.outcome.is_ok());
    if let Some(exemplar) = exemplar.filter(|_| failures.path.is_none()) {
        failures.evidence.push(evidence(
            format!(
                "for example {}: {}{} (trace {})",
                single_line(&exemplar.path, MAX_QUOTED),
                exemplar.outcome,
                if exemplar.detail.is_empty() {
                    String::new()
                } else {
                    format!(", {}", single_line(&exemplar.detail, MAX_QUOTED))
                },
                single_line(&exemplar.trace_id, MAX_QUOTED),
            ),
            names::load(&phase.name),
        ));
        failures.path = Some(exemplar.path.clone());
    }
    failures.route =
        failures.route.take().or_else(|| crate::attribute::main_route(endpoint).map(str::to_owned));
}

fn build_finding(context: &Context<'_>, name: &str, failures: Failures) -> Finding {
    let share = failures.count as f64 / failures.requests.max(1) as f64;
    let stray = failures.count < STRAY_COUNT && share < STRAY_SHARE;
    let most = failures
        .outcomes
        .iter()
        .filter(|(outcome, _)| **outcome != Outcome::Censored)
        .max_by_key(|(_, count)| **count)
        .map_or(Outcome::ServerError, |(outcome, _)| *outcome);
    let tier = tier_of(context, most);
    let path = failures.path.unwrap_or_else(|| name.split_once(' ').map_or("/", |(_, path)| path).to_owned());
    let mut all = failures.evidence;
    if !failures.statuses.is_empty() {
        let list: Vec<String> =
            failures.statuses.iter().map(|(status, n)| format!("{status} × {n}")).collect();
        all.push(evidence(format!("statuses of failed requests: {}", list.join(", ")), names::LOAD));
    }
    Finding {
        id: finding_id(Rule::Errors, tier, Some(name)),
        rule: Rule::Errors,
        severity: if stray { Severity::Hint } else { Severity::Proven },
        tier,
        route: Some(name.to_owned()),
        title: format!(
            "{} of {} requests to {} failed, most often: {}",
            failures.count,
            failures.requests,
            single_line(name, MAX_QUOTED),
            most.label()
        ),
        evidence: all,
        saving: None,
        fix: choose_fix(most).to_owned(),
        reproduce: format!("curl -sS -i {} | head -40", context.url(&path)),
    }
}

fn tier_of(context: &Context<'_>, outcome: Outcome) -> Tier {
    let has_proxy = context.facts.stack.as_ref().is_some_and(|stack| stack.tier(Tier::Proxy).is_some());
    match outcome {
        Outcome::Refused
        | Outcome::Reset
        | Outcome::StreamReset
        | Outcome::StreamRefused
        | Outcome::GoAway
        | Outcome::NoHttp2
        | Outcome::Tls
        | Outcome::Protocol
            if has_proxy =>
        {
            Tier::Proxy
        }
        Outcome::Dns => Tier::Host,
        Outcome::Shed => Tier::Generator,
        _ => Tier::Server,
    }
}

const fn choose_fix(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::ServerError => {
            "read the traceback in logs/ of the run folder (502 and 504 come from the proxy: its upstream \
                                 crashed or was too slow)"
        }
        Outcome::ClientError => {
            "403 is usually a CSRF token or a login that the scenario does not send; 404 is a link to a missing \
                                 page: fix the page or the step's `expect`"
        }
        Outcome::UnexpectedStatus => "write the correct status into the step's `expect`, or fix the redirect",
        Outcome::CheckFailed => {
            "the response does not contain what the step's check requires: open the page and compare"
        }
        Outcome::Timeout => {
            "find what the request waits for: the slowest exemplars and the profiles of this run show it; then \
                             raise the number of workers or reduce the time of each request"
        }
        Outcome::Refused => {
            "no process was listening: check in logs/ whether the server restarted, and raise gunicorn's `--backlog`"
        }
        Outcome::Reset => {
            "the connection was closed during a request: look in logs/ for a killed worker (`WORKER TIMEOUT`, out of memory)"
        }
        Outcome::Shed => {
            "more requests were in flight than `max_in_flight` allows: the stack cannot sustain this rate; lower the rate or \
                          raise `max_in_flight`"
        }
        Outcome::Dns => "make the host name resolvable on the load generator's machine",
        Outcome::StreamReset => {
            "find out why streams are reset: see the server's log and its limits on requests and frames"
        }
        Outcome::StreamRefused => "raise the server's limit on concurrent streams, or make the pages faster",
        Outcome::GoAway => {
            "raise the server's limit on requests per connection, and check whether it restarts under load"
        }
        Outcome::NoHttp2 => {
            "enable HTTP/2 on the outermost server (ALPN `h2`, or h2c without TLS), or use HTTP/1.1 for the load"
        }
        Outcome::Tls => "fix the certificate, or use plain HTTP for the load",
        Outcome::BodyTooLarge => "limit the size of the page: paginate it",
        Outcome::Ok | Outcome::Protocol | Outcome::Censored => "inspect the response with the command below",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn spoil(count: u64, outcome: Outcome) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let endpoint = &mut facts.phases[0].endpoints[0];
        endpoint.requests = 20_000;
        endpoint.errors = count;
        endpoint.outcomes.insert(outcome, count);
        fixtures::findings(&facts, check)
    }

    #[test]
    fn server_errors_are_facts() {
        let found = spoil(200, Outcome::ServerError);
        assert_eq!((found.len(), found[0].severity, found[0].tier), (1, Severity::Proven, Tier::Server));
        assert!(found[0].title.starts_with("200 of "), "{}", found[0].title);
    }

    #[test]
    fn a_stray_reset_is_a_hint_on_the_proxy() {
        let found = spoil(1, Outcome::Reset);
        assert_eq!((found[0].severity, found[0].tier), (Severity::Hint, Tier::Proxy));
    }

    #[test]
    fn requests_in_flight_at_the_end_are_no_errors() {
        assert!(spoil(8, Outcome::Censored).is_empty());
    }
}
