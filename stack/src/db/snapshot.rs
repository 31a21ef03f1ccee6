//! Initialises an empty data folder, and runs a server on it while it is filled.

use std::path::Path;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Lifetime, Program, Service, StartOptions, find};

use super::{DbInstance, DbServer, probe_greeting, start_user};
use crate::error::StackError;
use crate::host::exec::{self, without_python_env};
use crate::host::{ports, redact};
use crate::render::DbFlavour;

/// Initialising writes hundreds of MiB, possibly to a busy disk.
const INITIALISE_TIMEOUT: Duration = Duration::from_mins(5);
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// A clean shutdown writes back every page.
const STOP_TIMEOUT: Duration = Duration::from_mins(2);

/// Initialises a data folder; `run` is a short and plain path.
pub(crate) fn initialise(
    server: &DbServer,
    data: &Path,
    run: &Path,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let program = match server.flavour {
        DbFlavour::Mysql => mysql_init(server, data, run)?,
        DbFlavour::Mariadb => mariadb_init(data)?,
    };
    exec::run(program, "initialising the database", INITIALISE_TIMEOUT, cancel, &mut |_, _| {}).map(|_| ())
}

fn launch(executable: &Path) -> Program {
    without_python_env(Program::new(executable))
}

fn mysql_init(server: &DbServer, data: &Path, run: &Path) -> Result<Program, StackError> {
    let instance = DbInstance { run, data, port: 0, max_connections: 100 };
    Ok(server.program(&launch, &instance)?.arg("--initialize-insecure"))
}

fn mariadb_init(data: &Path) -> Result<Program, StackError> {
    let install = find("mariadb-install-db").ok_or(StackError::ToolMissing {
        program: "mariadb-install-db",
        fix: "`apt install mariadb-server`, or use another database (mysql, sqlite)",
    })?;
    let program = without_python_env(Program::new(install))
        .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
        .arg(format!("--datadir={}", data.display()));
    Ok(start_user().into_iter().fold(program, |program, user| program.arg(format!("--user={user}"))))
}

/// A server that runs while a snapshot is filled. Dropping it stops it.
pub(crate) struct FillServer {
    service: Service,
    /// Its port on the loopback.
    pub(crate) port: u16,
}

/// Starts the server on this data and waits until it accepts connections.
pub(crate) fn start_server(
    server: &DbServer,
    data: &Path,
    run: &Path,
    cancel: &Cancel,
) -> Result<FillServer, StackError> {
    let port = ports::find_free()?;
    let program = server.start_program(&launch, &DbInstance { run, data, port, max_connections: 100 })?;
    let log = run.join("db.log");
    let options =
        StartOptions { name: "database".to_owned(), log: Some(log), lifetime: Lifetime::DieWithParent };
    let service = program
        .start(options)
        .map_err(|source| StackError::Start { service: "database", source: Box::new(source) })?;
    let began = Instant::now();
    loop {
        let Err(why) = probe_greeting(port, Duration::from_secs(2)) else {
            return Ok(FillServer { service, port });
        };
        let ended = service.exit_status().map(|exit| format!("it ended with {exit}"));
        if ended.is_some() || began.elapsed() > START_TIMEOUT {
            return Err(failed(&service, &ended.unwrap_or(why)));
        }
        if cancel.sleep(Duration::from_millis(50)) {
            return Err(StackError::Cancelled);
        }
    }
}

impl FillServer {
    /// Stops it cleanly, so that the next start on the data needs no recovery.
    pub(crate) fn shut_down(self) -> Result<(), StackError> {
        let stopped = self.service.stop(STOP_TIMEOUT);
        match (stopped, self.service.exit_status()) {
            (Ok(()), Some(exit)) if exit.success() => Ok(()),
            (_, exit) => {
                let how =
                    exit.map_or_else(|| "it did not end".to_owned(), |exit| format!("it ended with {exit}"));
                Err(failed(&self.service, &how))
            }
        }
    }
}

fn failed(service: &Service, why: &str) -> StackError {
    let tail = redact::redact_tail(&service.log_tail(8000), 12, 2000);
    StackError::System { what: "running the database to fill it", why: format!("{why}\n{tail}") }
}
