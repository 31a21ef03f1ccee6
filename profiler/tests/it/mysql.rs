//! A real MySQL (or `MariaDB`): the reported counters match the executed statements exactly.
//!
//! `KNEEPOINT_TEST_MYSQL=host:port` names a disposable server on which `root` needs no password; without it the tests
//! are skipped with a message.
#![expect(clippy::print_stderr, reason = "a test that did not run must be heard")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::db::{DatabaseWindow, DbKind, DigestDelta, QueryPlan, SessionKind, Verb};
use kneepoint_model::stack::Instrument;
use kneepoint_model::tier::Tier;
use kneepoint_profiler::store::StoreTarget;
use kneepoint_profiler::{StorePlan, StoreWatch};
use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder};

/// One test at a time: each would take the other's statements for unfinished work.
fn server() -> Option<(String, MutexGuard<'static, ()>)> {
    static ONE: Mutex<()> = Mutex::new(());
    let server = std::env::var("KNEEPOINT_TEST_MYSQL").ok().filter(|server| !server.is_empty());
    if server.is_none() {
        eprintln!(
            "NOT TESTED: no MySQL. Set KNEEPOINT_TEST_MYSQL=host:port (root without password, throw-away)."
        );
    }
    Some((server?, ONE.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// A schema for one test, dropped at the end.
struct Shop {
    opts: Opts,
    schema: String,
    address: String,
}

impl Shop {
    fn open(address: &str, name: &str) -> Self {
        let (host, port) = address.rsplit_once(':').unwrap();
        let schema = format!("kneepoint_test_{name}_{}", std::process::id());
        let opts = OptsBuilder::new()
            .ip_or_hostname(Some(host))
            .tcp_port(port.parse().unwrap())
            .prefer_socket(false)
            .user(Some("root"));
        let mut conn =
            Conn::new(Opts::from(opts.clone())).expect("the server that KNEEPOINT_TEST_MYSQL names");
        conn.query_drop(format!("CREATE DATABASE `{schema}`")).unwrap();
        let shop = Self { opts: opts.db_name(Some(&schema)).into(), schema, address: address.to_owned() };
        let mut conn = shop.user();
        conn.query_drop("CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, isbn VARCHAR(13), stock INT)")
            .unwrap();
        for hundred in 0..10 {
            let rows: Vec<String> = (1..=100).map(|i| format!("('978{}', 10)", hundred * 100 + i)).collect();
            conn.query_drop(format!("INSERT INTO b (isbn, stock) VALUES {}", rows.join(","))).unwrap();
        }
        conn.query_drop("ANALYZE TABLE b").unwrap();
        shop
    }

    fn user(&self) -> Conn {
        Conn::new(self.opts.clone()).unwrap()
    }

    fn watch(&self) -> StoreWatch {
        let (address, user, schema) = (self.address.clone(), "root".to_owned(), self.schema.clone());
        let instrument = Instrument::Mysql { address, user, schema };
        let target = StoreTarget { tier: Tier::Db, instrument, password: None };
        StoreWatch::start(&StorePlan { targets: vec![target], throw_away: true }).unwrap()
    }

    fn counted(&self, explain: usize, work: impl FnOnce()) -> DatabaseWindow {
        let watch = self.watch();
        watch.begin();
        work();
        let readings = watch.end(explain, &Cancel::new());
        assert!(readings.drain.settled, "{:?}", readings.drain);
        assert_eq!(readings.databases.len(), 1, "{:?}", readings.unmeasured);
        readings.databases.into_iter().next().unwrap()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.user().query_drop(format!("DROP DATABASE `{}`", self.schema));
    }
}

/// Servers place blanks and backticks differently.
fn beginning<'a>(window: &'a DatabaseWindow, words: &str) -> &'a DigestDelta {
    let plain = |text: &str| text.replace([' ', '`'], "").to_ascii_lowercase();
    let found = window.statements.iter().find(|one| plain(&one.text).starts_with(&plain(words)));
    found.unwrap_or_else(|| panic!("{words}: {:#?}", window.statements))
}

#[test]
fn statements_are_counted_exactly() {
    let Some((server, _one)) = server() else { return };
    let shop = Shop::open(&server, "exact");
    let window = shop.counted(3, || {
        let mut user = shop.user();
        for _ in 0..10 {
            user.query_drop("SET autocommit=0").unwrap();
            user.query_drop(
                "SELECT * FROM b WHERE isbn = '978999' ORDER BY id LIMIT 1 /*route='isbn%2F%3Cs%3E%2F'*/",
            )
            .unwrap();
            user.query_drop("COMMIT").unwrap();
            user.query_drop("SET autocommit=1").unwrap();
        }
        user.query_drop("SELECT COUNT(*) FROM b").unwrap();
        user.query_drop("UPDATE b SET stock = 9 WHERE id = 7").unwrap();
        assert!(user.query_drop("INSERT INTO b (id) VALUES (7)").is_err());
    });
    if !window.statements_known {
        assert_eq!(window.server.kind, DbKind::Mariadb, "MySQL has performance_schema on: {window:#?}");
        eprintln!("NOT TESTED: this server's performance_schema is off; only its status variables were.");
        assert!(window.statements.is_empty() && window.status.questions >= 43, "{:?}", window.status);
        return;
    }
    let isbn = beginning(&window, "SELECT * FROM `b` WHERE `isbn` = ? ORDER BY `id` LIMIT ?");
    assert_eq!((isbn.verb, isbn.sums.count, isbn.sums.rows_sent), (Verb::Select, 10, 10));
    assert_eq!(isbn.sums.rows_examined, 10 * 999, "the scan along the primary key shows in its rows");
    assert!(isbn.sums.timer_us.0 > 0 && !isbn.text_cut);
    let count = beginning(&window, "SELECT COUNT ( * ) FROM `b`");
    assert_eq!((count.sums.count, count.sums.rows_sent), (1, 1));
    let update = beginning(&window, "UPDATE `b`");
    assert_eq!((update.verb, update.sums.rows_affected), (Verb::Update, 1));
    let insert = beginning(&window, "INSERT INTO `b`");
    assert_eq!((insert.sums.count, insert.sums.errors), (1, 1));
    assert_eq!(window.session.by_kind[&SessionKind::Commit], 10);
    assert_eq!(window.session.by_kind[&SessionKind::Autocommit], 20);
    assert_eq!(window.total().count, 13, "{:#?}", window.statements);
    // Other activity of the server is not kneepoint's, and kneepoint's is not the site's.
    assert!(window.status.questions >= 43 && window.status.own_questions >= 3, "{:?}", window.status);
    assert!(window.statements.iter().all(|one| !one.text.contains("performance_schema")));
    assert_eq!(window.digests_lost, 0);
    if window.server.kind == DbKind::Mysql {
        check_mysql_only_fields(&window, isbn);
    }
}

fn check_mysql_only_fields(window: &DatabaseWindow, isbn: &DigestDelta) {
    assert!(window.settings.statement_cpu);
    assert!(
        isbn.sums.cpu_us.unwrap().0 > 0
            && isbn.sums.cpu_us.unwrap() <= isbn.sums.timer_us + isbn.sums.timer_us
    );
    let sample = isbn.sample.as_ref().expect("MySQL keeps samples");
    assert_eq!(sample.text, "SELECT * FROM b WHERE isbn = '…' ORDER BY id LIMIT 1");
    assert_eq!(sample.route.as_deref(), Some("isbn/<s>/"));
    let Some(QueryPlan::Recorded { text, .. }) = &isbn.plan else { panic!("{:?}", isbn.plan) };
    assert!(text.contains("Index scan on b using PRIMARY") && !text.contains("978"), "{text}");
    assert!(text.contains("rows=999"), "it was run: {text}");
    assert!(window.errors.iter().any(|error| error.name == "ER_DUP_ENTRY" && error.raised >= 1));
    assert!(window.status.locks.deadlocks.is_some() && window.settings.transaction_isolation.is_some());
}

#[test]
fn waiting_for_a_row_is_lock_time_of_its_statement() {
    let Some((server, _one)) = server() else { return };
    let shop = Shop::open(&server, "locks");
    let window = shop.counted(0, || {
        let (mut holder, mut waiter) = (shop.user(), shop.user());
        holder.query_drop("BEGIN").unwrap();
        holder.query_drop("UPDATE b SET stock = 1 WHERE id = 1").unwrap();
        thread::scope(|scope| {
            scope.spawn(|| waiter.query_drop("UPDATE b SET stock = stock - 1 WHERE id = 1").unwrap());
            // Long enough for a gauge to see it.
            thread::sleep(Duration::from_millis(1_300));
            holder.query_drop("COMMIT").unwrap();
        });
    });
    assert!(
        window.status.locks.row_waits >= 1 && window.status.locks.row_wait_us.0 >= 1_000_000,
        "{window:#?}"
    );
    assert_eq!(window.status.locks.waiting_max, Some(1));
    assert!(
        window.status.threads_running_max.unwrap() >= 1 && window.status.threads_connected_max.unwrap() >= 2
    );
    if window.server.kind == DbKind::Mysql {
        let waited = beginning(&window, "UPDATE `b` SET `stock` = `stock` - ?");
        let share = waited.sums.lock_share().unwrap();
        assert!(share.0 > 0.9 && waited.sums.lock_us.0 > 1_000_000, "{waited:#?}");
    }
}

#[test]
fn what_ran_before_the_window_is_not_in_it_and_windows_follow_each_other() {
    let Some((server, _one)) = server() else { return };
    let shop = Shop::open(&server, "windows");
    let mut user = shop.user();
    user.query_drop("SELECT id FROM b WHERE id = 3").unwrap();
    let watch = shop.watch();
    for times in [2_u64, 5] {
        watch.begin();
        for _ in 0..times {
            user.query_drop("SELECT id FROM b WHERE id = 3").unwrap();
        }
        let readings = watch.end(0, &Cancel::new());
        let window = &readings.databases[0];
        if window.statements_known {
            assert_eq!(window.statements.len(), 1, "{:#?}", window.statements);
            assert_eq!(window.statements[0].sums.count, times);
        }
        assert!(readings.from_ms < readings.until_ms);
    }
}

#[test]
fn an_unreachable_server_is_a_gap() {
    let instrument = Instrument::Mysql {
        address: "127.0.0.1:9".to_owned(),
        user: "root".to_owned(),
        schema: "shop".to_owned(),
    };
    let target = StoreTarget { tier: Tier::Db, instrument, password: None };
    let watch = StoreWatch::start(&StorePlan { targets: vec![target], throw_away: true }).unwrap();
    watch.begin();
    let readings = watch.end(3, &Cancel::new());
    assert!(readings.databases.is_empty());
    let gap = &readings.unmeasured[0];
    assert!(readings.unmeasured.len() == 1 && gap.why.contains("127.0.0.1:9"), "{:?}", readings.unmeasured);
}
