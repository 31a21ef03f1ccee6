//! How everything that belongs to one stack is called, so that nothing foreign is ever touched. Pure.
//!
//! A project is `kneepoint-<8 digits of the .kneepoint folder>[-<slot>]`. Containers, networks and volumes carry it in
//! their label, which is enough to find all that was ever started under a folder, also when its records are gone.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::StackError;
use crate::hash::ContentHash;

/// The label of every container, network and volume; its value is the project.
pub(super) const LABEL: &str = "org.kneepoint.stack";
/// The longest slot that goes into a name as it is.
const SLOT: usize = 24;

/// The compose project of one stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Project(String);

impl Project {
    /// Of the (absolute) `.kneepoint` folder and the slot.
    pub(super) fn of(root: &Path, slot: Option<&str>) -> Self {
        let family = Family::of(root);
        Self(slot.map_or_else(|| family.0.clone(), |slot| format!("{}-{}", family.0, plain(slot))))
    }

    /// One that Docker's labels name, known to be ours.
    pub(super) const fn labelled(name: String) -> Self {
        Self(name)
    }

    /// A name that was handed on, e.g. to the cleaner.
    pub(super) fn parse(name: &str) -> Result<Self, StackError> {
        let digits = name.strip_prefix("kneepoint-").and_then(|rest| rest.get(..8));
        if digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit())) {
            return Ok(Self(name.to_owned()));
        }
        Err(StackError::System { what: "cleaning", why: format!("`{name}` is no stack of kneepoint's") })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// `LABEL=name`.
    pub(super) fn label(&self) -> String {
        format!("{LABEL}={}", self.0)
    }

    /// The full name of a volume of `compose.yaml`.
    pub(super) fn volume(&self, short: &str) -> String {
        format!("{}_{short}", self.0)
    }

    /// The name of a container that does one thing and ends.
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
pub(super) struct Family(String);

impl Family {
    /// Of this (absolute) folder.
    pub(super) fn of(root: &Path) -> Self {
        let hash = ContentHash::new().part(root.as_os_str().as_encoded_bytes()).short();
        Self(format!("kneepoint-{}", &hash[..8]))
    }

    /// Whether a label's value names a project of this folder.
    pub(super) fn has(&self, project: &str) -> bool {
        project.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// A slot as compose, Docker and the kernel take it in a name; what they would not take is replaced by its hash.
fn plain(slot: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !slot.is_empty() && slot.len() <= SLOT && slot.chars().all(fits) {
        return slot.to_owned();
    }
    ContentHash::new().part(slot.as_bytes()).short()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_folder_knows_its_own() {
        let root = Path::new("/home/me/shop/.kneepoint");
        let family = Family::of(root);
        let usual = Project::of(root, None);
        assert_eq!(usual.name().len(), "kneepoint-".len() + 8);
        assert!(family.has(usual.name()) && family.has(Project::of(root, Some("head")).name()));
        assert!(!family.has(Project::of(Path::new("/home/me/other"), None).name()));
        assert!(!family.has(&format!("{usual}x")) && !family.has("by-hand") && !family.has(""));
        assert_eq!(usual.volume("db"), format!("{usual}_db"));
        assert_eq!(Project::parse(usual.name()).unwrap(), usual);
        assert!(Project::parse("by-hand").is_err() && Project::parse("kneepoint-prod").is_err());
        assert_eq!(usual.label(), format!("org.kneepoint.stack={usual}"));
    }

    proptest! {
        #[test]
        fn any_slot_makes_a_name_that_compose_takes(one in "\\PC{0,40}", other in "\\PC{0,40}") {
            let root = Path::new("/x");
            let project = Project::of(root, Some(&one));
            prop_assert!(project.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c)));
            prop_assert!(project.name().len() <= 48 && Family::of(root).has(project.name()));
            prop_assert_eq!(project == Project::of(root, Some(&other)), one == other);
        }
    }
}
