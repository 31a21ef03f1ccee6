//! Servers that violate the protocol, and cancellation meanwhile.

use std::time::{Duration, Instant};

use kneepoint_loadgen::LoadError;
use kneepoint_model::load::{HttpVersion, LoadModel};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::via::Via;

use crate::http2_servers::{Fault, broken};
use crate::tls_servers::{Authority, closing_site};
use crate::{TestRun, assert_outcomes, closed, get, open, plan, scenario, servers};

#[test]
fn every_protocol_fault_is_distinguished() {
    let faults = [
        ("/reset", Outcome::Reset),
        ("/cut", Outcome::Reset),
        ("/garbage", Outcome::Protocol),
        ("/endless", Outcome::BodyTooLarge),
        ("/hang", Outcome::Timeout),
        ("/dripping", Outcome::Timeout),
        ("/fine", Outcome::Ok),
    ];
    assert_outcomes(faults, |scenarios| plan(open(35.0), &servers::misbehaving(), scenarios));
}

#[test]
fn a_connection_that_was_closed_while_idle_costs_no_error() {
    // The server keeps a connection for 15 ms only; the user comes back after 10 to 20.
    let text =
        "name = \"x\"\nthink = { min_ms = 10, max_ms = 20 }\n[[step]]\npath = \"/once\"\nrepeat = 20\n";
    let phase = TestRun::new().run(&plan(open(10.0), &servers::misbehaving(), vec![(scenario(text), 1)]));
    assert!(phase.requests > 100 && phase.connect_us.count > 10, "{} {:?}", phase.requests, phase.connect_us);
    assert_eq!(
        phase.errors,
        0,
        "{:?}",
        phase.exemplars.iter().filter(|e| !e.outcome.is_ok()).collect::<Vec<_>>()
    );
}

#[test]
fn every_protocol_fault_is_distinguished_with_http2_too() {
    for (how, outcome) in [
        (Fault::Silent, Outcome::Timeout),
        (Fault::Garbage, Outcome::NoHttp2),
        (Fault::Leaves, Outcome::NoHttp2),
        (Fault::GarbageLater, Outcome::Protocol),
        (Fault::Cuts, Outcome::Reset),
        (Fault::EndlessHead, Outcome::Protocol),
    ] {
        for model in [open(20.0), closed(2)] {
            let mut plan = plan(model, &broken(how), vec![(get("/"), 1)]);
            (plan.options.http, plan.warmup) = (HttpVersion::Http2, Duration::ZERO);
            plan.options.drain = Duration::from_secs(4);
            // Only the silent server runs into the timeout; a busy machine must not make timeouts of the other faults.
            if outcome != Outcome::Timeout {
                plan.options.timeout = Duration::from_secs(3);
            }
            let phase = TestRun::new().run(&plan);
            let counted = phase.outcomes.get(&outcome).copied().unwrap_or_default();
            let censored = phase.outcomes.get(&Outcome::Censored).copied().unwrap_or_default();
            assert!(counted > 0 && counted + censored == phase.requests, "{how:?} {:?}", phase.outcomes);
        }
    }
}

#[test]
fn an_unknown_name_is_reported_before_any_load() {
    for http in [HttpVersion::Http11, HttpVersion::Http2] {
        let mut plan = plan(open(20.0), "http://no-such-name.invalid/", vec![(get("/"), 1)]);
        plan.options.http = http;
        let refused = TestRun::new().refused(&plan);
        assert!(matches!(refused, LoadError::Resolve { .. }), "{refused}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_a_counted_failure_in_both_protocols() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (http, protocol) in [(HttpVersion::Http11, "http/1.1"), (HttpVersion::Http2, "h2")] {
        let (base, _) = closing_site(authority.server(&["127.0.0.1"], &[protocol]));
        let mut plan = plan(open(20.0), &base, vec![(get("/"), 1)]);
        plan.via = Via { ca_file: Some(other.file()), ..Via::default() };
        (plan.options.http, plan.warmup) = (http, Duration::ZERO);
        let phase = TestRun::new().run(&plan);
        assert_eq!(phase.outcomes.get(&Outcome::Tls), Some(&20), "{http}: {:?}", phase.outcomes);
    }
}

fn assert_cancelled_in_time(model: LoadModel) {
    let test_run = TestRun::new();
    let (base, requests) = servers::silent();
    let mut plan = plan(model, &base, vec![(get("/hang"), 1)]);
    plan.options.timeout = Duration::from_mins(1);
    plan.duration = Duration::from_mins(1);
    plan.warmup = Duration::ZERO;
    let cancel = test_run.cancel.clone();
    let stopper = std::thread::spawn(move || {
        // The phase may wait for others before it begins: when a request hangs, it has begun.
        requests.recv_timeout(Duration::from_secs(30)).expect("a request");
        std::thread::sleep(Duration::from_millis(200));
        cancel.cancel();
        Instant::now()
    });
    let phase = test_run.run(&plan);
    let cancelled = stopper.join().expect("stopper");
    assert!(cancelled.elapsed() < Duration::from_secs(1), "{:?} after the cancellation", cancelled.elapsed());
    assert!(phase.partial && !phase.validity.valid);
    assert!(phase.validity.why[0].contains("cut short"), "{:?}", phase.validity);
    assert_eq!(phase.outcomes.keys().collect::<Vec<_>>(), [&Outcome::Censored]);
    assert!(phase.requests > 0 && phase.response_us.max.get() > 50_000, "{:?}", phase.response_us);
}

#[test]
fn the_open_model_stops_within_a_second_of_cancellation() {
    assert_cancelled_in_time(open(20.0));
}

#[test]
fn the_closed_model_stops_within_a_second_of_cancellation() {
    assert_cancelled_in_time(closed(4));
}

#[test]
fn requests_that_do_not_end_in_time_are_censored_and_counted() {
    let mut plan = plan(open(20.0), &servers::misbehaving(), vec![(get("/hang"), 1)]);
    plan.options.timeout = Duration::from_mins(1);
    plan.options.drain = Duration::from_millis(200);
    plan.warmup = Duration::ZERO;
    let phase = TestRun::new().run(&plan);
    assert!(!phase.partial);
    assert_eq!(phase.outcomes.get(&Outcome::Censored), Some(&20));
    assert!(phase.response_us.max.get() >= 1_100_000, "{:?}", phase.response_us);
    assert!(phase.achieved_rps.0 < 0.1, "{:?}", phase.achieved_rps);
}

#[test]
fn a_peer_without_tls_is_distinguished_from_one_that_is_gone() {
    let base = servers::misbehaving().replace("http://", "https://");
    let mut plan = plan(open(20.0), &base, vec![(get("/fine"), 1)]);
    plan.warmup = Duration::ZERO;
    let phase = TestRun::new().run(&plan);
    // The server waits for a request head that never ends, or closes: a timeout, or a failed handshake.
    assert!(
        phase.outcomes.keys().all(|o| matches!(o, Outcome::Tls | Outcome::Timeout)),
        "{:?}",
        phase.outcomes
    );
}

#[test]
fn load_that_overwhelms_the_site_is_stopped() {
    let mut plan = plan(open(40.0), &servers::calm(), vec![(get("/broken"), 1)]);
    (plan.warmup, plan.duration) = (Duration::ZERO, Duration::from_secs(30));
    plan.options.stop_when = vec!["error > 50%".parse().expect("a limit")];
    let began = Instant::now();
    let phase = TestRun::new().run(&plan);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(phase.partial && phase.errors >= 100, "{} errors", phase.errors);
    assert_eq!(phase.stopped_by.as_deref(), Some("error > 50%"));
    assert!(phase.validity.why[0].contains("`error > 50%` held for 3 s in a row"), "{:?}", phase.validity);
}
