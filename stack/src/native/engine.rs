//! The engine tier: our own Rust service, given the snapshot's books.

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;

use super::ready::Ready;
use super::service::Spec;
use super::stores::tier;
use super::up::{Site, url};

/// `command` with the address and the books added.
pub(super) fn spec(site: &Site, command: &[String], port: u16) -> Option<Spec> {
    let (program, args) = command.split_first()?;
    let log = site.logs.join("engine.log");
    let program = site
        .program(program)
        .args(args)
        .args(["--listen", &format!("127.0.0.1:{port}"), "--books"])
        .arg(site.data.join(crate::data::BOOKS));
    let what = format!("kneepoint engine {} (tantivy)", env!("CARGO_PKG_VERSION"));
    let tier = TierInfo {
        pprof_url: Some(url(port, "/debug/pprof/profile")),
        url: Some(url(port, "/")),
        logs: vec![log.display().to_string()],
        ..tier(Tier::Engine, what, Runtime::FramePointers)
    };
    let (kind, name, telling) = ("engine", "engine".to_owned(), Vec::new());
    let ready = vec![Ready::http(port, "/healthz")];
    Some(Spec { kind, name, program, log, telling, ready, ports: vec![port], tier })
}
