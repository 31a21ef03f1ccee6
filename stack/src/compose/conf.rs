//! Configuration of the tiers as they stand in containers, from the templates that both drivers share. Pure.
//!
//! `stack/reference/conf/` holds the same files for people who use `compose.yaml` by hand; a test keeps them equal.

use super::service::ComposeService;
use crate::StackError;
use crate::render::{
    Backend, ExtraSite, GunicornConf, HaproxyConf, HaproxySite, Media, NginxConf, SupervisedProgram,
    SupervisorConf,
};
use crate::topology::{ServerKind, Topology};

/// Where each container has its run folder, as `compose.yaml` says.
const RUN: &str = "/srv/kneepoint";
/// Where the site's project is.
const APP: &str = "/srv/kneepoint/bookstore";
/// The volume with the site's data.
const DATA: &str = "/data";
/// The site's Python.
const PYTHON: &str = "/opt/venv/bin/python";
/// The bucket with the site's media.
const BUCKET: &str = "media";
/// Networks of which Docker makes its bridges: this machine asks nginx for its figures from there.
const BRIDGES: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
/// Open files of nginx; `compose.yaml` allows more.
const FILES: u64 = 8192;

/// What is filled in.
#[derive(Debug, Clone)]
pub(super) struct Conf<'a> {
    /// What is brought up.
    pub(super) topology: &'a Topology,
    /// Its services.
    pub(super) services: &'a [ComposeService],
    /// The app servers that get requests; others are being replaced.
    pub(super) serving: &'a [ComposeService],
    /// The limit of open files of a container.
    pub(super) open_files: u64,
    /// Whether this nginx keeps idle clients while it is reloaded (from 1.27.4 on).
    pub(super) keeps_clients: bool,
}

impl Conf<'_> {
    /// Each file by its name in `/etc/kneepoint`.
    pub(super) fn files(&self) -> Result<Vec<(&'static str, String)>, StackError> {
        let mut files = Vec::new();
        let has = |service| self.services.contains(&service);
        if self.topology.server == ServerKind::Gunicorn {
            files.push(("gunicorn.conf.py", self.gunicorn()?));
            files.push(("supervisord.conf", supervisor("bookstore.wsgi:application")?));
        }
        if has(ComposeService::Hello) {
            files.push(("supervisord-hello.conf", supervisor("bookstore.wsgi_hello:application")?));
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
            Backend { name: name.to_owned(), address: address(*service) }
        };
        self.serving.iter().map(named).collect()
    }

    fn hello(&self) -> Option<Vec<Backend>> {
        let hello = Backend { name: "hello".to_owned(), address: address(ComposeService::Hello) };
        self.services.contains(&ComposeService::Hello).then(|| vec![hello])
    }

    fn objects(&self) -> Option<String> {
        self.services.contains(&ComposeService::Objects).then(|| address(ComposeService::Objects))
    }

    /// The proxy's own file, which changes while servers are replaced.
    pub(super) fn nginx(&self) -> Result<String, StackError> {
        let settings = self.topology.proxy.clone().unwrap_or_default();
        if settings.socket == Some(true) {
            let why = "in compose nginx and the server stand in containers of their own, without a socket between them; use the native driver";
            return Err(StackError::BadTopology { name: self.topology.name.clone(), why: why.to_owned() });
        }
        let site =
            |upstreams| ExtraSite { name: "hello".to_owned(), server_name: "hello.*".to_owned(), upstreams };
        let files = settings.open_files.map_or(FILES, u64::from).min(self.open_files);
        let store = |address| Media::Store { address, bucket: BUCKET.to_owned() };
        NginxConf {
            run_dir: RUN.to_owned(),
            user: None,
            listen: "8080".to_owned(),
            upstreams: self.servers(),
            extra_sites: self.hello().map(site).into_iter().collect(),
            static_root: Some(format!("{DATA}/static")).filter(|_| settings.static_files != Some(false)),
            media: self.objects().map(store),
            status_from: BRIDGES.map(str::to_owned).to_vec(),
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
            run_dir: RUN.to_owned(),
            socket: "/tmp/haproxy.sock".to_owned(),
            listen: "*:8080".to_owned(),
            stats: "127.0.0.1:8404".to_owned(),
            servers: self.servers(),
            extra_sites: self.hello().map(site).into_iter().collect(),
            objects: self.objects(),
            bucket: BUCKET.to_owned(),
            maxconn: 2000,
        }
        .text()
    }

    fn gunicorn(&self) -> Result<String, StackError> {
        GunicornConf {
            run_dir: RUN.to_owned(),
            app_dir: APP.to_owned(),
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

/// `host:port`, as the containers reach each other.
pub(super) fn address(service: ComposeService) -> String {
    service.port().map_or_else(|| service.name().to_owned(), |(port, _)| format!("{}:{port}", service.name()))
}

fn supervisor(application: &str) -> Result<String, StackError> {
    let argv = [PYTHON, "-m", "gunicorn", "-c", "/etc/kneepoint/gunicorn.conf.py", application];
    let gunicorn = SupervisedProgram { name: "gunicorn".to_owned(), argv: argv.map(str::to_owned).to_vec() };
    SupervisorConf {
        run_dir: RUN.to_owned(),
        app_dir: APP.to_owned(),
        name: "supervisord".to_owned(),
        user: Some("root".to_owned()),
        programs: vec![gunicorn],
    }
    .text()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::service::wanted;
    use super::*;
    use crate::topology::Balancer;

    fn files(topology: &Topology) -> Vec<(&'static str, String)> {
        let services = wanted(topology).unwrap();
        let serving: Vec<ComposeService> = services
            .iter()
            .copied()
            .filter(|service| matches!(service, ComposeService::Server | ComposeService::Server2))
            .collect();
        Conf { topology, services: &services, serving: &serving, open_files: 65_536, keeps_clients: false }
            .files()
            .unwrap()
    }

    /// `stack/reference/conf/`: what the whole stack needs by hand, and what its profiles `balanced` and `multi-app` add. Two workers
    /// whatever machine this is. `KNEEPOINT_BLESS=1` writes them anew.
    #[test]
    fn the_files_by_hand_are_those_of_the_driver() {
        let mut full = Topology::named("full").unwrap();
        full.workers = Some(2.try_into().unwrap());
        let mut balanced = full.clone();
        (balanced.proxy, balanced.balancer, balanced.servers) =
            (None, Some(Balancer::Haproxy), 2.try_into().unwrap());
        let mut hello = full.clone();
        hello.second_app = true;
        let extra = |topology: &Topology, wanted: &str| {
            files(topology).into_iter().find(|(name, _)| *name == wanted).unwrap()
        };
        let mut all = files(&full);
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
                "{} differs from the driver's; KNEEPOINT_BLESS=1 writes it anew",
                path.display()
            );
        }
    }

    #[test]
    fn each_topology_has_its_files() {
        let names = |name: &str| {
            files(&Topology::named(name).unwrap()).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("runserver"), [""; 0]);
        assert_eq!(names("gunicorn"), ["gunicorn.conf.py", "supervisord.conf"]);
        assert_eq!(names("balanced-lb"), ["gunicorn.conf.py", "supervisord.conf", "haproxy.cfg"]);
        let multi = files(&Topology::named("multi-app").unwrap());
        let text = |wanted: &str| &multi.iter().find(|(name, _)| *name == wanted).unwrap().1;
        assert!(text("supervisord-hello.conf").contains("bookstore.wsgi_hello:application"));
        assert!(
            text("nginx.conf").contains("server_name hello.*;") && text("nginx.conf").contains("hello:8000")
        );
        let balanced = files(&Topology::named("balanced").unwrap());
        let nginx = &balanced.iter().find(|(name, _)| *name == "nginx.conf").unwrap().1;
        assert!(nginx.contains("server server:8000") && nginx.contains("server server2:8000"), "{nginx}");
        assert!(nginx.contains("objects:9100"), "{nginx}");
    }

    #[test]
    fn a_socket_between_containers_is_refused() {
        let mut topology = Topology::named("nginx").unwrap();
        topology.proxy.as_mut().unwrap().socket = Some(true);
        let services = wanted(&topology).unwrap();
        let conf = Conf {
            topology: &topology,
            services: &services,
            serving: &[],
            open_files: 65_536,
            keeps_clients: false,
        };
        assert!(conf.files().unwrap_err().to_string().contains("use the native driver"));
    }
}
