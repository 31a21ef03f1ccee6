//! Resources: CPU, memory and I/O of each tier and of the host, over time and by phase.

use kneepoint_analysis::{Analysis, HostUse, RunFacts, Timeline};
use kneepoint_model::sample::{HostSample, ResourceSample};
use kneepoint_model::summary::{Summary, TierSummary};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, Ratio};

use crate::chart::panel::{AVAILABLE, PanelLine, panel};
use crate::chart::resources::{shade_legend, tier_rows};
use crate::chart::{Hue, Points, Unit};
use crate::format::{count, micros, number};
use crate::view::block::{Block, Cell, Chart, Section, Table, Tone};

pub(crate) fn build(
    facts: &RunFacts,
    summary: &Summary,
    analysis: &Analysis,
    timeline: &Timeline,
) -> Section {
    let mut blocks = Vec::new();
    if facts.samples.is_empty() {
        blocks.push(Block::missing("There are no resource samples: the run ended before the load stage, or sampling was not possible (see section Method, Not measured)."));
    } else {
        blocks.push(Block::Legend { items: shade_legend() });
        blocks.extend(
            tier_rows(timeline)
                .into_iter()
                .filter(|row| !row.is_empty())
                .map(|charts| Block::Charts { legend: Vec::new(), charts }),
        );
        blocks.push(Block::heading("Host"));
        let (charts, idle) = host(facts, timeline);
        if !charts.is_empty() {
            blocks.push(Block::Charts { legend: Vec::new(), charts });
        }
        if !idle.is_empty() {
            blocks.push(Block::note(format!("Measured, zero throughout the run: {}.", idle.join(", "))));
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
            "{} sample lines could not be parsed and are ignored.",
            count(facts.unreadable_samples)
        )));
    }
    Section {
        id: "resources",
        title: "Resources",
        lead: "All charts share one time axis, and all tier charts in a column share one scale, so tiers are comparable. Where points are aggregated, the maximum is kept (for available memory, the minimum).".to_owned(),
        blocks,
    }
}

/// A value of each sample over time, computed from the sample and the length of its tick in seconds.
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

/// Title, unit, series, and the fixed top of the scale if there is one.
type Panel<'a> = (&'static str, Unit, Vec<PanelLine<'a>>, Option<f64>);

/// Charts of the host, and the titles of those that would show only zeros.
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
        ("iowait", Hue(5), &iowait),
    ];
    let pressure = [("cpu", Hue(1), &cpu), ("memory", Hue(4), &memory), ("io", Hue(5), &io)];
    let all = (timeline.cores > 0).then(|| f64::from(timeline.cores));
    let panels: [Panel<'_>; 7] = [
        ("host: cores in use", Unit::Cores, vec![("busy", Hue(1), &series.busy_cores)], all),
        (
            "host: cores not available to the test",
            Unit::Cores,
            others.map(|(n, h, p)| (n, h, p.as_slice())).into(),
            None,
        ),
        ("host: pressure (PSI)", Unit::Share, pressure.map(|(n, h, p)| (n, h, p.as_slice())).into(), None),
        ("host: available memory", Unit::Bytes, vec![(AVAILABLE, Hue(3), &series.mem_available_bytes)], None),
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
            Cell::value("none", 0.0).with_tone(Tone::Muted)
        } else {
            Cell::bytes(tier.swap_max_bytes).with_tone(Tone::Warn)
        };
        let restarted = match tier.respawned {
            0 => Cell::value("none", 0.0).with_tone(Tone::Muted),
            n => Cell::count(n.into()).with_tone(Tone::Warn),
        };
        vec![
            Cell::text(tier.name.name()),
            Cell::text(&tier.phase),
            Cell::optional(tier.cpu_us_per_request, |us| Cell::value(micros(us), us), "no requests"),
            Cell::value(number(tier.cpu_cores, 2), tier.cpu_cores),
            Cell::optional(tier.run_queue_share, Cell::ratio, "not reported"),
            if tier.name == Tier::Host && tier.rss_max_bytes.get() == 0 {
                Cell::absent("see chart")
            } else {
                Cell::bytes(tier.rss_max_bytes)
            },
            swapped,
            Cell::count(tier.fds_max.into()),
            restarted,
        ]
    };
    Table::new("table-tiers", "Resource use by tier and phase")
        .text_column("Tier")
        .text_column("Phase")
        .number_column("CPU per request", "CPU time of the tier divided by completed requests.")
        .number_column("Cores", "Mean cores in use.")
        .number_column("Waiting for a core", "Share of the tier's runnable time spent waiting for a core.")
        .number_column("Memory", "Maximum resident memory.")
        .number_column("Swap", "Maximum swapped-out memory.")
        .number_column("Open files", "Maximum number of open file descriptors.")
        .number_column("Restarted", "Processes that started during the phase.")
        .with_rows(tiers.iter().map(row))
        .filterable()
}

fn conditions(analysis: &Analysis) -> Table {
    let row = |phase: &str, host: &HostUse| {
        let psi = |share: Option<Ratio>| Cell::optional(share, Cell::ratio, "not reported by the kernel");
        let swapped = host.swap_in + host.swap_out;
        vec![
            Cell::text(phase),
            Cell::ratio(host.busy),
            Cell::ratio(host.foreign).with_note(format!("{} cores", number(host.foreign_cores, 2))),
            Cell::ratio(host.steal),
            Cell::ratio(host.iowait),
            Cell::value(number(host.runnable, 1), host.runnable),
            Cell::bytes(host.mem_available_min),
            if swapped.get() == 0 {
                Cell::value("none", 0.0).with_tone(Tone::Muted)
            } else {
                Cell::bytes(swapped).with_tone(Tone::Warn)
            },
            psi(host.psi_cpu),
            psi(host.psi_memory),
            psi(host.psi_io),
            Cell::count(host.listen_drops),
            Cell::count(host.retransmits),
        ]
    };
    Table::new("table-host", "Host by phase")
        .text_column("Phase")
        .number_column("Busy", "Share of all cores in use, by any process.")
        .number_column(
            "Foreign CPU",
            "Share used by processes that belong neither to the stack nor to kneepoint.",
        )
        .number_column("Steal", "Share taken by the hypervisor.")
        .number_column("iowait", "Share of time idle while waiting for the disk.")
        .number_column("Runnable", "Mean number of runnable processes.")
        .number_column("Min available memory", "Minimum of available memory.")
        .number_column("Swapped", "Bytes swapped in and out.")
        .number_column("PSI cpu", "Share of time in which at least one task waited for a CPU.")
        .number_column("PSI memory", "Share of time in which at least one task waited for memory.")
        .number_column("PSI io", "Share of time in which at least one task waited for I/O.")
        .number_column("Listen drops", "Connections dropped because the listen queue is full.")
        .number_column("Retransmits", "TCP segments retransmitted.")
        .with_rows(analysis.conditions.iter().filter_map(|c| c.host.as_ref().map(|host| row(&c.phase, host))))
}
