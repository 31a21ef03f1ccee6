//! The database server over the phases: what it counted, its locks, its errors, its settings, and what it did not tell.

use kneepoint_analysis::RunFacts;
use kneepoint_model::db::{DatabaseWindow, DbWindow, SessionKind};
use kneepoint_model::units::{Bytes, Ratio};

use crate::format::{clean, count, micros, number};
use crate::view::block::{Block, Cell, Table, Tone};

/// Connections for each request from which they catch the eye.
const CONNECTIONS: f64 = 0.5;
/// Waits for a row for each request from which they catch the eye.
const ROW_WAITS: f64 = 0.1;
/// Share of page requests that went to the disk from which it catches the eye.
const DISK_SHARE: f64 = 0.01;

/// Share of requests on the edges of a window from which it is worth a word.
const UNCERTAIN: f64 = 0.02;

/// A server and the phase in which it counted.
pub(crate) type Seen<'a> = (&'a DbWindow, &'a DatabaseWindow);

/// Every server in every measured phase.
pub(crate) fn seen(facts: &RunFacts) -> Vec<Seen<'_>> {
    facts
        .database_windows()
        .flat_map(|window| window.databases.iter().map(move |database| (window, database)))
        .collect()
}

/// The tables of what the servers counted.
pub(crate) fn blocks(seen: &[Seen<'_>]) -> Vec<Block> {
    let mut blocks = vec![Block::Table(work(seen)), Block::Table(locks(seen))];
    if let Some(errors) = errors(seen) {
        blocks.push(Block::Table(errors));
    }
    blocks.push(Block::fold("Settings of the database", vec![Block::Table(settings(seen))]));
    blocks
}

/// How well the counters belong to the requests, and what was not to be had; what holds for several phases is said once.
pub(crate) fn doubts(facts: &RunFacts) -> Vec<Block> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for window in facts.database_windows() {
        for text in doubts_of(window) {
            match said.iter_mut().find(|(own, _)| *own == text) {
                Some((_, phases)) => phases.push(&window.phase),
                None => said.push((text, vec![&window.phase])),
            }
        }
    }
    if said.is_empty() {
        return Vec::new();
    }
    let lines = said.into_iter().map(|(text, phases)| format!("{}: {text}", phases.join(", ")));
    vec![Block::heading("What could not be read"), Block::list(lines)]
}

fn doubts_of(window: &DbWindow) -> Vec<String> {
    let mut said = Vec::new();
    let uncertain = Ratio::of(window.requests.uncertain, window.requests.counted);
    if let Some(share) = uncertain.filter(|share| share.0 > UNCERTAIN) {
        said.push(format!(
            "{share} of the requests lie on the edges of what was counted: figures a request are known to that."
        ));
    }
    if !window.drain.settled {
        said.push(format!(
            "the servers had not come to rest after {}: the counters may hold work of no counted request, or lack some.",
            window.drain.took_us
        ));
    }
    let sentence = |text: &str| clean(text).trim_end_matches('.').to_owned();
    said.extend(window.unmeasured.iter().map(|one| {
        format!("{}: {}. What mends it: {}.", clean(&one.what), sentence(&one.why), sentence(&one.fix))
    }));
    said
}

fn name((window, database): &Seen<'_>) -> Cell {
    let server = &database.server;
    Cell::text(&window.phase).noted(format!(
        "{} {} at {}",
        server.kind.name(),
        server.version,
        database.address
    ))
}

fn per_request(seen: &Seen<'_>, n: u64, warn: f64) -> Cell {
    let (window, _) = seen;
    Cell::maybe(
        window.per_request(n),
        |per| {
            let tone = if per >= warn { Tone::Warn } else { Tone::Plain };
            Cell::value(number(per, 2), per).toned(tone)
        },
        "no requests",
    )
    .noted(format!("{} in all", count(n)))
}

fn zero_or(n: u64, tone: Tone) -> Cell {
    if n == 0 { Cell::value("none", 0.0).toned(Tone::Muted) } else { Cell::count(n).toned(tone) }
}

fn work(seen: &[Seen<'_>]) -> Table {
    let row = |one: &Seen<'_>| {
        let (window, database) = one;
        let status = &database.status;
        let pool = &status.buffer_pool;
        let begun = database.session.by_kind.get(&SessionKind::Commit).copied().unwrap_or(0);
        let disk = Ratio::of(pool.disk_reads, pool.read_requests);
        let rate = status.questions as f64 / window.seconds().max(1e-3);
        vec![
            name(one),
            per_request(one, status.questions, f64::INFINITY).noted(format!("{} a second", number(rate, 0))),
            per_request(one, begun, f64::INFINITY),
            per_request(one, status.connections, CONNECTIONS),
            Cell::maybe(status.threads_running_max, Cell::count, "not looked at"),
            Cell::maybe(status.threads_connected_max, Cell::count, "not looked at"),
            per_request(one, status.tmp_tables, f64::INFINITY)
                .noted(format!("{} on disk", count(status.tmp_disk_tables))),
            Cell::maybe(
                disk,
                |share| {
                    let tone = if share.0 >= DISK_SHARE { Tone::Warn } else { Tone::Plain };
                    Cell::ratio(share).toned(tone).noted(format!("{} reads", count(pool.disk_reads)))
                },
                "no page asked for",
            ),
            Cell::maybe(status.log_fsyncs, |n| per_request(one, n, f64::INFINITY), "not counted"),
        ]
    };
    Table::new("table-db-work", "What the database counted for each request, and at most")
        .words("Phase")
        .numbers(
            "Statements a request",
            "All that clients sent, transaction control included; kneepoint's own taken out.",
        )
        .numbers("Commits", "")
        .numbers("Connections", "1 means that none is kept.")
        .numbers(
            "Threads at work",
            "At most: threads running at the same time, as seen a few times a second.",
        )
        .numbers("Connected", "At most: connections open at the same time.")
        .numbers("Temporary tables", "")
        .numbers(
            "Pages from disk",
            "Share of the pages asked of the buffer pool that had to be read from the disk.",
        )
        .numbers("Log flushes", "Each waits for the disk when commits are durable.")
        .with(seen.iter().map(row))
}

fn locks(seen: &[Seen<'_>]) -> Table {
    let row = |one: &Seen<'_>| {
        let status = &one.1.status;
        let locks = &status.locks;
        let mean = (locks.row_waits > 0).then(|| locks.row_wait_us.as_f64() / locks.row_waits as f64);
        vec![
            name(one),
            per_request(one, locks.row_waits, ROW_WAITS),
            Cell::maybe(mean, |us| Cell::value(micros(us), us), "none waited"),
            Cell::maybe(locks.waiting_max, Cell::count, "not looked at"),
            Cell::maybe(locks.deadlocks, |n| zero_or(n, Tone::Bad), "not counted"),
            Cell::maybe(locks.timeouts, |n| zero_or(n, Tone::Bad), "not counted"),
            zero_or(status.refused_connections, Tone::Bad),
            zero_or(status.aborted_clients, Tone::Warn),
        ]
    };
    Table::new("table-db-locks", "What the database counted: waiting and refusing")
        .words("Phase")
        .numbers("Row waits a request", "Waits for a row that another transaction holds.")
        .numbers("Mean wait", "")
        .numbers("Most at once", "Transactions waiting at the same time, as seen a few times a second.")
        .numbers("Deadlocks", "Resolved by failing a transaction.")
        .numbers("Timeouts", "Waits given up after innodb_lock_wait_timeout.")
        .numbers("Refused", "Connections turned away because max_connections was reached.")
        .numbers("Gone", "Clients that went away without a word.")
        .with(seen.iter().map(row))
}

fn errors(seen: &[Seen<'_>]) -> Option<Table> {
    let rows: Vec<Vec<Cell>> = seen
        .iter()
        .flat_map(|one| {
            one.1.errors.iter().take(10).map(move |error| {
                vec![
                    Cell::code(&error.name).noted(error.number.to_string()),
                    name(one),
                    Cell::count(error.raised),
                ]
            })
        })
        .collect();
    (!rows.is_empty()).then(|| {
        Table::new("table-db-errors", "Errors that the database raised")
            .words("Error")
            .words("Phase")
            .numbers("Times", "")
            .with(rows)
    })
}

fn settings(seen: &[Seen<'_>]) -> Table {
    let mut shown: Vec<&str> = Vec::new();
    let mut table = Table::new("table-db-settings", "Settings that decide how its figures are read")
        .words("Server")
        .words("Isolation")
        .numbers("Connections at most", "max_connections")
        .numbers("Buffer pool", "innodb_buffer_pool_size")
        .words("Commits")
        .words("CPU of statements");
    for (_, database) in seen {
        if shown.contains(&database.address.as_str()) {
            continue;
        }
        shown.push(&database.address);
        let settings = &database.settings;
        let durable = settings
            .flush_log_at_commit
            .map(|n| if n == 1 { "each reaches the disk" } else { "about once a second" });
        table.push(vec![
            Cell::text(&database.address).noted(format!(
                "{} {}",
                database.server.kind.name(),
                database.server.version
            )),
            Cell::maybe(settings.transaction_isolation.as_ref(), Cell::text, "not said")
                .noted("a session may choose another"),
            Cell::maybe(settings.max_connections, Cell::count, "not said"),
            Cell::maybe(settings.buffer_pool, |size: Bytes| Cell::bytes(size), "not said"),
            Cell::maybe(durable, Cell::text, "not said"),
            Cell::text(if settings.statement_cpu { "counted" } else { "not counted" }),
        ]);
    }
    table
}
