//! The database refuses connections because `max_connections` is reached.
//!
//! Every measured phase counts, valid or not: a refused connection is an error 1040 and a response with status 500.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;

use super::context::evidence;
use super::database::{DbObservation, in_all_phases, missing_counters};
use super::{Context, RuleOutcome};

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed = in_all_phases(context);
    if observed.is_empty() {
        return missing_counters(context);
    }
    let worst = observed.iter().max_by_key(|one| count_refused(one)).filter(|one| count_refused(one) > 0);
    RuleOutcome::found(worst.map(|one| build_finding(context, one)).into_iter().collect())
}

fn count_refused(observed: &DbObservation<'_>) -> u64 {
    observed.database.status.refused_connections
}

fn build_finding(context: &Context<'_>, observed: &DbObservation<'_>) -> Finding {
    let limit = observed.database.settings.max_connections;
    let mut all = vec![observed.evidence(format!(
        "{} connections were refused in the {} phase{}",
        count_refused(observed),
        observed.phase.name,
        limit.map_or_else(String::new, |limit| format!("; max_connections is {limit}"))
    ))];
    if let Some(most) = observed.database.status.threads_connected_max {
        all.push(observed.evidence(format!("up to {most} connections were open at the same time")));
    }
    let workers = context.facts.stack.as_ref().and_then(|stack| stack.tier(Tier::Server)?.concurrency);
    all.extend(
        workers.map(|n| {
            evidence(format!("the application server handles {n} requests at a time"), names::STACK)
        }),
    );
    let needed = workers.map_or_else(
        || "workers × threads × instances of the application".to_owned(),
        |n| format!("{n} (workers × threads) for each instance of the application"),
    );
    Finding {
        id: finding_id(Rule::MaxConnections, Tier::Db, None),
        rule: Rule::MaxConnections,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: None,
        title: format!("the database refused {} connections", count_refused(observed)),
        evidence: all,
        saving: None,
        fix: format!(
            "set `max_connections` to at least {needed}, plus a reserve for consoles and jobs; or run fewer workers; and look for \
             connections that are never closed (`SHOW PROCESSLIST`)"
        ),
        reproduce: "SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn one_refused_connection_is_enough_also_in_a_phase_that_failed() {
        let mut facts = fixtures::healthy();
        fixtures::window(&mut facts, "closed").databases[0].status.refused_connections = 7;
        facts.phases[0].validity.valid = false;
        let found = fixtures::findings(&facts, check);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].fix.contains("2 (workers × threads)"), "{}", found[0].fix);
        assert!(fixtures::findings(&fixtures::healthy(), check).is_empty());
    }
}
