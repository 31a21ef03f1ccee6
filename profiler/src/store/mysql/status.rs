//! Counters of the whole server, and the few that are read every second.

use std::collections::BTreeMap;

use kneepoint_model::db::{BufferPool, LockDeltas, StatusDeltas};
use kneepoint_model::units::{Bytes, Micros};

use super::table::ResultTable;

/// Counters read before and after a window.
pub(super) const STATUS_QUERY: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Questions', 'Connections', \
     'Connection_errors_max_connections', 'Aborted_connects', 'Aborted_clients', 'Max_used_connections', 'Slow_queries', \
     'Select_full_join', 'Select_scan', 'Handler_read_rnd_next', 'Sort_merge_passes', 'Created_tmp_tables', \
     'Created_tmp_disk_tables', 'Bytes_received', 'Bytes_sent', 'Innodb_row_lock_waits', 'Innodb_row_lock_time', \
     'Innodb_deadlocks', 'Innodb_buffer_pool_read_requests', 'Innodb_buffer_pool_reads', \
     'Innodb_buffer_pool_wait_free', 'Innodb_buffer_pool_pages_free', 'Innodb_buffer_pool_pages_total', \
     'Innodb_os_log_fsyncs')";

/// Gauges read every second.
pub(super) const GAUGES_QUERY: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_running', 'Threads_connected', \
     'Questions', 'Innodb_row_lock_waits', 'Innodb_row_lock_current_waits')";

/// Shows whether the server is idle.
pub(super) const QUESTIONS_QUERY: &str = "SHOW GLOBAL STATUS LIKE 'Questions'";

/// Counters by name.
pub(super) type StatusCounters = BTreeMap<String, u64>;

/// Pure: parses the result of any query above; values that are not numbers are skipped.
pub(super) fn parse_status(table: &ResultTable) -> StatusCounters {
    table.pairs().filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// Value of a counter; zero when the server has none of that name.
pub(super) fn counter(status: &StatusCounters, name: &str) -> u64 {
    status.get(name).copied().unwrap_or_default()
}

/// Highest gauges of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GaugePeaks {
    pub(super) running: Option<u64>,
    pub(super) connected: Option<u64>,
    pub(super) waiting: Option<u64>,
}

/// Statements and connections of kneepoint itself in the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OwnActivity {
    pub(super) questions: u64,
    pub(super) connections: u64,
}

/// Pure: the difference of two readings, without kneepoint's own activity.
pub(super) fn deltas_between(
    before: &StatusCounters,
    after: &StatusCounters,
    own: OwnActivity,
    peaks: GaugePeaks,
) -> StatusDeltas {
    let grown = |name: &str| counter(after, name).saturating_sub(counter(before, name));
    let known = |name: &str| after.contains_key(name).then(|| grown(name));
    StatusDeltas {
        questions: grown("Questions").saturating_sub(own.questions),
        own_questions: own.questions,
        connections: grown("Connections").saturating_sub(own.connections),
        refused_connections: grown("Connection_errors_max_connections"),
        aborted_connects: grown("Aborted_connects"),
        aborted_clients: grown("Aborted_clients"),
        threads_running_max: peaks.running,
        threads_connected_max: peaks.connected,
        max_used_connections: after.get("Max_used_connections").copied(),
        slow_queries: grown("Slow_queries"),
        full_joins: grown("Select_full_join"),
        full_scans: grown("Select_scan"),
        scanned_rows: grown("Handler_read_rnd_next"),
        sort_merge_passes: grown("Sort_merge_passes"),
        tmp_tables: grown("Created_tmp_tables"),
        tmp_disk_tables: grown("Created_tmp_disk_tables"),
        received: Bytes(grown("Bytes_received")),
        sent: Bytes(grown("Bytes_sent")),
        locks: LockDeltas {
            row_waits: grown("Innodb_row_lock_waits"),
            row_wait_us: Micros(grown("Innodb_row_lock_time").saturating_mul(1_000)),
            waiting_max: peaks.waiting,
            // MariaDB's counter; MySQL's is among the metrics.
            deadlocks: known("Innodb_deadlocks"),
            timeouts: None,
        },
        buffer_pool: BufferPool {
            read_requests: grown("Innodb_buffer_pool_read_requests"),
            disk_reads: grown("Innodb_buffer_pool_reads"),
            waits_for_free: grown("Innodb_buffer_pool_wait_free"),
            free_pages: counter(after, "Innodb_buffer_pool_pages_free"),
            total_pages: counter(after, "Innodb_buffer_pool_pages_total"),
        },
        log_fsyncs: known("Innodb_os_log_fsyncs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> StatusCounters {
        parse_status(&serde_json::from_str::<ResultTable>(json).unwrap())
    }

    #[test]
    fn two_captures_of_a_real_server_give_what_was_done_in_between() {
        let before = read(include_str!("../../../tests/data/mysql/status-before.json"));
        let after = read(include_str!("../../../tests/data/mysql/status-after.json"));
        let peaks = GaugePeaks { running: Some(3), connected: Some(8), waiting: None };
        insta::assert_json_snapshot!(deltas_between(
            &before,
            &after,
            OwnActivity { questions: 2, connections: 1 },
            peaks
        ));
    }

    #[test]
    fn uncounted_values_are_absent() {
        let deltas = deltas_between(
            &StatusCounters::new(),
            &StatusCounters::new(),
            OwnActivity::default(),
            GaugePeaks::default(),
        );
        assert_eq!(
            (deltas.log_fsyncs, deltas.locks.deadlocks, deltas.threads_running_max),
            (None, None, None)
        );
    }
}
