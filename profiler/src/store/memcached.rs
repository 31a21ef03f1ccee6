//! Memcached: `stats` over its text protocol (<https://github.com/memcached/memcached/blob/master/doc/protocol.txt>).

use kneepoint_model::text::collapsed_line;

use super::Gap;
use super::cache::reading::CacheReading;
use super::connection::CacheConnection;

/// Requests and parses `stats`.
pub(super) fn read_stats(connection: &mut CacheConnection) -> Result<CacheReading, Gap> {
    let response = connection.request(b"stats\r\n", response_end)?;
    parse(&response).ok_or_else(|| {
        let message = collapsed_line(&String::from_utf8_lossy(&response[..response.len().min(200)]), 120);
        Gap::new(
            format!("it returned no stats: {message}"),
            "enable the text protocol on that address (no `-B binary`, no SASL)",
        )
    })
}

fn response_end(so_far: &[u8]) -> Result<Option<usize>, String> {
    if so_far.ends_with(b"\r\nEND\r\n") || so_far == b"END\r\n" {
        return Ok(Some(so_far.len()));
    }
    let refusals: [&[u8]; 3] = [b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR"];
    if refusals.iter().any(|word| so_far.starts_with(word)) {
        return Ok(so_far.ends_with(b"\r\n").then_some(so_far.len()));
    }
    let valid_prefix =
        so_far.iter().zip(b"STAT ").all(|(is, should)| is == should) || so_far.starts_with(b"E");
    if valid_prefix { Ok(None) } else { Err("the response is not from Memcached".to_owned()) }
}

/// Pure: parses `stats`; `None` when the essential counter is missing.
fn parse(response: &[u8]) -> Option<CacheReading> {
    let text = String::from_utf8_lossy(response);
    let mut reading = CacheReading::default();
    let mut complete = false;
    for line in text.lines() {
        let Some((key, value)) = line.strip_prefix("STAT ").and_then(|pair| pair.split_once(' ')) else {
            continue;
        };
        complete |= key == "get_hits";
        apply_stat(&mut reading, key, value.trim_end());
    }
    complete.then_some(reading)
}

fn apply_stat(reading: &mut CacheReading, key: &str, value: &str) {
    let number = value.parse::<u64>().unwrap_or_default();
    match key {
        "version" => reading.version = collapsed_line(value, 40),
        "uptime" => reading.uptime_s = number,
        "get_hits" => reading.hits = number,
        "get_misses" => reading.misses = number,
        "evictions" => reading.evicted = number,
        // Memory of expired entries, reused or reclaimed.
        "reclaimed" | "crawler_reclaimed" => reading.expired += number,
        // `cas` is included in `set`, and `touch` is counted as `cmd_touch`.
        "cmd_get" | "cmd_set" | "cmd_flush" | "cmd_touch" | "cmd_meta" | "delete_hits" | "delete_misses"
        | "incr_hits" | "incr_misses" | "decr_hits" | "decr_misses" => reading.commands += number,
        "total_connections" => reading.connections = number,
        "rejected_connections" => reading.refused_connections = number,
        "bytes_read" => reading.received = number,
        "bytes_written" => reading.sent = number,
        "rusage_user" | "rusage_system" => {
            let us = value.parse::<f64>().map_or(0, |seconds| (seconds * 1e6).round() as u64);
            *reading.cpu_us.get_or_insert(0) += us;
        }
        "curr_items" => reading.entries = number,
        "bytes" => reading.memory_used = number,
        "limit_maxbytes" => reading.memory_limit = (number > 0).then_some(number),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{CacheKind, CacheWindow};
    use kneepoint_model::tier::Tier;

    use super::super::cache::{OwnTraffic, window_between};
    use super::*;

    const BEFORE: &[u8] = include_bytes!("../../tests/data/store/before-memcached.txt");
    const AFTER: &[u8] = include_bytes!("../../tests/data/store/after-memcached.txt");

    #[test]
    fn two_captures_of_a_real_server_give_what_was_done_in_between() {
        let (before, after) = (parse(BEFORE).unwrap(), parse(AFTER).unwrap());
        let mut window = CacheWindow::new(Tier::Cache, CacheKind::Memcached, "127.0.0.1:11211");
        // Between the captures: 2,000 `set` and 2,000 `get` over one connection; then one `stats` over another.
        window_between(&mut window, &before, &after, OwnTraffic { commands: 0, connections: 1 });
        assert_eq!((window.commands, window.hits + window.misses, window.connections), (4_000, 2_000, 1));
        insta::assert_json_snapshot!(window);
    }

    #[test]
    fn a_response_ends_with_end_and_another_protocol_is_refused() {
        assert_eq!(response_end(AFTER), Ok(Some(AFTER.len())));
        assert_eq!(response_end(&AFTER[..AFTER.len() - 3]), Ok(None));
        assert_eq!(response_end(b"ERROR\r\n"), Ok(Some(7)));
        assert_eq!(response_end(b""), Ok(None));
        assert!(response_end(b"HTTP/1.1").is_err());
        assert!(parse(b"ERROR\r\n").is_none());
    }
}
