//! The environment of the site: switches of the topology, overridden by those of the plan, under what the driver itself
//! must set. Pure.
//!
//! Only `KP_…` switches may be given, and none that would point the site at data that is not the stack's own: writing
//! journeys run against it.

use std::collections::BTreeMap;
use std::path::Path;

use kneepoint_model::secret::is_secret;

use crate::db::{self, DbServer};
use crate::topology::SharedCache;
use crate::{Ports, StackError, mask};

/// Switches that the driver sets, or that choose data it has not prepared.
const RESERVED: [&str; 8] = [
    "KP_DB",
    "KP_SQLITE_PATH",
    "KP_STATIC_ROOT",
    "KP_MEDIA_ROOT",
    "KP_ENGINE_URL",
    "KP_CACHE_URL",
    "KP_QUEUE",
    "KP_QUEUE_URL",
];
/// The same for all names that begin so.
const RESERVED_KINDS: [&str; 4] = ["KP_DB_", "KP_OBJECTS_", "KP_REPLICA_HOST", "KP_REPLICA_PORT"];
/// Those among them that change how, not where.
const FREE: [&str; 2] = ["KP_DB_DRIVER", "KP_DB_TLS"];

/// Topology's and plan's switches in one map.
pub(crate) fn merge(
    topology: &BTreeMap<String, String>,
    plan: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, StackError> {
    let mut all = topology.clone();
    all.extend(plan.iter().map(|(key, value)| (key.clone(), value.clone())));
    for (name, value) in &all {
        let bad = |why| Err(StackError::BadSwitch { name: name.clone(), why });
        if !name.starts_with("KP_") || !crate::topology::is_variable(name) {
            return bad("a switch of the site is named KP_…");
        }
        let reserved =
            RESERVED.contains(&name.as_str()) || RESERVED_KINDS.iter().any(|kind| name.starts_with(kind));
        if reserved && !FREE.contains(&name.as_str()) {
            return bad("the driver sets this one itself");
        }
        if value.contains('\0') {
            return bad("its value holds a zero byte");
        }
    }
    Ok(all)
}

/// The switches that may be shown and stored.
pub(crate) fn shown(switches: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let public = switches.iter().filter(|(name, _)| !is_secret(name));
    public.map(|(name, value)| (name.clone(), mask::mask_line(value))).collect()
}

/// Where the site finds what.
pub(super) struct Own<'a> {
    pub(super) stack: &'a Path,
    pub(super) data: &'a Path,
    pub(super) statements: &'a Path,
    pub(super) ports: &'a Ports,
    /// The server that keeps the data; `SQLite` without one.
    pub(super) db: Option<&'a DbServer>,
    /// Whether MySQL's C driver is there.
    pub(super) c_driver: bool,
    pub(super) cache: Option<SharedCache>,
    pub(super) queue: bool,
}

impl Own<'_> {
    /// What the driver itself tells the site.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let path = |name: &str| text(&self.stack.join(name));
        let at = |port: u16| format!("127.0.0.1:{port}");
        let Ports { engine, db, redis, memcached, objects, .. } = self.ports;
        let mut all = vec![
            ("PYTHONPATH", format!("{}:{}", path("bookstore"), path("probe"))),
            ("PYTHONUNBUFFERED", "1".to_owned()),
            // What is brought up here is thrown away, so it may tell its stock.
            ("KP_AUDIT", "1".to_owned()),
            ("DJANGO_SETTINGS_MODULE", "kneepoint_django.overlay".to_owned()),
            ("KNEEPOINT_DJANGO_SETTINGS", "bookstore.settings".to_owned()),
            ("KNEEPOINT_STATEMENTS", text(self.statements)),
            ("KP_STATIC_ROOT", text(&self.data.join(crate::data::STATIC))),
            ("KP_MEDIA_ROOT", text(&self.data.join("media"))),
        ];
        match (self.db, db) {
            (Some(server), Some(port)) => all.extend(self.of_server(server, *port)),
            _ => all.push(("KP_SQLITE_PATH", text(&self.data.join(crate::data::DATABASE)))),
        }
        all.extend(engine.map(|port| ("KP_ENGINE_URL", format!("http://{}", at(port)))));
        match (self.cache, redis, memcached) {
            (Some(SharedCache::Redis), Some(port), _) => {
                all.push(("KP_CACHE", "redis".to_owned()));
                all.push(("KP_CACHE_URL", format!("redis://{}/0", at(*port))));
            }
            (Some(SharedCache::Memcached), _, Some(port)) => {
                all.push(("KP_CACHE", "memcached".to_owned()));
                all.push(("KP_CACHE_URL", at(*port)));
            }
            _ => {}
        }
        if let (true, Some(port)) = (self.queue, redis) {
            all.push(("KP_QUEUE", "celery".to_owned()));
            all.push(("KP_QUEUE_URL", format!("redis://{}/1", at(*port))));
        }
        all.extend(objects.map(|port| ("KP_OBJECTS_URL", format!("http://{}", at(port)))));
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn of_server(&self, server: &DbServer, port: u16) -> Vec<(&'static str, String)> {
        let driver = if self.c_driver { "mysqlclient" } else { "pymysql" };
        let mut all = vec![
            ("KP_DB", server.setting().to_owned()),
            ("KP_DB_HOST", "127.0.0.1".to_owned()),
            ("KP_DB_PORT", port.to_string()),
            ("KP_DB_NAME", db::SCHEMA.to_owned()),
            ("KP_DB_USER", db::USER.to_owned()),
            ("KP_DB_DRIVER", driver.to_owned()),
        ];
        if !self.c_driver {
            // PyMySQL prepares for TLS at each connection, which costs 31 ms even where none is offered.
            all.push(("KP_DB_TLS", "0".to_owned()));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_plan_overrides_the_topology() {
        let merged = merge(&map(&[("KP_GZIP", "0"), ("KP_ETAG", "1")]), &map(&[("KP_GZIP", "1")])).unwrap();
        assert_eq!(merged, map(&[("KP_GZIP", "1"), ("KP_ETAG", "1")]));
    }

    #[test]
    fn nobody_points_the_site_at_other_data() {
        for name in [
            "KP_DB",
            "KP_DB_HOST",
            "KP_SQLITE_PATH",
            "KP_CACHE_URL",
            "KP_OBJECTS_URL",
            "KP_REPLICA_HOST",
            "PYTHONPATH",
            "LD_PRELOAD",
            "KP_A B",
        ] {
            let error = merge(&map(&[]), &map(&[(name, "x")])).unwrap_err();
            assert!(matches!(error, StackError::BadSwitch { .. }), "{name}");
        }
    }

    #[test]
    fn how_may_be_chosen_where_may_not() {
        for name in ["KP_DB_DRIVER", "KP_DB_TLS", "KP_CACHE", "KP_REPLICA", "KP_POOL"] {
            assert!(merge(&map(&[]), &map(&[(name, "x")])).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_site_is_told_only_of_what_is_there() {
        let own = |ports: &Ports, cache, queue| {
            let (stack, data, statements) = (Path::new("/s"), Path::new("/d"), Path::new("/l"));
            Own { stack, data, statements, ports, db: None, c_driver: false, cache, queue }.variables()
        };
        let light = own(&Ports { site: 1, ..Ports::default() }, None, false);
        assert_eq!(light["KP_SQLITE_PATH"], "/d/db.sqlite3");
        assert!(!light.keys().any(|name| ["KP_DB", "KP_CACHE", "KP_QUEUE"].contains(&name.as_str())));
        let ports = Ports { redis: Some(6), memcached: Some(7), objects: Some(8), ..Ports::default() };
        let full = own(&ports, Some(SharedCache::Memcached), true);
        assert_eq!((full["KP_CACHE"].as_str(), full["KP_CACHE_URL"].as_str()), ("memcached", "127.0.0.1:7"));
        assert_eq!(full["KP_QUEUE_URL"], "redis://127.0.0.1:6/1");
        assert_eq!(full["KP_OBJECTS_URL"], "http://127.0.0.1:8");
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = shown(&map(&[
            ("KP_SECRET_KEY", "abc"),
            ("KP_FAULTS", "n_plus_one"),
            ("KP_CACHE_URL", "redis://u:word@h/0"),
        ]));
        assert_eq!(shown, map(&[("KP_FAULTS", "n_plus_one"), ("KP_CACHE_URL", "redis://***@h/0")]));
    }
}
