//! Cache servers: the counters that Redis and Memcached report.

use kneepoint_analysis::RunFacts;
use kneepoint_model::db::{CacheWindow, DbWindow};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};

use crate::format::{number, slug};
use crate::view::block::{Block, Cell, Table, Tone};

/// A hit ratio below this share is highlighted.
const LOW_HIT_RATIO: f64 = 0.5;

type CacheServerWindow<'a> = (&'a DbWindow, &'a CacheWindow);

/// The tables; empty if no cache server reports counters.
pub(crate) fn blocks(facts: &RunFacts) -> Vec<Block> {
    let seen: Vec<CacheServerWindow<'_>> = facts
        .database_windows()
        .flat_map(|window| window.caches.iter().map(move |cache| (window, cache)))
        .collect();
    if seen.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::heading("Counters of the cache servers"), Block::Table(servers(&seen))];
    let commands: Vec<Block> = seen.iter().filter_map(commands).map(Block::Table).collect();
    if !commands.is_empty() {
        blocks.push(Block::fold("Commands by time", commands));
    }
    blocks
}

fn servers(seen: &[CacheServerWindow<'_>]) -> Table {
    let row = |(window, cache): &CacheServerWindow<'_>| {
        let lookups = window.per_request(cache.hits + cache.misses);
        let memory = match cache.memory_limit {
            Some(limit) => Cell::bytes(cache.memory_used).with_note(format!("of {limit}")),
            None => Cell::bytes(cache.memory_used).with_note("no limit"),
        };
        let evicted = if cache.evicted == 0 {
            Cell::value("none", 0.0).with_tone(Tone::Muted)
        } else {
            Cell::count(cache.evicted).with_tone(Tone::Warn)
        };
        let what = if cache.tier == Tier::Cache { String::new() } else { format!(", as the {}", cache.tier) };
        vec![
            Cell::text(format!("{} {}{what}", cache.kind.name(), cache.version)).with_note(&cache.address),
            Cell::text(&window.phase),
            Cell::optional(cache.hit_ratio(), |ratio| hit_cell(ratio, cache), "no lookups"),
            Cell::count(cache.hits),
            Cell::count(cache.misses),
            Cell::optional(lookups, |per| Cell::value(number(per, 2), per), "no requests"),
            evicted.with_note(cache.policy.as_deref().unwrap_or_default()),
            Cell::count(cache.expired),
            memory,
            Cell::count(cache.entries),
            Cell::value(rate(cache.sent, window), cache.sent.as_f64()),
        ]
    };
    Table::new("table-cache-servers", "Redis and Memcached, server-side counters")
        .text_column("Server")
        .text_column("Phase")
        .number_column("Hit ratio", "Share of lookups that are hits.")
        .number_column("Hits", "")
        .number_column("Misses", "")
        .number_column("Lookups per request", "")
        .number_column("Evicted", "Entries evicted because memory is full; below it the eviction policy.")
        .number_column("Expired", "Entries removed because their lifetime ended.")
        .number_column("Memory", "Memory in use at the end of the phase.")
        .number_column("Entries", "Number of entries at the end of the phase.")
        .number_column("Sent", "Bytes sent to clients per second.")
        .with_rows(seen.iter().map(row))
}

fn hit_cell(ratio: Ratio, cache: &CacheWindow) -> Cell {
    let low = ratio.0 < LOW_HIT_RATIO && cache.tier == Tier::Cache;
    Cell::ratio(ratio).with_tone(if low { Tone::Warn } else { Tone::Plain })
}

fn rate(bytes: Bytes, window: &DbWindow) -> String {
    format!("{}/s", Bytes((bytes.as_f64() / window.seconds().max(1e-3)) as u64))
}

fn commands((window, cache): &CacheServerWindow<'_>) -> Option<Table> {
    let row = |command: &kneepoint_model::db::CommandDelta| {
        let each = command.timer_us.as_f64() / command.calls.max(1) as f64;
        vec![
            Cell::code(&command.name),
            Cell::count(command.calls),
            Cell::micros(command.timer_us),
            Cell::value(format!("{} µs", number(each, 1)), each),
        ]
    };
    (!cache.by_command.is_empty()).then(|| {
        let id = slug(&format!("table-commands-{}-{}", window.phase, cache.address));
        let caption = format!("{}: {} at {}", window.phase, cache.kind.name(), cache.address);
        Table::new(&id, caption)
            .text_column("Command")
            .number_column("Calls", "")
            .number_column("Time", "Server-side time.")
            .number_column("Mean", "Mean time per call.")
            .with_rows(cache.by_command.iter().map(row))
    })
}
