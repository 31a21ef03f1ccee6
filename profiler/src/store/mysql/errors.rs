//! Errors by name, deadlocks and lock timeouts, which are not among the status variables.

use std::collections::BTreeMap;

use kneepoint_model::db::{DbKind, ServerErrorDelta};
use kneepoint_model::text::clip;

use super::table::{ResultTable, number, text};

/// Errors raised so far (MySQL 8 and later).
pub(super) const ERRORS_QUERY: &str = "SELECT ERROR_NUMBER, ERROR_NAME, SUM_ERROR_RAISED FROM \
     performance_schema.events_errors_summary_global_by_error WHERE SUM_ERROR_RAISED > 0 AND ERROR_NUMBER IS NOT NULL";

/// Most errors named in the result.
const MAX_ERRORS: usize = 20;

/// `InnoDB` counters of deadlocks and lock timeouts; MySQL and `MariaDB` use different columns to show whether they
/// count.
pub(super) const fn lock_metrics_query(kind: DbKind) -> &'static str {
    match kind {
        DbKind::Mysql => {
            "SELECT NAME, COUNT FROM information_schema.INNODB_METRICS \
             WHERE NAME IN ('lock_deadlocks', 'lock_timeouts') AND STATUS = 'enabled'"
        }
        DbKind::Mariadb => {
            "SELECT NAME, COUNT FROM information_schema.INNODB_METRICS \
             WHERE NAME IN ('lock_deadlocks', 'lock_timeouts') AND ENABLED = 1"
        }
    }
}

/// Name and count by error number.
pub(super) type ErrorCounters = BTreeMap<u32, (String, u64)>;

/// Pure: parses the result of [`ERRORS_QUERY`].
pub(super) fn parse_errors(table: &ResultTable) -> ErrorCounters {
    let one = |row: &Vec<Option<String>>| {
        let number_of = u32::try_from(number(row, 0)).ok()?;
        Some((number_of, (clip(text(row, 1)?, 80).to_owned(), number(row, 2))))
    };
    table.rows.iter().filter_map(one).collect()
}

/// Pure: errors raised between two readings, most frequent first.
pub(super) fn errors_between(before: &ErrorCounters, after: &ErrorCounters) -> Vec<ServerErrorDelta> {
    let one = |(number, (name, now)): (&u32, &(String, u64))| {
        let then = before.get(number).map_or(0, |(_, then)| *then);
        let raised = now.saturating_sub(then);
        (raised > 0).then(|| ServerErrorDelta { number: *number, name: name.clone(), raised })
    };
    let mut raised: Vec<ServerErrorDelta> = after.iter().filter_map(one).collect();
    raised.sort_by(|a, b| b.raised.cmp(&a.raised).then(a.number.cmp(&b.number)));
    raised.truncate(MAX_ERRORS);
    raised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_of_a_real_server_is_read() {
        let after = include_str!("../../../tests/data/mysql/errors-after.json");
        let errors = parse_errors(&serde_json::from_str(after).unwrap());
        assert_eq!(errors[&1062].0, "ER_DUP_ENTRY");
        assert!(errors[&1062].1 >= 1);
    }

    #[test]
    fn only_what_was_raised_in_between_is_named() {
        let known = |pairs: &[(u32, u64)]| -> ErrorCounters {
            pairs.iter().map(|(number, n)| (*number, (format!("ER_{number}"), *n))).collect()
        };
        let raised =
            errors_between(&known(&[(1213, 4), (1062, 1)]), &known(&[(1213, 10), (1062, 1), (1205, 7)]));
        let raised: Vec<(u32, u64)> = raised.iter().map(|one| (one.number, one.raised)).collect();
        assert_eq!(raised, [(1205, 7), (1213, 6)]);
    }
}
