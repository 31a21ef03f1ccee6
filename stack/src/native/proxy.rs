//! The proxy tier: nginx with a configuration of its own, touching nothing of the system's.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::{Program, find};
use rustix::process::{Resource, getrlimit};

use super::server::{socket_path, write};
use super::service::Spec;
use super::up::{Site, url, user};
use crate::render::{Backend, NginxConf};
use crate::topology::ProxySettings;
use crate::{Ports, StackError, exec};

/// The template's own wish for open files.
const FILES: u64 = 8192;
/// From this version on, `-e` keeps nginx from opening the system's error log first.
const KNOWS_E: (u32, u32, u32) = (1, 19, 5);
/// From this version on, a reload can spare idle clients.
const KEEPS_CLIENTS: (u32, u32, u32) = (1, 27, 4);

/// An installed nginx.
pub(crate) struct Nginx {
    path: std::path::PathBuf,
    /// `1.22.1`.
    pub(crate) version: String,
}

/// Finds nginx and asks for its version.
pub(crate) fn locate(cancel: &Cancel) -> Result<Nginx, StackError> {
    let missing = || StackError::ToolMissing {
        program: "nginx",
        fix: "`apt install nginx`, or use the topology gunicorn",
    };
    let path = find("nginx").ok_or_else(missing)?;
    let ask = Program::new(&path).arg("-v");
    let output =
        exec::run(ask, "asking nginx for its version", Duration::from_secs(10), cancel, &mut |_, _| {})?;
    let version = version(&output.stderr_tail).unwrap_or_else(|| "of unknown version".to_owned());
    Ok(Nginx { path, version })
}

/// `nginx version: nginx/1.22.1 (Ubuntu)`.
fn version(text: &str) -> Option<String> {
    let rest = text.split("nginx/").nth(1)?;
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    (!version.is_empty()).then_some(version)
}

/// Whether this version is that one or later.
fn since(version: &str, wanted: (u32, u32, u32)) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= wanted
}

/// nginx before the server, its configuration written.
pub(super) fn spec(
    site: &Site,
    settings: &ProxySettings,
    nginx: &Nginx,
    ports: Ports,
) -> Result<Spec, StackError> {
    // Raising the limit beyond the hard one needs root; a connection needs two files at least.
    let wanted = settings.open_files.map_or(FILES, u64::from);
    let files = getrlimit(Resource::Nofile).maximum.map_or(wanted, |hard| hard.min(wanted));
    let address = if settings.socket == Some(true) {
        format!("unix:{}", socket_path(site).display())
    } else {
        format!("127.0.0.1:{}", ports.server)
    };
    let static_root = format!("{}/data/{}", site.run_text(), crate::data::STATIC);
    let conf = NginxConf {
        run_dir: site.run_text(),
        user: user().map(str::to_owned),
        listen: format!("127.0.0.1:{}", ports.site),
        upstreams: vec![Backend { name: "app-1".to_owned(), address }],
        extra_sites: Vec::new(),
        static_root: Some(static_root).filter(|_| settings.static_files != Some(false)),
        media: None,
        settings: settings.clone(),
        keeps_clients: since(&nginx.version, KEEPS_CLIENTS),
        worker_rlimit_nofile: files,
        worker_connections: (files / 4).clamp(64, 2048),
    };
    let path = write(site, "nginx.conf", &conf.text()?)?;
    let error_log = site.logs.join("nginx-error.log");
    let mut program =
        site.program(&nginx.path).arg("-p").arg(&site.run).arg("-c").arg(path).args(["-g", "daemon off;"]);
    if since(&nginx.version, KNOWS_E) {
        program = program.arg("-e").arg(site.run.join("logs/nginx-error.log"));
    }
    let log = site.logs.join("nginx.log");
    let access_log = site.logs.join("nginx-access.jsonl").display().to_string();
    let cache = if settings.cache { "with" } else { "without" };
    let tier = TierInfo {
        tier: Tier::Proxy,
        what: format!("nginx {} {cache} a page cache", nginx.version),
        roots: Vec::new(),
        runtime: Runtime::Native,
        url: Some(url(ports.site, "/")),
        concurrency: None,
        status_url: Some(url(ports.site, "/kneepoint-status")),
        pprof_url: None,
        access_log: Some(access_log.clone()),
        logs: vec![error_log.display().to_string(), access_log],
        instruments: Vec::new(),
        containers: Vec::new(),
    };
    let telling = vec![error_log];
    let ready = url(ports.site, "/healthz");
    Ok(Spec { name: "nginx", program, log, telling, ready, port: ports.site, tier })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_nginx() {
        assert_eq!(version("nginx version: nginx/1.22.1\n").unwrap(), "1.22.1");
        assert_eq!(version("nginx version: nginx/1.18.0 (Ubuntu)").unwrap(), "1.18.0");
        assert_eq!(version("something else"), None);
        for (version, knows) in
            [("1.22.1", true), ("1.19.5", true), ("2.0", true), ("1.18.0", false), ("of unknown", false)]
        {
            assert_eq!(since(version, KNOWS_E), knows, "{version}");
        }
    }
}
