//! Compressible answers travel uncompressed, although compression was offered.
//!
//! One finding for the site, because one directive mends it. What gzip makes of each body was tried, not guessed. No time
//! is promised: on loopback compression only costs CPU (6 to 9 % at 13 KiB of JSON); the gain is on the visitor's line.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::run::names;
use kneepoint_model::site::PageProblem;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};

use super::context::{evidence, from_probe};
use super::text::clip;
use super::{Context, Judgement};

/// Bytes saved on one answer from which it is worth it: less than a packet (1460 bytes) saves no round trip.
pub const SAVED_LEAST: Bytes = Bytes(1_460);
/// Share of the answer that compression must save.
pub const SAVED_SHARE: f64 = 0.2;
/// Answers named in the evidence.
const NAMED: usize = 5;

struct Loose<'a> {
    path: &'a str,
    wire: Bytes,
    gzip: Bytes,
    per_second: Option<f64>,
    source: &'static str,
}

impl Loose<'_> {
    fn saved(&self) -> Bytes {
        self.wire - self.gzip
    }
    fn weight(&self) -> f64 {
        self.saved().as_f64() * self.per_second.unwrap_or(0.0)
    }
}

pub(super) fn check(context: &Context<'_>) -> Judgement {
    if context.facts.probe.is_none() && context.facts.site.is_none() {
        return Judgement::not_judged("neither the crawl nor the probe ran");
    }
    let mut loose: Vec<Loose<'_>> = context.probed().filter_map(|route| of_route(context, route)).collect();
    for page in context.facts.site.iter().flat_map(|site| &site.pages) {
        let known = loose.iter().any(|one| one.path == page.path);
        let problem = page.problems.iter().find_map(|problem| match problem {
            PageProblem::NotCompressed { bytes, gzip_bytes } => Some((*bytes, *gzip_bytes)),
            _ => None,
        });
        if let Some((wire, gzip)) = problem.filter(|_| !known) {
            loose.push(Loose { path: &page.path, wire, gzip, per_second: None, source: names::SITE });
        }
    }
    loose.retain(|one| one.saved() >= SAVED_LEAST && one.saved().as_f64() >= one.wire.as_f64() * SAVED_SHARE);
    loose.sort_by(|a, b| {
        b.weight().total_cmp(&a.weight()).then(b.saved().cmp(&a.saved())).then(a.path.cmp(b.path))
    });
    let found = (!loose.is_empty()).then(|| finding(context, &loose));
    Judgement::found(found.into_iter().collect())
}

fn of_route<'a>(context: &Context<'_>, route: &'a RouteProbe) -> Option<Loose<'a>> {
    let gzip = route.gzip_bytes.filter(|_| !route.compressed)?;
    let per_second = context.rate(route).map(|rate| rate.0);
    Some(Loose { path: &route.path, wire: route.wire_bytes, gzip, per_second, source: names::PROBE })
}

fn finding(context: &Context<'_>, loose: &[Loose<'_>]) -> Finding {
    let mut all: Vec<Evidence> = loose.iter().take(NAMED).map(about).collect();
    let total: f64 = loose.iter().map(Loose::weight).sum();
    if total > 0.0 {
        all.push(from_probe(format!(
            "together {}/s of the measured load would not travel",
            Bytes(total as u64)
        )));
    }
    let has_proxy = context.facts.stack.as_ref().is_some_and(|stack| stack.tier(Tier::Proxy).is_some());
    let tier = if has_proxy { Tier::Proxy } else { Tier::Server };
    let answers = if loose.len() == 1 {
        "1 answer travels".to_owned()
    } else {
        format!("{} answers travel", loose.len())
    };
    Finding {
        id: finding_id(Rule::Uncompressed, tier, None),
        rule: Rule::Uncompressed,
        severity: Severity::Likely,
        tier,
        route: None,
        title: format!("{answers} uncompressed, the heaviest of them {}", loose[0].wire),
        evidence: all,
        saving: None,
        fix: if has_proxy {
            "in nginx: `gzip on; gzip_proxied any; gzip_comp_level 1; gzip_min_length 1000; gzip_types text/css \
             application/javascript application/json image/svg+xml;` (level 1 gives most of the gain for least CPU)"
        } else {
            "put `django.middleware.gzip.GZipMiddleware` first in MIDDLEWARE, or nginx with `gzip on` in front"
        }
        .to_owned(),
        reproduce: format!(
            "curl -s -o /dev/null -H 'Accept-Encoding: gzip' -w '%{{size_download}} bytes\\n' {}",
            context.url(loose[0].path)
        ),
    }
}

fn about(one: &Loose<'_>) -> Evidence {
    let share = Ratio(one.saved().as_f64() / one.wire.as_f64().max(1.0));
    let rate = one.per_second.map_or_else(String::new, |rate| {
        format!(", at {rate:.1}/s that is {}/s", Bytes(one.weight() as u64))
    });
    evidence(
        format!("{}: {} on the wire, {} with gzip ({share} less){rate}", clip(one.path), one.wire, one.gzip),
        one.source,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    fn with(gzip: u64, compressed: bool) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.wire_bytes = Bytes(13_600);
        route.gzip_bytes = Some(Bytes(gzip));
        route.compressed = compressed;
        hand::findings(&facts, check)
    }

    #[test]
    fn loose_answers_are_one_finding_for_the_site() {
        let found = with(3_200, false);
        assert_eq!((found.len(), found[0].tier, &found[0].saving), (1, Tier::Proxy, &None));
        assert!(found[0].evidence[0].text.contains("at 25.0/s that is 253.9 KiB/s"), "{found:?}");
    }

    #[test]
    fn what_is_compressed_or_would_not_shrink_is_left() {
        assert!(with(3_200, true).is_empty());
        assert!(with(13_000, false).is_empty());
    }

    #[test]
    fn assets_of_the_crawl_count_too() {
        let mut facts = hand::healthy();
        let page = &mut facts.site.as_mut().expect("site").pages[0];
        page.problems.push(PageProblem::NotCompressed { bytes: Bytes(90_000), gzip_bytes: Bytes(20_000) });
        assert_eq!(hand::findings(&facts, check)[0].evidence[0].source, "site.json");
    }
}
