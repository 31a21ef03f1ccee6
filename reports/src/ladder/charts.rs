//! Charts of a ladder run: throughput at SLO; response times, CPU per request and memory at the equal rate.

use kneepoint_analysis::ladder::{Comparison, RungResult, RungState, Throughput, Trial};
use kneepoint_analysis::slo_search::TrialOutcome;
use kneepoint_model::ladder::EQUAL_RATE_PHASE;
use kneepoint_model::text::sanitize;
use kneepoint_model::tier::Tier;

use super::{labels, measured};
use crate::chart::resources::tier_hue;
use crate::chart::rows::{Row, Rows};
use crate::chart::{Hue, Unit};
use crate::format::{MAX_TEXT, micros};
use crate::view::block::{Block, Cell, Chart, LegendItem, Section, Table};

pub(super) fn section(comparison: &Comparison) -> Section {
    let charts = [latency(comparison), cpu(comparison), memory(comparison)];
    let mut blocks: Vec<Block> = charts.into_iter().flatten().map(Block::Chart).collect();
    if blocks.is_empty() {
        blocks.push(Block::missing("No chart: no rung was measured at the equal rate."));
    }
    Section {
        id: "equal",
        title: "At the equal rate",
        lead: "The equal rate is chosen so that every rung sustains it; the rungs then differ only in response times and in cost per request.".to_owned(),
        blocks,
    }
}

/// Throughput at SLO: a bar up to the highest rate that meets it, a whisker up to the lowest that violates it.
pub(super) fn throughput(comparison: &Comparison) -> Option<Chart> {
    measured(comparison).next()?;
    let row = |rung: &RungResult| {
        let sustained = rung.throughput.sustained().map(|rate| rate.0);
        Row {
            name: sanitize(&rung.name, MAX_TEXT),
            bar: sustained.map(|rate| (Hue(1), rate)).into_iter().collect(),
            whisker: sustained.map(|low| (low, rung.throughput.violated().map(|high| high.0))),
            label: match &rung.throughput {
                Throughput::Between { sustained, violated, .. } => {
                    format!("{} to {}", labels::request_rate(*sustained), labels::request_rate(*violated))
                }
                Throughput::AtLeast { sustained, .. } => {
                    format!("at least {}", labels::request_rate(*sustained))
                }
                Throughput::None { .. } => "no valid value".to_owned(),
            },
            ..Row::default()
        }
    };
    let shown = || measured(comparison).map(|(rung, _)| rung);
    let title = format!("Requests per second within the SLO {}", comparison.slo);
    let description = super::headline(comparison);
    let data = Table::new("data-throughput", "Throughput at SLO")
        .text_column("Rung")
        .number_column("SLO met at", "Highest tested requests per second that meet the SLO.")
        .number_column("SLO violated at", "Lowest tested requests per second that violate the SLO.")
        .with_rows(shown().map(|rung| {
            let rate =
                |rate: kneepoint_model::units::PerSecond| Cell::value(labels::request_rate(rate), rate.0);
            vec![
                Cell::text(&rung.name),
                Cell::optional(rung.throughput.sustained(), rate, "no valid value"),
                Cell::optional(rung.throughput.violated(), rate, "not violated"),
            ]
        }));
    Some(Chart {
        id: "chart-throughput".to_owned(),
        svg: Rows::from_zero(shown().map(row).collect(), Unit::Count).draw(&title, &description),
        title,
        description,
        legend: vec![LegendItem {
            name: "SLO met; the whisker ends at the lowest rate that violates it".into(),
            hue: 1,
            fill: true,
        }],
        data: Some(data),
    })
}

/// The equal-rate phase of a rung, if it is valid for comparison.
fn at_equal(rung: &RungResult) -> Option<&Trial> {
    let whole = matches!(rung.state, RungState::Measured | RungState::NoFigure { .. });
    rung.equal
        .as_ref()
        .filter(|_| whole)
        .filter(|step| step.outcome != TrialOutcome::Invalid && step.errors == 0)
}

/// Percentiles of the latency chart with their series colours.
const PERCENTILES: [(&str, u8); 3] = [("p50", 3), ("p95", 5), ("p99", 2)];

fn latency(comparison: &Comparison) -> Option<Chart> {
    let shown: Vec<(&RungResult, &Trial)> =
        comparison.rungs.iter().filter_map(|rung| at_equal(rung).map(|step| (rung, step))).collect();
    let times = |step: &Trial| [step.p50, step.p95, step.p99];
    let slowest = shown.iter().max_by_key(|(_, step)| step.p95)?;
    let fastest = shown.iter().min_by_key(|(_, step)| step.p95)?;
    let title = "Response time at the equal rate";
    let description = format!(
        "p95 is {} on {} (fastest) and {} on {} (slowest).",
        fastest.1.p95,
        sanitize(&fastest.0.name, MAX_TEXT),
        slowest.1.p95,
        sanitize(&slowest.0.name, MAX_TEXT)
    );
    let rows = shown.iter().map(|(rung, step)| Row {
        name: sanitize(&rung.name, MAX_TEXT),
        dots: PERCENTILES.iter().zip(times(step)).map(|((_, hue), us)| (Hue(*hue), us.as_f64())).collect(),
        label: format!("{} · {} · {}", step.p50, step.p95, step.p99),
        ..Row::default()
    });
    let mut data = Table::new("data-latency", "Response time at the equal rate").text_column("Rung");
    for (name, _) in PERCENTILES {
        data = data.number_column(name, "From the intended start to the last byte.");
    }
    let data = data.with_rows(shown.iter().map(|(rung, step)| {
        let cells = times(step).map(Cell::micros);
        std::iter::once(Cell::text(&rung.name)).chain(cells).collect()
    }));
    Some(Chart {
        id: "chart-latency".to_owned(),
        title: title.to_owned(),
        svg: Rows::decades(rows.collect(), Unit::Latency).draw(title, &description),
        description,
        legend: PERCENTILES
            .map(|(name, hue)| LegendItem { name: format!("{name} (left to right)"), hue, fill: true })
            .into(),
        data: Some(data),
    })
}

fn cpu(comparison: &Comparison) -> Option<Chart> {
    let shown: Vec<&RungResult> = comparison
        .rungs
        .iter()
        .filter(|r| r.per_request.phase == EQUAL_RATE_PHASE && !r.per_request.cpu_us.is_empty())
        .collect();
    let highest = shown.iter().max_by(|a, b| total_cpu(a).total_cmp(&total_cpu(b)))?;
    let lowest = shown.iter().min_by(|a, b| total_cpu(a).total_cmp(&total_cpu(b)))?;
    let description = format!(
        "From {} on {} to {} on {}.",
        micros(total_cpu(lowest)),
        sanitize(&lowest.name, MAX_TEXT),
        micros(total_cpu(highest)),
        sanitize(&highest.name, MAX_TEXT)
    );
    let stack = Stacked {
        id: "cpu",
        title: "CPU time per request at the equal rate by tier",
        unit: Unit::Latency,
        format: micros,
    };
    Some(stack.chart(&shown, description, |rung| {
        rung.per_request.cpu_us.iter().map(|(tier, us)| (*tier, *us)).collect()
    }))
}

fn total_cpu(rung: &RungResult) -> f64 {
    rung.cpu_us().unwrap_or(0.0)
}

fn memory(comparison: &Comparison) -> Option<Chart> {
    let shown: Vec<&RungResult> = comparison.rungs.iter().filter(|rung| !rung.memory.is_empty()).collect();
    let most = shown.iter().max_by_key(|rung| rung.memory_all())?;
    let description = format!(
        "Maximum {} on {}. Memory shared between processes is counted once per process.",
        most.memory_all().unwrap_or_default(),
        sanitize(&most.name, MAX_TEXT)
    );
    let stack = Stacked {
        id: "memory",
        title: "Maximum resident memory by tier",
        unit: Unit::Bytes,
        format: |bytes| kneepoint_model::units::Bytes(bytes as u64).to_string(),
    };
    Some(stack.chart(&shown, description, |rung| {
        rung.memory.iter().map(|(tier, bytes)| (*tier, bytes.as_f64())).collect()
    }))
}

/// A chart with one bar per rung, stacked by tier.
struct Stacked {
    id: &'static str,
    title: &'static str,
    unit: Unit,
    format: fn(f64) -> String,
}

impl Stacked {
    fn chart(
        &self,
        shown: &[&RungResult],
        description: String,
        parts: impl Fn(&RungResult) -> Vec<(Tier, f64)>,
    ) -> Chart {
        let mut tiers: Vec<Tier> = shown.iter().flat_map(|rung| parts(rung)).map(|part| part.0).collect();
        tiers.sort_unstable();
        tiers.dedup();
        let row = |rung: &RungResult| {
            let parts = parts(rung);
            let total: f64 = parts.iter().map(|part| part.1).sum();
            Row {
                name: sanitize(&rung.name, MAX_TEXT),
                bar: parts.iter().map(|(tier, value)| (tier_hue(*tier), *value)).collect(),
                label: (self.format)(total),
                ..Row::default()
            }
        };
        let mut data = Table::new(&format!("data-{}", self.id), self.title).text_column("Rung");
        for tier in &tiers {
            data = data.number_column(tier.name(), "");
        }
        let cells = |rung: &RungResult| {
            let parts = parts(rung);
            let one = |tier: &Tier| {
                let found = parts.iter().find(|part| part.0 == *tier).map(|part| part.1);
                Cell::optional(found, |value| Cell::value((self.format)(value), value), "no such tier")
            };
            std::iter::once(Cell::text(&rung.name)).chain(tiers.iter().map(one)).collect()
        };
        let data = data.with_rows(shown.iter().map(|rung| cells(rung)));
        let svg = Rows::from_zero(shown.iter().map(|rung| row(rung)).collect(), self.unit)
            .draw(self.title, &description);
        let legend = tiers
            .iter()
            .map(|tier| LegendItem { name: tier.name().to_owned(), hue: tier_hue(*tier).0, fill: true })
            .collect();
        Chart {
            id: format!("chart-{}", self.id),
            title: self.title.to_owned(),
            description,
            svg,
            legend,
            data: Some(data),
        }
    }
}
