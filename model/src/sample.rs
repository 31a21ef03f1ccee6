//! `samples/resources.jsonl`: what the host and each tier used, tick by tick. Counters are deltas since the tick before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::db::CacheKind;
use crate::tier::Tier;
use crate::units::{Bytes, Micros, UnixMillis};

/// The whole machine in one tick.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostSample {
    /// Cores of the machine.
    pub cores: u32,
    /// CPU time spent by everyone on all cores.
    pub busy_us: Micros,
    /// CPU time that the hypervisor kept for others.
    pub steal_us: Micros,
    /// Time waiting for the disk with nothing else to do.
    pub iowait_us: Micros,
    /// CPU time of processes that are neither a tier nor kneepoint.
    pub foreign_us: Micros,
    /// Processes ready to run.
    pub runnable: u32,
    /// Memory that can still be had.
    pub mem_available: Bytes,
    /// Pages swapped in, in bytes.
    pub swap_in: Bytes,
    /// Pages swapped out, in bytes.
    pub swap_out: Bytes,
    /// Bytes read from disks.
    pub disk_read: Bytes,
    /// Bytes written to disks.
    pub disk_write: Bytes,
    /// Bytes received on all interfaces, loopback included.
    pub net_rx: Bytes,
    /// Bytes sent.
    pub net_tx: Bytes,
    /// Time in which some task waited for a CPU (PSI); absent where the kernel does not say.
    pub psi_cpu_us: Option<Micros>,
    /// … for memory.
    pub psi_memory_us: Option<Micros>,
    /// … for I/O.
    pub psi_io_us: Option<Micros>,
    /// Connections that a full listen queue turned away.
    pub listen_drops: u64,
    /// TCP segments sent again.
    pub retransmits: u64,
    /// Sockets in TIME_WAIT.
    pub time_wait: u64,
}

/// One tier in one tick: all its processes together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TierSample {
    /// Which tier.
    pub tier: Tier,
    /// Living processes.
    pub processes: u32,
    /// Threads.
    pub threads: u32,
    /// CPU time.
    pub cpu_us: Micros,
    /// Time its threads were ready but had no core (schedstat).
    pub run_queue_us: Micros,
    /// Resident memory, shared pages counted in each process.
    pub rss: Bytes,
    /// Proportional share of memory; read seldom, absent in between.
    pub pss: Option<Bytes>,
    /// Swapped-out memory.
    pub swap: Bytes,
    /// Page faults without disk.
    pub minor_faults: u64,
    /// Page faults with disk.
    pub major_faults: u64,
    /// Context switches by waiting.
    pub voluntary_switches: u64,
    /// Context switches by being pushed off.
    pub involuntary_switches: u64,
    /// Open file descriptors.
    pub fds: u32,
    /// Of those, sockets.
    pub sockets: u32,
    /// Bytes read from storage.
    pub read: Bytes,
    /// Bytes written to storage.
    pub write: Bytes,
    /// Processes that are new since the tick before (a respawned worker shows here).
    pub started: u32,
}

/// nginx `stub_status` in one tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NginxSample {
    /// Open client connections.
    pub active: u64,
    /// Reading a request.
    pub reading: u64,
    /// Writing an answer (waiting for the upstream included).
    pub writing: u64,
    /// Idle keep-alive.
    pub waiting: u64,
    /// Connections accepted since start (a total, not a delta).
    pub accepts: u64,
    /// Connections handled since start; less than accepts means some were dropped.
    pub handled: u64,
    /// Requests since start.
    pub requests: u64,
}

/// A database server's own gauges, asked about once a second; counters are deltas since the answer before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DbGauge {
    /// Which tier it belongs to.
    pub tier: Tier,
    /// Time since the answer before: what to divide the deltas by.
    pub since_us: Micros,
    /// Threads at work in this moment, kneepoint's own left out.
    pub threads_running: u64,
    /// Open connections, kneepoint's own left out.
    pub threads_connected: u64,
    /// Statements since the answer before, kneepoint's own left out.
    pub questions: u64,
    /// Waits for a row that began since the answer before.
    pub row_lock_waits: u64,
    /// Transactions that wait for a row in this moment.
    pub row_locks_waiting: u64,
}

/// A cache server's own gauges, asked about once a second; counters are deltas since the answer before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheGauge {
    /// Which tier it belongs to.
    pub tier: Tier,
    /// Which server.
    pub kind: CacheKind,
    /// Time since the answer before: what to divide the deltas by.
    pub since_us: Micros,
    /// Lookups that found something.
    pub hits: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Entries thrown out for want of memory.
    pub evicted: u64,
    /// Commands served, kneepoint's own left out.
    pub commands: u64,
    /// Memory used in this moment.
    pub memory_used: Bytes,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceSample {
    /// End of the tick.
    pub at_ms: UnixMillis,
    /// Length of the tick.
    pub tick_us: Micros,
    /// The machine.
    pub host: HostSample,
    /// The tiers, the generator among them.
    pub tiers: Vec<TierSample>,
    /// The proxy's own count, where it gives one.
    pub nginx: Option<NginxSample>,
    /// Database servers that were asked in this tick; in most ticks none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DbGauge>,
    /// Cache servers that were asked in this tick; in most ticks none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<CacheGauge>,
}
