//! The thread that speaks with the servers: gauges each second, a reading when a window begins, the rest when it ends.

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

/// How often the gauges are asked.
const GAUGES: Duration = Duration::from_secs(1);
/// How often it is looked whether a server has come to rest …
const LOOK: Duration = Duration::from_millis(100);
/// … how many looks in a row must see nothing new …
const LOOKS: u32 = 3;
/// … and how long that may take.
const REST: Duration = Duration::from_secs(3);
/// A server that did not answer is left alone for this long.
const PAUSE: Duration = Duration::from_secs(5);

/// What the servers counted between a beginning and an end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// When the counters were first read.
    pub from_ms: UnixMillis,
    /// When they were read again.
    pub until_ms: UnixMillis,
    /// How the servers came to rest.
    pub drain: Drain,
    /// The databases that answered both times.
    pub databases: Vec<DatabaseWindow>,
    /// The caches that answered both times.
    pub caches: Vec<CacheWindow>,
    /// What could not be had.
    pub unmeasured: Vec<Unmeasured>,
    /// CPU time of the watching thread since it began: what it costs on this side.
    pub own_cpu_us: Micros,
}

enum Command {
    Begin(Sender<()>),
    End { explain: usize, cancel: Cancel, reply: Sender<Readings> },
}

/// Watches the servers of a stack until dropped.
#[derive(Debug)]
pub struct StoreWatch {
    commands: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    slot: GaugeSlot,
}

impl StoreWatch {
    /// Begins to ask for gauges; connects in its own thread, so that it returns at once.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn start(plan: &StorePlan) -> Result<Self, ProfilerError> {
        let (commands, received) = channel();
        let slot = GaugeSlot::default();
        let watching = Watching::new(plan, slot.clone());
        let thread = thread::Builder::new()
            .name("kp-stores".to_owned())
            .spawn(move || watching.until_dropped(&received))
            .map_err(|source| ProfilerError::System {
                action: "start the thread that asks databases",
                source,
            })?;
        Ok(Self { commands: Some(commands), thread: Some(thread), slot })
    }

    /// Where the sampler finds the gauges.
    pub fn gauges(&self) -> GaugeSlot {
        self.slot.clone()
    }

    /// A window begins: reads all counters now, and comes back when that is done. A window that was not ended is
    /// forgotten.
    pub fn begin(&self) {
        let (reply, done) = channel();
        if let Some(commands) = &self.commands
            && commands.send(Command::Begin(reply)).is_ok()
        {
            let _ = done.recv();
        }
    }

    /// The window ends: waits until the servers have come to rest (3 s at most, less when cancelled), reads all counters
    /// again, and on a throw-away stack explains the `explain` heaviest statements of each server.
    pub fn end(&self, explain: usize, cancel: &Cancel) -> Readings {
        let (reply, done) = channel();
        let command = Command::End { explain, cancel: cancel.clone(), reply };
        match &self.commands {
            Some(commands) if commands.send(command).is_ok() => done.recv().unwrap_or_default(),
            _ => Readings::default(),
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

    fn what(&self) -> String {
        match self {
            Self::Mysql(store) => {
                format!("what the {} tier's database at {} counts", store.tier, store.address)
            }
            Self::Cache(store) => {
                format!("what the {} tier's {} at {} counts", store.tier, store.kind.name(), store.address)
            }
        }
    }

    fn gauge(&mut self) -> Result<Option<Gauge>, Gap> {
        match self {
            Self::Mysql(store) => Ok(store.gauge()?.map(Gauge::Db)),
            Self::Cache(store) => Ok(store.gauge()?.map(Gauge::Cache)),
        }
    }

    fn begin(&mut self) -> Result<(), Gap> {
        match self {
            Self::Mysql(store) => store.begin(),
            Self::Cache(store) => store.begin(),
        }
    }
}

struct Watching {
    stores: Vec<(Store, Option<Instant>)>,
    slot: GaugeSlot,
    /// Of servers that cannot even be asked.
    never: Vec<Unmeasured>,
    /// Of the present window.
    gaps: BTreeSet<Unmeasured>,
    from_ms: UnixMillis,
}

impl Watching {
    fn new(plan: &StorePlan, slot: GaugeSlot) -> Self {
        let (mut stores, mut never) = (Vec::new(), Vec::new());
        for target in &plan.targets {
            match Store::new(target, plan.throw_away) {
                Ok(store) => stores.push((store, None)),
                Err(gap) => {
                    never.push(gap.of(format!("what the server at {} counts", address(&target.instrument))));
                }
            }
        }
        Self { stores, slot, never, gaps: BTreeSet::new(), from_ms: UnixMillis::ZERO }
    }

    fn until_dropped(mut self, commands: &Receiver<Command>) {
        for (store, _) in &mut self.stores {
            if let Store::Mysql(store) = store {
                // What fails here fails again, and is told, when a window begins.
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
                    self.ask_gauges();
                    due = (due + GAUGES).max(Instant::now() + GAUGES / 2);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn ask_gauges(&mut self) {
        for (store, ill) in &mut self.stores {
            if ill.is_some_and(|since| since.elapsed() < PAUSE) {
                continue;
            }
            *ill = None;
            match store.gauge() {
                Ok(gauge) => gauge.into_iter().for_each(|gauge| self.slot.put(gauge)),
                Err(_) => *ill = Some(Instant::now()),
            }
        }
    }

    fn begin(&mut self) {
        self.gaps.clear();
        self.from_ms = unix_ms();
        for (store, _) in &mut self.stores {
            if let Err(gap) = store.begin() {
                self.gaps.insert(gap.of(store.what()));
            }
        }
    }

    fn end(&mut self, explain: usize, cancel: &Cancel) -> Readings {
        let drain = self.drain(cancel);
        let mut readings =
            Readings { from_ms: self.from_ms, until_ms: unix_ms(), drain, ..Readings::default() };
        let told = self.gaps.iter().map(|gap| gap.what.clone()).collect::<BTreeSet<_>>();
        let mut gaps = std::mem::take(&mut self.gaps);
        for (store, _) in &mut self.stores {
            let what = store.what();
            let explain = if cancel.is_cancelled() { 0 } else { explain };
            let missing = match store {
                Store::Mysql(store) => store.end(explain).map(|(window, missing)| {
                    readings.databases.push(window);
                    gaps.extend(missing);
                }),
                Store::Cache(store) => store.end().map(|window| readings.caches.push(window)),
            };
            if let Err(gap) = missing
                && !told.contains(&what)
            {
                gaps.insert(gap.of(what));
            }
        }
        readings.unmeasured = self.never.iter().cloned().chain(gaps).collect();
        readings.own_cpu_us = Micros::from_duration(thread_cpu());
        readings
    }

    /// Waits until no database sees a new statement: a server still works on what the client has given up.
    fn drain(&mut self, cancel: &Cancel) -> Drain {
        let started = Instant::now();
        if !self.stores.iter().any(|(store, _)| matches!(store, Store::Mysql(_))) {
            return Drain { took_us: Micros::ZERO, settled: true };
        }
        let (mut before, mut quiet) = (None, 0);
        while started.elapsed() < REST {
            let now = self.questions();
            quiet = if before == Some(now) { quiet + 1 } else { 0 };
            before = Some(now);
            if quiet >= LOOKS || cancel.sleep(LOOK) {
                break;
            }
        }
        Drain { took_us: Micros::from_duration(started.elapsed()), settled: quiet >= LOOKS }
    }

    /// Statements of all databases so far; one that does not answer stands still.
    fn questions(&mut self) -> u64 {
        let each = self.stores.iter_mut().map(|(store, _)| match store {
            Store::Mysql(store) => store.questions().unwrap_or_default(),
            Store::Cache(_) => 0,
        });
        each.sum()
    }
}
