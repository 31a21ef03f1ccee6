//! Variables that the native driver itself sets for the site. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use crate::db::{self, DbServer};
use crate::host::ports::Ports;
use crate::prepare::data;
use crate::topology::SharedCache;

/// Where the site finds its data and services.
pub(super) struct SiteEnv<'a> {
    pub(super) stack: &'a Path,
    pub(super) data: &'a Path,
    pub(super) statements: &'a Path,
    pub(super) ports: &'a Ports,
    /// `None` is `SQLite`.
    pub(super) db: Option<&'a DbServer>,
    /// Whether MySQL's C driver was built.
    pub(super) c_driver: bool,
    pub(super) cache: Option<SharedCache>,
    pub(super) queue: bool,
}

impl SiteEnv<'_> {
    /// The `KP_…` and other variables that the driver sets.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let path = |name: &str| text(&self.stack.join(name));
        let at = |port: u16| format!("127.0.0.1:{port}");
        let Ports { engine, db, redis, memcached, objects, .. } = self.ports;
        let mut all = vec![
            ("PYTHONPATH", format!("{}:{}", path("bookstore"), path("probe"))),
            ("PYTHONUNBUFFERED", "1".to_owned()),
            // Enables the endpoint for the stock consistency check; the data are thrown away.
            ("KP_AUDIT", "1".to_owned()),
            ("DJANGO_SETTINGS_MODULE", "kneepoint_django.overlay".to_owned()),
            ("KNEEPOINT_DJANGO_SETTINGS", "bookstore.settings".to_owned()),
            ("KNEEPOINT_STATEMENTS", text(self.statements)),
            ("KP_STATIC_ROOT", text(&self.data.join(data::STATIC))),
            ("KP_MEDIA_ROOT", text(&self.data.join("media"))),
        ];
        match (self.db, db) {
            (Some(server), Some(port)) => all.extend(self.db_variables(server, *port)),
            _ => all.push(("KP_SQLITE_PATH", text(&self.data.join(data::DATABASE)))),
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

    fn db_variables(&self, server: &DbServer, port: u16) -> Vec<(&'static str, String)> {
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
            // PyMySQL sets up TLS for each connection, which costs 31 ms even where the server offers none.
            all.push(("KP_DB_TLS", "0".to_owned()));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_that_run_have_variables() {
        let variables = |ports: &Ports, cache, queue| {
            let (stack, data, statements) = (Path::new("/s"), Path::new("/d"), Path::new("/l"));
            SiteEnv { stack, data, statements, ports, db: None, c_driver: false, cache, queue }.variables()
        };
        let light = variables(&Ports { site: 1, ..Ports::default() }, None, false);
        assert_eq!(light["KP_SQLITE_PATH"], "/d/db.sqlite3");
        assert!(!light.keys().any(|name| ["KP_DB", "KP_CACHE", "KP_QUEUE"].contains(&name.as_str())));
        let ports = Ports { redis: Some(6), memcached: Some(7), objects: Some(8), ..Ports::default() };
        let full = variables(&ports, Some(SharedCache::Memcached), true);
        assert_eq!((full["KP_CACHE"].as_str(), full["KP_CACHE_URL"].as_str()), ("memcached", "127.0.0.1:7"));
        assert_eq!(full["KP_QUEUE_URL"], "redis://127.0.0.1:6/1");
        assert_eq!(full["KP_OBJECTS_URL"], "http://127.0.0.1:8");
    }
}
