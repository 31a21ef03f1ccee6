//! Redis and compatible servers (Valkey): `INFO` over the Redis protocol
//! (<https://redis.io/docs/latest/commands/info/>).

use kneepoint_model::text::collapsed_line;

use super::Gap;
use super::cache::reading::CacheReading;
use super::connection::CacheConnection;
use super::plan::Secret;

const INFO: &[u8] = b"*2\r\n$4\r\nINFO\r\n$3\r\nall\r\n";
const FIX_PERMISSION: &str =
    "give kneepoint a user that may run INFO (`ACL SETUSER name on +info`), and its password";

/// Commands that only kneepoint sends: `INFO`, and `AUTH` before it.
pub(super) fn is_own_command(command: &str) -> bool {
    matches!(command, "info" | "auth")
}

/// Requests and parses `INFO`; counts the commands that it sends.
pub(super) fn read_info(
    connection: &mut CacheConnection,
    password: Option<&Secret>,
    own_commands: &mut u64,
) -> Result<CacheReading, Gap> {
    if let Some(secret) = password.filter(|_| !connection.is_open()) {
        let secret = secret.reveal();
        let command = format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{secret}\r\n", secret.len());
        *own_commands += 1;
        let response = connection.request(command.as_bytes(), response_end)?;
        if !response.starts_with(b"+OK") {
            return Err(refusal(&response));
        }
    }
    *own_commands += 1;
    let response = connection.request(INFO, response_end)?;
    parse(&response).ok_or_else(|| refusal(&response))
}

fn refusal(response: &[u8]) -> Gap {
    let message = collapsed_line(&String::from_utf8_lossy(&response[..response.len().min(200)]), 120);
    Gap::new(format!("it returned no INFO: {message}"), FIX_PERMISSION)
}

/// End of a bulk string (`$n`), a status (`+`) or an error (`-`); nothing else is requested.
fn response_end(so_far: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = so_far.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
    match so_far.first() {
        Some(b'+' | b'-') => Ok(Some(end + 2)),
        Some(b'$') => {
            let length: usize = std::str::from_utf8(&so_far[1..end])
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or("the response is not from Redis")?;
            let total = end + 2 + length.saturating_add(2);
            Ok((so_far.len() >= total).then_some(total))
        }
        _ => Err("the response is not from Redis".to_owned()),
    }
}

/// Pure: parses `INFO all`; `None` when the essential counter is missing.
fn parse(response: &[u8]) -> Option<CacheReading> {
    let text = String::from_utf8_lossy(response);
    if !text.starts_with('$') {
        return None;
    }
    let mut reading = CacheReading::default();
    let mut complete = false;
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        complete |= key == "keyspace_hits";
        apply_stat(&mut reading, key, value.trim_end());
    }
    complete.then_some(reading)
}

fn apply_stat(reading: &mut CacheReading, key: &str, value: &str) {
    let number = value.parse::<u64>().unwrap_or_default();
    match key {
        // Valkey reports its own version beside the compatible Redis version.
        "redis_version" if reading.version.is_empty() => reading.version = collapsed_line(value, 40),
        "valkey_version" => reading.version = collapsed_line(&format!("Valkey {value}"), 40),
        "uptime_in_seconds" => reading.uptime_s = number,
        "keyspace_hits" => reading.hits = number,
        "keyspace_misses" => reading.misses = number,
        "evicted_keys" => reading.evicted = number,
        "expired_keys" => reading.expired = number,
        "total_commands_processed" => reading.commands = number,
        "total_connections_received" => reading.connections = number,
        "rejected_connections" => reading.refused_connections = number,
        "total_net_input_bytes" => reading.received = number,
        "total_net_output_bytes" => reading.sent = number,
        "used_cpu_sys" | "used_cpu_user" => {
            let us = value.parse::<f64>().map_or(0, |seconds| (seconds * 1e6).round() as u64);
            *reading.cpu_us.get_or_insert(0) += us;
        }
        "used_memory" => reading.memory_used = number,
        "maxmemory" => reading.memory_limit = (number > 0).then_some(number),
        "maxmemory_policy" => reading.policy = Some(collapsed_line(value, 40)),
        _ => apply_table_stat(reading, key, value),
    }
}

/// Parses `cmdstat_get:calls=4,usec=9,…` and `db0:keys=288,…`.
fn apply_table_stat(reading: &mut CacheReading, key: &str, value: &str) {
    let field = |name: &str| {
        let pair = value.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        pair.and_then(|number| number.parse::<u64>().ok())
    };
    if let Some(name) = key.strip_prefix("cmdstat_") {
        if let Some(both) = field("calls").zip(field("usec")) {
            reading.by_command.insert(collapsed_line(&name.to_ascii_lowercase(), 40), both);
        }
    } else if key.strip_prefix("db").is_some_and(|number| number.parse::<u32>().is_ok()) {
        reading.entries += field("keys").unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{CacheKind, CacheWindow};
    use kneepoint_model::tier::Tier;

    use super::super::cache::{OwnTraffic, window_between};
    use super::*;

    const BEFORE: &[u8] = include_bytes!("../../tests/data/store/before-redis.txt");
    const AFTER: &[u8] = include_bytes!("../../tests/data/store/after-redis.txt");

    #[test]
    fn two_captures_of_a_real_server_give_what_was_done_in_between() {
        let (before, after) = (parse(BEFORE).unwrap(), parse(AFTER).unwrap());
        let mut window = CacheWindow::new(Tier::Cache, CacheKind::Redis, "127.0.0.1:6379");
        // Between the captures: 2,000 SET, 2,000 GET, 200 LPUSH and 200 RPOP over one connection; then one INFO
        // over another.
        window_between(&mut window, &before, &after, OwnTraffic { commands: 1, connections: 1 });
        assert_eq!((window.commands, window.connections), (4_400, 1));
        insta::assert_json_snapshot!(window);
    }

    #[test]
    fn a_response_is_complete_at_its_declared_length() {
        assert_eq!(response_end(b"$5\r\nab"), Ok(None));
        assert_eq!(response_end(b"$2\r\nab\r\nrest"), Ok(Some(8)));
        assert_eq!(response_end(b"-NOAUTH x\r\n"), Ok(Some(11)));
        assert!(
            response_end(b"HTTP/1.1 400\r\n").is_err()
                && response_end(b"$x\r\n").is_err()
                && response_end(b"$-1\r\n").is_err()
        );
        assert_eq!(response_end(BEFORE), Ok(Some(BEFORE.len())));
    }

    #[test]
    fn a_refusal_is_quoted() {
        assert!(parse(b"-NOAUTH Authentication required.\r\n").is_none());
        assert!(refusal(b"-NOAUTH Authentication required.\r\n").why.contains("NOAUTH"));
    }
}
