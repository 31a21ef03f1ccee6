//! The override of `compose.yaml` for one stack: variables of the site, and machines. Pure. It is JSON, which is valid YAML.
//! Services without changes are listed too: v1 takes a file without services for an older format.

use std::collections::BTreeMap;
use std::path::Path;

use kneepoint_model::run::names;
use serde_json::{Map, Value, json};

use super::machines::Machines;
use super::service::ComposeService;
use crate::host::folder::log_path;
use crate::topology::{ServerKind, Topology};

/// The content of the file.
pub(super) struct OverrideFile<'a> {
    /// The services that are started.
    pub(super) services: &'a [ComposeService],
    pub(super) topology: &'a Topology,
    /// The site's variables.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// Quotas of machines.
    pub(super) machines: &'a Machines,
    /// The folder of logs on this machine.
    pub(super) logs: &'a Path,
}

/// Where the logs folder of the whole stack is mounted in the second app server.
const SHARED_LOGS: &str = "/srv/kneepoint/all-logs";

impl OverrideFile<'_> {
    pub(super) fn text(&self) -> String {
        let services: Map<String, Value> = self
            .services
            .iter()
            .map(|service| (service.name().to_owned(), self.service_keys(*service)))
            .collect();
        let file = json!({ "services": services });
        // Serializing maps and strings cannot fail.
        format!("{file:#}\n")
    }

    fn service_keys(&self, service: ComposeService) -> Value {
        let mut keys = Map::new();
        if service.is_django() {
            let mut variables = self.variables.clone();
            if service == ComposeService::Server2 {
                // Both servers append SQL statements to one file; each line is one write.
                let shared = format!("{}:{SHARED_LOGS}", self.logs.display());
                keys.insert("volumes".to_owned(), json!([shared]));
                let statements = log_path(Path::new(SHARED_LOGS), names::STATEMENTS);
                variables.insert("KNEEPOINT_STATEMENTS".to_owned(), statements.display().to_string());
            }
            keys.insert("environment".to_owned(), environment(&variables));
        }
        if service == ComposeService::Server && self.topology.server == ServerKind::Runserver {
            let command = ["python", "manage.py", "runserver", "--noreload", "0.0.0.0:8000"];
            keys.insert("command".to_owned(), json!(command));
        }
        match self.machines {
            Machines::Off => {}
            Machines::Shared { parent_of, .. } => {
                if let Some(parent) =
                    parent_of.get(&service).or_else(|| parent_of.get(&machine_service(service)))
                {
                    keys.insert("cgroup_parent".to_owned(), json!(parent));
                }
            }
            Machines::PerContainer { quota_of, .. } => {
                if let Some((cpus, memory)) =
                    quota_of.get(&service).or_else(|| quota_of.get(&machine_service(service)))
                {
                    keys.insert("cpus".to_owned(), json!(cpus));
                    keys.insert("mem_limit".to_owned(), json!(format!("{memory}b")));
                }
            }
        }
        Value::Object(keys)
    }
}

/// A second app server that no machine lists is placed on the machine of the first.
const fn machine_service(service: ComposeService) -> ComposeService {
    match service {
        ComposeService::Server2 => ComposeService::Server,
        other => other,
    }
}

/// Compose replaces `$NAME` in every value, so a dollar sign is doubled.
fn environment(variables: &BTreeMap<String, String>) -> Value {
    variables
        .iter()
        .map(|(name, value)| (name.clone(), json!(value.replace('$', "$$"))))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::super::daemon::Daemon;
    use super::super::machines::HostAccess;
    use super::super::project::Project;
    use super::super::service::required_services;
    use super::*;

    fn text(name: &str, quotas: bool, root: bool) -> String {
        let topology = Topology::named(name).unwrap();
        let services = required_services(&topology).unwrap();
        let access = HostAccess { root, same_host: true };
        let project = Project::for_slot(Path::new("/x"), None);
        let machines = Machines::plan(quotas, &topology.machines, &project, &Daemon::default(), access);
        let variables = BTreeMap::from([("KP_SECRET_KEY".to_owned(), "a$b\"c".to_owned())]);
        let logs = Path::new("/run/logs");
        OverrideFile {
            services: &services,
            topology: &topology,
            variables: &variables,
            machines: &machines,
            logs,
        }
        .text()
    }

    #[test]
    fn a_stack_with_machines() {
        insta::assert_snapshot!(text("db-apart", true, true));
    }

    #[test]
    fn without_root_each_container_has_its_own_quota() {
        insta::assert_snapshot!(text("gunicorn", true, false));
    }

    #[test]
    fn two_servers_write_one_list_of_statements() {
        insta::assert_snapshot!(text("balanced", false, true));
    }

    #[test]
    fn runserver_without_quotas() {
        insta::assert_snapshot!(text("runserver", false, true));
    }
}
