//! Configuration of the tiers in containers, from the templates that both drivers share. Pure.
//!
//! `stack/reference/conf/` holds the same files for manual use of `compose.yaml`; a test compares them.

use super::service::ComposeService;
use crate::error::StackError;
use crate::render::{
    Backend, ExtraSite, GunicornConf, HaproxyConf, HaproxySite, Media, NginxConf, SupervisedProgram,
    SupervisorConf,
};
use crate::topology::{ServerKind, Topology};

/// The run folder in each container, as in `compose.yaml`.
const RUN_DIR: &str = "/srv/kneepoint";
/// The folder of the site's project.
const APP_DIR: &str = "/srv/kneepoint/bookstore";
/// The volume with the site's data.
const DATA_DIR: &str = "/data";
/// The interpreter of the site.
const PYTHON: &str = "/opt/venv/bin/python";
/// The bucket of the site's media.
const MEDIA_BUCKET: &str = "media";
/// Networks from which Docker takes its bridges: kneepoint reads nginx's status page from there.
const BRIDGE_NETWORKS: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
/// Open files of nginx when the topology sets none; `compose.yaml` allows more.
const DEFAULT_OPEN_FILES: u64 = 8192;

/// Values for the templates.
#[derive(Debug, Clone)]
pub(super) struct TierConfig<'a> {
    pub(super) topology: &'a Topology,
    pub(super) services: &'a [ComposeService],
    /// The app servers that receive requests; others are being replaced.
    pub(super) serving: &'a [ComposeService],
    /// Open files that a container may have.
    pub(super) open_files: u64,
    /// Whether this nginx can keep idle client connections while it is reloaded (since 1.27.4).
    pub(super) keeps_clients: bool,
}

impl TierConfig<'_> {
    /// Each file with its name in `/etc/kneepoint`.
    pub(super) fn config_files(&self) -> Result<Vec<(&'static str, String)>, StackError> {
        let mut files = Vec::new();
        let has = |service| self.services.contains(&service);
        if self.topology.server == ServerKind::Gunicorn {
            files.push(("gunicorn.conf.py", self.gunicorn()?));
            files.push(("supervisord.conf", supervisor_conf("bookstore.wsgi:application")?));
        }
        if has(ComposeService::Hello) {
            files.push(("supervisord-hello.conf", supervisor_conf("bookstore.wsgi_hello:application")?));
        }
        if has(ComposeService::Proxy) {
            files.push(("nginx.conf", self.nginx()?));
        }
        if has(ComposeService::Balancer) {
            files.push(("haproxy.cfg", self.haproxy()?));
        }
        Ok(files)
    }

    fn servers(&self) -> Vec<Backend> {
        let named = |service: &ComposeService| {
            let name = if *service == ComposeService::Server2 { "app-2" } else { "app-1" };
            Backend { name: name.to_owned(), address: service_address(*service) }
        };
        self.serving.iter().map(named).collect()
    }

    fn hello(&self) -> Option<Vec<Backend>> {
        let hello = Backend { name: "hello".to_owned(), address: service_address(ComposeService::Hello) };
        self.services.contains(&ComposeService::Hello).then(|| vec![hello])
    }

    fn objects(&self) -> Option<String> {
        self.services.contains(&ComposeService::Objects).then(|| service_address(ComposeService::Objects))
    }

    /// Changes while servers are replaced.
    pub(super) fn nginx(&self) -> Result<String, StackError> {
        let settings = self.topology.proxy.clone().unwrap_or_default();
        if settings.socket == Some(true) {
            let why = "in compose nginx and the server run in separate containers, which share no Unix socket; use the native driver";
            return Err(StackError::BadTopology { name: self.topology.name.clone(), why: why.to_owned() });
        }
        let site =
            |upstreams| ExtraSite { name: "hello".to_owned(), server_name: "hello.*".to_owned(), upstreams };
        let files = settings.open_files.map_or(DEFAULT_OPEN_FILES, u64::from).min(self.open_files);
        let store = |address| Media::Store { address, bucket: MEDIA_BUCKET.to_owned() };
        NginxConf {
            run_dir: RUN_DIR.to_owned(),
            user: None,
            listen: "8080".to_owned(),
            upstreams: self.servers(),
            extra_sites: self.hello().map(site).into_iter().collect(),
            static_root: Some(format!("{DATA_DIR}/static")).filter(|_| settings.static_files != Some(false)),
            media: self.objects().map(store),
            status_from: BRIDGE_NETWORKS.map(str::to_owned).to_vec(),
            settings,
            keeps_clients: self.keeps_clients,
            worker_rlimit_nofile: files,
            worker_connections: (files / 4).clamp(64, 2048),
        }
        .text()
    }

    fn haproxy(&self) -> Result<String, StackError> {
        let site =
            |servers| HaproxySite { name: "hello".to_owned(), host_begins: "hello.".to_owned(), servers };
        HaproxyConf {
            run_dir: RUN_DIR.to_owned(),
            socket: "/tmp/haproxy.sock".to_owned(),
            listen: "*:8080".to_owned(),
            stats: "127.0.0.1:8404".to_owned(),
            servers: self.servers(),
            extra_sites: self.hello().map(site).into_iter().collect(),
            objects: self.objects(),
            bucket: MEDIA_BUCKET.to_owned(),
            maxconn: 2000,
        }
        .text()
    }

    fn gunicorn(&self) -> Result<String, StackError> {
        GunicornConf {
            run_dir: RUN_DIR.to_owned(),
            app_dir: APP_DIR.to_owned(),
            name: "gunicorn".to_owned(),
            bind: vec!["0.0.0.0:8000".to_owned()],
            workers: self.topology.workers_here(),
            threads: self.topology.threads.get(),
            worker_class: self.topology.worker_class().to_owned(),
            environment: std::collections::BTreeMap::new(),
        }
        .text()
    }
}

/// `host:port` by which containers reach each other.
pub(super) fn service_address(service: ComposeService) -> String {
    service.port().map_or_else(|| service.name().to_owned(), |(port, _)| format!("{}:{port}", service.name()))
}

fn supervisor_conf(application: &str) -> Result<String, StackError> {
    let argv = [PYTHON, "-m", "gunicorn", "-c", "/etc/kneepoint/gunicorn.conf.py", application];
    let gunicorn = SupervisedProgram { name: "gunicorn".to_owned(), argv: argv.map(str::to_owned).to_vec() };
    SupervisorConf {
        run_dir: RUN_DIR.to_owned(),
        app_dir: APP_DIR.to_owned(),
        name: "supervisord".to_owned(),
        user: Some("root".to_owned()),
        programs: vec![gunicorn],
    }
    .text()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::service::required_services;
    use super::*;
    use crate::topology::Balancer;

    fn config_files(topology: &Topology) -> Vec<(&'static str, String)> {
        let services = required_services(topology).unwrap();
        let serving: Vec<ComposeService> = services
            .iter()
            .copied()
            .filter(|service| matches!(service, ComposeService::Server | ComposeService::Server2))
            .collect();
        TierConfig {
            topology,
            services: &services,
            serving: &serving,
            open_files: 65_536,
            keeps_clients: false,
        }
        .config_files()
        .unwrap()
    }

    /// `stack/reference/conf/`: the files of the topology `full`, and those that `balanced` and `multi-app` add, with two workers on any
    /// machine. `KNEEPOINT_BLESS=1` rewrites them.
    #[test]
    fn the_files_for_manual_use_equal_those_of_the_driver() {
        let mut full = Topology::named("full").unwrap();
        full.workers = Some(2.try_into().unwrap());
        let mut balanced = full.clone();
        (balanced.proxy, balanced.balancer, balanced.servers) =
            (None, Some(Balancer::Haproxy), 2.try_into().unwrap());
        let mut hello = full.clone();
        hello.second_app = true;
        let extra = |topology: &Topology, wanted: &str| {
            config_files(topology).into_iter().find(|(name, _)| *name == wanted).unwrap()
        };
        let mut all = config_files(&full);
        all.push(extra(&balanced, "haproxy.cfg"));
        all.push(extra(&hello, "supervisord-hello.conf"));
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reference/conf");
        for (name, text) in all {
            let path = folder.join(name);
            if std::env::var_os("KNEEPOINT_BLESS").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                there == text,
                "{} differs from the driver's; KNEEPOINT_BLESS=1 rewrites it",
                path.display()
            );
        }
    }

    #[test]
    fn each_topology_has_its_files() {
        let names = |name: &str| {
            config_files(&Topology::named(name).unwrap())
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("runserver"), [""; 0]);
        assert_eq!(names("gunicorn"), ["gunicorn.conf.py", "supervisord.conf"]);
        assert_eq!(names("balanced-lb"), ["gunicorn.conf.py", "supervisord.conf", "haproxy.cfg"]);
        let multi = config_files(&Topology::named("multi-app").unwrap());
        let text = |wanted: &str| &multi.iter().find(|(name, _)| *name == wanted).unwrap().1;
        assert!(text("supervisord-hello.conf").contains("bookstore.wsgi_hello:application"));
        assert!(
            text("nginx.conf").contains("server_name hello.*;") && text("nginx.conf").contains("hello:8000")
        );
        let balanced = config_files(&Topology::named("balanced").unwrap());
        let nginx = &balanced.iter().find(|(name, _)| *name == "nginx.conf").unwrap().1;
        assert!(nginx.contains("server server:8000") && nginx.contains("server server2:8000"), "{nginx}");
        assert!(nginx.contains("objects:9100"), "{nginx}");
    }

    #[test]
    fn a_socket_between_containers_is_refused() {
        let mut topology = Topology::named("nginx").unwrap();
        topology.proxy.as_mut().unwrap().socket = Some(true);
        let services = required_services(&topology).unwrap();
        let conf = TierConfig {
            topology: &topology,
            services: &services,
            serving: &[],
            open_files: 65_536,
            keeps_clients: false,
        };
        assert!(conf.config_files().unwrap_err().to_string().contains("use the native driver"));
    }
}
