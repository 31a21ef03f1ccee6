//! The configuration of a running stack, which a rollout changes.

use super::server::ServerSet;
use super::site::NativeSite;
use crate::render::NginxConf;
use crate::topology::Topology;

/// What is needed to change a stack while it runs.
#[derive(Debug, Clone)]
pub(super) struct LiveStack {
    pub(super) site: NativeSite,
    pub(super) topology: Topology,
    pub(super) servers: ServerSet,
    /// nginx's configuration; `None` without nginx.
    pub(super) nginx: Option<NginxConf>,
    /// Whether HAProxy is directly in front of the app servers.
    pub(super) haproxy: bool,
}
