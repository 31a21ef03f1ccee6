//! Compressible responses are sent uncompressed, although the client accepts compression.
//!
//! One finding for the site, because one directive fixes it. The gzip size of each body is measured. There is no saving of
//! time: on loopback, compression only costs CPU (6 to 9 % at 13 KiB of JSON); the gain is on the user's connection.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::run::names;
use kneepoint_model::site::PageProblem;
use kneepoint_model::text::{plural_form, single_line};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};

use super::context::{evidence, probe_evidence};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Minimum saving on one response: less than a packet (1460 bytes) saves no round trip.
pub const MIN_SAVED: Bytes = Bytes(1_460);
/// Minimum share of the response that compression saves.
pub const MIN_SAVED_SHARE: f64 = 0.2;
/// Maximum number of responses in the evidence.
const MAX_NAMED: usize = 5;

struct UncompressedResponse<'a> {
    path: &'a str,
    wire: Bytes,
    gzip: Bytes,
    per_second: Option<f64>,
    source: &'static str,
}

impl UncompressedResponse<'_> {
    fn saved(&self) -> Bytes {
        self.wire - self.gzip
    }
    fn weight(&self) -> f64 {
        self.saved().as_f64() * self.per_second.unwrap_or(0.0)
    }
}

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    if context.facts.probe.is_none() && context.facts.site.is_none() {
        return RuleOutcome::inconclusive("neither the crawl nor the probe ran");
    }
    let mut responses: Vec<UncompressedResponse<'_>> =
        context.probed_routes().filter_map(|route| response_of_route(context, route)).collect();
    for page in context.facts.site.iter().flat_map(|site| &site.pages) {
        let known = responses.iter().any(|one| one.path == page.path);
        let problem = page.problems.iter().find_map(|problem| match problem {
            PageProblem::NotCompressed { bytes, gzip_bytes } => Some((*bytes, *gzip_bytes)),
            _ => None,
        });
        if let Some((wire, gzip)) = problem.filter(|_| !known) {
            responses.push(UncompressedResponse {
                path: &page.path,
                wire,
                gzip,
                per_second: None,
                source: names::SITE,
            });
        }
    }
    responses.retain(|one| {
        one.saved() >= MIN_SAVED && one.saved().as_f64() >= one.wire.as_f64() * MIN_SAVED_SHARE
    });
    responses.sort_by(|a, b| {
        b.weight().total_cmp(&a.weight()).then(b.saved().cmp(&a.saved())).then(a.path.cmp(b.path))
    });
    let found = (!responses.is_empty()).then(|| build_finding(context, &responses));
    RuleOutcome::found(found.into_iter().collect())
}

fn response_of_route<'a>(context: &Context<'_>, route: &'a RouteProbe) -> Option<UncompressedResponse<'a>> {
    let gzip = route.gzip_bytes.filter(|_| !route.compressed)?;
    let per_second = context.request_rate(route).map(|rate| rate.0);
    Some(UncompressedResponse {
        path: &route.path,
        wire: route.wire_bytes,
        gzip,
        per_second,
        source: names::PROBE,
    })
}

fn build_finding(context: &Context<'_>, responses: &[UncompressedResponse<'_>]) -> Finding {
    let mut all: Vec<Evidence> = responses.iter().take(MAX_NAMED).map(response_evidence).collect();
    let total: f64 = responses.iter().map(UncompressedResponse::weight).sum();
    if total > 0.0 {
        all.push(probe_evidence(format!(
            "compression saves {}/s in total at the measured load",
            Bytes(total as u64)
        )));
    }
    let has_proxy = context.facts.stack.as_ref().is_some_and(|stack| stack.tier(Tier::Proxy).is_some());
    let tier = if has_proxy { Tier::Proxy } else { Tier::Server };
    let are_sent = plural_form(responses.len(), "response is sent", "responses are sent");
    Finding {
        id: finding_id(Rule::Uncompressed, tier, None),
        rule: Rule::Uncompressed,
        severity: Severity::Likely,
        tier,
        route: None,
        title: format!("{} {are_sent} uncompressed, the largest of them {}", responses.len(), responses[0].wire),
        evidence: all,
        saving: None,
        fix: if has_proxy {
            "in nginx: `gzip on; gzip_proxied any; gzip_comp_level 1; gzip_min_length 1000; gzip_types text/css \
             application/javascript application/json image/svg+xml;` (level 1 gives most of the gain for the least CPU)"
        } else {
            "put `django.middleware.gzip.GZipMiddleware` first in MIDDLEWARE, or nginx with `gzip on` in front"
        }
        .to_owned(),
        reproduce: format!(
            "curl -s -o /dev/null -H 'Accept-Encoding: gzip' -w '%{{size_download}} bytes\\n' {}",
            context.url(responses[0].path)
        ),
    }
}

fn response_evidence(one: &UncompressedResponse<'_>) -> Evidence {
    let share = Ratio(one.saved().as_f64() / one.wire.as_f64().max(1.0));
    let rate = one.per_second.map_or_else(String::new, |rate| {
        format!(", at {rate:.1}/s this is {}/s", Bytes(one.weight() as u64))
    });
    evidence(
        format!(
            "{}: {} on the wire, {} with gzip ({share} less){rate}",
            single_line(one.path, MAX_QUOTED),
            one.wire,
            one.gzip
        ),
        one.source,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn with(gzip: u64, compressed: bool) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.wire_bytes = Bytes(13_600);
        route.gzip_bytes = Some(Bytes(gzip));
        route.compressed = compressed;
        fixtures::findings(&facts, check)
    }

    #[test]
    fn uncompressed_responses_are_one_finding_for_the_site() {
        let found = with(3_200, false);
        assert_eq!((found.len(), found[0].tier, &found[0].saving), (1, Tier::Proxy, &None));
        assert!(found[0].evidence[0].text.contains("at 25.0/s this is 253.9 KiB/s"), "{found:?}");
    }

    #[test]
    fn compressed_and_incompressible_responses_are_no_finding() {
        assert!(with(3_200, true).is_empty());
        assert!(with(13_000, false).is_empty());
    }

    #[test]
    fn assets_of_the_crawl_count_too() {
        let mut facts = fixtures::healthy();
        let page = &mut facts.site.as_mut().expect("site").pages[0];
        page.problems.push(PageProblem::NotCompressed { bytes: Bytes(90_000), gzip_bytes: Bytes(20_000) });
        assert_eq!(fixtures::findings(&facts, check)[0].evidence[0].source, "site.json");
    }
}
