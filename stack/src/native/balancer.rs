//! The balancer: HAProxy before the app servers, or before nginx where both are there.

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;

use super::proxy::BUCKET;
use super::ready::Ready;
use super::server::write;
use super::service::Spec;
use super::stores;
use super::tools::Tool;
use super::up::{Site, url};
use crate::StackError;
use crate::render::{Backend, HaproxyConf};

/// Its runtime socket within the run folder.
pub(super) const SOCKET: &str = "haproxy.sock";

/// Where it listens, and for whom.
pub(super) struct Before {
    pub(super) site: u16,
    pub(super) figures: u16,
    pub(super) servers: Vec<Backend>,
    pub(super) objects: Option<u16>,
}

/// HAProxy, its configuration written.
pub(super) fn spec(site: &Site, haproxy: &Tool, before: Before) -> Result<Spec, StackError> {
    let Before { site: port, figures, servers, objects } = before;
    let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
    let socket = site.run.join(SOCKET);
    let conf = HaproxyConf {
        run_dir: site.run_text(),
        socket: socket.to_string_lossy().into_owned(),
        listen: format!("127.0.0.1:{port}"),
        stats: format!("127.0.0.1:{figures}"),
        servers,
        extra_sites: Vec::new(),
        objects: objects.map(|port| format!("127.0.0.1:{port}")),
        bucket: BUCKET.to_owned(),
        maxconn: 2000,
    };
    let path = write(site, "haproxy.cfg", &conf.text()?)?;
    let program = site.program(&haproxy.path).arg("-db").arg("-f").arg(path);
    let log = site.logs.join("haproxy.log");
    let what = format!("HAProxy {} before {} servers", haproxy.version, names.len());
    let tier = TierInfo {
        url: Some(url(port, "/")),
        logs: vec![log.display().to_string()],
        ..stores::tier(Tier::Proxy, what, Runtime::Native)
    };
    let (kind, name, telling) = ("haproxy", "haproxy".to_owned(), Vec::new());
    let ready = vec![Ready::http(port, "/healthz"), Ready::balances(&socket, names, port)];
    Ok(Spec { kind, name, program, log, telling, ready, ports: vec![port, figures], tier })
}
