//! Where connections go: resolved once per phase, so that name look-ups are in no figure.

use std::net::{SocketAddr, TcpStream as StdStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, crypto};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::failure::Failure;
use super::stream::Stream;
use crate::error::LoadError;

const PROBE: Duration = Duration::from_secs(3);

/// An address that answered, and how to speak to it.
pub(crate) struct Target {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Target {
    /// Resolves the host and takes the first of its addresses where someone listens.
    pub(crate) fn find(base: &Url, server_name: &str) -> Result<Self, LoadError> {
        let host = base.host_str().unwrap_or_default();
        let port = base.port_or_known_default().unwrap_or(80);
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = (plain, port)
            .to_socket_addrs()
            .map_err(|source| LoadError::Resolve { host: host.to_owned(), source })?
            .collect();
        let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match StdStream::connect_timeout(&address, PROBE) {
                Ok(_) => return Ok(Self { address, tls: tls(base, server_name)? }),
                Err(error) => last = error,
            }
        }
        Err(LoadError::Unreachable { target: format!("{host}:{port}"), source: last })
    }

    pub(crate) async fn connect(&self) -> Result<Stream, Failure> {
        let stream = TcpStream::connect(self.address).await.map_err(|e| Failure::connect(&e))?;
        // Without it a request in two segments would wait for the peer's delayed acknowledgement.
        stream.set_nodelay(true).map_err(|e| Failure::connect(&e))?;
        match &self.tls {
            None => Ok(Stream::Plain(stream)),
            Some((connector, name)) => {
                let handshake = connector.connect(name.clone(), stream).await;
                Ok(Stream::Tls(Box::new(handshake.map_err(|e| Failure::tls(&e))?)))
            }
        }
    }
}

fn tls(base: &Url, server_name: &str) -> Result<Option<(TlsConnector, ServerName<'static>)>, LoadError> {
    if base.scheme() != "https" {
        return Ok(None);
    }
    let failed = |error: &dyn std::fmt::Display| LoadError::Tls(error.to_string());
    let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|e| failed(&e))?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let host = server_name.rsplit_once(':').map_or(server_name, |(name, _)| name);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|e| failed(&e))?;
    Ok(Some((TlsConnector::from(Arc::new(config)), name)))
}
