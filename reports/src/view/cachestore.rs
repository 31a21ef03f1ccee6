//! Cache servers: what Redis and Memcached counted themselves.

use kneepoint_analysis::RunFacts;
use kneepoint_model::db::{CacheWindow, DbWindow};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};

use crate::format::{number, slug};
use crate::view::block::{Block, Cell, Table, Tone};

/// Share of hits below which it catches the eye.
const HITS: f64 = 0.5;

type Seen<'a> = (&'a DbWindow, &'a CacheWindow);

/// The tables; nothing where no server was asked.
pub(crate) fn blocks(facts: &RunFacts) -> Vec<Block> {
    let seen: Vec<Seen<'_>> = facts
        .database_windows()
        .flat_map(|window| window.caches.iter().map(move |cache| (window, cache)))
        .collect();
    if seen.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::heading("What the cache servers counted"), Block::Table(servers(&seen))];
    let commands: Vec<Block> = seen.iter().filter_map(commands).map(Block::Table).collect();
    if !commands.is_empty() {
        blocks.push(Block::fold("Commands by time", commands));
    }
    blocks
}

fn servers(seen: &[Seen<'_>]) -> Table {
    let row = |(window, cache): &Seen<'_>| {
        let lookups = window.per_request(cache.hits + cache.misses);
        let memory = match cache.memory_limit {
            Some(limit) => Cell::bytes(cache.memory_used).noted(format!("of {limit}")),
            None => Cell::bytes(cache.memory_used).noted("no limit"),
        };
        let evicted = if cache.evicted == 0 {
            Cell::value("none", 0.0).toned(Tone::Muted)
        } else {
            Cell::count(cache.evicted).toned(Tone::Warn)
        };
        let what = if cache.tier == Tier::Cache { String::new() } else { format!(", as the {}", cache.tier) };
        vec![
            Cell::text(format!("{} {}{what}", cache.kind.name(), cache.version)).noted(&cache.address),
            Cell::text(&window.phase),
            Cell::maybe(cache.hit_ratio(), |ratio| hit_cell(ratio, cache), "no look-ups"),
            Cell::count(cache.hits),
            Cell::count(cache.misses),
            Cell::maybe(lookups, |per| Cell::value(number(per, 2), per), "no requests"),
            evicted.noted(cache.policy.as_deref().unwrap_or_default()),
            Cell::count(cache.expired),
            memory,
            Cell::count(cache.entries),
            Cell::value(rate(cache.sent, window), cache.sent.as_f64()),
        ]
    };
    Table::new("table-cache-servers", "Redis and Memcached, by their own counters")
        .words("Server")
        .words("Phase")
        .numbers("Hit ratio", "Share of look-ups that found something.")
        .numbers("Hits", "")
        .numbers("Misses", "")
        .numbers("Look-ups a request", "")
        .numbers("Evicted", "Entries thrown out for want of memory; below it what is thrown out.")
        .numbers("Expired", "Entries that reached the end of their lifetime.")
        .numbers("Memory", "In use at the end.")
        .numbers("Entries", "At the end.")
        .numbers("Sent", "Bytes to clients, each second.")
        .with(seen.iter().map(row))
}

fn hit_cell(ratio: Ratio, cache: &CacheWindow) -> Cell {
    let low = ratio.0 < HITS && cache.tier == Tier::Cache;
    Cell::ratio(ratio).toned(if low { Tone::Warn } else { Tone::Plain })
}

fn rate(bytes: Bytes, window: &DbWindow) -> String {
    format!("{}/s", Bytes((bytes.as_f64() / window.seconds().max(1e-3)) as u64))
}

fn commands((window, cache): &Seen<'_>) -> Option<Table> {
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
            .words("Command")
            .numbers("Calls", "")
            .numbers("Time", "By the server's own account.")
            .numbers("Each", "")
            .with(cache.by_command.iter().map(row))
    })
}
