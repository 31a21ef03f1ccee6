//! `samples/resources.jsonl`: resources of the host and each tier, tick by tick. Counters are deltas since the previous tick.

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
    /// CPU time of all processes on all cores.
    pub busy_us: Micros,
    /// CPU time that the hypervisor gave to other machines.
    pub steal_us: Micros,
    /// Time waiting for the disk with nothing else to do.
    pub iowait_us: Micros,
    /// CPU time of processes that are neither a tier nor kneepoint.
    pub foreign_us: Micros,
    /// Processes ready to run.
    pub runnable: u32,
    /// Available memory (`MemAvailable`).
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
    /// Bytes sent on all interfaces, loopback included.
    pub net_tx: Bytes,
    /// Time in which some task waited for a CPU (PSI); absent where the kernel does not report it.
    pub psi_cpu_us: Option<Micros>,
    /// … for memory.
    pub psi_memory_us: Option<Micros>,
    /// … for I/O.
    pub psi_io_us: Option<Micros>,
    /// Connections dropped because a listen queue was full.
    pub listen_drops: u64,
    /// Retransmitted TCP segments.
    pub retransmits: u64,
    /// Sockets in TIME_WAIT.
    pub time_wait: u64,
}

/// One tier in one tick: all its processes together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TierSample {
    /// The tier that was sampled.
    pub tier: Tier,
    /// Processes that run at the end of the tick.
    pub processes: u32,
    /// Threads of these processes.
    pub threads: u32,
    /// CPU time, user and system, of all its processes.
    pub cpu_us: Micros,
    /// Time its threads were ready but had no core (schedstat).
    pub run_queue_us: Micros,
    /// Resident memory, shared pages counted in each process.
    pub rss: Bytes,
    /// Proportional share of memory; read less often than the rest, absent in between.
    pub pss: Option<Bytes>,
    /// Memory that is swapped out.
    pub swap: Bytes,
    /// Page faults without disk.
    pub minor_faults: u64,
    /// Page faults with disk.
    pub major_faults: u64,
    /// Context switches by waiting.
    pub voluntary_switches: u64,
    /// Context switches by preemption.
    pub involuntary_switches: u64,
    /// Open file descriptors.
    pub fds: u32,
    /// Of those, sockets.
    pub sockets: u32,
    /// Bytes read from storage.
    pub read: Bytes,
    /// Bytes written to storage.
    pub write: Bytes,
    /// Processes that are new since the previous tick (for example a respawned worker).
    pub started: u32,
}

/// nginx `stub_status` in one tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NginxSample {
    /// Open client connections.
    pub active: u64,
    /// Reading a request.
    pub reading: u64,
    /// Writing a response (waiting for the upstream included).
    pub writing: u64,
    /// Idle keep-alive connections.
    pub waiting: u64,
    /// Connections accepted since start (a total, not a delta).
    pub accepts: u64,
    /// Connections handled since start; less than accepts means some were dropped.
    pub handled: u64,
    /// Requests since start.
    pub requests: u64,
}

/// Gauges of a database server, read about once a second; counters are deltas since the previous reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DbGauge {
    /// Which tier it belongs to.
    pub tier: Tier,
    /// Time since the previous reading: the divisor for the deltas.
    pub since_us: Micros,
    /// Running threads at this moment, kneepoint's own excluded.
    pub threads_running: u64,
    /// Open connections, kneepoint's own excluded.
    pub threads_connected: u64,
    /// Statements since the previous reading, kneepoint's own excluded.
    pub questions: u64,
    /// Waits for a row that began since the previous reading.
    pub row_lock_waits: u64,
    /// Transactions that wait for a row at this moment.
    pub row_locks_waiting: u64,
}

/// Gauges of a cache server, read about once a second; counters are deltas since the previous reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheGauge {
    /// Which tier it belongs to.
    pub tier: Tier,
    /// The kind of the server.
    pub kind: CacheKind,
    /// Time since the previous reading: the divisor for the deltas.
    pub since_us: Micros,
    /// Lookups that found something.
    pub hits: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Entries evicted because memory was full.
    pub evicted: u64,
    /// Commands served, kneepoint's own excluded.
    pub commands: u64,
    /// Memory used at this moment.
    pub memory_used: Bytes,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceSample {
    /// End of the tick.
    pub at_ms: UnixMillis,
    /// Length of the tick.
    pub tick_us: Micros,
    /// The whole machine.
    pub host: HostSample,
    /// The tiers, the generator among them.
    pub tiers: Vec<TierSample>,
    /// The proxy's own counters, where it reports them.
    pub nginx: Option<NginxSample>,
    /// Database servers that were read in this tick; in most ticks none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DbGauge>,
    /// Cache servers that were read in this tick; in most ticks none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<CacheGauge>,
}
