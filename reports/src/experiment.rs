//! The report of experiments: what is advised, what it did here, and how that is known. A view of its own, made of the same
//! blocks and templates as the report of a run.

mod advice;
mod details;
mod labels;
mod method;
mod render;
mod special;

use kneepoint_model::experiment::{Agreement, Ending, ExperimentFile, Judgement, ToggleResult};
use serde::Serialize;

use crate::format::{clean, plural};
use crate::view::Figure;
use crate::view::block::{Section, Table, Tone};

/// Everything that the report of experiments says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentReport {
    /// Name of the experiment.
    id: String,
    /// Version of kneepoint.
    kneepoint: String,
    /// The status word.
    word: String,
    /// How it looks.
    tone: Tone,
    /// The one sentence.
    sentence: String,
    /// What must be known before any figure is read.
    reasons: Vec<String>,
    /// The circumstances in one line.
    facts: Vec<String>,
    /// Key figures.
    figures: Vec<Figure>,
    /// The sections, in the order of the page.
    sections: Vec<Section>,
    /// The table, for a terminal.
    table: Table,
}

impl ExperimentReport {
    /// The view of an experiment: pure; equal files give equal views.
    pub fn build(file: &ExperimentFile) -> Self {
        let count = Count::of(&file.toggles);
        let table = advice::table(&file.toggles);
        let sections = [
            Some(advice::section(table.clone(), file)),
            details::section(&file.toggles),
            special::lost_update(file.lost_update.as_ref()),
            special::manoeuvres(&file.manoeuvres),
            advice::not_run(&file.toggles),
            Some(method::section(file)),
        ];
        let (word, tone) = status(file, &count);
        Self {
            id: clean(&file.id),
            kneepoint: clean(&file.kneepoint),
            word: word.to_owned(),
            tone,
            sentence: count.sentence(),
            reasons: reasons(file, &count),
            facts: facts(file),
            figures: count.figures(),
            sections: sections.into_iter().flatten().collect(),
            table,
        }
    }
}

/// How many ended how.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    all: u64,
    helps: u64,
    hurts: u64,
    no_effect: u64,
    invalid: u64,
    not_run: u64,
    agrees: u64,
    differs: u64,
}

impl Count {
    fn of(toggles: &[ToggleResult]) -> Self {
        let mut count = Self { all: toggles.len() as u64, ..Self::default() };
        for toggle in toggles {
            let place = match &toggle.ending {
                Ending::Judged(judged) => match judged.judgement {
                    Judgement::Helps => &mut count.helps,
                    Judgement::Hurts => &mut count.hurts,
                    Judgement::NoEffectSeen => &mut count.no_effect,
                    Judgement::Invalid => &mut count.invalid,
                },
                Ending::NotRun { .. } | Ending::Interrupted => &mut count.not_run,
            };
            *place += 1;
            count.agrees += u64::from(toggle.agreement == Agreement::Agrees);
            count.differs += u64::from(toggle.agreement == Agreement::Differs);
        }
        count
    }

    fn sentence(&self) -> String {
        let parts = [
            (self.helps, "helps", "help"),
            (self.hurts, "hurts", "hurt"),
            (self.no_effect, "shows no effect", "show no effect"),
            (self.invalid, "could not be judged", "could not be judged"),
            (self.not_run, "was not run", "were not run"),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter(|(n, ..)| *n > 0)
            .map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many }))
            .collect();
        if said.is_empty() {
            return "Nothing was put to the test.".to_owned();
        }
        format!("Of {} of advice, {}.", plural(self.all, "piece", "pieces"), said.join(", "))
    }

    fn figures(&self) -> Vec<Figure> {
        let figure = |name: &str, n: u64, tone: Tone, note: &str| Figure {
            name: name.to_owned(),
            value: n.to_string(),
            note: note.to_owned(),
            tone: if n == 0 { Tone::Plain } else { tone },
        };
        vec![
            figure("help", self.helps, Tone::Good, "better by more than the least effect that matters"),
            figure("hurt", self.hurts, Tone::Bad, "worse by as much, or not safe"),
            figure("no effect seen", self.no_effect, Tone::Plain, "see what would have been seen"),
            figure("invalid", self.invalid, Tone::Warn, "a noisy machine, or errors"),
            figure("not run", self.not_run, Tone::Warn, "with the reason and what to do"),
            figure("agree", self.agrees, Tone::Good, "with what was measured before, by hand"),
            figure("differ", self.differs, Tone::Warn, "from what was measured before, by hand"),
        ]
    }
}

fn status(file: &ExperimentFile, count: &Count) -> (&'static str, Tone) {
    if !file.complete {
        ("PARTIAL", Tone::Warn)
    } else if count.all > 0 && count.invalid + count.not_run == count.all {
        ("NOTHING JUDGED", Tone::Warn)
    } else {
        ("MEASURED", Tone::Good)
    }
}

fn reasons(file: &ExperimentFile, count: &Count) -> Vec<String> {
    let mut reasons = Vec::new();
    if !file.complete {
        reasons.push(
            "It was cut short: what is missing below was not measured, and says nothing of the advice."
                .to_owned(),
        );
    }
    if count.invalid > 0 {
        reasons.push(format!(
            "{} could not be judged: run {} again on a quieter machine.",
            plural(count.invalid, "piece of advice", "pieces of advice"),
            if count.invalid == 1 { "it" } else { "them" }
        ));
    }
    let unsafe_ones: Vec<String> =
        file.toggles.iter().filter(|toggle| labels::leaks_with(toggle)).map(|t| clean(&t.name)).collect();
    if !unsafe_ones.is_empty() {
        reasons.push(format!("Not safe, whatever the speed: {}.", unsafe_ones.join(", ")));
    }
    reasons
}

fn facts(file: &ExperimentFile) -> Vec<String> {
    let mut facts = vec![
        format!("driver {}", clean(&file.driver)),
        format!("data {}, seed {}", clean(&file.size), file.seed),
    ];
    if file.host.cores > 0 {
        let cores = plural(file.host.cores.into(), "core", "cores");
        facts.push(format!("{cores}, {}", clean(&file.host.os)));
    }
    let known = ["Django", "gunicorn", "nginx", "mysql", "redis", "memcached"];
    let versions =
        file.versions.iter().filter(|(name, _)| known.iter().any(|k| k.eq_ignore_ascii_case(name)));
    facts.extend(versions.map(|(name, version)| format!("{} {}", clean(name), clean(version))));
    facts.push(clean(&file.started));
    facts
}
