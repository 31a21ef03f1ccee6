//! The reference stack and its life: what is under test, and how it is brought up, looked at and taken down.
//!
//! - [`prepare()`]: from nothing to an extracted stack, a virtual environment and seeded data, all cached;
//! - [`up()`]: the native driver: engine, gunicorn under supervisor, nginx, each ready when it answers a real request;
//! - [`compose`]: the compose driver, the same stack in containers;
//! - [`status`], [`down_recorded`]: the same stack seen from another process, also after `kill -9`;
//! - [`attach()`]: a site that already runs, refused when it is public and nobody said that it may be loaded;
//! - [`doctor()`]: what this machine can do, and the command that mends the rest.
//!
//! Everything listens on the loopback. This crate must not load, measure or profile anything.

mod ask;
mod assets;
mod attach;
pub mod compose;
mod data;
mod db;
mod disk;
mod doctor;
mod error;
mod exec;
mod folder;
mod hash;
mod lock;
mod mask;
mod native;
mod ports;
mod prepare;
mod proc_net;
mod proxy_settings;
mod python;
mod render;
mod size;
pub mod toggle;
mod topology;
mod venv;

pub use attach::{AttachPlan, Reach, attach, reach};
pub use doctor::{Check, doctor};
pub use error::{Holder, StackError, Trouble};
pub use kneepoint_process::Lifetime;
pub use native::{
    DownReport, Leftover, ManoeuvreReport, ManoeuvreStep, RunningStack, ServiceStatus, StackStatus, UpPlan,
    WatchdogCommand, down_recorded, status, up,
};
pub use ports::{DEFAULT_PORT, PortPlan, Ports};
pub use prepare::{Needs, PreparePlan, Prepared, prepare};
pub use size::Size;
pub use topology::{Balance, Balancer, Database, Machine, ProxySettings, ServerKind, SharedCache, Topology};
