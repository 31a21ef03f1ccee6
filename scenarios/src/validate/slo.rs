//! The judgement of promises: the key is a metric of `[slo]`, the value its limit.

use std::collections::BTreeMap;

use kneepoint_model::metric::{Direction, Metric};
use toml::Spanned;

use super::{Judge, Judged};
use crate::promise::Promised;
use crate::refusal::nearest;

impl Judge<'_> {
    /// `{ p95 = "200ms" }` promises `p95 <= 200ms`; a comparison of one's own may stand before the number.
    pub(super) fn slo(&self, raw: Option<&BTreeMap<String, Spanned<String>>>) -> Judged<Vec<Promised>> {
        let one = |(name, limit): (&String, &Spanned<String>)| {
            let key = format!("slo.{name}");
            // The share of errors is called `error` in `[slo]`, and `errors` by everyone.
            let known = if name == "errors" { Some(Metric::Error) } else { Metric::from_name(name) };
            let Some(metric) = known else {
                let names = Metric::ALL.map(Metric::name);
                let problem = format!("`{name}` is not a metric; metrics are {}", names.join(", "));
                let mut refusal = self.refuse(&limit.span(), &key, problem);
                refusal.suggestion = nearest(name, names);
                return Err(refusal);
            };
            let written = limit.get_ref().trim();
            let sign = match metric.direction() {
                _ if written.starts_with(['<', '>']) => "",
                Direction::Lower => "<= ",
                Direction::Higher => ">= ",
            };
            Ok(Promised {
                text: format!("{metric} {sign}{written}"),
                place: self.refuse(&limit.span(), &key, ""),
            })
        };
        raw.into_iter().flatten().map(one).collect()
    }
}
