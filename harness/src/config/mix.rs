//! The mix of scenarios: those of the configuration, or the default of the target.

use std::path::Path;

use kneepoint_scenarios::resolve;

use super::plan::Mix;
use super::raw::RawConfig;
use super::{ConfigError, Overrides};

/// Default weights on the reference stack.
const REFERENCE_MIX: [(&str, u32); 5] =
    [("browse", 6), ("search", 2), ("login", 1), ("checkout", 1), ("api-crud", 1)];

/// Reads the scenarios with their weights. One that writes data is refused on an attached site.
pub(super) fn load_mix(raw: &RawConfig, base: &Path, over: &Overrides) -> Result<Mix, ConfigError> {
    let attached = over.attach.is_some() || raw.site.url.is_some();
    let mut named = raw.load.scenarios.clone().unwrap_or_default();
    if named.is_empty() && attached {
        return Ok(Mix::Crawled);
    }
    if named.is_empty() {
        named = REFERENCE_MIX.map(|(name, weight)| (name.to_owned(), weight)).into();
    }
    let weighted = named.iter().map(|(name, weight)| (name.as_str(), *weight));
    let scenarios = resolve(weighted, base).map_err(|e| ConfigError::Refused(e.to_string()))?;
    let writing = scenarios.iter().find(|(scenario, _)| attached && scenario.needs_throw_away());
    match writing {
        Some((scenario, _)) => Err(ConfigError::Refused(format!(
            "scenario `{}` has needs_throw_away = true, so it loads the reference stack only; remove it from [load.scenarios], or write \
             needs_throw_away = false in it if this site may be changed",
            scenario.name()
        ))),
        None => Ok(Mix::Given(scenarios)),
    }
}
