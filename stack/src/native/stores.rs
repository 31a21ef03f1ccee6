//! The tiers that keep things: database, caches, object store.

use kneepoint_model::stack::{Instrument, Runtime, TierInfo};
use kneepoint_model::tier::Tier;

use super::ready::Ready;
use super::service::Spec;
use super::tools::Tool;
use super::up::{Site, url};
use crate::StackError;
use crate::db::{self, DbServer, Place};

/// Connections beyond those of the site: its queue's, and those of who looks.
const SPARE: u32 = 24;

/// A tier of which only the name and the kind of its code are known.
pub(super) fn tier(tier: Tier, what: String, runtime: Runtime) -> TierInfo {
    TierInfo {
        tier,
        what,
        roots: Vec::new(),
        runtime,
        url: None,
        concurrency: None,
        status_url: None,
        pprof_url: None,
        access_log: None,
        logs: Vec::new(),
        instruments: Vec::new(),
        containers: Vec::new(),
    }
}

/// MySQL or `MariaDB` on this stack's own copy of the data; `askers` is how many requests the site serves at once.
pub(super) fn database(site: &Site, server: &DbServer, port: u16, askers: u32) -> Result<Spec, StackError> {
    // Twice, since a green set of servers may stand beside the blue one.
    let max_connections = (2 * askers + SPARE).max(100);
    let place = Place { run: &site.run, data: &site.data.join(db::FOLDER), port, max_connections };
    let program = server.starting(&|executable| site.program(executable), &place)?;
    let log = site.logs.join("db.log");
    let what = format!("{} {} at SERIALIZABLE, performance_schema on", server.name(), server.version);
    let address = format!("127.0.0.1:{port}");
    let (user, schema) = (db::USER.to_owned(), db::SCHEMA.to_owned());
    let tier = TierInfo {
        logs: vec![log.display().to_string()],
        instruments: vec![Instrument::Mysql { address, user, schema }],
        ..tier(Tier::Db, what, Runtime::Native)
    };
    let (kind, name) = ("database", server.setting().to_owned());
    Ok(Spec {
        kind,
        name,
        program,
        log,
        telling: Vec::new(),
        ready: vec![Ready::mysql(port)],
        ports: vec![port],
        tier,
    })
}

/// Redis, in memory alone. It serves the cache, or the queue, or both; it is told of as a cache in any case, since the
/// queue's tier is the worker, which is Python and is profiled as such.
pub(super) fn redis(site: &Site, redis: &Tool, port: u16, for_cache: bool, for_queue: bool) -> Spec {
    let log = site.logs.join("redis.log");
    let program = site
        .program(&redis.path)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"])
        .args(["--save", "", "--appendonly", "no", "--maxmemory", "64mb"])
        // Pages may be thrown out when memory ends, tasks (which never expire) may not.
        .args(["--maxmemory-policy", "volatile-lru", "--dir"])
        .arg(&site.run);
    let serves = match (for_cache, for_queue) {
        (true, true) => "cache and queue",
        (true, false) => "cache",
        _ => "queue",
    };
    let what = format!("Redis {} ({serves}), 64 MiB", redis.version);
    let tier = TierInfo {
        logs: vec![log.display().to_string()],
        instruments: vec![Instrument::Redis { address: format!("127.0.0.1:{port}") }],
        ..tier(Tier::Cache, what, Runtime::Native)
    };
    in_memory("redis", program, log, Ready::redis(port), port, tier)
}

/// Memcached.
pub(super) fn memcached(site: &Site, memcached: &Tool, port: u16) -> Spec {
    let log = site.logs.join("memcached.log");
    let program = site.program(&memcached.path).args([
        "-l",
        "127.0.0.1",
        "-U",
        "0",
        "-m",
        "64",
        "-p",
        &port.to_string(),
    ]);
    let program = super::up::user().into_iter().fold(program, |program, user| program.args(["-u", user]));
    let what = format!("Memcached {}, 64 MiB", memcached.version);
    let tier = TierInfo {
        logs: vec![log.display().to_string()],
        instruments: vec![Instrument::Memcached { address: format!("127.0.0.1:{port}") }],
        ..tier(Tier::Cache, what, Runtime::Native)
    };
    in_memory("memcached", program, log, Ready::memcached(port), port, tier)
}

fn in_memory(
    kind: &'static str,
    program: kneepoint_process::Program,
    log: std::path::PathBuf,
    ready: Ready,
    port: u16,
    tier: TierInfo,
) -> Spec {
    let (name, ready, ports) = (kind.to_owned(), vec![ready], vec![port]);
    Spec { kind, name, program, log, telling: Vec::new(), ready, ports, tier }
}

/// Our own object store; `command` with address and folder added.
pub(super) fn objects(site: &Site, command: &[String], port: u16) -> Option<Spec> {
    let (program, args) = command.split_first()?;
    let log = site.logs.join("objects.log");
    let listen = format!("127.0.0.1:{port}");
    let program =
        site.program(program).args(args).args(["--listen", &listen, "--folder"]).arg(site.objects());
    let tier = TierInfo {
        url: Some(url(port, "/")),
        logs: vec![log.display().to_string()],
        ..tier(
            Tier::Objects,
            format!("kneepoint objects {} (s3s)", env!("CARGO_PKG_VERSION")),
            Runtime::FramePointers,
        )
    };
    let (kind, name, telling) = ("objects", "objects".to_owned(), Vec::new());
    let ready = vec![Ready::http(port, "/healthz")];
    Some(Spec { kind, name, program, log, telling, ready, ports: vec![port], tier })
}
