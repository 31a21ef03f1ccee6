//! A new database connection for each request.
//!
//! Measured: exactly 1.00 connections per request without `CONN_MAX_AGE`, 0.00 with it; 1.29 times the CPU per request
//! with the C driver, and 7.7 times with the pure Python driver, which creates a TLS context each time.

use kneepoint_model::db::SessionKind;
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::{MIN_SAMPLES, evidence};
use super::database::{DbObservation, MAX_UNCERTAIN_SHARE, in_valid_phases, missing_counters};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};
use crate::server_timing::trusted_sums;

/// Minimum number of connections per request of the application.
pub const PER_REQUEST: f64 = 0.5;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed = in_valid_phases(context);
    if observed.is_empty() {
        return missing_counters(context);
    }
    let worst = observed.iter().find_map(|one| Some((one, connections_per_request(one)?)));
    RuleOutcome::found(worst.map(|(one, per)| build_finding(context, one, per)).into_iter().collect())
}

/// Connections per request of the application, when there are too many. Hits of a cache in front need none.
fn connections_per_request(observed: &DbObservation<'_>) -> Option<f64> {
    let requests = observed.window.requests;
    let answered: u64 = observed.phase.endpoints.iter().filter_map(trusted_sums).map(|sums| sums.n).sum();
    let base = if answered > 0 { answered.min(requests.counted) } else { requests.counted };
    let connections = observed.database.status.connections;
    let certain = requests.uncertain as f64 <= requests.counted as f64 * MAX_UNCERTAIN_SHARE;
    let per = connections as f64 / base.max(1) as f64;
    (certain && base >= MIN_SAMPLES && connections >= MIN_SAMPLES && per >= PER_REQUEST).then_some(per)
}

fn build_finding(context: &Context<'_>, observed: &DbObservation<'_>, per: f64) -> Finding {
    let database = observed.database;
    let mut all = vec![observed.evidence(format!(
        "{} connections were opened in the {} phase: {per:.2} per request of the application",
        database.status.connections, observed.phase.name
    ))];
    let settings = database.session.by_kind.get(&SessionKind::Setting).copied().unwrap_or(0);
    if let Some(each) = (settings > 0).then(|| settings as f64 / database.status.connections.max(1) as f64) {
        all.push(
            observed.evidence(format!("each connection runs {each:.1} statements to set up its session")),
        );
    }
    let toggles = context.facts.stack.as_ref().map(|stack| &stack.toggles);
    let age = toggles.and_then(|toggles| toggles.get("KP_CONN_MAX_AGE"));
    all.extend(
        age.map(|age| evidence(format!("KP_CONN_MAX_AGE={}", single_line(age, MAX_QUOTED)), names::STACK)),
    );
    Finding {
        id: finding_id(Rule::ConnectPerRequest, Tier::Db, None),
        rule: Rule::ConnectPerRequest,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: None,
        title: format!("{per:.2} database connections are opened per request"),
        evidence: all,
        saving: None,
        fix: "keep connections open: `CONN_MAX_AGE = 600` and `CONN_HEALTH_CHECKS = True` in `DATABASES[\"default\"]`; and set the \
              server's `max_connections` to at least workers × threads"
            .to_owned(),
        reproduce: "SHOW GLOBAL STATUS LIKE 'Connections' before and after a known number of requests".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn with(connections: u64, answered: Option<u64>) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        fixtures::window(&mut facts, "open").databases[0].status.connections = connections;
        if let Some(answered) = answered {
            for endpoint in &mut facts.phases[1].endpoints {
                endpoint.split.n = answered / 2;
            }
        }
        fixtures::findings(&facts, check)
    }

    #[test]
    fn a_connection_for_each_request_is_found() {
        let found = with(500, None);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.starts_with("1.00 database connections"), "{}", found[0].title);
    }

    #[test]
    fn cache_hits_do_not_count() {
        assert_eq!(with(100, Some(100)).len(), 1);
        assert!(with(100, None).is_empty());
    }

    #[test]
    fn persistent_connections_are_no_finding() {
        assert!(with(0, None).is_empty());
        assert!(with(4, None).is_empty(), "restarted workers");
    }
}
