//! Counters of the database server by phase: work, locks, errors, settings, and what could not be read.

use kneepoint_analysis::RunFacts;
use kneepoint_model::db::{DatabaseWindow, DbWindow, SessionKind};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::{Bytes, Ratio};

use crate::format::{MAX_TEXT, count, micros, number};
use crate::view::block::{Block, Cell, Table, Tone};

/// New connections per request from which the value is highlighted.
const HIGH_CONNECTIONS: f64 = 0.5;
/// Row-lock waits per request from which the value is highlighted.
const HIGH_ROW_WAITS: f64 = 0.1;
/// Share of buffer-pool reads from disk from which the value is highlighted.
const HIGH_DISK_SHARE: f64 = 0.01;

/// Share of requests at the edges of a window from which a caveat is shown.
const UNCERTAIN_SHARE: f64 = 0.02;

/// A database server's counters, with the window of the phase they belong to.
pub(crate) type DatabaseServerWindow<'a> = (&'a DbWindow, &'a DatabaseWindow);

/// Every database server in every measured phase.
pub(crate) fn measured_windows(facts: &RunFacts) -> Vec<DatabaseServerWindow<'_>> {
    facts
        .database_windows()
        .flat_map(|window| window.databases.iter().map(move |database| (window, database)))
        .collect()
}

/// The tables of server counters.
pub(crate) fn blocks(windows: &[DatabaseServerWindow<'_>]) -> Vec<Block> {
    let mut blocks = vec![Block::Table(work(windows)), Block::Table(locks(windows))];
    if let Some(errors) = errors(windows) {
        blocks.push(Block::Table(errors));
    }
    blocks.push(Block::fold("Database settings", vec![Block::Table(settings(windows))]));
    blocks
}

/// Limits of the counters, and what could not be read. A text that applies to several phases is shown once.
pub(crate) fn caveats(facts: &RunFacts) -> Vec<Block> {
    let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
    for window in facts.database_windows() {
        for text in window_caveats(window) {
            match texts.iter_mut().find(|(own, _)| *own == text) {
                Some((_, phases)) => phases.push(&window.phase),
                None => texts.push((text, vec![&window.phase])),
            }
        }
    }
    if texts.is_empty() {
        return Vec::new();
    }
    let lines = texts.into_iter().map(|(text, phases)| format!("{}: {text}", phases.join(", ")));
    vec![Block::heading("Limits of these counters"), Block::list(lines)]
}

fn window_caveats(window: &DbWindow) -> Vec<String> {
    let mut texts = Vec::new();
    let uncertain = Ratio::from_parts(window.requests.uncertain, window.requests.counted);
    if let Some(share) = uncertain.filter(|share| share.0 > UNCERTAIN_SHARE) {
        texts.push(format!(
            "{share} of the requests overlap the start or end of the counter window, so values per request have this uncertainty."
        ));
    }
    if !window.drain.settled {
        texts.push(format!(
            "the database was still busy after {}, so the counters may include work of other requests or miss some.",
            window.drain.took_us
        ));
    }
    let clause = |text: &str| sanitize(text, MAX_TEXT).trim_end_matches('.').to_owned();
    texts.extend(window.unmeasured.iter().map(|one| {
        format!("{}: {}. Fix: {}.", sanitize(&one.what, MAX_TEXT), clause(&one.why), clause(&one.fix))
    }));
    texts
}

fn name((window, database): &DatabaseServerWindow<'_>) -> Cell {
    let server = &database.server;
    Cell::text(&window.phase).with_note(format!(
        "{} {} at {}",
        server.kind.name(),
        server.version,
        database.address
    ))
}

fn per_request(one: &DatabaseServerWindow<'_>, n: u64, warn: f64) -> Cell {
    let (window, _) = one;
    Cell::optional(
        window.per_request(n),
        |per| {
            let tone = if per >= warn { Tone::Warn } else { Tone::Plain };
            Cell::value(number(per, 2), per).with_tone(tone)
        },
        "no requests",
    )
    .with_note(format!("{} in total", count(n)))
}

fn zero_or(n: u64, tone: Tone) -> Cell {
    if n == 0 { Cell::value("none", 0.0).with_tone(Tone::Muted) } else { Cell::count(n).with_tone(tone) }
}

fn work(windows: &[DatabaseServerWindow<'_>]) -> Table {
    let row = |one: &DatabaseServerWindow<'_>| {
        let (window, database) = one;
        let status = &database.status;
        let pool = &status.buffer_pool;
        let begun = database.session.by_kind.get(&SessionKind::Commit).copied().unwrap_or(0);
        let disk = Ratio::from_parts(pool.disk_reads, pool.read_requests);
        let rate = status.questions as f64 / window.seconds().max(1e-3);
        vec![
            name(one),
            per_request(one, status.questions, f64::INFINITY).with_note(format!("{}/s", number(rate, 0))),
            per_request(one, begun, f64::INFINITY),
            per_request(one, status.connections, HIGH_CONNECTIONS),
            Cell::optional(status.threads_running_max, Cell::count, "not sampled"),
            Cell::optional(status.threads_connected_max, Cell::count, "not sampled"),
            per_request(one, status.tmp_tables, f64::INFINITY)
                .with_note(format!("{} on disk", count(status.tmp_disk_tables))),
            Cell::optional(
                disk,
                |share| {
                    let tone = if share.0 >= HIGH_DISK_SHARE { Tone::Warn } else { Tone::Plain };
                    Cell::ratio(share).with_tone(tone).with_note(format!("{} reads", count(pool.disk_reads)))
                },
                "no page requested",
            ),
            Cell::optional(status.log_fsyncs, |n| per_request(one, n, f64::INFINITY), "not counted"),
        ]
    };
    Table::new("table-db-work", "Work of the database per request, and peaks")
        .text_column("Phase")
        .number_column(
            "Statements per request",
            "All statements from clients, including transaction control, excluding those of kneepoint.",
        )
        .number_column("Commits", "Commits per request.")
        .number_column(
            "New connections",
            "New connections per request; 1 means that connections are not reused.",
        )
        .number_column(
            "Running threads",
            "Maximum number of concurrently running threads, sampled several times per second.",
        )
        .number_column("Open connections", "Maximum number of open connections.")
        .number_column("Temporary tables", "Temporary tables per request.")
        .number_column("Pages from disk", "Share of buffer-pool page requests that were read from disk.")
        .number_column(
            "Log flushes",
            "Log flushes per request; each waits for the disk if commits are durable.",
        )
        .with_rows(windows.iter().map(row))
}

fn locks(windows: &[DatabaseServerWindow<'_>]) -> Table {
    let row = |one: &DatabaseServerWindow<'_>| {
        let status = &one.1.status;
        let locks = &status.locks;
        let mean = (locks.row_waits > 0).then(|| locks.row_wait_us.as_f64() / locks.row_waits as f64);
        vec![
            name(one),
            per_request(one, locks.row_waits, HIGH_ROW_WAITS),
            Cell::optional(mean, |us| Cell::value(micros(us), us), "no waits"),
            Cell::optional(locks.waiting_max, Cell::count, "not sampled"),
            Cell::optional(locks.deadlocks, |n| zero_or(n, Tone::Bad), "not counted"),
            Cell::optional(locks.timeouts, |n| zero_or(n, Tone::Bad), "not counted"),
            zero_or(status.refused_connections, Tone::Bad),
            zero_or(status.aborted_clients, Tone::Warn),
        ]
    };
    Table::new("table-db-locks", "Locks and refused connections")
        .text_column("Phase")
        .number_column("Row-lock waits per request", "Waits for a row lock that another transaction holds.")
        .number_column("Mean wait", "Mean duration of a row-lock wait.")
        .number_column(
            "Max waiting",
            "Maximum number of concurrently waiting transactions, sampled several times per second.",
        )
        .number_column("Deadlocks", "Deadlocks; the database rolls one transaction back for each.")
        .number_column("Timeouts", "Lock waits that exceed innodb_lock_wait_timeout.")
        .number_column("Refused", "Connections refused because max_connections is reached.")
        .number_column("Aborted", "Connections that the client dropped without closing them.")
        .with_rows(windows.iter().map(row))
}

fn errors(windows: &[DatabaseServerWindow<'_>]) -> Option<Table> {
    let rows: Vec<Vec<Cell>> = windows
        .iter()
        .flat_map(|one| {
            one.1.errors.iter().take(10).map(move |error| {
                vec![
                    Cell::code(&error.name).with_note(error.number.to_string()),
                    name(one),
                    Cell::count(error.raised),
                ]
            })
        })
        .collect();
    (!rows.is_empty()).then(|| {
        Table::new("table-db-errors", "Errors raised by the database")
            .text_column("Error")
            .text_column("Phase")
            .number_column("Count", "")
            .with_rows(rows)
    })
}

fn settings(windows: &[DatabaseServerWindow<'_>]) -> Table {
    let mut shown: Vec<&str> = Vec::new();
    let mut table = Table::new("table-db-settings", "Settings that affect these figures")
        .text_column("Server")
        .text_column("Isolation level")
        .number_column("Max connections", "max_connections")
        .number_column("Buffer pool", "innodb_buffer_pool_size")
        .text_column("Durability of commits")
        .text_column("CPU by statement");
    for (_, database) in windows {
        if shown.contains(&database.address.as_str()) {
            continue;
        }
        shown.push(&database.address);
        let settings = &database.settings;
        let durable = settings
            .flush_log_at_commit
            .map(|n| if n == 1 { "flushed at each commit" } else { "flushed about once per second" });
        table.push(vec![
            Cell::text(&database.address).with_note(format!(
                "{} {}",
                database.server.kind.name(),
                database.server.version
            )),
            Cell::optional(settings.transaction_isolation.as_ref(), Cell::text, "not reported")
                .with_note("server default; a session can set its own"),
            Cell::optional(settings.max_connections, Cell::count, "not reported"),
            Cell::optional(settings.buffer_pool, |size: Bytes| Cell::bytes(size), "not reported"),
            Cell::optional(durable, Cell::text, "not reported"),
            Cell::text(if settings.statement_cpu { "measured" } else { "not measured" }),
        ]);
    }
    table
}
