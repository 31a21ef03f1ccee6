//! Switches: `KP_…` environment variables of the site, set by a topology and overridden by a plan. Pure.
//!
//! Switches that would point the site to other data than the stack's own are refused, because journeys write to it.

use std::collections::BTreeMap;

use kneepoint_model::secret::is_secret;

use crate::error::StackError;
use crate::host::redact;
use crate::topology::is_env_name;

/// Switches that the driver sets, or that select data it has not prepared.
const RESERVED: [&str; 8] = [
    "KP_DB",
    "KP_SQLITE_PATH",
    "KP_STATIC_ROOT",
    "KP_MEDIA_ROOT",
    "KP_ENGINE_URL",
    "KP_CACHE_URL",
    "KP_QUEUE",
    "KP_QUEUE_URL",
];
/// The same for all names with these prefixes.
const RESERVED_PREFIXES: [&str; 4] = ["KP_DB_", "KP_OBJECTS_", "KP_REPLICA_HOST", "KP_REPLICA_PORT"];
/// Exceptions: they change how the site connects, not where to.
const ALLOWED: [&str; 2] = ["KP_DB_DRIVER", "KP_DB_TLS"];

/// The topology's switches, overridden by the plan's.
///
/// # Errors
/// `BadSwitch` for a name that is not `KP_…` or is reserved.
pub(crate) fn merge_switches(
    topology: &BTreeMap<String, String>,
    plan: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, StackError> {
    let mut all = topology.clone();
    all.extend(plan.iter().map(|(key, value)| (key.clone(), value.clone())));
    for (name, value) in &all {
        let bad = |why| Err(StackError::BadSwitch { name: name.clone(), why });
        if !name.starts_with("KP_") || !is_env_name(name) {
            return bad("the name of a switch begins with KP_");
        }
        let reserved = RESERVED.contains(&name.as_str())
            || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if reserved && !ALLOWED.contains(&name.as_str()) {
            return bad("the driver sets it itself");
        }
        if value.contains('\0') {
            return bad("its value contains a zero byte");
        }
    }
    Ok(all)
}

/// The switches without secrets, for reports and records.
pub(crate) fn public_switches(switches: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let public = switches.iter().filter(|(name, _)| !is_secret(name));
    public.map(|(name, value)| (name.clone(), redact::redact_line(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_plan_overrides_the_topology() {
        let merged =
            merge_switches(&map(&[("KP_GZIP", "0"), ("KP_ETAG", "1")]), &map(&[("KP_GZIP", "1")])).unwrap();
        assert_eq!(merged, map(&[("KP_GZIP", "1"), ("KP_ETAG", "1")]));
    }

    #[test]
    fn switches_that_point_the_site_to_other_data_are_refused() {
        for name in [
            "KP_DB",
            "KP_DB_HOST",
            "KP_SQLITE_PATH",
            "KP_CACHE_URL",
            "KP_OBJECTS_URL",
            "KP_REPLICA_HOST",
            "PYTHONPATH",
            "LD_PRELOAD",
            "KP_A B",
        ] {
            let error = merge_switches(&map(&[]), &map(&[(name, "x")])).unwrap_err();
            assert!(matches!(error, StackError::BadSwitch { .. }), "{name}");
        }
    }

    #[test]
    fn switches_that_change_only_how_the_site_connects_are_allowed() {
        for name in ["KP_DB_DRIVER", "KP_DB_TLS", "KP_CACHE", "KP_REPLICA", "KP_POOL"] {
            assert!(merge_switches(&map(&[]), &map(&[(name, "x")])).is_ok(), "{name}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let public = public_switches(&map(&[
            ("KP_SECRET_KEY", "abc"),
            ("KP_FAULTS", "n_plus_one"),
            ("KP_CACHE_URL", "redis://u:word@h/0"),
        ]));
        assert_eq!(public, map(&[("KP_FAULTS", "n_plus_one"), ("KP_CACHE_URL", "redis://***@h/0")]));
    }
}
