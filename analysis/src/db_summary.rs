//! The database part of `summary.json`: statements and time per request, by the application's and the server-side timer.

use kneepoint_model::db::DbWindow;
use kneepoint_model::summary::DbSummary;
use kneepoint_model::units::Ratio;

use crate::db_time::compare_timers;
use crate::facts::RunFacts;
use crate::server_timing::{statement_counts, sum_run};

/// Summarises the databases over the measured phases.
pub(crate) fn summarise_databases(facts: &RunFacts) -> DbSummary {
    let windows: Vec<&DbWindow> =
        facts.measured_phases().filter_map(|phase| facts.db.get(&phase.name)).collect();
    let counters = DbSummary {
        own_db_us_per_request: server_time(facts),
        row_lock_waits_per_request: row_lock_waits(&windows),
        deadlocks: count_deadlocks(&windows),
        ..DbSummary::default()
    };
    let counted = windows.iter().flat_map(|window| &window.databases).any(|one| one.statements_known);
    let sums = sum_run(facts);
    if sums.n == 0 {
        let nothing = "no response had a Server-Timing header; add kneepoint's Django middleware to the site";
        let source =
            if counted { format!("performance_schema; {nothing}") } else { format!("nothing: {nothing}") };
        return DbSummary { source, ..counters };
    }
    let endpoints = facts.measured_phases().flat_map(|phase| &phase.endpoints);
    let (statements, requests) = endpoints
        .filter_map(statement_counts)
        .fold((0, 0), |(statements, requests), counts| (statements + counts.0, requests + counts.1));
    DbSummary {
        queries_per_request: Ratio::from_parts(statements, requests).map(|per| per.0),
        app_db_us_per_request: Some(sums.db_us.as_f64() / sums.n as f64),
        source: if counted { "server-timing, performance_schema" } else { "server-timing" }.to_owned(),
        ..counters
    }
}

fn server_time(facts: &RunFacts) -> Option<f64> {
    let known = facts.measured_phases().filter_map(|phase| compare_timers(facts, phase));
    let (us, n) = known.fold((0.0, 0), |(us, n), timers| {
        (us + timers.server_us() * timers.app.queries as f64, n + timers.app.n)
    });
    (n > 0).then(|| us / n as f64)
}

fn row_lock_waits(windows: &[&DbWindow]) -> Option<f64> {
    let with_database = windows.iter().filter(|window| !window.databases.is_empty());
    let (waits, requests) = with_database.fold((0, 0), |(waits, requests), window| {
        let row_waits: u64 = window.databases.iter().map(|one| one.status.locks.row_waits).sum();
        (waits + row_waits, requests + window.requests.counted)
    });
    (requests > 0).then(|| waits as f64 / requests as f64)
}

fn count_deadlocks(windows: &[&DbWindow]) -> Option<u64> {
    let counted = windows.iter().flat_map(|window| &window.databases).map(|one| one.status.locks.deadlocks);
    counted.flatten().reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn both_timers_and_the_locks_are_summarised() {
        let mut facts = fixtures::healthy();
        fixtures::window(&mut facts, "closed").databases[0].status.locks.row_waits = 150;
        let db = summarise_databases(&facts);
        assert_eq!((db.queries_per_request, db.app_db_us_per_request), (Some(5.0), Some(4_000.0)));
        assert!((db.own_db_us_per_request.expect("counted") - 1_400.0).abs() < 1e-6, "{db:?}");
        // 150 waits in the 1,500 requests of the two measured phases.
        assert_eq!((db.row_lock_waits_per_request, db.deadlocks), (Some(0.1), Some(0)));
        assert_eq!(db.source, "server-timing, performance_schema");
    }

    #[test]
    fn without_database_counters_their_part_is_absent() {
        let mut facts = fixtures::healthy();
        facts.db.clear();
        let db = summarise_databases(&facts);
        assert_eq!(
            (db.own_db_us_per_request, db.row_lock_waits_per_request, db.deadlocks),
            (None, None, None)
        );
        assert_eq!(db.source, "server-timing");
    }
}
