//! Every dependency is used: those of each member in its sources, those of the workspace by a member.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Package, packages, root, without_tests_and_comments};

/// Dependencies that no source names: member, dependency, reason.
const UNNAMED: [(&str, &str, &str); 0] = [];

/// Words of the sources that may use a kind of dependency.
fn identifiers(package: &Package, kind: Option<&str>) -> BTreeSet<String> {
    let (folders, is_product): (&[&str], bool) = match kind {
        None => (&["src"], true),
        Some("build") => (&[], false),
        Some(_) => (&["src", "tests", "examples", "benches"], false),
    };
    let mut text = String::new();
    for (_, source) in package.rust_files(folders) {
        text.push_str(&if is_product { without_tests_and_comments(&source) } else { source });
    }
    if kind == Some("build") {
        text = std::fs::read_to_string(package.folder.join("build.rs")).unwrap_or_default();
    }
    used_crates(&text)
}

/// Names before `::`, after `use` and `extern crate`, and of attribute macros.
fn used_crates(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let first_name = |text: &str| text.split(|c| !is_part(c)).next().unwrap_or_default().to_owned();
    let before_path = text.split("::").map(|part| {
        let start = part
            .rfind(|c| !is_part(c))
            .map_or(0, |at| at + part[at..].chars().next().map_or(1, char::len_utf8));
        part[start..].to_owned()
    });
    let after = ["use ", "extern crate ", "#["].into_iter().flat_map(|word| text.split(word).skip(1));
    before_path.chain(after.map(first_name)).collect()
}

#[test]
fn every_dependency_of_a_member_is_used_in_its_sources() {
    let mut faults = Vec::new();
    let mut met = BTreeSet::new();
    for package in packages() {
        let mut sources = BTreeMap::<Option<&str>, BTreeSet<String>>::new();
        for dependency in &package.dependencies {
            let name = dependency["name"].as_str().unwrap();
            let kind = dependency["kind"].as_str();
            let import = dependency["rename"].as_str().unwrap_or(name).replace('-', "_");
            let names = sources.entry(kind).or_insert_with(|| identifiers(package, kind));
            let is_used = names.contains(&import);
            let listed =
                UNNAMED.iter().position(|(member, other, _)| *member == package.name && *other == name);
            match (is_used, listed) {
                (true, None) => {}
                (false, Some(at)) => drop(met.insert(at)),
                (true, Some(_)) => {
                    faults.push(format!("{}: {name} is used: remove it from UNNAMED", package.name));
                }
                (false, None) => {
                    let section =
                        kind.map_or("dependencies".to_owned(), |kind| format!("{kind}-dependencies"));
                    faults.push(format!(
                        "{}/Cargo.toml: {name} is in [{section}] and not used there; remove it",
                        package.place()
                    ));
                }
            }
        }
    }
    assert_eq!(met.len(), UNNAMED.len(), "an entry of UNNAMED is no dependency any more");
    assert!(faults.is_empty(), "unused dependencies:\n{}", faults.join("\n"));
}

#[test]
fn every_dependency_of_the_workspace_is_used_by_a_member() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let manifest: toml::Table = toml::from_str(&text).expect("Cargo.toml is TOML");
    let used: BTreeSet<&str> = packages()
        .iter()
        .flat_map(|package| package.dependencies.iter().filter_map(|dependency| dependency["name"].as_str()))
        .collect();
    let listed = manifest["workspace"]["dependencies"].as_table().expect("[workspace.dependencies]");
    let unused: Vec<&String> = listed.keys().filter(|name| !used.contains(name.as_str())).collect();
    assert!(unused.is_empty(), "[workspace.dependencies] that no member uses; remove them: {unused:?}");
}
