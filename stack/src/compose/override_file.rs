//! The override of `compose.yaml`, written for each stack: variables of the site, and machines. Pure. It is JSON, which is
//! YAML too. A service of which nothing is said is named all the same: without services v1 takes it for an older format.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::machines::Machines;
use super::service::ComposeService;
use crate::topology::{ServerKind, Topology};

/// What the file says.
pub(super) struct Override<'a> {
    /// The services that are started.
    pub(super) services: &'a [ComposeService],
    /// What is brought up.
    pub(super) topology: &'a Topology,
    /// The site's variables.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// Quotas.
    pub(super) machines: &'a Machines,
    /// The folder of logs on this machine.
    pub(super) logs: &'a Path,
}

/// Where the second app server sees the folder of logs of the whole stack.
const ALL_LOGS: &str = "/srv/kneepoint/all-logs";

impl Override<'_> {
    /// The whole file.
    pub(super) fn text(&self) -> String {
        let services: Map<String, Value> =
            self.services.iter().map(|service| (service.name().to_owned(), self.service(*service))).collect();
        let file = json!({ "services": services });
        // A value made of maps and strings can always be written.
        format!("{file:#}\n")
    }

    fn service(&self, service: ComposeService) -> Value {
        let mut keys = Map::new();
        if service.is_django() {
            let mut variables = self.variables.clone();
            if service == ComposeService::Server2 {
                // The probe's statements of both servers are one list; each line is one write.
                let shared = format!("{}:{ALL_LOGS}", self.logs.display());
                keys.insert("volumes".to_owned(), json!([shared]));
                variables.insert("KNEEPOINT_STATEMENTS".to_owned(), format!("{ALL_LOGS}/statements.jsonl"));
            }
            keys.insert("environment".to_owned(), environment(&variables));
        }
        if service == ComposeService::Server && self.topology.server == ServerKind::Runserver {
            let command = ["python", "manage.py", "runserver", "--noreload", "0.0.0.0:8000"];
            keys.insert("command".to_owned(), json!(command));
        }
        match self.machines {
            Machines::Off => {}
            Machines::Shared { of, .. } => {
                if let Some(parent) = of.get(&service).or_else(|| of.get(&stands_in(service))) {
                    keys.insert("cgroup_parent".to_owned(), json!(parent));
                }
            }
            Machines::Alone { of, .. } => {
                if let Some((cpus, memory)) = of.get(&service).or_else(|| of.get(&stands_in(service))) {
                    keys.insert("cpus".to_owned(), json!(cpus));
                    keys.insert("mem_limit".to_owned(), json!(format!("{memory}b")));
                }
            }
        }
        Value::Object(keys)
    }
}

/// A second app server that no machine names stands on that of the first.
const fn stands_in(service: ComposeService) -> ComposeService {
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
    use super::super::machines::Powers;
    use super::super::project::Project;
    use super::super::service::wanted;
    use super::*;

    fn text(name: &str, quotas: bool, root: bool) -> String {
        let topology = Topology::named(name).unwrap();
        let services = wanted(&topology).unwrap();
        let powers = Powers { root, same_host: true };
        let project = Project::of(Path::new("/x"), None);
        let machines = Machines::plan(quotas, &topology.machines, &project, &Daemon::default(), powers);
        let variables = BTreeMap::from([("KP_SECRET_KEY".to_owned(), "a$b\"c".to_owned())]);
        let logs = Path::new("/run/logs");
        Override {
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
