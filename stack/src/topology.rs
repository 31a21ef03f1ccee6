//! Which tiers there are and how they are set: `topologies/*.toml`, embedded, typed, unknown keys refused.

use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU16};
use std::thread::available_parallelism;

use include_dir::{Dir, include_dir};
use kneepoint_model::unmeasured::Unmeasured;
use serde::{Deserialize, Serialize};

use crate::StackError;
pub use crate::proxy_settings::{Balance, ProxySettings};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/topologies");

/// What serves the Django site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    /// `manage.py runserver`: one process, a thread per connection.
    Runserver,
    /// gunicorn, kept alive by supervisor.
    Gunicorn,
}

/// Which database serves the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// A file beside the site: needs nothing, and is no tier of its own.
    Sqlite,
    /// MySQL at SERIALIZABLE, `performance_schema` on.
    Mysql,
    /// `MariaDB`: a stand-in that can run, but says less about itself.
    Mariadb,
}

impl Database {
    /// The site's name for it.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }
}

/// A cache that all processes of the site share; without one, each keeps its own in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedCache {
    /// Redis.
    Redis,
    /// Memcached.
    Memcached,
}

/// What spreads visitors over the proxies and servers, where that is not nginx's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balancer {
    /// `HAProxy`, in front of everything.
    Haproxy,
}

/// A machine of the compose driver: services that share one quota of CPU and memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// What it is called.
    pub name: String,
    /// Cores' worth of CPU time that its services share.
    pub cpus: f64,
    /// Memory that its services share, in MiB.
    pub memory_mib: u64,
    /// The compose services that stand on it.
    pub services: Vec<String>,
}

/// One rung of the ladder.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a service of its own, there or not")]
pub struct Topology {
    /// Its name: that of its file.
    pub name: String,
    /// What it is, in one sentence.
    pub about: String,
    /// What the step to this rung is meant to buy, in one sentence.
    pub buys: Option<String>,
    /// Its place on the ladder, from 1; absent for what is no rung.
    pub rung: Option<u8>,
    /// What serves the site.
    pub server: ServerKind,
    /// nginx in front, when there is one.
    pub proxy: Option<ProxySettings>,
    /// Whether the engine stands beside it; without it the site answers searches with 503.
    pub engine: bool,
    /// The database; `None` is the driver's own: `SQLite` natively, MySQL in compose.
    pub db: Option<Database>,
    /// A cache that all processes share.
    pub cache: Option<SharedCache>,
    /// Whether confirmations of orders go through a queue and a worker (Celery on Redis).
    pub queue: bool,
    /// Whether media come from an S3-compatible store instead of the server's disk.
    pub objects: bool,
    /// Whether the second site stands beside the first, told apart by its domain name.
    pub second_app: bool,
    /// Identical app servers behind the proxy or the balancer.
    pub servers: NonZeroU8,
    /// A dedicated load balancer.
    pub balancer: Option<Balancer>,
    /// Machines of the compose driver; natively there is one, this one.
    pub machines: Vec<Machine>,
    /// Worker processes; `None` is one a core, and at least two.
    pub workers: Option<NonZeroU16>,
    /// Threads in each worker.
    pub threads: NonZeroU16,
    /// Environment switches of the site.
    pub env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a service of its own, there or not")]
struct RawTopology {
    about: String,
    buys: Option<String>,
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
        if let Some(key) = raw.env.keys().find(|key| !is_variable(key)) {
            return Err(bad(format!("`{key}` is no name of an environment variable; use KP_…")));
        }
        if raw.proxy.is_some() && raw.server == ServerKind::Runserver {
            return Err(bad("nginx in front of runserver is no rung of the ladder; use gunicorn".to_owned()));
        }
        let servers = raw.servers.unwrap_or(NonZeroU8::MIN);
        if servers.get() > 1 && raw.proxy.is_none() && raw.balancer.is_none() {
            return Err(bad("several servers need a [proxy] or a balancer in front of them".to_owned()));
        }
        if raw.second_app && raw.proxy.is_none() {
            return Err(bad("a second site needs a [proxy] that tells the two apart".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            about: raw.about,
            buys: raw.buys,
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

    /// An embedded topology.
    ///
    /// # Errors
    /// `UnknownTopology`, naming those that there are.
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
    /// None with the embedded files, which a test reads.
    pub fn ladder() -> Result<Vec<Self>, StackError> {
        let all: Result<Vec<Self>, StackError> = Self::names().iter().map(|name| Self::named(name)).collect();
        let mut rungs: Vec<Self> = all?.into_iter().filter(|topology| topology.rung.is_some()).collect();
        rungs.sort_by_key(|topology| topology.rung);
        Ok(rungs)
    }

    /// `nginx` where it is installed, otherwise `gunicorn`, with a word on what is thereby not seen.
    ///
    /// # Errors
    /// None with the embedded files, which a test reads.
    pub fn default_here() -> Result<(Self, Option<Unmeasured>), StackError> {
        Self::default_when(kneepoint_process::find("nginx").is_some())
    }

    fn default_when(nginx_installed: bool) -> Result<(Self, Option<Unmeasured>), StackError> {
        if nginx_installed {
            return Ok((Self::named("nginx")?, None));
        }
        let unmeasured = Unmeasured {
            what: "the proxy tier: nginx in front, its cache and its access log".to_owned(),
            why: "nginx is not installed, so gunicorn answers visitors itself".to_owned(),
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

    /// How many requests can be served at the same time; runserver takes as many as come.
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

    /// gunicorn's worker class.
    pub fn worker_class(&self) -> &'static str {
        if self.threads.get() > 1 { "gthread" } else { "sync" }
    }
}

/// Names that may go into an environment: what a shell would accept.
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_read() {
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
    fn an_unknown_name_or_key_is_refused_with_what_there_is() {
        let unknown = Topology::named("ngnix").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "unknown topology `ngnix`; there are: balanced, balanced-lb, cached, db-apart, full, gunicorn, multi-app, nginx, object-storage, queued, runserver"
        );
        let base = "about = \"x\"\nserver = \"gunicorn\"\nengine = false\n";
        let why = |more: &str| Topology::parse("x", &format!("{base}{more}")).unwrap_err().to_string();
        assert!(why("worker = 3\n").contains("unknown field `worker`"), "{}", why("worker = 3\n"));
        assert!(why("worker = 3\n").contains("line 4"));
        assert!(why("workers = 0\n").contains("zero"));
        assert!(why("[env]\n\"A B\" = \"1\"\n").contains("no name of an environment variable"));
        assert!(why("[proxy]\ncache = true\nsocke = true\n").contains("unknown field `socke`"));
        assert!(why("[proxy]\ncache = true\nbalance = \"best\"\n").contains("round_robin"));
        let runserver = "about = \"x\"\nserver = \"runserver\"\nengine = false\n[proxy]\ncache = true\n";
        assert!(Topology::parse("x", runserver).is_err());
    }

    #[test]
    fn the_default_says_what_it_cannot_see() {
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
