//! One HTTP GET at a time, for readiness, health and attaching. It is never part of a measurement.
//!
//! Proxies of the environment are ignored (they would answer instead of the site), redirects are not followed, and response
//! bodies are cut at 4 KiB.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;
use reqwest::header::{HOST, SERVER};
use reqwest::{Certificate, ClientBuilder};
use tokio::runtime::Runtime;
use url::Url;

use crate::error::StackError;

/// Bytes of a response body that are kept.
const BODY: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    /// The `Server` header, when it is text.
    pub(crate) server: Option<String>,
    /// At most [`BODY`] bytes, invalid UTF-8 replaced.
    pub(crate) body: String,
}

/// A blocking client with a runtime of its own, so it must not be used inside another runtime.
pub(crate) struct HttpClient {
    runtime: Runtime,
    client: reqwest::Client,
}

impl HttpClient {
    /// Each request opens a connection of its own, so that a restarted service is really contacted.
    pub(crate) fn new() -> Result<Self, StackError> {
        Self::build(|client| client)
    }

    /// Connects to this Unix socket, whatever host the URL names.
    pub(crate) fn over_socket(path: &Path) -> Result<Self, StackError> {
        Self::build(|client| client.unix_socket(path))
    }

    /// Connects to a site as `via` describes: socket, certificate authorities.
    pub(crate) fn for_site(url: &Url, via: &Via) -> Result<Self, StackError> {
        let trusted = match &via.ca_file {
            Some(path) if url.scheme() == "https" => Some(load_authorities(path)?),
            _ => None,
        };
        Self::build(|client| {
            let client = match &via.unix_socket {
                Some(path) => client.unix_socket(path.as_path()),
                None => client,
            };
            match trusted {
                Some(trusted) => client.tls_certs_only(trusted),
                None => client,
            }
        })
    }

    fn build(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Self, StackError> {
        let system = |what: &'static str| move |why: String| StackError::System { what, why };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| system("starting a runtime")(error.to_string()))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("kneepoint/", env!("CARGO_PKG_VERSION")));
        let client = configure(client).build();
        let client = client.map_err(|error| system("creating an HTTP client")(root_cause(&error)))?;
        Ok(Self { runtime, client })
    }

    /// Sends one GET. The error text says why there is no response; it does not contain the URL.
    pub(crate) fn get(
        &self,
        url: &Url,
        host: Option<&str>,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<HttpResponse, String> {
        self.runtime.block_on(async {
            tokio::select! {
                response = tokio::time::timeout(deadline, self.exchange(url, host)) => match response {
                    Ok(response) => response.map_err(|error| root_cause(&error)),
                    Err(_) => Err(format!("no response within {:.1} s", deadline.as_secs_f64())),
                },
                () = wait_for_cancellation(cancel) => Err("stopped on request".to_owned()),
            }
        })
    }

    async fn exchange(&self, url: &Url, host: Option<&str>) -> Result<HttpResponse, reqwest::Error> {
        let mut request = self.client.get(url.clone());
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let mut response = request.send().await?;
        let server = response.headers().get(SERVER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while body.len() < BODY
            && let Some(chunk) = response.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(BODY);
        Ok(HttpResponse { status, server, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

fn load_authorities(path: &Path) -> Result<Vec<Certificate>, StackError> {
    let bad = |why: String| StackError::BadAuthorities { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let trusted = Certificate::from_pem_bundle(&text).map_err(|error| bad(error.to_string()))?;
    if trusted.is_empty() {
        return Err(bad("it contains no certificate".to_owned()));
    }
    Ok(trusted)
}

async fn wait_for_cancellation(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// The innermost cause: the outer reqwest error says only "error sending request", and the caller names the URL.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Instant;

    use super::*;

    fn serve(answer: &'static str) -> (Url, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/healthz", listener.local_addr().unwrap()).parse().unwrap();
        let handle = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 2048];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (url, handle)
    }

    #[test]
    fn a_redirect_is_a_response_and_the_host_is_as_given() {
        let (url, handle) = serve(
            "HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\nServer: me\r\nContent-Length: 2\r\n\r\nok",
        );
        let client = HttpClient::new().unwrap();
        let response = client.get(&url, Some("shop.test"), Duration::from_secs(5), &Cancel::new()).unwrap();
        assert_eq!(
            response,
            HttpResponse { status: 302, server: Some("me".to_owned()), body: "ok".to_owned() }
        );
        assert!(handle.join().unwrap().to_lowercase().contains("\r\nhost: shop.test\r\n"));
    }

    #[test]
    fn no_response_is_reported_in_time() {
        let client = HttpClient::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let silent = client.get(&url, None, Duration::from_millis(120), &Cancel::new());
        assert_eq!(silent.unwrap_err(), "no response within 0.1 s");
        let cancel = Cancel::new();
        cancel.cancel();
        let started = Instant::now();
        assert_eq!(
            client.get(&url, None, Duration::from_secs(9), &cancel).unwrap_err(),
            "stopped on request"
        );
        assert!(started.elapsed() < Duration::from_secs(2));
        // Nothing of a modern machine listens on port 1.
        let nobody = "http://127.0.0.1:1/".parse().unwrap();
        let refused = client.get(&nobody, None, Duration::from_secs(5), &Cancel::new()).unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
    }
}
