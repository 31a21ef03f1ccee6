//! The rungs at a glance: one row each.

use kneepoint_analysis::ladder::{Comparison, Effect, Gain, RungResult, RungState, Throughput, Trial};
use kneepoint_analysis::slo_search::TrialOutcome;
use kneepoint_model::ladder::{EQUAL, Ladder};
use kneepoint_model::units::{Micros, PerSecond};

use super::{charts, measured, words};
use crate::format::{clean, count, micros, number, plural};
use crate::view::Figure;
use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(super) fn section(table: Table, comparison: &Comparison) -> Section {
    let mut blocks = vec![Block::Table(table)];
    blocks.extend(charts::throughput(comparison).map(Block::Chart));
    Section {
        id: "rungs",
        title: "Rungs",
        lead: format!(
            "The same workload on each rung. Throughput is the highest rate at which {} was kept and no request failed; response times and CPU are at one rate that is the same for all.",
            comparison.slo
        ),
        blocks,
    }
}

pub(super) fn table(ladder: &Ladder, comparison: &Comparison) -> Table {
    let equal = ladder.equal.as_ref().map_or_else(
        || "at the equal rate, which is not known".to_owned(),
        |equal| format!("at {} journeys", equal.rate),
    );
    Table::new("table-rungs", "What each rung gives, what a request costs, and what ends it")
        .words("Rung")
        .numbers("At the promise", "Requests a second at which the promise was kept, and the next at which it was broken.")
        .numbers("All it gives", "Requests a second of a fixed number of users that wait for nothing but answers.")
        .numbers("p50", &format!("Median response time {equal}."))
        .numbers("p95", &format!("95th percentile of response time {equal}."))
        .numbers("p99", &format!("99th percentile of response time {equal}."))
        .numbers("CPU a request", &format!("CPU time of all tiers together, divided by requests, {equal}."))
        .numbers("Memory", "Highest resident memory of all tiers together.")
        .numbers("Errors", "Failed requests in the closed phase and at the equal rate; in the steps of the search a failed request breaks the promise.")
        .words("What ends it")
        .words("Against the rung below")
        .with(comparison.rungs.iter().map(row))
}

fn row(rung: &RungResult) -> Vec<Cell> {
    let name = match rung.place {
        Some(place) => format!("{place} {}", clean(&rung.name)),
        None => clean(&rung.name),
    };
    let name = Cell::text(name).noted(&rung.about);
    if let RungState::Failed { .. } | RungState::NotReached = rung.state {
        let word = if rung.state == RungState::NotReached { "not reached" } else { "not measured" };
        let mut cells = vec![name, Cell::badge(word, Tone::Warn)];
        cells.resize_with(10, || Cell::absent("–"));
        cells.push(Cell::absent("see below"));
        return cells;
    }
    let at_equal = |of: fn(&Trial) -> Micros| equal(rung, |step| Cell::micros(of(step)));
    vec![
        name,
        throughput(rung),
        Cell::maybe(rung.saturation.as_ref().and_then(|found| found.rps), rate, "no figure"),
        at_equal(|step| step.p50),
        at_equal(|step| step.p95),
        at_equal(|step| step.p99),
        cpu(rung),
        memory(rung),
        errors(rung),
        Cell::text(words::limit(&rung.limiting)),
        bought(rung.gain.as_ref()),
    ]
}

fn rate(rate: PerSecond) -> Cell {
    Cell::value(words::requests(rate), rate.0)
}

fn throughput(rung: &RungResult) -> Cell {
    if let RungState::CutOff { .. } = rung.state {
        return Cell::badge("cut off", Tone::Warn);
    }
    match &rung.throughput {
        Throughput::Between { sustained: kept, violated: broken, .. } => {
            rate(*kept).noted(format!("broken at {}", words::requests(*broken)))
        }
        Throughput::AtLeast { sustained: kept, .. } => {
            Cell::value(format!("≥ {}", words::requests(*kept)), kept.0).noted("nothing tried broke it")
        }
        Throughput::None { .. } => Cell::badge("no figure", Tone::Bad),
    }
}

/// A figure of the phase at the equal rate: absent when it may not be believed or requests failed.
fn equal(rung: &RungResult, cell: impl Fn(&Trial) -> Cell) -> Cell {
    match &rung.equal {
        None => Cell::absent("not loaded"),
        Some(Trial { outcome: TrialOutcome::Invalid, .. }) => Cell::absent("invalid"),
        Some(step) if step.errors > 0 => Cell::absent("errors"),
        Some(step) if step.outcome == TrialOutcome::Violated => cell(step).toned(Tone::Bad).noted("not held"),
        Some(step) => cell(step),
    }
}

fn cpu(rung: &RungResult) -> Cell {
    let parts: Vec<String> =
        rung.per_request.cpu_us.iter().map(|(tier, us)| format!("{tier} {}", micros(*us))).collect();
    let mut note = parts.join(", ");
    if rung.per_request.phase != EQUAL {
        note.push_str("; in the closed phase");
    }
    Cell::maybe(rung.cpu_us(), |us| Cell::value(micros(us), us).noted(note), "not known")
}

fn memory(rung: &RungResult) -> Cell {
    let parts: Vec<String> = rung.memory.iter().map(|(tier, bytes)| format!("{tier} {bytes}")).collect();
    Cell::maybe(rung.memory_all(), |bytes| Cell::bytes(bytes).noted(parts.join(", ")), "not known")
}

fn errors(rung: &RungResult) -> Cell {
    let closed = rung.saturation.as_ref().map_or((0, 0), |found| (found.errors, found.requests));
    let equal = rung.equal.as_ref().map_or((0, 0), |step| (step.errors, step.requests));
    let (failed, all) = (closed.0 + equal.0, closed.1 + equal.1);
    match (failed, all) {
        (_, 0) => Cell::absent("no requests"),
        (0, _) => Cell::value("none", 0.0).toned(Tone::Good),
        (failed, all) => Cell::count(failed).toned(Tone::Bad).noted(format!("of {}", count(all))),
    }
}

fn bought(bought: Option<&Gain>) -> Cell {
    let Some(bought) = bought else { return Cell::absent("nothing below") };
    let tone = match &bought.throughput {
        Effect::Seen { low: Some(low), .. } if *low > 1.0 => Tone::Good,
        Effect::Seen { .. } => Tone::Bad,
        Effect::NotSeen { .. } => Tone::Plain,
        Effect::Unknown { .. } => Tone::Muted,
    };
    Cell::text(words::effect(&bought.throughput))
        .toned(tone)
        .noted(format!("throughput, against {}", clean(&bought.against)))
}

/// Key figures.
pub(super) fn figures(ladder: &Ladder, comparison: &Comparison) -> Vec<Figure> {
    let all = comparison.rungs.len() as u64;
    let found = measured(comparison).count() as u64;
    let mut figures = vec![Figure {
        name: "Rungs measured".into(),
        value: format!("{found} of {all}"),
        note: "the others are named with the reason".into(),
        tone: if found == all { Tone::Good } else { Tone::Warn },
    }];
    if let Some((most, kept)) = measured(comparison).max_by(|a, b| a.1.total_cmp(&b.1)) {
        figures.push(Figure {
            name: "Most at the promise".into(),
            value: words::requests(PerSecond(kept)),
            note: clean(&most.name),
            tone: Tone::Plain,
        });
    }
    let cheapest = comparison
        .rungs
        .iter()
        .filter(|rung| rung.per_request.phase == EQUAL)
        .filter_map(|rung| rung.cpu_us().map(|us| (rung, us)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((rung, us)) = cheapest {
        figures.push(Figure {
            name: "Least CPU a request".into(),
            value: micros(us),
            note: clean(&rung.name),
            tone: Tone::Plain,
        });
    }
    figures.push(match &ladder.equal {
        Some(equal) => Figure {
            name: "Equal rate".into(),
            value: format!("{}/s", number(equal.rate.0, 2)),
            note: equal.from.as_ref().map_or_else(
                || "journeys, as it was given".to_owned(),
                |from| format!("journeys: 60 % of {}", clean(from)),
            ),
            tone: Tone::Plain,
        },
        None => Figure {
            name: "Equal rate".into(),
            value: "not known".into(),
            note: format!("{} without a throughput at the promise", plural(all, "rung", "rungs")),
            tone: Tone::Warn,
        },
    });
    figures
}
