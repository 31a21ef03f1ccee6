//! Each experiment by itself: what stood, what is said and why, what else was seen, and every block.

use kneepoint_analysis::experiment::{describe_effect, format_value};
use kneepoint_model::experiment::{Block as LoadBlock, Ending, Side, ToggleResult};
use kneepoint_model::units::{Micros, Ratio};

use super::words;
use crate::format::clean;
use crate::view::block::{Block, Cell, Section, Table};

/// Most blocks that are shown; all are in the file.
const MOST_BLOCKS: usize = 80;

/// One fold for each experiment that was measured.
pub(super) fn section(toggles: &[ToggleResult]) -> Option<Section> {
    let blocks: Vec<Block> =
        toggles.iter().filter(|toggle| matches!(toggle.ending, Ending::Judged(_))).map(fold).collect();
    (!blocks.is_empty()).then(|| Section {
        id: "details",
        title: "How each verdict is known",
        lead: clean(
            "What stood without and with the advice, why the verdict is what it is, and every block of load.",
        ),
        blocks,
    })
}

fn fold(toggle: &ToggleResult) -> Block {
    let (verdict, _) = words::verdict(&toggle.ending);
    let mut inside = vec![Block::Pairs {
        pairs: [
            ("Advice", toggle.advice.clone()),
            ("Without", toggle.without.clone()),
            ("With", toggle.with.clone()),
            ("Decided by", toggle.signal.words().to_owned()),
            ("Took", Micros::to_string(&toggle.took_us)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), clean(&value)))
        .collect(),
    }];
    if let Ending::Judged(judged) = &toggle.ending {
        inside.push(Block::list(&judged.why));
    }
    let proofs: Vec<String> = toggle
        .proofs
        .iter()
        .map(|(signal, judged)| match &judged.effect {
            Some(effect) => describe_effect(*signal, effect),
            None => format!("{} could not be measured", signal.words()),
        })
        .collect();
    if !proofs.is_empty() {
        inside.push(Block::heading("Shown by"));
        inside.push(Block::list(proofs));
    }
    if !toggle.leaks.is_empty() {
        inside.push(Block::heading("Shown to the wrong visitor"));
        inside.push(Block::list(
            toggle.leaks.iter().map(|leak| format!("{}: {}", leak.side.name(), leak.what)),
        ));
    }
    if !toggle.notes.is_empty() {
        inside.push(Block::heading("To know"));
        inside.push(Block::list(&toggle.notes));
    }
    if !toggle.others.is_empty() {
        inside.push(Block::heading("What else was seen"));
        inside.push(Block::Table(others(toggle)));
    }
    if !toggle.blocks.is_empty() {
        inside.push(Block::fold("Every block", vec![Block::Table(blocks(toggle))]));
    }
    Block::fold(format!("{}: {verdict}", toggle.name), inside)
}

fn others(toggle: &ToggleResult) -> Table {
    let table = Table::new(&format!("others-{}", toggle.name), "Signals that did not decide")
        .words("Signal")
        .numbers("Without", "Median of the blocks.")
        .numbers("With", "Median of the blocks.")
        .numbers("Effect", "Over the pairs.")
        .words("Interval");
    table.with(toggle.others.iter().map(|(signal, effect)| {
        vec![
            Cell::text(signal.words()),
            Cell::value(format_value(*signal, effect.without), effect.without),
            Cell::value(format_value(*signal, effect.with), effect.with),
            Cell::value(words::short(*signal, effect), words::size(*signal, effect)),
            Cell::text(words::interval(*signal, effect)),
        ]
    }))
}

fn blocks(toggle: &ToggleResult) -> Table {
    let table = Table::new(&format!("blocks-{}", toggle.name), "Blocks, in the order of pairs")
        .words("Pair")
        .words("Side")
        .numbers("Requests", "That were begun in it.")
        .numbers("Errors", "")
        .numbers("Decides", toggle.signal.words())
        .numbers("Foreign CPU", "Of the machine, by other programs.")
        .words("CPU per request by tier")
        .words("Dropped");
    let mut rows: Vec<&LoadBlock> = toggle.blocks.iter().collect();
    rows.sort_by_key(|block| (block.pair, block.side));
    table.with(rows.into_iter().take(MOST_BLOCKS).map(|block| row(toggle, block)))
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
        Cell::maybe(
            block.values.get(&toggle.signal),
            |value| Cell::value(format_value(toggle.signal, *value), *value),
            "not measured",
        ),
        Cell::ratio(Ratio(block.foreign.0)),
        Cell::text(tiers.join(", ")),
        Cell::text(block.dropped.clone().unwrap_or_default()),
    ]
}
