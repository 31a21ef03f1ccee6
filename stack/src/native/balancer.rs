//! The balancer: HAProxy in front of the app servers, or in front of nginx when there is one.

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;

use super::readiness::ReadinessCheck;
use super::service::ServiceSpec;
use super::site::{MEDIA_BUCKET, NativeSite, loopback_url};
use super::tier_info::new_tier_info;
use super::tools::Tool;
use crate::error::StackError;
use crate::render::{Backend, HaproxyConf};

/// HAProxy's runtime socket, in the run folder.
pub(super) const SOCKET: &str = "haproxy.sock";

/// Ports and servers of HAProxy.
pub(super) struct HaproxyInput {
    pub(super) site: u16,
    pub(super) stats: u16,
    pub(super) servers: Vec<Backend>,
    pub(super) objects: Option<u16>,
}

/// HAProxy; its configuration file is written here.
pub(super) fn haproxy_spec(
    site: &NativeSite,
    haproxy: &Tool,
    input: HaproxyInput,
) -> Result<ServiceSpec, StackError> {
    let HaproxyInput { site: port, stats, servers, objects } = input;
    let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
    let socket = site.run.join(SOCKET);
    let conf = HaproxyConf {
        run_dir: site.run_text(),
        socket: socket.to_string_lossy().into_owned(),
        listen: format!("127.0.0.1:{port}"),
        stats: format!("127.0.0.1:{stats}"),
        servers,
        extra_sites: Vec::new(),
        objects: objects.map(|port| format!("127.0.0.1:{port}")),
        bucket: MEDIA_BUCKET.to_owned(),
        maxconn: 2000,
    };
    let path = site.write_file("haproxy.cfg", &conf.text()?)?;
    let program = site.program(&haproxy.path).arg("-db").arg("-f").arg(path);
    let log = site.logs.join("haproxy.log");
    let what = format!("HAProxy {} before {} servers", haproxy.version, names.len());
    let tier = TierInfo {
        url: Some(loopback_url(port, "/")),
        logs: vec![log.display().to_string()],
        ..new_tier_info(Tier::Proxy, what, Runtime::Native)
    };
    let (kind, name, diagnostic_logs) = ("haproxy", "haproxy".to_owned(), Vec::new());
    let checks =
        vec![ReadinessCheck::http(port, "/healthz"), ReadinessCheck::haproxy_backends(&socket, names, port)];
    Ok(ServiceSpec { kind, name, program, log, diagnostic_logs, checks, ports: vec![port, stats], tier })
}
