//! TLS towards the site: which authorities are trusted, and which protocol is offered.

use std::path::Path;
use std::sync::Arc;

use kneepoint_model::load::HttpVersion;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::TlsConnector;

use crate::error::LoadError;

/// Name of HTTP/2 in ALPN (RFC 9113 §3.2).
pub(super) const H2: &[u8] = b"h2";

/// Configuration of all handshakes with one server.
pub(crate) struct TlsConfig {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl TlsConfig {
    /// Sessions are kept in memory for the length of a phase, so later connections resume one, as in a browser; `server_name`
    /// may have a port.
    pub(super) fn new(
        server_name: &str,
        ca_file: Option<&Path>,
        http: HttpVersion,
    ) -> Result<Self, LoadError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(to_load_error)?;
        let mut config = match ca_file {
            None => with_system_roots(builder)?,
            Some(path) => builder.with_root_certificates(load_ca_file(path)?).with_no_client_auth(),
        };
        config.alpn_protocols = vec![match http {
            HttpVersion::Http11 => b"http/1.1".to_vec(),
            HttpVersion::Http2 => H2.to_vec(),
        }];
        let host = server_name.rsplit_once(':').map_or(server_name, |(name, _)| name);
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(to_load_error)?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

fn with_system_roots(builder: ConfigBuilder<ClientConfig, WantsVerifier>) -> Result<ClientConfig, LoadError> {
    Ok(builder.with_platform_verifier().map_err(to_load_error)?.with_no_client_auth())
}

/// The certificate authorities of a PEM file, and no others.
fn load_ca_file(path: &Path) -> Result<RootCertStore, LoadError> {
    let bad =
        |why: &dyn std::fmt::Display| LoadError::Authorities { path: path.to_owned(), why: why.to_string() };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| bad(&e))? {
        trusted.add(certificate.map_err(|e| bad(&e))?).map_err(|e| bad(&e))?;
    }
    if trusted.is_empty() { Err(bad(&"there is no certificate in it")) } else { Ok(trusted) }
}

fn to_load_error(error: impl std::fmt::Display) -> LoadError {
    LoadError::Tls(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_authorities_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("ca.pem");
        let refused = |path: &Path| {
            TlsConfig::new("shop.test:8443", Some(path), HttpVersion::Http11)
                .err()
                .expect("refused")
                .to_string()
        };
        assert!(refused(&path).contains("ca.pem"), "not there");
        std::fs::write(&path, "no certificate").expect("write");
        assert!(refused(&path).contains("there is no certificate in it"), "{}", refused(&path));
    }
}
