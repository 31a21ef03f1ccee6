//! Resource use between two points in time: a tier's usage is its own, and undeclared usage is foreign CPU.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::stack::{Driver, Runtime, StackInfo, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_profiler::ResourceSnapshotter;

use crate::workload::{Running, exclusive_run};

/// Its parent ends at once, so that it is not a descendant of this process, whose tools are never foreign.
const BURN: &str = "(sh -c 'echo $$ > pid; while :; do :; done' &); sleep 60";

fn stack(tiers: Vec<TierInfo>) -> StackInfo {
    StackInfo {
        format_version: FORMAT_VERSION,
        driver: Driver::Native,
        topology: "test".to_owned(),
        base_url: "http://127.0.0.1:1/".parse().unwrap(),
        host_header: None,
        via: kneepoint_model::via::Via::default(),
        tiers,
        toggles: BTreeMap::new(),
        versions: BTreeMap::new(),
        statements: None,
        throw_away: true,
    }
}

#[test]
fn each_stack_has_its_own_usage_and_the_rest_is_foreign() {
    let _exclusive = exclusive_run();
    let busy = Running::start(BURN, &[]);
    let declared = stack(vec![busy.tier(Tier::Server, Runtime::Native)]);
    let (idle, nothing) = (stack(Vec::new()), stack(Vec::new()));
    let mut with = ResourceSnapshotter::new(&[&idle, &declared]);
    let mut without = ResourceSnapshotter::new(&[&nothing]);
    thread::sleep(Duration::from_millis(800));
    let (with, without) = (with.take(), without.take());
    assert!(with.stacks[0].is_empty());
    let used = with.stacks[1][0].cpu_us.as_f64();
    // A busy machine gives it less than a core, and never more.
    assert!((50_000.0..=900_000.0).contains(&used), "{used}");
    assert!(with.length >= Duration::from_millis(800) && with.stacks[1][0].rss.0 > 0);
    let (known, unknown) = (with.host.foreign_us.as_f64(), without.host.foreign_us.as_f64());
    assert!(unknown - known > used * 0.6, "declared {known}, not declared {unknown}, used {used}");
    assert!(without.foreign_share() > with.foreign_share());
}

#[test]
fn connections_are_counted_per_window() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let mut snapshotter = ResourceSnapshotter::new(&[]);
    let open: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(at).unwrap()).collect();
    let opened = snapshotter.take().opened.unwrap();
    assert!((20..2_000).contains(&opened), "{opened}");
    drop(open);
}
