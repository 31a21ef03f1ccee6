//! The site's variables in compose: switches of topology and plan, and variables that the driver itself sets. Pure.

use std::collections::BTreeMap;

use super::conf::service_address;
use super::service::{ComposeService, database_of};
use crate::error::StackError;
use crate::switches::merge_switches;
use crate::topology::{Database, SharedCache, Topology};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SiteVariables {
    /// Every variable of the site.
    pub(super) all: BTreeMap<String, String>,
    /// The switches of topology and plan only, for reports.
    pub(super) switches: BTreeMap<String, String>,
}

/// # Errors
/// `BadSwitch` for a switch that may not be set; `BadTopology`.
pub(super) fn site_variables(
    topology: &Topology,
    plan: &BTreeMap<String, String>,
    services: &[ComposeService],
) -> Result<SiteVariables, StackError> {
    let switches = merge_switches(&topology.env, plan)?;
    let mut all = switches.clone();
    let mut set_default = |name: &str, value: String| {
        all.entry(name.to_owned()).or_insert(value);
    };
    // Requests name a container by its address, which is known only when it runs.
    set_default("KP_ALLOWED_HOSTS", "*".to_owned());
    if let Some(cache) = topology.cache {
        set_default("KP_CACHE", if cache == SharedCache::Redis { "redis" } else { "memcached" }.to_owned());
    }
    let url = match all.get("KP_CACHE").map(String::as_str) {
        Some("redis") => Some(format!("redis://{}/0", service_address(ComposeService::Redis))),
        Some("memcached") => Some(service_address(ComposeService::Memcached)),
        _ => None,
    };
    if let Some(url) = url {
        all.entry("KP_CACHE_URL".to_owned()).or_insert(url);
    }
    if services.contains(&ComposeService::Worker) {
        all.insert("KP_QUEUE".to_owned(), "celery".to_owned());
        all.insert(
            "KP_QUEUE_URL".to_owned(),
            format!("redis://{}/1", service_address(ComposeService::Redis)),
        );
    }
    if services.contains(&ComposeService::Objects) {
        all.insert("KP_OBJECTS_URL".to_owned(), objects_url());
    }
    let db = if database_of(topology)? == Database::Sqlite { "sqlite" } else { "mysql" };
    all.insert("KP_DB".to_owned(), db.to_owned());
    if services.contains(&ComposeService::Engine) {
        all.insert("KP_ENGINE_URL".to_owned(), format!("http://{}", service_address(ComposeService::Engine)));
    }
    Ok(SiteVariables { all, switches })
}

/// The object store's address for the site.
pub(super) fn objects_url() -> String {
    format!("http://{}", service_address(ComposeService::Objects))
}

#[cfg(test)]
mod tests {
    use super::super::service::required_services;
    use super::*;

    fn all(name: &str, plan: &[(&str, &str)]) -> BTreeMap<String, String> {
        let topology = Topology::named(name).unwrap();
        let plan = plan.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        site_variables(&topology, &plan, &required_services(&topology).unwrap()).unwrap().all
    }

    #[test]
    fn the_driver_names_hosts_by_their_services() {
        let cached = all("cached", &[]);
        assert_eq!(cached["KP_DB"], "mysql");
        assert_eq!(cached["KP_CACHE"], "redis");
        assert_eq!(cached["KP_CACHE_URL"], "redis://redis:6379/0");
        assert_eq!(cached["KP_ENGINE_URL"], "http://engine:9000");
        assert_eq!(cached["KP_SESSIONS"], "cached_db");
        let queued = all("queued", &[]);
        assert_eq!(
            (queued["KP_QUEUE"].as_str(), queued["KP_QUEUE_URL"].as_str()),
            ("celery", "redis://redis:6379/1")
        );
        assert_eq!(queued["KP_OBJECTS_URL"], "http://objects:9100");
        let alone = all("runserver", &[]);
        assert_eq!(alone["KP_DB"], "sqlite");
        assert!(
            !alone.contains_key("KP_QUEUE")
                && !alone.contains_key("KP_CACHE")
                && !alone.contains_key("KP_CACHE_URL")
        );
    }

    #[test]
    fn a_switch_changes_the_cache_and_its_address() {
        let changed = all("cached", &[("KP_CACHE", "memcached"), ("KP_ALLOWED_HOSTS", "shop.test")]);
        assert_eq!(changed["KP_CACHE_URL"], "memcached:11211");
        assert_eq!(changed["KP_ALLOWED_HOSTS"], "shop.test");
        let own = all("cached", &[("KP_CACHE", "locmem")]);
        assert!(!own.contains_key("KP_CACHE_URL"));
    }

    #[test]
    fn switches_are_separate_from_what_the_driver_sets() {
        let topology = Topology::named("nginx").unwrap();
        let plan = BTreeMap::from([("KP_GZIP".to_owned(), "1".to_owned())]);
        let variables = site_variables(&topology, &plan, &required_services(&topology).unwrap()).unwrap();
        assert_eq!(variables.switches, plan);
        let bad = BTreeMap::from([("KP_DB_HOST".to_owned(), "example.org".to_owned())]);
        assert!(site_variables(&topology, &bad, &[]).is_err());
    }
}
