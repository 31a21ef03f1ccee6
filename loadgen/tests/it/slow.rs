//! Users who read slowly.

use std::time::Duration;

use kneepoint_model::load::HttpVersion;
use kneepoint_model::units::Micros;

use crate::{TestRun, closed, get, open, plan, servers};

#[test]
fn a_slow_user_takes_its_time_and_the_server_waits() {
    const LENGTH: usize = 96 << 10;
    let (base, waits) = servers::slow_sender(LENGTH);
    let mut plan = plan(open(10.0), &base, vec![(get("/"), 1)]);
    plan.warmup = Duration::ZERO;
    plan.options.timeout = Duration::from_secs(5);
    let fast = TestRun::new().run(&plan);
    assert!(fast.errors == 0 && fast.service_us.max < Micros(200_000), "{:?}", fast.service_us);
    waits.lock().expect("lock").clear();

    plan.options.read_rate = "128 KiB/s".parse().ok();
    let slow = TestRun::new().run(&plan);
    // 96 KiB at 128 KiB a second: 0.75 s, each on a connection of its own, whatever the others do.
    assert_eq!((slow.requests, slow.errors), (10, 0), "{:?}", slow.exemplars);
    let (p50, max) = (slow.service_us.p50, slow.service_us.max);
    assert!(p50 > Micros(700_000) && max < Micros(1_000_000), "{:?}", slow.service_us);
    assert!(slow.ttfb_us.p50 < Micros(100_000), "the first bytes came at once: {:?}", slow.ttfb_us);
    // The server waited for all bytes except those that fit into two small buffers.
    let waits = waits.lock().expect("lock").clone();
    assert_eq!(waits.len(), 10);
    assert!(waits.iter().all(|wait| *wait > Duration::from_millis(350)), "{waits:?}");
}

#[test]
fn slow_users_need_http1() {
    let mut plan = plan(closed(1), "http://127.0.0.1:1", vec![(get("/"), 1)]);
    (plan.options.http, plan.options.read_rate) = (HttpVersion::Http2, "1 KiB/s".parse().ok());
    let refused = TestRun::new().refused(&plan);
    assert!(refused.to_string().contains("read_rate"), "{refused}");
}
