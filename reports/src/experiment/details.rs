//! Details of each experiment: both variants, the reasons for the verdict, other signals, and every block.

use kneepoint_analysis::experiment::{describe_effect, format_value};
use kneepoint_model::experiment::{Block as LoadBlock, Ending, Side, ToggleResult};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::{Micros, Ratio};

use super::labels;
use crate::format::MAX_TEXT;
use crate::view::block::{Block, Cell, Section, Table};

/// Maximum number of blocks shown; `experiment.json` has all.
const MAX_BLOCKS: usize = 80;

/// One collapsible part per measured experiment.
pub(super) fn section(toggles: &[ToggleResult]) -> Option<Section> {
    let blocks: Vec<Block> = toggles
        .iter()
        .filter(|toggle| matches!(toggle.ending, Ending::Assessed(_)))
        .map(toggle_fold)
        .collect();
    (!blocks.is_empty()).then(|| Section {
        id: "details",
        title: "Evidence for each verdict",
        lead: sanitize(
            "Both variants (without and with the advice), the reasons for the verdict, and every block of load.", MAX_TEXT),
        blocks,
    })
}

fn toggle_fold(toggle: &ToggleResult) -> Block {
    let (verdict, _) = labels::verdict(&toggle.ending);
    let mut inside = vec![Block::Pairs {
        pairs: [
            ("Advice", toggle.advice.clone()),
            ("Without", toggle.without.clone()),
            ("With", toggle.with.clone()),
            ("Deciding signal", toggle.signal.label().to_owned()),
            ("Duration", Micros::to_string(&toggle.took_us)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), sanitize(&value, MAX_TEXT)))
        .collect(),
    }];
    if let Ending::Assessed(judged) = &toggle.ending {
        inside.push(Block::list(&judged.why));
    }
    let proofs: Vec<String> = toggle
        .proofs
        .iter()
        .map(|(signal, judged)| match &judged.effect {
            Some(effect) => describe_effect(*signal, effect),
            None => format!("{} was not measurable", signal.label()),
        })
        .collect();
    if !proofs.is_empty() {
        inside.push(Block::heading("Supporting signals"));
        inside.push(Block::list(proofs));
    }
    if !toggle.leaks.is_empty() {
        inside.push(Block::heading("Pages leaked to the wrong user"));
        inside.push(Block::list(
            toggle.leaks.iter().map(|leak| format!("{}: {}", leak.side.name(), leak.what)),
        ));
    }
    if !toggle.notes.is_empty() {
        inside.push(Block::heading("Notes"));
        inside.push(Block::list(&toggle.notes));
    }
    if !toggle.others.is_empty() {
        inside.push(Block::heading("Other signals"));
        inside.push(Block::Table(others(toggle)));
    }
    if !toggle.blocks.is_empty() {
        inside.push(Block::fold("All blocks", vec![Block::Table(blocks(toggle))]));
    }
    Block::fold(format!("{}: {verdict}", toggle.name), inside)
}

fn others(toggle: &ToggleResult) -> Table {
    let table = Table::new(&format!("others-{}", toggle.name), "Signals without influence on the verdict")
        .text_column("Signal")
        .number_column("Without", "Median of the blocks.")
        .number_column("With", "Median of the blocks.")
        .number_column("Effect", "Hodges–Lehmann estimate over the pairs.")
        .text_column("Interval");
    table.with_rows(toggle.others.iter().map(|(signal, effect)| {
        vec![
            Cell::text(signal.label()),
            Cell::value(format_value(*signal, effect.without), effect.without),
            Cell::value(format_value(*signal, effect.with), effect.with),
            Cell::value(labels::effect_size(*signal, effect), labels::sort_key(*signal, effect)),
            Cell::text(labels::interval(*signal, effect)),
        ]
    }))
}

fn blocks(toggle: &ToggleResult) -> Table {
    let table = Table::new(&format!("blocks-{}", toggle.name), "Blocks by pair")
        .text_column("Pair")
        .text_column("Side")
        .number_column("Requests", "Requests started in the block.")
        .number_column("Errors", "")
        .number_column("Deciding signal", toggle.signal.label())
        .number_column("Foreign CPU", "Share of the machine's CPU used by other processes.")
        .text_column("CPU per request by tier")
        .text_column("Reason dropped");
    let mut rows: Vec<&LoadBlock> = toggle.blocks.iter().collect();
    rows.sort_by_key(|block| (block.pair, block.side));
    table.with_rows(rows.into_iter().take(MAX_BLOCKS).map(|block| row(toggle, block)))
}

fn row(toggle: &ToggleResult, block: &LoadBlock) -> Vec<Cell> {
    let tiers: Vec<String> = block
        .tier_cpu_us
        .iter()
        .map(|(tier, us)| format!("{tier} {}", Micros(us.max(0.0).round() as u64)))
        .collect();
    let side = match block.side {
        Side::Without => "without",
        Side::With => "with",
    };
    vec![
        Cell::value(block.pair.to_string(), f64::from(block.pair)),
        Cell::text(side),
        Cell::count(block.requests),
        Cell::count(block.errors),
        Cell::optional(
            block.values.get(&toggle.signal),
            |value| Cell::value(format_value(toggle.signal, *value), *value),
            "not measured",
        ),
        Cell::ratio(Ratio(block.foreign.0)),
        Cell::text(tiers.join(", ")),
        Cell::text(block.dropped.clone().unwrap_or_default()),
    ]
}
