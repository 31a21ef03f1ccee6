//! Server kind and version, what it counts, and the settings needed to interpret its figures.

use std::collections::{BTreeMap, BTreeSet};

use kneepoint_model::db::{DbKind, DbServer, DbSettings};
use kneepoint_model::text::collapsed_line;
use kneepoint_model::units::{Bytes, Micros};

use super::table::{ResultTable, text};

/// Variables that are read.
pub(super) const VARIABLES_QUERY: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'version_comment', \
     'transaction_isolation', 'tx_isolation', 'max_connections', 'innodb_buffer_pool_size', \
     'innodb_flush_log_at_trx_commit', 'innodb_lock_wait_timeout', 'performance_schema', \
     'performance_schema_max_sql_text_length')";

/// Columns of the digest table of this version; the table exists even when nothing is counted.
pub(super) const COLUMNS_QUERY: &str =
    "SHOW COLUMNS FROM performance_schema.events_statements_summary_by_digest";

/// Consumers that must be enabled for statements, and for their CPU time, to be counted.
pub(super) const CONSUMERS_QUERY: &str = "SELECT NAME, ENABLED FROM performance_schema.setup_consumers WHERE NAME IN ('statements_digest', 'events_statements_cpu')";

/// Enables counting of CPU time; costs nothing measurable, but is only done on a disposable stack.
pub(super) const ENABLE_CPU_COUNTING: &str =
    "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME = 'events_statements_cpu'";

/// What is known of a server before anything is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServerInfo {
    pub(super) server: DbServer,
    pub(super) settings: DbSettings,
    pub(super) performance_schema: bool,
}

/// Pure: parses the result of [`VARIABLES_QUERY`].
pub(super) fn parse_variables(variables: &ResultTable) -> ServerInfo {
    let values: BTreeMap<&str, &str> = variables.pairs().collect();
    let number = |name: &str| values.get(name).and_then(|value| value.parse::<u64>().ok());
    let version = values.get("version").copied().unwrap_or_default();
    let comment = values.get("version_comment").copied().unwrap_or_default();
    let mariadb = [version, comment].iter().any(|text| text.to_ascii_lowercase().contains("mariadb"));
    let isolation = values.get("transaction_isolation").or_else(|| values.get("tx_isolation"));
    ServerInfo {
        server: DbServer {
            kind: if mariadb { DbKind::Mariadb } else { DbKind::Mysql },
            version: collapsed_line(version, 80),
        },
        settings: DbSettings {
            transaction_isolation: isolation.map(|value| collapsed_line(value, 40)),
            max_connections: number("max_connections"),
            buffer_pool: number("innodb_buffer_pool_size").map(Bytes),
            flush_log_at_commit: number("innodb_flush_log_at_trx_commit"),
            lock_wait_timeout_us: number("innodb_lock_wait_timeout")
                .map(|s| Micros(s.saturating_mul(1_000_000))),
            sample_length: number("performance_schema_max_sql_text_length").map(Bytes),
            statement_cpu: false,
        },
        performance_schema: values.get("performance_schema") == Some(&"ON"),
    }
}

/// Pure: the first column of every row, in upper case.
pub(super) fn parse_columns(table: &ResultTable) -> BTreeSet<String> {
    table.rows.iter().filter_map(|row| text(row, 0)).map(str::to_ascii_uppercase).collect()
}

/// Pure: whether a consumer is enabled; `None` when this version has no consumer of that name.
pub(super) fn is_consumer_enabled(table: &ResultTable, name: &str) -> Option<bool> {
    table.pairs().find(|(key, _)| *key == name).map(|(_, enabled)| enabled == "YES")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> ResultTable {
        let row = |(a, b): &(&str, &str)| vec![Some((*a).to_owned()), Some((*b).to_owned())];
        ResultTable { columns: Vec::new(), rows: pairs.iter().map(row).collect() }
    }

    #[test]
    fn mariadb_is_recognized_by_its_version_and_its_older_name_for_isolation() {
        let maria = parse_variables(&variables(&[
            ("version", "10.11.19-MariaDB-0+deb12u1"),
            ("tx_isolation", "REPEATABLE-READ"),
            ("performance_schema", "OFF"),
        ]));
        assert_eq!(maria.server.kind, DbKind::Mariadb);
        assert_eq!(maria.settings.transaction_isolation.as_deref(), Some("REPEATABLE-READ"));
        assert!(!maria.performance_schema);
        let mysql = parse_variables(&variables(&[
            ("version", "9.7.4-2"),
            ("performance_schema", "ON"),
            ("innodb_lock_wait_timeout", "50"),
        ]));
        assert_eq!((mysql.server.kind, mysql.performance_schema), (DbKind::Mysql, true));
        assert_eq!(mysql.settings.lock_wait_timeout_us, Some(Micros(50_000_000)));
    }

    #[test]
    fn a_missing_consumer_is_not_a_disabled_one() {
        let table = variables(&[("statements_digest", "YES"), ("events_statements_cpu", "NO")]);
        assert_eq!(is_consumer_enabled(&table, "events_statements_cpu"), Some(false));
        assert_eq!(is_consumer_enabled(&table, "statements_digest"), Some(true));
        assert_eq!(is_consumer_enabled(&ResultTable::default(), "events_statements_cpu"), None);
    }
}
