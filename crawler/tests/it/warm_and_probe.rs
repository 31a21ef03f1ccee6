//! Warm and probe against a real site on loopback.

use std::time::{Duration, Instant};

use crate::site::{RecordedEvents, Reply, Site, cookie};
use axum::http::HeaderMap;
use kneepoint_crawler::{CrawlError, CrawlPlan, ProbePlan, WarmPlan, crawl, probe, warm, warm_order};
use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_model::probe::{ProbeResult, RouteProbe, UncachedReason};
use kneepoint_model::units::Ratio;
use url::Url;

const TITLE: &str = "<title>Books</title>";

fn size(path: &str, name: &str, most: u32) -> u32 {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let asked = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
    asked.unwrap_or(6).min(most)
}

fn list(rows: u32) -> String {
    let rows: String =
        (1..=rows).map(|n| format!("<li><a href=/books/{n}/>A book of some length</a>")).collect();
    format!(
        "{TITLE}<a href=/flat>f</a><a href=/form>f</a><a href=/shared>s</a><a href=/cached>c</a><a href=/api/>a</a>{rows}"
    )
}

fn books(path: &str, headers: &HeaderMap, count: u32) -> Reply {
    let timing = |queries: u32, route: &str| {
        format!(
            "app;dur=5, cpu;dur=4, db;dur=1;desc=\"{queries} queries\", route;desc=\"{route}\", n1;desc=\"{}x 3fa9c1\"",
            queries.saturating_sub(2)
        )
    };
    let name = path.split('?').next().unwrap_or_default();
    match name {
        // One query a row, and a cap of twenty rows.
        "/" => {
            let rows = size(path, "page_size", 20);
            Reply::html(list(rows))
                .with("server-timing", timing(2 + rows, ""))
                .with("vary", "Cookie")
                .with("cache-control", "max-age=60")
        }
        // The same two queries whatever the size; the second parameter's name.
        "/flat" => {
            Reply::html(list(size(path, "limit", 100))).with("server-timing", timing(2, "flat")).gzip()
        }
        "/api/" => {
            let rows = size(path, "limit", 100);
            let body: Vec<String> = (0..rows).map(|n| format!(r#"{{"id":{n}}}"#)).collect();
            Reply::with_type("application/json", format!(r#"{{"results":[{}]}}"#, body.join(",")))
                .with("server-timing", timing(1 + 2 * rows, "api/"))
                .with("cache-control", "private")
        }
        "/form" => {
            let token = format!("token-{count}-{}", cookie(headers).len());
            Reply::html(format!(
                "{TITLE}<form method=post><input name=csrfmiddlewaretoken value={token}></form>"
            ))
            .with("set-cookie", "csrftoken=abc; Path=/")
        }
        "/shared" => Reply::html(format!(
            "{TITLE}<form method=post><input name=csrfmiddlewaretoken value=the-same-for-all></form>"
        )),
        "/cached" => Reply::html(TITLE)
            .with("cache-control", "max-age=60")
            .with("cache-status", if count > 1 { "nginx; hit" } else { "nginx; fwd=uri-miss; stored" })
            .with("server-timing", timing(9, "cached")),
        _ if name.starts_with("/books/") => {
            Reply::html(format!("{TITLE}{count}")).with("server-timing", timing(3, "books/<int:pk>/"))
        }
        _ => Reply::missing(),
    }
}

fn probed(site: &Site) -> ProbeResult {
    let map = crawl(&CrawlPlan::new(site.url.clone()), &Cancel::new(), &NullEventSink).unwrap();
    probe(&ProbePlan::new(site.url.clone(), map), &Cancel::new(), &NullEventSink).unwrap()
}

fn route<'a>(result: &'a ProbeResult, path: &str) -> &'a RouteProbe {
    result.routes.iter().find(|route| route.path == path).unwrap_or_else(|| panic!("{path} was not probed"))
}

#[test]
fn the_slope_proves_an_n_plus_one_and_clears_a_healthy_list() {
    let site = Site::start(books);
    let result = probed(&site);
    let test = route(&result, "/").slope.as_ref().unwrap();
    assert_eq!((test.parameter.as_str(), &test.points[..]), ("page_size", &[(4, 6), (12, 14), (20, 22)][..]));
    assert!((test.slope - 1.0).abs() < 1e-9 && test.residual < 1e-9);
    assert_eq!(test.repeats, Some((20, "3fa9c1".to_owned())));
    let test = route(&result, "/flat").slope.as_ref().unwrap();
    assert_eq!((test.parameter.as_str(), test.slope), ("limit", 0.0));
    let test = route(&result, "/api/").slope.as_ref().unwrap();
    assert_eq!(test.points, [(4, 9), (12, 25), (24, 49)]);
    assert!((test.slope - 2.0).abs() < 1e-9);
    assert!(route(&result, "/form").slope.is_none(), "no list");
}

#[test]
fn routes_are_grouped_by_the_server_s_own_pattern() {
    let site = Site::start(books);
    let result = probed(&site);
    let book: Vec<&RouteProbe> =
        result.routes.iter().filter(|route| route.route == "books/<int:pk>/").collect();
    assert_eq!(book.len(), 1);
    assert_eq!((book[0].requests, book[0].errors, book[0].queries), (4, 0, Some(3)));
    assert_eq!(book[0].app_us.unwrap().get(), 5_000);
    let flat = route(&result, "/flat");
    assert!(flat.compressed && flat.gzip_bytes.is_none() && flat.wire_bytes < flat.body_bytes);
    assert!(route(&result, "/").gzip_bytes.unwrap() < route(&result, "/").wire_bytes);
    let seen = result.probe_coverage.unwrap();
    assert!(seen.0 > 0.5 && seen.0 < 1.0, "{seen}");
}

#[test]
fn two_users_show_what_may_be_shared() {
    use UncachedReason::{CacheControl, FormToken, NoLifetime, Personal, SetCookie, VaryCookie};
    let site = Site::start(books);
    let result = probed(&site);
    let test = |path| route(&result, path).cache.clone().unwrap();
    assert_eq!(test("/").uncached_reasons, [VaryCookie]);
    assert!(test("/").same_body);
    assert_eq!(test("/form").uncached_reasons, [SetCookie, NoLifetime, FormToken]);
    assert!(test("/form").same_body && !test("/form").shared_token, "tokens are masked");
    assert!(test("/shared").shared_token);
    assert_eq!(test("/api/").uncached_reasons, [CacheControl]);
    assert_eq!((test("/cached").second, test("/cached").uncached_reasons.len()), (CacheOutcome::Hit, 0));
    assert_eq!(route(&result, "/cached").queries, Some(9), "measured past the cache");
    let book = result.routes.iter().find(|route| route.path.starts_with("/books/")).unwrap();
    assert_eq!(book.cache.clone().unwrap().uncached_reasons, [NoLifetime, Personal]);
}

#[test]
fn statements_are_read_after_probing() {
    let site = Site::start(books);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statements.jsonl");
    std::fs::write(&path, "{\"digest\":\"3fa9c1\",\"sql\":\"SELECT ?\"}\n{broken").unwrap();
    let map = crawl(&CrawlPlan::new(site.url.clone()), &Cancel::new(), &NullEventSink).unwrap();
    let plan = ProbePlan { statements: Some(path), max_routes: 1, ..ProbePlan::new(site.url.clone(), map) };
    let result = probe(&plan, &Cancel::new(), &NullEventSink).unwrap();
    assert_eq!((result.routes.len(), result.statements["3fa9c1"].sql.as_str()), (1, "SELECT ?"));
}

#[test]
fn probing_ends_in_time_and_reports_what_is_missing() {
    fn slow(path: &str, headers: &HeaderMap, count: u32) -> Reply {
        books(path, headers, count).slow(Duration::from_millis(if count > 1 { 150 } else { 0 }))
    }
    let site = Site::start(slow);
    let map = crawl(&CrawlPlan::new(site.url.clone()), &Cancel::new(), &NullEventSink).unwrap();
    let events = RecordedEvents::default();
    let plan = ProbePlan { max_seconds: 1, ..ProbePlan::new(site.url.clone(), map) };
    let start = Instant::now();
    let result = probe(&plan, &Cancel::new(), &events).unwrap();
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(!result.routes.is_empty() && result.routes.len() < 7);
    assert!(events.text().contains("the probe ran out of time"));
}

#[test]
fn warming_ends_when_times_are_steady_and_counts_hits() {
    fn cold(path: &str, _headers: &HeaderMap, count: u32) -> Reply {
        let (wait, status) = if count <= 4 { (60, "nginx; fwd=uri-miss") } else { (0, "nginx; hit") };
        let reply = if path == "/a" || path == "/b" { Reply::html(TITLE) } else { Reply::missing() };
        reply.slow(Duration::from_millis(wait)).with("cache-status", status)
    }
    let site = Site::start(cold);
    let plan = WarmPlan::new(site.url.clone(), vec!["/a".into(), "/b".into(), "http://other.test/".into()]);
    let result = warm(&plan, &Cancel::new(), &NullEventSink).unwrap();
    assert_eq!(result.pages, ["/a", "/b"]);
    assert!(result.steady && (3..=8).contains(&result.rounds.len()), "{result:#?}");
    assert!(result.rounds[0].p50_us.get() >= 60_000 && result.rounds[0].hit_ratio == Some(Ratio(0.0)));
    let last = result.rounds.last().unwrap();
    assert_eq!((last.requests, last.errors, last.hit_ratio), (8, 0, Some(Ratio(1.0))));
}

#[test]
fn a_site_that_fails_is_never_warm() {
    let site = Site::start(|_, _, _| Reply::html("").status(503));
    let plan = WarmPlan { max_rounds: 3, ..WarmPlan::new(site.url.clone(), vec!["/".into()]) };
    let events = RecordedEvents::default();
    let result = warm(&plan, &Cancel::new(), &events).unwrap();
    assert!(!result.steady && result.rounds.len() == 3 && result.rounds[2].errors == 4);
    assert!(events.text().contains("still changing"));
}

#[test]
fn the_heaviest_pages_come_first() {
    let site = Site::start(books);
    let map = crawl(&CrawlPlan::new(site.url.clone()), &Cancel::new(), &NullEventSink).unwrap();
    let order = warm_order(&map, 4);
    assert_eq!(order.len(), 4);
    let mut weighed = map.clone();
    for page in &mut weighed.pages {
        page.total_us.0 = if page.path == "/api/" { 1_000_000 } else { 1_000 };
    }
    assert_eq!(warm_order(&weighed, 1), ["/api/"]);
    weighed.pages.iter_mut().filter(|page| page.path == "/api/").for_each(|page| page.status = Some(500));
    assert_ne!(warm_order(&weighed, 1), ["/api/"], "only working pages are warmed");
}

#[test]
fn an_unreachable_site_and_an_empty_plan_are_errors() {
    let listener = crate::site::listener();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let plan = WarmPlan::new(url.clone(), vec!["/".into()]);
    assert!(matches!(warm(&plan, &Cancel::new(), &NullEventSink), Err(CrawlError::Unreachable { .. })));
    let plan = WarmPlan::new(url.clone(), vec![]);
    assert!(matches!(warm(&plan, &Cancel::new(), &NullEventSink), Err(CrawlError::NothingToDo { .. })));
    let plan = ProbePlan::new(url, kneepoint_model::site::SiteMap::default());
    assert!(matches!(probe(&plan, &Cancel::new(), &NullEventSink), Err(CrawlError::NothingToDo { .. })));
}

#[test]
fn cancellation_ends_warming_and_probing() {
    let site = Site::start(|_, _, _| Reply::html(TITLE).slow(Duration::from_secs(20)));
    let cancel = Cancel::new();
    let waiting = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
            Instant::now()
        }
    });
    let plan =
        WarmPlan { timeout: Duration::from_secs(20), ..WarmPlan::new(site.url.clone(), vec!["/".into()]) };
    let result = warm(&plan, &cancel, &NullEventSink).unwrap();
    assert!(result.rounds.is_empty() && !result.steady);
    assert!(waiting.join().unwrap().elapsed() < Duration::from_millis(200));
}
