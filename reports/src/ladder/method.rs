//! Missing measurements, and how the ladder run was made.

use std::collections::BTreeSet;

use kneepoint_analysis::ladder::{Comparison, RungState};
use kneepoint_model::ladder::Ladder;
use kneepoint_model::run::names;
use kneepoint_model::text::sanitize;
use kneepoint_model::units::Bytes;
use kneepoint_model::unmeasured::Unmeasured;

use crate::format::MAX_TEXT;
use crate::view::block::{Block, Cell, Section, Table};

/// What could not be measured, on which rungs, why, and the fix.
pub(super) fn missing(comparison: &Comparison) -> Section {
    let missing = unmeasured(comparison);
    let block = if missing.is_empty() {
        Block::paragraph("All requested measurements were taken.")
    } else {
        Block::Table(
            Table::new("table-unmeasured", "Measurements not taken, the reason, and the fix")
                .text_column("Measurement")
                .text_column("Rungs")
                .text_column("Reason")
                .text_column("Fix")
                .with_rows(missing.into_iter().map(|(one, rungs)| {
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
        lead: "Measurements that were not possible. Missing values are not zero.".to_owned(),
        blocks: vec![block],
    }
}

pub(super) fn section(ladder: &Ladder) -> Section {
    let files = Block::fold(
        "Files",
        vec![Block::Pairs {
            pairs: owned(&[
                (
                    names::LADDER,
                    "parameters of the ladder run, and the run folder of each rung; versioned format",
                ),
                (names::COMPARISON, "the results of this report for programs; versioned format"),
                (names::LADDER_MD, "this report for pull requests"),
                ("../../runs/<run>", "the run folder of a rung, with its own report"),
            ]),
        }],
    );
    let blocks = vec![
        Block::Pairs { pairs: pairs(ladder) },
        Block::fold("Glossary", vec![Block::Pairs { pairs: definitions() }]),
        files,
    ];
    Section {
        id: "method",
        title: "Method",
        lead: "Everything needed to verify and reproduce this report.".to_owned(),
        blocks,
    }
}

/// Each missing measurement once, with the rungs it affects.
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
            match all.iter_mut().find(|(listed, _)| *listed == one) {
                Some((_, rungs)) => rungs.push(sanitize(&rung.name, MAX_TEXT)),
                None => all.push((one, vec![sanitize(&rung.name, MAX_TEXT)])),
            }
        }
    }
    all
}

fn pairs(ladder: &Ladder) -> Vec<(String, String)> {
    let host = &ladder.host;
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { sanitize(text, MAX_TEXT) };
    let mix: Vec<String> = ladder
        .scenarios
        .iter()
        .map(|(name, weight)| format!("{} × {weight}", sanitize(name, MAX_TEXT)))
        .collect();
    let equal = match &ladder.equal {
        None => "unknown: no rung has a throughput at SLO".to_owned(),
        Some(equal) => match &equal.from {
            Some(from) => {
                format!(
                    "{} journeys, 60 % of the throughput at SLO of {}",
                    equal.rate,
                    sanitize(from, MAX_TEXT)
                )
            }
            None => format!("{} journeys, as configured", equal.rate),
        },
    };
    owned(&[
        ("Ladder run", &known(&ladder.ladder_id)),
        ("Command", &known(&ladder.command.join(" "))),
        ("Started", &known(&ladder.started)),
        ("kneepoint", &known(&ladder.kneepoint)),
        ("Driver", ladder.driver.name()),
        (
            "Machine",
            &if host.cores == 0 {
                "unknown".to_owned()
            } else {
                format!("{} cores ({}), {} memory", host.cores, known(&host.cpu), Bytes(host.memory_bytes))
            },
        ),
        ("System", &format!("{}, kernel {}", known(&host.os), known(&host.kernel))),
        ("Data and seed", &format!("size {}, seed {}", known(&ladder.size), ladder.seed)),
        ("Journeys", &if mix.is_empty() { "the crawled pages".to_owned() } else { mix.join(", ") }),
        ("Closed phase", &format!("{} users", ladder.users)),
        ("SLO", &ladder.slo.to_string()),
        (
            "Search",
            &format!(
                "at most {} trials, until violated rate / met rate ≤ {}",
                ladder.search.max_trials, ladder.search.precision
            ),
        ),
        ("Equal rate", &equal),
    ])
}

fn definitions() -> Vec<(String, String)> {
    owned(&[
        (
            "Throughput at SLO",
            "The highest arrival rate, in requests per second, at which the SLO is met and no request fails. The true value lies between the highest rate that met the SLO and the lowest rate that violated it.",
        ),
        (
            "Max throughput",
            "Requests per second of a fixed number of users without think time, without any limit on response times.",
        ),
        ("Response time", "From the intended start of a request to the last byte of its body."),
        (
            "Equal rate",
            "One arrival rate for all rungs, which even the slowest rung sustains, so that response times and costs are comparable.",
        ),
        (
            "CPU per request",
            "CPU time of the tiers, without the load generator, divided by completed requests.",
        ),
        (
            "No effect seen",
            "The interval contains 1, or the effect is below 5 %. Effects outside the interval are ruled out; effects inside are not.",
        ),
        (
            "Machine",
            "With the compose driver, a group of services that shares one CPU and memory quota. The native driver has one machine: this host.",
        ),
    ])
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
