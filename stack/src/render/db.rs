//! The context of the database's template, `db/my.cnf.j2`.

use serde::Serialize;

use super::render;
use crate::error::StackError;

/// The server whose options the template writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DbFlavour {
    /// MySQL 8.4 or later.
    Mysql,
    /// `MariaDB` 10.11 or later.
    Mariadb,
}

/// Folders of an unpacked installation, which is not where it was built for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DbInstall {
    /// The folder that holds `bin`, `sbin` and `share`.
    pub(crate) basedir: String,
    /// The folder of error messages.
    pub(crate) messages: String,
    /// The folder of character sets.
    pub(crate) charsets: String,
    /// The folder of plugins.
    pub(crate) plugins: String,
}

/// Values of the template; settings not listed here keep the template's default.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MyCnf {
    pub(crate) flavour: DbFlavour,
    /// The user it runs as, when it is started as root.
    pub(crate) user: Option<String>,
    /// `None` for an installed server.
    pub(crate) install: Option<DbInstall>,
    pub(crate) datadir: String,
    /// The folder of pid file, lock and temporary tables.
    pub(crate) run_dir: String,
    /// The Unix socket; its path may have 107 bytes.
    pub(crate) socket: String,
    /// The address on which it listens; the loopback natively.
    pub(crate) bind: String,
    pub(crate) port: u16,
    /// InnoDB's page cache, in MiB.
    pub(crate) buffer_pool_mib: u32,
    /// The limit of simultaneous connections.
    pub(crate) max_connections: u32,
}

impl MyCnf {
    pub(crate) fn text(&self) -> Result<String, StackError> {
        render("db", "my.cnf.j2", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cnf() -> MyCnf {
        MyCnf {
            flavour: DbFlavour::Mysql,
            user: Some("root".to_owned()),
            install: Some(DbInstall {
                basedir: "/opt/mysql/usr".to_owned(),
                messages: "/opt/mysql/usr/share/mysql".to_owned(),
                charsets: "/opt/mysql/usr/share/mysql/charsets".to_owned(),
                plugins: "/opt/mysql/usr/lib/mysql/plugin".to_owned(),
            }),
            datadir: "/srv/run/mysql".to_owned(),
            run_dir: "/srv/run".to_owned(),
            socket: "/srv/run/mysql.sock".to_owned(),
            bind: "127.0.0.1".to_owned(),
            port: 18083,
            buffer_pool_mib: 128,
            max_connections: 100,
        }
    }

    #[test]
    fn my_cnf_of_mysql() {
        insta::assert_snapshot!(cnf().text().unwrap());
    }

    #[test]
    fn my_cnf_of_mariadb() {
        let cnf = MyCnf { flavour: DbFlavour::Mariadb, user: None, install: None, ..cnf() };
        insta::assert_snapshot!(cnf.text().unwrap());
    }
}
