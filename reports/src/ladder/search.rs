//! How each throughput was found: every step of every search, and the two phases around it.

use kneepoint_analysis::ladder::{Comparison, RungResult, Trial};
use kneepoint_analysis::slo_search::TrialOutcome;

use super::words;
use crate::format::{clean, count};
use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(super) fn section(comparison: &Comparison) -> Section {
    let mut blocks: Vec<Block> = Vec::new();
    for rung in comparison.rungs.iter().filter(|rung| rung.saturation.is_some()) {
        let mut inner = saturation(rung);
        inner.push(if rung.trials.is_empty() && rung.equal.is_none() {
            Block::missing("No rate was tried.")
        } else {
            Block::Table(table(rung))
        });
        if let Some(run) = &rung.run {
            inner.push(Block::note(format!(
                "Everything else that was seen of this rung is in its run folder, runs/{}.",
                clean(run)
            )));
        }
        let title = format!("{}: {}", clean(&rung.name), words::throughput(&rung.throughput));
        blocks.push(Block::fold(title, inner));
    }
    if blocks.is_empty() {
        blocks.push(Block::missing("No rung was loaded."));
    }
    Section {
        id: "search",
        title: "How it was found",
        lead: "A step counts as kept only when the machine was quiet, the generator kept its schedule, no request failed, at least 98 % of what was due was answered, no queue grew, and the promise held. What spoils a measurement makes a step invalid: it is tried again, and never moves an end of the interval.".to_owned(),
        blocks,
    }
}

fn saturation(rung: &RungResult) -> Vec<Block> {
    let Some(found) = &rung.saturation else { return Vec::new() };
    let said = match found.rps {
        Some(rps) => format!("The closed phase reached {}.", words::requests(rps)),
        None => "The closed phase gives no figure.".to_owned(),
    };
    let block = match found.rps {
        Some(_) => Block::say(&said),
        None => Block::missing(&said),
    };
    let mut blocks = vec![block];
    if !found.why.is_empty() {
        blocks.push(Block::list(&found.why));
    }
    blocks
}

fn table(rung: &RungResult) -> Table {
    let caption = format!("Rates that were tried on {}", clean(&rung.name));
    Table::new(&format!("table-search-{}", rung.name), caption)
        .words("Phase")
        .numbers("Journeys", "Journeys a second that began.")
        .numbers("Due", "Requests a second that were due.")
        .numbers("Answered", "Requests a second that ended.")
        .numbers("Requests", "Behind the figures.")
        .numbers("Errors", "Of those, failed.")
        .numbers("p50", "Median response time.")
        .numbers("p95", "95th percentile of response time.")
        .numbers("p99", "99th percentile of response time.")
        .words("Shows")
        .words("Because")
        .with(rung.trials.iter().chain(&rung.equal).map(row))
}

fn row(step: &Trial) -> Vec<Cell> {
    let (word, tone) = match step.outcome {
        TrialOutcome::Met => ("kept", Tone::Good),
        TrialOutcome::Violated => ("broken", Tone::Bad),
        TrialOutcome::Invalid => ("invalid", Tone::Warn),
    };
    let notes = step.notes.iter().map(|note| clean(note)).collect::<Vec<_>>().join("; ");
    let because = match &step.why {
        Some(why) => Cell::text(why),
        None => Cell::text("nothing spoke against it"),
    };
    vec![
        Cell::text(&step.phase),
        Cell::rate(step.rate),
        Cell::rate(step.offered),
        Cell::rate(step.achieved),
        Cell::value(count(step.requests), step.requests as f64),
        Cell::count(step.errors).toned(if step.errors == 0 { Tone::Plain } else { Tone::Bad }),
        Cell::micros(step.p50),
        Cell::micros(step.p95),
        Cell::micros(step.p99),
        Cell::badge(word, tone),
        because.noted(notes),
    ]
}
