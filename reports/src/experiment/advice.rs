//! The advice table: each piece of advice with its measured effect; and the experiments that did not run.

use kneepoint_model::experiment::{EffectVerdict, Ending, ExperimentFile, ToggleResult};
use kneepoint_model::text::sanitize;

use super::labels;
use crate::format::MAX_TEXT;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// One row per piece of advice.
pub(super) fn table(toggles: &[ToggleResult]) -> Table {
    let table = Table::new("table-advice", "Advice and its measured effect")
        .text_column("Toggle")
        .text_column("Advice")
        .described_column("Seeds", "Numbers of the documents that give the advice.")
        .text_column("Verdict")
        .described_column(
            "Deciding signal",
            "The signal that decides the verdict; below it other signals with an effect.",
        )
        .number_column("Effect", "Hodges–Lehmann estimate over the pairs: with / without, or with − without.")
        .described_column("Interval", "Exact 99 % interval (Wilcoxon signed rank).")
        .described_column("Reference", "Result of an earlier manual measurement on another machine.")
        .text_column("Agrees");
    table.with_rows(toggles.iter().map(row))
}

fn row(toggle: &ToggleResult) -> Vec<Cell> {
    let (verdict, tone) = labels::verdict(&toggle.ending);
    let mut verdict_cell = Cell::badge(verdict, tone);
    if labels::leaks_when_followed(toggle) {
        verdict_cell = verdict_cell.with_note("not safe");
    }
    let judged = if let Ending::Assessed(judged) = &toggle.ending { Some(judged) } else { None };
    let effect = judged.and_then(|judged| judged.effect.as_ref());
    if let Some(judged) = judged.filter(|judged| judged.verdict == EffectVerdict::NoEffectSeen)
        && let Some(smallest) = labels::smallest_detectable(toggle.signal, judged)
    {
        verdict_cell = verdict_cell.with_note(format!("smallest detectable effect {smallest}"));
    }
    let (agreement, agreement_tone) = labels::agreement(toggle.agreement);
    vec![
        Cell::code(&toggle.name).with_note(&toggle.group),
        Cell::text(&toggle.advice),
        Cell::text(toggle.seeds.join(", ")),
        verdict_cell,
        deciding_signal(toggle),
        Cell::optional(
            effect,
            |effect| {
                let size = labels::effect_size(toggle.signal, effect);
                Cell::value(size, labels::sort_key(toggle.signal, effect)).with_tone(tone)
            },
            "none",
        ),
        Cell::optional(effect, |effect| Cell::text(labels::interval(toggle.signal, effect)), "none"),
        Cell::text(labels::expected(toggle.expected))
            .with_note(toggle.measured_before.clone().unwrap_or_default()),
        Cell::text(agreement).with_tone(agreement_tone),
    ]
}

fn deciding_signal(toggle: &ToggleResult) -> Cell {
    let shown: Vec<String> = toggle
        .proofs
        .iter()
        .filter_map(|(signal, judged)| {
            let effect = judged.effect.as_ref().filter(|_| judged.verdict != EffectVerdict::NoEffectSeen)?;
            Some(format!("{}: {}", signal.label(), labels::effect_size(*signal, effect)))
        })
        .collect();
    let cell = match &toggle.ending {
        Ending::NotRun { .. } => Cell::absent("not run"),
        _ => Cell::text(toggle.signal.label()),
    };
    cell.with_note(shown.join("; "))
}

/// The section with the advice table.
pub(super) fn section(table: Table, file: &ExperimentFile) -> Section {
    let block = if file.toggles.is_empty() {
        Block::missing("No experiment has finished yet.")
    } else {
        Block::Table(table.filterable())
    };
    Section {
        id: "advice",
        title: "Effect of the advice",
        lead: sanitize(
            "Two stacks with the same data run side by side, one without and one with the advice, and load alternates between \
             them. Each verdict applies to this site on this machine.",
            MAX_TEXT,
        ),
        blocks: vec![block],
    }
}

/// Experiments that did not run, the reason, and the fix; `None` if all ran.
pub(super) fn not_run(toggles: &[ToggleResult]) -> Option<Section> {
    let mut table = Table::new("table-not-run", "Experiments that did not run")
        .text_column("Toggle")
        .text_column("Reason")
        .text_column("Fix");
    for toggle in toggles {
        if let Ending::NotRun { why, fix } = &toggle.ending {
            table.push(vec![
                Cell::code(&toggle.name),
                Cell::text(why),
                Cell::text(fix).with_tone(Tone::Plain),
            ]);
        }
    }
    (!table.rows.is_empty()).then(|| Section {
        id: "not-run",
        title: "Not run",
        lead: sanitize("These experiments did not run, so they have no verdict.", MAX_TEXT),
        blocks: vec![Block::Table(table)],
    })
}
