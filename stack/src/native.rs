//! The native driver: the stack as child processes of this machine, everything on the loopback.
//!
//! `up` reads as its stages: clear what a dead owner left, choose ports, copy the data, write the configuration, start
//! what keeps things, the app servers and what stands before them, and wait until each answers a real question. Whatever
//! fails on the way takes everything down.

mod assemble;
mod balancer;
mod engine;
mod haproxy;
mod home;
pub(crate) mod manoeuvre;
mod media;
mod plan;
mod proxy;
mod ready;
mod recorded;
mod running;
mod server;
mod service;
pub(crate) mod state;
mod stores;
pub(crate) mod switches;
mod tiers;
mod tools;
mod up;
mod wanted;

/// The programs that some topologies need, and what was found of each.
pub(crate) fn known_programs(
    cancel: &kneepoint_model::cancel::Cancel,
) -> [(&'static str, Result<String, crate::StackError>); 4] {
    [
        ("nginx", &tools::NGINX),
        ("redis", &tools::REDIS),
        ("memcached", &tools::MEMCACHED),
        ("haproxy", &tools::HAPROXY),
    ]
    .map(|(name, known)| (name, known.locate(cancel).map(|tool| format!("{name} {}", tool.version))))
}

pub(crate) use home::plain_path;
pub use manoeuvre::{ManoeuvreReport, ManoeuvreStep};
pub use plan::{UpPlan, WatchdogCommand};
pub use recorded::{ServiceStatus, StackStatus, down_recorded, status};
pub use running::{DownReport, Leftover, RunningStack};
pub(crate) use tools::since;
pub use up::up;
