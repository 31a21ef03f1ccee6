//! HAProxy: `balancer/haproxy.cfg.j2`.

use serde::Serialize;

use super::{Backend, render};
use crate::StackError;

/// A further site, told from the first by the beginning of its domain name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HaproxySite {
    /// What its backend is called.
    pub(crate) name: String,
    /// `hello.`
    pub(crate) host_begins: String,
    /// Who answers for it.
    pub(crate) servers: Vec<Backend>,
}

/// What the template is filled with; what is not listed keeps the template's default.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HaproxyConf {
    /// For the pid file.
    pub(crate) run_dir: String,
    /// The runtime socket, through which a server is taken out and put back.
    pub(crate) socket: String,
    /// Any address: `127.0.0.1:18080`, `*:80`.
    pub(crate) listen: String,
    /// Where its own figures are shown; must be the loopback, or a network that strangers do not reach.
    pub(crate) stats: String,
    /// The app servers, in turns.
    pub(crate) servers: Vec<Backend>,
    /// Further sites.
    pub(crate) extra_sites: Vec<HaproxySite>,
    /// `host:port` of the object store that has the bucket `media`.
    pub(crate) objects: Option<String>,
    /// Its bucket.
    pub(crate) bucket: String,
    /// Connections of clients.
    pub(crate) maxconn: u64,
}

impl HaproxyConf {
    /// The whole file.
    pub(crate) fn text(&self) -> Result<String, StackError> {
        render("balancer", "haproxy.cfg.j2", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(name: &str, address: &str) -> Backend {
        Backend { name: name.to_owned(), address: address.to_owned() }
    }

    #[test]
    fn haproxy_cfg() {
        let conf = HaproxyConf {
            run_dir: "/srv/run".to_owned(),
            socket: "/srv/run/haproxy.sock".to_owned(),
            listen: "127.0.0.1:18080".to_owned(),
            stats: "127.0.0.1:18085".to_owned(),
            servers: vec![backend("app-1", "127.0.0.1:18081"), backend("app-2", "127.0.0.1:18082")],
            extra_sites: vec![HaproxySite {
                name: "hello".to_owned(),
                host_begins: "hello.".to_owned(),
                servers: vec![backend("hello", "127.0.0.1:18083")],
            }],
            objects: Some("127.0.0.1:18084".to_owned()),
            bucket: "media".to_owned(),
            maxconn: 2000,
        };
        insta::assert_snapshot!(conf.text().unwrap());
        let bare = HaproxyConf { objects: None, extra_sites: Vec::new(), ..conf }.text().unwrap();
        assert!(!bare.contains("backend objects") && !bare.contains("hello"), "{bare}");
    }
}
