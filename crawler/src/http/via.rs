//! Connection options of a client: TCP or a unix socket, and the trusted certificate authorities.

use kneepoint_model::via::Via;
use reqwest::{Certificate, ClientBuilder};
use url::Url;

use crate::error::CrawlError;

/// Applies the connection options to a client builder.
///
/// # Errors
/// The CA file is not readable or contains no certificate.
pub(crate) fn apply_via(
    builder: ClientBuilder,
    origin: &Url,
    via: &Via,
) -> Result<ClientBuilder, CrawlError> {
    let builder = match &via.unix_socket {
        Some(path) => builder.unix_socket(path.as_path()),
        None => builder,
    };
    // Plain HTTP uses no certificates, so none needs to be installed.
    if origin.scheme() == "http" {
        return Ok(builder.tls_certs_only([]));
    }
    let Some(path) = &via.ca_file else { return Ok(builder) };
    let bad = |why: String| CrawlError::BadPlan {
        what: "file of certificate authorities",
        value: path.display().to_string(),
        why,
    };
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let trusted = Certificate::from_pem_bundle(&text).map_err(|error| bad(error.to_string()))?;
    if trusted.is_empty() {
        return Err(bad("it contains no certificate; it must be a PEM file".to_owned()));
    }
    Ok(builder.tls_certs_only(trusted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https(ca_file: &std::path::Path) -> Result<ClientBuilder, CrawlError> {
        let via = Via { ca_file: Some(ca_file.to_owned()), ..Via::default() };
        apply_via(ClientBuilder::new(), &"https://shop.test/".parse().unwrap(), &via)
    }

    #[test]
    fn a_file_without_authorities_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(https(&path).unwrap_err().to_string().contains("ca.pem"), "not there");
        std::fs::write(&path, "no certificate").unwrap();
        assert!(https(&path).unwrap_err().to_string().contains("it contains no certificate"));
        // Plain HTTP never reads the file, so it need not exist.
        let via = Via { ca_file: Some(path), ..Via::default() };
        assert!(apply_via(ClientBuilder::new(), &"http://shop.test/".parse().unwrap(), &via).is_ok());
    }
}
