//! Whether anybody is still connected to a server: asked of the kernel, which also knows of connections that wait to be
//! accepted. Source: proc_pid_net(5), `tcp` and `unix`.

use std::fs;
use std::path::Path;

use kneepoint_model::cancel::Cancel;

use super::super::server::ServerSet;
use super::until;
use crate::StackError;
use crate::proc_net;

/// How many looks in a row must find nobody: a health check may come between two.
const LOOKS: u32 = 3;

/// Waits until nobody is connected to any app server of the set.
pub(super) fn wait(set: &ServerSet, run: &Path, cancel: &Cancel) -> Result<(), StackError> {
    (0..set.ports.len()).try_for_each(|index| wait_one(set, run, index, cancel))
}

/// Waits until nobody is connected to this app server.
pub(super) fn wait_one(set: &ServerSet, run: &Path, index: usize, cancel: &Cancel) -> Result<(), StackError> {
    let what = format!("nobody is connected to {} any more", set.name(index));
    let mut empty = 0;
    until(&what, cancel, || {
        let connected = match set.socket(run, index) {
            Some(socket) => by_socket(&fs::read_to_string("/proc/net/unix").unwrap_or_default(), &socket),
            None => proc_net::connected(set.ports[index]),
        };
        empty = if connected == 0 { empty + 1 } else { 0 };
        empty >= LOOKS
    })
}

/// Sockets of this path that do not listen: the flag `__SO_ACCEPTCON` (`00010000`) marks the one that does.
fn by_socket(table: &str, socket: &Path) -> usize {
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
    fn the_listening_socket_is_no_visitor() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 35812 /run/gunicorn.sock\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 35900 /run/gunicorn.sock\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 35901\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 35902 /run/gunicorn-2.sock\n";
        assert_eq!(by_socket(table, Path::new("/run/gunicorn.sock")), 1);
        assert_eq!(by_socket(table, Path::new("/run/other.sock")), 0);
    }
}
