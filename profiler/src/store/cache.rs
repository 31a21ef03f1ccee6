//! One cache server: what a reading holds, the difference of two, and who asks.

pub(super) mod reading;

use std::time::Instant;

use kneepoint_model::db::{CacheKind, CacheWindow, CommandDelta};
use kneepoint_model::sample::CacheGauge;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros};

use self::reading::CacheReading;
use super::plan::Secret;
use super::wire::Line;
use super::{Gap, memcached, redis};

/// Commands named in the result.
const MOST_COMMANDS: usize = 20;

/// What kneepoint itself did to a server between two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) commands: u64,
    pub(super) connections: u64,
}

/// Pure: the difference of two readings, without kneepoint's part of it.
pub(super) fn between(window: &mut CacheWindow, before: &CacheReading, after: &CacheReading, own: Own) {
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
    window.by_command = commands_between(before, after);
}

fn commands_between(before: &CacheReading, after: &CacheReading) -> Vec<CommandDelta> {
    let delta = |(name, (calls, us)): (&String, &(u64, u64))| {
        let (calls_then, us_then) = before.by_command.get(name).copied().unwrap_or_default();
        let calls = calls.saturating_sub(calls_then);
        (calls > 0 && !redis::is_own(name)).then(|| CommandDelta {
            name: name.clone(),
            calls,
            timer_us: Micros(us.saturating_sub(us_then)),
        })
    };
    let mut commands: Vec<CommandDelta> = after.by_command.iter().filter_map(delta).collect();
    commands.sort_by(|a, b| b.timer_us.cmp(&a.timer_us).then_with(|| a.name.cmp(&b.name)));
    commands.truncate(MOST_COMMANDS);
    commands
}

/// One cache server, asked over one connection.
#[derive(Debug)]
pub(super) struct CacheStore {
    pub(super) tier: Tier,
    pub(super) kind: CacheKind,
    pub(super) address: String,
    password: Option<Secret>,
    line: Line,
    commands: u64,
    before: Option<(CacheReading, Own)>,
    last: Option<(Instant, CacheReading, Own)>,
}

impl CacheStore {
    pub(super) fn new(tier: Tier, kind: CacheKind, address: &str, password: Option<Secret>) -> Self {
        let line = Line::new(address);
        let address = address.to_owned();
        Self { tier, kind, address, password, line, commands: 0, before: None, last: None }
    }

    fn read(&mut self) -> Result<(CacheReading, Own), Gap> {
        let reading = match self.kind {
            CacheKind::Redis => redis::read(&mut self.line, self.password.as_ref(), &mut self.commands)?,
            CacheKind::Memcached => memcached::read(&mut self.line)?,
        };
        Ok((reading, Own { commands: self.commands, connections: self.line.connections }))
    }

    /// The gauges since they were last asked; `None` the first time.
    pub(super) fn gauge(&mut self) -> Result<Option<CacheGauge>, Gap> {
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

    /// The window begins.
    pub(super) fn begin(&mut self) -> Result<(), Gap> {
        self.before = None;
        self.before = Some(self.read()?);
        Ok(())
    }

    /// The window ends.
    pub(super) fn end(&mut self) -> Result<CacheWindow, Gap> {
        let (before, own_before) = self.before.take().ok_or_else(not_begun)?;
        let (after, own) = self.read()?;
        if after.uptime_s < before.uptime_s {
            let why =
                format!("{} was started anew within the phase, so its counters began at zero", self.address);
            return Err(Gap::new(why, "look into its log for why; then repeat the run"));
        }
        let own = Own {
            commands: own.commands - own_before.commands,
            connections: own.connections - own_before.connections,
        };
        let mut window = CacheWindow::new(self.tier, self.kind, &self.address);
        between(&mut window, &before, &after, own);
        Ok(window)
    }
}

/// The reading at the beginning failed: its reason was told then.
pub(super) fn not_begun() -> Gap {
    Gap::new("it did not answer when the phase began", "check that it may be reached, then repeat the run")
}
