//! The workspace as the laws see it: packages, source files, and Rust source without comments or tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A member of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Its `dependencies` in `cargo metadata`.
    pub(crate) dependencies: Vec<Value>,
}

impl Package {
    /// The folder relative to the workspace, e.g. `stack/engine`.
    pub(crate) fn place(&self) -> String {
        relative(&self.folder)
    }

    /// Rust files below `folders` of the package, with their text.
    pub(crate) fn rust_files(&self, folders: &[&str]) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        for folder in folders {
            collect(&self.folder.join(folder), &["rs"], &mut files);
        }
        files
    }
}

/// All members, from `cargo metadata`.
pub(crate) fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let output = assert_cmd::Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .current_dir(root())
            .ok()
            .expect("cargo metadata succeeds");
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
        let package = |package: &Value| Package {
            name: package["name"].as_str().unwrap().to_owned(),
            folder: Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned(),
            dependencies: package["dependencies"].as_array().unwrap().clone(),
        };
        metadata["packages"].as_array().unwrap().iter().map(package).collect()
    })
}

/// Files with one of the extensions below a folder, with their text, in a fixed order.
pub(crate) fn collect(folder: &Path, extensions: &[&str], files: &mut Vec<(PathBuf, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !matches!(name.as_str(), "target" | "node_modules") {
            collect(&path, extensions, files);
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|e| extension == *e)) {
            files.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A path relative to the workspace.
pub(crate) fn relative(path: &Path) -> String {
    let (root, path) = (root().canonicalize().unwrap(), path.canonicalize().unwrap());
    path.strip_prefix(root).unwrap().to_string_lossy().into_owned()
}

/// Rust source without inline test modules and without comments. Line numbers are kept.
pub(crate) fn without_tests_and_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut is_test = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let attribute = line.starts_with("#[cfg(test)]");
        let module = lines
            .peek()
            .is_some_and(|next| next.starts_with("#[") || (next.contains("mod ") && next.ends_with('{')));
        if !is_test && attribute && module {
            is_test = true;
        } else if !is_test {
            kept.push_str(without_comment(line));
        }
        if is_test && line == "}" {
            is_test = false;
        }
        kept.push('\n');
    }
    kept
}

/// A line up to `//`, unless that is a part of an address.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//").map(|at| from + at) {
        if at == 0 || line.as_bytes()[at - 1] != b':' {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// A pattern that is known to compile; keep it in a static, compiling is slow.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}
