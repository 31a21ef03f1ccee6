//! The engine tier: our own Rust service, given the snapshot's books.

use std::net::{Ipv4Addr, SocketAddr};

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;

use super::service::Spec;
use super::up::{Site, url};

/// `command` with the address and the books added.
pub(super) fn spec(site: &Site, command: &[String], port: u16) -> Option<Spec> {
    let (program, args) = command.split_first()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string();
    let base = url(port, "/");
    let log = site.logs.join("engine.log");
    let program = site
        .program(program)
        .args(args)
        .args(["--listen", &address, "--books"])
        .arg(site.data.join(crate::data::BOOKS));
    let tier = TierInfo {
        tier: Tier::Engine,
        what: format!("kneepoint engine {} (tantivy)", env!("CARGO_PKG_VERSION")),
        roots: Vec::new(),
        runtime: Runtime::FramePointers,
        pprof_url: Some(url(port, "/debug/pprof/profile")),
        url: Some(base),
        concurrency: None,
        status_url: None,
        access_log: None,
        logs: vec![log.display().to_string()],
        instruments: Vec::new(),
        containers: Vec::new(),
    };
    Some(Spec { name: "engine", program, log, telling: Vec::new(), ready: url(port, "/healthz"), port, tier })
}
