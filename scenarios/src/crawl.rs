//! Builds a scenario from a crawl: a user reads pages that the crawl found. It uses GET only, so it is safe on any site.
//!
//! Pages are grouped by the route pattern that the server reports, or else by the URL template of the path. The weight of a
//! group is the square root of the number of links to it: pages with many links are loaded more often, and a group of a
//! thousand pages does not hide a group of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_model::site::{CrawledPage, PageKind, PageVerdict, SiteMap};

use crate::body::Body;
use crate::error::ScenarioError;
use crate::repeat::Repeat;
use crate::scenario::{Expectation, Method, Scenario, SessionScope, Step};
use crate::source::{Choices, VarPick, VarSource};
use crate::template::{NameLookup, Template};
use crate::think_time::ThinkTime;
use crate::url_template::derive_url_template;
use crate::value::Value;
use crate::values::VarId;

/// Groups beyond this number share one endpoint, so that the report of a huge site stays readable.
const MAX_GROUPS: usize = 24;
/// Pages kept in one group.
const MAX_PAGES: usize = 300;
const PAGES_PER_JOURNEY: u32 = 4;

impl Scenario {
    /// Builds a scenario of the pages that the crawl loaded successfully.
    ///
    /// # Errors
    /// The crawl found no usable page.
    pub fn from_site(site: &SiteMap) -> Result<Self, ScenarioError> {
        let groups = group_pages(site);
        if groups.is_empty() {
            return Err(ScenarioError::NoPages { origin: site.origin.clone() });
        }
        let mut steps = Vec::new();
        let pages: usize = groups.iter().map(|group| group.paths.len()).sum();
        for group in groups {
            steps.push(build_step(group));
        }
        Ok(Self {
            name: "crawl".into(),
            description: format!("reads {PAGES_PER_JOURNEY} of the {pages} pages that the crawl found"),
            weight: 1,
            needs_throw_away: false,
            session: SessionScope::Journey,
            pick_steps: PAGES_PER_JOURNEY,
            sources: Arc::from([]),
            feeds: Arc::from([]),
            secrets: Arc::from([]),
            steps: steps.into(),
        })
    }
}

/// Pages of one endpoint, with the number of links to them.
struct PageGroup {
    name: String,
    links: u64,
    paths: Vec<String>,
}

fn group_pages(site: &SiteMap) -> Vec<PageGroup> {
    let mut by_name: BTreeMap<String, PageGroup> = BTreeMap::new();
    for page in site.pages.iter().filter(|page| is_usable(page)) {
        let name = derive_endpoint_name(page);
        let group =
            by_name.entry(name.clone()).or_insert_with(|| PageGroup { name, links: 0, paths: Vec::new() });
        group.links += 1 + page.linked_from.len() as u64;
        if group.paths.len() < MAX_PAGES {
            group.paths.push(page.path.clone());
        }
    }
    let mut groups: Vec<PageGroup> = by_name.into_values().collect();
    groups.sort_by(|a, b| b.links.cmp(&a.links).then_with(|| a.name.cmp(&b.name)));
    if groups.len() > MAX_GROUPS {
        let others = groups.split_off(MAX_GROUPS - 1);
        let links = others.iter().map(|group| group.links).sum();
        let paths = others.into_iter().flat_map(|group| group.paths).take(MAX_PAGES).collect();
        groups.push(PageGroup { name: "GET (other pages)".into(), links, paths });
    }
    groups
}

fn is_usable(page: &CrawledPage) -> bool {
    page.verdict != PageVerdict::Failed
        && page.status == Some(200)
        && page.redirects.is_empty()
        && matches!(page.kind, PageKind::Html | PageKind::Api | PageKind::Other)
        && page.path.starts_with('/')
        && !page.path.starts_with("//")
}

fn derive_endpoint_name(page: &CrawledPage) -> String {
    if let Some(route) = &page.route {
        return format!("GET /{}", route.trim_start_matches(['^', '/']).trim_end_matches('$'));
    }
    format!("GET {}", derive_url_template(&page.path))
}

fn build_step(group: PageGroup) -> Step {
    let values = Choices::List(group.paths.into_iter().map(Value::Text).collect());
    let source = Arc::new(VarSource { values, pick: VarPick::EveryTime });
    let lookup = |_: &str| NameLookup::Guaranteed(VarId(0), Some(Arc::clone(&source)));
    Step {
        name: group.name,
        method: Method::Get,
        path: Template::parse("{page}", &lookup).expect("one placeholder that is defined"),
        headers: Vec::new(),
        body: Body::None,
        expect: Expectation { statuses: vec![200], ..Expectation::default() },
        extracts: Vec::new(),
        think: ThinkTime::uniform(Duration::from_millis(300), Duration::from_millis(1200)),
        repeat: Repeat::ONCE,
        chance: 1.0,
        when: None,
        once: false,
        follow_redirects: true,
        assets: false,
        weight: (group.links as f64).sqrt().ceil() as u32,
        slo: Vec::new(),
        group: None,
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::units::{Bytes, Micros};

    use super::*;
    use crate::template::Encoding;
    use crate::user_context::UserContext;

    fn page(path: &str, status: u16, links: usize) -> CrawledPage {
        CrawledPage {
            path: path.into(),
            kind: PageKind::Html,
            status: Some(status),
            title: None,
            redirects: Vec::new(),
            linked_from: vec!["/".into(); links],
            links: Vec::new(),
            assets: Vec::new(),
            depth: 1,
            ttfb_us: Micros(1),
            total_us: Micros(2),
            wire_bytes: Bytes(3),
            body_bytes: Bytes(3),
            content_type: None,
            encoding: None,
            cache_headers: BTreeMap::new(),
            route: None,
            has_post_form: false,
            verdict: if status == 200 { PageVerdict::Passed } else { PageVerdict::Failed },
            problems: Vec::new(),
        }
    }

    #[test]
    fn working_pages_are_grouped_by_template_and_broken_ones_are_skipped() {
        let pages = vec![
            page("/", 200, 8),
            page("/books/1/", 200, 1),
            page("/books/22/", 200, 1),
            page("/gone/", 404, 3),
        ];
        let site = SiteMap { pages, ..SiteMap::default() };
        let scenario = Scenario::from_site(&site).expect("two groups");
        let names: Vec<&str> = scenario.steps().iter().map(Step::name).collect();
        assert_eq!(names, ["GET /", "GET /books/<id>/"]);
        let weights: Vec<u32> = scenario.steps().iter().map(|step| step.weight).collect();
        assert_eq!(weights, [3, 2]);

        let mut context = UserContext::new(1, 1);
        let mut seen = std::collections::BTreeSet::new();
        for journey in 1..50 {
            for at in scenario.begin_journey(&mut context, journey, journey).expect("no feed") {
                let mut path = String::new();
                assert!(scenario.steps()[at].path().render(&mut context, Encoding::Path, &mut path));
                seen.insert(path);
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["/", "/books/1/", "/books/22/"]);
    }

    #[test]
    fn a_huge_site_has_few_endpoints_and_a_dead_one_has_no_scenario() {
        let pages = (0..100).map(|n| page(&format!("/{}/", "x".repeat(n % 19) + "y"), 200, 0));
        let pages: Vec<CrawledPage> =
            pages.chain((b'a'..=b'z').map(|c| page(&format!("/{}", c as char), 200, 0))).collect();
        let site = SiteMap { pages, ..SiteMap::default() };
        assert_eq!(Scenario::from_site(&site).expect("pages").steps().len(), MAX_GROUPS);
        let dead = SiteMap { origin: "http://127.0.0.1:1".into(), ..SiteMap::default() };
        let error = Scenario::from_site(&dead).expect_err("no pages").to_string();
        assert!(error.contains("http://127.0.0.1:1"), "{error}");
    }
}
