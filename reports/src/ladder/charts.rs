//! The charts of a climb: throughput at the promise, response times at the equal rate, CPU per request by tier.

use kneepoint_analysis::ladder::{Comparison, RungResult, RungState, Throughput, Trial};
use kneepoint_analysis::slo_search::TrialOutcome;
use kneepoint_model::ladder::EQUAL;
use kneepoint_model::tier::Tier;

use super::{measured, words};
use crate::chart::resources::hue_of;
use crate::chart::rows::{Row, Rows};
use crate::chart::{Hue, Unit};
use crate::format::{clean, micros};
use crate::view::block::{Block, Cell, Chart, LegendItem, Section, Table};

pub(super) fn section(comparison: &Comparison) -> Section {
    let charts = [latency(comparison), cpu(comparison), memory(comparison)];
    let mut blocks: Vec<Block> = charts.into_iter().flatten().map(Block::Chart).collect();
    if blocks.is_empty() {
        blocks.push(Block::missing("No rung was measured at the equal rate, so there is nothing to draw."));
    }
    Section {
        id: "equal",
        title: "At the same rate",
        lead: "Where every rung can carry the load, what differs is how long a visitor waits and what a request costs.".to_owned(),
        blocks,
    }
}

/// Throughput at the promise: a bar up to what was kept, a whisker from there to what broke.
pub(super) fn throughput(comparison: &Comparison) -> Option<Chart> {
    measured(comparison).next()?;
    let row = |rung: &RungResult| {
        let kept = rung.throughput.sustained().map(|kept| kept.0);
        Row {
            name: clean(&rung.name),
            bar: kept.map(|kept| (Hue(1), kept)).into_iter().collect(),
            whisker: kept.map(|kept| (kept, rung.throughput.violated().map(|broken| broken.0))),
            words: match &rung.throughput {
                Throughput::Between { sustained: kept, violated: broken, .. } => {
                    format!("{} to {}", words::requests(*kept), words::requests(*broken))
                }
                Throughput::AtLeast { sustained: kept, .. } => format!("at least {}", words::requests(*kept)),
                Throughput::None { .. } => "no figure".to_owned(),
            },
            ..Row::default()
        }
    };
    let shown = || measured(comparison).map(|(rung, _)| rung);
    let title = format!("Requests a second at which {} was kept", comparison.slo);
    let sentence = super::sentence(comparison);
    let data = Table::new("data-throughput", "Throughput at the promise")
        .words("Rung")
        .numbers("Kept", "Requests a second.")
        .numbers("Broken", "Requests a second.")
        .with(shown().map(|rung| {
            let rate = |rate: kneepoint_model::units::PerSecond| Cell::value(words::requests(rate), rate.0);
            vec![
                Cell::text(&rung.name),
                Cell::maybe(rung.throughput.sustained(), rate, "no figure"),
                Cell::maybe(rung.throughput.violated(), rate, "never"),
            ]
        }));
    Some(Chart {
        id: "chart-throughput".to_owned(),
        svg: Rows::from_zero(shown().map(row).collect(), Unit::Count).draw(&title, &sentence),
        title,
        sentence,
        legend: vec![LegendItem {
            name: "kept; the line goes on to the next rate, which broke it".into(),
            hue: 1,
            fill: true,
        }],
        data: Some(data),
    })
}

/// The phase at the equal rate of a rung that may be held against others.
fn at_equal(rung: &RungResult) -> Option<&Trial> {
    let whole = matches!(rung.state, RungState::Measured | RungState::NoFigure { .. });
    rung.equal
        .as_ref()
        .filter(|_| whole)
        .filter(|step| step.outcome != TrialOutcome::Invalid && step.errors == 0)
}

const PERCENTILES: [(&str, u8); 3] = [("p50", 3), ("p95", 5), ("p99", 2)];

fn latency(comparison: &Comparison) -> Option<Chart> {
    let shown: Vec<(&RungResult, &Trial)> =
        comparison.rungs.iter().filter_map(|rung| at_equal(rung).map(|step| (rung, step))).collect();
    let of = |step: &Trial| [step.p50, step.p95, step.p99];
    let slowest = shown.iter().max_by_key(|(_, step)| step.p95)?;
    let fastest = shown.iter().min_by_key(|(_, step)| step.p95)?;
    let title = "Response time at the equal rate";
    let sentence = format!(
        "95 % of the requests within {} on {}, within {} on {}.",
        fastest.1.p95,
        clean(&fastest.0.name),
        slowest.1.p95,
        clean(&slowest.0.name)
    );
    let rows = shown.iter().map(|(rung, step)| Row {
        name: clean(&rung.name),
        dots: PERCENTILES.iter().zip(of(step)).map(|((_, hue), us)| (Hue(*hue), us.as_f64())).collect(),
        words: format!("{} · {} · {}", step.p50, step.p95, step.p99),
        ..Row::default()
    });
    let mut data = Table::new("data-latency", "Response time at the equal rate").words("Rung");
    for (name, _) in PERCENTILES {
        data = data.numbers(name, "From the intended start to the last byte.");
    }
    let data = data.with(shown.iter().map(|(rung, step)| {
        let cells = of(step).map(Cell::micros);
        std::iter::once(Cell::text(&rung.name)).chain(cells).collect()
    }));
    Some(Chart {
        id: "chart-latency".to_owned(),
        title: title.to_owned(),
        svg: Rows::decades(rows.collect(), Unit::Latency).draw(title, &sentence),
        sentence,
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
        .filter(|r| r.per_request.phase == EQUAL && !r.per_request.cpu_us.is_empty())
        .collect();
    let dearest = shown.iter().max_by(|a, b| cpu_of(a).total_cmp(&cpu_of(b)))?;
    let cheapest = shown.iter().min_by(|a, b| cpu_of(a).total_cmp(&cpu_of(b)))?;
    let sentence = format!(
        "{} on {}, {} on {}.",
        micros(cpu_of(cheapest)),
        clean(&cheapest.name),
        micros(cpu_of(dearest)),
        clean(&dearest.name)
    );
    let stack = Stacked {
        id: "cpu",
        title: "CPU time per request at the equal rate, by tier",
        unit: Unit::Latency,
        words: micros,
    };
    Some(stack.chart(&shown, sentence, |rung| {
        rung.per_request.cpu_us.iter().map(|(tier, us)| (*tier, *us)).collect()
    }))
}

fn cpu_of(rung: &RungResult) -> f64 {
    rung.cpu_us().unwrap_or(0.0)
}

fn memory(comparison: &Comparison) -> Option<Chart> {
    let shown: Vec<&RungResult> = comparison.rungs.iter().filter(|rung| !rung.memory.is_empty()).collect();
    let most = shown.iter().max_by_key(|rung| rung.memory_all())?;
    let sentence = format!(
        "At most {}, on {}; pages that processes share are counted in each.",
        most.memory_all().unwrap_or_default(),
        clean(&most.name)
    );
    let stack = Stacked {
        id: "memory",
        title: "Highest resident memory, by tier",
        unit: Unit::Bytes,
        words: |bytes| kneepoint_model::units::Bytes(bytes as u64).to_string(),
    };
    Some(stack.chart(&shown, sentence, |rung| {
        rung.memory.iter().map(|(tier, bytes)| (*tier, bytes.as_f64())).collect()
    }))
}

/// A chart of bars that are stacked by tier.
struct Stacked {
    id: &'static str,
    title: &'static str,
    unit: Unit,
    words: fn(f64) -> String,
}

impl Stacked {
    fn chart(
        &self,
        shown: &[&RungResult],
        sentence: String,
        parts: impl Fn(&RungResult) -> Vec<(Tier, f64)>,
    ) -> Chart {
        let mut tiers: Vec<Tier> = shown.iter().flat_map(|rung| parts(rung)).map(|part| part.0).collect();
        tiers.sort_unstable();
        tiers.dedup();
        let row = |rung: &RungResult| {
            let parts = parts(rung);
            let total: f64 = parts.iter().map(|part| part.1).sum();
            Row {
                name: clean(&rung.name),
                bar: parts.iter().map(|(tier, value)| (hue_of(*tier), *value)).collect(),
                words: (self.words)(total),
                ..Row::default()
            }
        };
        let mut data = Table::new(&format!("data-{}", self.id), self.title).words("Rung");
        for tier in &tiers {
            data = data.numbers(tier.name(), "");
        }
        let cells = |rung: &RungResult| {
            let parts = parts(rung);
            let one = |tier: &Tier| {
                let found = parts.iter().find(|part| part.0 == *tier).map(|part| part.1);
                Cell::maybe(found, |value| Cell::value((self.words)(value), value), "not there")
            };
            std::iter::once(Cell::text(&rung.name)).chain(tiers.iter().map(one)).collect()
        };
        let data = data.with(shown.iter().map(|rung| cells(rung)));
        let svg = Rows::from_zero(shown.iter().map(|rung| row(rung)).collect(), self.unit)
            .draw(self.title, &sentence);
        let legend = tiers
            .iter()
            .map(|tier| LegendItem { name: tier.name().to_owned(), hue: hue_of(*tier).0, fill: true })
            .collect();
        Chart {
            id: format!("chart-{}", self.id),
            title: self.title.to_owned(),
            sentence,
            svg,
            legend,
            data: Some(data),
        }
    }
}
