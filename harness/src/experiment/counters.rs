//! What the database of a stack counted over a block, per request.

use std::collections::BTreeMap;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::db::DatabaseWindow;
use kneepoint_model::experiment::Signal;
use kneepoint_model::stack::StackInfo;
use kneepoint_profiler::{StorePlan, StoreWatch};

/// The signals that only a database can give.
const OF_DATABASES: [Signal; 4] = [
    Signal::DbStatementsPerRequest,
    Signal::RowsExaminedPerRequest,
    Signal::DbConnectionsPerRequest,
    Signal::LockWaitsPerRequest,
];

/// Whether one of these signals needs a look into the database.
pub(super) fn wanted(signals: impl IntoIterator<Item = Signal>) -> bool {
    signals.into_iter().any(|signal| OF_DATABASES.contains(&signal))
}

/// Watches the database of one stack.
pub(super) struct Counters(StoreWatch);

impl Counters {
    /// A watch, where there is a server that can be asked.
    pub(super) fn of(stack: &StackInfo) -> Result<Option<Self>, String> {
        let plan = StorePlan::for_stack(stack);
        if plan.is_empty() {
            return Ok(None);
        }
        StoreWatch::start(&plan).map(|watch| Some(Self(watch))).map_err(|error| error.to_string())
    }

    /// A window begins.
    pub(super) fn begin(&self) {
        self.0.begin();
    }

    /// It ends, once the server has come to rest: what was counted in it.
    pub(super) fn end(&self, cancel: &Cancel) -> Option<DatabaseWindow> {
        self.0.end(0, cancel).databases.into_iter().next()
    }
}

/// The counters of a window as signals; nothing without requests to divide by.
pub(super) fn values(window: &DatabaseWindow, requests: u64) -> BTreeMap<Signal, f64> {
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
        let found = values(&window, 100);
        assert_eq!(found[&Signal::DbStatementsPerRequest], 6.0);
        assert_eq!(
            (found[&Signal::DbConnectionsPerRequest], found[&Signal::LockWaitsPerRequest]),
            (1.0, 0.05)
        );
        assert!(!found.contains_key(&Signal::RowsExaminedPerRequest));
        assert!(values(&window, 0).is_empty());
    }
}
