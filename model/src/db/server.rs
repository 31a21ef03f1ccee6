//! One database server over the window.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::statement::{DigestDelta, SessionStatements, StatementSums};
use crate::tier::Tier;
use crate::units::{Bytes, Micros, Ratio};

/// The kind of a database server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DbKind {
    /// MySQL and servers that report this name.
    #[default]
    Mysql,
    /// `MariaDB`, which counts fewer things than MySQL does.
    Mariadb,
}

impl DbKind {
    /// Its name for display.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
        }
    }
}

/// Kind and version of a database server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DbServer {
    /// The kind, taken from the reported version.
    pub kind: DbKind,
    /// Its version, as it reports it.
    pub version: String,
}

/// One database server over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseWindow {
    /// Which tier it belongs to.
    pub tier: Tier,
    /// Its address as `host:port`.
    pub address: String,
    /// The site's schema: only its statements are in [`Self::statements`].
    pub schema: String,
    /// Kind and version of the server.
    pub server: DbServer,
    /// Settings that decide how its figures are read.
    pub settings: DbSettings,
    /// Whether statements were counted. False when `performance_schema` is off: then the lists below are empty although
    /// statements may have run.
    pub statements_known: bool,
    /// The site's statements, the one with most time first; at most 200, the rest is in [`Self::others`].
    pub statements: Vec<DigestDelta>,
    /// All statements of the site beyond the list.
    pub others: StatementSums,
    /// Transaction and session statements of the site.
    pub session: SessionStatements,
    /// Statements of other schemas or without a schema, kneepoint's own excluded: health checks, backups, other sites.
    pub foreign: StatementSums,
    /// Statements that did not fit into the server's digest table; above zero the list is incomplete.
    pub digests_lost: u64,
    /// Errors by name, the most frequent first (MySQL only).
    pub errors: Vec<ServerErrorDelta>,
    /// Counters of the whole server.
    pub status: StatusDeltas,
}

impl DatabaseWindow {
    /// A server without any counter yet.
    pub fn new(tier: Tier, address: &str, schema: &str) -> Self {
        Self {
            tier,
            address: address.to_owned(),
            schema: schema.to_owned(),
            server: DbServer::default(),
            settings: DbSettings::default(),
            statements_known: false,
            statements: Vec::new(),
            others: StatementSums::default(),
            session: SessionStatements::default(),
            foreign: StatementSums::default(),
            digests_lost: 0,
            errors: Vec::new(),
            status: StatusDeltas::default(),
        }
    }

    /// The sums of all statements of the site, transaction and session statements excluded.
    pub fn total(&self) -> StatementSums {
        let mut total = self.others;
        self.statements.iter().for_each(|one| total.add(&one.sums));
        total
    }
}

/// Settings that decide how its figures are read. Absent where the server has no such setting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DbSettings {
    /// Isolation level of new sessions, e.g. `SERIALIZABLE`; a session may have chosen another.
    pub transaction_isolation: Option<String>,
    /// Connections that may be open at the same time.
    pub max_connections: Option<u64>,
    /// Size of the buffer pool.
    pub buffer_pool: Option<Bytes>,
    /// 1: each commit reaches the disk; 0 and 2: about once a second.
    pub flush_log_at_commit: Option<u64>,
    /// How long a statement waits for a row before it fails.
    pub lock_wait_timeout_us: Option<Micros>,
    /// Length at which sample statements are cut.
    pub sample_length: Option<Bytes>,
    /// Whether the server counts CPU time per statement.
    pub statement_cpu: bool,
}

/// A kind of error that the server raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerErrorDelta {
    /// Its number, e.g. 1213.
    pub number: u32,
    /// Its name, e.g. `ER_LOCK_DEADLOCK`.
    pub name: String,
    /// The number of times it was raised over the window.
    pub raised: u64,
}

/// Counters of the whole server (`SHOW GLOBAL STATUS`), as deltas; kneepoint's own statements are excluded from
/// `questions` and `connections`. Absent where the server does not count it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusDeltas {
    /// Statements that clients sent (`Questions`).
    pub questions: u64,
    /// Statements of kneepoint itself, which `questions` excludes.
    pub own_questions: u64,
    /// Connection attempts (`Connections`): 1 per request means that connections are not reused.
    pub connections: u64,
    /// Connections refused because `max_connections` was reached (`Connection_errors_max_connections`).
    pub refused_connections: u64,
    /// Connection attempts that failed (`Aborted_connects`).
    pub aborted_connects: u64,
    /// Clients that disconnected without closing (`Aborted_clients`).
    pub aborted_clients: u64,
    /// Threads that were at work at the same time, at most, sampled once a second (`Threads_running`), kneepoint's
    /// own excluded; absent when it was not sampled.
    pub threads_running_max: Option<u64>,
    /// Connections that were open at the same time, at most, sampled once a second (`Threads_connected`).
    pub threads_connected_max: Option<u64>,
    /// Most connections ever since the server's start, a state (`Max_used_connections`).
    pub max_used_connections: Option<u64>,
    /// Statements slower than `long_query_time` (`Slow_queries`).
    pub slow_queries: u64,
    /// Joins that read a whole table (`Select_full_join`).
    pub full_joins: u64,
    /// Executions that read the whole first table (`Select_scan`).
    pub full_scans: u64,
    /// Rows read one after another in scans (`Handler_read_rnd_next`).
    pub scanned_rows: u64,
    /// Merge passes of sorts (`Sort_merge_passes`).
    pub sort_merge_passes: u64,
    /// Temporary tables (`Created_tmp_tables`).
    pub tmp_tables: u64,
    /// Of those, on disk (`Created_tmp_disk_tables`).
    pub tmp_disk_tables: u64,
    /// Bytes from clients (`Bytes_received`).
    pub received: Bytes,
    /// Bytes to clients (`Bytes_sent`).
    pub sent: Bytes,
    /// Locks on rows.
    pub locks: LockDeltas,
    /// `InnoDB`'s buffer pool.
    pub buffer_pool: BufferPool,
    /// Flushes of `InnoDB`'s log to disk (`Innodb_os_log_fsyncs`).
    pub log_fsyncs: Option<u64>,
}

/// Waiting for rows that another transaction holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockDeltas {
    /// Waits that began over the window (`Innodb_row_lock_waits`).
    pub row_waits: u64,
    /// Time of all waits together (`Innodb_row_lock_time`, whose unit is milliseconds).
    pub row_wait_us: Micros,
    /// Waits at the same time, at most, sampled once a second (`Innodb_row_lock_current_waits`); absent when it
    /// was not sampled.
    pub waiting_max: Option<u64>,
    /// Deadlocks that the server resolved by failing a transaction.
    pub deadlocks: Option<u64>,
    /// Waits that ended after `innodb_lock_wait_timeout`.
    pub timeouts: Option<u64>,
}

/// `InnoDB`'s buffer pool: pages of tables and indexes in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BufferPool {
    /// Pages that were requested (`Innodb_buffer_pool_read_requests`).
    pub read_requests: u64,
    /// Of those, read from disk (`Innodb_buffer_pool_reads`).
    pub disk_reads: u64,
    /// Waits for a free page (`Innodb_buffer_pool_wait_free`).
    pub waits_for_free: u64,
    /// Pages that were free at the end, a state.
    pub free_pages: u64,
    /// All pages, a state.
    pub total_pages: u64,
}

impl BufferPool {
    /// Share of page requests that were served from memory; `None` without requests.
    pub fn hit_ratio(&self) -> Option<Ratio> {
        Ratio::from_parts(self.read_requests.saturating_sub(self.disk_reads), self.read_requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_without_requests_has_no_ratio() {
        assert_eq!(BufferPool::default().hit_ratio(), None);
        let pool = BufferPool { read_requests: 4, disk_reads: 1, ..BufferPool::default() };
        assert_eq!(pool.hit_ratio(), Some(Ratio(0.75)));
    }
}
