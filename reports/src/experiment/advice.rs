//! The table: what is advised, what it did here.

use kneepoint_model::experiment::{Ending, ExperimentFile, Judgement, ToggleResult};

use super::labels;
use crate::format::clean;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// One row for each piece of advice.
pub(super) fn table(toggles: &[ToggleResult]) -> Table {
    let table = Table::new("table-advice", "What is advised, and what it did here")
        .words("Toggle")
        .words("Advice")
        .hinted("Seeds", "Numbers of the documents that give the advice.")
        .words("Verdict")
        .hinted("Decided by", "The signal that decides, without and with it.")
        .numbers("Effect", "Hodges–Lehmann estimate over the pairs: with / without, or with − without.")
        .hinted("Interval", "Exact 99 % interval (Wilcoxon signed rank).")
        .hinted("Before", "What was found before, by hand, on another machine.")
        .words("Agrees");
    table.with(toggles.iter().map(row))
}

fn row(toggle: &ToggleResult) -> Vec<Cell> {
    let (verdict, tone) = labels::verdict(&toggle.ending);
    let mut said = Cell::badge(verdict, tone);
    if labels::leaks_with(toggle) {
        said = said.noted("not safe");
    }
    let judged = if let Ending::Judged(judged) = &toggle.ending { Some(judged) } else { None };
    let effect = judged.and_then(|judged| judged.effect.as_ref());
    if let Some(judged) = judged.filter(|judged| judged.judgement == Judgement::NoEffectSeen)
        && let Some(smallest) = labels::smallest(toggle.signal, judged)
    {
        said = said.noted(format!("would have seen {smallest}"));
    }
    let (agreement, agreement_tone) = labels::agreement(toggle.agreement);
    vec![
        Cell::code(&toggle.name).noted(&toggle.group),
        Cell::text(&toggle.advice),
        Cell::text(toggle.seeds.join(", ")),
        said,
        decided_by(toggle),
        Cell::maybe(
            effect,
            |effect| {
                let short = labels::short(toggle.signal, effect);
                Cell::value(short, labels::size(toggle.signal, effect)).toned(tone)
            },
            "none",
        ),
        Cell::maybe(effect, |effect| Cell::text(labels::interval(toggle.signal, effect)), "none"),
        Cell::text(labels::expected(toggle.expected))
            .noted(toggle.measured_before.clone().unwrap_or_default()),
        Cell::text(agreement).toned(agreement_tone),
    ]
}

fn decided_by(toggle: &ToggleResult) -> Cell {
    let shown: Vec<String> = toggle
        .proofs
        .iter()
        .filter_map(|(signal, judged)| {
            let effect = judged.effect.as_ref().filter(|_| judged.judgement != Judgement::NoEffectSeen)?;
            Some(format!("{}: {}", signal.words(), labels::short(*signal, effect)))
        })
        .collect();
    let cell = match &toggle.ending {
        Ending::NotRun { .. } => Cell::absent("not run"),
        _ => Cell::text(toggle.signal.words()),
    };
    cell.noted(shown.join("; "))
}

/// The section of the table.
pub(super) fn section(table: Table, file: &ExperimentFile) -> Section {
    let block = if file.toggles.is_empty() {
        Block::missing("No experiment has ended yet.")
    } else {
        Block::Table(table.filtered())
    };
    Section {
        id: "advice",
        title: "What the advice did here",
        lead: clean(
            "Each piece of advice was followed on one stack and not on another, both of the same data, and the load went \
             to one and the other in turn. The verdict is about this site on this machine.",
        ),
        blocks: vec![block],
    }
}

/// What could not be run, why, and what to do.
pub(super) fn not_run(toggles: &[ToggleResult]) -> Option<Section> {
    let mut table =
        Table::new("table-not-run", "Not run here").words("Toggle").words("Why").words("What to do");
    for toggle in toggles {
        if let Ending::NotRun { why, fix } = &toggle.ending {
            table.push(vec![Cell::code(&toggle.name), Cell::text(why), Cell::text(fix).toned(Tone::Plain)]);
        }
    }
    (!table.rows.is_empty()).then(|| Section {
        id: "not-run",
        title: "What could not be run",
        lead: clean("Nothing is said of these: neither that they help nor that they do not."),
        blocks: vec![Block::Table(table)],
    })
}
