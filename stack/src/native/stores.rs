//! The stores: database, caches, object store.

use kneepoint_model::stack::{Instrument, Runtime, TierInfo};
use kneepoint_model::tier::Tier;

use super::readiness::ReadinessCheck;
use super::service::ServiceSpec;
use super::site::{NativeSite, loopback_url, root_user};
use super::tier_info::new_tier_info;
use super::tools::Tool;
use crate::db::{self, DbInstance, DbServer};
use crate::error::StackError;

/// Database connections beyond those of the site: for the worker and for kneepoint's own sampling.
const SPARE_CONNECTIONS: u32 = 24;

/// MySQL or `MariaDB` on this stack's copy of the data; `max_in_flight` is how many requests the site serves at once.
pub(super) fn database_spec(
    site: &NativeSite,
    server: &DbServer,
    port: u16,
    max_in_flight: u32,
) -> Result<ServiceSpec, StackError> {
    // Doubled, since a blue and a green set of servers may run at the same time.
    let max_connections = (2 * max_in_flight + SPARE_CONNECTIONS).max(100);
    let instance = DbInstance { run: &site.run, data: &site.data.join(db::FOLDER), port, max_connections };
    let program = server.start_program(&|executable| site.program(executable), &instance)?;
    let log = site.logs.join("db.log");
    let what = format!("{} {} at SERIALIZABLE, performance_schema on", server.name(), server.version);
    let address = format!("127.0.0.1:{port}");
    let (user, schema) = (db::USER.to_owned(), db::SCHEMA.to_owned());
    let tier = TierInfo {
        logs: vec![log.display().to_string()],
        instruments: vec![Instrument::Mysql { address, user, schema }],
        ..new_tier_info(Tier::Db, what, Runtime::Native)
    };
    let (kind, name) = ("database", server.setting().to_owned());
    Ok(ServiceSpec {
        kind,
        name,
        program,
        log,
        diagnostic_logs: Vec::new(),
        checks: vec![ReadinessCheck::mysql(port)],
        ports: vec![port],
        tier,
    })
}

/// Redis without persistence, for the cache, the queue or both. It always counts as the cache tier: the queue tier is the
/// worker, which is Python and is profiled as such.
pub(super) fn redis_spec(
    site: &NativeSite,
    redis: &Tool,
    port: u16,
    for_cache: bool,
    for_queue: bool,
) -> ServiceSpec {
    let log = site.logs.join("redis.log");
    let program = site
        .program(&redis.path)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"])
        .args(["--save", "", "--appendonly", "no", "--maxmemory", "64mb"])
        // When memory is full, cached pages may be evicted; tasks, which never expire, may not.
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
        ..new_tier_info(Tier::Cache, what, Runtime::Native)
    };
    cache_spec("redis", program, log, ReadinessCheck::redis(port), port, tier)
}

pub(super) fn memcached_spec(site: &NativeSite, memcached: &Tool, port: u16) -> ServiceSpec {
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
    let program = root_user().into_iter().fold(program, |program, user| program.args(["-u", user]));
    let what = format!("Memcached {}, 64 MiB", memcached.version);
    let tier = TierInfo {
        logs: vec![log.display().to_string()],
        instruments: vec![Instrument::Memcached { address: format!("127.0.0.1:{port}") }],
        ..new_tier_info(Tier::Cache, what, Runtime::Native)
    };
    cache_spec("memcached", program, log, ReadinessCheck::memcached(port), port, tier)
}

fn cache_spec(
    kind: &'static str,
    program: kneepoint_process::Program,
    log: std::path::PathBuf,
    check: ReadinessCheck,
    port: u16,
    tier: TierInfo,
) -> ServiceSpec {
    let (name, checks, ports) = (kind.to_owned(), vec![check], vec![port]);
    ServiceSpec { kind, name, program, log, diagnostic_logs: Vec::new(), checks, ports, tier }
}

/// kneepoint's object store: `command` with address and folder appended.
pub(super) fn objects_spec(site: &NativeSite, command: &[String], port: u16) -> Option<ServiceSpec> {
    let (program, args) = command.split_first()?;
    let log = site.logs.join("objects.log");
    let listen = format!("127.0.0.1:{port}");
    let program =
        site.program(program).args(args).args(["--listen", &listen, "--folder"]).arg(site.objects());
    let tier = TierInfo {
        url: Some(loopback_url(port, "/")),
        logs: vec![log.display().to_string()],
        ..new_tier_info(
            Tier::Objects,
            format!("kneepoint objects {} (s3s)", env!("CARGO_PKG_VERSION")),
            Runtime::FramePointers,
        )
    };
    let (kind, name, diagnostic_logs) = ("objects", "objects".to_owned(), Vec::new());
    let checks = vec![ReadinessCheck::http(port, "/healthz")];
    Some(ServiceSpec { kind, name, program, log, diagnostic_logs, checks, ports: vec![port], tier })
}
