//! Method: how the run was made, what was not measured and why, what the words mean, what lies in the folder.

use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::summary::Summary;
use kneepoint_model::units::Bytes;

use crate::format::{clean, clean_to};
use crate::view::block::{Block, Cell, Section, Table};
use crate::view::glossary;

/// Longest configuration shown.
const MAX_CONFIG: usize = 20_000;

pub(crate) fn build(facts: &RunFacts, analysis: &Analysis, summary: &Summary) -> Section {
    let mut blocks = vec![Block::heading("What was not measured")];
    blocks.push(if summary.unmeasured.is_empty() {
        Block::say("Everything that was asked for was measured.")
    } else {
        Block::Table(unmeasured(summary))
    });
    blocks.extend(doubts(facts, analysis));
    blocks.push(Block::heading("The run"));
    blocks.push(Block::Pairs { pairs: run_pairs(facts) });
    if let Some(stack) = &facts.stack {
        let tiers = Table::new("table-stack", "The stack as it ran")
            .words("Tier")
            .words("What")
            .words("Where")
            .numbers("Workers", "Requests it can serve at the same time.")
            .with(stack.tiers.iter().map(|tier| {
                vec![
                    Cell::text(tier.tier.name()),
                    Cell::text(&tier.what),
                    Cell::maybe(tier.url.as_ref(), |url| Cell::code(url.as_str()), "no address"),
                    Cell::maybe(tier.concurrency, |n| Cell::count(n.into()), "not fixed"),
                ]
            }));
        blocks.push(Block::Table(tiers));
        blocks.extend(pairs_fold("Switches of the site", stack.toggles.iter()));
    }
    blocks.extend(pairs_fold("Versions", facts.manifest.versions.iter()));
    blocks.push(config(facts));
    blocks.push(Block::fold("What the words mean", vec![Block::Pairs { pairs: glossary::definitions() }]));
    blocks.push(Block::fold("Files of the run folder", vec![Block::Pairs { pairs: glossary::files() }]));
    blocks.push(Block::fold(
        "Licences",
        vec![Block::list([
            "kneepoint: MIT or Apache-2.0.",
            "Flame graphs are drawn by inferno (CDDL-1.0), whose script is part of each of them unchanged.",
            "Charts are drawn by plotters (MIT).",
        ])],
    ));
    Section {
        id: "method",
        title: "Method",
        lead: "What it takes to trust this report, and to make it again.".to_owned(),
        blocks,
    }
}

fn unmeasured(summary: &Summary) -> Table {
    Table::new("table-unmeasured", "What was not measured, why, and what mends it")
        .words("What")
        .words("Why")
        .words("What mends it")
        .with(
            summary
                .unmeasured
                .iter()
                .map(|one| vec![Cell::text(&one.what), Cell::text(&one.why), Cell::code(&one.fix)]),
        )
}

fn doubts(facts: &RunFacts, analysis: &Analysis) -> Vec<Block> {
    let mut doubts: Vec<String> = Vec::new();
    for conditions in &analysis.conditions {
        let validity = &conditions.validity;
        doubts.extend(
            validity
                .why
                .iter()
                .chain(&validity.notes)
                .map(|text| format!("{}: {}", conditions.phase, clean(text))),
        );
    }
    doubts.extend(facts.phases.iter().filter(|phase| phase.partial).map(|phase| {
        format!(
            "{}: the phase was cut short; its figures were put together from the interval log.",
            phase.name
        )
    }));
    doubts.extend(facts.unread.iter().map(|file| format!("could not be read: {}", clean(file))));
    if doubts.is_empty() {
        Vec::new()
    } else {
        vec![Block::heading("What weakens the figures"), Block::list(doubts)]
    }
}

fn run_pairs(facts: &RunFacts) -> Vec<(String, String)> {
    let manifest = &facts.manifest;
    let host = &manifest.host;
    let known = |text: &str| if text.is_empty() { "not known".to_owned() } else { clean(text) };
    let command: Vec<&str> = manifest.command.iter().map(String::as_str).collect();
    let machine = if host.cores == 0 {
        "not known".to_owned()
    } else {
        format!(
            "{} cores ({}), {} memory, {} swap",
            host.cores,
            known(&host.cpu),
            Bytes(host.memory_bytes),
            Bytes(host.swap_bytes)
        )
    };
    let mut pairs = vec![
        ("Run", known(&manifest.run_id)),
        ("Command", known(&command.join(" "))),
        ("Started", known(&manifest.started)),
        ("kneepoint", known(&manifest.kneepoint)),
        ("Target", known(&manifest.target)),
        ("Topology", format!("{} ({} driver)", known(&manifest.topology), known(&manifest.driver))),
        ("Seed of data and load", manifest.seed.to_string()),
        ("Commit", manifest.commit.as_deref().map_or_else(|| "not a repository".to_owned(), clean)),
        ("Machine", machine),
        ("System", format!("{}, kernel {}", known(&host.os), known(&host.kernel))),
    ];
    if let Some(warm) = &facts.warm {
        let flat = if warm.flat { "became flat" } else { "did not become flat before the rounds ran out" };
        pairs.push((
            "Warming",
            format!(
                "{} rounds over {} pages in {}; response times {flat}",
                warm.rounds.len(),
                warm.pages.len(),
                warm.took_us
            ),
        ));
    }
    for phase in &facts.phases {
        let mix: Vec<String> =
            phase.scenarios.iter().map(|(name, weight)| format!("{} × {weight}", clean(name))).collect();
        pairs.push((
            "Load",
            format!(
                "{}; scenarios {}; seed {}",
                super::verdict::load_words(phase),
                mix.join(", "),
                phase.seed
            ),
        ));
    }
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn pairs_fold<'a>(title: &str, pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Option<Block> {
    let pairs: Vec<(String, String)> =
        pairs.take(300).map(|(name, value)| (clean(name), clean_to(value, 300))).collect();
    (!pairs.is_empty()).then(|| Block::fold(title, vec![Block::Pairs { pairs }]))
}

fn config(facts: &RunFacts) -> Block {
    let text = match &facts.manifest.config {
        serde_json::Value::Null => "No configuration was written down.".to_owned(),
        config => serde_json::to_string_pretty(config).unwrap_or_else(|_| "not readable".to_owned()),
    };
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    Block::fold(
        "Configuration as it was used",
        vec![Block::Source { text: clean_to(&lines.join("\n"), MAX_CONFIG) }],
    )
}
