//! One cache server: its readings, the difference of two, and its gauges.

pub(super) mod reading;

use std::time::Instant;

use kneepoint_model::db::{CacheKind, CacheWindow, CommandDelta};
use kneepoint_model::sample::CacheGauge;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros};

use self::reading::CacheReading;
use super::connection::CacheConnection;
use super::plan::Secret;
use super::{Gap, memcached, redis};

/// Most commands named in the result.
const MAX_COMMANDS: usize = 20;

/// Commands and connections of kneepoint itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OwnTraffic {
    pub(super) commands: u64,
    pub(super) connections: u64,
}

/// Pure: the difference of two readings, without kneepoint's own traffic.
pub(super) fn window_between(
    window: &mut CacheWindow,
    before: &CacheReading,
    after: &CacheReading,
    own: OwnTraffic,
) {
    let grown = |read: fn(&CacheReading) -> u64| read(after).saturating_sub(read(before));
    window.version.clone_from(&after.version);
    window.hits = grown(|r| r.hits);
    window.misses = grown(|r| r.misses);
    window.evicted = grown(|r| r.evicted);
    window.expired = grown(|r| r.expired);
    window.commands = grown(|r| r.commands).saturating_sub(own.commands);
    window.connections = grown(|r| r.connections).saturating_sub(own.connections);
    window.refused_connections = grown(|r| r.refused_connections);
    window.received = Bytes(grown(|r| r.received));
    window.sent = Bytes(grown(|r| r.sent));
    window.cpu_us = after.cpu_us.zip(before.cpu_us).map(|(now, then)| Micros(now.saturating_sub(then)));
    window.entries = after.entries;
    window.memory_used = Bytes(after.memory_used);
    window.memory_limit = after.memory_limit.map(Bytes);
    window.policy.clone_from(&after.policy);
    window.by_command = command_deltas(before, after);
}

fn command_deltas(before: &CacheReading, after: &CacheReading) -> Vec<CommandDelta> {
    let delta = |(name, (calls, us)): (&String, &(u64, u64))| {
        let (calls_then, us_then) = before.by_command.get(name).copied().unwrap_or_default();
        let calls = calls.saturating_sub(calls_then);
        (calls > 0 && !redis::is_own_command(name)).then(|| CommandDelta {
            name: name.clone(),
            calls,
            timer_us: Micros(us.saturating_sub(us_then)),
        })
    };
    let mut commands: Vec<CommandDelta> = after.by_command.iter().filter_map(delta).collect();
    commands.sort_by(|a, b| b.timer_us.cmp(&a.timer_us).then_with(|| a.name.cmp(&b.name)));
    commands.truncate(MAX_COMMANDS);
    commands
}

/// One cache server, read over one connection.
#[derive(Debug)]
pub(super) struct CacheStore {
    pub(super) tier: Tier,
    pub(super) kind: CacheKind,
    pub(super) address: String,
    password: Option<Secret>,
    connection: CacheConnection,
    commands: u64,
    before: Option<(CacheReading, OwnTraffic)>,
    last: Option<(Instant, CacheReading, OwnTraffic)>,
}

impl CacheStore {
    pub(super) fn new(tier: Tier, kind: CacheKind, address: &str, password: Option<Secret>) -> Self {
        let connection = CacheConnection::new(address);
        let address = address.to_owned();
        Self { tier, kind, address, password, connection, commands: 0, before: None, last: None }
    }

    fn read(&mut self) -> Result<(CacheReading, OwnTraffic), Gap> {
        let reading = match self.kind {
            CacheKind::Redis => {
                redis::read_info(&mut self.connection, self.password.as_ref(), &mut self.commands)?
            }
            CacheKind::Memcached => memcached::read_stats(&mut self.connection)?,
        };
        Ok((reading, OwnTraffic { commands: self.commands, connections: self.connection.connections }))
    }

    /// Gauges since the previous call; `None` on the first.
    pub(super) fn read_gauge(&mut self) -> Result<Option<CacheGauge>, Gap> {
        let (now, own) = self.read()?;
        let at = Instant::now();
        let last = self.last.replace((at, now.clone(), own));
        Ok(last.map(|(then, before, own_before)| {
            let grown = |read: fn(&CacheReading) -> u64| read(&now).saturating_sub(read(&before));
            let own = own.commands - own_before.commands;
            CacheGauge {
                tier: self.tier,
                kind: self.kind,
                since_us: Micros::from_duration(at - then),
                hits: grown(|r| r.hits),
                misses: grown(|r| r.misses),
                evicted: grown(|r| r.evicted),
                commands: grown(|r| r.commands).saturating_sub(own),
                memory_used: Bytes(now.memory_used),
            }
        }))
    }

    /// Reads the counters at the start of the window.
    pub(super) fn begin(&mut self) -> Result<(), Gap> {
        self.before = None;
        self.before = Some(self.read()?);
        Ok(())
    }

    /// Reads the counters again and returns the difference.
    pub(super) fn end(&mut self) -> Result<CacheWindow, Gap> {
        let (before, own_before) = self.before.take().ok_or_else(missing_baseline)?;
        let (after, own) = self.read()?;
        if after.uptime_s < before.uptime_s {
            let why = format!("{} restarted during the phase, so its counters began at zero", self.address);
            return Err(Gap::new(why, "check its log for the cause, then repeat the run"));
        }
        let own = OwnTraffic {
            commands: own.commands - own_before.commands,
            connections: own.connections - own_before.connections,
        };
        let mut window = CacheWindow::new(self.tier, self.kind, &self.address);
        window_between(&mut window, &before, &after, own);
        Ok(window)
    }
}

/// The first reading failed, and its reason was reported then.
pub(super) fn missing_baseline() -> Gap {
    Gap::new("it did not respond when the phase began", "check that it is reachable, then repeat the run")
}
