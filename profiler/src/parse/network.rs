//! Network files: `net/dev`, `net/netstat`, `net/snmp`, `net/sockstat`. Never `net/tcp`.

use super::fields::{nth_number, value_under_heading};

/// Bytes received and sent on all interfaces including loopback, from `net/dev`.
pub(crate) fn network_bytes(dev: &str) -> (u64, u64) {
    let mut sum = (0_u64, 0_u64);
    for line in dev.lines() {
        // An interface's name may contain a colon (an alias); its counters do not.
        let Some((_, counters)) = line.rsplit_once(':') else { continue };
        if let (Some(received), Some(sent)) = (nth_number(counters, 0), nth_number(counters, 8)) {
            sum = (sum.0.saturating_add(received), sum.1.saturating_add(sent));
        }
    }
    sum
}

/// Connections dropped by listening sockets since boot, from `net/netstat`: `ListenDrops` includes
/// `ListenOverflows` (accept queue full) and also counts a full queue of half-open connections.
pub(crate) fn listen_drops(netstat: &str) -> Option<u64> {
    value_under_heading(netstat, "TcpExt", "ListenDrops")
        .or_else(|| value_under_heading(netstat, "TcpExt", "ListenOverflows"))
}

/// TCP segments retransmitted since boot, from `net/snmp`.
pub(crate) fn retransmits(snmp: &str) -> Option<u64> {
    value_under_heading(snmp, "Tcp", "RetransSegs")
}

/// TCP connections opened from this machine since boot, from `net/snmp`.
pub(crate) fn active_opens(snmp: &str) -> Option<u64> {
    value_under_heading(snmp, "Tcp", "ActiveOpens")
}

/// Sockets in TIME_WAIT, from `net/sockstat`.
pub(crate) fn time_wait(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "tw")?;
    words.next()?.parse().ok()
}
