//! The database's server-side timer compared with the application's timer for the same statements.
//!
//! The application's timer includes the driver, the network, and every wait for Python's lock or for a core after the
//! result has arrived: 20.4 ms were measured where the server-side timer showed 0.5 ms. So the server-side timer counts,
//! and the difference is attributed to the application as overhead *per statement*. That is its nature, and a page of many
//! small statements then does not get the time of a page with one large statement.

use kneepoint_model::db::{DbWindow, StatementSums};
use kneepoint_model::load::{LoadPhase, ServerTimingSums};
use kneepoint_model::units::Micros;

use crate::facts::RunFacts;
use crate::server_timing::sum_phase;

/// Relative difference of the statement counts above which the two timers do not measure the same statements.
pub const MAX_COUNT_DIFFERENCE: f64 = 0.15;
/// Minimum number of statements for a comparison.
pub const MIN_STATEMENTS: u64 = 20;
/// Share of requests at the edges of the window above which the timers are not compared.
pub const MAX_UNCERTAIN_SHARE: f64 = 0.1;

/// The same statements as the database and as the application timed them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimerComparison {
    /// Sums that the application reported.
    pub app: ServerTimingSums,
    /// Sums of the database over the site's statements, without transaction control, which the application does not count
    /// either.
    pub server: StatementSums,
}

impl TimerComparison {
    /// Mean time of a statement by the server-side timer, in microseconds.
    pub fn server_us(&self) -> f64 {
        self.server.timer_us.as_f64() / self.server.count.max(1) as f64
    }

    /// Mean time of a statement by the application's timer, in microseconds.
    pub fn app_us(&self) -> f64 {
        self.app.db_us.as_f64() / self.app.queries.max(1) as f64
    }

    /// Overhead of the application for each statement, in microseconds; never below zero.
    pub fn overhead_us(&self) -> f64 {
        (self.app_us() - self.server_us()).max(0.0)
    }

    /// Mean database time of a request by the server-side timer.
    pub fn server_per_request(&self) -> Micros {
        Micros((self.server_us() * self.app.queries as f64 / self.app.n.max(1) as f64).round() as u64)
    }

    /// The part of a database time measured by the application that the database itself used for `statements` statements.
    pub fn server_part(&self, app: Micros, statements: f64) -> Micros {
        Micros((app.as_f64() - self.overhead_us() * statements).max(0.0).round() as u64)
    }
}

/// Compares both timers over a phase; `None` when the database counted nothing, or other statements than the application.
pub fn compare_timers(facts: &RunFacts, phase: &LoadPhase) -> Option<TimerComparison> {
    let window = facts.db.get(&phase.name).filter(|window| is_comparable(window))?;
    let mut server = StatementSums::default();
    window.databases.iter().for_each(|database| server.add(&database.total()));
    let app = sum_phase(phase);
    let difference = (server.count as f64 - app.queries as f64).abs() / app.queries.max(1) as f64;
    (app.queries >= MIN_STATEMENTS && server.count > 0 && difference <= MAX_COUNT_DIFFERENCE)
        .then_some(TimerComparison { app, server })
}

fn is_comparable(window: &DbWindow) -> bool {
    let requests = window.requests;
    !window.databases.is_empty()
        && window.databases.iter().all(|one| one.statements_known && one.digests_lost == 0)
        && window.drain.settled
        && requests.uncertain as f64 <= requests.counted as f64 * MAX_UNCERTAIN_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn the_overhead_is_per_statement() {
        let facts = fixtures::healthy();
        let timers = compare_timers(&facts, &facts.phases[1]).expect("both timed the same statements");
        // 4 × 200 µs + 600 µs for 5 statements, of which the application measured 4,000 µs.
        assert!(
            (timers.server_us() - 280.0).abs() < 1e-9 && (timers.overhead_us() - 520.0).abs() < 1e-9,
            "{timers:?}"
        );
        assert_eq!(timers.server_per_request(), Micros(1_400));
        assert_eq!(timers.server_part(Micros(4_000), 5.0), Micros(1_400));
        assert_eq!(timers.server_part(Micros(600), 5.0), Micros::ZERO, "never below zero");
    }

    #[test]
    fn other_statements_an_unsettled_window_and_lost_digests_are_not_compared() {
        let none = |spoil: fn(&mut DbWindow)| {
            let mut facts = fixtures::healthy();
            spoil(fixtures::window(&mut facts, "open"));
            compare_timers(&facts, &facts.phases[1]).is_none()
        };
        assert!(none(|window| window.databases[0].statements[0].sums.count *= 2));
        assert!(none(|window| window.drain.settled = false));
        assert!(none(|window| window.databases[0].digests_lost = 1));
        assert!(none(|window| window.databases[0].statements_known = false));
        assert!(none(|window| window.databases.clear()));
        assert!(none(|window| window.requests.uncertain = window.requests.counted / 2));
    }
}
