//! MySQL and `MariaDB`: which server there is, how an empty data folder is made, how the server is started and asked.
//!
//! Everything it keeps is in folders of ours; the configuration comes from `db/my.cnf.j2`.

mod greeting;
mod locate;
mod snapshot;

use std::fs;
use std::path::{Path, PathBuf};

use kneepoint_process::Program;

use crate::StackError;
use crate::render::{DbFlavour, DbInstall, MyCnf};

pub(crate) use greeting::answers;
pub(crate) use locate::{can_unpack, locate, obtain};
pub(crate) use snapshot::{initialise, started};

/// The site's schema.
pub(crate) const SCHEMA: &str = "bookstore";
/// Whom the site is; without a password, since only the loopback and the socket's folder lead there.
pub(crate) const USER: &str = "root";
/// The data folder within a snapshot, and within a stack's own copy of it.
pub(crate) const FOLDER: &str = "mysql";
/// Its socket within a run folder.
pub(crate) const SOCKET: &str = "db.sock";
/// What the server executes when it starts; harmless when it has been executed before.
const INIT: &str = "CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '';
GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS bookstore CHARACTER SET utf8mb4;
";

/// A server that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DbServer {
    /// Whose.
    pub(crate) flavour: DbFlavour,
    /// `9.7.4-2`.
    pub(crate) version: String,
    /// What to run: the server, or the loader that came with it.
    program: PathBuf,
    /// What comes before all options.
    leading: Vec<String>,
    /// Where it finds its parts, when it was unpacked and not installed.
    install: Option<DbInstall>,
}

impl DbServer {
    /// What it is called in reports.
    pub(crate) fn name(&self) -> &'static str {
        match self.flavour {
            DbFlavour::Mysql => "MySQL",
            DbFlavour::Mariadb => "MariaDB",
        }
    }

    /// The site's name for it.
    pub(crate) fn setting(&self) -> &'static str {
        match self.flavour {
            DbFlavour::Mysql => "mysql",
            DbFlavour::Mariadb => "mariadb",
        }
    }

    /// Part of the name of its snapshots: another version must not open them.
    pub(crate) fn key(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        format!("{}-{}", self.setting(), self.version.chars().map(plain).collect::<String>())
    }

    /// The server with its configuration for this place; `launch` makes a program of an executable.
    pub(crate) fn configured(
        &self,
        launch: &dyn Fn(&Path) -> Program,
        place: &Place<'_>,
    ) -> Result<Program, StackError> {
        let cnf = MyCnf {
            flavour: self.flavour,
            user: user().map(str::to_owned),
            install: self.install.clone(),
            datadir: text(place.data),
            run_dir: text(place.run),
            socket: text(&place.run.join(SOCKET)),
            bind: "127.0.0.1".to_owned(),
            port: place.port,
            buffer_pool_mib: 128,
            max_connections: place.max_connections,
        };
        let file = place.run.join("my.cnf");
        fs::write(&file, cnf.text()?).map_err(StackError::io("write", &file))?;
        let program = launch(&self.program).args(&self.leading);
        Ok(program.arg(format!("--defaults-file={}", text(&file))))
    }

    /// As [`DbServer::configured`], ready to be started on initialised data.
    pub(crate) fn starting(
        &self,
        launch: &dyn Fn(&Path) -> Program,
        place: &Place<'_>,
    ) -> Result<Program, StackError> {
        let init = place.run.join("db-init.sql");
        fs::write(&init, INIT).map_err(StackError::io("write", &init))?;
        Ok(self.configured(launch, place)?.arg(format!("--init-file={}", text(&init))))
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Where a server works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Short and plain: the socket is in it.
    pub(crate) run: &'a Path,
    /// The initialised data folder, by a plain path.
    pub(crate) data: &'a Path,
    /// On the loopback.
    pub(crate) port: u16,
    /// At the same time.
    pub(crate) max_connections: u32,
}

/// Servers started as root must be told that this is meant.
fn user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("root")
}
