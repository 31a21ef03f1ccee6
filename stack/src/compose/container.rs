//! Containers as `docker inspect` reports them. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::project::LABEL;
use super::service::ComposeService;
use crate::error::StackError;

/// The label by which compose names the service.
const SERVICE_LABEL: &str = "com.docker.compose.service";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// The full id.
    pub(super) id: String,
    /// Without the leading slash.
    pub(super) name: String,
    /// `None` when it is no service of `compose.yaml`.
    pub(super) service: Option<ComposeService>,
    /// The compose project.
    pub(super) project: String,
    pub(super) running: bool,
    /// `None` while it runs or has not been started.
    pub(super) end: Option<ContainerExit>,
    /// Process id of its first process on the daemon's machine.
    pub(super) pid: Option<u32>,
    /// Its address on the bridge.
    pub(super) address: Option<Ipv4Addr>,
    /// From ports in the container to ports of this machine.
    pub(super) published: BTreeMap<u16, u16>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContainerExit {
    pub(super) code: i64,
    /// Whether the kernel killed it for exceeding its memory limit.
    pub(super) out_of_memory: bool,
    /// Why it could not be started; empty when it was.
    pub(super) error: String,
}

impl ContainerExit {
    /// One line for messages.
    pub(super) fn describe(&self) -> String {
        if !self.error.is_empty() {
            return format!(
                "its container could not be started: {}",
                crate::host::redact::redact_line(&self.error)
            );
        }
        let why = match self.code {
            _ if self.out_of_memory => " (it exceeded its memory limit)".to_owned(),
            // 128 plus the number of the signal that ended it.
            code @ 129..=192 => format!(" (signal {} ended it)", code - 128),
            _ => String::new(),
        };
        format!("its container ended with exit code {}{why}", self.code)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawContainer {
    id: String,
    name: String,
    state: ContainerState,
    config: ContainerConfig,
    #[serde(default)]
    network_settings: ContainerNetworks,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerState {
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
struct ContainerConfig {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerNetworks {
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

/// The output of `docker inspect`, a list of containers.
pub(super) fn parse_inspect(text: &str) -> Result<Vec<Container>, StackError> {
    let raw: Vec<RawContainer> = serde_json::from_str(text.trim()).map_err(|error| StackError::System {
        what: "reading the output of `docker inspect`",
        why: error.to_string(),
    })?;
    Ok(raw.into_iter().map(from_raw).collect())
}

fn from_raw(raw: RawContainer) -> Container {
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
        service: ComposeService::from_name(label(SERVICE_LABEL)),
        project: label(LABEL).to_owned(),
        running: raw.state.running,
        end: ended.then_some(ContainerExit {
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
            let containers = parse_inspect(text).unwrap();
            let find =
                |service| containers.iter().find(|container| container.service == Some(service)).unwrap();
            let (server, db) = (find(ComposeService::Server), find(ComposeService::Db));
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
            parse_inspect(&format!(
                r#"[{{"Id":"a","Name":"/x","State":{state},"Config":{{"Labels":null}}}}]"#
            ))
            .unwrap()
            .remove(0)
        };
        let describe = |state: &str| one(state).end.unwrap().describe();
        let killed = describe(r#"{"Status":"exited","ExitCode":137}"#);
        assert_eq!(killed, "its container ended with exit code 137 (signal 9 ended it)");
        let full = describe(r#"{"Status":"exited","ExitCode":137,"OOMKilled":true}"#);
        assert_eq!(full, "its container ended with exit code 137 (it exceeded its memory limit)");
        assert_eq!(describe(r#"{"Status":"exited","ExitCode":1}"#), "its container ended with exit code 1");
        let never = describe(r#"{"Status":"created","Error":"exec: \"mysqld\": not found","ExitCode":127}"#);
        assert!(never.contains("could not be started: exec: \"mysqld\""), "{never}");
        assert!(one(r#"{"Status":"created"}"#).end.is_none());
        assert!(parse_inspect("[{}]").is_err() && parse_inspect("[]").unwrap().is_empty());
    }
}
