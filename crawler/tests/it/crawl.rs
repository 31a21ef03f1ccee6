//! The crawl against a real site on loopback.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::site::{RecordedEvents, Reply, Site};
use axum::http::HeaderMap;
use kneepoint_crawler::{CrawlError, CrawlPlan, crawl, path_template, smoke_lines};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};
use url::Url;

const TITLE: &str = "<title>A page</title>";

fn shop(path: &str, _headers: &HeaderMap, _count: u32) -> Reply {
    let name = path.split('?').next().unwrap_or_default();
    match name {
        "/robots.txt" => Reply::with_type("text/plain", "User-agent: *\nDisallow: /private/\nSitemap: /sitemap.xml\n"),
        "/sitemap.xml" => Reply::with_type("application/xml", "<sitemapindex><sitemap><loc>/map-1.xml</loc></sitemap></sitemapindex>"),
        "/map-1.xml" => Reply::with_type("application/xml", "<urlset><url><loc>/only-in-sitemap</loc></url><url><loc>http://elsewhere.test/</loc></url></urlset>"),
        "/" => Reply::html(format!(
            r#"{TITLE}<link rel=stylesheet href=/static/site.css><img src=/static/missing.png>
            <a href=/ok>ok</a><a href=/gone>gone</a><a href=/fails>fails</a><a href=/secret>secret</a>
            <a href=/logout>out</a><a href=/books/1/delete/>x</a><a href="/list?action=purge">p</a>
            <a href=/private/x>private</a><a href=/cart>cart</a><a href=/circle>circle</a><a href=/away>away</a>
            <a href=/old>old</a><a href=/untitled>u</a><a href=/plain>p</a><a href=/shows>s</a>
            <a href=/debug>d</a><a href="mailto:a@b.test">m</a><a href=http://other.test/x>o</a>
            <a href=/api/>api</a><a href=/half>half</a><a href=/events>events</a>"#
        )).gzip(),
        "/static/site.css" => Reply::with_type("text/css", "a{background:url(bg.png)}").with("cache-control", "max-age=60"),
        "/static/bg.png" => Reply::with_type("image/png", "png"),
        "/ok" | "/only-in-sitemap" | "/api-page" | "/new" => Reply::html(TITLE)
            .with("server-timing", "app;dur=2, route;desc=\"ok/\"").with("set-cookie", "id=s3cr3t"),
        "/fails" => Reply::html("<h1>Server Error</h1>").status(500),
        "/secret" => Reply::html(TITLE).status(403),
        "/cart" => Reply::redirect("/private/login?next=/cart"),
        "/circle" => Reply::redirect("/circle-2"),
        "/circle-2" => Reply::redirect("/circle"),
        "/away" => Reply::redirect("http://other.test/landing"),
        "/old" => Reply::redirect("new"),
        "/untitled" => Reply::html("<p>nothing"),
        "/plain" => Reply::html(format!("{TITLE}{}", "<li>row</li>".repeat(500))),
        "/shows" => Reply::html(format!("{TITLE}<p>Dear {{{{ user.name }}}},")),
        "/debug" => Reply::html("<title>Page not found</title>You're seeing this error because you have <code>DEBUG = True</code> in your Django settings file.").status(404),
        "/api/" => Reply::with_type("application/json", format!(r#"{{"next":"{}api-page"}}"#, "http://site.test/")),
        "/half" => Reply::html(TITLE).with("content-encoding", "gzip"),
        "/events" => Reply::with_type("text/event-stream", "data: x\n\n"),
        _ => Reply::missing(),
    }
}

fn plan(site: &Site) -> CrawlPlan {
    CrawlPlan { timeout: Duration::from_secs(2), ..CrawlPlan::new(site.url.clone()) }
}

fn page<'a>(map: &'a SiteMap, path: &str) -> &'a CrawledPage {
    map.pages.iter().find(|page| page.path == path).unwrap_or_else(|| panic!("{path} was not visited"))
}

fn verdict(map: &SiteMap, path: &str) -> PageVerdict {
    page(map, path).verdict
}

#[test]
fn every_page_is_judged_by_its_response() {
    use PageVerdict::{Failed, Passed, Warned};
    let site = Site::start(shop);
    let plan = CrawlPlan { host_header: Some("site.test".into()), ..plan(&site) };
    let map = crawl(&plan, &Cancel::new(), &NullEventSink).unwrap();
    for (path, expected) in [
        ("/", Passed),
        ("/ok", Passed),
        ("/gone", Failed),
        ("/fails", Failed),
        ("/secret", Warned),
        ("/cart", Passed),
        ("/circle", Failed),
        ("/away", Passed),
        ("/old", Passed),
        ("/new", Passed),
        ("/untitled", Warned),
        ("/plain", Warned),
        ("/shows", Warned),
        ("/debug", Failed),
        ("/api/", Passed),
        ("/api-page", Passed),
        ("/half", Failed),
        ("/only-in-sitemap", Passed),
        ("/static/site.css", Passed),
        ("/static/bg.png", Warned),
        ("/static/missing.png", Warned),
        ("/robots.txt", Passed),
        ("/sitemap.xml", Passed),
        ("/events", Passed),
    ] {
        assert_eq!(verdict(&map, path), expected, "{path}: {:?}", page(&map, path).problems);
    }
    assert_eq!(page(&map, "/circle").problems, [PageProblem::RedirectLoop]);
    assert_eq!(page(&map, "/cart").redirects, ["/private/login?next=/cart"]);
    assert_eq!(page(&map, "/away").redirects, ["http://other.test/landing"]);
    assert_eq!(
        (page(&map, "/old").status, &page(&map, "/old").redirects[..]),
        (Some(200), &["/new".to_owned()][..])
    );
    assert!(page(&map, "/debug").problems.contains(&PageProblem::DebugPage));
    assert_eq!(page(&map, "/gone").linked_from, ["/"]);
    assert_eq!(page(&map, "/static/bg.png").linked_from, ["/static/site.css"]);
    assert_eq!(page(&map, "/static/bg.png").problems, [PageProblem::NoCacheHeaders]);
    assert!(matches!(page(&map, "/plain").problems[..], [PageProblem::NotCompressed { .. }]));
    assert!(matches!(&page(&map, "/shows").problems[..], [PageProblem::Marker { seen }] if seen == "{{"));
}

#[test]
fn unsafe_and_disallowed_links_are_skipped_and_counted() {
    let site = Site::start(shop);
    let map = crawl(&plan(&site), &Cancel::new(), &NullEventSink).unwrap();
    for path in
        ["/logout", "/books/1/delete/", "/list?action=purge", "/private/x", "/private/login?next=/cart"]
    {
        assert_eq!(site.request_count(path), 0, "{path} was requested");
    }
    assert_eq!((map.skipped_counts["logout-like"], map.skipped_counts["robots"]), (3, 2));
    assert_eq!(map.skipped_counts["scheme"], 1);
    assert!(map.external.contains_key("other.test") && map.external.contains_key("elsewhere.test"));
    assert!(map.robots && map.from_sitemap == 1 && !map.truncated);
    assert!(
        site.requests
            .lock()
            .unwrap()
            .iter()
            .all(|(path, count)| *count == 1 || path == "/new" || path == "/circle")
    );
}

#[test]
fn sizes_routes_and_headers_are_kept_but_no_secret() {
    let site = Site::start(shop);
    let map = crawl(&plan(&site), &Cancel::new(), &NullEventSink).unwrap();
    let start = page(&map, "/");
    assert_eq!((start.encoding.as_deref(), start.kind), (Some("gzip"), PageKind::Html));
    assert!(
        start.wire_bytes < start.body_bytes && start.ttfb_us <= start.total_us && start.total_us.get() > 0
    );
    assert_eq!(page(&map, "/ok").route.as_deref(), Some("ok/"));
    assert_eq!(page(&map, "/ok").cache_headers["set-cookie"], "id");
    assert!(!serde_json::to_string(&map).unwrap().contains("s3cr3t"));
}

#[test]
fn the_same_site_gives_the_same_map() {
    let site = Site::start(explosion);
    let paths = || {
        let map = crawl(&CrawlPlan { max_pages: 60, ..plan(&site) }, &Cancel::new(), &NullEventSink).unwrap();
        map.pages.into_iter().map(|page| page.path).collect::<Vec<_>>()
    };
    assert_eq!(paths(), paths());
}

/// Every page links to more pages: numbers, queries, and ever deeper folders.
fn explosion(path: &str, _headers: &HeaderMap, count: u32) -> Reply {
    if path == "/robots.txt" || path == "/sitemap.xml" {
        return Reply::missing();
    }
    let seed = path
        .bytes()
        .fold(u32::from(path.len() as u16) + count / 1_000, |sum, b| sum.wrapping_mul(31) + u32::from(b) % 7);
    let links: String = (0..30)
        .map(|n| {
            let n = seed % 900 + n;
            format!("<a href=/books/{n}/>b</a><a href='/list?page={n}&s={seed}'>l</a><a href=/f{n}/g/h>f</a><a href=deeper/>d</a>")
        })
        .collect();
    Reply::html(format!("{TITLE}{links}"))
}

#[test]
fn a_site_without_end_ends_at_its_limits() {
    let site = Site::start(explosion);
    let events = RecordedEvents::default();
    let map = crawl(&CrawlPlan { max_pages: 100, ..plan(&site) }, &Cancel::new(), &events).unwrap();
    let mut alike: BTreeMap<String, u32> = BTreeMap::new();
    for page in &map.pages {
        *alike.entry(path_template(&page.path)).or_default() += 1;
    }
    assert!(alike.values().all(|count| *count <= 20), "{alike:?}");
    assert_eq!((alike["/books/<n>/"], alike["/list"]), (20, 8));
    assert!(map.pages.len() <= 100 && map.skipped_links.len() <= 200);
    assert!(map.skipped_counts["limit"] > 100);
    assert!(events.text().contains("more pages like /books/<n>/"), "{}", events.text());
}

fn slow(path: &str, _headers: &HeaderMap, _count: u32) -> Reply {
    match path {
        "/" => Reply::html(format!("{TITLE}<a href=/hangs>h</a><a href=/fine>f</a>")),
        "/hangs" => Reply::html(TITLE).slow(Duration::from_secs(30)),
        "/fine" => Reply::html(TITLE),
        _ => Reply::missing(),
    }
}

#[test]
fn a_page_that_hangs_is_the_only_one_that_fails() {
    let site = Site::start(slow);
    let plan = CrawlPlan { timeout: Duration::from_millis(300), ..plan(&site) };
    let map = crawl(&plan, &Cancel::new(), &NullEventSink).unwrap();
    assert!(matches!(page(&map, "/hangs").problems[..], [PageProblem::Timeout { .. }]));
    assert_eq!((verdict(&map, "/hangs"), verdict(&map, "/fine")), (PageVerdict::Failed, PageVerdict::Passed));
    assert!(!map.truncated);
}

#[test]
fn cancellation_takes_effect_at_once_and_visited_pages_are_kept() {
    let site = Site::start(slow);
    let plan = CrawlPlan { timeout: Duration::from_secs(20), ..plan(&site) };
    let cancel = Cancel::new();
    let waiting = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            std::thread::sleep(Duration::from_millis(400));
            cancel.cancel();
            Instant::now()
        }
    });
    let map = crawl(&plan, &cancel, &NullEventSink).unwrap();
    assert!(waiting.join().unwrap().elapsed() < Duration::from_millis(200));
    assert!(map.truncated && verdict(&map, "/fine") == PageVerdict::Passed);
    assert!(matches!(crawl(&plan, &cancel, &NullEventSink), Err(CrawlError::Cancelled)));
}

#[test]
fn the_deadline_ends_a_crawl_that_hangs() {
    let site = Site::start(slow);
    let plan = CrawlPlan { timeout: Duration::from_secs(20), max_seconds: 1, ..plan(&site) };
    let start = Instant::now();
    let map = crawl(&plan, &Cancel::new(), &NullEventSink).unwrap();
    assert!(map.truncated && start.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_unreachable_site_is_reported_at_once() {
    let listener = crate::site::listener();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = crawl(&CrawlPlan::new(url), &Cancel::new(), &NullEventSink).unwrap_err();
    assert!(matches!(&error, CrawlError::Unreachable { why, .. } if why == "connection refused"), "{error}");
}

fn hostile(path: &str, _headers: &HeaderMap, _count: u32) -> Reply {
    match path {
        "/robots.txt" => {
            Reply::with_type("text/plain", (0..50_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>())
        }
        "/sitemap.xml" => {
            Reply::with_type("application/xml", b"<urlset><url><loc>/\xff\xfe<&bad;<url".to_vec())
        }
        "/" => Reply::html(format!(
            "{TITLE}<a href=/huge>h</a><a href=/bomb>b</a><a href=/noise>n</a><a href='http://[bad/'>x</a>"
        )),
        "/huge" => Reply::html("x".repeat(10 << 20)),
        "/bomb" => Reply::html("y".repeat(20 << 20)).gzip(),
        "/noise" => Reply::with_type(
            "text/html",
            (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
        ),
        _ => Reply::missing(),
    }
}

#[test]
fn hostile_content_is_read_and_bounded() {
    let site = Site::start(hostile);
    let map = crawl(&plan(&site), &Cancel::new(), &NullEventSink).unwrap();
    assert_eq!(page(&map, "/huge").wire_bytes.get(), 8 << 20);
    assert!(page(&map, "/huge").problems.iter().any(|problem| matches!(problem, PageProblem::Heavy { .. })));
    assert_eq!(page(&map, "/bomb").body_bytes.get(), 8 << 20);
    assert_eq!(verdict(&map, "/noise"), PageVerdict::Warned);
}

#[test]
fn a_crawl_delay_is_kept() {
    fn handler(path: &str, _headers: &HeaderMap, _count: u32) -> Reply {
        match path {
            "/robots.txt" => Reply::with_type("text/plain", "User-agent: *\nCrawl-delay: 0.2\n"),
            "/" => Reply::html(format!("{TITLE}<a href=/a>a</a><a href=/b>b</a>")),
            "/a" | "/b" => Reply::html(TITLE),
            _ => Reply::missing(),
        }
    }
    let site = Site::start(handler);
    let start = Instant::now();
    let map = crawl(&plan(&site), &Cancel::new(), &NullEventSink).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
    assert!(map.pages.iter().any(|page| page.path == "/b"));
}

#[test]
fn a_site_that_debugs_is_found_out_by_a_page_that_is_not_there() {
    fn handler(path: &str, _headers: &HeaderMap, _count: u32) -> Reply {
        match path {
            "/" => Reply::html(TITLE),
            "/robots.txt" | "/sitemap.xml" => Reply::missing(),
            _ => Reply::html(
                "You're seeing this error because you have <code>DEBUG = True</code> in Django settings",
            )
            .status(404),
        }
    }
    let site = Site::start(handler);
    let map = crawl(&plan(&site), &Cancel::new(), &NullEventSink).unwrap();
    let [_start, absent] = &map.pages[..] else { panic!("{:?}", map.pages) };
    assert_eq!((absent.verdict, &absent.problems[..]), (PageVerdict::Warned, &[PageProblem::DebugPage][..]));
    assert_eq!(map.broken().count(), 0);
}

#[test]
fn failed_lines_come_first_and_name_the_reason() {
    let site = Site::start(shop);
    let map = crawl(&plan(&site), &Cancel::new(), &NullEventSink).unwrap();
    let lines: Vec<String> = smoke_lines(&map).iter().map(ToString::to_string).collect();
    assert!(lines.contains(&"FAILED  /fails: server error 500; linked from /".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"PASSED  A page (/ok)".to_owned()), "{lines:#?}");
    let words: Vec<&str> = lines.iter().map(|line| &line[..6]).collect();
    let mut sorted = words.clone();
    sorted.sort_by_key(|word| ["FAILED", "WARNED", "PASSED"].iter().position(|known| known == word));
    assert_eq!(words, sorted);
    assert!(!lines.iter().any(|line| line.contains("/static/site.css")), "assets that passed are silent");
}

#[test]
fn plans_that_cannot_be_used_are_refused_before_anything_is_sent() {
    let site = Site::start(shop);
    let bad_pattern = CrawlPlan { ignore: vec!["(".into()], ..plan(&site) };
    assert!(matches!(crawl(&bad_pattern, &Cancel::new(), &NullEventSink), Err(CrawlError::BadPlan { .. })));
    let bad_host = CrawlPlan { host_header: Some("a\r\nX: y".into()), ..plan(&site) };
    assert!(matches!(crawl(&bad_host, &Cancel::new(), &NullEventSink), Err(CrawlError::BadPlan { .. })));
    let bad_scheme = CrawlPlan::new(Url::parse("ftp://127.0.0.1/").unwrap());
    assert!(matches!(crawl(&bad_scheme, &Cancel::new(), &NullEventSink), Err(CrawlError::BadAddress { .. })));
    assert!(site.requests.lock().unwrap().is_empty());
}

#[test]
fn a_start_page_that_redirects_to_another_site_is_reported() {
    let site = Site::start(
        |path, _, _| if path == "/" { Reply::redirect("https://h.test/") } else { Reply::missing() },
    );
    let events = RecordedEvents::default();
    let map = crawl(&plan(&site), &Cancel::new(), &events).unwrap();
    assert_eq!(
        (page(&map, "/").status, &page(&map, "/").redirects[..]),
        (Some(302), &["https://h.test/".to_owned()][..])
    );
    assert!(events.text().contains("redirects to https://h.test/"), "{}", events.text());
}

#[test]
fn named_pages_are_visited_and_ignored_patterns_skipped() {
    let site = Site::start(shop);
    let plan = CrawlPlan {
        extra_paths: vec!["/private/x".into(), "http://other.test/".into()],
        ignore: vec!["^/ok$".into()],
        ..plan(&site)
    };
    let map = crawl(&plan, &Cancel::new(), &NullEventSink).unwrap();
    assert_eq!(
        (site.request_count("/private/x"), site.request_count("/ok"), map.skipped_counts["ignored"]),
        (1, 0, 1)
    );
    assert_eq!(verdict(&map, "/private/x"), PageVerdict::Failed, "it was named, and it does not exist");
}
