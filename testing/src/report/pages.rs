//! Crawled pages, probed routes, and the proxy log.

use std::collections::BTreeMap;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::probe::{CacheTest, ProbeResult, RouteProbe, SlopeTest, Statement, UncachedReason};
use kneepoint_model::proxy::{AccessSummary, ProxyRoute};
use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::units::{Bytes, Micros, Ratio};

pub(super) fn site() -> SiteMap {
    let page = |path: &str, title: Option<&str>, kind, bytes: u64, problems: Vec<PageProblem>| CrawledPage {
        path: path.into(),
        kind,
        status: Some(200),
        title: title.map(str::to_owned),
        redirects: Vec::new(),
        linked_from: vec!["/".into()],
        links: vec!["/".into(), "/catalogue/".into()],
        assets: vec!["/static/site.css".into()],
        depth: 1,
        ttfb_us: Micros(9_000 + bytes / 4),
        total_us: Micros(9_800 + bytes / 3),
        wire_bytes: Bytes(bytes),
        body_bytes: Bytes(bytes * 4),
        content_type: Some("text/html".into()),
        encoding: problems.is_empty().then(|| "gzip".into()),
        cache_headers: BTreeMap::new(),
        route: None,
        has_post_form: false,
        verdict: if problems.is_empty() { PageVerdict::Passed } else { PageVerdict::Warned },
        problems,
    };
    let mut pages = vec![
        page("/", Some("Bookstore"), PageKind::Html, 5_210, Vec::new()),
        page("/catalogue/", Some("Catalogue"), PageKind::Html, 18_400, Vec::new()),
        page(
            "/api/books/",
            None,
            PageKind::Api,
            48_200,
            vec![PageProblem::NotCompressed { bytes: Bytes(48_200), gzip_bytes: Bytes(9_100) }],
        ),
        page("/static/site.css", None, PageKind::Asset, 3_100, vec![PageProblem::NoCacheHeaders]),
    ];
    pages.extend((1..=14).map(|n| {
        page(
            &format!("/books/{n}/"),
            Some(&format!("Book {n}: The Well-Kept Library")),
            PageKind::Html,
            6_000 + n * 37,
            Vec::new(),
        )
    }));
    SiteMap {
        format_version: 1,
        origin: "http://127.0.0.1:18080".into(),
        pages,
        skipped_links: Vec::new(),
        skipped_counts: [("logout-like".to_owned(), 1), ("other-origin".to_owned(), 3)].into(),
        external: BTreeMap::new(),
        robots: true,
        from_sitemap: 12,
        truncated: false,
        took_us: Micros(3_100_000),
    }
}

pub(super) fn probe() -> ProbeResult {
    let route = |name: &str, path: &str, p50: u64, queries, slope, because: Vec<UncachedReason>| RouteProbe {
        route: name.into(),
        path: path.into(),
        requests: 10,
        errors: 0,
        p50_us: Micros(p50),
        app_us: Some(Micros(p50 * 9 / 10)),
        cpu_us: Some(Micros(p50 * 7 / 10)),
        db_us: Some(Micros(p50 * 3 / 10)),
        queries: Some(queries),
        engine_us: (name == "search/").then_some(Micros(p50 / 2)),
        wire_bytes: Bytes(p50 / 3),
        body_bytes: Bytes(p50),
        compressed: name != "api/books/",
        gzip_bytes: (name == "api/books/").then_some(Bytes(9_100)),
        slope,
        cache: Some(CacheTest {
            same_body: !because.contains(&UncachedReason::Personal),
            shared_token: false,
            second: if because.is_empty() { CacheOutcome::Hit } else { CacheOutcome::Miss },
            uncached_reasons: because,
        }),
    };
    let slope = |points: &[(u32, u32)], slope| SlopeTest {
        parameter: "page_size".into(),
        points: points.into(),
        slope,
        residual: 0.0,
        repeats: (slope > 0.5).then(|| (96, "3fa9c1".to_owned())),
    };
    ProbeResult {
        format_version: 1,
        routes: vec![
            route("catalogue/", "/catalogue/?page_size=24", 61_000, 27, Some(slope(&[(12, 15), (24, 27), (48, 51), (96, 99)], 1.0)), vec![UncachedReason::SetCookie, UncachedReason::VaryCookie]),
            route("search/", "/search/?q=library", 38_000, 3, None, vec![UncachedReason::NoLifetime]),
            route("api/books/", "/api/books/?page_size=50", 33_000, 2, Some(slope(&[(25, 2), (50, 2), (100, 2)], 0.0)), vec![UncachedReason::CacheControl]),
            route("books/<int:pk>/", "/books/7/", 17_000, 4, None, vec![]),
            route("cart/", "/cart/", 11_000, 3, None, vec![UncachedReason::Personal]),
        ],
        statements: [(
            "3fa9c1".to_owned(),
            Statement {
                digest: "3fa9c1".into(),
                sql: "SELECT \"reviews_review\".\"id\", \"reviews_review\".\"stars\" FROM \"reviews_review\" WHERE \"reviews_review\".\"book_id\" = ?".into(),
                route: "catalogue/".into(),
                code: "books/templates/catalogue.html:31".into(),
            },
        )]
        .into(),
        probe_coverage: Some(Ratio(1.0)),
        took_us: Micros(6_200_000),
    }
}

pub(super) fn access() -> AccessSummary {
    let route = |name: &str, n: u64, app: u64| ProxyRoute {
        route: name.into(),
        requests: n,
        statuses: [(200, n)].into(),
        cache: [(CacheOutcome::Hit, n / 5), (CacheOutcome::Miss, n - n / 5)].into(),
        bytes_sent: Bytes(n * 9_000),
        request_us: Micros(n * (app + 9_000)),
        upstream: n - n / 5,
        connect_us: Micros(n * 90),
        header_us: Micros((n - n / 5) * (app + 8_000)),
        response_us: Micros((n - n / 5) * (app + 8_400)),
        app_us: Micros((n - n / 5) * app),
        app_n: n - n / 5,
    };
    AccessSummary {
        format_version: 1,
        lines: 3_120,
        garbage: 0,
        new_connections: 40,
        routes: vec![
            route("catalogue/", 800, 61_000),
            route("search/", 420, 38_000),
            route("(static) /static/", 900, 0),
        ],
    }
}
