//! The environment of the site: switches of the topology, overridden by those of the plan, under what the driver itself
//! must set. Pure.
//!
//! Only `KP_…` switches may be given, and none that would point the site at data that is not the stack's own: writing
//! journeys run against it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{StackError, mask};

/// Switches that the driver sets, or that choose data it has not prepared.
const RESERVED: [&str; 4] = ["KP_DB", "KP_SQLITE_PATH", "KP_STATIC_ROOT", "KP_ENGINE_URL"];

/// Topology's and plan's switches in one map.
pub(super) fn merge(
    topology: &BTreeMap<String, String>,
    plan: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, StackError> {
    let mut all = topology.clone();
    all.extend(plan.iter().map(|(key, value)| (key.clone(), value.clone())));
    for (name, value) in &all {
        let bad = |why| Err(StackError::BadSwitch { name: name.clone(), why });
        if !name.starts_with("KP_") || !crate::topology::is_variable(name) {
            return bad("a switch of the site is named KP_…");
        }
        if RESERVED.iter().any(|reserved| name == reserved) || name.starts_with("KP_DB_") {
            return bad("the driver sets this one itself");
        }
        if value.contains('\0') {
            return bad("its value holds a zero byte");
        }
    }
    Ok(all)
}

/// The switches that may be shown and stored.
pub(super) fn shown(switches: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let public = switches.iter().filter(|(name, _)| !mask::is_secret_name(name));
    public.map(|(name, value)| (name.clone(), mask::mask_line(value))).collect()
}

/// What the driver itself tells the site.
pub(super) struct Own<'a> {
    pub(super) stack: &'a Path,
    pub(super) data: &'a Path,
    pub(super) statements: &'a Path,
    pub(super) engine_url: Option<String>,
}

impl Own<'_> {
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let path = |name: &str| text(&self.stack.join(name));
        let mut all = BTreeMap::from([
            ("PYTHONPATH".to_owned(), format!("{}:{}", path("bookstore"), path("probe"))),
            ("PYTHONUNBUFFERED".to_owned(), "1".to_owned()),
            ("DJANGO_SETTINGS_MODULE".to_owned(), "kneepoint_django.overlay".to_owned()),
            ("KNEEPOINT_DJANGO_SETTINGS".to_owned(), "bookstore.settings".to_owned()),
            ("KNEEPOINT_STATEMENTS".to_owned(), text(self.statements)),
            ("KP_SQLITE_PATH".to_owned(), text(&self.data.join(crate::data::DATABASE))),
            ("KP_STATIC_ROOT".to_owned(), text(&self.data.join(crate::data::STATIC))),
        ]);
        all.extend(self.engine_url.clone().map(|url| ("KP_ENGINE_URL".to_owned(), url)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_plan_overrides_the_topology() {
        let merged = merge(&map(&[("KP_GZIP", "0"), ("KP_ETAG", "1")]), &map(&[("KP_GZIP", "1")])).unwrap();
        assert_eq!(merged, map(&[("KP_GZIP", "1"), ("KP_ETAG", "1")]));
    }

    #[test]
    fn nobody_points_the_site_at_other_data() {
        for name in ["KP_DB", "KP_DB_HOST", "KP_SQLITE_PATH", "PYTHONPATH", "LD_PRELOAD", "KP_A B"] {
            let error = merge(&map(&[]), &map(&[(name, "x")])).unwrap_err();
            assert!(matches!(error, StackError::BadSwitch { .. }), "{name}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = shown(&map(&[
            ("KP_SECRET_KEY", "abc"),
            ("KP_FAULTS", "n_plus_one"),
            ("KP_CACHE_URL", "redis://u:word@h/0"),
        ]));
        assert_eq!(shown, map(&[("KP_FAULTS", "n_plus_one"), ("KP_CACHE_URL", "redis://***@h/0")]));
    }
}
