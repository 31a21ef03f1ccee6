//! Who listens on a port or a unix socket: `/proc/net/tcp`, `/proc/net/tcp6`, `/proc/net/unix` and the descriptors of processes. Source: proc_pid_net(5).
//!
//! Reading the tables is a pure function of their text. The walk over descriptors sees only processes that we may look
//! into, so "nobody found" does not mean "nobody there". It is slow, and made once, never while something is measured.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::error::Holder;

/// State `LISTEN` in the tables.
const LISTEN: u8 = 0x0A;

/// One listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its inode: how a descriptor names it.
    pub(crate) inode: u64,
}

/// The listening sockets of a table; lines that are not of its form are passed over.
pub(crate) fn listeners(table: &str) -> Vec<Listener> {
    table.lines().skip(1).filter_map(listener).collect()
}

fn listener(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let state = u8::from_str_radix(fields.get(3)?, 16).ok()?;
    if state != LISTEN {
        return None;
    }
    let address = socket_address(fields.get(1)?)?;
    Some(Listener { address, inode: fields.get(9)?.parse().ok()? })
}

/// `0100007F:46A0`: words in the machine's byte order, the port in the usual one.
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

/// The inodes of sockets that would take a connection to one of `wanted` at `port`.
pub(crate) fn inodes_for(listeners: &[Listener], wanted: &[IpAddr], port: u16) -> HashSet<u64> {
    let takes = |listener: &&Listener| {
        listener.address.port() == port
            && (listener.address.ip().is_unspecified()
                || wanted.iter().any(|ip| ip.to_canonical() == listener.address.ip()))
    };
    listeners.iter().filter(takes).map(|listener| listener.inode).collect()
}

/// How many connections there are to this port of ours, those among them that nobody has accepted yet.
pub(crate) fn connected(port: u16) -> usize {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = tables.iter().filter_map(|table| fs::read_to_string(table).ok());
    texts.map(|table| connections(&table, port)).sum()
}

/// Lines of the local end: established, or closed by the other side and not yet by us.
fn connections(table: &str, port: u16) -> usize {
    const STATES: [&str; 2] = ["01", "08"];
    let counts = |line: &&str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let local = fields.get(1).and_then(|text| socket_address(text));
        local.is_some_and(|local| local.port() == port)
            && fields.get(3).is_some_and(|state| STATES.contains(state))
    };
    table.lines().skip(1).filter(counts).count()
}

/// The processes that listen where a connection to `wanted` at `port` would go.
pub(crate) fn pids_listening(wanted: &[IpAddr], port: u16) -> Vec<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let all: Vec<Listener> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table))
        .collect();
    holding(&inodes_for(&all, wanted, port))
}

/// The processes that listen on a unix socket.
pub(crate) fn pids_serving(socket: &Path) -> Vec<u32> {
    // The table has paths as they were bound: as written, or as they are without links.
    let real = fs::canonicalize(socket).ok();
    let names: Vec<&Path> = [Some(socket), real.as_deref()].into_iter().flatten().collect();
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    holding(&unix_inodes(&String::from_utf8_lossy(&table), &names))
}

/// The inodes of the sockets of a table that listen at one of these paths.
fn unix_inodes(table: &str, names: &[&Path]) -> HashSet<u64> {
    /// `__SO_ACCEPTCON`: it listens. Sockets of accepted connections have the same path.
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

/// The processes that hold one of these sockets.
fn holding(inodes: &HashSet<u64>) -> Vec<u32> {
    if inodes.is_empty() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let holding: BTreeSet<u32> = pids.filter(|pid| holds(*pid, inodes)).collect();
    holding.into_iter().collect()
}

fn holds(pid: u32, inodes: &HashSet<u64>) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let socket = |path: &Path| {
        let name = fs::read_link(path).ok()?;
        name.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
    };
    descriptors.flatten().filter_map(|entry| socket(&entry.path())).any(|inode| inodes.contains(&inode))
}

/// Who holds a port of the loopback, as far as we may see; the oldest, when several share it.
pub(crate) fn holder(port: u16) -> Option<Holder> {
    let pid = *pids_listening(&[IpAddr::V4(Ipv4Addr::LOCALHOST)], port).first()?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    // Names are chosen by the process, so they are made harmless before they are shown.
    let name = name.trim_end().chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    Some(Holder { pid, name })
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

    fn seen(table: &str) -> Vec<(String, u64)> {
        listeners(table).into_iter().map(|listener| (listener.address.to_string(), listener.inode)).collect()
    }

    #[test]
    fn tables_of_both_families() {
        assert_eq!(seen(V4), [("0.0.0.0:18080".to_owned(), 8123), ("127.0.0.1:18081".to_owned(), 8124)]);
        let v6 =
            [("[::1]:8080".to_owned(), 91), ("127.0.0.1:8081".to_owned(), 92), ("[::]:8082".to_owned(), 93)];
        assert_eq!(seen(V6), v6);
        assert_eq!(seen(""), []);
    }

    #[test]
    fn a_listener_on_any_address_takes_every_connection() {
        let all: Vec<Listener> = listeners(V4).into_iter().chain(listeners(V6)).collect();
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        let other: IpAddr = "127.0.0.2".parse().unwrap();
        let of = |ip: IpAddr, port: u16| inodes_for(&all, &[ip], port).into_iter().collect::<Vec<_>>();
        assert_eq!(of(loopback, 18080), [8123]);
        assert_eq!(of(mapped, 18081), [8124]);
        assert_eq!(of(loopback, 8082), [93]);
        assert!(of(other, 18081).is_empty() && of(loopback, 1).is_empty());
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
        let of = |path: &str| unix_inodes(table, &[Path::new(path)]).into_iter().collect::<Vec<_>>();
        assert_eq!(of("/run/app.sock"), [33001]);
        assert_eq!(of("/run/my app.sock"), [33003]);
        assert!(of("/run/other.sock").is_empty());
    }

    #[test]
    fn connections_are_counted_until_both_sides_have_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(connected(port), 0, "who listens is not connected");
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(connected(port), 1, "also before it is accepted");
        let (server, _) = listener.accept().unwrap();
        drop(client);
        assert_eq!(connected(port), 1, "closed by one side alone");
        drop(server);
        // The kernel says farewell in its own time.
        let gone = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            connected(port) == 0
        });
        assert!(gone, "{} connections are left", connected(port));
    }

    #[test]
    fn finds_ourselves() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pids = pids_listening(&[address.ip()], address.port());
        assert!(pids.contains(&std::process::id()), "{pids:?}");
        assert_eq!(holder(address.port()).unwrap().pid, std::process::id());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            let _ = listeners(&format!("header\n{text}"));
        }

        #[test]
        fn addresses_survive(octets in any::<[u8; 4]>(), port in any::<u16>()) {
            let word = u32::from_ne_bytes(octets);
            let expected = SocketAddr::from((octets, port));
            prop_assert_eq!(socket_address(&format!("{word:08X}:{port:04X}")), Some(expected));
        }
    }
}
