//! The embedded files: Django project, configuration templates and the Django probe, extracted into a folder whose name is a
//! hash of their content.
//!
//! Files that Python or an editor left in the source tree (`__pycache__`, databases, collected files) are embedded by the
//! macro too, but ignored by hash and extraction, so that the same sources always have the same name.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::error::StackError;
use crate::host::hash::ContentHash;

static BOOKSTORE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reference/bookstore");
static PROXY: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reference/proxy");
static SERVER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reference/server");
static DB: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reference/db");
static CACHE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reference/cache");
static BALANCER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reference/balancer");
static IMAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reference/images");
static PROBE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../profiler/probes/django");

#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    folder: &'static str,
    path: &'static Path,
    content: &'static [u8],
}

impl Asset {
    /// Its path in the extracted stack.
    pub(crate) fn target(&self) -> PathBuf {
        Path::new(self.folder).join(self.path)
    }

    pub(crate) const fn content(&self) -> &'static [u8] {
        self.content
    }
}

/// All files of the stack, sorted by path.
pub(crate) fn list_all() -> Vec<Asset> {
    let compose = Asset {
        folder: "",
        path: Path::new("compose.yaml"),
        content: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/reference/compose.yaml")),
    };
    let mut assets = vec![compose];
    for (folder, dir) in [
        ("balancer", &BALANCER),
        ("bookstore", &BOOKSTORE),
        ("cache", &CACHE),
        ("db", &DB),
        ("images", &IMAGES),
        ("probe", &PROBE),
        ("proxy", &PROXY),
        ("server", &SERVER),
    ] {
        collect(folder, dir, &mut assets);
    }
    assets.sort_by_key(Asset::target);
    assets
}

fn collect(folder: &'static str, dir: &'static Dir<'static>, assets: &mut Vec<Asset>) {
    for file in dir.files().filter(|file| is_source(file.path())) {
        assets.push(Asset { folder, path: file.path(), content: file.contents() });
    }
    for inner in dir.dirs() {
        collect(folder, inner, assets);
    }
}

/// Whether a file of the source tree is source code, and not made by Python, a run or an editor.
fn is_source(path: &Path) -> bool {
    const FOLDERS: [&str; 8] =
        ["__pycache__", "var", "venv", "node_modules", "build", "dist", "htmlcov", "staticfiles"];
    const ENDINGS: [&str; 10] =
        ["pyc", "pyo", "sqlite3", "sqlite3-wal", "sqlite3-shm", "db", "log", "swp", "orig", "part"];
    let foreign = path.iter().any(|part| {
        let part = part.to_string_lossy();
        part.starts_with('.')
            || part.ends_with('~')
            || part.ends_with(".egg-info")
            || FOLDERS.contains(&&*part)
    });
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    !foreign && !ENDINGS.contains(&&*ending)
}

/// A hash of paths and contents, for the name of the folder.
pub(crate) fn content_name(assets: &[Asset]) -> String {
    let hash = assets.iter().fold(ContentHash::new(), |hash, asset| {
        hash.part(asset.target().as_os_str().as_encoded_bytes()).part(asset.content)
    });
    hash.short()
}

/// The text of one embedded file; `None` when there is none or it is not UTF-8.
pub(crate) fn read_text(folder: &str, path: &str) -> Option<&'static str> {
    let found =
        list_all().into_iter().find(|asset| asset.folder == folder && asset.path == Path::new(path))?;
    std::str::from_utf8(found.content).ok()
}

/// Extracts the stack to `<cache>/stack-<hash>`, unless it exists; returns the folder.
pub(crate) fn extract(cache: &Path) -> Result<PathBuf, StackError> {
    let assets = list_all();
    let whole = cache.join(format!("stack-{}", content_name(&assets)));
    if whole.is_dir() {
        return Ok(whole);
    }
    let part = crate::host::folder::create_part(&whole)?;
    for asset in &assets {
        let target = part.join(asset.target());
        let folder = target.parent().unwrap_or(&part);
        fs::create_dir_all(folder).map_err(StackError::io("create the folder", folder))?;
        fs::write(&target, asset.content).map_err(StackError::io("write", &target))?;
    }
    crate::host::folder::move_into_place(&part, &whole)?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_runs_and_editors_are_ignored() {
        for path in [
            "books/__pycache__/models.cpython-311.pyc",
            "var/bookstore.sqlite3",
            "a.pyc",
            "db.sqlite3-wal",
            ".venv/bin/python",
            "books/.models.py.swp",
            "models.py~",
            "kneepoint_django.egg-info/PKG-INFO",
        ] {
            assert!(!is_source(Path::new(path)), "{path}");
        }
        for path in [
            "manage.py",
            "books/models.py",
            "templates/books/home.html",
            "static/icon.svg",
            "requirements.txt",
        ] {
            assert!(is_source(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn the_stack_is_complete_and_its_name_depends_only_on_content() {
        let assets = list_all();
        let has = |path: &str| assets.iter().any(|asset| asset.target() == Path::new(path));
        assert!(has("compose.yaml") && has("images/server.Dockerfile") && has("images/build-base"));
        assert!(has("bookstore/manage.py") && has("bookstore/requirements.txt"));
        assert!(assets.iter().all(|asset| !asset.target().to_string_lossy().contains("__pycache__")));
        assert_eq!(content_name(&assets), content_name(&list_all()));
        let mut changed = assets.clone();
        changed[0].content = b"other";
        assert_ne!(content_name(&changed), content_name(&assets));
        changed.remove(0);
        assert_ne!(content_name(&changed), content_name(&assets));
    }

    #[test]
    fn extraction_is_complete_and_happens_once() {
        let cache = tempfile::tempdir().unwrap();
        let folder = extract(cache.path()).unwrap();
        assert_eq!(
            fs::read_to_string(folder.join("bookstore/manage.py")).unwrap(),
            read_text("bookstore", "manage.py").unwrap()
        );
        let marker = folder.join("marker");
        fs::write(&marker, "").unwrap();
        assert_eq!(extract(cache.path()).unwrap(), folder);
        assert!(marker.exists());
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1, "no `.part` folder remains");
    }
}
