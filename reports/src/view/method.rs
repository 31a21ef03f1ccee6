//! Method: how the run was made, what was not measured and why, the glossary, and the files of the run folder.

use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::summary::Summary;
use kneepoint_model::text::sanitize;
use kneepoint_model::units::Bytes;

use crate::format::MAX_TEXT;
use crate::view::block::{Block, Cell, Section, Table};
use crate::view::glossary;

/// Maximum length, in characters, of the configuration shown.
const MAX_CONFIG: usize = 20_000;

/// The statement of a run without a list of what could not be measured.
pub(crate) const fn nothing_unmeasured(is_complete: bool) -> &'static str {
    if is_complete {
        "All requested measurements were taken."
    } else {
        "The run is incomplete: the stages after its end were not measured."
    }
}

pub(crate) fn build(facts: &RunFacts, analysis: &Analysis, summary: &Summary) -> Section {
    let mut blocks = vec![Block::heading("Not measured")];
    blocks.push(if summary.unmeasured.is_empty() {
        Block::paragraph(nothing_unmeasured(facts.manifest.complete))
    } else {
        Block::Table(unmeasured(summary))
    });
    blocks.extend(caveats(facts, analysis));
    blocks.push(Block::heading("The run"));
    blocks.push(Block::Pairs { pairs: run_pairs(facts) });
    if let Some(stack) = &facts.stack {
        let tiers = Table::new("table-stack", "Tiers of the stack")
            .text_column("Tier")
            .text_column("Software")
            .text_column("Address")
            .number_column("Workers", "Number of requests served concurrently.")
            .with_rows(stack.tiers.iter().map(|tier| {
                vec![
                    Cell::text(tier.tier.name()),
                    Cell::text(&tier.what),
                    Cell::optional(tier.url.as_ref(), |url| Cell::code(url.as_str()), "no address"),
                    Cell::optional(tier.concurrency, |n| Cell::count(n.into()), "not fixed"),
                ]
            }));
        blocks.push(Block::Table(tiers));
        blocks.extend(pairs_fold("Toggles of the site", stack.toggles.iter()));
    }
    blocks.extend(pairs_fold("Versions", facts.manifest.versions.iter()));
    blocks.push(config(facts));
    blocks.push(Block::fold("Glossary", vec![Block::Pairs { pairs: glossary::definitions() }]));
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
        lead: "Everything needed to verify and reproduce this report.".to_owned(),
        blocks,
    }
}

fn unmeasured(summary: &Summary) -> Table {
    Table::new("table-unmeasured", "Measurements not taken, the reason, and the fix")
        .text_column("Measurement")
        .text_column("Reason")
        .text_column("Fix")
        .with_rows(
            summary
                .unmeasured
                .iter()
                .map(|one| vec![Cell::text(&one.what), Cell::text(&one.why), Cell::code(&one.fix)]),
        )
}

fn caveats(facts: &RunFacts, analysis: &Analysis) -> Vec<Block> {
    let mut caveats: Vec<String> = Vec::new();
    for conditions in &analysis.conditions {
        let validity = &conditions.validity;
        caveats.extend(
            validity
                .why
                .iter()
                .chain(&validity.notes)
                .map(|text| format!("{}: {}", conditions.phase, sanitize(text, MAX_TEXT))),
        );
    }
    caveats.extend(facts.phases.iter().filter(|phase| phase.partial).map(|phase| {
        format!("{}: the phase was cut short; its values are recovered from the interval log.", phase.name)
    }));
    caveats.extend(facts.unread.iter().map(|file| format!("cannot read {}", sanitize(file, MAX_TEXT))));
    if caveats.is_empty() {
        Vec::new()
    } else {
        vec![Block::heading("Limits of the measurement"), Block::list(caveats)]
    }
}

fn run_pairs(facts: &RunFacts) -> Vec<(String, String)> {
    let manifest = &facts.manifest;
    let host = &manifest.host;
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { sanitize(text, MAX_TEXT) };
    let command: Vec<&str> = manifest.command.iter().map(String::as_str).collect();
    let machine = if host.cores == 0 {
        "unknown".to_owned()
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
        ("Seed (data and load)", manifest.seed.to_string()),
        (
            "Commit",
            manifest
                .commit
                .as_deref()
                .map_or_else(|| "not in a git repository".to_owned(), |commit| sanitize(commit, MAX_TEXT)),
        ),
        ("Machine", machine),
        ("System", format!("{}, kernel {}", known(&host.os), known(&host.kernel))),
    ];
    if let Some(warm) = &facts.warm {
        let state = if warm.steady {
            "reached a steady state"
        } else {
            "did not reach a steady state in the allowed rounds"
        };
        pairs.push((
            "Warm stage",
            format!(
                "{} rounds over {} pages in {}; response times {state}",
                warm.rounds.len(),
                warm.pages.len(),
                warm.took_us
            ),
        ));
    }
    for phase in &facts.phases {
        let mix: Vec<String> = phase
            .scenarios
            .iter()
            .map(|(name, weight)| format!("{} × {weight}", sanitize(name, MAX_TEXT)))
            .collect();
        pairs.push((
            "Load",
            format!(
                "{}; scenarios {}; seed {}",
                super::verdict::describe_load(phase),
                mix.join(", "),
                phase.seed
            ),
        ));
    }
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn pairs_fold<'a>(title: &str, pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Option<Block> {
    let pairs: Vec<(String, String)> =
        pairs.take(300).map(|(name, value)| (sanitize(name, MAX_TEXT), sanitize(value, 300))).collect();
    (!pairs.is_empty()).then(|| Block::fold(title, vec![Block::Pairs { pairs }]))
}

fn config(facts: &RunFacts) -> Block {
    let text = match &facts.manifest.config {
        serde_json::Value::Null => "No configuration was recorded.".to_owned(),
        config => serde_json::to_string_pretty(config).unwrap_or_else(|_| "cannot be shown".to_owned()),
    };
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    Block::fold(
        "Effective configuration",
        vec![Block::Source { text: sanitize(&lines.join("\n"), MAX_CONFIG) }],
    )
}
