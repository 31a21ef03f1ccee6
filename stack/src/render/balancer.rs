//! The context of HAProxy's template, `balancer/haproxy.cfg.j2`.

use serde::Serialize;

use super::{Backend, render};
use crate::error::StackError;

/// A further site, distinguished by the beginning of its domain name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HaproxySite {
    /// The name of its backend.
    pub(crate) name: String,
    /// Prefix of its domain name, e.g. `hello.`.
    pub(crate) host_begins: String,
    /// Its app servers.
    pub(crate) servers: Vec<Backend>,
}

/// Values of the template; settings not listed here keep the template's default.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HaproxyConf {
    /// The folder of the pid file.
    pub(crate) run_dir: String,
    /// The runtime socket, by which servers are taken out and put back.
    pub(crate) socket: String,
    /// Any address: `127.0.0.1:18080`, `*:80`.
    pub(crate) listen: String,
    /// Address of its statistics page: the loopback, or a network that anonymous users cannot reach.
    pub(crate) stats: String,
    /// The app servers, used in turn.
    pub(crate) servers: Vec<Backend>,
    /// Sites beside the main one.
    pub(crate) extra_sites: Vec<HaproxySite>,
    /// `host:port` of the object store that has the bucket `media`.
    pub(crate) objects: Option<String>,
    /// The bucket of the media.
    pub(crate) bucket: String,
    /// The limit of client connections.
    pub(crate) maxconn: u64,
}

impl HaproxyConf {
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
