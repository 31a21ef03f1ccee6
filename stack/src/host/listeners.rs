//! Which processes listen on a port or a Unix socket, from `/proc/net/{tcp,tcp6,unix}` and the descriptors of processes.
//! Source: proc_pid_net(5).
//!
//! Parsing the tables is pure. Descriptors are readable only for processes of the same user (or as root), so an empty result
//! does not prove that nothing listens. The walk is slow and never happens during a measurement.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use kneepoint_model::text::replace_controls;

use crate::error::PortHolder;

/// The state `LISTEN` in the tables.
const LISTEN: u8 = 0x0A;

/// A listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// By which descriptors refer to it.
    pub(crate) inode: u64,
}

/// The listening sockets of a table; malformed lines are skipped.
pub(crate) fn parse_listeners(table: &str) -> Vec<Listener> {
    table.lines().skip(1).filter_map(parse_listener).collect()
}

fn parse_listener(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let state = u8::from_str_radix(fields.get(3)?, 16).ok()?;
    if state != LISTEN {
        return None;
    }
    let address = socket_address(fields.get(1)?)?;
    Some(Listener { address, inode: fields.get(9)?.parse().ok()? })
}

/// Parses `0100007F:46A0`: words of the address in the machine's byte order, the port in hexadecimal.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| {
        let digits = address.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(address.to_canonical(), port))
}

/// Inodes of the sockets that would accept a connection to one of `wanted` at `port`.
pub(crate) fn inodes_for(listeners: &[Listener], wanted: &[IpAddr], port: u16) -> HashSet<u64> {
    let takes = |listener: &&Listener| {
        listener.address.port() == port
            && (listener.address.ip().is_unspecified()
                || wanted.iter().any(|ip| ip.to_canonical() == listener.address.ip()))
    };
    listeners.iter().filter(takes).map(|listener| listener.inode).collect()
}

/// Number of connections to this local port, including those not accepted yet.
pub(crate) fn count_connections(port: u16) -> usize {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = tables.iter().filter_map(|table| fs::read_to_string(table).ok());
    texts.map(|table| count_connections_in(&table, port)).sum()
}

/// Counts rows of the local end: established, or closed by the other side only.
fn count_connections_in(table: &str, port: u16) -> usize {
    const STATES: [&str; 2] = ["01", "08"];
    let counts = |line: &&str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let local = fields.get(1).and_then(|text| socket_address(text));
        local.is_some_and(|local| local.port() == port)
            && fields.get(3).is_some_and(|state| STATES.contains(state))
    };
    table.lines().skip(1).filter(counts).count()
}

/// The processes that would accept a connection to one of `wanted` at `port`.
pub(crate) fn pids_listening(wanted: &[IpAddr], port: u16) -> Vec<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let all: Vec<Listener> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| parse_listeners(&table))
        .collect();
    pids_holding(&inodes_for(&all, wanted, port))
}

/// The processes that listen on a Unix socket.
pub(crate) fn pids_on_unix_socket(socket: &Path) -> Vec<u32> {
    // The table has paths as they were bound: possibly with links, possibly resolved.
    let real = fs::canonicalize(socket).ok();
    let names: Vec<&Path> = [Some(socket), real.as_deref()].into_iter().flatten().collect();
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    pids_holding(&unix_inodes(&String::from_utf8_lossy(&table), &names))
}

/// Inodes of the sockets of a table that listen at one of these paths.
fn unix_inodes(table: &str, names: &[&Path]) -> HashSet<u64> {
    /// The flag `__SO_ACCEPTCON` of listening sockets; sockets of accepted connections have the same path.
    const LISTENS: u32 = 1 << 16;
    let listener = |line: &str| {
        let (fields, path) = line.split_once(" /").map(|(fields, path)| (fields, format!("/{path}")))?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let flags = u32::from_str_radix(fields.get(3)?, 16).ok()?;
        let ours = names.iter().any(|name| *name == Path::new(&path));
        (flags & LISTENS != 0 && ours).then_some(fields.get(6)?.parse().ok()?)
    };
    table.lines().filter_map(listener).collect()
}

/// The processes that have one of these sockets open.
fn pids_holding(inodes: &HashSet<u64>) -> Vec<u32> {
    if inodes.is_empty() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let holding: BTreeSet<u32> = pids.filter(|pid| holds_socket(*pid, inodes)).collect();
    holding.into_iter().collect()
}

fn holds_socket(pid: u32, inodes: &HashSet<u64>) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let socket = |path: &Path| {
        let name = fs::read_link(path).ok()?;
        name.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
    };
    descriptors.flatten().filter_map(|entry| socket(&entry.path())).any(|inode| inodes.contains(&inode))
}

/// The process that listens on a port of the loopback, as far as visible; the oldest, when several share it.
pub(crate) fn find_holder(port: u16) -> Option<PortHolder> {
    let pid = *pids_listening(&[IpAddr::V4(Ipv4Addr::LOCALHOST)], port).first()?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    // A process chooses its name itself, so control characters are replaced.
    Some(PortHolder { pid, name: replace_controls(name.trim_end(), '·') })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;

    use super::*;

    /// From a machine with nginx on 18080 (any address), gunicorn on 127.0.0.1:18081 and a connection between them.
    const V4: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8123 1 0000000000000000 100 0 0 10 0
   1: 0100007F:46A1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8124 1 0000000000000000 100 0 0 10 0
   2: 0100007F:46A1 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 8125 1 0000000000000000 20 4 30 10 -1
";
    const V6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 91 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 92 1 0 100 0 0 10 0
   2: 00000000000000000000000000000000:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 93 1 0 100 0 0 10 0
";

    fn addresses_and_inodes(table: &str) -> Vec<(String, u64)> {
        parse_listeners(table)
            .into_iter()
            .map(|listener| (listener.address.to_string(), listener.inode))
            .collect()
    }

    #[test]
    fn tables_of_both_families() {
        assert_eq!(
            addresses_and_inodes(V4),
            [("0.0.0.0:18080".to_owned(), 8123), ("127.0.0.1:18081".to_owned(), 8124)]
        );
        let v6 =
            [("[::1]:8080".to_owned(), 91), ("127.0.0.1:8081".to_owned(), 92), ("[::]:8082".to_owned(), 93)];
        assert_eq!(addresses_and_inodes(V6), v6);
        assert_eq!(addresses_and_inodes(""), []);
    }

    #[test]
    fn a_listener_on_any_address_takes_every_connection() {
        let all: Vec<Listener> = parse_listeners(V4).into_iter().chain(parse_listeners(V6)).collect();
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        let other: IpAddr = "127.0.0.2".parse().unwrap();
        let inodes = |ip: IpAddr, port: u16| inodes_for(&all, &[ip], port).into_iter().collect::<Vec<_>>();
        assert_eq!(inodes(loopback, 18080), [8123]);
        assert_eq!(inodes(mapped, 18081), [8124]);
        assert_eq!(inodes(loopback, 8082), [93]);
        assert!(inodes(other, 18081).is_empty() && inodes(loopback, 1).is_empty());
    }

    #[test]
    fn of_sockets_with_one_path_the_one_that_listens_counts() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 33001 /run/app.sock
0000000000000000: 00000003 00000000 00000000 0001 03 33002 /run/app.sock
0000000000000000: 00000002 00000000 00010000 0001 01 33003 /run/my app.sock
0000000000000000: 00000002 00000000 00010000 0001 01 33004 @abstract
0000000000000000: 00000003 00000000 00000000 0001 03 33005
";
        let inodes = |path: &str| unix_inodes(table, &[Path::new(path)]).into_iter().collect::<Vec<_>>();
        assert_eq!(inodes("/run/app.sock"), [33001]);
        assert_eq!(inodes("/run/my app.sock"), [33003]);
        assert!(inodes("/run/other.sock").is_empty());
    }

    #[test]
    fn connections_are_counted_until_both_sides_have_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(count_connections(port), 0, "a listener is not a connection");
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(count_connections(port), 1, "also before it is accepted");
        let (server, _) = listener.accept().unwrap();
        drop(client);
        assert_eq!(count_connections(port), 1, "closed by one side alone");
        drop(server);
        // The kernel removes the connection some time later.
        let gone = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            count_connections(port) == 0
        });
        assert!(gone, "{} connections are left", count_connections(port));
    }

    #[test]
    fn finds_ourselves() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pids = pids_listening(&[address.ip()], address.port());
        assert!(pids.contains(&std::process::id()), "{pids:?}");
        assert_eq!(find_holder(address.port()).unwrap().pid, std::process::id());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            let _ = parse_listeners(&format!("header\n{text}"));
        }

        #[test]
        fn addresses_survive(octets in any::<[u8; 4]>(), port in any::<u16>()) {
            let word = u32::from_ne_bytes(octets);
            let expected = SocketAddr::from((octets, port));
            prop_assert_eq!(socket_address(&format!("{word:08X}:{port:04X}")), Some(expected));
        }
    }
}
