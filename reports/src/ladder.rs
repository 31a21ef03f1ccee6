//! The report of a ladder run: its view, built from the comparison of the rungs, and its renderers. It uses the same
//! blocks, charts and base template as the report of a single run.

mod bottlenecks;
mod charts;
mod labels;
mod method;
pub mod render;
mod rungs;
mod transitions;
mod trials;

use kneepoint_analysis::ladder::{Comparison, RungResult, RungState};
use kneepoint_model::ladder::Ladder;
use kneepoint_model::stack::Driver;
use kneepoint_model::text::sanitize;
use serde::Serialize;

use crate::format::{MAX_TEXT, count_with_noun};
use crate::view::Figure;
use crate::view::block::{Section, Table, Tone};

/// The content of a ladder report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LadderView {
    /// Name of the ladder run, that of its folder.
    pub ladder_id: String,
    /// Version of kneepoint that made the ladder run.
    pub kneepoint: String,
    /// The status: `MEASURED`, `INCOMPLETE` or `PARTIAL`.
    pub word: String,
    /// Display of the status.
    pub tone: Tone,
    /// The rungs with the highest and the lowest throughput within the SLO.
    pub headline: String,
    /// Limits of the comparison: missing rungs, an incomplete ladder run, a shared machine.
    pub reasons: Vec<String>,
    /// The ladder run in short: driver, SLO, users, data, machine, start.
    pub facts: Vec<String>,
    /// Key figures in display order.
    pub figures: Vec<Figure>,
    /// Sections in page order.
    pub sections: Vec<Section>,
    /// One row per rung, also used for the terminal.
    pub table: Table,
}

impl LadderView {
    /// Builds the view; deterministic, reads no file.
    pub fn build(ladder: &Ladder, comparison: &Comparison) -> Self {
        let (word, tone) = status(ladder, comparison);
        let table = rungs::table(ladder, comparison);
        Self {
            ladder_id: sanitize(&ladder.ladder_id, MAX_TEXT),
            kneepoint: sanitize(&ladder.kneepoint, MAX_TEXT),
            word: word.to_owned(),
            tone,
            headline: headline(comparison),
            reasons: reasons(ladder, comparison),
            facts: facts(ladder),
            figures: rungs::figures(ladder, comparison),
            sections: vec![
                rungs::section(table.clone(), comparison),
                transitions::section(comparison),
                bottlenecks::section(ladder, comparison),
                charts::section(comparison),
                trials::section(comparison),
                method::missing(comparison),
                method::section(ladder),
            ],
            table,
        }
    }
}

fn status(ladder: &Ladder, comparison: &Comparison) -> (&'static str, Tone) {
    if !ladder.complete {
        ("PARTIAL", Tone::Warn)
    } else if comparison.all_measured() {
        ("MEASURED", Tone::Good)
    } else {
        ("INCOMPLETE", Tone::Warn)
    }
}

/// The rungs with a throughput within the SLO, in ladder order.
fn measured(comparison: &Comparison) -> impl Iterator<Item = (&RungResult, f64)> {
    comparison.rungs.iter().filter(|rung| rung.state == RungState::Measured).filter_map(|rung| {
        let sustained = rung.throughput.sustained()?;
        Some((rung, sustained.0))
    })
}

fn headline(comparison: &Comparison) -> String {
    let slo = &comparison.slo;
    let most = measured(comparison).max_by(|a, b| a.1.total_cmp(&b.1));
    let least = measured(comparison).min_by(|a, b| a.1.total_cmp(&b.1));
    match (least, most) {
        (Some((least, _)), Some((most, _))) if least.name != most.name => format!(
            "Within the SLO {slo}, {} sustains the most: {}; {} the least: {}.",
            sanitize(&most.name, MAX_TEXT),
            labels::throughput(&most.throughput),
            sanitize(&least.name, MAX_TEXT),
            labels::throughput(&least.throughput)
        ),
        (Some((only, _)), _) => {
            format!(
                "Within the SLO {slo}, {} sustains {}.",
                sanitize(&only.name, MAX_TEXT),
                labels::throughput(&only.throughput)
            )
        }
        _ => format!("No rung has a valid throughput within the SLO {slo}; see the reasons below."),
    }
}

/// What the reader must know before comparing values.
fn reasons(ladder: &Ladder, comparison: &Comparison) -> Vec<String> {
    let mut reasons = Vec::new();
    if ladder.driver == Driver::Native {
        reasons.push("All rungs and the load generator share one machine, so a rung that adds a machine only adds processes here. To measure the gain of an additional machine, run the ladder with --driver compose.".to_owned());
    }
    if !ladder.complete {
        let by = ladder.stopped_by.as_deref().map_or_else(
            || "kneepoint was killed before it could record the reason".to_owned(),
            |reason| sanitize(reason, MAX_TEXT),
        );
        reasons.push(format!(
            "This ladder run is incomplete: {by}. Missing values below were not measured; they are not zero."
        ));
    }
    for rung in &comparison.rungs {
        if let Some(why) = labels::missing_reason(rung) {
            reasons.push(format!("{}: {why}", sanitize(&rung.name, MAX_TEXT)));
        }
    }
    reasons
}

fn facts(ladder: &Ladder) -> Vec<String> {
    let mut facts = vec![
        format!("driver {}", ladder.driver.name()),
        format!("SLO {}", ladder.slo),
        count_with_noun(ladder.users.into(), "user", "users"),
        format!("data {}, seed {}", sanitize(&ladder.size, MAX_TEXT), ladder.seed),
    ];
    if ladder.host.cores > 0 {
        let cores = count_with_noun(ladder.host.cores.into(), "core", "cores");
        facts.push(format!("{cores}, {}", sanitize(&ladder.host.os, MAX_TEXT)));
    }
    if let Some(equal) = &ladder.equal {
        facts.push(format!("equal rate: {} journeys", equal.rate));
    }
    facts.push(sanitize(&ladder.started, MAX_TEXT));
    facts
}
