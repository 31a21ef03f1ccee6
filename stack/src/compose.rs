//! The compose driver: the stack in containers, by `docker compose` (v2) or `docker-compose` (v1), for any topology.
//!
//! [`prepare()`] makes images and a data snapshot. [`up()`] restores the snapshot into fresh volumes and starts containers in
//! dependency order; the stack is ready when each tier has responded to a real request. It is taken down by label
//! ([`ComposeStack::down`], [`down_recorded`], [`clean`] after `kill -9`), which needs no record, and Docker is then asked
//! again whether anything remains.
//!
//! The load goes to the container's own address on the bridge: a published port goes through Docker's proxy process, which
//! would be measured too.

mod base;
mod capabilities;
mod cgroup;
mod conf;
mod container;
mod daemon;
mod docker;
mod docker_resources;
mod home;
mod images;
mod layout;
mod logs;
mod machines;
mod mounts;
mod override_file;
mod plan;
mod ports;
mod prepare;
mod prepared;
mod project;
mod record;
mod recorded;
mod rollout;
mod running;
mod seeding;
mod service;
mod snapshot;
mod tcp_probe;
mod tier_info;
mod up;
mod variables;
mod versions;
mod volumes;
mod wait;

pub(crate) use capabilities::check_capabilities;
pub use docker_resources::DockerResources;
pub use plan::{ComposeGuard, ComposePlan, ComposePrepare};
pub use prepare::prepare;
pub use prepared::ComposePrepared;
pub use recorded::{ComposeStatus, ContainerStatus, clean, down_recorded, list_resources, status};
pub use running::{ComposeDown, ComposeStack};
pub use service::ComposeService;
pub use up::up;
