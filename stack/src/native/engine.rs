//! The engine tier: kneepoint's search service on the books of the data snapshot.

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;

use super::readiness::ReadinessCheck;
use super::service::ServiceSpec;
use super::site::{NativeSite, loopback_url};
use super::tier_info::new_tier_info;

/// `command` with the address and the books file appended; `None` when `command` is empty.
pub(super) fn engine_spec(site: &NativeSite, command: &[String], port: u16) -> Option<ServiceSpec> {
    let (program, args) = command.split_first()?;
    let log = site.logs.join("engine.log");
    let program = site
        .program(program)
        .args(args)
        .args(["--listen", &format!("127.0.0.1:{port}"), "--books"])
        .arg(site.data.join(crate::prepare::data::BOOKS));
    let what = format!("kneepoint engine {} (tantivy)", env!("CARGO_PKG_VERSION"));
    let tier = TierInfo {
        pprof_url: Some(loopback_url(port, "/debug/pprof/profile")),
        url: Some(loopback_url(port, "/")),
        logs: vec![log.display().to_string()],
        ..new_tier_info(Tier::Engine, what, Runtime::FramePointers)
    };
    let (kind, name, diagnostic_logs) = ("engine", "engine".to_owned(), Vec::new());
    let checks = vec![ReadinessCheck::http(port, "/healthz")];
    Some(ServiceSpec { kind, name, program, log, diagnostic_logs, checks, ports: vec![port], tier })
}
