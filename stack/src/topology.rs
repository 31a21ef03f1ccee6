//! Topologies: which tiers a stack has and their settings, from the embedded `topologies/*.toml`. Unknown keys are refused.

mod proxy_settings;
mod size;

use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU16};
use std::thread::available_parallelism;

use include_dir::{Dir, include_dir};
use kneepoint_model::unmeasured::Unmeasured;
use serde::{Deserialize, Serialize};

pub use self::proxy_settings::{Balance, ProxySettings};
pub use self::size::Size;
use crate::error::StackError;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/topologies");

/// The application server of the Django site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    /// `manage.py runserver`: one process with a thread per connection.
    Runserver,
    /// gunicorn under supervisor, which restarts it.
    Gunicorn,
}

/// The database of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// A file beside the site; not a tier.
    Sqlite,
    /// MySQL at SERIALIZABLE, `performance_schema` on.
    Mysql,
    /// `MariaDB`, which reports fewer statistics than MySQL.
    Mariadb,
}

impl Database {
    /// Its value of the switch `KP_DB`.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }
}

/// A cache that all processes of the site share; without one, each process caches in its own memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedCache {
    /// Redis, also the broker of the queue.
    Redis,
    /// Memcached, for the cache only.
    Memcached,
}

/// A load balancer other than nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balancer {
    /// `HAProxy`, in front of all other tiers.
    Haproxy,
}

/// A machine of the compose driver: services that share one quota of CPU and memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Unique within the topology, e.g. `app-1`.
    pub name: String,
    /// CPU time that its services share, in cores.
    pub cpus: f64,
    /// Memory that its services share, in MiB.
    pub memory_mib: u64,
    /// Names of the compose services on it.
    pub services: Vec<String>,
}

/// A topology: the tiers of a stack and their settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a service that exists or not")]
pub struct Topology {
    /// The name of its file.
    pub name: String,
    /// One line of description.
    pub about: String,
    /// The expected gain over the rung below, in one line.
    #[serde(rename = "buys")]
    pub expected_gain: Option<String>,
    /// Its place on the ladder, from 1; `None` for a topology that is not a rung.
    pub rung: Option<u8>,
    /// The application server.
    pub server: ServerKind,
    /// Settings of nginx; `None` without nginx.
    pub proxy: Option<ProxySettings>,
    /// Whether the search engine runs; without it the site returns 503 for searches.
    pub engine: bool,
    /// `None` is the driver's default: `SQLite` natively, MySQL in compose.
    pub db: Option<Database>,
    /// `None`: each process caches in its own memory.
    pub cache: Option<SharedCache>,
    /// Whether order confirmations are sent by a worker through a queue (Celery on Redis).
    pub queue: bool,
    /// Whether media come from an S3-compatible store instead of the disk.
    pub objects: bool,
    /// Whether a second site runs, distinguished by its domain name.
    pub second_app: bool,
    /// Number of identical app servers behind the proxy or the balancer.
    pub servers: NonZeroU8,
    /// A load balancer in front of proxy or servers.
    pub balancer: Option<Balancer>,
    /// Machines of the compose driver; the native driver has only this one.
    pub machines: Vec<Machine>,
    /// Worker processes per server; `None` is one per core, at least two.
    pub workers: Option<NonZeroU16>,
    /// Threads per worker.
    pub threads: NonZeroU16,
    /// Switches: `KP_…` variables of the site.
    pub env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a service that exists or not")]
struct RawTopology {
    about: String,
    #[serde(rename = "buys")]
    expected_gain: Option<String>,
    rung: Option<u8>,
    server: ServerKind,
    proxy: Option<ProxySettings>,
    engine: bool,
    db: Option<Database>,
    cache: Option<SharedCache>,
    #[serde(default)]
    queue: bool,
    #[serde(default)]
    objects: bool,
    #[serde(default)]
    second_app: bool,
    servers: Option<NonZeroU8>,
    balancer: Option<Balancer>,
    #[serde(default)]
    machine: Vec<Machine>,
    workers: Option<NonZeroU16>,
    threads: Option<NonZeroU16>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

impl Topology {
    /// Reads a topology from the text of its file.
    ///
    /// # Errors
    /// `BadTopology` with line, column and reason.
    pub fn parse(name: &str, text: &str) -> Result<Self, StackError> {
        let bad = |why: String| StackError::BadTopology { name: name.to_owned(), why };
        let raw: RawTopology = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        if let Some(key) = raw.env.keys().find(|key| !is_env_name(key)) {
            return Err(bad(format!("`{key}` is not a valid name of an environment variable; use KP_…")));
        }
        if raw.proxy.is_some() && raw.server == ServerKind::Runserver {
            return Err(bad("nginx cannot be combined with runserver; use gunicorn".to_owned()));
        }
        let servers = raw.servers.unwrap_or(NonZeroU8::MIN);
        if servers.get() > 1 && raw.proxy.is_none() && raw.balancer.is_none() {
            return Err(bad("several servers need a [proxy] or a balancer in front of them".to_owned()));
        }
        if raw.second_app && raw.proxy.is_none() {
            return Err(bad("a second site needs a [proxy] that distinguishes the two".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            about: raw.about,
            expected_gain: raw.expected_gain,
            rung: raw.rung,
            server: raw.server,
            proxy: raw.proxy,
            engine: raw.engine,
            db: raw.db,
            cache: raw.cache,
            queue: raw.queue,
            objects: raw.objects,
            second_app: raw.second_app,
            servers,
            balancer: raw.balancer,
            machines: raw.machine,
            workers: raw.workers,
            threads: raw.threads.unwrap_or(NonZeroU16::MIN),
            env: raw.env,
        })
    }

    /// The embedded topology of this name.
    ///
    /// # Errors
    /// `UnknownTopology` with the known names.
    pub fn named(name: &str) -> Result<Self, StackError> {
        let file = FILES.get_file(format!("{name}.toml")).and_then(|file| file.contents_utf8());
        let unknown =
            || StackError::UnknownTopology { name: name.to_owned(), known: Self::names().join(", ") };
        Self::parse(name, file.ok_or_else(unknown)?)
    }

    /// The names of the embedded topologies.
    pub fn names() -> Vec<String> {
        let stem = |file: &include_dir::File<'_>| {
            file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned())
        };
        let mut names: Vec<String> = FILES.files().filter_map(stem).collect();
        names.sort();
        names
    }

    /// The rungs of the ladder, lowest first.
    ///
    /// # Errors
    /// Never with the embedded files, which a test parses.
    pub fn ladder() -> Result<Vec<Self>, StackError> {
        let all: Result<Vec<Self>, StackError> = Self::names().iter().map(|name| Self::named(name)).collect();
        let mut rungs: Vec<Self> = all?.into_iter().filter(|topology| topology.rung.is_some()).collect();
        rungs.sort_by_key(|topology| topology.rung);
        Ok(rungs)
    }

    /// `nginx` where nginx is installed, else `gunicorn`, with what cannot be measured then.
    ///
    /// # Errors
    /// Never with the embedded files, which a test parses.
    pub fn default_here() -> Result<(Self, Option<Unmeasured>), StackError> {
        Self::default_when(kneepoint_process::find("nginx").is_some())
    }

    fn default_when(nginx_installed: bool) -> Result<(Self, Option<Unmeasured>), StackError> {
        if nginx_installed {
            return Ok((Self::named("nginx")?, None));
        }
        let unmeasured = Unmeasured {
            what: "the proxy tier: nginx with its cache and access log".to_owned(),
            why: "nginx is not installed, so users connect to gunicorn directly".to_owned(),
            fix: "apt install nginx".to_owned(),
        };
        Ok((Self::named("gunicorn")?, Some(unmeasured)))
    }

    /// Worker processes on this machine; runserver has one.
    pub fn workers_here(&self) -> u16 {
        let cores = available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX));
        match (self.server, self.workers) {
            (ServerKind::Runserver, _) => 1,
            (ServerKind::Gunicorn, Some(workers)) => workers.get(),
            (ServerKind::Gunicorn, None) => cores.max(2),
        }
    }

    /// How many requests can be served at the same time; `None` is unlimited (runserver).
    pub fn concurrency(&self) -> Option<u32> {
        match self.server {
            ServerKind::Runserver => None,
            ServerKind::Gunicorn => Some(
                u32::from(self.servers.get())
                    * u32::from(self.workers_here())
                    * u32::from(self.threads.get()),
            ),
        }
    }

    /// The setting `worker_class` of gunicorn.
    pub fn worker_class(&self) -> &'static str {
        if self.threads.get() > 1 { "gthread" } else { "sync" }
    }
}

/// Whether a shell would accept this name of an environment variable.
pub(crate) fn is_env_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_valid() {
        let ladder: Vec<String> = Topology::ladder().unwrap().into_iter().map(|rung| rung.name).collect();
        let wanted = [
            "runserver",
            "gunicorn",
            "nginx",
            "multi-app",
            "db-apart",
            "object-storage",
            "balanced",
            "balanced-lb",
            "cached",
            "queued",
        ];
        assert_eq!(ladder, wanted);
        for name in Topology::names() {
            assert_eq!(Topology::named(&name).unwrap().name, name);
        }
        assert!(Topology::named("nginx").unwrap().proxy.is_some());
        assert_eq!(Topology::named("runserver").unwrap().concurrency(), None);
    }

    #[test]
    fn an_unknown_name_or_key_is_refused_with_the_known_ones() {
        let unknown = Topology::named("ngnix").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "unknown topology `ngnix`; choose one of: balanced, balanced-lb, cached, db-apart, full, gunicorn, multi-app, nginx, object-storage, queued, runserver"
        );
        let base = "about = \"x\"\nserver = \"gunicorn\"\nengine = false\n";
        let why = |more: &str| Topology::parse("x", &format!("{base}{more}")).unwrap_err().to_string();
        assert!(why("worker = 3\n").contains("unknown field `worker`"), "{}", why("worker = 3\n"));
        assert!(why("worker = 3\n").contains("line 4"));
        assert!(why("workers = 0\n").contains("zero"));
        assert!(why("[env]\n\"A B\" = \"1\"\n").contains("not a valid name of an environment variable"));
        assert!(why("[proxy]\ncache = true\nsocke = true\n").contains("unknown field `socke`"));
        assert!(why("[proxy]\ncache = true\nbalance = \"best\"\n").contains("round_robin"));
        let runserver = "about = \"x\"\nserver = \"runserver\"\nengine = false\n[proxy]\ncache = true\n";
        assert!(Topology::parse("x", runserver).is_err());
    }

    #[test]
    fn the_default_reports_what_it_cannot_measure() {
        let (with, unmeasured) = Topology::default_when(true).unwrap();
        assert!(with.name == "nginx" && unmeasured.is_none());
        let (without, unmeasured) = Topology::default_when(false).unwrap();
        assert!(without.name == "gunicorn" && unmeasured.unwrap().fix == "apt install nginx");
    }

    #[test]
    fn workers_times_threads() {
        let text = "about = \"x\"\nserver = \"gunicorn\"\nengine = true\nworkers = 3\nthreads = 4\n";
        let topology = Topology::parse("x", text).unwrap();
        assert_eq!((topology.concurrency(), topology.worker_class()), (Some(12), "gthread"));
        assert!(Topology::named("gunicorn").unwrap().workers_here() >= 2);
    }
}
