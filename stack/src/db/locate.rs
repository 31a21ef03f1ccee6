//! Locates the database server: one that the user names, one that was unpacked, or one that is installed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_model::text::clip;
use kneepoint_process::{Program, find};

use super::DbServer;
use crate::error::StackError;
use crate::host::exec::{self, without_python_env};
use crate::host::folder;
use crate::render::{DbFlavour, DbInstall};
use crate::topology::Database;

/// Names a folder made by `unpack-mysql`.
const FOLDER_VARIABLE: &str = "KNEEPOINT_MYSQL";
/// Enough for fifty packages from a slow mirror.
const UNPACK_TIMEOUT: Duration = Duration::from_mins(15);
const NO_MYSQL: StackError = StackError::ToolMissing {
    program: "mysqld",
    fix: "`apt install mysql-server`, or unpack one with `stack/reference/db/unpack-mysql FOLDER` (Debian) and name it by \
          KNEEPOINT_MYSQL=FOLDER, or use another database (mariadb, sqlite)",
};
const NO_MARIADB: StackError = StackError::ToolMissing {
    program: "mariadbd",
    fix: "`apt install mariadb-server`, or use another database (mysql, sqlite)",
};

/// The server for this database; a missing MySQL is unpacked from Debian packages when apt is available. `None` for `SQLite`.
pub(crate) fn obtain(
    database: Database,
    cache: &Path,
    stack: &Path,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<Option<DbServer>, StackError> {
    let missing = match locate(database, cache, cancel) {
        Err(missing @ StackError::ToolMissing { .. }) => missing,
        other => return other,
    };
    if database != Database::Mysql || !can_unpack() {
        return Err(missing);
    }
    events.progress(Stage::Up, 0, None, "MySQL is not installed; unpacking it from Debian packages");
    let target = cache.join("mysql-unpacked");
    folder::remove(&target)?;
    let unpack = without_python_env(Program::new("bash")).arg(stack.join("db/unpack-mysql")).arg(&target);
    let step = "unpacking MySQL (alternatively install it, or choose another database)";
    exec::run(unpack, step, UNPACK_TIMEOUT, cancel, &mut |_, line| {
        events.progress(Stage::Up, 0, None, &format!("MySQL: {}", clip(line, 80)));
    })?;
    locate(database, cache, cancel)
}

/// Whether a missing MySQL can be unpacked from Debian packages.
pub(crate) fn can_unpack() -> bool {
    ["bash", "apt-get", "dpkg-deb"].iter().all(|program| find(program).is_some())
}

/// The server for this database, if there is one now; unpacks nothing. `None` for `SQLite`.
pub(crate) fn locate(
    database: Database,
    cache: &Path,
    cancel: &Cancel,
) -> Result<Option<DbServer>, StackError> {
    match database {
        Database::Sqlite => Ok(None),
        Database::Mysql => mysql(cache, cancel).map(Some),
        Database::Mariadb => {
            let found = find("mariadbd").and_then(|path| installed(&path, cancel));
            found.filter(|server| server.flavour == DbFlavour::Mariadb).ok_or(NO_MARIADB).map(Some)
        }
    }
}

fn mysql(cache: &Path, cancel: &Cancel) -> Result<DbServer, StackError> {
    if let Some(named) = std::env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()) {
        let path = PathBuf::from(named);
        return unpacked(&path, cancel).ok_or_else(|| StackError::System {
            what: "using the MySQL named by KNEEPOINT_MYSQL",
            why: format!(
                "{} was not made by stack/reference/db/unpack-mysql, or its server does not run on this machine",
                path.display()
            ),
        });
    }
    let server = unpacked_folders(cache).into_iter().find_map(|path| unpacked(&path, cancel));
    let installed = || find("mysqld").and_then(|path| installed(&path, cancel));
    server.or_else(installed).filter(|server| server.flavour == DbFlavour::Mysql).ok_or(NO_MYSQL)
}

/// Folders of unpacked servers in the cache, the last name first.
fn unpacked_folders(cache: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(cache).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut folders: Vec<PathBuf> = entries.unwrap_or_default();
    folders.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("mysql") && path.extension().is_none_or(|end| end != "part") && path.is_dir()
    });
    folders.sort();
    folders.reverse();
    folders
}

/// The server in an unpacked folder, started by the folder's own loader.
fn unpacked(folder: &Path, cancel: &Cancel) -> Option<DbServer> {
    let folder = folder.canonicalize().ok()?;
    let text = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let leading = vec!["--library-path".to_owned(), text("lib"), text("server")];
    let program = folder.join("lib/mysqld");
    let (flavour, version) = query_version(&program, &leading, cancel)?;
    let install = DbInstall {
        basedir: folder.to_string_lossy().into_owned(),
        messages: text("share"),
        charsets: text("share/charsets"),
        plugins: text("plugin"),
    };
    Some(DbServer { flavour, version, program, leading, install: Some(install) })
}

fn installed(path: &Path, cancel: &Cancel) -> Option<DbServer> {
    let (flavour, version) = query_version(path, &[], cancel)?;
    Some(DbServer { flavour, version, program: path.to_owned(), leading: Vec::new(), install: None })
}

fn query_version(program: &Path, leading: &[String], cancel: &Cancel) -> Option<(DbFlavour, String)> {
    let query = without_python_env(Program::new(program)).args(leading).args(["--no-defaults", "--version"]);
    let step = "reading the version of the database";
    let output = exec::run(query, step, Duration::from_secs(20), cancel, &mut |_, _| {}).ok()?;
    parse_version(&output.stdout_text())
}

/// `mysqld  Ver 9.7.4-2 for Linux …`, `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu …`. Debian's
/// `mysqld` may be a link to `MariaDB`, so the file name proves nothing.
fn parse_version(text: &str) -> Option<(DbFlavour, String)> {
    let version = text.split(" Ver ").nth(1)?.split_whitespace().next()?;
    match version.split_once("-MariaDB") {
        Some((version, _)) => Some((DbFlavour::Mariadb, version.to_owned())),
        None => Some((DbFlavour::Mysql, version.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_shows_which_server_it_is() {
        let mysql = parse_version("/x/server  Ver 9.7.4-2 for Linux on x86_64 ((Debian))").unwrap();
        assert_eq!(mysql, (DbFlavour::Mysql, "9.7.4-2".to_owned()));
        let ubuntu =
            parse_version("/usr/sbin/mysqld  Ver 8.4.5-0ubuntu0.2 for Linux on x86_64 ((Ubuntu))").unwrap();
        assert_eq!(ubuntu, (DbFlavour::Mysql, "8.4.5-0ubuntu0.2".to_owned()));
        let mariadb = parse_version(
            "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)",
        );
        assert_eq!(mariadb.unwrap(), (DbFlavour::Mariadb, "10.11.19".to_owned()));
        assert_eq!(parse_version("bash: no such thing"), None);
    }

    #[test]
    fn incomplete_and_foreign_folders_are_skipped() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["mysql-unpacked.part", "mysql-a", "mysql-b", "data-1"] {
            std::fs::create_dir(temp.path().join(name)).unwrap();
        }
        let names: Vec<PathBuf> = ["mysql-b", "mysql-a"].iter().map(|name| temp.path().join(name)).collect();
        assert_eq!(unpacked_folders(temp.path()), names);
        assert!(unpacked(&names[0], &Cancel::new()).is_none());
    }

    #[test]
    fn sqlite_needs_no_server() {
        assert_eq!(locate(Database::Sqlite, Path::new("/no/such/cache"), &Cancel::new()).unwrap(), None);
    }
}
