//! Which database server there is: one that the user names, one that was unpacked, one that is installed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_process::{Program, find};

use super::DbServer;
use crate::python::clean;
use crate::render::{DbFlavour, DbInstall};
use crate::topology::Database;
use crate::{StackError, exec, folder};

/// A folder made by `stack/reference/db/unpack-mysql`.
const VARIABLE: &str = "KNEEPOINT_MYSQL";
/// Fifty packages from a slow mirror.
const UNPACK: Duration = Duration::from_mins(15);
const NO_MYSQL: StackError = StackError::ToolMissing {
    program: "mysqld",
    fix: "`apt install mysql-server`, or unpack one with `stack/reference/db/unpack-mysql FOLDER` (Debian) and name it by \
          KNEEPOINT_MYSQL=FOLDER, or use another database (mariadb, sqlite)",
};
const NO_MARIADB: StackError = StackError::ToolMissing {
    program: "mariadbd",
    fix: "`apt install mariadb-server`, or use another database (mysql, sqlite)",
};

/// The server for this database; fetches MySQL when there is none and apt can. `SQLite` needs none.
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
    events.progress(Stage::Up, 0, None, "no MySQL is installed: unpacking one from Debian packages");
    let target = cache.join("mysql-unpacked");
    folder::remove(&target)?;
    let unpack = clean(Program::new("bash")).arg(stack.join("db/unpack-mysql")).arg(&target);
    let step = "unpacking MySQL (another way: install it, or choose another database)";
    exec::run(unpack, step, UNPACK, cancel, &mut |_, line| {
        let short: String = line.chars().take(80).collect();
        events.progress(Stage::Up, 0, None, &format!("MySQL: {short}"));
    })?;
    locate(database, cache, cancel)
}

/// Whether a missing MySQL can be fetched as Debian packages.
pub(crate) fn can_unpack() -> bool {
    ["bash", "apt-get", "dpkg-deb"].iter().all(|program| find(program).is_some())
}

/// The server for this database, as it is found now.
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
    if let Some(named) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        let path = PathBuf::from(named);
        return unpacked(&path, cancel).ok_or_else(|| StackError::System {
            what: "using the MySQL named by KNEEPOINT_MYSQL",
            why: format!(
                "{} is no folder made by stack/reference/db/unpack-mysql, or its server does not run here",
                path.display()
            ),
        });
    }
    let kept = kept(cache).into_iter().find_map(|path| unpacked(&path, cancel));
    let installed = || find("mysqld").and_then(|path| installed(&path, cancel));
    kept.or_else(installed).filter(|server| server.flavour == DbFlavour::Mysql).ok_or(NO_MYSQL)
}

/// Unpacked folders under the cache, the newest name first.
fn kept(cache: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(cache).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut kept: Vec<PathBuf> = entries.unwrap_or_default();
    kept.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("mysql") && path.extension().is_none_or(|end| end != "part") && path.is_dir()
    });
    kept.sort();
    kept.reverse();
    kept
}

/// The folder's own loader runs its server.
fn unpacked(folder: &Path, cancel: &Cancel) -> Option<DbServer> {
    let folder = folder.canonicalize().ok()?;
    let text = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let leading = vec!["--library-path".to_owned(), text("lib"), text("server")];
    let program = folder.join("lib/mysqld");
    let (flavour, version) = ask(&program, &leading, cancel)?;
    let install = DbInstall {
        basedir: folder.to_string_lossy().into_owned(),
        messages: text("share"),
        charsets: text("share/charsets"),
        plugins: text("plugin"),
    };
    Some(DbServer { flavour, version, program, leading, install: Some(install) })
}

fn installed(path: &Path, cancel: &Cancel) -> Option<DbServer> {
    let (flavour, version) = ask(path, &[], cancel)?;
    Some(DbServer { flavour, version, program: path.to_owned(), leading: Vec::new(), install: None })
}

fn ask(program: &Path, leading: &[String], cancel: &Cancel) -> Option<(DbFlavour, String)> {
    let ask = clean(Program::new(program)).args(leading).args(["--no-defaults", "--version"]);
    let step = "asking the database for its version";
    let output = exec::run(ask, step, Duration::from_secs(20), cancel, &mut |_, _| {}).ok()?;
    version(&output.stdout_text())
}

/// `mysqld  Ver 9.7.4-2 for Linux …`, `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu …`. Debian's
/// `mysqld` may be a link to `MariaDB`, so the name of the file says nothing.
fn version(text: &str) -> Option<(DbFlavour, String)> {
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
    fn versions_tell_whose_server_it_is() {
        let mysql = version("/x/server  Ver 9.7.4-2 for Linux on x86_64 ((Debian))").unwrap();
        assert_eq!(mysql, (DbFlavour::Mysql, "9.7.4-2".to_owned()));
        let ubuntu =
            version("/usr/sbin/mysqld  Ver 8.4.5-0ubuntu0.2 for Linux on x86_64 ((Ubuntu))").unwrap();
        assert_eq!(ubuntu, (DbFlavour::Mysql, "8.4.5-0ubuntu0.2".to_owned()));
        let mariadb =
            version("mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)");
        assert_eq!(mariadb.unwrap(), (DbFlavour::Mariadb, "10.11.19".to_owned()));
        assert_eq!(version("bash: no such thing"), None);
    }

    #[test]
    fn half_made_and_foreign_folders_are_passed_over() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["mysql-unpacked.part", "mysql-a", "mysql-b", "data-1"] {
            std::fs::create_dir(temp.path().join(name)).unwrap();
        }
        let names: Vec<PathBuf> = ["mysql-b", "mysql-a"].iter().map(|name| temp.path().join(name)).collect();
        assert_eq!(kept(temp.path()), names);
        assert!(unpacked(&names[0], &Cancel::new()).is_none());
    }

    #[test]
    fn sqlite_needs_no_server() {
        assert_eq!(locate(Database::Sqlite, Path::new("/no/such/cache"), &Cancel::new()).unwrap(), None);
    }
}
