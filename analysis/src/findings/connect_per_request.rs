//! A database connection for each request, opened and closed again.
//!
//! Seen: exactly 1.00 connections for each request without `CONN_MAX_AGE`, 0.00 with it; 1.29 times the CPU of a request with
//! the C driver, and 7.7 times with the pure Python one, which makes a TLS context each time.

use kneepoint_model::db::SessionKind;
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;

use super::context::{MIN_SAMPLES, evidence};
use super::database::{Seen, UNCERTAIN_MOST, believed, nothing};
use super::text::clip;
use super::{Context, Judgement};
use crate::server_timing::trusted_sums;

/// Connections for each request that the application answered.
pub const PER_REQUEST: f64 = 0.5;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let seen = believed(context);
    if seen.is_empty() {
        return Judgement::not_judged(nothing(context));
    }
    let worst = seen.iter().find_map(|one| Some((one, often(one)?)));
    Judgement::found(worst.map(|(one, per)| finding(context, one, per)).into_iter().collect())
}

/// Connections for each request of the application, when they are too many. What a cache in front answered needs none.
fn often(seen: &Seen<'_>) -> Option<f64> {
    let requests = seen.window.requests;
    let answered: u64 = seen.phase.endpoints.iter().filter_map(trusted_sums).map(|said| said.n).sum();
    let base = if answered > 0 { answered.min(requests.counted) } else { requests.counted };
    let connections = seen.database.status.connections;
    let sure = requests.uncertain as f64 <= requests.counted as f64 * UNCERTAIN_MOST;
    let per = connections as f64 / base.max(1) as f64;
    (sure && base >= MIN_SAMPLES && connections >= MIN_SAMPLES && per >= PER_REQUEST).then_some(per)
}

fn finding(context: &Context<'_>, seen: &Seen<'_>, per: f64) -> Finding {
    let database = seen.database;
    let mut all = vec![seen.says(format!(
        "{} connections were opened in the {} phase: {per:.2} for each request of the application",
        database.status.connections, seen.phase.name
    ))];
    let settings = database.session.by_kind.get(&SessionKind::Setting).copied().unwrap_or(0);
    if let Some(each) = (settings > 0).then(|| settings as f64 / database.status.connections.max(1) as f64) {
        all.push(
            seen.says(format!("each connection begins with {each:.1} statements that set up its session")),
        );
    }
    let toggles = context.facts.stack.as_ref().map(|stack| &stack.toggles);
    let age = toggles.and_then(|toggles| toggles.get("KP_CONN_MAX_AGE"));
    all.extend(age.map(|age| evidence(format!("KP_CONN_MAX_AGE={}", clip(age)), names::STACK)));
    Finding {
        id: finding_id(Rule::ConnectPerRequest, Tier::Db, None),
        rule: Rule::ConnectPerRequest,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: None,
        title: format!("{per:.2} database connections are opened for each request"),
        evidence: all,
        saving: None,
        fix: "keep connections: `CONN_MAX_AGE = 600` and `CONN_HEALTH_CHECKS = True` in `DATABASES[\"default\"]`; and let the \
              server's `max_connections` be at least workers × threads"
            .to_owned(),
        reproduce: "SHOW GLOBAL STATUS LIKE 'Connections' before and after a known number of requests".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    fn with(connections: u64, answered: Option<u64>) -> Vec<Finding> {
        let mut facts = hand::healthy();
        hand::window(&mut facts, "open").databases[0].status.connections = connections;
        if let Some(answered) = answered {
            for endpoint in &mut facts.phases[1].endpoints {
                endpoint.split.n = answered / 2;
            }
        }
        hand::findings(&facts, check)
    }

    #[test]
    fn a_connection_for_each_request_is_found() {
        let found = with(500, None);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.starts_with("1.00 database connections"), "{}", found[0].title);
    }

    #[test]
    fn requests_that_a_cache_answered_do_not_count() {
        assert_eq!(with(100, Some(100)).len(), 1);
        assert!(with(100, None).is_empty());
    }

    #[test]
    fn kept_connections_are_none() {
        assert!(with(0, None).is_empty());
        assert!(with(4, None).is_empty(), "workers that were born anew");
    }
}
