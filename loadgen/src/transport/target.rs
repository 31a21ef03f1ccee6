//! Where connections go: resolved once per phase, so that name look-ups are in no figure.

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use kneepoint_model::load::HttpVersion;
use kneepoint_model::via::Via;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use url::Url;

use super::failure::RequestFailure;
use super::read_rate::ReadRate;
use super::slow::SlowStream;
use super::stream::Stream;
use super::tls::{H2, TlsConfig};
use crate::error::LoadError;

const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// A server that accepts connections, and how to speak to it.
pub(crate) struct Target {
    address: ServerAddress,
    tls: Option<TlsConfig>,
    pub(super) http: HttpVersion,
    /// Bytes per second that a connection reads, for slow users.
    read_rate: Option<ReadRate>,
    /// Whether a connection to it ever spoke HTTP/2.
    pub(super) spoke_http2: AtomicBool,
}

/// A new connection.
pub(super) struct NewConnection {
    pub(super) stream: Stream,
    /// Time of the TLS handshake, if any.
    pub(super) tls: Option<Duration>,
}

/// Where the server listens.
enum ServerAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Target {
    /// Finds the server: on its unix socket, when there is one, without resolving a name; otherwise at the first address of the
    /// host that accepts a connection.
    pub(crate) fn find(
        base_url: &Url,
        server_name: &str,
        via: &Via,
        http: HttpVersion,
        read_rate: Option<ReadRate>,
    ) -> Result<Self, LoadError> {
        let address = match &via.unix_socket {
            Some(path) => probe_unix_socket(path)?,
            None => resolve_tcp(base_url)?,
        };
        let tls = match base_url.scheme() {
            "https" => Some(TlsConfig::new(server_name, via.ca_file.as_deref(), http)?),
            _ => None,
        };
        Ok(Self { address, tls, http, read_rate, spoke_http2: AtomicBool::new(false) })
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// A slow user has a small receive buffer, and announces it from the first TCP segment on: otherwise the server could send
    /// the whole response long before it is read. On a unix socket the buffer is the server's own send buffer.
    async fn connect_tcp(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let Some(rate) = self.read_rate else { return TcpStream::connect(address).await };
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_recv_buffer_size(rate.buffer())?;
        socket.connect(address).await
    }

    pub(super) async fn connect(&self) -> Result<NewConnection, RequestFailure> {
        let stream = match &self.address {
            ServerAddress::Tcp(address) => {
                let stream =
                    self.connect_tcp(*address).await.map_err(|e| RequestFailure::from_connect_error(&e))?;
                // Otherwise a request in two segments would wait for the peer's delayed acknowledgement.
                stream.set_nodelay(true).map_err(|e| RequestFailure::from_connect_error(&e))?;
                Stream::Tcp(stream)
            }
            ServerAddress::Unix(path) => Stream::Unix(
                UnixStream::connect(path).await.map_err(|e| RequestFailure::from_connect_error(&e))?,
            ),
        };
        let stream = match self.read_rate {
            None => stream,
            Some(rate) => Stream::Slow(Box::new(SlowStream::new(stream, rate))),
        };
        match &self.tls {
            None => Ok(NewConnection { stream, tls: None }),
            Some(TlsConfig { connector, name }) => {
                let began = Instant::now();
                let handshake = connector.connect(name.clone(), stream).await;
                let stream = handshake.map_err(|e| RequestFailure::from_tls_error(&e))?;
                // A server without ALPN reports no protocol, and then speaks HTTP/1.1.
                if self.http == HttpVersion::Http2 && stream.get_ref().1.alpn_protocol() != Some(H2) {
                    return Err(RequestFailure::no_http2("it did not choose it within TLS (ALPN)"));
                }
                Ok(NewConnection { stream: Stream::Tls(Box::new(stream)), tls: Some(began.elapsed()) })
            }
        }
    }
}

/// Resolves the host and takes its first address that accepts a connection.
fn resolve_tcp(base_url: &Url) -> Result<ServerAddress, LoadError> {
    let host = base_url.host_str().unwrap_or_default();
    let port = base_url.port_or_known_default().unwrap_or(80);
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = (name, port)
        .to_socket_addrs()
        .map_err(|source| LoadError::Resolve { host: host.to_owned(), source })?
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match StdStream::connect_timeout(&address, PROBE_TIMEOUT) {
            Ok(_) => return Ok(ServerAddress::Tcp(address)),
            Err(error) => last = error,
        }
    }
    Err(LoadError::Unreachable { target: format!("{host}:{port}"), source: last })
}

/// Whether a server listens on a unix socket. Does not wait: a full queue means that it does.
fn probe_unix_socket(path: &Path) -> Result<ServerAddress, LoadError> {
    let knock = || {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)
    };
    match knock() {
        Ok(()) | Err(rustix::io::Errno::AGAIN) => Ok(ServerAddress::Unix(path.to_owned())),
        Err(error) => {
            Err(LoadError::Unreachable { target: path.display().to_string(), source: error.into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_without_resolving_the_name() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("app.sock");
        let url: Url = "http://no-such-name.invalid/".parse().expect("url");
        let via = Via { unix_socket: Some(path.clone()), ..Via::default() };
        let find = || Target::find(&url, "shop.test", &via, HttpVersion::Http11, None);
        let refused = find().err().expect("nothing listens").to_string();
        assert!(refused.contains("app.sock"), "{refused}");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
        assert!(matches!(find().expect("listens").address, ServerAddress::Unix(at) if at == path));
    }
}
