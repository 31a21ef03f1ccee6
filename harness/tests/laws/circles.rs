//! No import circles: the files of a crate can be read in an order in which each uses only files before it.
//!
//! An arrow is a `use crate::…`, `use super::…` or an inline path, with re-exports resolved to the file that defines the
//! name. Arrows between a module and its own submodules do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::sources::{Package, packages, pattern, without_tests_and_comments};

/// Circles that stay, each with its reason: folder of the crate, modules in order, reason.
const ALLOWED: [(&str, &[&str], &str); 4] = [
    ("loadgen", &["custom::request", "custom::user"], "a request builder and the user that makes it"),
    ("loadgen", &["transport::slow", "transport::stream"], "a slow stream wraps a stream, and is one"),
    ("scenarios", &["repeat", "scenario"], "steps contain repeated steps"),
    (
        "scenarios",
        &["import::openapi::document", "import::openapi::sample"],
        "a $ref may point anywhere in the document",
    ),
];

static PUBLIC_USE: LazyLock<Regex> = LazyLock::new(|| pattern(r"pub(?:\([^)]*\))?\s+use\s+([^;]+);"));
static TEST_MODULE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))?\s+)?mod (\w+);"));
static USE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\buse\s+([^;]+);"));
static INLINE_PATH: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:crate|super)(?:::\w+)+"));

type Module = Vec<String>;

/// The modules of one crate and what each uses.
struct Modules {
    texts: BTreeMap<Module, String>,
    /// `(module, name)` of a re-export, and the path that it stands for.
    reexports: BTreeMap<(Module, String), Module>,
}

impl Modules {
    fn read(package: &Package) -> Self {
        let source = package.folder.join("src");
        let mut texts = BTreeMap::new();
        for (path, text) in package.rust_files(&["src"]) {
            texts.insert(module_of(path.strip_prefix(&source).unwrap()), text);
        }
        for test in test_modules(&texts) {
            texts.retain(|module, _| !module.starts_with(&test));
        }
        let texts: BTreeMap<Module, String> =
            texts.into_iter().map(|(module, text)| (module, without_tests_and_comments(&text))).collect();
        let mut reexports = BTreeMap::new();
        for (module, text) in &texts {
            for found in PUBLIC_USE.captures_iter(text) {
                let path = &found[1];
                let is_rooted = ["crate", "self", "super"].iter().any(|root| path.starts_with(root));
                let path = if is_rooted { path.to_owned() } else { format!("self::{path}") };
                for target in expanded(&path).into_iter().filter_map(|path| absolute(&path, module)) {
                    if let Some(name) = target.last() {
                        reexports.insert((module.clone(), name.clone()), target.clone());
                    }
                }
            }
        }
        Self { texts, reexports }
    }

    /// The module that defines what a path names.
    fn definer(&self, path: &[String], depth: usize) -> Option<Module> {
        for length in (0..=path.len()).rev() {
            let module = path[..length].to_vec();
            if !self.texts.contains_key(&module) {
                continue;
            }
            if let Some(name) = path.get(length)
                && depth < 6
                && let Some(target) = self.reexports.get(&(module.clone(), name.clone()))
            {
                let target: Module = target.iter().chain(&path[length + 1..]).cloned().collect();
                return self.definer(&target, depth + 1);
            }
            return Some(module);
        }
        None
    }

    fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut arrows = BTreeMap::<Module, BTreeSet<Module>>::new();
        for (module, text) in &self.texts {
            let uses = used_paths(text);
            let targets = uses.iter().filter_map(|path| absolute(path, module));
            let targets = targets.filter_map(|path| self.definer(&path, 0));
            let others = targets.filter(|to| !module.starts_with(to) && !to.starts_with(module));
            arrows.insert(module.clone(), others.collect());
        }
        arrows
    }
}

fn module_of(path: &Path) -> Module {
    let mut parts: Module =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod")
        || matches!(parts.as_slice(), [only] if only == "lib" || only == "main")
    {
        parts.pop();
    }
    parts
}

/// Modules that are compiled for tests only.
fn test_modules(texts: &BTreeMap<Module, String>) -> Vec<Module> {
    let of = |(module, text): (&Module, &String)| {
        let names: Vec<String> = TEST_MODULE.captures_iter(text).map(|found| found[1].to_owned()).collect();
        names.into_iter().map(|name| [module.clone(), vec![name]].concat()).collect::<Vec<_>>()
    };
    texts.iter().flat_map(of).collect()
}

/// Paths that begin with `crate`, `self` or `super`: of imports, and inline.
fn used_paths(text: &str) -> Vec<Vec<String>> {
    let imports = USE.captures_iter(text).map(|found| found.get(1).unwrap().as_str());
    let is_rooted = |path: &&str| ["crate::", "super::", "self::"].iter().any(|root| path.starts_with(root));
    let mut paths: Vec<Vec<String>> = imports.filter(is_rooted).flat_map(expanded).collect();
    let rest = USE.replace_all(text, "");
    paths.extend(INLINE_PATH.find_iter(&rest).map(|found| split(found.as_str())));
    paths
}

fn split(path: &str) -> Vec<String> {
    path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expanded(tree: &str) -> Vec<Vec<String>> {
    let Some((prefix, inner)) = tree.split_once('{') else {
        return vec![split(tree.split(" as ").next().unwrap_or_default())];
    };
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let whole = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    whole.flat_map(|part| expanded(part).into_iter().map(|rest| [split(prefix), rest].concat())).collect()
}

/// A path from the root of the crate; `None` when it leads out of it.
fn absolute(path: &[String], module: &[String]) -> Option<Module> {
    let mut base = module.to_vec();
    let mut rest = path;
    match path.first().map(String::as_str)? {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        _ => {
            while let Some((first, others)) = rest.split_first()
                && first == "super"
            {
                base.pop()?;
                rest = others;
            }
        }
    }
    Some(base.into_iter().chain(rest.iter().cloned()).collect())
}

/// Modules that reach each other, in groups: strongly connected components of more than one module.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        arrows.keys().map(|module| (module, reachable(module, arrows))).collect();
    let mut groups = BTreeSet::new();
    for (module, targets) in &reached {
        if targets.contains(module) {
            let both = targets.iter().filter(|to| reached[*to].contains(module));
            groups.insert(both.map(|to| (*to).clone()).collect::<BTreeSet<_>>());
        }
    }
    groups.into_iter().collect()
}

fn reachable<'a>(from: &Module, arrows: &'a BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Module> = arrows[from].iter().collect();
    while let Some(module) = open.pop() {
        if found.insert(module) {
            open.extend(&arrows[module]);
        }
    }
    found
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let mut faults = Vec::new();
    let mut met = BTreeSet::new();
    for package in packages() {
        let arrows = Modules::read(package).arrows();
        for circle in circles(&arrows) {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            let allowed = ALLOWED
                .iter()
                .position(|(folder, modules, _)| *folder == package.place() && *modules == names.as_slice());
            if let Some(at) = allowed {
                met.insert(at);
                continue;
            }
            let inner = circle.iter().flat_map(|from| {
                let within = arrows[from].iter().filter(|to| circle.contains(*to));
                within.map(|to| format!("\n    {} -> {}", from.join("::"), to.join("::")))
            });
            faults.push(format!("{}:{}", package.place(), inner.collect::<String>()));
        }
    }
    for (at, (folder, modules, _)) in ALLOWED.iter().enumerate() {
        if !met.contains(&at) {
            faults.push(format!(
                "{folder}: {} is no circle any more: remove it from ALLOWED",
                modules.join(", ")
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "import circles; move what both need into a file of its own:\n{}",
        faults.join("\n")
    );
}

#[test]
fn every_allowed_circle_has_a_reason() {
    assert!(ALLOWED.iter().all(|(_, modules, reason)| modules.len() > 1 && !reason.is_empty()));
}

#[test]
fn import_trees_and_relative_paths_are_resolved() {
    let paths: Vec<String> =
        expanded("crate::{a, b::{c, d as e}}").iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["crate::a", "crate::b::c", "crate::b::d"]);
    let module = split("x::y");
    assert_eq!(absolute(&split("super::z::f"), &module), Some(split("x::z::f")));
    assert_eq!(absolute(&split("self::f"), &module), Some(split("x::y::f")));
}
