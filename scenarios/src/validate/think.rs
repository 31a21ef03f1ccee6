//! Validates think times: one distribution per table, and no pause beyond ten minutes.

use std::time::Duration;

use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::raw::RawThink;
use crate::think_time::{MAX_PAUSE, ThinkTime};

impl Validator<'_> {
    pub(super) fn validate_think(
        &self,
        raw: Option<&Spanned<RawThink>>,
    ) -> ValidationResult<Option<ThinkTime>> {
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
            return Err(self.error_at(&spread.span(), "think.spread", "must be \"exponential\""));
        }
        if given.iter().flatten().any(|time| *time > MAX_PAUSE) {
            return Err(self.error_at(&raw.span(), "think", "must not be longer than ten minutes"));
        }
        let think_time = match (given, think.spread.is_some()) {
            ([Some(ms), None, None, None, None, None, None], false) => Some(ThinkTime::uniform(ms, ms)),
            ([None, Some(min), Some(max), None, None, None, None], false) if min <= max => {
                Some(ThinkTime::uniform(min, max))
            }
            ([None, None, None, Some(mean), None, None, None], true) => Some(ThinkTime::exponential(mean)),
            ([None, None, None, Some(mean), Some(deviation), None, None], false) => {
                Some(ThinkTime::normal(mean, deviation))
            }
            ([None, None, None, None, None, Some(median), Some(p95)], false)
                if !median.is_zero() && median <= p95 =>
            {
                Some(ThinkTime::lognormal(median, p95))
            }
            _ => None,
        };
        match think_time {
            Some(think_time) => Ok(Some(think_time)),
            None => Err(self.error_at(
                &raw.span(),
                "think",
                "needs one of: ms; min_ms and max_ms with the smaller first; mean_ms with spread = \"exponential\"; mean_ms and deviation_ms; median_ms (above 0) and p95_ms with the smaller first",
            )),
        }
    }
}
