//! Resources: what each tier and the machine used, over time and per phase.

use kneepoint_analysis::{Analysis, HostUse, RunFacts, Timeline};
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::summary::{Summary, TierSummary};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};

use crate::chart::resources::{panel, shade_legend, tiers};
use crate::chart::{Hue, Unit};
use crate::format::{count, micros, number};
use crate::view::block::{Block, Cell, Chart, Section, Table, Tone};

type Points = Vec<(f64, f64)>;

pub(crate) fn build(
    facts: &RunFacts,
    summary: &Summary,
    analysis: &Analysis,
    timeline: &Timeline,
) -> Section {
    let mut blocks = Vec::new();
    if facts.samples.is_empty() {
        blocks.push(Block::missing("There are no resource samples: the run ended before load, or sampling was not possible (see what was not measured)."));
    } else {
        blocks.push(Block::Legend { items: shade_legend() });
        blocks.extend(
            tiers(timeline)
                .into_iter()
                .filter(|row| !row.is_empty())
                .map(|charts| Block::Charts { legend: Vec::new(), charts }),
        );
        blocks.push(Block::heading("The machine as a whole"));
        blocks.push(Block::Charts { legend: Vec::new(), charts: host(facts, timeline) });
    }
    if !summary.tiers.is_empty() {
        blocks.push(Block::Table(table(&summary.tiers)));
    }
    if analysis.conditions.iter().any(|conditions| conditions.host.is_some()) {
        blocks.push(Block::Table(conditions(analysis)));
    }
    if facts.samples_garbage > 0 {
        blocks.push(Block::note(format!(
            "{} lines of samples could not be read and were left out.",
            count(facts.samples_garbage)
        )));
    }
    Section {
        id: "resources",
        title: "Resources",
        lead: "All charts share one axis of time, and each column of tier charts one scale, so that tiers compare. Where points were put together, the highest was kept.".to_owned(),
        blocks,
    }
}

/// A counter of each tick as a rate or share over time.
fn over_time(
    facts: &RunFacts,
    timeline: &Timeline,
    value: impl Fn(&ResourceSample, f64) -> Option<f64>,
) -> Points {
    facts
        .samples
        .iter()
        .filter(|sample| sample.tick_us.get() > 0)
        .filter_map(|sample| {
            let at = (sample.at_ms - timeline.zero_ms).as_f64() / 1_000.0;
            value(sample, sample.tick_us.as_secs()).map(|value| (at, value))
        })
        .collect()
}

fn host(facts: &RunFacts, timeline: &Timeline) -> Vec<Chart> {
    let rate = |value: fn(&ResourceSample) -> Bytes| {
        over_time(facts, timeline, |s, secs| Some(value(s).as_f64() / secs))
    };
    let pressure = |value: fn(&ResourceSample) -> Option<kneepoint_model::units::Micros>| {
        over_time(facts, timeline, |s, secs| value(s).map(|us| us.as_secs() / secs))
    };
    let (cpu, memory, io) =
        (pressure(|s| s.host.psi_cpu_us), pressure(|s| s.host.psi_memory_us), pressure(|s| s.host.psi_io_us));
    let iowait = over_time(facts, timeline, |s, secs| Some(s.host.iowait_us.as_secs() / secs));
    let (swap_in, swap_out) = (rate(|s| s.host.swap_in), rate(|s| s.host.swap_out));
    let (read, write) = (rate(|s| s.host.disk_read), rate(|s| s.host.disk_write));
    let (received, sent) = (rate(|s| s.host.net_rx), rate(|s| s.host.net_tx));
    let series = &timeline.host;
    let top = (timeline.cores > 0).then(|| f64::from(timeline.cores));
    [
        panel(timeline, "host: cores in use", Unit::Cores, vec![("busy", Hue(1), &series.busy_cores)], top),
        panel(
            timeline,
            "host: cores taken by others",
            Unit::Cores,
            vec![
                ("foreign", Hue(2), &series.foreign_cores),
                ("steal", Hue(4), &series.steal_cores),
                ("waiting for disk", Hue(5), &iowait),
            ],
            None,
        ),
        panel(
            timeline,
            "host: pressure (PSI)",
            Unit::Share,
            vec![("cpu", Hue(1), &cpu), ("memory", Hue(4), &memory), ("io", Hue(5), &io)],
            None,
        ),
        panel(
            timeline,
            "host: memory that can be had",
            Unit::Bytes,
            vec![("available", Hue(3), &series.mem_available_bytes)],
            None,
        ),
        panel(
            timeline,
            "host: swap",
            Unit::ByteRate,
            vec![("in", Hue(1), &swap_in), ("out", Hue(2), &swap_out)],
            None,
        ),
        panel(
            timeline,
            "host: disk",
            Unit::ByteRate,
            vec![("read", Hue(1), &read), ("written", Hue(2), &write)],
            None,
        ),
        panel(
            timeline,
            "host: network",
            Unit::ByteRate,
            vec![("received", Hue(1), &received), ("sent", Hue(2), &sent)],
            None,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn table(tiers: &[TierSummary]) -> Table {
    let row = |tier: &TierSummary| {
        let swapped = if tier.swap_max_bytes.get() == 0 {
            Cell::value("none", 0.0).toned(Tone::Muted)
        } else {
            Cell::bytes(tier.swap_max_bytes).toned(Tone::Warn)
        };
        let respawned = match tier.respawned {
            0 => Cell::value("none", 0.0).toned(Tone::Muted),
            n => Cell::count(n.into()).toned(Tone::Warn),
        };
        vec![
            Cell::text(tier.name.name()),
            Cell::text(&tier.phase),
            Cell::maybe(tier.cpu_us_per_request, |us| Cell::value(micros(us), us), "no requests"),
            Cell::value(number(tier.cpu_cores, 2), tier.cpu_cores),
            Cell::maybe(tier.run_queue_share, Cell::ratio, "not said"),
            if tier.name == Tier::Host && tier.rss_max_bytes.get() == 0 {
                Cell::absent("see chart")
            } else {
                Cell::bytes(tier.rss_max_bytes)
            },
            swapped,
            Cell::count(tier.fds_max.into()),
            respawned,
        ]
    };
    Table::new("table-tiers", "What each tier used, by phase")
        .words("Tier")
        .words("Phase")
        .numbers("CPU a request", "CPU time of the tier divided by completed requests.")
        .numbers("Cores", "Mean cores in use.")
        .numbers("Waiting for a core", "Share of the tier's ready time spent without a core.")
        .numbers("Memory", "Highest resident memory.")
        .numbers("Swap", "Highest swapped-out memory.")
        .numbers("Open files", "Most open file descriptors.")
        .numbers("Respawned", "Processes that came new in mid-phase.")
        .with(tiers.iter().map(row))
        .filtered()
}

fn conditions(analysis: &Analysis) -> Table {
    let row = |phase: &str, host: &HostUse| {
        let psi = |share: Option<Ratio>| Cell::maybe(share, Cell::ratio, "kernel does not say");
        let swapped = host.swap_in + host.swap_out;
        vec![
            Cell::text(phase),
            Cell::ratio(host.busy),
            Cell::ratio(host.foreign).noted(format!("{} cores", number(host.foreign_cores, 2))),
            Cell::ratio(host.steal),
            Cell::ratio(host.iowait),
            Cell::value(number(host.runnable, 1), host.runnable),
            Cell::bytes(host.mem_available_min),
            if swapped.get() == 0 {
                Cell::value("none", 0.0).toned(Tone::Muted)
            } else {
                Cell::bytes(swapped).toned(Tone::Warn)
            },
            psi(host.psi_cpu),
            psi(host.psi_memory),
            psi(host.psi_io),
            Cell::count(host.listen_drops),
            Cell::count(host.retransmits),
        ]
    };
    Table::new("table-host", "The machine in each phase")
        .words("Phase")
        .numbers("Busy", "Share of all cores in use by anyone.")
        .numbers("Foreign", "Used by processes that are neither a tier nor kneepoint.")
        .numbers("Steal", "Kept by the hypervisor for others.")
        .numbers("Disk wait", "Idle, waiting for the disk.")
        .numbers("Ready", "Mean number of processes ready to run.")
        .numbers("Least memory", "Least memory that could still be had.")
        .numbers("Swapped", "Swapped in and out.")
        .numbers("PSI cpu", "Share of time in which some task waited for a CPU.")
        .numbers("PSI memory", "… for memory.")
        .numbers("PSI io", "… for I/O.")
        .numbers("Listen drops", "Connections that a full listen queue turned away.")
        .numbers("Resent", "TCP segments sent again.")
        .with(analysis.conditions.iter().filter_map(|c| c.host.as_ref().map(|host| row(&c.phase, host))))
}
