//! What visitors do: the scenarios that are asked for, or those of the target.

use std::path::Path;

use kneepoint_scenarios::resolve;

use super::plan::Mix;
use super::raw::RawConfig;
use super::{ConfigError, Overrides};

/// The reference stack's own mix of journeys.
const REFERENCE_MIX: [(&str, u32); 5] =
    [("browse", 6), ("search", 2), ("login", 1), ("checkout", 1), ("api-crud", 1)];

/// The scenarios with their weights. One that writes is refused on a site that is not thrown away.
pub(super) fn mix(raw: &RawConfig, base: &Path, over: &Overrides) -> Result<Mix, ConfigError> {
    let attached = over.attach.is_some() || raw.site.url.is_some();
    let mut named = raw.load.scenarios.clone().unwrap_or_default();
    if named.is_empty() && attached {
        return Ok(Mix::Crawled);
    }
    if named.is_empty() {
        named = REFERENCE_MIX.map(|(name, weight)| (name.to_owned(), weight)).into();
    }
    let wanted = named.iter().map(|(name, weight)| (name.as_str(), *weight));
    let scenarios = resolve(wanted, base).map_err(|e| ConfigError::Refused(e.to_string()))?;
    let writing = scenarios.iter().find(|(scenario, _)| attached && scenario.needs_throw_away());
    match writing {
        Some((scenario, _)) => Err(ConfigError::Refused(format!(
            "scenario `{}` writes data and the site is not a throw-away stack of kneepoint's own; remove it from [load.scenarios]",
            scenario.name()
        ))),
        None => Ok(Mix::Given(scenarios)),
    }
}
