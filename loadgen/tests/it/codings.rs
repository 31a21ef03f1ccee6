//! Bodies in other content codings than gzip.

use kneepoint_loadgen::ContentCoding;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::outcome::Outcome;

use crate::{TestRun, open, plan, scenario, servers};

/// One step for each coding, with or without a check of the body.
fn run(expect: &str, offered: Vec<ContentCoding>) -> LoadPhase {
    let step =
        |coding: &str| format!("[[step]]\nname = \"{coding}\"\npath = \"/packed/{coding}\"\n{expect}\n");
    let steps = ["br", "zstd", "deflate"].map(step).concat();
    let mut plan = plan(open(20.0), &servers::calm(), vec![(scenario(&format!("name = \"x\"\n{steps}")), 1)]);
    plan.options.accept_encoding = offered;
    TestRun::new().run(&plan)
}

const ALL: [ContentCoding; 4] =
    [ContentCoding::Br, ContentCoding::Zstd, ContentCoding::Deflate, ContentCoding::Gzip];

#[test]
fn a_body_that_is_checked_has_both_its_sizes() {
    for expect in ["expect = { contains = [\"xxx\"] }", "expect = { max_bytes = 5000 }"] {
        let phase = run(expect, ALL.to_vec());
        assert_eq!(phase.errors, 0, "{:?}", phase.exemplars);
        for endpoint in &phase.endpoints {
            assert_eq!(endpoint.body_bytes.get(), 5_000 * endpoint.requests, "{}", endpoint.name);
            assert!(endpoint.wire_bytes.get() < 200 * endpoint.requests, "{endpoint:?}");
            assert_eq!((endpoint.undecoded_bytes.get(), endpoint.compressed), (0, endpoint.requests));
        }
    }
    let large = run("expect = { max_bytes = 4999 }", ALL.to_vec());
    assert_eq!(large.endpoints[0].outcomes.get(&Outcome::CheckFailed), Some(&large.endpoints[0].requests));
}

#[test]
fn a_size_that_was_not_measured_is_unknown() {
    let phase = run("", ALL.to_vec());
    assert_eq!(phase.errors, 0, "{:?}", phase.exemplars);
    for endpoint in &phase.endpoints {
        assert!(endpoint.requests > 10 && endpoint.compressed == endpoint.requests, "{endpoint:?}");
        assert_eq!((endpoint.body_bytes.get(), endpoint.undecoded_bytes), (0, endpoint.wire_bytes));
    }
}

#[test]
fn a_coding_that_is_not_offered_is_refused() {
    let phase = run("expect = { status = [406] }", vec![ContentCoding::Gzip]);
    assert_eq!(phase.errors, 0, "{:?}", phase.exemplars);
}
