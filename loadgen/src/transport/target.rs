//! Where connections go: resolved once per phase, so that name look-ups are in no figure.

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use kneepoint_model::load::HttpVersion;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::failure::Failure;
use super::pace::ReadRate;
use super::slow::Slow;
use super::stream::Stream;
use super::tls::{H2, Tls};
use crate::error::LoadError;
use crate::plan::PhasePlan;

const PROBE: Duration = Duration::from_secs(3);

/// Someone who listens, and how to speak to them.
pub(crate) struct Target {
    at: Place,
    tls: Option<Tls>,
    pub(super) http: HttpVersion,
    /// Bytes per second that a connection takes, when visitors are slow.
    read_rate: Option<ReadRate>,
    /// Whether a connection to it ever spoke HTTP/2.
    pub(super) spoke_http2: AtomicBool,
}

/// A new connection.
pub(super) struct Connected {
    pub(super) stream: Stream,
    /// Time of the TLS handshake, when there was one.
    pub(super) tls: Option<Duration>,
}

/// Where they listen.
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Target {
    /// Finds who listens for the plan's address: on its unix socket when it has one, and then no name is looked up; else at
    /// the first address of the host that answers.
    pub(crate) fn find(plan: &PhasePlan, server_name: &str) -> Result<Self, LoadError> {
        let at = match &plan.via.unix_socket {
            Some(path) => listening(path)?,
            None => resolved(plan)?,
        };
        let tls = match plan.base_url.scheme() {
            "https" => Some(Tls::new(server_name, plan.via.ca_file.as_deref(), plan.http)?),
            _ => None,
        };
        Ok(Self { at, tls, http: plan.http, read_rate: plan.read_rate, spoke_http2: AtomicBool::new(false) })
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// A slow reader has little room for what it has not read, and says so from the first segment on: else the server would
    /// be rid of the answer long before it is read. On a unix socket the room is the server's own send buffer.
    async fn tcp(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let Some(rate) = self.read_rate else { return TcpStream::connect(address).await };
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_recv_buffer_size(rate.buffer())?;
        socket.connect(address).await
    }

    pub(super) async fn connect(&self) -> Result<Connected, Failure> {
        let stream = match &self.at {
            Place::Tcp(address) => {
                let stream = self.tcp(*address).await.map_err(|e| Failure::connect(&e))?;
                // Without it a request in two segments would wait for the peer's delayed acknowledgement.
                stream.set_nodelay(true).map_err(|e| Failure::connect(&e))?;
                Stream::Tcp(stream)
            }
            Place::Unix(path) => {
                Stream::Unix(UnixStream::connect(path).await.map_err(|e| Failure::connect(&e))?)
            }
        };
        let stream = match self.read_rate {
            None => stream,
            Some(rate) => Stream::Slow(Box::new(Slow::new(stream, rate))),
        };
        match &self.tls {
            None => Ok(Connected { stream, tls: None }),
            Some(Tls { connector, name }) => {
                let began = Instant::now();
                let handshake = connector.connect(name.clone(), stream).await;
                let stream = handshake.map_err(|e| Failure::tls(&e))?;
                // A server without ALPN says nothing at all, and then means HTTP/1.1.
                if self.http == HttpVersion::Http2 && stream.get_ref().1.alpn_protocol() != Some(H2) {
                    return Err(Failure::no_http2("it did not choose it within TLS (ALPN)"));
                }
                Ok(Connected { stream: Stream::Tls(Box::new(stream)), tls: Some(began.elapsed()) })
            }
        }
    }
}

/// Resolves the host and takes the first of its addresses where someone listens.
fn resolved(plan: &PhasePlan) -> Result<Place, LoadError> {
    let host = plan.base_url.host_str().unwrap_or_default();
    let port = plan.base_url.port_or_known_default().unwrap_or(80);
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = (name, port)
        .to_socket_addrs()
        .map_err(|source| LoadError::Resolve { host: host.to_owned(), source })?
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match StdStream::connect_timeout(&address, PROBE) {
            Ok(_) => return Ok(Place::Tcp(address)),
            Err(error) => last = error,
        }
    }
    Err(LoadError::Unreachable { target: format!("{host}:{port}"), source: last })
}

/// Whether someone listens on a unix socket. It is not waited for: a full queue has somebody before it.
fn listening(path: &Path) -> Result<Place, LoadError> {
    let knock = || {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)
    };
    match knock() {
        Ok(()) | Err(rustix::io::Errno::AGAIN) => Ok(Place::Unix(path.to_owned())),
        Err(error) => {
            Err(LoadError::Unreachable { target: path.display().to_string(), source: error.into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::load::LoadModel;
    use kneepoint_model::via::Via;

    use super::*;

    #[test]
    fn a_socket_is_found_without_a_look_at_the_name() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("app.sock");
        let model = LoadModel::Closed { users: 1 };
        let mut plan =
            PhasePlan::new("t", model, "http://no-such-name.invalid/".parse().expect("url"), Vec::new());
        plan.via = Via { unix_socket: Some(path.clone()), ..Via::default() };
        let nobody = Target::find(&plan, "shop.test").err().expect("nobody listens").to_string();
        assert!(nobody.contains("app.sock"), "{nobody}");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
        assert!(
            matches!(Target::find(&plan, "shop.test").expect("listens").at, Place::Unix(at) if at == path)
        );
    }
}
