//! From the names, paths and weights of a configuration to scenarios.

use std::path::Path;

use crate::refusal::ScenarioError;
use crate::scenario::Scenario;

/// Finds every scenario asked for: a name of the library, or the path of a `.toml` file relative to `base`.
/// A weight of zero leaves the scenario out.
pub fn resolve<'a>(
    wanted: impl IntoIterator<Item = (&'a str, u32)>,
    base: &Path,
) -> Result<Vec<(Scenario, u32)>, ScenarioError> {
    let mut found = Vec::new();
    for (name, weight) in wanted {
        if weight == 0 {
            continue;
        }
        let is_path = Path::new(name).extension().is_some_and(|extension| extension == "toml");
        let scenario =
            if is_path { Scenario::load(&base.join(name))? } else { Scenario::from_library(name)? };
        found.push((scenario, weight));
    }
    if found.is_empty() { Err(ScenarioError::NothingAsked) } else { Ok(found) }
}
