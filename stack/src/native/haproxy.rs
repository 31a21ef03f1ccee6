//! Client of HAProxy's runtime socket: one command and its response per connection. Source: HAProxy's management guide, "Unix Socket commands".

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::StackError;

/// HAProxy responds at once or not at all.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The backend of the app servers in `haproxy.cfg.j2`.
const BACKEND: &str = "app";

pub(super) struct Haproxy {
    socket: PathBuf,
}

impl Haproxy {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends no new requests to this server; requests in flight continue.
    pub(super) fn drain(&self, server: &str) -> Result<(), StackError> {
        self.set(server, "state drain")
    }

    /// Sends requests to this server again once it is healthy.
    pub(super) fn enable(&self, server: &str) -> Result<(), StackError> {
        self.set(server, "state ready")
    }

    /// Moves this server to another port; open connections stay on the old one.
    pub(super) fn set_address(&self, server: &str, port: u16) -> Result<(), StackError> {
        self.set(server, &format!("addr 127.0.0.1 port {port}"))
    }

    /// Whether HAProxy sends requests to this server.
    pub(super) fn is_up(&self, server: &str) -> bool {
        self.send_command("show stat")
            .is_ok_and(|table| servers_down(&table, &[server.to_owned()]).is_empty())
    }

    /// Which of these servers HAProxy does not report as healthy.
    ///
    /// # Errors
    /// `System` when the socket cannot be used.
    pub(super) fn unhealthy_servers(&self, servers: &[String]) -> Result<Vec<String>, StackError> {
        self.send_command("show stat").map(|table| servers_down(&table, servers))
    }

    fn set(&self, server: &str, what: &str) -> Result<(), StackError> {
        let response = self.send_command(&format!("set server {BACKEND}/{server} {what}"))?;
        if is_success(&response) { Ok(()) } else { Err(command_failed(response.trim())) }
    }

    fn send_command(&self, command: &str) -> Result<String, StackError> {
        let exchange = || -> std::io::Result<String> {
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(RESPONSE_TIMEOUT))?;
            stream.write_all(format!("{command}\n").as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            let mut response = String::new();
            stream.read_to_string(&mut response)?;
            Ok(response)
        };
        exchange().map_err(|error| command_failed(&error.to_string()))
    }
}

fn command_failed(why: &str) -> StackError {
    StackError::System { what: "sending a command to HAProxy", why: why.to_owned() }
}

/// HAProxy responds to a successful command with nothing, or with what was changed.
fn is_success(response: &str) -> bool {
    let response = response.trim();
    response.is_empty() || response.contains("changed from") || response.starts_with("no need to change")
}

/// Those of `servers` to which HAProxy sends no requests.
fn servers_down(table: &str, servers: &[String]) -> Vec<String> {
    let is_up = |server: &String| server_status(table, server).is_some_and(|status| status.starts_with("UP"));
    servers.iter().filter(|server| !is_up(server)).cloned().collect()
}

/// The column `status` of a server in HAProxy's table (CSV; the first line names the columns).
fn server_status<'a>(table: &'a str, server: &str) -> Option<&'a str> {
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
    fn the_table_shows_which_servers_get_requests() {
        assert_eq!(server_status(TABLE, "app-1"), Some("UP"));
        assert_eq!(server_status(TABLE, "app-2"), Some("DRAIN"));
        assert_eq!(server_status(TABLE, "app-3"), None);
        assert_eq!(server_status("", "app-1"), None);
        let servers = ["app-1", "app-2", "app-3"].map(str::to_owned);
        assert_eq!(servers_down(TABLE, &servers), ["app-2", "app-3"]);
        assert!(servers_down(TABLE, &servers[..1]).is_empty());
    }

    #[test]
    fn success_is_told_from_refusal() {
        for success in [
            "\n",
            "IP changed from '127.0.0.1' to '127.0.0.2', port changed from '81' to '91' by 'stats socket command'\n",
            "no need to change the addr, port changed from '81' to '91' by 'stats socket command'\n",
        ] {
            assert!(is_success(success), "{success}");
        }
        assert!(!is_success("No such server.\n") && !is_success("Permission denied\n"));
    }
}
