//! Loads the scenarios of a run from the names, paths and weights in its configuration.

use std::path::Path;

use crate::error::ScenarioError;
use crate::scenario::Scenario;
use crate::scenario_env::ScenarioEnv;

/// Loads every configured scenario: a name of the library, or the path of a `.toml` file relative to `base`.
/// A weight of zero leaves the scenario out. A feed file that several scenarios name is read once and shared, so that a `unique`
/// row is given to only one journey of the whole run.
pub fn resolve<'a>(
    wanted: impl IntoIterator<Item = (&'a str, u32)>,
    base: &Path,
) -> Result<Vec<(Scenario, u32)>, ScenarioError> {
    let (mut found, env) = (Vec::new(), ScenarioEnv::new());
    for (name, weight) in wanted {
        if weight == 0 {
            continue;
        }
        let is_path = Path::new(name).extension().is_some_and(|extension| extension == "toml");
        let scenario =
            if is_path { Scenario::load_in(&base.join(name), &env)? } else { Scenario::from_library(name)? };
        found.push((scenario, weight));
    }
    if found.is_empty() { Err(ScenarioError::NoScenario) } else { Ok(found) }
}
