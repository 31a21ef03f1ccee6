//! Topologies of the native driver: brought up, checked from outside, taken down.

use std::time::Instant;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_model::stack::Instrument;
use kneepoint_model::tier::Tier;
use kneepoint_stack::native::{NativePlan, NativePrepare, NativeStack, PrepareNeeds, prepare, up};
use kneepoint_stack::{Size, Topology};

use super::support::*;

/// Prepares and brings up a topology; prints how long that took and how much memory each tier uses.
fn bring_up(root: &std::path::Path, topology: Topology, port: u16) -> NativeStack {
    let needs = PrepareNeeds::for_topology(&topology, &std::collections::BTreeMap::new());
    let plan = NativePrepare { root: root.to_owned(), size: Size::S, seed: 1, python: None, needs };
    let began = Instant::now();
    let prepared = prepare(&plan, &Cancel::new(), &NullEventSink).unwrap();
    let prepared_in = began.elapsed().as_secs_f64();
    let name = topology.name.clone();
    let plan = NativePlan { topology, objects: objects(), ..super::support::plan("gunicorn", port) };
    let began = Instant::now();
    let stack = up(&plan, &prepared, &Cancel::new(), &NullEventSink).unwrap();
    let up_in = began.elapsed().as_secs_f64();
    print_line(&format!("{name}: prepared in {prepared_in:.2} s, up in {up_in:.2} s"));
    for tier in &stack.info().tiers {
        let (name, weight) = (tier.tier.name(), mebibytes(&tier.roots));
        print_line(&format!("  {name:8} {weight:6.0} MiB  {}", tier.what));
    }
    stack
}

#[test]
fn two_servers_behind_nginx_with_sqlite() {
    if !has(&["nginx"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let mut topology = Topology::named("nginx").unwrap();
    topology.servers = 2.try_into().unwrap();
    let stack = bring_up(&root(temp.path()), topology, 23_000);
    let server = stack.info().tier(Tier::Server).unwrap();
    assert!(server.roots.len() == 2 && server.what.starts_with("2 × gunicorn"), "{server:?}");
    for _ in 0..4 {
        assert_eq!(page(stack.info(), "/catalogue/").0, 200);
    }
    assert_eq!(stack.down(GRACE).stopped[..3], ["nginx", "gunicorn-2", "gunicorn-1"]);
}

#[test]
fn db_apart() {
    let temp = tempfile::tempdir().unwrap();
    if !has(&["nginx"]) {
        return;
    }
    let root = root(temp.path());
    let stack = bring_up(&root, Topology::named("db-apart").unwrap(), 23_100);
    let db = stack.info().tier(Tier::Db).unwrap();
    let Some(Instrument::Mysql { address, .. }) = db.instruments.first() else { panic!("{db:?}") };
    assert_eq!(address, &format!("127.0.0.1:{}", stack.ports().db.unwrap()));
    assert_eq!(page(stack.info(), "/catalogue/").0, 200);
    assert_eq!(page(stack.info(), "/books/7/").0, 200);
    let (sessions, ports) = (sessions(stack.info()), ports(stack.info()));
    assert_eq!(stack.down(GRACE).leftovers, []);
    assert_nothing_is_left(&sessions, &ports);
}
