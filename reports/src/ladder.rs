//! The report of a climb: a view of its own from the comparison, and its renderers, made of the same blocks, charts and
//! templates as the report of a run.

mod charts;
mod glance;
mod limits;
mod method;
pub mod render;
mod search;
mod steps;
mod words;

use kneepoint_analysis::ladder::{Comparison, RungResult, RungState};
use kneepoint_model::ladder::Ladder;
use kneepoint_model::stack::Driver;
use serde::Serialize;

use crate::format::{clean, plural};
use crate::view::Figure;
use crate::view::block::{Section, Table, Tone};

/// Everything that the report of a climb says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LadderView {
    /// Name of the climb.
    pub ladder_id: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// The status word.
    pub word: String,
    /// How it looks.
    pub tone: Tone,
    /// The one sentence.
    pub sentence: String,
    /// What must be known before any figure is read.
    pub reasons: Vec<String>,
    /// The climb in one line.
    pub facts: Vec<String>,
    /// Key figures.
    pub figures: Vec<Figure>,
    /// The sections, in the order of the page.
    pub sections: Vec<Section>,
    /// The rungs at a glance, for a terminal.
    pub table: Table,
}

impl LadderView {
    /// The view of a climb: pure; equal inputs give equal views.
    pub fn build(ladder: &Ladder, comparison: &Comparison) -> Self {
        let (word, tone) = status(ladder, comparison);
        let table = glance::table(ladder, comparison);
        Self {
            ladder_id: clean(&ladder.ladder_id),
            kneepoint: clean(&ladder.kneepoint),
            word: word.to_owned(),
            tone,
            sentence: sentence(comparison),
            reasons: reasons(ladder, comparison),
            facts: facts(ladder),
            figures: glance::figures(ladder, comparison),
            sections: vec![
                glance::section(table.clone(), comparison),
                steps::section(comparison),
                limits::section(ladder, comparison),
                charts::section(comparison),
                search::section(comparison),
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

/// The rungs with a throughput at the promise, lowest first.
fn measured(comparison: &Comparison) -> impl Iterator<Item = (&RungResult, f64)> {
    comparison.rungs.iter().filter(|rung| rung.state == RungState::Measured).filter_map(|rung| {
        let kept = rung.throughput.sustained()?;
        Some((rung, kept.0))
    })
}

fn sentence(comparison: &Comparison) -> String {
    let promise = &comparison.slo;
    let most = measured(comparison).max_by(|a, b| a.1.total_cmp(&b.1));
    let least = measured(comparison).min_by(|a, b| a.1.total_cmp(&b.1));
    match (least, most) {
        (Some((least, _)), Some((most, _))) if least.name != most.name => format!(
            "With {promise}, {} carries most: {}; {} carries least: {}.",
            clean(&most.name),
            words::throughput(&most.throughput),
            clean(&least.name),
            words::throughput(&least.throughput)
        ),
        (Some((only, _)), _) => {
            format!("With {promise}, {} carries {}.", clean(&only.name), words::throughput(&only.throughput))
        }
        _ => format!("No rung has a throughput at which {promise} was kept; the reasons are below."),
    }
}

/// What must be known before any figure is read.
fn reasons(ladder: &Ladder, comparison: &Comparison) -> Vec<String> {
    let mut reasons = Vec::new();
    if ladder.driver == Driver::Native {
        reasons.push("All rungs share this one machine, the load generator included: a rung that adds a machine adds nothing here but more processes. To see what an added machine buys, climb with --driver compose.".to_owned());
    }
    if !ladder.complete {
        let by = ladder
            .stopped_by
            .as_deref()
            .map_or_else(|| "kneepoint itself was ended before it could say why".to_owned(), clean);
        reasons.push(format!(
            "The climb did not come to its end: {by}. What is missing below was not measured; it is not zero."
        ));
    }
    for rung in &comparison.rungs {
        if let Some(why) = words::missing(rung) {
            reasons.push(format!("{}: {why}", clean(&rung.name)));
        }
    }
    reasons
}

fn facts(ladder: &Ladder) -> Vec<String> {
    let mut facts = vec![
        format!("driver {}", ladder.driver.name()),
        format!("promise {}", ladder.promise),
        plural(ladder.users.into(), "user", "users"),
        format!("data {}, seed {}", clean(&ladder.size), ladder.seed),
    ];
    if ladder.host.cores > 0 {
        let cores = plural(ladder.host.cores.into(), "core", "cores");
        facts.push(format!("{cores}, {}", clean(&ladder.host.os)));
    }
    if let Some(equal) = &ladder.equal {
        facts.push(format!("equal rate {} journeys", equal.rate));
    }
    facts.push(clean(&ladder.started));
    facts
}
