//! Libraries that are compiled in more than one version are listed in `duplicates.txt`, each with its reason. A new one fails
//! the test, and so does one that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::sources::root;

/// `name: version version … # reason` a line.
const LISTED: &str = include_str!("duplicates.txt");

fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = toml::from_str(&text).expect("Cargo.lock is TOML");
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for package in lock["package"].as_array().expect("packages") {
        let text = |key: &str| package[key].as_str().expect("text").to_owned();
        versions.entry(text("name")).or_default().insert(text("version"));
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

fn listed() -> BTreeMap<String, BTreeSet<String>> {
    let mut versions = BTreeMap::new();
    for line in LISTED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (entry, reason) = line.split_once('#').unwrap_or_else(|| panic!("`{line}` has no reason"));
        assert!(!reason.trim().is_empty(), "`{line}` has no reason");
        let (name, list) =
            entry.split_once(':').unwrap_or_else(|| panic!("`{line}` is not `name: versions # reason`"));
        versions.insert(name.to_owned(), list.split_whitespace().map(str::to_owned).collect());
    }
    versions
}

#[test]
fn libraries_in_several_versions_are_exactly_those_listed() {
    let (locked, listed) = (locked(), listed());
    let mut faults = Vec::new();
    for (name, versions) in &locked {
        match listed.get(name) {
            None => faults.push(format!("new: {name} {versions:?}; avoid it, or list it with its reason")),
            Some(known) if known != versions => {
                faults.push(format!("{name}: {versions:?}, listed {known:?}"));
            }
            Some(_) => {}
        }
    }
    faults.extend(
        listed
            .keys()
            .filter(|name| !locked.contains_key(*name))
            .map(|name| format!("gone: {name}; remove its line")),
    );
    assert!(faults.is_empty(), "harness/tests/laws/duplicates.txt:\n{}", faults.join("\n"));
}
