//! Resources: what each tier and the machine used, over time and per phase.

use kneepoint_analysis::{Analysis, HostUse, RunFacts, Timeline};
use kneepoint_model::sample::{HostSample, ResourceSample};
use kneepoint_model::summary::{Summary, TierSummary};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, Ratio};

use crate::chart::panel::{AVAILABLE, Line, panel};
use crate::chart::resources::{shade_legend, tiers};
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
        let (charts, idle) = host(facts, timeline);
        if !charts.is_empty() {
            blocks.push(Block::Charts { legend: Vec::new(), charts });
        }
        if !idle.is_empty() {
            blocks
                .push(Block::note(format!("Measured, and nothing throughout the run: {}.", idle.join(", "))));
        }
    }
    if !summary.tiers.is_empty() {
        blocks.push(Block::Table(table(&summary.tiers)));
    }
    if analysis.conditions.iter().any(|conditions| conditions.host.is_some()) {
        blocks.push(Block::Table(conditions(analysis)));
    }
    if facts.unreadable_samples > 0 {
        blocks.push(Block::note(format!(
            "{} lines of samples could not be read and were left out.",
            count(facts.unreadable_samples)
        )));
    }
    Section {
        id: "resources",
        title: "Resources",
        lead: "All charts share one axis of time, and each column of tier charts one scale, so that tiers compare. Where points were put together, the highest was kept (of memory that can be had, the lowest).".to_owned(),
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

/// One panel to be drawn: title, unit, series, top of the scale where it is given.
type Panel<'a> = (&'static str, Unit, Vec<Line<'a>>, Option<f64>);

/// Charts of the machine, and the titles of those that would show nothing but zero.
fn host(facts: &RunFacts, timeline: &Timeline) -> (Vec<Chart>, Vec<&'static str>) {
    let rate = |value: fn(&HostSample) -> Bytes| {
        over_time(facts, timeline, |sample, secs| Some(value(&sample.host).as_f64() / secs))
    };
    let share = |value: fn(&HostSample) -> Option<Micros>| {
        over_time(facts, timeline, |sample, secs| value(&sample.host).map(|us| us.as_secs() / secs))
    };
    let (cpu, memory, io) = (share(|h| h.psi_cpu_us), share(|h| h.psi_memory_us), share(|h| h.psi_io_us));
    let iowait = share(|h| Some(h.iowait_us));
    let (swap_in, swap_out) = (rate(|h| h.swap_in), rate(|h| h.swap_out));
    let (read, write) = (rate(|h| h.disk_read), rate(|h| h.disk_write));
    let (received, sent) = (rate(|h| h.net_rx), rate(|h| h.net_tx));
    let series = &timeline.host;
    let others = [
        ("foreign", Hue(2), &series.foreign_cores),
        ("steal", Hue(4), &series.steal_cores),
        ("waiting for disk", Hue(5), &iowait),
    ];
    let pressure = [("cpu", Hue(1), &cpu), ("memory", Hue(4), &memory), ("io", Hue(5), &io)];
    let all = (timeline.cores > 0).then(|| f64::from(timeline.cores));
    let panels: [Panel<'_>; 7] = [
        ("host: cores in use", Unit::Cores, vec![("busy", Hue(1), &series.busy_cores)], all),
        (
            "host: cores taken by others",
            Unit::Cores,
            others.map(|(n, h, p)| (n, h, p.as_slice())).into(),
            None,
        ),
        ("host: pressure (PSI)", Unit::Share, pressure.map(|(n, h, p)| (n, h, p.as_slice())).into(), None),
        (
            "host: memory that can be had",
            Unit::Bytes,
            vec![(AVAILABLE, Hue(3), &series.mem_available_bytes)],
            None,
        ),
        ("host: swap", Unit::ByteRate, vec![("in", Hue(1), &swap_in), ("out", Hue(2), &swap_out)], None),
        ("host: disk", Unit::ByteRate, vec![("read", Hue(1), &read), ("written", Hue(2), &write)], None),
        (
            "host: network",
            Unit::ByteRate,
            vec![("received", Hue(1), &received), ("sent", Hue(2), &sent)],
            None,
        ),
    ];
    let (mut charts, mut idle) = (Vec::new(), Vec::new());
    for (title, unit, lines, top) in panels {
        let measured = lines.iter().any(|line| !line.2.is_empty());
        if measured && lines.iter().all(|line| line.2.iter().all(|point| point.1 == 0.0)) {
            idle.push(title);
        } else {
            charts.extend(panel(timeline, title, unit, lines, top));
        }
    }
    (charts, idle)
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
