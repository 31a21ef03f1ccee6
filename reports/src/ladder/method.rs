//! Method: what was not measured, how it was made, what the words mean.

use std::collections::BTreeSet;

use kneepoint_analysis::ladder::{Comparison, RungState};
use kneepoint_model::ladder::Ladder;
use kneepoint_model::run::names;
use kneepoint_model::units::Bytes;
use kneepoint_model::unmeasured::Unmeasured;

use crate::format::clean;
use crate::view::block::{Block, Cell, Section, Table};

/// What could not be measured, on which rungs, and what mends it.
pub(super) fn missing(comparison: &Comparison) -> Section {
    let missing = unmeasured(comparison);
    let block = if missing.is_empty() {
        Block::say("Everything that was asked for was measured.")
    } else {
        Block::Table(
            Table::new("table-unmeasured", "What was not measured, why, and what mends it")
                .words("What")
                .words("On")
                .words("Why")
                .words("What mends it")
                .with(missing.into_iter().map(|(one, rungs)| {
                    vec![
                        Cell::text(&one.what),
                        Cell::text(rungs.join(", ")),
                        Cell::text(&one.why),
                        Cell::code(&one.fix),
                    ]
                })),
        )
    };
    Section {
        id: "missing",
        title: "Not measured",
        lead: "What could not be seen here. It is not zero.".to_owned(),
        blocks: vec![block],
    }
}

pub(super) fn section(ladder: &Ladder) -> Section {
    let files = Block::fold(
        "Files",
        vec![Block::Pairs {
            pairs: owned(&[
                (names::LADDER, "what was asked, and which run folder belongs to which rung; versioned"),
                (names::COMPARISON, "the figures of this report for programs; versioned"),
                (names::LADDER_MD, "this report for pull requests"),
                ("../../runs/<run>", "the run folder of a rung, with a report of its own"),
            ]),
        }],
    );
    let blocks = vec![
        Block::Pairs { pairs: pairs(ladder) },
        Block::fold("What the words mean", vec![Block::Pairs { pairs: definitions() }]),
        files,
    ];
    Section {
        id: "method",
        title: "Method",
        lead: "What it takes to trust this report, and to make it again.".to_owned(),
        blocks,
    }
}

/// Each thing that could not be measured once, with the rungs on which that was so.
fn unmeasured(comparison: &Comparison) -> Vec<(Unmeasured, Vec<String>)> {
    let mut all: Vec<(Unmeasured, Vec<String>)> = Vec::new();
    let mut seen: BTreeSet<(Unmeasured, String)> = BTreeSet::new();
    for rung in &comparison.rungs {
        let failed = match &rung.state {
            RungState::Failed { reason } => Some(reason.clone()),
            _ => None,
        };
        for one in failed.into_iter().chain(rung.unmeasured.iter().cloned()) {
            if !seen.insert((one.clone(), rung.name.clone())) {
                continue;
            }
            match all.iter_mut().find(|(known, _)| *known == one) {
                Some((_, rungs)) => rungs.push(clean(&rung.name)),
                None => all.push((one, vec![clean(&rung.name)])),
            }
        }
    }
    all
}

fn pairs(ladder: &Ladder) -> Vec<(String, String)> {
    let host = &ladder.host;
    let known = |text: &str| if text.is_empty() { "not known".to_owned() } else { clean(text) };
    let mix: Vec<String> =
        ladder.scenarios.iter().map(|(name, weight)| format!("{} × {weight}", clean(name))).collect();
    let equal = match &ladder.equal {
        None => "not known: no rung has a throughput at the promise".to_owned(),
        Some(equal) => match &equal.from {
            Some(from) => {
                format!("{} journeys, 60 % of what {} kept the promise at", equal.rate, clean(from))
            }
            None => format!("{} journeys, as it was given", equal.rate),
        },
    };
    owned(&[
        ("Climb", &known(&ladder.ladder_id)),
        ("Command", &known(&ladder.command.join(" "))),
        ("Started", &known(&ladder.started)),
        ("kneepoint", &known(&ladder.kneepoint)),
        ("Driver", ladder.driver.name()),
        (
            "Machine",
            &if host.cores == 0 {
                "not known".to_owned()
            } else {
                format!("{} cores ({}), {} memory", host.cores, known(&host.cpu), Bytes(host.memory_bytes))
            },
        ),
        ("System", &format!("{}, kernel {}", known(&host.os), known(&host.kernel))),
        ("Data and seed", &format!("size {}, seed {}", known(&ladder.size), ladder.seed)),
        ("Journeys", &if mix.is_empty() { "the crawled pages".to_owned() } else { mix.join(", ") }),
        ("Closed phase", &format!("{} users", ladder.users)),
        ("Promise", &ladder.slo.to_string()),
        (
            "Search",
            &format!(
                "at most {} steps, until broken / kept ≤ {}",
                ladder.search.max_trials, ladder.search.precision
            ),
        ),
        ("Equal rate", &equal),
    ])
}

fn definitions() -> Vec<(String, String)> {
    owned(&[
        (
            "At the promise",
            "The highest rate of arrivals, in requests a second, at which the promise held and no request failed. The truth lies between the rate that was kept and the rate that was broken.",
        ),
        (
            "All it gives",
            "What a fixed number of users got, each waiting for its answer: more than any promise about response times allows.",
        ),
        ("Response time", "From the moment a request was meant to start to the last byte of its body."),
        (
            "Equal rate",
            "One rate of arrivals for all rungs, below what the first can carry, so that response times and costs compare.",
        ),
        ("CPU a request", "CPU time of the tiers, not of the load generator, over requests that ended."),
        (
            "No effect seen",
            "The interval holds 1, or the effect is smaller than 5 %: what lies outside of the interval is ruled out, what lies within is not.",
        ),
        (
            "Machine",
            "With the compose driver, services that share one quota of CPU and memory. Natively there is one, this one.",
        ),
    ])
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
