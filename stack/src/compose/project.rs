//! Names of compose projects, by which only resources of kneepoint are ever touched. Pure.
//!
//! A project is `kneepoint-<8 digits of the .kneepoint folder>[-<slot>]`. Containers, networks and volumes have it as label,
//! which is enough to find everything that was started under a folder, even without records.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::host::hash::ContentHash;

/// The label of every container, network and volume; its value is the project.
pub(super) const LABEL: &str = "org.kneepoint.stack";
/// Length of the longest slot that is used in a name unchanged.
const MAX_SLOT: usize = 24;

/// The compose project of one stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Project(String);

impl Project {
    /// `root` is the absolute `.kneepoint` folder.
    pub(super) fn for_slot(root: &Path, slot: Option<&str>) -> Self {
        let family = ProjectFamily::for_folder(root);
        Self(slot.map_or_else(|| family.0.clone(), |slot| format!("{}-{}", family.0, plain_slot(slot))))
    }

    /// From the value of a label that is known to be kneepoint's.
    pub(super) const fn from_label(name: String) -> Self {
        Self(name)
    }

    /// A name from outside, e.g. an argument of the cleaner.
    ///
    /// # Errors
    /// `System` when it is not a project of kneepoint.
    pub(super) fn parse(name: &str) -> Result<Self, StackError> {
        let digits = name.strip_prefix("kneepoint-").and_then(|rest| rest.get(..8));
        if digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit())) {
            return Ok(Self(name.to_owned()));
        }
        Err(StackError::System { what: "cleaning", why: format!("`{name}` is not a stack of kneepoint") })
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// `LABEL=name`, for filters and new resources.
    pub(super) fn label(&self) -> String {
        format!("{LABEL}={}", self.0)
    }

    /// The full name of a volume of `compose.yaml`.
    pub(super) fn volume(&self, short: &str) -> String {
        format!("{}_{short}", self.0)
    }

    /// The name of a container that runs one task and ends.
    pub(super) fn one_shot(&self, task: &str) -> String {
        format!("{}-{task}", self.0)
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All projects of one `.kneepoint` folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProjectFamily(String);

impl ProjectFamily {
    /// `root` is the absolute `.kneepoint` folder.
    pub(super) fn for_folder(root: &Path) -> Self {
        let hash = ContentHash::new().part(root.as_os_str().as_encoded_bytes()).short();
        Self(format!("kneepoint-{}", &hash[..8]))
    }

    /// Whether a label's value names a project of this folder.
    pub(super) fn contains(&self, project: &str) -> bool {
        project.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// A slot as compose, Docker and the kernel accept it in a name; any other slot is replaced by its hash.
fn plain_slot(slot: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !slot.is_empty() && slot.len() <= MAX_SLOT && slot.chars().all(fits) {
        return slot.to_owned();
    }
    ContentHash::new().part(slot.as_bytes()).short()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_folder_contains_its_projects() {
        let root = Path::new("/home/me/shop/.kneepoint");
        let family = ProjectFamily::for_folder(root);
        let usual = Project::for_slot(root, None);
        assert_eq!(usual.name().len(), "kneepoint-".len() + 8);
        assert!(
            family.contains(usual.name()) && family.contains(Project::for_slot(root, Some("head")).name())
        );
        assert!(!family.contains(Project::for_slot(Path::new("/home/me/other"), None).name()));
        assert!(
            !family.contains(&format!("{usual}x")) && !family.contains("by-hand") && !family.contains("")
        );
        assert_eq!(usual.volume("db"), format!("{usual}_db"));
        assert_eq!(Project::parse(usual.name()).unwrap(), usual);
        assert!(Project::parse("by-hand").is_err() && Project::parse("kneepoint-prod").is_err());
        assert_eq!(usual.label(), format!("org.kneepoint.stack={usual}"));
    }

    proptest! {
        #[test]
        fn any_slot_makes_a_name_that_compose_takes(one in "\\PC{0,40}", other in "\\PC{0,40}") {
            let root = Path::new("/x");
            let project = Project::for_slot(root, Some(&one));
            prop_assert!(project.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c)));
            prop_assert!(project.name().len() <= 48 && ProjectFamily::for_folder(root).contains(project.name()));
            prop_assert_eq!(project == Project::for_slot(root, Some(&other)), one == other);
        }
    }
}
