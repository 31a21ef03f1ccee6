//! Labels and tones shared by the sections of the report.

use kneepoint_analysis::experiment::{describe_effect, describe_min_effect};
use kneepoint_model::experiment::{
    Agreement, Effect, EffectAssessment, EffectVerdict, Ending, Expected, Scale, Side, Signal, ToggleResult,
};

use crate::view::block::Tone;

/// The verdict with its tone.
pub(super) fn verdict(ending: &Ending) -> (&'static str, Tone) {
    match ending {
        Ending::Assessed(judged) => (judged.verdict.label(), tone(judged.verdict)),
        Ending::NotRun { .. } => ("not run", Tone::Muted),
        Ending::Interrupted => ("interrupted", Tone::Warn),
    }
}

const fn tone(judgement: EffectVerdict) -> Tone {
    match judgement {
        EffectVerdict::Helps => Tone::Good,
        EffectVerdict::Hurts => Tone::Bad,
        EffectVerdict::NoEffectSeen => Tone::Plain,
        EffectVerdict::Invalid => Tone::Warn,
    }
}

/// The effect without its interval, e.g. `×0.069` or `−24`.
pub(super) fn effect_size(signal: Signal, effect: &Effect) -> String {
    // The text has the form "name: from, to; SIZE (interval …) over n pairs".
    let text = describe_effect(signal, effect);
    let size = text.rsplit_once("; ").map_or(text.as_str(), |(_, rest)| rest);
    size.split(" (").next().unwrap_or_default().to_owned()
}

/// The interval, e.g. `×0.066 to ×0.071`.
pub(super) fn interval(signal: Signal, effect: &Effect) -> String {
    let text = describe_effect(signal, effect);
    let inner = text.rsplit_once("interval ").map_or("", |(_, rest)| rest);
    inner.split(')').next().unwrap_or_default().to_owned()
}

/// The smallest effect the measurement can detect; `None` without an interval.
pub(super) fn smallest_detectable(signal: Signal, judged: &EffectAssessment) -> Option<String> {
    judged.smallest_detectable.map(|size| describe_min_effect(signal, size))
}

pub(super) const fn expected(expected: Expected) -> &'static str {
    match expected {
        Expected::Helps => "helped",
        Expected::Hurts => "hurt",
        Expected::NoEffect => "no effect",
        Expected::Unknown => "not measured",
    }
}

pub(super) const fn agreement(agreement: Agreement) -> (&'static str, Tone) {
    match agreement {
        Agreement::Agrees => ("agrees", Tone::Good),
        Agreement::Differs => ("differs", Tone::Warn),
        Agreement::CannotTell => ("inconclusive", Tone::Muted),
        Agreement::NothingKnown => ("no reference", Tone::Muted),
    }
}

/// Whether a cache leaks a page to the wrong user when the advice is followed.
pub(super) fn leaks_when_followed(toggle: &ToggleResult) -> bool {
    toggle.leaks.iter().any(|leak| leak.side == Side::With)
}

/// Sort key of an effect: the logarithm of a ratio, or the difference itself.
pub(super) fn sort_key(signal: Signal, effect: &Effect) -> f64 {
    match signal.scale() {
        Scale::Ratio => effect.estimate.ln(),
        Scale::Difference => effect.estimate,
    }
}
