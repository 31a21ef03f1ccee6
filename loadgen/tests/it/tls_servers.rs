//! A certificate authority for tests, and servers that use it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::servers::in_background;

/// Handshakes that a server saw.
#[derive(Default)]
pub(crate) struct Handshakes {
    pub(crate) full: AtomicUsize,
    pub(crate) resumed: AtomicUsize,
}

/// A site that closes each connection after one response; `/hop` redirects to `/`, twice.
pub(crate) fn closing_site(tls: Arc<ServerConfig>) -> (String, Arc<Handshakes>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("non-blocking");
    let base = format!("https://{}", listener.local_addr().expect("address"));
    let seen = Arc::<Handshakes>::default();
    let own = Arc::clone(&seen);
    in_background(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
        while let Ok((stream, _)) = listener.accept().await {
            // A probe of the port makes no handshake.
            let Ok(mut stream) = TlsAcceptor::from(Arc::clone(&tls)).accept(stream).await else { continue };
            let kind = stream.get_ref().1.handshake_kind();
            let resumed = matches!(kind, Some(HandshakeKind::Resumed));
            let count = if resumed { &own.resumed } else { &own.full };
            count.fetch_add(1, Ordering::Relaxed);
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
                    break;
                }
            }
            let (status, to) = match String::from_utf8_lossy(&request).split(' ').nth(1) {
                Some("/hop") => ("302 Found", "location: /hop2\r\n"),
                Some("/hop2") => ("302 Found", "location: /\r\n"),
                _ => ("200 OK", ""),
            };
            let response =
                format!("HTTP/1.1 {status}\r\n{to}connection: close\r\ncontent-length: 2\r\n\r\nok");
            let _ = stream.write_all(response.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (base, seen)
}

/// An authority that no system trusts.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("certificate");
        let dir = tempfile::tempdir().expect("folder");
        std::fs::write(dir.path().join("ca.pem"), certificate.pem()).expect("write");
        Self { issuer: Issuer::new(params, key), dir }
    }

    /// Writes its certificate to a PEM file.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Configuration of a server with these names; `protocols` are offered by ALPN.
    pub(crate) fn server(&self, names: &[&str], protocols: &[&str]) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("key");
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("certificate and key");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
