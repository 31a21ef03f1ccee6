//! Counters of MySQL, Redis and Memcached with a look-up without index, a COUNT(*) for paging, and a hot row.

use std::collections::BTreeMap;

use kneepoint_model::db::{
    BufferPool, CacheKind, CacheWindow, CommandDelta, CoveredRequests, DatabaseWindow, DbWindow, DigestDelta,
    Drain, LockDeltas, QueryPlan, QueryPlanForm, ServerErrorDelta, SessionKind, StatementSample,
    StatementSums, Verb,
};
use kneepoint_model::sample::{CacheGauge, DbGauge};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, UnixMillis};
use kneepoint_model::unmeasured::Unmeasured;

/// Name, start and end in milliseconds, requests.
pub(super) fn windows(phases: &[(&str, u64, u64, u64)]) -> BTreeMap<String, DbWindow> {
    phases
        .iter()
        .map(|&(name, from, until, requests)| (name.to_owned(), window(name, from, until, requests)))
        .collect()
}

fn window(name: &str, from: u64, until: u64, requests: u64) -> DbWindow {
    DbWindow {
        format_version: 1,
        phase: name.into(),
        from_ms: UnixMillis(from),
        until_ms: UnixMillis(until),
        requests: CoveredRequests {
            counted: requests,
            uncertain: requests / 20,
            ..CoveredRequests::default()
        },
        drain: Drain { took_us: Micros(410_000), settled: name != "closed" },
        databases: vec![database(requests)],
        caches: vec![cache(CacheKind::Redis, requests), cache(CacheKind::Memcached, 0)],
        unmeasured: vec![Unmeasured {
            what: "CPU time of Memcached".into(),
            why: "the server does not report it".into(),
            fix: "none".into(),
        }],
    }
}

fn sums(count: u64, us: u64, examined: u64, sent: u64) -> StatementSums {
    StatementSums {
        count,
        timer_us: Micros(count * us),
        lock_us: Micros(count),
        cpu_us: Some(Micros(count * us * 2 / 5)),
        rows_examined: count * examined,
        rows_sent: count * sent,
        ..StatementSums::default()
    }
}

fn digest(
    verb: Verb,
    text: &str,
    sums: StatementSums,
    route: Option<&str>,
    plan: Option<QueryPlan>,
) -> DigestDelta {
    DigestDelta {
        digest: format!("{:064x}", text.len()),
        verb,
        text: text.into(),
        text_cut: false,
        sums,
        sample: route.map(|route| StatementSample {
            text: text.replace('?', "'…'"),
            text_cut: false,
            route: Some(route.into()),
            trace_id: None,
            at_ms: UnixMillis(1_763_640_020_000),
            timer_us: Micros(7_300),
        }),
        plan,
    }
}

fn database(requests: u64) -> DatabaseWindow {
    let seen = |text: &str| {
        Some(QueryPlan::Recorded { form: QueryPlanForm::ExplainTree, text: text.into(), cut: false })
    };
    let hot = StatementSums {
        lock_us: Micros(requests / 10 * 7_600),
        rows_affected: requests / 10,
        rows_sent: 0,
        cpu_us: Some(Micros(requests / 10 * 60)),
        errors: 3,
        ..sums(requests / 10, 7_700, 1, 0)
    };
    let mut database = DatabaseWindow::new(Tier::Db, "127.0.0.1:13306", "bookstore");
    database.server.version = "9.7.4".into();
    database.settings.transaction_isolation = Some("SERIALIZABLE".into());
    database.settings.max_connections = Some(300);
    database.settings.buffer_pool = Some(Bytes(128 << 20));
    database.settings.flush_log_at_commit = Some(1);
    database.settings.statement_cpu = true;
    database.statements_known = true;
    database.statements = vec![
        digest(
            Verb::Select,
            "SELECT `books_book` . `id` , `books_book` . `title` FROM `books_book` WHERE `books_book` . `isbn` = ? ORDER BY `books_book` . `id` ASC LIMIT ?",
            sums(requests / 5, 7_300, 4_900, 1),
            Some("isbn/<str:isbn>/"),
            seen(
                "-> Limit: 1 row(s)\n    -> Filter: (books_book.isbn = '…')\n        -> Index scan on books_book using PRIMARY  (rows=4900)",
            ),
        ),
        digest(
            Verb::Select,
            "SELECT COUNT ( * ) AS `__count` FROM `books_book`",
            sums(requests / 4, 3_300, 0, 1),
            Some("catalogue/"),
            Some(QueryPlan::Unavailable { why: "the server keeps no sample of it".into() }),
        ),
        digest(
            Verb::Update,
            "UPDATE `books_book` SET `stock` = ( `books_book` . `stock` - ? ) WHERE ( `books_book` . `id` = ? AND `books_book` . `stock` >= ? )",
            hot,
            Some("checkout/"),
            None,
        ),
        digest(
            Verb::Select,
            "SELECT `books_author` . `id` FROM `books_author` WHERE `books_author` . `id` = ? LIMIT ?",
            sums(requests * 5, 136, 1, 1),
            None,
            None,
        ),
    ];
    database.others = sums(requests, 90, 1, 1);
    database.session.by_kind =
        [(SessionKind::Commit, requests), (SessionKind::Autocommit, requests * 2)].into();
    database.session.sums = sums(requests * 3, 32, 0, 0);
    database.foreign = sums(12, 80, 1, 1);
    database.errors = vec![ServerErrorDelta { number: 1213, name: "ER_LOCK_DEADLOCK".into(), raised: 3 }];
    let status = &mut database.status;
    status.questions = requests * 10;
    status.connections = requests / 200;
    status.aborted_clients = 1;
    status.threads_running_max = Some(6);
    status.threads_connected_max = Some(12);
    status.tmp_tables = requests / 9;
    status.tmp_disk_tables = 4;
    status.log_fsyncs = Some(requests / 8);
    status.locks = LockDeltas {
        row_waits: requests / 11,
        row_wait_us: Micros(requests / 11 * 7_900),
        waiting_max: Some(5),
        deadlocks: Some(3),
        timeouts: Some(0),
    };
    status.buffer_pool = BufferPool {
        read_requests: requests * 800,
        disk_reads: requests / 50,
        waits_for_free: 0,
        free_pages: 2_900,
        total_pages: 8_192,
    };
    database
}

fn cache(kind: CacheKind, requests: u64) -> CacheWindow {
    CacheWindow {
        version: "8.0.6".into(),
        hits: requests / 3,
        misses: requests / 2,
        evicted: requests / 3,
        expired: requests / 40,
        commands: requests * 2,
        sent: Bytes(requests * 14_000),
        entries: requests / 20,
        memory_used: Bytes(if requests > 0 { 8_300_000 } else { 1_200_000 }),
        memory_limit: Some(Bytes(8 << 20)),
        policy: (kind == CacheKind::Redis).then(|| "allkeys-lru".into()),
        by_command: if kind == CacheKind::Redis {
            vec![
                CommandDelta { name: "get".into(), calls: requests, timer_us: Micros(requests * 9) },
                CommandDelta { name: "set".into(), calls: requests / 2, timer_us: Micros(requests * 7) },
            ]
        } else {
            Vec::new()
        },
        ..CacheWindow::new(
            Tier::Cache,
            kind,
            if kind == CacheKind::Redis { "127.0.0.1:16379" } else { "127.0.0.1:21211" },
        )
    }
}

/// The gauges of one second at the given load (0 to 1).
pub(super) fn gauges(busy: f64, noise: f64) -> (Vec<DbGauge>, Vec<CacheGauge>) {
    let scaled = |most: f64| (most * busy * (0.8 + 0.3 * noise)) as u64;
    let db = DbGauge {
        tier: Tier::Db,
        since_us: Micros(1_000_000),
        threads_running: scaled(5.0),
        threads_connected: 8 + scaled(4.0),
        questions: scaled(900.0),
        row_lock_waits: scaled(9.0),
        row_locks_waiting: scaled(3.0),
    };
    let cache = CacheGauge {
        tier: Tier::Cache,
        kind: CacheKind::Redis,
        since_us: Micros(1_000_000),
        hits: scaled(40.0),
        misses: scaled(60.0),
        evicted: scaled(30.0),
        commands: scaled(200.0),
        memory_used: Bytes(4_000_000 + scaled(4_000_000.0)),
    };
    (vec![db], vec![cache])
}
