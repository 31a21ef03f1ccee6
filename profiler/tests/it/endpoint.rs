//! A tier's own profile endpoint, simulated by a socket: a good response, a refusal, garbage.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileUnit, ProfileView};
use kneepoint_model::stack::Runtime;
use kneepoint_model::tier::Tier;
use kneepoint_profiler::export::pprof;
use kneepoint_profiler::source::pprof_http::PprofHttp;
use kneepoint_profiler::source::{Probe, ProfileTarget, ProfileWindow, Source};
use url::Url;

use crate::workload::tier_info;

/// Responds to one request; returns its first line.
fn serve(head: &'static str, body: Vec<u8>) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/debug/pprof/profile", listener.local_addr().unwrap())).unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let n = stream.read(&mut request).unwrap();
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
        String::from_utf8_lossy(&request[..n]).lines().next().unwrap_or_default().to_owned()
    });
    (url, thread)
}

fn record_from(url: Url) -> Result<Vec<FoldedProfile>, kneepoint_profiler::ProfilerError> {
    let mut info = tier_info(Tier::Engine, Runtime::FramePointers, Vec::new());
    info.pprof_url = Some(url);
    let window = ProfileWindow { duration: Duration::from_secs(2), hz: 49, cancel: Cancel::new() };
    PprofHttp.record(&ProfileTarget::for_tier(&info, std::slice::from_ref(&info)), &window)
}

#[test]
fn a_profile_is_read_and_its_weakness_is_reported_before() {
    let mut info = tier_info(Tier::Engine, Runtime::FramePointers, Vec::new());
    info.pprof_url = Url::parse("http://127.0.0.1:9/debug/pprof/profile").ok();
    let probe = PprofHttp.probe(&ProfileTarget::for_tier(&info, std::slice::from_ref(&info)));
    assert!(matches!(&probe, Probe::Degraded { why, .. } if why.contains("innermost function")), "{probe:?}");

    let stacks =
        BTreeMap::from([("main;search;score".to_owned(), 30_000_000), ("main;parse".to_owned(), 10_000_000)]);
    let original = FoldedProfile {
        tier: Tier::Engine,
        source: ProfileSource::PprofHttp,
        view: ProfileView::Running,
        unit: ProfileUnit::CpuNanos,
        stacks: stacks.clone(),
        facts: ProfileFacts { hz: 100, ..ProfileFacts::default() },
    };
    let (url, server) = serve("HTTP/1.0 200 OK\r\n\r\n", pprof::render(&original).unwrap());
    let profile = record_from(url).expect("a good response").remove(0);
    assert_eq!(server.join().unwrap(), "GET /debug/pprof/profile?seconds=2&hz=49 HTTP/1.0");
    assert_eq!((profile.stacks, profile.unit, profile.facts.samples), (stacks, ProfileUnit::CpuNanos, 4));
}

#[test]
fn a_busy_endpoint_and_nonsense_are_errors_in_one_line() {
    let (url, server) = serve("HTTP/1.0 409 Conflict\r\n\r\n", b"already\nrunning".to_vec());
    let error = record_from(url).expect_err("refused").to_string();
    assert!(error.contains("status 409") && error.contains("already running"), "{error}");
    server.join().unwrap();
    let (url, server) = serve("HTTP/1.0 200 OK\r\n\r\n", b"<html>".to_vec());
    let error = record_from(url).expect_err("nonsense").to_string();
    assert!(error.contains("cannot be read"), "{error}");
    server.join().unwrap();
}
