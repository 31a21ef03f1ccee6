//! The proxy tier: nginx with its own configuration, independent of the system's nginx files.

use kneepoint_model::run::names;
use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use rustix::process::{Resource, getrlimit};

use super::readiness::ReadinessCheck;
use super::server::ServerSet;
use super::service::ServiceSpec;
use super::site::{MEDIA_BUCKET, NativeSite, loopback_url, root_user};
use super::tier_info::new_tier_info;
use super::tools::Tool;
use crate::error::StackError;
use crate::host::folder::log_path;
use crate::render::{ExtraSite, Media, NginxConf};
use crate::rollout::NGINX_KEEPS_IDLE;
use crate::topology::ProxySettings;

/// Open files of nginx when the topology sets none.
const DEFAULT_OPEN_FILES: u64 = 8192;
/// Since this version `-e` keeps nginx from opening the system's error log first.
const KNOWS_E: (u32, u32, u32) = (1, 19, 5);

pub(super) fn nginx_conf(
    site: &NativeSite,
    settings: &ProxySettings,
    nginx: &Tool,
    port: u16,
    servers: &ServerSet,
    objects: Option<u16>,
) -> NginxConf {
    let files = open_files(settings);
    let in_data = |name: &str| format!("{}/data/{name}", site.run_text());
    let on_disk = || site.data.join("media").is_dir().then(|| Media::Folder { path: in_data("media") });
    let store = objects
        .map(|port| Media::Store { address: format!("127.0.0.1:{port}"), bucket: MEDIA_BUCKET.to_owned() });
    let extra = servers.hello_backend().map(|backend| ExtraSite {
        name: "hello".to_owned(),
        server_name: "hello.*".to_owned(),
        upstreams: vec![backend],
    });
    NginxConf {
        run_dir: site.run_text(),
        user: root_user().map(str::to_owned),
        listen: format!("127.0.0.1:{port}"),
        upstreams: servers.backends(&site.run),
        extra_sites: extra.into_iter().collect(),
        static_root: Some(in_data(crate::prepare::data::STATIC))
            .filter(|_| settings.static_files != Some(false)),
        media: store.or_else(on_disk).filter(|_| settings.static_files != Some(false)),
        status_from: Vec::new(),
        settings: settings.clone(),
        keeps_clients: nginx.is_at_least(NGINX_KEEPS_IDLE),
        worker_rlimit_nofile: files,
        worker_connections: (files / 4).clamp(64, 2048),
    }
}

/// Bounded by the hard limit of this process, which only root may exceed.
fn open_files(settings: &ProxySettings) -> u64 {
    let wanted = settings.open_files.map_or(DEFAULT_OPEN_FILES, u64::from);
    getrlimit(Resource::Nofile).maximum.map_or(wanted, |hard| hard.min(wanted))
}

/// nginx; its configuration file is written here.
pub(super) fn nginx_spec(
    site: &NativeSite,
    conf: &NginxConf,
    nginx: &Tool,
    port: u16,
) -> Result<ServiceSpec, StackError> {
    let path = site.write_file(CONF_FILE, &conf.text()?)?;
    let error_log = site.logs.join("nginx-error.log");
    let mut program =
        site.program(&nginx.path).arg("-p").arg(&site.run).arg("-c").arg(path).args(["-g", "daemon off;"]);
    if nginx.is_at_least(KNOWS_E) {
        program = program.arg("-e").arg(site.run.join("logs/nginx-error.log"));
    }
    let log = site.logs.join("nginx.log");
    let access_log = log_path(&site.logs, names::ACCESS_LOG).display().to_string();
    let cache = if conf.settings.cache { "with" } else { "without" };
    let tier = TierInfo {
        url: Some(loopback_url(port, "/")),
        status_url: Some(loopback_url(port, "/kneepoint-status")),
        access_log: Some(access_log.clone()),
        logs: vec![error_log.display().to_string(), access_log],
        ..new_tier_info(Tier::Proxy, format!("nginx {} {cache} a page cache", nginx.version), Runtime::Native)
    };
    let (kind, name, diagnostic_logs) = ("nginx", "nginx".to_owned(), vec![error_log]);
    let checks = vec![ReadinessCheck::http(port, "/healthz")];
    Ok(ServiceSpec { kind, name, program, log, diagnostic_logs, checks, ports: vec![port], tier })
}

/// nginx's configuration, in the run folder.
pub(super) const CONF_FILE: &str = "nginx.conf";
