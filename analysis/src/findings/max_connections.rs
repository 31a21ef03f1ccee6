//! The database refuses connections because `max_connections` is reached.
//!
//! Every measured phase counts, whether its times may be believed or not: a refused connection is an error 1040 and a 500.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;

use super::context::evidence;
use super::database::{Seen, all, nothing};
use super::{Context, Judgement};

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let seen = all(context);
    if seen.is_empty() {
        return Judgement::not_judged(nothing(context));
    }
    let worst = seen.iter().max_by_key(|one| refused(one)).filter(|one| refused(one) > 0);
    Judgement::found(worst.map(|one| finding(context, one)).into_iter().collect())
}

fn refused(seen: &Seen<'_>) -> u64 {
    seen.database.status.refused_connections
}

fn finding(context: &Context<'_>, seen: &Seen<'_>) -> Finding {
    let limit = seen.database.settings.max_connections;
    let mut all = vec![seen.says(format!(
        "{} connections were refused in the {} phase{}",
        refused(seen),
        seen.phase.name,
        limit.map_or_else(String::new, |limit| format!("; max_connections is {limit}"))
    ))];
    if let Some(most) = seen.database.status.threads_connected_max {
        all.push(seen.says(format!("up to {most} connections were seen open at the same time")));
    }
    let workers = context.facts.stack.as_ref().and_then(|stack| stack.tier(Tier::Server)?.concurrency);
    all.extend(
        workers
            .map(|n| evidence(format!("the application server serves {n} requests at a time"), names::STACK)),
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
        title: format!("the database refused {} connections", refused(seen)),
        evidence: all,
        saving: None,
        fix: format!(
            "give `max_connections` room for {needed}, and some more for consoles and jobs; or run fewer workers; and look for \
             connections that are never given back (`SHOW PROCESSLIST`)"
        ),
        reproduce: "SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    #[test]
    fn one_refused_connection_is_enough_also_in_a_phase_that_failed() {
        let mut facts = hand::healthy();
        hand::window(&mut facts, "closed").databases[0].status.refused_connections = 7;
        facts.phases[0].validity.valid = false;
        let found = hand::findings(&facts, check);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].fix.contains("2 (workers × threads)"), "{}", found[0].fix);
        assert!(hand::findings(&hand::healthy(), check).is_empty());
    }
}
