//! The native driver: the stack as child processes on this machine, everything on the loopback.
//!
//! [`up()`] removes what a dead owner left, chooses ports, copies the data, writes the configuration, starts stores, app
//! servers and proxies, and waits until each service has responded to a real request. Any failure takes everything down again.

mod balancer;
mod engine;
mod haproxy;
mod home;
mod live;
mod media;
mod plan;
mod proxy;
mod readiness;
mod record;
mod recorded;
mod required_services;
mod rollout;
mod running;
mod server;
mod service;
mod service_specs;
mod site;
mod site_env;
mod stores;
mod tier_info;
mod tools;
mod up;
mod wait;

/// The programs that only some topologies need: each with its version, or why it cannot be used.
pub(crate) fn locate_optional_programs(
    cancel: &kneepoint_model::cancel::Cancel,
) -> [(&'static str, Result<String, crate::error::StackError>); 4] {
    [
        ("nginx", &tools::NGINX),
        ("redis", &tools::REDIS),
        ("memcached", &tools::MEMCACHED),
        ("haproxy", &tools::HAPROXY),
    ]
    .map(|(name, spec)| (name, spec.locate(cancel).map(|tool| format!("{name} {}", tool.version))))
}

pub use plan::NativePlan;
pub use recorded::{NativeStatus, ServiceStatus, down_recorded, status};
pub use running::{LeftoverProcess, NativeDown, NativeStack};
pub use up::up;

pub use crate::prepare::{NativePrepare, NativePrepared, PrepareNeeds, prepare};
