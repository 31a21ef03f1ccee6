//! Licences, sources and banned packages of everything in `Cargo.lock`, as `deny.toml` allows them.
//!
//! The same file serves `cargo deny`; this test needs no tool that a machine would have to install or compile first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::sources::root;

#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

fn deny() -> Deny {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    toml::from_str(&text).expect("deny.toml is valid")
}

/// Everything that is linked on Linux, for tests too.
fn locked_packages() -> Vec<Package> {
    let output = assert_cmd::Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .ok()
        .expect("cargo metadata succeeds");
    serde_json::from_slice::<Metadata>(&output.stdout).expect("cargo metadata prints JSON").packages
}

/// Why a licence expression is not covered by the allowed identifiers; `None` when it is.
fn refusal(expression: Option<&str>, allowed: &BTreeSet<&str>) -> Option<String> {
    let Some(text) = expression else { return Some("it names no licence".to_owned()) };
    let parsed = match spdx::Expression::parse_mode(text, spdx::ParseMode::LAX) {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("`{text}` is not an SPDX expression: {}", error.reason)),
    };
    let covered = parsed.evaluate(|required| allowed.contains(required.to_string().as_str()));
    (!covered).then(|| format!("`{text}` is not allowed"))
}

#[test]
fn every_licence_is_allowed() {
    let deny = deny();
    let exceptions: BTreeMap<_, _> =
        deny.licenses.exceptions.iter().map(|one| (one.name.as_str(), &one.allow)).collect();
    let refused: Vec<String> = locked_packages()
        .iter()
        .filter_map(|package| {
            let mut allowed: BTreeSet<&str> = deny.licenses.allow.iter().map(String::as_str).collect();
            allowed.extend(
                exceptions
                    .get(package.name.as_str())
                    .into_iter()
                    .flat_map(|more| more.iter())
                    .map(String::as_str),
            );
            let why = refusal(package.license.as_deref(), &allowed)?;
            Some(format!("{} {}: {why}", package.name, package.version))
        })
        .collect();
    assert!(refused.is_empty(), "see [licenses] in deny.toml:\n{}", refused.join("\n"));
}

#[test]
fn every_package_comes_from_the_registry_or_from_this_workspace() {
    let foreign: Vec<String> = locked_packages()
        .iter()
        .filter_map(|package| Some((package, package.source.as_deref()?)))
        .filter(|(_, source)| !source.starts_with("registry+"))
        .map(|(package, source)| format!("{} {} from {source}", package.name, package.version))
        .collect();
    assert!(foreign.is_empty(), "only the registry is a source:\n{}", foreign.join("\n"));
}

#[test]
fn no_banned_package_is_linked() {
    let banned: BTreeSet<String> = deny().bans.deny.into_iter().map(|one| one.name).collect();
    for package in locked_packages() {
        assert!(!banned.contains(&package.name), "{} is banned by deny.toml", package.name);
    }
}

#[test]
fn an_expression_needs_all_of_its_parts() {
    let allowed = BTreeSet::from(["MIT", "Apache-2.0"]);
    assert_eq!(refusal(Some("MIT OR GPL-3.0"), &allowed), None);
    assert_eq!(refusal(Some("MIT/Apache-2.0"), &allowed), None);
    assert!(refusal(Some("MIT AND GPL-3.0"), &allowed).is_some());
    assert!(refusal(None, &allowed).is_some());
}
