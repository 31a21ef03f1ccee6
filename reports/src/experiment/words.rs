//! Words and looks that the parts of the report share.

use kneepoint_analysis::experiment::{describe_effect, describe_min_effect};
use kneepoint_model::experiment::{
    Agreement, Effect, Ending, Expected, Judged, Judgement, Scale, Side, Signal, ToggleResult,
};

use crate::view::block::Tone;

/// The verdict as a word, and how it looks.
pub(super) fn verdict(ending: &Ending) -> (&'static str, Tone) {
    match ending {
        Ending::Judged(judged) => (judged.judgement.words(), tone(judged.judgement)),
        Ending::NotRun { .. } => ("not run", Tone::Muted),
        Ending::Interrupted => ("cut short", Tone::Warn),
    }
}

pub(super) const fn tone(judgement: Judgement) -> Tone {
    match judgement {
        Judgement::Helps => Tone::Good,
        Judgement::Hurts => Tone::Bad,
        Judgement::NoEffectSeen => Tone::Plain,
        Judgement::Invalid => Tone::Warn,
    }
}

/// The effect in short: `×0.069`, `−24`.
pub(super) fn short(signal: Signal, effect: &Effect) -> String {
    let sentence = describe_effect(signal, effect);
    // The sentence is: name: from, to; HOW MUCH (interval …) over n pairs.
    let how_much = sentence.rsplit_once("; ").map_or(sentence.as_str(), |(_, rest)| rest);
    how_much.split(" (").next().unwrap_or_default().to_owned()
}

/// The interval in short: `×0.066 to ×0.071`.
pub(super) fn interval(signal: Signal, effect: &Effect) -> String {
    let sentence = describe_effect(signal, effect);
    let inner = sentence.rsplit_once("interval ").map_or("", |(_, rest)| rest);
    inner.split(')').next().unwrap_or_default().to_owned()
}

/// The smallest effect that would have been seen, in words.
pub(super) fn smallest(signal: Signal, judged: &Judged) -> Option<String> {
    judged.smallest_seen.map(|size| describe_min_effect(signal, size))
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
        Agreement::CannotTell => ("cannot tell", Tone::Muted),
        Agreement::NothingKnown => ("nothing known", Tone::Muted),
    }
}

/// Whether following the advice showed a page to the wrong visitor.
pub(super) fn leaks_with(toggle: &ToggleResult) -> bool {
    toggle.leaks.iter().any(|leak| leak.side == Side::With)
}

/// How large an effect is, for sorting: its logarithm or the plain difference.
pub(super) fn size(signal: Signal, effect: &Effect) -> f64 {
    match signal.scale() {
        Scale::Ratio => effect.estimate.ln(),
        Scale::Difference => effect.estimate,
    }
}
