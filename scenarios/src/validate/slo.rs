//! Validates the objectives of a step: the key is a metric of `[slo]`, the value its limit.

use std::collections::BTreeMap;

use kneepoint_model::metric::{Direction, Metric};
use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::error::suggest_nearest;
use crate::slo::StepSlo;

impl Validator<'_> {
    /// `{ p95 = "200ms" }` means `p95 <= 200ms`; the value may begin with another comparison sign.
    pub(super) fn validate_slo(
        &self,
        raw: Option<&BTreeMap<String, Spanned<String>>>,
    ) -> ValidationResult<Vec<StepSlo>> {
        let validate_one = |(name, limit): (&String, &Spanned<String>)| {
            let key = format!("slo.{name}");
            // `[slo]` calls the error rate `error`; a step may also write `errors`.
            let known = if name == "errors" { Some(Metric::Error) } else { Metric::from_name(name) };
            let Some(metric) = known else {
                let names = Metric::ALL.map(Metric::name);
                let problem = format!("`{name}` is not a metric; the metrics are {}", names.join(", "));
                let mut diagnostic = self.error_at(&limit.span(), &key, problem);
                diagnostic.suggestion = suggest_nearest(name, names);
                return Err(diagnostic);
            };
            let written = limit.get_ref().trim();
            let sign = match metric.direction() {
                _ if written.starts_with(['<', '>']) => "",
                Direction::Lower => "<= ",
                Direction::Higher => ">= ",
            };
            Ok(StepSlo {
                assertion: format!("{metric} {sign}{written}"),
                location: self.error_at(&limit.span(), &key, ""),
            })
        };
        raw.into_iter().flatten().map(validate_one).collect()
    }
}
