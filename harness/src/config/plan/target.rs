//! The target: the reference stack, or a site that already runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kneepoint_model::via::Via;
use serde::Serialize;
use url::Url;

use crate::config::raw::{DataSize, RawConfig, Site, StackDb, StackDriver};
use crate::config::required::required;
use crate::config::{ConfigError, Overrides};

/// The reference stack, or a site that already runs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Brought up and taken down by kneepoint.
    Reference(StackPart),
    /// Neither started nor stopped.
    Site(Box<SiteTarget>),
}

/// How the reference stack is brought up.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StackPart {
    pub(crate) driver: StackDriver,
    pub(crate) db: StackDb,
    pub(crate) topology: String,
    pub(crate) size: DataSize,
    pub(crate) seed: u64,
    pub(crate) port: u16,
    pub(crate) workers: u32,
    pub(crate) python: Option<PathBuf>,
    pub(crate) env: BTreeMap<String, String>,
}

/// A site that already runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SiteTarget {
    pub(crate) url: Url,
    pub(crate) host_header: Option<String>,
    pub(crate) via: Via,
    pub(crate) consent: bool,
    pub(crate) access_log: Option<PathBuf>,
    pub(crate) server_pids: Vec<u32>,
    pub(crate) pprof_url: Option<Url>,
}

/// Combines the file and the command line.
pub(super) fn build_target(
    raw: &RawConfig,
    base: &Path,
    seed: u64,
    over: &Overrides,
) -> Result<Target, ConfigError> {
    if let Some(url) = over.attach.clone().or_else(|| raw.site.url.clone()) {
        return Ok(Target::Site(Box::new(build_site(&raw.site, base, url, over)?)));
    }
    for (flag, given) in [("--unix-socket", over.unix_socket.is_some()), ("--cacert", over.ca_file.is_some())]
    {
        if given {
            let why = "needs a site that already runs; add --attach, e.g. --attach http://shop.test/";
            return Err(ConfigError::Flag { flag, why: why.to_owned() });
        }
    }
    let mut env = raw.stack.env.clone().unwrap_or_default();
    env.extend(over.env.iter().cloned());
    Ok(Target::Reference(StackPart {
        driver: over.driver.unwrap_or(required(raw.stack.driver)),
        db: over.db.unwrap_or(required(raw.stack.db)),
        topology: over.topology.clone().unwrap_or_else(|| required(raw.stack.topology.clone())),
        size: over.size.unwrap_or(required(raw.stack.size)),
        seed,
        port: required(raw.stack.port).0,
        workers: required(raw.stack.workers),
        python: over.python.clone(),
        env,
    }))
}

fn build_site(raw: &Site, base: &Path, url: Url, over: &Overrides) -> Result<SiteTarget, ConfigError> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(ConfigError::Flag {
            flag: "--attach",
            why: format!("`{url}` is not an http or https address; write e.g. http://127.0.0.1:8000"),
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::Flag {
            flag: "--attach",
            why: "the address has a user name or password, which would end up in the run folder; remove them"
                .to_owned(),
        });
    }
    let allowed = raw.allow_hosts.iter().flatten().any(|host| Some(host.as_str()) == url.host_str());
    let in_file = |path: &PathBuf| base.join(path);
    let unix_socket = match (&over.unix_socket, &raw.unix_socket) {
        (Some(given), _) => Some(given.0.clone()),
        (None, Some(written)) => Some(written.resolve(base).map_err(ConfigError::Merged)?),
        (None, None) => None,
    };
    let ca_file = over.ca_file.clone().or_else(|| raw.ca_file.as_ref().map(in_file));
    Ok(SiteTarget {
        via: Via { unix_socket, ca_file },
        consent: over.own_target || allowed,
        host_header: raw.host_header.clone(),
        access_log: raw.access_log.clone(),
        server_pids: raw.server_pids.clone().unwrap_or_default(),
        pprof_url: raw.pprof_url.clone(),
        url,
    })
}
