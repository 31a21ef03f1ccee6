//! The proxy tier: nginx with a configuration of its own, touching nothing of the system's.

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use rustix::process::{Resource, getrlimit};

use super::ready::Ready;
use super::server::{ServerSet, write};
use super::service::Spec;
use super::stores;
use super::tools::Tool;
use super::up::{Site, url, user};
use crate::StackError;
use crate::render::{ExtraSite, Media, NginxConf};
use crate::topology::ProxySettings;

/// The template's own wish for open files.
const FILES: u64 = 8192;
/// From this version on, `-e` keeps nginx from opening the system's error log first.
const KNOWS_E: (u32, u32, u32) = (1, 19, 5);
/// From this version on, a reload can spare idle clients.
const KEEPS_CLIENTS: (u32, u32, u32) = (1, 27, 4);
/// The bucket that strangers may read.
pub(super) const BUCKET: &str = "media";

/// What nginx is told.
pub(super) fn conf(
    site: &Site,
    settings: &ProxySettings,
    nginx: &Tool,
    port: u16,
    set: &ServerSet,
    objects: Option<u16>,
) -> NginxConf {
    let files = files(settings);
    let in_data = |name: &str| format!("{}/data/{name}", site.run_text());
    let on_disk = || site.data.join("media").is_dir().then(|| Media::Folder { path: in_data("media") });
    let store =
        objects.map(|port| Media::Store { address: format!("127.0.0.1:{port}"), bucket: BUCKET.to_owned() });
    let extra = set.hello_backend().map(|backend| ExtraSite {
        name: "hello".to_owned(),
        server_name: "hello.*".to_owned(),
        upstreams: vec![backend],
    });
    NginxConf {
        run_dir: site.run_text(),
        user: user().map(str::to_owned),
        listen: format!("127.0.0.1:{port}"),
        upstreams: set.backends(&site.run),
        extra_sites: extra.into_iter().collect(),
        static_root: Some(in_data(crate::data::STATIC)).filter(|_| settings.static_files != Some(false)),
        media: store.or_else(on_disk).filter(|_| settings.static_files != Some(false)),
        status_from: Vec::new(),
        settings: settings.clone(),
        keeps_clients: nginx.is_since(KEEPS_CLIENTS),
        worker_rlimit_nofile: files,
        worker_connections: (files / 4).clamp(64, 2048),
    }
}

/// Raising the limit beyond the hard one needs root; a connection needs two files at least.
fn files(settings: &ProxySettings) -> u64 {
    let wanted = settings.open_files.map_or(FILES, u64::from);
    getrlimit(Resource::Nofile).maximum.map_or(wanted, |hard| hard.min(wanted))
}

/// nginx before the servers, its configuration written.
pub(super) fn spec(site: &Site, conf: &NginxConf, nginx: &Tool, port: u16) -> Result<Spec, StackError> {
    let path = write(site, FILE, &conf.text()?)?;
    let error_log = site.logs.join("nginx-error.log");
    let mut program =
        site.program(&nginx.path).arg("-p").arg(&site.run).arg("-c").arg(path).args(["-g", "daemon off;"]);
    if nginx.is_since(KNOWS_E) {
        program = program.arg("-e").arg(site.run.join("logs/nginx-error.log"));
    }
    let log = site.logs.join("nginx.log");
    let access_log = site.logs.join("nginx-access.jsonl").display().to_string();
    let cache = if conf.settings.cache { "with" } else { "without" };
    let tier = TierInfo {
        url: Some(url(port, "/")),
        status_url: Some(url(port, "/kneepoint-status")),
        access_log: Some(access_log.clone()),
        logs: vec![error_log.display().to_string(), access_log],
        ..stores::tier(Tier::Proxy, format!("nginx {} {cache} a page cache", nginx.version), Runtime::Native)
    };
    let (kind, name, telling) = ("nginx", "nginx".to_owned(), vec![error_log]);
    let ready = vec![Ready::http(port, "/healthz")];
    Ok(Spec { kind, name, program, log, telling, ready, ports: vec![port], tier })
}

/// Its configuration within the run folder.
pub(super) const FILE: &str = "nginx.conf";
