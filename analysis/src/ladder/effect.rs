//! The factor by which a figure changes from one rung to the next, with its confidence interval; or that no effect was
//! seen, and which size of effect is ruled out.
//!
//! For throughput the interval comes from the two searches: the rates that met the SLO and the rates that violated it.
//! For a series of one value per second it is the Hodges–Lehmann shift of the logarithms with the 99 % interval of the
//! Mann–Whitney rank-sum test, which assumes no distribution of the noise (Hollander and Wolfe, Nonparametric Statistical
//! Methods, chapter 4). Each rung is started once, and two starts of the same stack differ by a few per cent. So a factor
//! below a minimum size is no effect, however narrow its interval.

use serde::{Deserialize, Serialize};

/// The change of a figure from the rung below to this rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// The figure changed.
    Seen {
        /// The estimated factor; `None` when one end of the interval is open.
        ratio: Option<f64>,
        /// Lower end of the interval; `None` when open.
        low: Option<f64>,
        /// Upper end of the interval; `None` when open.
        high: Option<f64>,
    },
    /// No change larger than the noise was seen.
    NotSeen {
        /// Factors below this are ruled out; `None` when open.
        low: Option<f64>,
        /// Factors above this are ruled out; `None` when open.
        high: Option<f64>,
    },
    /// The two rungs are not comparable.
    Unknown {
        /// The reason as a complete message.
        why: String,
    },
}

/// Two-sided 99 %: the normal quantile at 0.995.
const Z: f64 = 2.576;
/// Minimum number of values on each side.
const MIN_VALUES: usize = 5;

impl Effect {
    /// An effect that cannot be computed.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// A factor between two bounds, each of which may be open; an effect only if it differs from 1 by at least `least`.
    pub(super) fn between(low: Option<f64>, high: Option<f64>, ratio: Option<f64>, least: f64) -> Self {
        let excludes_one = low.is_some_and(|low| low > 1.0) || high.is_some_and(|high| high < 1.0);
        let large = ratio.is_none_or(|ratio| ratio >= 1.0 + least || ratio <= 1.0 / (1.0 + least));
        if excludes_one && large {
            return Self::Seen { ratio, low, high };
        }
        // Only what lies beyond both the noise and the minimum size is ruled out.
        Self::NotSeen {
            low: low.map(|low| low.min(1.0 / (1.0 + least))),
            high: high.map(|high| high.max(1.0 + least)),
        }
    }

    /// The shift from `before` to `after`, two series of one value per second.
    pub(super) fn shift(before: &[f64], after: &[f64], least: f64) -> Self {
        let logarithms = |values: &[f64]| -> Vec<f64> {
            values.iter().filter(|v| v.is_finite() && **v > 0.0).map(|v| v.ln()).collect()
        };
        let (before, after) = (logarithms(before), logarithms(after));
        let (before_n, after_n) = (before.len(), after.len());
        if before_n < MIN_VALUES || after_n < MIN_VALUES {
            return Self::unknown(format!(
                "only {} seconds are comparable; each side needs {MIN_VALUES}",
                before_n.min(after_n)
            ));
        }
        let mut pairs: Vec<f64> = after.iter().flat_map(|b| before.iter().map(move |a| b - a)).collect();
        pairs.sort_by(f64::total_cmp);
        let (before_n, after_n) = (before_n as f64, after_n as f64);
        let cut = (before_n * after_n / 2.0
            - Z * (before_n * after_n * (before_n + after_n + 1.0) / 12.0).sqrt())
        .floor()
        .max(0.0) as usize;
        let end = pairs.len() - 1;
        let middle = f64::midpoint(pairs[end / 2], pairs[pairs.len() / 2]);
        Self::between(Some(pairs[cut].exp()), Some(pairs[end - cut].exp()), Some(middle.exp()), least)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_interval_that_contains_one_is_no_effect() {
        assert_eq!(
            Effect::between(Some(0.95), Some(1.1), Some(1.02), 0.0),
            Effect::NotSeen { low: Some(0.95), high: Some(1.1) }
        );
        assert_eq!(
            Effect::between(Some(1.2), None, None, 0.0),
            Effect::Seen { ratio: None, low: Some(1.2), high: None }
        );
        assert_eq!(Effect::between(None, None, None, 0.0), Effect::NotSeen { low: None, high: None });
    }

    #[test]
    fn a_certain_but_small_effect_is_no_effect() {
        let before = [10.0, 10.01, 10.02, 10.01, 10.0, 9.99, 10.0, 10.01];
        let after = before.map(|v| v * 1.02);
        assert!(
            matches!(Effect::shift(&before, &after, 0.05), Effect::NotSeen { high: Some(high), .. } if high >= 1.05)
        );
        assert!(matches!(Effect::shift(&before, &after, 0.0), Effect::Seen { .. }));
    }

    #[test]
    fn too_few_seconds_have_no_effect() {
        assert!(matches!(Effect::shift(&[1.0; 4], &[1.0; 9], 0.0), Effect::Unknown { .. }));
        assert!(matches!(Effect::shift(&[0.0; 9], &[1.0; 9], 0.0), Effect::Unknown { .. }));
    }

    proptest! {
        #[test]
        fn a_pure_factor_is_found_exactly(
            values in prop::collection::vec(0.1f64..1e6, 5..20),
            factor in 0.2f64..5.0,
        ) {
            let after: Vec<f64> = values.iter().map(|v| v * factor).collect();
            match Effect::shift(&values, &after, 0.0) {
                Effect::Seen { ratio: Some(ratio), low: Some(low), high: Some(high) } => {
                    prop_assert!(low <= ratio && ratio <= high);
                    prop_assert!((ratio / factor - 1.0).abs() < 1e-6, "{} {}", ratio, factor);
                }
                Effect::NotSeen { low: Some(low), high: Some(high) } => prop_assert!(low <= factor * 1.000_001 && factor <= high * 1.000_001),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn turned_around_it_is_the_inverse(
            a in prop::collection::vec(0.1f64..1e6, 5..12),
            b in prop::collection::vec(0.1f64..1e6, 5..12),
        ) {
            let seen = |effect| matches!(effect, Effect::Seen { .. });
            prop_assert_eq!(seen(Effect::shift(&a, &b, 0.05)), seen(Effect::shift(&b, &a, 0.05)));
        }
    }
}
