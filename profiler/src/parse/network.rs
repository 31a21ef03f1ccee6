//! The network: `net/dev`, `net/netstat`, `net/snmp`, `net/sockstat`. Never `net/tcp`.

use super::words::{under_heading, word};

/// Bytes received and sent on all interfaces, loopback included, from `net/dev`.
pub(crate) fn network_bytes(dev: &str) -> (u64, u64) {
    let mut sum = (0_u64, 0_u64);
    for line in dev.lines() {
        // An interface's name may hold a colon (an alias), its counters do not.
        let Some((_, counters)) = line.rsplit_once(':') else { continue };
        if let (Some(received), Some(sent)) = (word(counters, 0), word(counters, 8)) {
            sum = (sum.0.saturating_add(received), sum.1.saturating_add(sent));
        }
    }
    sum
}

/// Connections that a listening socket dropped since boot, from `net/netstat`: those that found the accept queue full
/// (`ListenOverflows`) are among `ListenDrops`, which counts a full queue of half-open ones too.
pub(crate) fn listen_drops(netstat: &str) -> Option<u64> {
    under_heading(netstat, "TcpExt", "ListenDrops")
        .or_else(|| under_heading(netstat, "TcpExt", "ListenOverflows"))
}

/// TCP segments sent again since boot, from `net/snmp`.
pub(crate) fn retransmits(snmp: &str) -> Option<u64> {
    under_heading(snmp, "Tcp", "RetransSegs")
}

/// TCP connections opened from this machine since boot, from `net/snmp`.
pub(crate) fn active_opens(snmp: &str) -> Option<u64> {
    under_heading(snmp, "Tcp", "ActiveOpens")
}

/// Sockets in TIME_WAIT, from `net/sockstat`.
pub(crate) fn time_wait(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "tw")?;
    words.next()?.parse().ok()
}
