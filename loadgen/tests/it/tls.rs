//! https: trusted authorities, times of handshakes, and resumption of sessions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kneepoint_model::outcome::Outcome;
use kneepoint_model::via::Via;

use crate::tls_servers::{Authority, closing_site};
use crate::{TestRun, closed, get, open, plan};

#[test]
fn handshakes_are_timed_separately_resumed_and_redirects_are_counted() {
    let authority = Authority::new();
    let (base, seen) = closing_site(authority.server(&["127.0.0.1"], &["http/1.1"]));
    let mut plan = plan(open(20.0), &base, vec![(get("/hop"), 1)]);
    plan.via = Via { ca_file: Some(authority.file()), ..Via::default() };
    plan.warmup = Duration::ZERO;
    let test_run = TestRun::new();
    let phase = test_run.run(&plan);
    assert_eq!((phase.requests, phase.errors), (20, 0), "{:?}", phase.exemplars);
    // Each request has three responses on three connections, whose handshakes are one figure.
    assert_eq!((phase.connect_us.count, phase.tls_us.count), (20, 20));
    assert!(phase.tls_us.p50 > phase.connect_us.p50, "{:?} {:?}", phase.tls_us, phase.connect_us);
    assert_eq!(phase.endpoints[0].redirects, 40);
    let (full, resumed) = (seen.full.load(Ordering::Relaxed), seen.resumed.load(Ordering::Relaxed));
    assert_eq!(full + resumed, 60);
    assert!(resumed > 40, "{resumed} of 60 sessions were resumed");
    // They are also in the files of a killed phase.
    let recovered =
        kneepoint_loadgen::recover_phase(&test_run.run, "test").expect("readable").expect("began");
    assert_eq!((recovered.tls_us, recovered.connect_us), (phase.tls_us, phase.connect_us));
    assert_eq!(recovered.endpoints, phase.endpoints);
}

#[test]
fn an_untrusted_certificate_or_one_for_another_name_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (trusted, name) in [(other.file(), "127.0.0.1"), (authority.file(), "shop.test")] {
        let (base, _) = closing_site(authority.server(&[name], &[]));
        let mut plan = plan(closed(1), &base, vec![(get("/"), 1)]);
        plan.via = Via { ca_file: Some(trusted), ..Via::default() };
        let phase = TestRun::new().run(&plan);
        assert_eq!(
            phase.outcomes.keys().collect::<Vec<_>>(),
            [&Outcome::Tls],
            "{:?}",
            phase.exemplars.first()
        );
        assert_eq!(phase.tls_us.count, 0, "what did not end well is no handshake");
    }
}
