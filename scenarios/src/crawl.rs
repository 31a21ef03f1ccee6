//! A scenario from a crawl: a visitor who reads the pages that are there. GET only, so it is safe on any site.
//!
//! Pages are grouped by the server's own route pattern where it names one, else by the shape of the path (numbers and
//! long words stand for any). A group's weight is the square root of the links that lead to it: pages that are linked
//! from everywhere are seen more often, and a group of a thousand pages does not hide a group of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_model::site::{CrawledPage, PageKind, PageVerdict, SiteMap};

use crate::body::Body;
use crate::refusal::ScenarioError;
use crate::rounds::Repeat;
use crate::scenario::{Expect, Method, Scenario, SessionScope, Step};
use crate::shape;
use crate::source::{Choices, Pick, VarSource};
use crate::template::{Meaning, Template};
use crate::think::Think;
use crate::values::{Value, VarId};

/// More groups than this share one endpoint, so that a huge site stays readable.
const MAX_GROUPS: usize = 24;
/// Pages kept of one group.
const MAX_PAGES: usize = 300;
const PAGES_PER_JOURNEY: u32 = 4;

impl Scenario {
    /// A visitor of the pages that the crawl found to work.
    pub fn from_site(site: &SiteMap) -> Result<Self, ScenarioError> {
        let groups = groups(site);
        if groups.is_empty() {
            return Err(ScenarioError::NothingToVisit { origin: site.origin.clone() });
        }
        let mut steps = Vec::new();
        let pages: usize = groups.iter().map(|group| group.paths.len()).sum();
        for group in groups {
            steps.push(step(group));
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

struct Group {
    name: String,
    links: u64,
    paths: Vec<String>,
}

fn groups(site: &SiteMap) -> Vec<Group> {
    let mut by_name: BTreeMap<String, Group> = BTreeMap::new();
    for page in site.pages.iter().filter(|page| usable(page)) {
        let name = name(page);
        let group =
            by_name.entry(name.clone()).or_insert_with(|| Group { name, links: 0, paths: Vec::new() });
        group.links += 1 + page.linked_from.len() as u64;
        if group.paths.len() < MAX_PAGES {
            group.paths.push(page.path.clone());
        }
    }
    let mut groups: Vec<Group> = by_name.into_values().collect();
    groups.sort_by(|a, b| b.links.cmp(&a.links).then_with(|| a.name.cmp(&b.name)));
    if groups.len() > MAX_GROUPS {
        let others = groups.split_off(MAX_GROUPS - 1);
        let links = others.iter().map(|group| group.links).sum();
        let paths = others.into_iter().flat_map(|group| group.paths).take(MAX_PAGES).collect();
        groups.push(Group { name: "GET (other pages)".into(), links, paths });
    }
    groups
}

fn usable(page: &CrawledPage) -> bool {
    page.verdict != PageVerdict::Failed
        && page.status == Some(200)
        && page.redirects.is_empty()
        && matches!(page.kind, PageKind::Html | PageKind::Api | PageKind::Other)
        && page.path.starts_with('/')
        && !page.path.starts_with("//")
}

fn name(page: &CrawledPage) -> String {
    if let Some(route) = &page.route {
        return format!("GET /{}", route.trim_start_matches(['^', '/']).trim_end_matches('$'));
    }
    format!("GET {}", shape::shape(&page.path))
}

fn step(group: Group) -> Step {
    let values = Choices::List(group.paths.into_iter().map(Value::Text).collect());
    let source = Arc::new(VarSource { values, pick: Pick::EveryTime });
    let meaning = |_: &str| Meaning::Sure(VarId(0), Some(Arc::clone(&source)));
    Step {
        name: group.name,
        method: Method::Get,
        path: Template::parse("{page}", &meaning).expect("one placeholder that is defined"),
        headers: Vec::new(),
        body: Body::None,
        expect: Expect { statuses: vec![200], ..Expect::default() },
        extracts: Vec::new(),
        think: Think::even(Duration::from_millis(300), Duration::from_millis(1200)),
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
    use crate::values::Visit;

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
    fn working_pages_are_grouped_by_shape_and_broken_ones_left_out() {
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

        let mut visit = Visit::new(1, 1);
        let mut seen = std::collections::BTreeSet::new();
        for journey in 1..50 {
            for at in scenario.begin(&mut visit, journey, journey).expect("no feed") {
                let mut path = String::new();
                assert!(scenario.steps()[at].path().render(&mut visit, Encoding::Path, &mut path));
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
        let refused = Scenario::from_site(&dead).expect_err("no pages").to_string();
        assert!(refused.contains("http://127.0.0.1:1"), "{refused}");
    }
}
