//! The native driver: the stack as child processes of this machine, everything on the loopback.
//!
//! `up` reads as its stages: clear what a dead owner left, choose ports, copy the data, write the configuration, start
//! engine, server and proxy, and wait until each answers a real request. Whatever fails on the way takes everything down.

mod engine;
mod home;
mod plan;
mod proxy;
mod ready;
mod recorded;
mod running;
mod server;
mod service;
mod state;
mod switches;
mod up;

/// The version of the nginx that would be used.
pub(crate) fn proxy_version(cancel: &kneepoint_model::cancel::Cancel) -> Result<String, crate::StackError> {
    proxy::locate(cancel).map(|nginx| nginx.version)
}

pub use plan::{UpPlan, WatchdogCommand};
pub use recorded::{ServiceStatus, StackStatus, down_recorded, status};
pub use running::{DownReport, Leftover, RunningStack};
pub use up::up;
