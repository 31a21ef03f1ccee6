//! The database's own counters over a block, per request.

use std::collections::BTreeMap;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::db::DatabaseWindow;
use kneepoint_model::experiment::Signal;
use kneepoint_model::stack::StackInfo;
use kneepoint_profiler::{StorePlan, StoreWatch};

/// Signals that only the database can report.
const DATABASE_SIGNALS: [Signal; 4] = [
    Signal::DbStatementsPerRequest,
    Signal::RowsExaminedPerRequest,
    Signal::DbConnectionsPerRequest,
    Signal::LockWaitsPerRequest,
];

/// True when one of the signals needs the database's counters.
pub(super) fn are_needed(signals: impl IntoIterator<Item = Signal>) -> bool {
    signals.into_iter().any(|signal| DATABASE_SIGNALS.contains(&signal))
}

/// A connection to the database of one stack.
pub(super) struct DbCounters(StoreWatch);

impl DbCounters {
    /// `None` when the stack has no database server with counters.
    pub(super) fn for_stack(stack: &StackInfo) -> Result<Option<Self>, String> {
        let plan = StorePlan::for_stack(stack);
        if plan.is_empty() {
            return Ok(None);
        }
        StoreWatch::start(&plan).map(|watch| Some(Self(watch))).map_err(|error| error.to_string())
    }

    /// Starts a window.
    pub(super) fn begin(&self) {
        self.0.begin();
    }

    /// Ends the window once the server is idle, and returns its counters.
    pub(super) fn end(&self, cancel: &Cancel) -> Option<DatabaseWindow> {
        self.0.end(0, cancel).databases.into_iter().next()
    }
}

/// Signals per request; empty without requests.
pub(super) fn signals_per_request(window: &DatabaseWindow, requests: u64) -> BTreeMap<Signal, f64> {
    if requests == 0 {
        return BTreeMap::new();
    }
    let each = |count: u64| count as f64 / requests as f64;
    let mut values = BTreeMap::from([
        (Signal::DbStatementsPerRequest, each(window.status.questions)),
        (Signal::DbConnectionsPerRequest, each(window.status.connections)),
        (Signal::LockWaitsPerRequest, each(window.status.locks.row_waits)),
    ]);
    if window.statements_known {
        let listed: u64 = window.statements.iter().map(|digest| digest.sums.rows_examined).sum();
        values.insert(Signal::RowsExaminedPerRequest, each(listed + window.others.rows_examined));
    }
    values
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "quotients of small whole numbers are exact")]
mod tests {
    use kneepoint_model::tier::Tier;

    use super::*;

    #[test]
    fn counters_are_divided_by_requests_and_unknown_rows_are_not_zero() {
        let mut window = DatabaseWindow::new(Tier::Db, "127.0.0.1:3306", "bookstore");
        (window.status.questions, window.status.connections) = (600, 100);
        window.status.locks.row_waits = 5;
        let found = signals_per_request(&window, 100);
        assert_eq!(found[&Signal::DbStatementsPerRequest], 6.0);
        assert_eq!(
            (found[&Signal::DbConnectionsPerRequest], found[&Signal::LockWaitsPerRequest]),
            (1.0, 0.05)
        );
        assert!(!found.contains_key(&Signal::RowsExaminedPerRequest));
        assert!(signals_per_request(&window, 0).is_empty());
    }
}
