//! An empty data folder, and a server that runs on it for as long as it is filled.

use std::path::Path;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Lifetime, Program, Service, StartOptions, find};

use super::{DbServer, Place, answers, user};
use crate::python::clean;
use crate::render::DbFlavour;
use crate::{StackError, exec, mask, ports};

/// Initialising writes hundreds of MiB on a disk that others may use too.
const INITIALISE: Duration = Duration::from_mins(5);
const START: Duration = Duration::from_mins(2);
/// A clean end writes back every page.
const STOP: Duration = Duration::from_mins(2);

/// Makes an initialised data folder; `run` is short and plain.
pub(crate) fn initialise(
    server: &DbServer,
    data: &Path,
    run: &Path,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let program = match server.flavour {
        DbFlavour::Mysql => mysql(server, data, run)?,
        DbFlavour::Mariadb => mariadb(data)?,
    };
    exec::run(program, "initialising the database", INITIALISE, cancel, &mut |_, _| {}).map(|_| ())
}

fn launch(executable: &Path) -> Program {
    clean(Program::new(executable))
}

fn mysql(server: &DbServer, data: &Path, run: &Path) -> Result<Program, StackError> {
    let place = Place { run, data, port: 0, max_connections: 100 };
    Ok(server.configured(&launch, &place)?.arg("--initialize-insecure"))
}

fn mariadb(data: &Path) -> Result<Program, StackError> {
    let install = find("mariadb-install-db").ok_or(StackError::ToolMissing {
        program: "mariadb-install-db",
        fix: "`apt install mariadb-server`, or use another database (mysql, sqlite)",
    })?;
    let program = clean(Program::new(install))
        .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
        .arg(format!("--datadir={}", data.display()));
    Ok(user().into_iter().fold(program, |program, user| program.arg(format!("--user={user}"))))
}

/// A server that runs while a snapshot is filled. Dropping it ends it.
pub(crate) struct Started {
    service: Service,
    /// Where it listens on the loopback.
    pub(crate) port: u16,
}

/// Starts the server on this data and waits until it takes connections.
pub(crate) fn started(
    server: &DbServer,
    data: &Path,
    run: &Path,
    cancel: &Cancel,
) -> Result<Started, StackError> {
    let port = ports::one()?;
    let program = server.starting(&launch, &Place { run, data, port, max_connections: 100 })?;
    let log = run.join("db.log");
    let options =
        StartOptions { name: "database".to_owned(), log: Some(log), lifetime: Lifetime::DieWithParent };
    let service = program
        .start(options)
        .map_err(|source| StackError::Start { service: "database", source: Box::new(source) })?;
    let began = Instant::now();
    loop {
        let Err(why) = answers(port, Duration::from_secs(2)) else { return Ok(Started { service, port }) };
        let ended = service.exit_status().map(|exit| format!("it ended with {exit}"));
        if ended.is_some() || began.elapsed() > START {
            return Err(failed(&service, &ended.unwrap_or(why)));
        }
        if cancel.sleep(Duration::from_millis(50)) {
            return Err(StackError::Cancelled);
        }
    }
}

impl Started {
    /// Ends it so that nothing need be recovered by the next to open the data.
    pub(crate) fn end_cleanly(self) -> Result<(), StackError> {
        let stopped = self.service.stop(STOP);
        match (stopped, self.service.exit_status()) {
            (Ok(()), Some(exit)) if exit.success() => Ok(()),
            (_, exit) => {
                let how =
                    exit.map_or_else(|| "it does not end".to_owned(), |exit| format!("it ended with {exit}"));
                Err(failed(&self.service, &how))
            }
        }
    }
}

fn failed(service: &Service, why: &str) -> StackError {
    let tail = mask::tail(&service.log_tail(8000), 12, 2000);
    StackError::System { what: "running the database to fill it", why: format!("{why}\n{tail}") }
}
