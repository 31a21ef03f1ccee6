//! Waits until an app server has no connections. The kernel's tables also list connections that are not accepted yet. Source: proc_pid_net(5), `tcp` and `unix`.

use std::fs;
use std::path::Path;

use kneepoint_model::cancel::Cancel;

use super::super::server::ServerSet;
use super::wait_for_condition;
use crate::error::StackError;
use crate::host::listeners;

/// Polls in a row that must find no connection: a health check may fall between two.
const EMPTY_POLLS: u32 = 3;

/// Waits until no app server of the set has a connection.
pub(super) fn wait_drained(servers: &ServerSet, run: &Path, cancel: &Cancel) -> Result<(), StackError> {
    (0..servers.ports.len()).try_for_each(|index| wait_server_drained(servers, run, index, cancel))
}

/// Waits until this app server has no connection.
pub(super) fn wait_server_drained(
    servers: &ServerSet,
    run: &Path,
    index: usize,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let what = format!("{} has no connections", servers.service_name(index));
    let mut empty = 0;
    wait_for_condition(&what, cancel, || {
        let connected = match servers.socket(run, index) {
            Some(socket) => {
                count_socket_connections(&fs::read_to_string("/proc/net/unix").unwrap_or_default(), &socket)
            }
            None => listeners::count_connections(servers.ports[index]),
        };
        empty = if connected == 0 { empty + 1 } else { 0 };
        empty >= EMPTY_POLLS
    })
}

/// Counts sockets of this path that do not listen: the flag `__SO_ACCEPTCON` (`00010000`) marks the one that does.
fn count_socket_connections(table: &str, socket: &Path) -> usize {
    let path = socket.to_string_lossy();
    let is_connected = |line: &&str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        fields.get(7) == Some(&&*path) && fields.get(3) == Some(&"00000000")
    };
    table.lines().filter(is_connected).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listening_socket_is_not_counted() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 35812 /run/gunicorn.sock\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 35900 /run/gunicorn.sock\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 35901\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 35902 /run/gunicorn-2.sock\n";
        assert_eq!(count_socket_connections(table, Path::new("/run/gunicorn.sock")), 1);
        assert_eq!(count_socket_connections(table, Path::new("/run/other.sock")), 0);
    }
}
