//! The database's own timer against the application's: whose time is "database time"?
//!
//! The application's clock runs from handing a statement to its driver until it goes on, and so holds the driver's work, the
//! way there and back, and every wait for Python's lock or for a core after the answer has come. 20.4 ms were said where the
//! database's own timer held 0.5 ms. So the database is believed about itself, and the difference is laid to the
//! application as so much *for each statement*: that is what it is, and it keeps a page of many small statements from
//! being credited with the time of a page with one great one.

use kneepoint_model::db::{DbWindow, StatementSums};
use kneepoint_model::load::{LoadPhase, SplitSums};
use kneepoint_model::units::Micros;

use crate::facts::RunFacts;
use crate::server_timing::sum_phase;

/// How far the numbers of statements may lie apart before the two are not taken to speak of the same ones.
pub const COUNTS_APART: f64 = 0.15;
/// Fewest statements.
pub const STATEMENTS_LEAST: u64 = 20;
/// Share of requests on the window's edges from which the two are not compared.
pub const UNCERTAIN_MOST: f64 = 0.1;

/// The same statements as the database and as the application timed them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnTime {
    /// The application's sums.
    pub said: SplitSums,
    /// The database's sums over the site's statements, those around transactions left out as the application does.
    pub counted: StatementSums,
}

impl OwnTime {
    /// Mean time of a statement by the database's timer, in microseconds.
    pub fn own_us(&self) -> f64 {
        self.counted.timer_us.as_f64() / self.counted.count.max(1) as f64
    }

    /// Mean time of a statement as the application saw it, in microseconds.
    pub fn said_us(&self) -> f64 {
        self.said.db_us.as_f64() / self.said.queries.max(1) as f64
    }

    /// What the application adds to each statement, in microseconds; never below zero.
    pub fn gap_us(&self) -> f64 {
        (self.said_us() - self.own_us()).max(0.0)
    }

    /// Database time of a request by the database's timer.
    pub fn per_request(&self) -> Micros {
        Micros((self.own_us() * self.said.queries as f64 / self.said.n.max(1) as f64).round() as u64)
    }

    /// Of the database time that an application said for so many statements, the part that the database had.
    pub fn part_of(&self, said: Micros, statements: f64) -> Micros {
        Micros((said.as_f64() - self.gap_us() * statements).max(0.0).round() as u64)
    }
}

/// Both timers over a phase; `None` when the database did not count, or counted other statements than the application.
pub fn own_time(facts: &RunFacts, phase: &LoadPhase) -> Option<OwnTime> {
    let window = facts.db.get(&phase.name).filter(|window| may_be_compared(window))?;
    let mut counted = StatementSums::default();
    window.databases.iter().for_each(|one| counted.add(&one.total()));
    let said = sum_phase(phase);
    let apart = (counted.count as f64 - said.queries as f64).abs() / said.queries.max(1) as f64;
    (said.queries >= STATEMENTS_LEAST && counted.count > 0 && apart <= COUNTS_APART)
        .then_some(OwnTime { said, counted })
}

fn may_be_compared(window: &DbWindow) -> bool {
    let requests = window.requests;
    !window.databases.is_empty()
        && window.databases.iter().all(|one| one.statements_known && one.digests_lost == 0)
        && window.drain.settled
        && requests.uncertain as f64 <= requests.counted as f64 * UNCERTAIN_MOST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    #[test]
    fn the_difference_is_laid_to_each_statement() {
        let facts = hand::healthy();
        let own = own_time(&facts, &facts.phases[1]).expect("both timed the same statements");
        // 4 × 200 µs + 600 µs for 5 statements, of which the application says 4,000 µs.
        assert!((own.own_us() - 280.0).abs() < 1e-9 && (own.gap_us() - 520.0).abs() < 1e-9, "{own:?}");
        assert_eq!(own.per_request(), Micros(1_400));
        assert_eq!(own.part_of(Micros(4_000), 5.0), Micros(1_400));
        assert_eq!(own.part_of(Micros(600), 5.0), Micros::ZERO, "never below zero");
    }

    #[test]
    fn other_statements_an_unsettled_window_and_lost_digests_are_not_compared() {
        let none = |spoil: fn(&mut DbWindow)| {
            let mut facts = hand::healthy();
            spoil(hand::window(&mut facts, "open"));
            own_time(&facts, &facts.phases[1]).is_none()
        };
        assert!(none(|window| window.databases[0].statements[0].sums.count *= 2));
        assert!(none(|window| window.drain.settled = false));
        assert!(none(|window| window.databases[0].digests_lost = 1));
        assert!(none(|window| window.databases[0].statements_known = false));
        assert!(none(|window| window.databases.clear()));
        assert!(none(|window| window.requests.uncertain = window.requests.counted / 2));
    }
}
