//! Containers as `docker inspect` tells of them, and how one that ended ended. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::project::LABEL;
use super::service::ComposeService;
use crate::StackError;

/// Compose's own label for the service.
const SERVICE: &str = "com.docker.compose.service";

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// Its full id.
    pub(super) id: String,
    /// Its name, without the slash.
    pub(super) name: String,
    /// The service of `compose.yaml` that it is, when it is one.
    pub(super) service: Option<ComposeService>,
    /// The project that it belongs to.
    pub(super) project: String,
    /// Whether it runs.
    pub(super) running: bool,
    /// How it ended, when it did.
    pub(super) end: Option<End>,
    /// Its first process, as the daemon's machine numbers it.
    pub(super) pid: Option<u32>,
    /// Its address on the bridge.
    pub(super) address: Option<Ipv4Addr>,
    /// Where its ports are published on this machine.
    pub(super) published: BTreeMap<u16, u16>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// Its exit code.
    pub(super) code: i64,
    /// Whether it took more memory than it may.
    pub(super) out_of_memory: bool,
    /// Why it could not even start.
    pub(super) error: String,
}

impl End {
    /// In words.
    pub(super) fn words(&self) -> String {
        if !self.error.is_empty() {
            return format!("its container could not be started: {}", crate::mask::mask_line(&self.error));
        }
        let why = match self.code {
            _ if self.out_of_memory => " (it took more memory than it may)".to_owned(),
            // As shells number those whom a signal ended.
            code @ 129..=192 => format!(" (signal {} ended it)", code - 128),
            _ => String::new(),
        };
        format!("its container ended with exit code {}{why}", self.code)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    id: String,
    name: String,
    state: State,
    config: Config,
    #[serde(default)]
    network_settings: Networks,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    #[serde(default)]
    status: String,
    #[serde(default)]
    running: bool,
    #[serde(default, rename = "OOMKilled")]
    out_of_memory: bool,
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Networks {
    networks: Option<BTreeMap<String, Network>>,
    ports: Option<BTreeMap<String, Option<Vec<Published>>>>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(default, rename = "IPAddress")]
    address: String,
}

#[derive(Deserialize)]
struct Published {
    #[serde(rename = "HostPort")]
    port: String,
}

/// What `docker inspect` printed, a list of containers.
pub(super) fn parse(text: &str) -> Result<Vec<Container>, StackError> {
    let raw: Vec<Raw> = serde_json::from_str(text.trim()).map_err(|error| StackError::System {
        what: "reading what `docker inspect` says",
        why: error.to_string(),
    })?;
    Ok(raw.into_iter().map(container).collect())
}

fn container(raw: Raw) -> Container {
    let labels = raw.config.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    let networks = raw.network_settings.networks.unwrap_or_default();
    let published = raw.network_settings.ports.unwrap_or_default();
    let published = published.iter().filter_map(|(inside, outside)| {
        let inside = inside.split('/').next()?.parse().ok()?;
        Some((inside, outside.as_ref()?.first()?.port.parse().ok()?))
    });
    let ended = !raw.state.running && matches!(raw.state.status.as_str(), "exited" | "dead")
        || !raw.state.error.is_empty();
    Container {
        id: raw.id,
        name: raw.name.trim_start_matches('/').to_owned(),
        service: ComposeService::named(label(SERVICE)),
        project: label(LABEL).to_owned(),
        running: raw.state.running,
        end: ended.then_some(End {
            code: raw.state.exit_code,
            out_of_memory: raw.state.out_of_memory,
            error: raw.state.error,
        }),
        pid: (raw.state.pid > 0).then_some(raw.state.pid),
        address: networks.values().find_map(|network| network.address.parse().ok()),
        published: published.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_of_both_composes() {
        for text in [include_str!("goldens/inspect-v1.json"), include_str!("goldens/inspect-v2.json")] {
            let containers = parse(text).unwrap();
            let of =
                |service| containers.iter().find(|container| container.service == Some(service)).unwrap();
            let (server, db) = (of(ComposeService::Server), of(ComposeService::Db));
            assert!(server.running && server.end.is_none() && server.pid.is_some());
            assert_eq!(server.published, BTreeMap::from([(80, 18_999)]));
            assert_eq!(server.project, "kneepoint-toy1");
            assert!(server.name.starts_with("kneepoint-toy1") && server.id.len() == 64);
            assert!(db.published.is_empty() && db.address.unwrap().is_private());
            assert_ne!(server.address, db.address);
        }
    }

    #[test]
    fn how_a_container_ended() {
        let one = |state: &str| {
            parse(&format!(r#"[{{"Id":"a","Name":"/x","State":{state},"Config":{{"Labels":null}}}}]"#))
                .unwrap()
                .remove(0)
        };
        let words = |state: &str| one(state).end.unwrap().words();
        let killed = words(r#"{"Status":"exited","ExitCode":137}"#);
        assert_eq!(killed, "its container ended with exit code 137 (signal 9 ended it)");
        let full = words(r#"{"Status":"exited","ExitCode":137,"OOMKilled":true}"#);
        assert_eq!(full, "its container ended with exit code 137 (it took more memory than it may)");
        assert_eq!(words(r#"{"Status":"exited","ExitCode":1}"#), "its container ended with exit code 1");
        let never = words(r#"{"Status":"created","Error":"exec: \"mysqld\": not found","ExitCode":127}"#);
        assert!(never.contains("could not be started: exec: \"mysqld\""), "{never}");
        assert!(one(r#"{"Status":"created"}"#).end.is_none());
        assert!(parse("[{}]").is_err() && parse("[]").unwrap().is_empty());
    }
}
