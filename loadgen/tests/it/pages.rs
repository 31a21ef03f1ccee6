//! Pages as a browser loads them: in parallel, from the cache, from this site only; and how they fail.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kneepoint_loadgen::{BlockLoad, recover_phase};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::load::{EndpointStats, LoadPhase};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::PageStats;
use kneepoint_model::units::Micros;
use kneepoint_scenarios::Scenario;

use crate::{TestRun, closed, open, plan, scenario};

const PICTURES: u64 = 12;
const PICTURE: Duration = Duration::from_millis(20);

/// Requests that the site received.
#[derive(Default)]
struct SiteRequests {
    now: AtomicUsize,
    most: AtomicUsize,
    counts: Mutex<BTreeMap<String, u64>>,
    /// Requests for images without a correct `Referer`.
    without_referer: AtomicUsize,
}

impl SiteRequests {
    fn count(&self, what: &str) {
        *self.counts.lock().expect("lock").entry(what.to_owned()).or_default() += 1;
    }
    fn request_count(&self, what: &str) -> u64 {
        self.counts.lock().expect("lock").get(what).copied().unwrap_or(0)
    }
}

type TestSite = (String, Arc<SiteRequests>);

/// A page with twelve slow images, a style sheet that must be revalidated, a script that never changes, and an asset of another
/// site; and faulty pages.
fn site() -> TestSite {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("non-blocking");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let requests = Arc::new(SiteRequests::default());
    let app = Router::new()
        .route("/page", get(|| async { html(&whole()) }))
        .route("/lacking", get(|| async { html("<img src=/missing.png><img src=/picture/1>") }))
        .route("/waiting", get(|| async { html("<img src=/never.png><img src=/picture/1>") }))
        .route(
            "/moved",
            get(|| async { html("<img src=/to-picture><img src=/to-elsewhere><img src=/to-itself>") }),
        )
        .route("/broken", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, html(&whole())) }))
        .route("/text", get(|| async { "<img src=/picture/1>" }))
        .route("/picture/{n}", get(picture))
        .route("/site.css", get(style))
        .route("/app.js", get(script))
        .route("/never.png", get(|| async { std::future::pending::<&'static str>().await }))
        .route("/to-picture", get(|| async { moved("/picture/1") }))
        .route("/to-elsewhere", get(|| async { moved("http://elsewhere.example/x.png") }))
        .route("/to-itself", get(|| async { moved("/to-itself") }))
        .with_state(Arc::clone(&requests));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
            axum::serve(listener, app).await.expect("serve");
        });
    });
    (base, requests)
}

fn whole() -> String {
    let pictures = (0..PICTURES).map(|n| format!("<img src=picture/{n}>")).collect::<Vec<_>>().concat();
    format!(
        "<!doctype html><link rel=stylesheet href=/site.css><script src=/app.js></script>\
         <script src=http://elsewhere.example/x.js></script>{pictures}<img src=/picture/0></html>"
    )
}

fn html(body: &str) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body.to_owned()).into_response()
}

fn moved(to: &'static str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

async fn picture(
    State(requests): State<Arc<SiteRequests>>,
    Path(n): Path<u64>,
    headers: HeaderMap,
) -> Response {
    let now = requests.now.fetch_add(1, Ordering::SeqCst) + 1;
    requests.most.fetch_max(now, Ordering::SeqCst);
    requests.count(&format!("picture {n}"));
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    requests
        .without_referer
        .fetch_add(usize::from(!referer.starts_with("http://127.0.0.1")), Ordering::SeqCst);
    tokio::time::sleep(PICTURE).await;
    requests.now.fetch_sub(1, Ordering::SeqCst);
    ([(header::CACHE_CONTROL, "max-age=600")], "picture").into_response()
}

async fn style(State(requests): State<Arc<SiteRequests>>, headers: HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == "\"v1\"");
    requests.count(if known { "style, known" } else { "style, new" });
    let fields = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, "\"v1\"")];
    if known { (StatusCode::NOT_MODIFIED, fields).into_response() } else { (fields, "style").into_response() }
}

async fn script(State(requests): State<Arc<SiteRequests>>) -> Response {
    requests.count("script");
    ([(header::CACHE_CONTROL, "max-age=31536000, immutable")], "script").into_response()
}

fn user(session: &str, path: &str) -> Scenario {
    scenario(&format!(
        "name = \"v\"\nsession = \"{session}\"\n[[step]]\nname = \"page\"\npath = \"{path}\"\nassets = true\n"
    ))
}

fn endpoint<'a>(phase: &'a LoadPhase, name: &str) -> &'a EndpointStats {
    phase.endpoints.iter().find(|endpoint| endpoint.name == name).expect("endpoint")
}

fn pages(phase: &LoadPhase) -> &PageStats {
    let [pages] = phase.pages.as_slice() else { panic!("{:?}", phase.pages) };
    let counts = &pages.counts;
    let ends = counts.whole + counts.incomplete + counts.failed + counts.censored;
    assert_eq!((counts.pages, counts.pages), (ends, pages.page_us.count), "{counts:?}");
    assert_eq!(counts.pages, endpoint(phase, &pages.name).requests);
    assert_eq!(counts.from_network, endpoint(phase, &format!("{} +assets", pages.name)).requests);
    pages
}

#[test]
fn the_second_view_uses_the_cache_and_revalidates_stale_assets() {
    let (base, requests) = site();
    let test_run = TestRun::new();
    let mut plan = plan(closed(1), &base, vec![(user("user", "/page"), 1)]);
    plan.warmup = Duration::ZERO;
    let phase = test_run.run(&plan);
    assert_eq!(phase.errors, 0, "{:#?}", phase.exemplars);
    let page = pages(&phase);
    let n = page.counts.pages;
    assert!(n > 5 && page.counts.whole == n, "{:?}", page.counts);
    // Twelve images, each once though one is linked twice; the script; the style sheet each time.
    assert!((0..PICTURES).all(|n| requests.request_count(&format!("picture {n}")) == 1));
    assert_eq!((requests.request_count("script"), requests.request_count("style, new")), (1, 1));
    assert_eq!((requests.request_count("style, known"), page.counts.not_modified), (n - 1, n - 1));
    assert_eq!(page.counts.from_network, PICTURES + 1 + n);
    assert_eq!(page.counts.from_cache, (n - 1) * (PICTURES + 1));
    assert_eq!(page.counts.left_out, n, "assets of other sites are counted, and not requested");
    let assets = endpoint(&phase, "page +assets");
    assert_eq!((assets.statuses[&200], assets.statuses[&304]), (PICTURES + 2, n - 1));
    assert_eq!(requests.without_referer.load(Ordering::SeqCst), 0);
    // Six at once, and never more: twelve images of 20 ms take two rounds.
    assert_eq!(requests.most.load(Ordering::SeqCst), 6);
    assert!(page.page_us.max >= Micros(40_000) && page.page_us.p50 < Micros(20_000), "{:?}", page.page_us);
    // The user's connections, whatever the number of pages.
    assert!(phase.connect_us.count <= 6, "{:?}", phase.connect_us);
    // A killed run has the same pages.
    let recovered = recover_phase(&test_run.run, "test").expect("readable").expect("began");
    assert_eq!((&recovered.pages, &recovered.endpoints), (&phase.pages, &phase.endpoints));
}

#[test]
fn a_new_user_has_an_empty_cache_and_pages_keep_the_bound_on_requests_in_flight() {
    let (base, requests) = site();
    let test_run = TestRun::new();
    let mut plan = plan(open(10.0), &base, vec![(user("journey", "/page"), 1)]);
    plan.options.max_in_flight = 3;
    let phase = test_run.run(&plan);
    assert_eq!(phase.errors, 0, "{:#?}", phase.exemplars);
    let page = pages(&phase);
    assert_eq!((page.counts.pages, page.counts.whole), (10, 10));
    assert_eq!((page.counts.from_network, page.counts.from_cache), (10 * (PICTURES + 2), 0));
    assert_eq!(requests.most.load(Ordering::SeqCst), 3);
    // Each request waited for a slot of its own; the dispatcher can be late with documents only.
    assert_eq!((phase.pool_wait_us.count, phase.sched_lag_us.count), (phase.requests, 10));
    assert_eq!(endpoint(&phase, "page").requests, 10);
}

#[test]
fn a_missing_asset_is_an_error_of_the_assets_and_not_of_the_page() {
    let (base, _) = site();
    let test_run = TestRun::new();
    let phase = test_run.run(&plan(open(20.0), &base, vec![(user("journey", "/lacking"), 1)]));
    let page = pages(&phase);
    assert_eq!((page.counts.pages, page.counts.incomplete, page.counts.assets_failed), (20, 20, 20));
    assert_eq!(endpoint(&phase, "page").errors, 0);
    let assets = endpoint(&phase, "page +assets");
    assert_eq!((assets.errors, assets.outcomes[&Outcome::ClientError]), (20, 20));
    assert_eq!(phase.journeys_failed, 0);
}

#[test]
fn each_asset_has_its_own_deadline() {
    let (base, _) = site();
    let test_run = TestRun::new();
    let phase = test_run.run(&plan(open(20.0), &base, vec![(user("journey", "/waiting"), 1)]));
    let page = pages(&phase);
    assert_eq!((page.counts.pages, page.counts.incomplete), (20, 20));
    assert_eq!(endpoint(&phase, "page +assets").outcomes[&Outcome::Timeout], 20);
    assert!(page.page_us.p50 >= Micros(400_000), "{:?}", page.page_us);
    assert!(endpoint(&phase, "page").response_us.max < Micros(200_000));
}

#[test]
fn a_page_that_the_end_cuts_short_is_censored_with_its_assets() {
    let (base, _) = site();
    let test_run = TestRun::new();
    let mut plan = plan(open(20.0), &base, vec![(user("journey", "/waiting"), 1)]);
    plan.options.timeout = Duration::from_secs(20);
    plan.options.drain = Duration::from_millis(200);
    let phase = test_run.run(&plan);
    let page = pages(&phase);
    assert_eq!((page.counts.pages, page.counts.censored), (20, 20));
    let assets = endpoint(&phase, "page +assets");
    assert_eq!((assets.outcomes[&Outcome::Censored], assets.outcomes[&Outcome::Ok]), (20, 20));
    assert!(page.page_us.max >= Micros(1_000_000), "{:?}", page.page_us);
}

#[test]
fn redirects_are_followed_within_the_site_only() {
    let (base, requests) = site();
    let test_run = TestRun::new();
    let mut plan = plan(closed(1), &base, vec![(user("journey", "/moved"), 1)]);
    plan.warmup = Duration::ZERO;
    let phase = test_run.run(&plan);
    let page = pages(&phase);
    let n = page.counts.pages;
    assert_eq!(requests.request_count("picture 1"), n);
    assert_eq!((page.counts.left_out, page.counts.assets_failed, page.counts.from_network), (n, n, 3 * n));
    assert_eq!(endpoint(&phase, "page +assets").outcomes[&Outcome::UnexpectedStatus], n);
}

#[test]
fn a_failed_document_or_one_that_is_no_page_loads_no_assets() {
    let (base, requests) = site();
    let test_run = TestRun::new();
    let phase = test_run.run(&plan(open(20.0), &base, vec![(user("journey", "/broken"), 1)]));
    let counts = pages(&phase).counts;
    assert_eq!((counts.pages, counts.failed, counts.from_network), (20, 20, 0));
    let phase = TestRun::new().run(&plan(open(20.0), &base, vec![(user("journey", "/text"), 1)]));
    let counts = pages(&phase).counts;
    assert_eq!((counts.pages, counts.whole, counts.from_network), (20, 20, 0));
    assert_eq!(requests.request_count("picture 1"), 0);
}

#[test]
fn a_step_without_assets_loads_its_document_only() {
    let (base, requests) = site();
    let plain = scenario("name = \"v\"\n[[step]]\nname = \"page\"\npath = \"/page\"\n");
    let phase = TestRun::new().run(&plan(open(20.0), &base, vec![(plain, 1)]));
    assert_eq!((phase.endpoints.len(), phase.pages.len(), phase.errors), (1, 0, 0));
    assert_eq!((requests.request_count("picture 1"), requests.request_count("script")), (0, 0));
}

#[test]
fn a_block_counts_all_assets_of_its_pages() {
    let (base, requests) = site();
    let mut plan = plan(closed(2), &base, vec![(user("journey", "/page"), 1)]);
    plan.options.timeout = Duration::from_secs(5);
    let mut load = BlockLoad::new(plan).expect("plan");
    let block = load.run(Duration::from_millis(300), &Cancel::new()).expect("block");
    let page = pages(&block);
    assert_eq!((block.errors, page.counts.from_network), (0, page.counts.pages * (PICTURES + 2)));
    assert_eq!(requests.request_count("script"), page.counts.pages, "those that end after the block too");
}
