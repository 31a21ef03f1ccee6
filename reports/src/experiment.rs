//! The report of an experiment: each piece of advice, its measured effect and the evidence. It uses the same blocks and
//! base template as the report of a run.

mod advice;
mod details;
mod labels;
mod lost_update;
mod method;
mod render;
mod rollouts;

use kneepoint_model::experiment::{Agreement, EffectVerdict, Ending, ExperimentFile, ToggleResult};
use kneepoint_model::text::{plural_form, sanitize};
use serde::Serialize;

use crate::format::{MAX_TEXT, count_with_noun};
use crate::view::Figure;
use crate::view::block::{Section, Table, Tone};

/// The content of an experiment report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentReport {
    /// Name of the experiment, that of its folder.
    id: String,
    /// Version of kneepoint that ran it.
    kneepoint: String,
    /// The status: `MEASURED`, `INCONCLUSIVE` or `PARTIAL`.
    word: String,
    /// Display of the status.
    tone: Tone,
    /// Number of experiments by verdict.
    headline: String,
    /// Limits of the results: interruption, invalid and unsafe experiments.
    reasons: Vec<String>,
    /// The setup in short: driver, data, machine, versions, start.
    facts: Vec<String>,
    /// Number of experiments by verdict, as key figures.
    figures: Vec<Figure>,
    /// Sections in page order.
    sections: Vec<Section>,
    /// The advice table, also used for the terminal.
    table: Table,
}

impl ExperimentReport {
    /// Builds the view; deterministic, reads no file.
    pub fn build(file: &ExperimentFile) -> Self {
        let counts = VerdictCounts::from_toggles(&file.toggles);
        let table = advice::table(&file.toggles);
        let sections = [
            Some(advice::section(table.clone(), file)),
            details::section(&file.toggles),
            lost_update::section(file.lost_update.as_ref()),
            rollouts::section(&file.rollouts),
            advice::not_run(&file.toggles),
            Some(method::section(file)),
        ];
        let (word, tone) = status(file, &counts);
        Self {
            id: sanitize(&file.id, MAX_TEXT),
            kneepoint: sanitize(&file.kneepoint, MAX_TEXT),
            word: word.to_owned(),
            tone,
            headline: counts.headline(),
            reasons: reasons(file, &counts),
            facts: facts(file),
            figures: counts.figures(),
            sections: sections.into_iter().flatten().collect(),
            table,
        }
    }
}

/// Number of experiments by verdict and agreement.
#[derive(Debug, Clone, Copy, Default)]
struct VerdictCounts {
    all: u64,
    helps: u64,
    hurts: u64,
    no_effect: u64,
    invalid: u64,
    not_run: u64,
    agrees: u64,
    differs: u64,
}

impl VerdictCounts {
    fn from_toggles(toggles: &[ToggleResult]) -> Self {
        let mut count = Self { all: toggles.len() as u64, ..Self::default() };
        for toggle in toggles {
            let counter = match &toggle.ending {
                Ending::Assessed(judged) => match judged.verdict {
                    EffectVerdict::Helps => &mut count.helps,
                    EffectVerdict::Hurts => &mut count.hurts,
                    EffectVerdict::NoEffectSeen => &mut count.no_effect,
                    EffectVerdict::Invalid => &mut count.invalid,
                },
                Ending::NotRun { .. } | Ending::Interrupted => &mut count.not_run,
            };
            *counter += 1;
            count.agrees += u64::from(toggle.agreement == Agreement::Agrees);
            count.differs += u64::from(toggle.agreement == Agreement::Differs);
        }
        count
    }

    fn headline(&self) -> String {
        let parts = [
            (self.helps, "helps", "help"),
            (self.hurts, "hurts", "hurt"),
            (self.no_effect, "shows no effect", "show no effect"),
            (self.invalid, "is invalid", "are invalid"),
            (self.not_run, "did not run", "did not run"),
        ];
        let present: Vec<String> = parts
            .iter()
            .filter(|(n, ..)| *n > 0)
            .map(|(n, one, many)| format!("{n} {}", plural_form(*n, one, many)))
            .collect();
        if present.is_empty() {
            return "No experiment was run.".to_owned();
        }
        format!("Of {} of advice, {}.", count_with_noun(self.all, "piece", "pieces"), present.join(", "))
    }

    fn figures(&self) -> Vec<Figure> {
        let figure = |name: &str, n: u64, tone: Tone, note: &str| Figure {
            name: name.to_owned(),
            value: n.to_string(),
            note: note.to_owned(),
            tone: if n == 0 { Tone::Plain } else { tone },
        };
        vec![
            figure("help", self.helps, Tone::Good, "better by at least the minimum relevant effect"),
            figure("hurt", self.hurts, Tone::Bad, "worse by at least that effect, or unsafe"),
            figure("no effect seen", self.no_effect, Tone::Plain, "see the smallest detectable effect"),
            figure("invalid", self.invalid, Tone::Warn, "foreign CPU or errors"),
            figure("not run", self.not_run, Tone::Warn, "see section Not run"),
            figure("agree", self.agrees, Tone::Good, "with an earlier manual measurement"),
            figure("differ", self.differs, Tone::Warn, "from an earlier manual measurement"),
        ]
    }
}

fn status(file: &ExperimentFile, counts: &VerdictCounts) -> (&'static str, Tone) {
    if !file.complete {
        ("PARTIAL", Tone::Warn)
    } else if counts.all > 0 && counts.invalid + counts.not_run == counts.all {
        ("INCONCLUSIVE", Tone::Warn)
    } else {
        ("MEASURED", Tone::Good)
    }
}

fn reasons(file: &ExperimentFile, counts: &VerdictCounts) -> Vec<String> {
    let mut reasons = Vec::new();
    if !file.complete {
        reasons.push(
            "The experiment was interrupted. Missing results were not measured and allow no conclusion about the advice."
                .to_owned(),
        );
    }
    if counts.invalid > 0 {
        reasons.push(format!(
            "{} without a valid measurement: run {} again on a quieter machine.",
            count_with_noun(counts.invalid, "piece of advice", "pieces of advice"),
            plural_form(counts.invalid, "it", "them")
        ));
    }
    let unsafe_ones: Vec<String> = file
        .toggles
        .iter()
        .filter(|toggle| labels::leaks_when_followed(toggle))
        .map(|t| sanitize(&t.name, MAX_TEXT))
        .collect();
    if !unsafe_ones.is_empty() {
        reasons.push(format!("Unsafe, whatever the speed: {}.", unsafe_ones.join(", ")));
    }
    reasons
}

fn facts(file: &ExperimentFile) -> Vec<String> {
    let mut facts = vec![
        format!("driver {}", sanitize(&file.driver, MAX_TEXT)),
        format!("data {}, seed {}", sanitize(&file.size, MAX_TEXT), file.seed),
    ];
    if file.host.cores > 0 {
        let cores = count_with_noun(file.host.cores.into(), "core", "cores");
        facts.push(format!("{cores}, {}", sanitize(&file.host.os, MAX_TEXT)));
    }
    let known = ["Django", "gunicorn", "nginx", "mysql", "redis", "memcached"];
    let versions =
        file.versions.iter().filter(|(name, _)| known.iter().any(|k| k.eq_ignore_ascii_case(name)));
    facts.extend(
        versions
            .map(|(name, version)| format!("{} {}", sanitize(name, MAX_TEXT), sanitize(version, MAX_TEXT))),
    );
    facts.push(sanitize(&file.started, MAX_TEXT));
    facts
}
