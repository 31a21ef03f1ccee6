//! Statements by digest: the same statement with other literals is the same digest.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Micros, Ratio, UnixMillis};

/// The first keyword of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// `SELECT`, also within `WITH` and parentheses.
    Select,
    /// `INSERT`, also with `SELECT` or `ON DUPLICATE KEY UPDATE`.
    Insert,
    /// `UPDATE` of one or several tables.
    Update,
    /// `DELETE` from one or several tables.
    Delete,
    /// `REPLACE`, which deletes and inserts.
    Replace,
    /// `CALL` of a stored procedure.
    Call,
    /// Anything else (`CREATE`, `SHOW` …).
    Other,
}

impl Verb {
    /// Whether it changes rows.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Insert | Self::Update | Self::Delete | Self::Replace)
    }
}

/// Sums over the statements of the window.
///
/// Source: `performance_schema.events_statements_summary_by_digest`, whose times are picoseconds; here microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementSums {
    /// Executions over the window (`COUNT_STAR`).
    pub count: u64,
    /// Time from the server-side timer (`SUM_TIMER_WAIT`), which excludes network and driver.
    pub timer_us: Micros,
    /// Of that, waiting for locks (`SUM_LOCK_TIME`). In MySQL it includes waits for rows, in `MariaDB` only for tables.
    pub lock_us: Micros,
    /// CPU time of the server (`SUM_CPU_TIME`); absent where it is not counted (`MariaDB`, or the consumer
    /// `events_statements_cpu` is off).
    pub cpu_us: Option<Micros>,
    /// Rows read (`SUM_ROWS_EXAMINED`). MySQL reports 0 for `SELECT COUNT(*)` though it reads the table; use the time then.
    pub rows_examined: u64,
    /// Rows returned (`SUM_ROWS_SENT`).
    pub rows_sent: u64,
    /// Rows changed (`SUM_ROWS_AFFECTED`).
    pub rows_affected: u64,
    /// Rows sorted (`SUM_SORT_ROWS`).
    pub sort_rows: u64,
    /// Merge passes of sorts that did not fit into memory (`SUM_SORT_MERGE_PASSES`).
    pub sort_merge_passes: u64,
    /// Executions that read their first table wholly (`SUM_SELECT_SCAN`).
    pub full_scans: u64,
    /// Joins that read a table wholly (`SUM_SELECT_FULL_JOIN`).
    pub full_joins: u64,
    /// Executions without an index (`SUM_NO_INDEX_USED`). 0 proves nothing: a scan of the whole primary key counts as
    /// use of an index, so compare rows examined with rows sent.
    pub no_index_used: u64,
    /// Temporary tables (`SUM_CREATED_TMP_TABLES`).
    pub tmp_tables: u64,
    /// Of those, on disk (`SUM_CREATED_TMP_DISK_TABLES`).
    pub tmp_disk_tables: u64,
    /// Executions that failed (`SUM_ERRORS`).
    pub errors: u64,
    /// Warnings that executions raised (`SUM_WARNINGS`).
    pub warnings: u64,
}

impl StatementSums {
    /// Mean time of an execution; `None` without one.
    pub fn mean_us(&self) -> Option<Micros> {
        (self.count > 0).then(|| Micros(self.timer_us.0 / self.count))
    }

    /// Rows read for each row returned; a statement that returns none counts as returning one.
    pub fn examined_per_sent(&self) -> f64 {
        self.rows_examined as f64 / self.rows_sent.max(1) as f64
    }

    /// Share of its time that it waited for locks; `None` when it took none.
    pub fn lock_share(&self) -> Option<Ratio> {
        Ratio::from_parts(self.lock_us.0, self.timer_us.0)
    }

    /// Adds the sums of other statements. CPU time of the sum is known only when it is known of all statements that ran.
    pub fn add(&mut self, other: &Self) {
        self.cpu_us = match (self.cpu_us, other.cpu_us) {
            (None, other) if self.count == 0 => other,
            (own, None) if other.count == 0 => own,
            (own, other) => own.zip(other).map(|(own, other)| own + other),
        };
        self.count += other.count;
        self.timer_us += other.timer_us;
        self.lock_us += other.lock_us;
        self.rows_examined += other.rows_examined;
        self.rows_sent += other.rows_sent;
        self.rows_affected += other.rows_affected;
        self.sort_rows += other.sort_rows;
        self.sort_merge_passes += other.sort_merge_passes;
        self.full_scans += other.full_scans;
        self.full_joins += other.full_joins;
        self.no_index_used += other.no_index_used;
        self.tmp_tables += other.tmp_tables;
        self.tmp_disk_tables += other.tmp_disk_tables;
        self.errors += other.errors;
        self.warnings += other.warnings;
    }
}

/// One digest over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DigestDelta {
    /// The server's hash of the normalised statement, as hexadecimal digits.
    pub digest: String,
    /// Its first keyword.
    pub verb: Verb,
    /// The normalised statement, literals as `?`; bounded. Untrusted input.
    pub text: String,
    /// True when the text is incomplete (cut by the server or here).
    pub text_cut: bool,
    /// Its sums over the window.
    #[serde(flatten)]
    pub sums: StatementSums,
    /// One execution of it, where the server stores one (MySQL 8 and later).
    pub sample: Option<StatementSample>,
    /// How the server executes it; requested only for the heaviest digests, after the load, on a disposable stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<QueryPlan>,
}

/// One execution, as the server stored it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementSample {
    /// The statement with numbers as they were and strings masked as `'…'`; bounded. Untrusted input.
    pub text: String,
    /// True when the text is incomplete; the server cuts at `performance_schema_max_sql_text_length`.
    pub text_cut: bool,
    /// Route named by the statement's trailing comment (`/*route='…'*/`, the sqlcommenter convention).
    pub route: Option<String>,
    /// Trace named by it (`traceparent`): joins the statement with the slowest requests and the proxy's log.
    pub trace_id: Option<String>,
    /// When it ran.
    pub at_ms: UnixMillis,
    /// How long it took.
    pub timer_us: Micros,
}

/// The form of a plan's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryPlanForm {
    /// MySQL's `EXPLAIN FORMAT=TREE`: estimates only; the statement was not run.
    ExplainTree,
    /// MySQL's `EXPLAIN ANALYZE`: the statement was run, with true rows and times.
    ExplainAnalyze,
    /// `MariaDB`'s `EXPLAIN FORMAT=JSON`: estimates only.
    ExplainJson,
    /// `MariaDB`'s `ANALYZE FORMAT=JSON`: the statement was run.
    AnalyzeJson,
}

/// How the server executes a statement, or why that is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum QueryPlan {
    /// The server returned a plan.
    #[serde(rename = "seen")]
    Recorded {
        /// The form of its text.
        form: QueryPlanForm,
        /// The plan, strings masked; bounded. Untrusted input.
        text: String,
        /// True when the text is incomplete.
        cut: bool,
    },
    /// The server was asked for a plan and returned none.
    #[serde(rename = "not_seen")]
    Unavailable {
        /// The reason, in words.
        why: String,
    },
}

/// Statements around transactions and sessions: the cost of `ATOMIC_REQUESTS` and of new connections, not queries of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, also implied by `ATOMIC_REQUESTS`.
    Commit,
    /// `ROLLBACK`, also to a savepoint.
    Rollback,
    /// `SAVEPOINT`, `RELEASE SAVEPOINT`.
    Savepoint,
    /// `SET autocommit` to any value.
    Autocommit,
    /// Other settings of a session, which a new connection sends first.
    Setting,
}

/// The transaction and session statements of the window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionStatements {
    /// Executions of each kind.
    pub by_kind: BTreeMap<SessionKind, u64>,
    /// Sums over all of them.
    pub sums: StatementSums,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_of_a_sum_is_unknown_when_a_part_is() {
        let known = |cpu| StatementSums { count: 1, cpu_us: Some(Micros(cpu)), ..StatementSums::default() };
        let unknown = StatementSums { count: 1, cpu_us: None, ..StatementSums::default() };
        let mut sum = StatementSums::default();
        sum.add(&known(2));
        sum.add(&StatementSums::default());
        sum.add(&known(3));
        assert_eq!((sum.count, sum.cpu_us), (2, Some(Micros(5))));
        sum.add(&unknown);
        sum.add(&known(1));
        assert_eq!((sum.count, sum.cpu_us), (4, None));
    }

    #[test]
    fn a_statement_that_returns_nothing_counts_as_returning_one_row() {
        let sums = StatementSums { count: 2, rows_examined: 5_000, ..StatementSums::default() };
        assert!((sums.examined_per_sent() - 5_000.0).abs() < f64::EPSILON);
        assert_eq!(sums.lock_share(), None);
        assert_eq!(StatementSums::default().mean_us(), None);
    }
}
