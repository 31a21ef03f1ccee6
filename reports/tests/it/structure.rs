//! The page as an HTML document: unique ids, charts with title and description, tables with scopes, valid inner links, and
//! no network requests.

use std::collections::BTreeSet;

use kneepoint_reports::{ReportView, render};
use scraper::{Html, Selector};

use crate::fixture;

fn page() -> Html {
    let run = fixture::run();
    let text = render::html(&ReportView::build(&run.facts, &run.analysis, &run.summary, &run.flames))
        .expect("renders");
    assert!(text.len() < 3 << 20, "one file of at most 3 MiB, not {}", text.len());
    Html::parse_document(&text)
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    page.select(&Selector::parse(selector).expect("a selector")).collect()
}

#[test]
fn ids_are_unique_and_inner_links_lead_to_one() {
    let page = page();
    let mut ids = BTreeSet::new();
    for element in all(&page, "[id]") {
        assert!(ids.insert(element.attr("id").expect("id")), "twice: {:?}", element.attr("id"));
    }
    for link in all(&page, "a[href^='#']") {
        let target = &link.attr("href").expect("href")[1..];
        assert!(ids.contains(target), "#{target} leads nowhere");
    }
    for element in all(&page, "[aria-labelledby]") {
        assert!(ids.contains(element.attr("aria-labelledby").expect("attribute")));
    }
}

#[test]
fn every_chart_has_a_title_and_a_description() {
    let page = page();
    let charts = all(&page, "svg[role=img]");
    assert!(charts.len() > 30, "{}", charts.len());
    for chart in charts {
        let text_of = |name: &str| {
            chart
                .select(&Selector::parse(name).expect("selector"))
                .next()
                .map(|e| e.text().collect::<String>())
        };
        assert!(text_of("title").is_some_and(|t| !t.trim().is_empty()), "{}", chart.html());
        assert!(text_of("desc").is_some_and(|t| !t.trim().is_empty()), "{}", chart.html());
        assert!(chart.attr("width").is_none() && chart.attr("viewBox").is_some());
    }
    for svg in all(&page, "svg:not([role=img])") {
        assert_eq!(svg.attr("aria-hidden"), Some("true"), "{}", svg.html());
    }
}

#[test]
fn the_page_makes_no_network_request() {
    let page = page();
    for element in all(&page, "[src], [href], [action], [srcset], [data], [poster]") {
        for name in ["src", "href", "action", "srcset", "data", "poster"] {
            let Some(value) = element.attr(name) else { continue };
            assert!(!value.contains(':') && !value.starts_with('/'), "{name}={value}");
        }
    }
    assert!(all(&page, "link, object, embed, img, base, video, audio").is_empty());
    let style: String = all(&page, "style").iter().flat_map(scraper::ElementRef::text).collect();
    assert!(!style.contains("@import") && !style.contains("url("), "no style loads a file");
    let policy = all(&page, "meta[http-equiv]")[0].attr("content").expect("policy").to_owned();
    assert!(policy.contains("default-src 'none'"), "{policy}");
}

#[test]
fn tables_and_landmarks_are_accessible() {
    let page = page();
    for table in all(&page, "table") {
        let count = |selector: &str| table.select(&Selector::parse(selector).expect("selector")).count();
        assert!(
            count("caption") == 1
                && count("thead th:not([scope=col])") == 0
                && count("tbody th:not([scope=row])") == 0
        );
        assert_eq!(count("tbody tr"), count("tbody tr > th:first-child"), "each row has a heading");
    }
    for (selector, n) in [
        ("main", 1),
        ("nav[aria-label]", 1),
        ("h1", 1),
        ("header.top", 1),
        ("footer", 1),
        ("a.skip[href='#main']", 1),
    ] {
        assert_eq!(all(&page, selector).len(), n, "{selector}");
    }
    assert!(all(&page, "html[lang]").len() == 1);
    for frame in all(&page, "iframe") {
        assert_eq!(frame.attr("sandbox"), Some("allow-scripts"));
        assert!(frame.attr("title").is_some_and(|t| !t.is_empty()) && frame.attr("srcdoc").is_some());
    }
    assert_eq!(all(&page, "iframe").len(), 3);
}

#[test]
fn sections_are_in_page_order() {
    let page = page();
    let ids: Vec<&str> = all(&page, "main > section").iter().filter_map(|s| s.attr("id")).collect();
    assert_eq!(
        ids,
        [
            "verdict",
            "findings",
            "assertions",
            "stages",
            "endpoints",
            "latency",
            "resources",
            "cache",
            "database",
            "probe",
            "profiles",
            "smoke",
            "method"
        ]
    );
}

#[test]
fn an_exemplar_shows_the_response_headers_that_explain_it() {
    let page = page();
    let cells = all(&page, "[id^=table-exemplars] td");
    let texts: Vec<String> = cells.iter().map(|cell| cell.text().collect()).collect();
    assert!(texts.iter().any(|text| text.contains("cache-status: nginx; fwd=uri-miss · server: nginx")));
}
