//! The stack under test: how it is prepared, brought up, inspected and taken down.
//!
//! - [`Stack`]: one interface for all drivers: [`Stack::bring_up`] for the reference stack, [`Stack::attach`] for a site that
//!   already runs;
//! - [`native`]: the driver that runs engine, gunicorn, nginx and stores as processes of this machine;
//! - [`compose`]: the driver that runs the same stack in containers;
//! - [`doctor()`]: what these drivers can use on this machine, and how to fix what is missing;
//! - [`toggle`]: the embedded experiments.
//!
//! The two drivers do not use each other: what they share is one level above them (`switches`, `owner`, `rollout`, `watchdog`,
//! `host`, `render`, `topology`). Everything listens on the loopback. This crate must not load, measure or profile anything.

mod assets;
mod attach;
pub mod compose;
mod db;
mod doctor;
mod error;
mod host;
pub mod native;
mod owner;
mod prepare;
mod reference;
mod render;
mod rollout;
mod stack;
mod switches;
pub mod toggle;
mod topology;
mod version;
mod watchdog;

pub use attach::{AttachPlan, attach};
pub use doctor::{Check, doctor};
pub use error::{PortHolder, ServiceFailure, StackError};
pub use host::ports::{DEFAULT_PORT, PortPlan, Ports};
pub use kneepoint_process::Lifetime;
pub use reference::{ReferenceDriver, ReferencePlan, TopologyChoice};
pub use rollout::{RolloutReport, RolloutStep};
pub use stack::{Stack, StackDown};
pub use topology::{
    Balance, Balancer, Database, Machine, ProxySettings, ServerKind, SharedCache, Size, Topology,
};
pub use watchdog::WatchdogCommand;
