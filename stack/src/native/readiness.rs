//! What shows that a service is ready, as values. `wait.rs` runs these checks.

use std::path::{Path, PathBuf};

use url::Url;

use super::site::loopback_url;

/// A check that must succeed before a service counts as ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadinessCheck {
    /// The address that messages show.
    pub(super) url: Url,
    pub(super) probe: Probe,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Probe {
    /// A GET that must return 200.
    Http,
    /// The same with this `Host` header.
    HttpWithHost(&'static str),
    /// The same over a Unix socket.
    HttpOverSocket(PathBuf),
    /// A request over TCP, and the prefix that its response must have.
    TcpText(&'static str, &'static str),
    /// A connection on which MySQL must send its greeting.
    Mysql,
    /// A log file, and the text that the service writes into it when it is ready.
    LogContains(PathBuf, &'static str),
    /// HAProxy's runtime socket, and the servers that HAProxy must report as healthy.
    HaproxyBackends(PathBuf, Vec<String>),
}

impl ReadinessCheck {
    pub(super) fn http(port: u16, path: &str) -> Self {
        Self { url: loopback_url(port, path), probe: Probe::Http }
    }

    pub(super) fn http_with_host(port: u16, path: &str, host: &'static str) -> Self {
        Self { url: loopback_url(port, path), probe: Probe::HttpWithHost(host) }
    }

    pub(super) fn http_over_socket(socket: &Path, path: &str) -> Self {
        let url = Url::parse(&format!("http://localhost{path}")).expect("a host with a path is a URL");
        Self { url, probe: Probe::HttpOverSocket(socket.to_owned()) }
    }

    pub(super) fn redis(port: u16) -> Self {
        Self { url: loopback_address("redis", port), probe: Probe::TcpText("PING\r\n", "+PONG") }
    }

    pub(super) fn memcached(port: u16) -> Self {
        Self { url: loopback_address("memcached", port), probe: Probe::TcpText("version\r\n", "VERSION") }
    }

    pub(super) fn mysql(port: u16) -> Self {
        Self { url: loopback_address("mysql", port), probe: Probe::Mysql }
    }

    /// For a service that does not listen: it connects to Redis at `port` and logs `words` when it is ready.
    pub(super) fn log_contains(log: &Path, words: &'static str, port: u16) -> Self {
        Self { url: loopback_address("redis", port), probe: Probe::LogContains(log.to_owned(), words) }
    }

    /// HAProxy responds as soon as one server does and finds the others at its next health check, up to two seconds later;
    /// until then load would go to fewer servers than there are.
    pub(super) fn haproxy_backends(socket: &Path, servers: Vec<String>, port: u16) -> Self {
        Self {
            url: loopback_address("haproxy", port),
            probe: Probe::HaproxyBackends(socket.to_owned(), servers),
        }
    }

    /// The port on which the service itself must listen; `None` when another process owns the address.
    pub(super) fn listening_port(&self) -> Option<u16> {
        match self.probe {
            Probe::HttpOverSocket(_) | Probe::LogContains(..) | Probe::HaproxyBackends(..) => None,
            _ => self.url.port(),
        }
    }
}

fn loopback_address(scheme: &str, port: u16) -> Url {
    Url::parse(&format!("{scheme}://127.0.0.1:{port}")).expect("a loopback address is a URL")
}
