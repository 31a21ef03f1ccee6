//! Journeys with cookies, tokens, extraction and checks, in both models.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::event::Event;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::units::{Bytes, Micros};
use kneepoint_scenarios::Scenario;

use crate::{TestRun, closed, get, open, plan, scenario, servers};

fn user() -> Scenario {
    scenario(
        r##"
name = "user"
needs_throw_away = true
think = { min_ms = 1, max_ms = 3 }
[[step]]
name = "GET /"
path = "/"
expect = { status = [200], contains = ["</html>"], not_contains = ["Traceback"] }
extract.item = { css = "a", attr = "href", pick = "random" }
[[step]]
name = "GET /item/<id>"
path = "{item}"
[[step]]
name = "GET /login/"
path = "/login/"
extract.token = { css = "#login input[name=token]", attr = "value" }
[[step]]
name = "POST /login/"
method = "POST"
path = "/login/"
form = { token = "{token}", name = "reader{user:04}" }
expect = { status = [200], contains = ["Welcome back"] }
[[step]]
name = "GET /packed"
path = "/packed"
"##,
    )
}

fn endpoint<'a>(phase: &'a LoadPhase, name: &str) -> &'a kneepoint_model::load::EndpointStats {
    phase.endpoints.iter().find(|endpoint| endpoint.name == name).expect("endpoint")
}

fn assert_healthy(phase: &LoadPhase) {
    assert_eq!(phase.errors, 0, "{:?} {:#?}", phase.outcomes, phase.exemplars);
    assert!(phase.requests >= 50 && phase.journeys >= 5, "{} {}", phase.requests, phase.journeys);
    assert_eq!(phase.journeys_failed, 0);
    assert!(!phase.partial);
    let total: u64 = phase.endpoints.iter().map(|endpoint| endpoint.requests).sum();
    assert_eq!((total, phase.response_us.count), (phase.requests, phase.requests));
    let item = endpoint(phase, "GET /item/<id>");
    let count = |outcome| item.cache.get(&outcome).copied().unwrap_or(0);
    let (made, stored) = (count(CacheOutcome::Miss), count(CacheOutcome::Hit));
    assert!(made > 0 && stored > 0 && made + stored == item.requests, "{:?}", item.cache);
    // A response from a cache took no time of the application.
    assert_eq!((item.split.n, item.split.app_us, item.split.queries), (made, Micros(4000 * made), 3 * made));
    assert_eq!(item.routes.get("item/<id>"), Some(&item.requests));
    let packed = endpoint(phase, "GET /packed");
    assert_eq!((packed.compressed, packed.body_bytes), (packed.requests, Bytes(5000 * packed.requests)));
    assert!(packed.wire_bytes < Bytes(100 * packed.requests));
    // The login redirects; the step ends with the page that it leads to.
    assert_eq!(endpoint(phase, "POST /login/").statuses.keys().collect::<Vec<_>>(), [&200]);
    assert!(phase.exemplars.len() >= 10 && phase.exemplars[0].trace_id.len() == 32);
    assert!(phase.exemplars[0].response_us >= phase.exemplars[1].response_us);
    let headers = phase.exemplars.iter().map(|exemplar| &exemplar.headers);
    assert!(headers.clone().all(|headers| headers.contains_key("date")), "{:#?}", phase.exemplars);
    assert!(headers.flat_map(|headers| headers.keys()).all(|name| name != "set-cookie"));
}

#[test]
fn a_user_of_the_open_model_logs_in_and_reads() {
    let test_run = TestRun::new();
    let mut plan = plan(open(60.0), &servers::calm(), vec![(user(), 1)]);
    plan.options.think_scale = 0.5;
    let phase = test_run.run(&plan);
    assert_healthy(&phase);
    assert!(phase.sched_lag_us.count > 0 && phase.pool_wait_us.count == phase.requests);
    assert!(phase.connect_us.count < phase.requests / 2, "connections are kept");
    let messages: Vec<String> = test_run
        .recorded
        .0
        .lock()
        .expect("lock")
        .iter()
        .filter_map(|event| match event {
            Event::Progress { message, .. } => Some(message.clone()),
            _ => None,
        })
        .collect();
    assert!(messages.len() >= 2 && messages[0].starts_with("warm-up · open 60.0/s · "), "{messages:?}");
}

#[test]
fn a_user_of_the_closed_model_logs_in_and_reads() {
    let test_run = TestRun::new();
    let phase = test_run.run(&plan(closed(3), &servers::calm(), vec![(user(), 1)]));
    assert_healthy(&phase);
    assert_eq!((phase.offered_rps, phase.sched_lag_us.count), (None, 0));
    // One connection for each user, whatever the number of journeys.
    assert!(phase.connect_us.count <= 3, "{:?}", phase.connect_us);
    assert!(phase.generator.cpu_us > Micros(0));
}

#[test]
fn failed_checks_and_statuses_are_counted_by_their_kind() {
    let one = |name: &str, step: &str| {
        scenario(&format!("name = \"{name}\"\n[[step]]\nname = \"{name}\"\n{step}\n"))
    };
    let scenarios = vec![
        (one("missing", "path = \"/missing\""), 1),
        (one("broken", "path = \"/broken\""), 1),
        (one("unexpected", "path = \"/\"\nexpect = { status = [204] }"), 1),
        (one("contains", "path = \"/\"\nexpect = { contains = [\"nowhere\"] }"), 1),
        (one("extract", "path = \"/\"\nextract.x = { css = \"table\" }"), 1),
        (one("away", "path = \"/away\""), 1),
        (one("loop", "path = \"/loop\""), 1),
        (one("small", "path = \"/packed\"\nexpect = { max_bytes = 4999 }"), 1),
    ];
    let test_run = TestRun::new();
    let phase = test_run.run(&plan(open(80.0), &servers::calm(), scenarios));
    let outcomes: Vec<(&str, Outcome)> = phase
        .endpoints
        .iter()
        .map(|endpoint| {
            assert_eq!((endpoint.requests, endpoint.errors, endpoint.outcomes.len()), (10, 10, 1));
            (endpoint.name.as_str(), *endpoint.outcomes.keys().next().expect("outcome"))
        })
        .collect();
    let expected = [
        ("missing", Outcome::ClientError),
        ("broken", Outcome::ServerError),
        ("unexpected", Outcome::UnexpectedStatus),
        ("contains", Outcome::CheckFailed),
        ("extract", Outcome::CheckFailed),
        ("away", Outcome::CheckFailed),
        ("loop", Outcome::CheckFailed),
        ("small", Outcome::CheckFailed),
    ];
    assert_eq!(outcomes, expected);
    assert!(
        !phase.validity.valid
            && phase.validity.why.iter().any(|why| why.contains("make response times look short"))
    );
    // Journeys count where they end: one from the warm-up may end in the measured part.
    assert!(phase.journeys == 0 && phase.journeys_failed.abs_diff(80) <= 3, "{}", phase.journeys_failed);
}

#[test]
fn a_missing_server_is_reported_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    drop(listener);
    let test_run = TestRun::new();
    let events: std::sync::Arc<dyn kneepoint_model::event::EventSink> = test_run.recorded.clone();
    let refused = kneepoint_loadgen::run_phase(
        &plan(open(1.0), &base, vec![(get("/"), 1)]),
        &test_run.run,
        &test_run.cancel,
        &events,
    );
    assert!(refused.expect_err("nobody").to_string().contains("is the stack up?"));
}
