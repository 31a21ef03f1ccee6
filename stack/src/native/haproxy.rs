//! HAProxy's runtime socket: a command in, an answer out. Source: HAProxy's management guide, "Unix Socket commands".

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::StackError;

/// It answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The backend of the app servers, as the template calls it.
const BACKEND: &str = "app";

/// A running HAProxy.
pub(super) struct Haproxy {
    socket: PathBuf,
}

impl Haproxy {
    pub(super) fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// No new requests for this server; those that it has go on.
    pub(super) fn drain(&self, server: &str) -> Result<(), StackError> {
        self.set(server, "state drain")
    }

    /// Requests again, as soon as it is healthy.
    pub(super) fn ready(&self, server: &str) -> Result<(), StackError> {
        self.set(server, "state ready")
    }

    /// From now on, this server is at another port; connections that there are stay where they are.
    pub(super) fn address(&self, server: &str, port: u16) -> Result<(), StackError> {
        self.set(server, &format!("addr 127.0.0.1 port {port}"))
    }

    /// Whether it gives requests to this server.
    pub(super) fn is_up(&self, server: &str) -> bool {
        self.say("show stat").is_ok_and(|table| down(&table, &[server.to_owned()]).is_empty())
    }

    /// Which of these servers it has not found healthy (yet).
    ///
    /// # Errors
    /// What the socket answers with instead of a table.
    pub(super) fn missing(&self, servers: &[String]) -> Result<Vec<String>, StackError> {
        self.say("show stat").map(|table| down(&table, servers))
    }

    fn set(&self, server: &str, what: &str) -> Result<(), StackError> {
        let answer = self.say(&format!("set server {BACKEND}/{server} {what}"))?;
        if is_consent(&answer) { Ok(()) } else { Err(refused(answer.trim())) }
    }

    fn say(&self, command: &str) -> Result<String, StackError> {
        let exchange = || -> std::io::Result<String> {
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(format!("{command}\n").as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        exchange().map_err(|error| refused(&error.to_string()))
    }
}

fn refused(why: &str) -> StackError {
    StackError::System { what: "telling HAProxy which servers to use", why: why.to_owned() }
}

/// An empty answer, or one that tells what was changed.
fn is_consent(answer: &str) -> bool {
    let answer = answer.trim();
    answer.is_empty() || answer.contains("changed from") || answer.starts_with("no need to change")
}

/// The servers that get no requests.
fn down(table: &str, servers: &[String]) -> Vec<String> {
    let is_up = |server: &String| status(table, server).is_some_and(|status| status.starts_with("UP"));
    servers.iter().filter(|server| !is_up(server)).cloned().collect()
}

/// The column `status` of a server in HAProxy's table (CSV; the first line names the columns).
fn status<'a>(table: &'a str, server: &str) -> Option<&'a str> {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next()?.trim_start_matches("# ").split(',').collect();
    let column = |name: &str| names.iter().position(|known| *known == name);
    let (backend, name, status) = (column("pxname")?, column("svname")?, column("status")?);
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let mut wanted = rows.filter(|row| row.get(backend) == Some(&BACKEND) && row.get(name) == Some(&server));
    wanted.next()?.get(status).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Columns and rows as HAProxy 2.6 gives them, cut after the status.
    const TABLE: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,\n\
        site,FRONTEND,,,1,1,2000,3,0,0,0,0,0,,,,,OPEN,,\n\
        app,app-1,0,0,0,1,,12,0,0,,0,,0,0,0,0,UP,1,\n\
        app,app-2,0,0,2,3,,11,0,0,,0,,0,0,0,0,DRAIN,1,\n\
        app,BACKEND,0,0,2,4,200,23,0,0,0,0,,0,0,0,0,UP,1,\n";

    #[test]
    fn the_table_tells_who_gets_requests() {
        assert_eq!(status(TABLE, "app-1"), Some("UP"));
        assert_eq!(status(TABLE, "app-2"), Some("DRAIN"));
        assert_eq!(status(TABLE, "app-3"), None);
        assert_eq!(status("", "app-1"), None);
        let servers = ["app-1", "app-2", "app-3"].map(str::to_owned);
        assert_eq!(down(TABLE, &servers), ["app-2", "app-3"]);
        assert!(down(TABLE, &servers[..1]).is_empty());
    }

    #[test]
    fn consent_is_told_from_refusal() {
        for consent in [
            "\n",
            "IP changed from '127.0.0.1' to '127.0.0.2', port changed from '81' to '91' by 'stats socket command'\n",
            "no need to change the addr, port changed from '81' to '91' by 'stats socket command'\n",
        ] {
            assert!(is_consent(consent), "{consent}");
        }
        assert!(!is_consent("No such server.\n") && !is_consent("Permission denied\n"));
    }
}
