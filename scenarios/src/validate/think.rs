//! The judgement of pauses: one way to say it, and no pause beyond ten minutes.

use std::time::Duration;

use toml::Spanned;

use super::{Judge, Judged};
use crate::raw::RawThink;
use crate::think::{LONGEST, Think};

impl Judge<'_> {
    pub(super) fn think(&self, raw: Option<&Spanned<RawThink>>) -> Judged<Option<Think>> {
        let Some(raw) = raw else { return Ok(None) };
        let think = raw.get_ref();
        let given = [
            think.ms,
            think.min_ms,
            think.max_ms,
            think.mean_ms,
            think.deviation_ms,
            think.median_ms,
            think.p95_ms,
        ];
        let given = given.map(|ms| ms.map(Duration::from_millis));
        if let Some(spread) = think.spread.as_ref().filter(|spread| spread.get_ref() != "exponential") {
            return Err(self.refuse(&spread.span(), "think.spread", "must be \"exponential\""));
        }
        if given.iter().flatten().any(|time| *time > LONGEST) {
            return Err(self.refuse(&raw.span(), "think", "must not be longer than ten minutes"));
        }
        let judged = match (given, think.spread.is_some()) {
            ([Some(ms), None, None, None, None, None, None], false) => Some(Think::even(ms, ms)),
            ([None, Some(min), Some(max), None, None, None, None], false) if min <= max => {
                Some(Think::even(min, max))
            }
            ([None, None, None, Some(mean), None, None, None], true) => Some(Think::exponential(mean)),
            ([None, None, None, Some(mean), Some(deviation), None, None], false) => {
                Some(Think::normal(mean, deviation))
            }
            ([None, None, None, None, None, Some(median), Some(p95)], false)
                if !median.is_zero() && median <= p95 =>
            {
                Some(Think::lognormal(median, p95))
            }
            _ => None,
        };
        match judged {
            Some(think) => Ok(Some(think)),
            None => Err(self.refuse(
                &raw.span(),
                "think",
                "needs one of: ms; min_ms and max_ms with the smaller first; mean_ms with spread = \"exponential\"; mean_ms and deviation_ms; median_ms (above 0) and p95_ms with the smaller first",
            )),
        }
    }
}
