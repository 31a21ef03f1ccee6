//! The thread that reads the servers: gauges every second, counters when a window begins and ends.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::db::{CacheKind, CacheWindow, DatabaseWindow, Drain};
use kneepoint_model::stack::Instrument;
use kneepoint_model::units::{Micros, UnixMillis};
use kneepoint_model::unmeasured::Unmeasured;

use super::Gap;
use super::cache::CacheStore;
use super::gauges::{Gauge, GaugeSlot};
use super::mysql::MysqlStore;
use super::plan::{StorePlan, StoreTarget, address};
use crate::ProfilerError;
use crate::os::{thread_cpu, unix_ms};

/// How often the gauges are read.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);
/// How often to check whether a server is idle …
const SETTLE_POLL: Duration = Duration::from_millis(100);
/// … how many checks in a row must find no new statement …
const SETTLED_POLLS: u32 = 3;
/// … and how long that may take.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3);
/// A server that did not respond is not read for this long.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Counters of the servers between the start and the end of a window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreReadings {
    /// Time of the first reading.
    pub from_ms: UnixMillis,
    /// Time of the second reading.
    pub until_ms: UnixMillis,
    /// Whether the servers became idle before the second reading.
    pub drain: Drain,
    /// Databases that responded both times.
    pub databases: Vec<DatabaseWindow>,
    /// Caches that responded both times.
    pub caches: Vec<CacheWindow>,
    /// Counters that are missing, with reason and fix.
    pub unmeasured: Vec<Unmeasured>,
    /// CPU time of the watch thread since its start, the cost on this side.
    pub own_cpu_us: Micros,
}

enum Command {
    Begin(Sender<()>),
    End { explain: usize, cancel: Cancel, reply: Sender<StoreReadings> },
}

/// Reads the servers of a stack until dropped.
#[derive(Debug)]
pub struct StoreWatch {
    commands: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    slot: GaugeSlot,
}

impl StoreWatch {
    /// Starts reading gauges; connects in its own thread, so it returns at once.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(plan: &StorePlan) -> Result<Self, ProfilerError> {
        let (commands, received) = channel();
        let slot = GaugeSlot::default();
        let watcher = WatchThread::new(plan, slot.clone());
        let thread = thread::Builder::new()
            .name("kp-stores".to_owned())
            .spawn(move || watcher.run_until_dropped(&received))
            .map_err(|source| ProfilerError::System {
                action: "start the thread that reads databases",
                source,
            })?;
        Ok(Self { commands: Some(commands), thread: Some(thread), slot })
    }

    /// Slot from which the sampler takes the gauges.
    pub fn gauges(&self) -> GaugeSlot {
        self.slot.clone()
    }

    /// Starts a window: reads all counters, and returns when that is done. A window that was not ended is
    /// discarded.
    pub fn begin(&self) {
        let (reply, done) = channel();
        if let Some(commands) = &self.commands
            && commands.send(Command::Begin(reply)).is_ok()
        {
            let _ = done.recv();
        }
    }

    /// Ends the window: waits until the servers are idle (3 s at most, less when cancelled), reads all counters
    /// again, and on a disposable stack explains the `explain` heaviest statements of each server.
    pub fn end(&self, explain: usize, cancel: &Cancel) -> StoreReadings {
        let (reply, done) = channel();
        let command = Command::End { explain, cancel: cancel.clone(), reply };
        match &self.commands {
            Some(commands) if commands.send(command).is_ok() => done.recv().unwrap_or_default(),
            _ => StoreReadings::default(),
        }
    }
}

impl Drop for StoreWatch {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

enum Store {
    Mysql(Box<MysqlStore>),
    Cache(Box<CacheStore>),
}

impl Store {
    fn new(target: &StoreTarget, throw_away: bool) -> Result<Self, Gap> {
        let (tier, password) = (target.tier, target.password.clone());
        let cache = |kind, address: &str| {
            Self::Cache(Box::new(CacheStore::new(tier, kind, address, password.clone())))
        };
        Ok(match &target.instrument {
            Instrument::Redis { address } => cache(CacheKind::Redis, address),
            Instrument::Memcached { address } => cache(CacheKind::Memcached, address),
            Instrument::Mysql { address, user, schema } => {
                let who = (address.as_str(), user.as_str(), schema.as_str());
                Self::Mysql(Box::new(MysqlStore::new(tier, who, password.clone(), throw_away)?))
            }
        })
    }

    fn describe(&self) -> String {
        match self {
            Self::Mysql(store) => {
                format!("counters of the {} tier's database at {}", store.tier, store.address)
            }
            Self::Cache(store) => {
                format!("counters of the {} tier's {} at {}", store.tier, store.kind.name(), store.address)
            }
        }
    }

    fn read_gauge(&mut self) -> Result<Option<Gauge>, Gap> {
        match self {
            Self::Mysql(store) => Ok(store.read_gauge()?.map(Gauge::Db)),
            Self::Cache(store) => Ok(store.read_gauge()?.map(Gauge::Cache)),
        }
    }

    fn begin(&mut self) -> Result<(), Gap> {
        match self {
            Self::Mysql(store) => store.begin(),
            Self::Cache(store) => store.begin(),
        }
    }
}

struct WatchThread {
    stores: Vec<(Store, Option<Instant>)>,
    slot: GaugeSlot,
    /// Gaps of servers with unusable settings.
    unusable: Vec<Unmeasured>,
    /// Gaps of the current window.
    gaps: BTreeSet<Unmeasured>,
    from_ms: UnixMillis,
}

impl WatchThread {
    fn new(plan: &StorePlan, slot: GaugeSlot) -> Self {
        let (mut stores, mut unusable) = (Vec::new(), Vec::new());
        for target in &plan.targets {
            match Store::new(target, plan.throw_away) {
                Ok(store) => stores.push((store, None)),
                Err(gap) => {
                    unusable.push(gap.into_unmeasured(format!(
                        "counters of the server at {}",
                        address(&target.instrument)
                    )));
                }
            }
        }
        Self { stores, slot, unusable, gaps: BTreeSet::new(), from_ms: UnixMillis::ZERO }
    }

    fn run_until_dropped(mut self, commands: &Receiver<Command>) {
        for (store, _) in &mut self.stores {
            if let Store::Mysql(store) = store {
                // A failure here repeats, and is reported, when a window begins.
                let _ = store.prepare();
            }
        }
        let mut due = Instant::now();
        loop {
            match commands.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Command::Begin(reply)) => {
                    self.begin();
                    let _ = reply.send(());
                }
                Ok(Command::End { explain, cancel, reply }) => {
                    let _ = reply.send(self.end(explain, &cancel));
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.read_gauges();
                    due = (due + GAUGE_INTERVAL).max(Instant::now() + GAUGE_INTERVAL / 2);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn read_gauges(&mut self) {
        for (store, failed_at) in &mut self.stores {
            if failed_at.is_some_and(|since| since.elapsed() < RETRY_AFTER) {
                continue;
            }
            *failed_at = None;
            match store.read_gauge() {
                Ok(gauge) => gauge.into_iter().for_each(|gauge| self.slot.put(gauge)),
                Err(_) => *failed_at = Some(Instant::now()),
            }
        }
    }

    fn begin(&mut self) {
        self.gaps.clear();
        self.from_ms = unix_ms();
        for (store, _) in &mut self.stores {
            if let Err(gap) = store.begin() {
                self.gaps.insert(gap.into_unmeasured(store.describe()));
            }
        }
    }

    fn end(&mut self, explain: usize, cancel: &Cancel) -> StoreReadings {
        let drain = self.wait_until_settled(cancel);
        let mut readings =
            StoreReadings { from_ms: self.from_ms, until_ms: unix_ms(), drain, ..StoreReadings::default() };
        let reported = self.gaps.iter().map(|gap| gap.what.clone()).collect::<BTreeSet<_>>();
        let mut gaps = std::mem::take(&mut self.gaps);
        for (store, _) in &mut self.stores {
            let what = store.describe();
            let explain = if cancel.is_cancelled() { 0 } else { explain };
            let missing = match store {
                Store::Mysql(store) => store.end(explain).map(|(window, missing)| {
                    readings.databases.push(window);
                    gaps.extend(missing);
                }),
                Store::Cache(store) => store.end().map(|window| readings.caches.push(window)),
            };
            if let Err(gap) = missing
                && !reported.contains(&what)
            {
                gaps.insert(gap.into_unmeasured(what));
            }
        }
        readings.unmeasured = self.unusable.iter().cloned().chain(gaps).collect();
        readings.own_cpu_us = Micros::from_duration(thread_cpu());
        readings
    }

    /// Waits until no database executes new statements: a server still works on requests that the client has
    /// abandoned.
    fn wait_until_settled(&mut self, cancel: &Cancel) -> Drain {
        let started = Instant::now();
        if !self.stores.iter().any(|(store, _)| matches!(store, Store::Mysql(_))) {
            return Drain { took_us: Micros::ZERO, settled: true };
        }
        let (mut before, mut quiet) = (None, 0);
        while started.elapsed() < SETTLE_TIMEOUT {
            let now = self.count_questions();
            quiet = if before == Some(now) { quiet + 1 } else { 0 };
            before = Some(now);
            if quiet >= SETTLED_POLLS || cancel.sleep(SETTLE_POLL) {
                break;
            }
        }
        Drain { took_us: Micros::from_duration(started.elapsed()), settled: quiet >= SETTLED_POLLS }
    }

    /// Statements of all databases so far; a database that does not respond counts as zero.
    fn count_questions(&mut self) -> u64 {
        let each = self.stores.iter_mut().map(|(store, _)| match store {
            Store::Mysql(store) => store.count_questions().unwrap_or_default(),
            Store::Cache(_) => 0,
        });
        each.sum()
    }
}
