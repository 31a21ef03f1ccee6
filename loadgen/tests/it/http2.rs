//! HTTP/2 against servers that follow the protocol, use its limits, or do not speak it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kneepoint_loadgen::{Arrivals, PhasePlan};
use kneepoint_model::load::{EndpointStats, HttpVersion, LoadModel};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::via::Via;
use kneepoint_scenarios::Scenario;

use crate::http2_servers::{Fault, ServerLimits, broken, one_request_each, start};
use crate::tls_servers::Authority;
use crate::{TestRun, assert_outcomes, closed, get, open, plan, scenario, servers};

fn over_http2(model: LoadModel, base: &str, scenarios: Vec<(Scenario, u32)>) -> PhasePlan {
    let mut plan = plan(model, base, scenarios);
    plan.options.http = HttpVersion::Http2;
    plan
}

fn post(path: &str, more: &str) -> Scenario {
    scenario(&format!(
        "name = \"post\"\nneeds_throw_away = true\n[[step]]\nmethod = \"POST\"\npath = \"{path}\"\nform = {{ name = \"reader\" }}\n{more}"
    ))
}

#[test]
fn a_user_of_the_closed_model_has_one_connection() {
    let (base, seen) = start(ServerLimits::default());
    let journey = "name = \"j\"\n[[step]]\npath = \"/\"\n[[step]]\npath = \"/login\"\nexpect = { contains = [\"Welcome back\"] }\n[[step]]\npath = \"/large\"\nexpect = { max_bytes = 5000000 }\n";
    let scenarios =
        vec![(scenario(journey), 1), (post("/length", "expect = { contains = [\"11 bytes\"] }\n"), 1)];
    let phase = TestRun::new().run(&over_http2(closed(3), &base, scenarios));
    assert!(phase.requests > 30 && phase.errors == 0, "{} {:?}", phase.requests, phase.exemplars);
    assert_eq!(phase.http, HttpVersion::Http2);
    assert_eq!(seen.connections.load(Ordering::Relaxed), 3);
    assert_eq!(seen.most_streams.load(Ordering::Relaxed), 1);
    let large = &phase.endpoints[2];
    assert_eq!(large.wire_bytes.get(), 5_000_000 * large.requests);
    assert!(phase.ttfb_us.p50 <= phase.service_us.p50 && phase.endpoints[0].split.n > 0);
}

#[test]
fn users_of_the_open_model_share_connections_as_far_as_the_server_allows() {
    let (base, seen) = start(ServerLimits { max_streams: Some(4), ..ServerLimits::default() });
    // 300 a second of 30 ms each: nine at the same time.
    let phase = TestRun::new().run(&over_http2(open(300.0), &base, vec![(get("/slow"), 1)]));
    assert_eq!((phase.requests, phase.errors), (300, 0), "{:?}", phase.outcomes);
    let (connections, most) =
        (seen.connections.load(Ordering::Relaxed), seen.most_streams.load(Ordering::Relaxed));
    assert_eq!(most, 4, "as many as the server allows, and no more");
    assert!((2..40).contains(&connections), "{connections} connections");
}

#[test]
fn every_end_of_a_stream_is_distinguished() {
    let (base, seen) = start(ServerLimits::default());
    let faults = [
        ("/reset", Outcome::StreamReset),
        ("/refused", Outcome::StreamRefused),
        ("/refused-at-first", Outcome::Ok),
        ("/cut", Outcome::StreamReset),
        ("/endless", Outcome::BodyTooLarge),
        ("/hang", Outcome::Timeout),
        ("/fine", Outcome::Ok),
    ];
    assert_outcomes(faults, |scenarios| over_http2(open(35.0), &base, scenarios));
    // A stream that fails takes no other with it.
    assert_eq!(seen.connections.load(Ordering::Relaxed), 1);
    // A refused stream was not processed, so it is retried once; one that was reset is not.
    assert_eq!((seen.request_count("GET /refused"), seen.request_count("GET /reset")), (10, 5));
}

#[test]
fn requests_that_the_server_did_not_process_are_retried_whatever_their_method() {
    let (base, seen) = start(ServerLimits::default());
    let mut plan = over_http2(open(20.0), &base, vec![(post("/refused-at-first", ""), 1)]);
    plan.warmup = Duration::ZERO;
    let phase = TestRun::new().run(&plan);
    assert_eq!((phase.requests, phase.errors), (20, 0), "{:?}", phase.outcomes);
    assert_eq!(seen.request_count("POST /refused-at-first"), 40);

    // Streams beyond the last of a GOAWAY, in frames that the test writes itself.
    let (base, seen) = one_request_each();
    let mut plan = over_http2(open(15.0), &base, vec![(post("/", ""), 1)]);
    (plan.warmup, plan.options.timeout) = (Duration::ZERO, Duration::from_secs(3));
    // Some requests come alone, some while another is processed.
    plan.options.arrivals = Arrivals::Poisson;
    let phase = TestRun::new().run(&plan);
    let ok = phase.outcomes.get(&Outcome::Ok).copied().unwrap_or_default();
    let sent_away = phase.outcomes.get(&Outcome::GoAway).copied().unwrap_or_default();
    assert_eq!(ok + sent_away, phase.requests, "{:?}", phase.outcomes);
    assert_eq!(seen.request_count("looked at"), ok, "no request was looked at twice");
    assert!(seen.request_count("passed over") > 0 && ok * 2 > phase.requests, "{ok} {:?}", seen.requests);
}

#[test]
fn a_server_that_announces_the_end_of_a_connection_causes_no_error() {
    let manners = ServerLimits { requests_per_connection: Some(20), ..ServerLimits::default() };
    for model in [open(200.0), closed(2)] {
        let (base, seen) = start(manners.clone());
        let scenarios = vec![(post("/length", ""), 1), (get("/slow"), 1)];
        let phase = TestRun::new().run(&over_http2(model, &base, scenarios));
        assert_eq!(phase.errors, 0, "{:?} {:?}", phase.outcomes, phase.exemplars);
        assert!(seen.connections.load(Ordering::Relaxed) > 3, "{:?}", seen.connections);
    }
}

#[test]
fn a_server_without_http2_has_an_outcome_of_its_own() {
    for how in [Fault::Garbage, Fault::Leaves] {
        let mut plan = over_http2(open(20.0), &broken(how), vec![(get("/"), 1)]);
        plan.warmup = Duration::ZERO;
        let phase = TestRun::new().run(&plan);
        assert_eq!(phase.outcomes.get(&Outcome::NoHttp2), Some(&20), "{how:?} {:?}", phase.outcomes);
        let detail = &phase.exemplars[0].detail;
        assert!(detail.contains("does not speak HTTP/2"), "{detail}");
    }
}

#[test]
fn a_site_on_hyper_is_loaded_like_one_of_http1() {
    let (mut figures, item) = (Vec::new(), get("/item/3"));
    for http in [HttpVersion::Http11, HttpVersion::Http2] {
        let mut plan = plan(open(50.0), &servers::calm(), vec![(item.clone(), 1), (get("/packed"), 1)]);
        plan.options.http = http;
        let phase = TestRun::new().run(&plan);
        assert_eq!((phase.requests, phase.errors), (50, 0), "{http}: {:?}", phase.exemplars);
        let of = |endpoint: &EndpointStats| {
            let sizes = (endpoint.wire_bytes, endpoint.body_bytes, endpoint.compressed);
            (endpoint.requests, sizes, endpoint.split.n, endpoint.routes.clone(), endpoint.cache.clone())
        };
        figures.push(phase.endpoints.iter().map(of).collect::<Vec<_>>());
    }
    assert_eq!(figures[0], figures[1]);
}

#[test]
fn within_tls_the_server_must_choose_http2() {
    let authority = Authority::new();
    let run = |protocols: &[&str], http: HttpVersion| {
        let tls = Some(authority.server(&["127.0.0.1"], protocols));
        let (base, _) = start(ServerLimits { tls, ..ServerLimits::default() });
        let mut plan = plan(open(20.0), &base, vec![(get("/"), 1)]);
        plan.via = Via { ca_file: Some(authority.file()), ..Via::default() };
        (plan.options.http, plan.warmup) = (http, Duration::ZERO);
        TestRun::new().run(&plan)
    };
    let phase = run(&["h2", "http/1.1"], HttpVersion::Http2);
    assert_eq!(phase.outcomes.get(&Outcome::Ok), Some(&20), "{:?}", phase.exemplars);
    for protocols in [&["http/1.1"][..], &[]] {
        let phase = run(protocols, HttpVersion::Http2);
        assert_eq!(phase.outcomes.get(&Outcome::NoHttp2), Some(&20), "{protocols:?} {:?}", phase.exemplars);
    }
}

#[test]
fn a_busy_connection_ends_with_the_phase() {
    let (base, _) = start(ServerLimits::default());
    let mut plan = over_http2(open(20.0), &base, vec![(get("/hang"), 1)]);
    (plan.options.timeout, plan.options.drain) = (Duration::from_mins(1), Duration::from_millis(200));
    plan.warmup = Duration::ZERO;
    let began = std::time::Instant::now();
    let phase = TestRun::new().run(&plan);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(phase.outcomes.get(&Outcome::Censored), Some(&20), "{:?}", phase.outcomes);
}
