//! The compose driver: the stack in containers, by `docker compose` (v2) or `docker-compose` (v1), for any topology.
//!
//! [`prepare()`] makes images and a data snapshot, [`up()`] restores the snapshot into fresh volumes and starts containers
//! in the order in which one needs the other; the stack is ready when each tier has answered a real request. It is taken
//! down by label ([`ComposeStack::down`], [`down_recorded`], [`clean`] after `kill -9`), which needs no record, and Docker
//! is asked again whether anything is left.
//!
//! What is loaded is the container's own address on the bridge: a published port goes through Docker's proxy process,
//! which would be measured instead.

mod ask_tcp;
mod base;
mod cgroup;
mod conf;
mod container;
mod daemon;
mod docker;
mod home;
mod images;
mod layout;
mod logs;
mod look;
mod machines;
mod manoeuvre;
mod mine;
mod override_file;
mod plan;
mod ports;
mod prepare;
mod project;
mod recorded;
mod running;
mod seeding;
mod service;
mod snapshot;
mod state;
mod tiers;
mod up;
mod variables;
mod versions;
mod volumes;
mod wait;

pub(crate) use look::look;
pub use mine::Holdings;
pub use plan::{ComposeGuard, ComposePlan, ComposePrepare};
pub use prepare::{ComposePrepared, prepare};
pub use recorded::{ComposeStatus, ContainerStatus, clean, down_recorded, holdings, status};
pub use running::{ComposeDown, ComposeStack};
pub use service::ComposeService;
pub use up::up;
