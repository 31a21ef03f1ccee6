//! MySQL and `MariaDB`: locating a server, initialising its data folder, starting and probing it.
//!
//! All its files are in kneepoint's folders; the configuration comes from `db/my.cnf.j2`.

mod greeting;
mod locate;
mod snapshot;

use std::fs;
use std::path::{Path, PathBuf};

use kneepoint_process::Program;

use crate::error::StackError;
use crate::render::{DbFlavour, DbInstall, MyCnf};

pub(crate) use greeting::probe_greeting;
pub(crate) use locate::{can_unpack, locate, obtain};
pub(crate) use snapshot::{initialise, start_server};

/// Name of the site's schema.
pub(crate) const SCHEMA: &str = "bookstore";
/// The site's database user; without password, since only the loopback and the socket's folder give access.
pub(crate) const USER: &str = "root";
/// Name of the data folder in a snapshot and in a stack's copy of it.
pub(crate) const FOLDER: &str = "mysql";
/// Name of the socket in a run folder.
pub(crate) const SOCKET: &str = "db.sock";
/// Executed at every start; has no effect when it was executed before.
const INIT_SQL: &str = "CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '';
GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS bookstore CHARACTER SET utf8mb4;
";

/// A located server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DbServer {
    pub(crate) flavour: DbFlavour,
    /// As the server reports it, e.g. `9.7.4-2`.
    pub(crate) version: String,
    /// The server's executable, or the loader that was unpacked with it.
    program: PathBuf,
    /// Arguments before all options.
    leading: Vec<String>,
    /// Its folders, when it was unpacked and not installed.
    install: Option<DbInstall>,
}

impl DbServer {
    /// Its name in reports.
    pub(crate) fn name(&self) -> &'static str {
        match self.flavour {
            DbFlavour::Mysql => "MySQL",
            DbFlavour::Mariadb => "MariaDB",
        }
    }

    /// Its value of the switch `KP_DB`.
    pub(crate) fn setting(&self) -> &'static str {
        match self.flavour {
            DbFlavour::Mysql => "mysql",
            DbFlavour::Mariadb => "mariadb",
        }
    }

    /// Part of the name of its snapshots, since another version must not open them.
    pub(crate) fn key(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        format!("{}-{}", self.setting(), self.version.chars().map(plain).collect::<String>())
    }

    /// The server's command with its configuration file, which is written here; `launch` makes a program of an executable.
    pub(crate) fn program(
        &self,
        launch: &dyn Fn(&Path) -> Program,
        instance: &DbInstance<'_>,
    ) -> Result<Program, StackError> {
        let cnf = MyCnf {
            flavour: self.flavour,
            user: start_user().map(str::to_owned),
            install: self.install.clone(),
            datadir: text(instance.data),
            run_dir: text(instance.run),
            socket: text(&instance.run.join(SOCKET)),
            bind: "127.0.0.1".to_owned(),
            port: instance.port,
            buffer_pool_mib: 128,
            max_connections: instance.max_connections,
        };
        let file = instance.run.join("my.cnf");
        fs::write(&file, cnf.text()?).map_err(StackError::io("write", &file))?;
        let program = launch(&self.program).args(&self.leading);
        Ok(program.arg(format!("--defaults-file={}", text(&file))))
    }

    /// As [`DbServer::program`], for a start on initialised data.
    pub(crate) fn start_program(
        &self,
        launch: &dyn Fn(&Path) -> Program,
        instance: &DbInstance<'_>,
    ) -> Result<Program, StackError> {
        let init = instance.run.join("db-init.sql");
        fs::write(&init, INIT_SQL).map_err(StackError::io("write", &init))?;
        Ok(self.program(launch, instance)?.arg(format!("--init-file={}", text(&init))))
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Folders and limits of one server process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DbInstance<'a> {
    /// A short and plain path, since it contains the socket.
    pub(crate) run: &'a Path,
    /// The initialised data folder; a plain path.
    pub(crate) data: &'a Path,
    /// Its port on the loopback.
    pub(crate) port: u16,
    /// Limit of simultaneous connections.
    pub(crate) max_connections: u32,
}

/// The option `user`, which a server started as root requires.
fn start_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("root")
}
