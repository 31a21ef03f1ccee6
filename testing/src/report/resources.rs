//! Resource samples and profiles.

use kneepoint_model::profile::{
    ProfileEntry, ProfileFacts, ProfileSource, ProfileUnit, ProfileView, ProfilesIndex,
};
use kneepoint_model::sample::{HostSample, ResourceSample, TierSample};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, Ratio, UnixMillis};

use super::{PHASES, ZERO, noise};

pub(super) fn samples() -> Vec<ResourceSample> {
    const TICK_MS: u64 = 400;
    (1..=257)
        .map(|n| {
            let at = n * TICK_MS;
            let second = at / 1_000;
            let loaded = PHASES.iter().any(|&(_, from, _, until)| (from..until).contains(&second));
            let cpu =
                |cores: f64| Micros((cores * TICK_MS as f64 * 1_000.0 * (0.88 + 0.2 * noise(n * 3))) as u64);
            let busy = if loaded { 1.0 } else { 0.03 };
            let tier = |tier, cores: f64, rss: u64, wait: f64| TierSample {
                tier,
                processes: 3,
                threads: 5,
                cpu_us: cpu(cores * busy),
                run_queue_us: cpu(wait * busy),
                rss: Bytes((rss << 20) + n * 24_000),
                pss: None,
                swap: Bytes(0),
                minor_faults: 10,
                major_faults: 0,
                voluntary_switches: 100,
                involuntary_switches: 12,
                fds: 40,
                sockets: 18,
                read: Bytes(0),
                write: Bytes(4_096),
                started: 0,
            };
            let (databases, caches) =
                if n % 3 == 0 { super::counters::gauges(busy, noise(n * 5)) } else { Default::default() };
            ResourceSample {
                at_ms: UnixMillis(ZERO + at),
                tick_us: Micros(TICK_MS * 1_000),
                host: HostSample {
                    cores: 4,
                    busy_us: cpu(2.6 * busy),
                    steal_us: cpu(0.02),
                    iowait_us: cpu(0.05 * busy),
                    foreign_us: cpu(if second == 30 { 0.7 } else { 0.04 }),
                    runnable: 3,
                    mem_available: Bytes((5_200 << 20) - n * 900_000),
                    swap_in: Bytes(0),
                    swap_out: Bytes(0),
                    disk_read: Bytes((noise(n) * 90_000.0) as u64),
                    disk_write: Bytes((noise(n * 11) * 600_000.0 * busy) as u64),
                    net_rx: Bytes((900_000.0 * busy * (0.8 + 0.3 * noise(n))) as u64),
                    net_tx: Bytes((900_000.0 * busy * (0.8 + 0.3 * noise(n + 5))) as u64),
                    psi_cpu_us: Some(cpu(0.22 * busy)),
                    psi_memory_us: Some(Micros(0)),
                    psi_io_us: Some(cpu(0.03 * busy)),
                    listen_drops: 0,
                    retransmits: 0,
                    time_wait: 12,
                },
                tiers: vec![
                    tier(Tier::Proxy, 0.09, 24, 0.004),
                    tier(Tier::Server, 1.86, 214, 0.38),
                    tier(Tier::Engine, 0.34, 88, 0.03),
                    tier(Tier::Db, 0.52, 412, 0.07),
                    tier(Tier::Cache, 0.06, 17, 0.002),
                    tier(Tier::Queue, 0.11, 96, 0.01),
                    tier(Tier::Objects, 0.03, 33, 0.001),
                    tier(Tier::Generator, 0.12, 41, 0.01),
                ],
                nginx: None,
                databases,
                caches,
            }
        })
        .collect()
}

pub(super) fn profiles() -> ProfilesIndex {
    let entry = |tier, source, file: &str, samples, expected: u64, top: &[(&str, f64)]| ProfileEntry {
        tier,
        source,
        view: ProfileView::Running,
        unit: ProfileUnit::Samples,
        file: file.into(),
        facts: ProfileFacts {
            hz: 20,
            duration_ms: 20_000,
            processes: 2,
            samples,
            expected_samples: Some(expected),
            errors: 3,
            true_cpu_ns: expected * 50_000_000,
            run_queue_ns: expected * 6_000_000,
            notes: Vec::new(),
        },
        top_self: top.iter().map(|(frame, share)| ((*frame).to_owned(), Ratio(*share))).collect(),
    };
    ProfilesIndex {
        format_version: 1,
        profiles: vec![
            entry(
                Tier::Server,
                ProfileSource::PySpy,
                "server-running",
                716,
                742,
                &[
                    ("execute (django/db/backends/sqlite3/base.py)", 0.212),
                    ("resolve (django/template/base.py)", 0.137),
                    ("__init__ (django/db/models/base.py)", 0.094),
                ],
            ),
            entry(
                Tier::Engine,
                ProfileSource::PprofHttp,
                "engine-running",
                91,
                136,
                &[("tantivy::query::BlockWand::search", 0.51)],
            ),
        ],
        profiled_over_unprofiled: Some(Ratio(0.984)),
    }
}
