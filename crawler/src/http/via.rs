//! How a client gets to the site: by its address, or by a unix socket; and whose certificates it believes.

use kneepoint_model::via::Via;
use reqwest::{Certificate, ClientBuilder};
use url::Url;

use crate::error::CrawlError;

/// The same client, on this way to `origin`.
///
/// # Errors
/// The file of certificate authorities cannot be read, or holds none.
pub(crate) fn connecting(
    builder: ClientBuilder,
    origin: &Url,
    via: &Via,
) -> Result<ClientBuilder, CrawlError> {
    let builder = match &via.unix_socket {
        Some(path) => builder.unix_socket(path.as_path()),
        None => builder,
    };
    // Without encryption no certificate is ever looked at, so none needs to be on the machine.
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
        return Err(bad("there is no certificate in it; it must be PEM".to_owned()));
    }
    Ok(builder.tls_certs_only(trusted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https(ca_file: &std::path::Path) -> Result<ClientBuilder, CrawlError> {
        let via = Via { ca_file: Some(ca_file.to_owned()), ..Via::default() };
        connecting(ClientBuilder::new(), &"https://shop.test/".parse().unwrap(), &via)
    }

    #[test]
    fn a_file_without_authorities_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(https(&path).unwrap_err().to_string().contains("ca.pem"), "not there");
        std::fs::write(&path, "no certificate").unwrap();
        assert!(https(&path).unwrap_err().to_string().contains("there is no certificate in it"));
        // What is never looked at need not be there.
        let via = Via { ca_file: Some(path), ..Via::default() };
        assert!(connecting(ClientBuilder::new(), &"http://shop.test/".parse().unwrap(), &via).is_ok());
    }
}
