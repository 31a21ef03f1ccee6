//! From the names, paths and weights of a configuration to scenarios.

use std::path::Path;

use crate::refusal::ScenarioError;
use crate::scenario::Scenario;
use crate::surroundings::Surroundings;

/// Finds every scenario asked for: a name of the library, or the path of a `.toml` file relative to `base`.
/// A weight of zero leaves the scenario out. Files of data that several of them name are read once and shared: a row that is
/// given once is given once to all of them.
pub fn resolve<'a>(
    wanted: impl IntoIterator<Item = (&'a str, u32)>,
    base: &Path,
) -> Result<Vec<(Scenario, u32)>, ScenarioError> {
    let (mut found, surroundings) = (Vec::new(), Surroundings::new());
    for (name, weight) in wanted {
        if weight == 0 {
            continue;
        }
        let is_path = Path::new(name).extension().is_some_and(|extension| extension == "toml");
        let scenario = if is_path {
            Scenario::load_in(&base.join(name), &surroundings)?
        } else {
            Scenario::from_library(name)?
        };
        found.push((scenario, weight));
    }
    if found.is_empty() { Err(ScenarioError::NothingAsked) } else { Ok(found) }
}
